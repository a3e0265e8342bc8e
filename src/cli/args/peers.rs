//! Peers sections: `generate`, `add` and `remove`.

use clap::{Args, ValueEnum};

use super::{ReadArgs, WriteArgs};

/// `generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The section's name
    pub section: String,
    /// A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)
    #[arg(long, value_name = "NAME=ADDRESS", required = true)]
    pub peer: Vec<String>,
    /// An aggregator of these peers: NAME=ADDRESS; prints what the machine named by -L needs, a node or the aggregator
    /// itself (repeatable)
    #[arg(long, value_name = "NAME=ADDRESS", conflicts_with = "shards")]
    pub aggregate: Vec<String>,
    /// `peer` lines, or `bind` and `server` lines; default: peer, with TLS server
    #[arg(long, value_enum)]
    pub style: Option<StyleArg>,
    /// The local peer's name; `server` style, --shards and --aggregate need it
    #[arg(short = 'L', long = "local-peer", value_name = "NAME")]
    pub local: Option<String>,
    /// Deal the keys out in N parts, to the peers in turn: each gets its part only (HAProxy 2.7 and later)
    #[arg(long, value_name = "N")]
    pub shards: Option<u32>,
    /// A table of the section: its name and parameters, as behind `table` (repeatable)
    #[arg(long, value_name = "DEFINITION")]
    pub table: Vec<String>,
    /// TLS.
    #[command(flatten)]
    pub tls: TlsArgs,
}

/// `add`.
#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// The section's name
    pub section: Option<String>,
    /// The configurations to change: [NAME=]PATH[,PATH…]
    #[arg(value_name = "INSTANCE")]
    pub instances: Vec<String>,
    /// A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)
    #[arg(long, value_name = "NAME=ADDRESS")]
    pub peer: Vec<String>,
    /// An aggregator of these peers: NAME=ADDRESS; each instance gets itself and the aggregators, tables for the totals
    /// and the lease (repeatable)
    #[arg(long, value_name = "NAME=ADDRESS")]
    pub aggregate: Vec<String>,
    /// A table of the section that is added up: its name and parameters, as behind `table` (repeatable)
    #[arg(long, value_name = "DEFINITION", requires = "aggregate")]
    pub table: Vec<String>,
    /// `peer` lines, or `bind` and `server` lines; default: as found, peer in a new section, with TLS server
    #[arg(long, value_enum)]
    pub style: Option<StyleArg>,
    /// Write `localpeer` into `global`: NAME, or the INSTANCE's name if a peer is called so
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub set_localpeer: Option<Option<String>>,
    /// Let these stick tables travel through the section (repeatable, commas)
    #[arg(long, value_name = "TABLE", value_delimiter = ',', conflicts_with = "attach_all")]
    pub attach: Vec<String>,
    /// Let all stick tables travel through the section
    #[arg(long)]
    pub attach_all: bool,
    /// Add a line for this tool, so that it can watch and dump; default peerctl=127.0.0.1:10999
    #[arg(long, value_name = "NAME[=ADDRESS]", num_args = 0..=1, require_equals = true)]
    pub guest: Option<Option<String>>,
    /// TLS.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// How instances are read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How they are written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// `remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The section's name
    pub section: String,
    /// The configurations to change: [NAME=]PATH[,PATH…]
    #[arg(value_name = "INSTANCE")]
    pub instances: Vec<String>,
    /// Only this peer (repeatable); without it, the whole section
    #[arg(long, value_name = "NAME")]
    pub peer: Vec<String>,
    /// Only the lines for this tool: the guest NAME, or all guests
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub guest: Option<Option<String>>,
    /// How instances are read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// How they are written.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// TLS between peers.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// TLS between the peers, listener and local entry included
    #[arg(long, requires = "crt")]
    pub ssl: bool,
    /// Certificate and key of this side (PEM)
    #[arg(long, value_name = "FILE", requires = "ssl")]
    pub crt: Option<String>,
    /// Certificates the other sides are checked with
    #[arg(long, value_name = "FILE", requires = "ssl")]
    pub ca_file: Option<String>,
    /// Whether certificates are checked, on both sides; `required` needs --ca-file
    #[arg(long, value_enum, value_name = "HOW", requires = "ssl")]
    pub verify: Option<VerifyArg>,
    /// The name a peer's certificate must carry; without it any certificate from --ca-file will do (repeatable)
    #[arg(long, value_name = "PEER=HOST", requires = "ssl")]
    pub verifyhost: Vec<String>,
}

/// The style of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum StyleArg {
    /// `peer NAME ADDRESS` lines
    Peer,
    /// `bind` and `server` lines: what TLS needs
    Server,
}

/// `--verify`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum VerifyArg {
    /// Check the other side's certificate
    Required,
    /// Don't: anyone can take the place of a peer
    None,
}
