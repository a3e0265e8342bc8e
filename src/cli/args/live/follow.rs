//! Commands that go on: `watch` and `replay`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ConnectArgs, SelectArgs, delay};
use crate::units::Delay;

/// `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The peers: NAME=ADDRESS; with -f the names of some, or none for all
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// What is shown; default: tui on a terminal, else ndjson
    #[arg(long, value_enum)]
    pub format: Option<WatchFormat>,
    /// Record everything into this file, which only its owner can read
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = delay)]
    pub duration: Option<Delay>,
    /// End after this many entries
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Add up what the peers have of each key
    #[arg(long)]
    pub sum: bool,
    /// Serve metrics for Prometheus, /healthz and /readyz on this address; :9199 is one of this machine alone
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,
    /// Metrics of the N largest keys of each table, too (at most 1000): whoever reads them reads keys
    #[arg(long, value_name = "N", requires = "metrics", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub metrics_top: Option<u16>,
    /// Which entries.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Where to connect.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `watch --format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum WatchFormat {
    /// A screen that follows
    Tui,
    /// A line for each entry, for people
    Text,
    /// Records, one a line
    Ndjson,
}

/// `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A dump or recording; - is standard input
    pub file: PathBuf,
    /// The peers that get it: NAME=ADDRESS; with -f the names of some
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// Only these tables: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one (repeatable, commas)
    #[arg(long, value_name = "TABLE", value_delimiter = ',', help_heading = "Entries")]
    pub table: Vec<String>,
    /// Entries of table A go into table B (repeatable)
    #[arg(long, value_name = "A=B", help_heading = "Entries")]
    pub map_table: Vec<String>,
    /// What becomes of keys that are there already
    #[arg(long, value_enum, default_value = "skip", value_name = "HOW", help_heading = "Entries")]
    pub existing: Existing,
    /// How long entries live: the rest of their time, counted on since the record, or as it was then
    #[arg(long, value_enum, default_value = "rest", value_name = "HOW", help_heading = "Entries")]
    pub life: Life,
    /// Leave out these data types (repeatable, commas)
    #[arg(long, value_name = "TYPE", value_delimiter = ',', help_heading = "Entries")]
    pub without: Vec<String>,
    /// Only what this peer had, if the file has several
    #[arg(long, value_name = "NAME", help_heading = "Entries")]
    pub from: Option<String>,
    /// As fast as it goes, or the recording's own pace, 1 or 10 times
    #[arg(long, value_enum, default_value = "max")]
    pub speed: Speed,
    /// Send nothing: print what would go where
    #[arg(long, short = 'n', visible_alias = "dry-run")]
    pub check: bool,
    /// Where to connect.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// `replay --existing`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Existing {
    /// They stay as they are
    Skip,
    /// They become as in the file
    Overwrite,
}

/// `replay --life`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Life {
    /// The time since the record has passed
    Rest,
    /// As if it were recorded now
    AsDumped,
}

/// `replay --speed`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Speed {
    /// As fast as it goes
    Max,
    /// The recording's own pace
    #[value(name = "1")]
    Once,
    /// Ten times as fast
    #[value(name = "10")]
    Ten,
}
