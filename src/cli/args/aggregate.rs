//! Sums over instances: `aggregate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConnectTlsArgs, Format};

/// The control socket of an aggregator, unless its file says another one.
const CONTROL: &str = "/run/peerctl/aggregate.sock";

/// `aggregate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AggregateArgs {
    /// Another thing to do than to aggregate
    #[command(subcommand)]
    pub command: Option<AggregateCommand>,
    /// The nodes, where no file names them: NAME=ADDRESS
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// The aggregator's file: its name, its peers, which tables, how; - is standard input
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["peers", "local", "table", "listen", "ssl"])]
    pub file: Option<PathBuf>,
    /// Only check the file, and say what is wrong with it
    #[arg(short = 'c', long, requires = "file")]
    pub check: bool,
    /// Learn, add up and show, but publish nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Our own name among the peers, as the nodes list it
    #[arg(short = 'L', long = "local-peer", value_name = "NAME")]
    pub local: Option<String>,
    /// The table that is added up, and the one that gets the total (repeatable)
    #[arg(long, value_name = "SOURCE=TOTAL")]
    pub table: Vec<String>,
    /// Where the nodes can call us; without it we only call them
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Listen without TLS on an address that others can reach
    #[arg(long)]
    pub insecure_plaintext: bool,
    /// The socket for `aggregate status` and `forget`; takes the place of `control` in the file
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,
    /// Serve metrics for Prometheus, /healthz and /readyz on this address; :9199 is one of this machine alone
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,
    /// Metrics of the N largest keys of each table, too (at most 1000): whoever reads them reads keys
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub metrics_top: Option<u16>,
    /// TLS.
    #[command(flatten)]
    pub tls: ConnectTlsArgs,
}

/// What else `aggregate` does.
#[derive(Debug, Subcommand)]
pub enum AggregateCommand {
    /// Show sources, tables and destinations of a running aggregator
    #[command(after_help = crate::cli::help::AGGREGATE_STATUS)]
    Status(StatusArgs),
}

/// `aggregate status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Its control socket
    #[arg(long, value_name = "SOCKET", default_value = CONTROL)]
    pub control: PathBuf,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}
