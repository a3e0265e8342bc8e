//! Daemons that send entries, and what is said to them: `hold` and `forget`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::super::Format;
use super::ConnectArgs;
use crate::units::Size;

/// The control socket of a standby, as its unit has it.
const CONTROL: &str = "/run/peerctl/hold.sock";

/// `hold`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct HoldArgs {
    /// Another thing to do than to stand by
    #[command(subcommand)]
    pub command: Option<HoldCommand>,
    /// The peers: NAME=ADDRESS; with -f the names of some, or none for all
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// Keep the tables in this file, which only its owner can read
    #[arg(long, value_name = "FILE", required = true)]
    pub state: Option<PathBuf>,
    /// The most memory for all tables; then the oldest entries make room
    #[arg(long, value_name = "SIZE", default_value = "512m", value_parser = memory)]
    pub max_memory: usize,
    /// Serve metrics for Prometheus, /healthz and /readyz on this address; :9199 is one of this machine alone
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,
    /// The socket for `hold status` and `forget`
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// Where to connect.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// What else `hold` does.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Show peers, tables and state file of a running standby
    #[command(after_help = crate::cli::help::HOLD_STATUS)]
    Status(HoldStatusArgs),
}

/// `hold status`.
#[derive(Debug, Args)]
pub struct HoldStatusArgs {
    /// Its control socket
    #[arg(long, value_name = "SOCKET", default_value = CONTROL)]
    pub control: PathBuf,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

/// `forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// The key, as `show table` and `peerctl dump` print it; a binary one in hexadecimal digits
    pub key: String,
    /// The table: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one
    #[arg(long, value_name = "TABLE")]
    pub table: String,
    /// The control socket of the daemon
    #[arg(long, value_name = "PATH")]
    pub control: PathBuf,
}

/// A size as HAProxy writes it, of at least 1 MiB.
fn memory(text: &str) -> Result<usize, String> {
    let size = Size::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    match usize::try_from(size.get()) {
        Ok(bytes) if bytes >= 1 << 20 => Ok(bytes),
        _ => Err("too little: expected at least 1m".to_owned()),
    }
}
