//! Commands that look and end: `probe`, `dump`, `wait-sync` and `compare`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::{ConnectArgs, SelectArgs, delay};
use crate::cli::args::Format;
use crate::units::Delay;

/// `probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// The peers: NAME=ADDRESS, or just an address; with -f the names of some
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// Only say hello: ask for no entries
    #[arg(long)]
    pub handshake_only: bool,
    /// Exit 1 if a peer doesn't list us, too
    #[arg(long)]
    pub strict: bool,
    /// How long to wait for each peer
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = delay)]
    pub timeout: Delay,
    /// Ask this runtime socket what HAProxy knows of its peers, too: [NAME=]PATH, ipv4@A:P (repeatable)
    #[arg(long, value_name = "[NAME=]SOCKET")]
    pub socket: Vec<String>,
    /// For people or as JSON
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Where to connect.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `dump`.
#[derive(Debug, Args)]
pub struct DumpArgs {
    /// The peers: NAME=ADDRESS; with -f the names of some, or none for all
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// How entries are written; default: table on a terminal, else ndjson
    #[arg(long, value_enum)]
    pub format: Option<DumpFormat>,
    /// Write into this file, which only its owner can read
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = delay)]
    pub timeout: Delay,
    /// Use HAProxy's own name, for 5 s at most: needs no line for us
    #[arg(long, conflicts_with_all = ["local", "socket", "listen"])]
    pub borrow_local: bool,
    /// Read from this runtime socket (`show table`): [NAME=]PATH, ipv4@A:P (repeatable)
    #[arg(long, value_name = "[NAME=]SOCKET", conflicts_with = "peers")]
    pub socket: Vec<String>,
    /// Which entries.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Where to connect.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `dump --format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum DumpFormat {
    /// Columns for people
    Table,
    /// Records, one a line: what replay takes
    Ndjson,
    /// One JSON document
    Json,
    /// For spreadsheets; one table
    Csv,
    /// Commands for the runtime socket: set table …
    Cli,
}

/// `wait-sync`.
#[derive(Debug, Args)]
pub struct WaitSyncArgs {
    /// The peers: NAME=ADDRESS; with -f the names of some, or none for all
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// Each must hold 95 % of the entries of this peer
    #[arg(long, value_name = "PEER", conflicts_with = "min_entries")]
    pub like: Option<String>,
    /// Each must hold this many entries
    #[arg(long, value_name = "N")]
    pub min_entries: Option<u64>,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = delay)]
    pub timeout: Delay,
    /// Use HAProxy's own name, for 5 s at most at a time: needs no line for us
    #[arg(long, conflicts_with_all = ["local", "listen"])]
    pub borrow_local: bool,
    /// For people or as JSON
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Where to connect.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The peers: NAME=ADDRESS; with -f the names of some, or none for all
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// How far counts and rates may be apart
    #[arg(long, value_name = "PERCENT", default_value = "5%")]
    pub tolerance: Tolerance,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = delay)]
    pub timeout: Delay,
    /// Use HAProxy's own name, for 5 s at most: needs no line for us
    #[arg(long, conflicts_with_all = ["local", "listen"])]
    pub borrow_local: bool,
    /// Compare with what this runtime socket shows (`show table`), too: [NAME=]PATH, ipv4@A:P (repeatable)
    #[arg(long, value_name = "[NAME=]SOCKET")]
    pub socket: Vec<String>,
    /// Only these tables: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one (repeatable, commas)
    #[arg(long, value_name = "TABLE", value_delimiter = ',', help_heading = "Entries")]
    pub table: Vec<String>,
    /// The largest differences of this data type first, or with :asc the smallest; default: by key
    #[arg(long, value_name = "TYPE[:asc]", help_heading = "Entries")]
    pub sort: Option<String>,
    /// Print at most this many entries of each table
    #[arg(long, value_name = "N", help_heading = "Entries")]
    pub limit: Option<usize>,
    /// For people or as JSON
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Where to connect.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// How far two values may be apart, as a part of the larger one.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Tolerance(f64);

impl Tolerance {
    /// The part, from 0 to 1.
    #[must_use]
    pub const fn part(self) -> f64 {
        self.0
    }
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').unwrap_or(text);
        match number.trim_end().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err("expected percent from 0 to 100, such as 5%".to_owned()),
        }
    }
}
