//! What is on the wire: `probe`, `dump`, `watch`, `replay`, `wait-sync`, `compare`, `hold` and `forget`.
//!
//! What they share stands here (where to connect, as whom, with which TLS; which tables and entries); those that send
//! entries or follow stand in files of their own.

#![expect(clippy::doc_markdown, reason = "the comments are help texts: backticks would be printed")]

mod follow;
mod once;
mod stand_by;

use std::path::PathBuf;

use clap::Args;

use super::VerifyArg;
use crate::units::Delay;

pub use follow::{Existing, Life, ReplayArgs, Speed, WatchArgs, WatchFormat};
pub use once::{CompareArgs, DumpArgs, DumpFormat, ProbeArgs, Tolerance, WaitSyncArgs};
pub use stand_by::{ForgetArgs, HoldArgs, HoldCommand, HoldStatusArgs};

/// Where to connect, and as whom.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connecting")]
pub struct ConnectArgs {
    /// Take peers, addresses and TLS from this configuration: [NAME=]PATH[,PATH…]; default without a PEER:
    /// /etc/haproxy/haproxy.cfg and /etc/haproxy/conf.d
    #[arg(short = 'f', long, value_name = "INSTANCE")]
    pub config: Option<String>,
    /// The peers section of the configuration; it may be left out if there is only one
    #[arg(long, value_name = "NAME")]
    pub section: Option<String>,
    /// Our own name among the peers; default: the guest of the configuration, else peerctl
    #[arg(short = 'L', long = "local-peer", value_name = "NAME")]
    pub local: Option<String>,
    /// A variable the configuration is read with (repeatable)
    #[arg(long, value_name = "VAR=VALUE")]
    pub env: Vec<String>,
    /// A file of VAR=VALUE lines to read the configuration with (repeatable)
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// Wait on this address for the peers to call, instead of calling them
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Listen without TLS on an address that others can reach
    #[arg(long, requires = "listen")]
    pub insecure_plaintext: bool,
    /// TLS by hand.
    #[command(flatten)]
    pub tls: ConnectTlsArgs,
}

/// TLS to the peers, where no configuration says it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct ConnectTlsArgs {
    /// Speak TLS with the peers
    #[arg(long)]
    pub ssl: bool,
    /// Certificate and key of this side (PEM)
    #[arg(long, value_name = "FILE", requires = "ssl")]
    pub crt: Option<PathBuf>,
    /// Certificates the other side is checked with; @system-ca: those of this machine
    #[arg(long, value_name = "FILE", requires = "ssl")]
    pub ca_file: Option<PathBuf>,
    /// Whether certificates are checked; `required`, the default, needs --ca-file
    #[arg(long, value_enum, value_name = "HOW", requires = "ssl")]
    pub verify: Option<VerifyArg>,
    /// The name the certificates must carry, for all peers or one; without it any from --ca-file will do (repeatable)
    #[arg(long, value_name = "[PEER=]HOST", requires = "ssl")]
    pub verifyhost: Vec<String>,
}

/// Which entries, in which order.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Entries")]
pub struct SelectArgs {
    /// Only these tables: `shop`, `/t1`, `mesh/t1`, or just `t1` if there is only one (repeatable, commas)
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    pub table: Vec<String>,
    /// Only entries of which this holds: 'http_req_rate > 100 and key in 10.0.0.0/8'
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    /// The largest values of this data type first, or with :asc the smallest; `key` sorts by key
    #[arg(long, value_name = "TYPE[:asc]")]
    pub sort: Option<String>,
    /// At most this many entries of each table
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// A time as HAProxy writes it: without a unit, milliseconds.
fn delay(text: &str) -> Result<Delay, String> {
    let parsed = Delay::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    match parsed.ignored {
        Some(rest) => Err(format!("`{rest}` behind the unit: expected a number and one of us, ms, s, m, h, d")),
        None if parsed.delay.ms() == 0 => Err("no time at all: expected at least 1ms".to_owned()),
        None => Ok(parsed.delay),
    }
}
