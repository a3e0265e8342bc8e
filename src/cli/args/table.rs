//! Stick tables: `table list` and `table set`.

#![expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]

use clap::{Args, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};

use super::{Format, ReadArgs, WriteArgs};
use crate::{cli::help, stick::SrvKey};

/// `table`.
#[derive(Debug, Subcommand)]
pub enum TableCommand {
    /// List the stick tables
    #[command(after_help = help::TABLE_LIST)]
    List(TableListArgs),
    /// Rewrite arguments of stick-table and table lines; only those named
    #[command(after_help = help::TABLE_SET)]
    Set(Box<TableSetArgs>),
}

/// `table list`.
#[derive(Debug, Args)]
pub struct TableListArgs {
    /// The configurations to read: [NAME=]PATH[,PATH…]
    #[arg(value_name = "INSTANCE")]
    pub instances: Vec<String>,
    /// The version whose rules hold; default: what `haproxy -v` says, else 3.2
    #[arg(long, value_name = "VERSION")]
    pub haproxy_version: Option<String>,
    /// For people or as JSON
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// How instances are read.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// `table set`.
#[derive(Debug, Args)]
#[command(
    override_usage = "peerctl table set [OPTIONS] TABLES [INSTANCE]...\n       peerctl table set [OPTIONS] --all [INSTANCE]..."
)]
pub struct TableSetArgs {
    /// TABLES, a list with commas: `shop`, `mesh/t1`, or just `t1` if there is only one; then the configurations to
    /// change: [NAME=]PATH[,PATH…]
    #[arg(value_name = "TABLES [INSTANCE]", required_unless_present = "all", hide_default_value = true)]
    pub words: Vec<String>,
    /// All tables; every word is an INSTANCE then
    #[arg(long)]
    pub all: bool,
    /// Let the tables travel through this peers section, which must be there
    #[arg(long, value_name = "NAME", conflicts_with = "no_peers", help_heading = "Definition")]
    pub peers: Option<String>,
    /// Stop replicating the tables
    #[arg(long, help_heading = "Definition")]
    pub no_peers: bool,
    /// Key type: ip, ipv6, integer, string, binary; a written len stays if the new type has one
    #[arg(long = "type", value_name = "TYPE", help_heading = "Definition")]
    pub key_type: Option<String>,
    /// Key length: characters of strings (31 if not given), bytes of binaries (32 if not given)
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = "Definition")]
    pub len: Option<String>,
    /// The most entries (k, m, g: powers of 1024)
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = "Definition")]
    pub size: Option<String>,
    /// How long an unused entry lives (us, ms, s, m, h, d); 0: for ever
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Definition")]
    pub expire: Option<String>,
    /// Store this and nothing else; '' stores nothing
    #[arg(long, value_name = "LIST", conflicts_with_all = ["add_store", "remove_store"], help_heading = "Definition")]
    pub store: Option<String>,
    /// Store this, too; what is stored with another period or count gets the one given here (repeatable)
    #[arg(long, value_name = "LIST", value_parser = NonEmptyStringValueParser::new(), help_heading = "Definition")]
    pub add_store: Vec<String>,
    /// Store this no more: `gpc1`; `http_req_rate` with whatever period, `http_req_rate(10s)` with just that (repeatable)
    #[arg(long, value_name = "LIST", value_parser = NonEmptyStringValueParser::new(), help_heading = "Definition")]
    pub remove_store: Vec<String>,
    /// What names a server to the other instances
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Definition")]
    pub srvkey: Option<SrvKeyArg>,
    /// The table that gets this one's counts, too: same type and len, no write-to of its own (HAProxy 2.9 and later)
    #[arg(long, value_name = "TABLE", help_heading = "Definition")]
    pub write_to: Option<String>,
    /// Learn from peers, never teach (HAProxy 3.2 and later)
    #[arg(long, overrides_with = "no_recv_only", help_heading = "Definition")]
    pub recv_only: bool,
    /// Undo --recv-only
    #[arg(long, help_heading = "Definition")]
    pub no_recv_only: bool,
    /// Refuse new entries when the table is full, instead of dropping the oldest
    #[arg(long, overrides_with = "no_nopurge", help_heading = "Definition")]
    pub nopurge: bool,
    /// Undo --nopurge
    #[arg(long, help_heading = "Definition")]
    pub no_nopurge: bool,
    /// How instances are read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How they are written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `--srvkey`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SrvKeyArg {
    /// Its name
    Name,
    /// Its address and port
    Addr,
}

impl From<SrvKeyArg> for SrvKey {
    fn from(arg: SrvKeyArg) -> Self {
        match arg {
            SrvKeyArg::Name => Self::Name,
            SrvKeyArg::Addr => Self::Addr,
        }
    }
}
