//! What a user can type: clap types only. `run` modules turn them into options of the library.

#![expect(clippy::doc_markdown, reason = "the comments are help texts: backticks would be printed")]
#![expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};

use super::{files, help};
use crate::{lint::Severity, stick::SrvKey};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "peerctl", version, about = ABOUT, after_help = help::ROOT, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Colours: auto, always or never (also: NO_COLOR)
    #[arg(
        long,
        value_enum,
        global = true,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub color: When,
    /// Show passwords, tokens and keys; only on a terminal
    #[arg(long, global = true, help_heading = "Global options")]
    pub show_secrets: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const ABOUT: &str = "Set up, change and show HAProxy peers: peers sections and stick tables";

/// `auto`, `always`, `never`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a peers section
    #[command(after_help = help::GENERATE)]
    Generate(Box<GenerateArgs>),
    /// Make a peers section or complete it, attach stick tables to it
    #[command(after_help = help::ADD)]
    Add(Box<AddArgs>),
    /// Take peers, or a whole peers section, out again
    #[command(after_help = help::REMOVE)]
    Remove(RemoveArgs),
    /// List or rewrite stick-table definitions
    #[command(subcommand, after_help = help::TABLE)]
    Table(TableCommand),
    /// Show peers sections, stick tables, and servers with their ids
    #[command(after_help = help::SHOW)]
    Show(ShowArgs),
    /// Check that servers have the same ids on all instances
    #[command(name = "check-ids", after_help = help::CHECK_IDS)]
    CheckIds(Box<CheckArgs>),
    /// Check peers, tables and servers of one or several instances
    #[command(after_help = help::CHECK)]
    Check(Box<CheckArgs>),
    /// Draw who peers with whom, and what doesn't match
    #[command(after_help = help::GRAPH)]
    Graph(GraphArgs),
    /// Say what a rule finds, why that is bad, and what to write instead
    #[command(after_help = help::EXPLAIN)]
    Explain {
        /// The rule; without it, all rules with what they find
        code: Option<String>,
    },
    /// Print the syntax tree of a file, or the file from its tree
    #[command(after_help = help::PARSE)]
    Parse(ParseArgs),
    /// Print the grammars and tables that configurations are read by
    #[command(after_help = help::GRAMMAR)]
    Grammar {
        /// Which one; without it, what there is
        name: Option<String>,
    },
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the man pages into a directory
    #[command(after_help = help::MAN)]
    Man {
        /// The directory; it is made if it isn't there
        dir: PathBuf,
    },
}

/// The shells with completion scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would show the comments as help")]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

/// Output for people or for programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// Text for people
    #[default]
    Human,
    /// One JSON document
    Json,
}

/// Options of all commands that read instances.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reading")]
pub struct ReadArgs {
    /// A variable the configuration is read with, for all instances or for NAME only (repeatable)
    #[arg(long, value_name = "[NAME:]VAR=VALUE")]
    pub env: Vec<String>,
    /// A file of VAR=VALUE lines to read the configuration with (repeatable)
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// The local peer's name, as with `haproxy -L`; only with one instance
    #[arg(short = 'L', long = "local-peer", value_name = "NAME")]
    pub local: Option<String>,
}

/// Options of all commands that change files, and how they report it.
#[derive(Clone, Debug, Args)]
pub struct WriteArgs {
    /// How files are written.
    #[command(flatten)]
    pub how: WriteOptions,
    /// Report for people or as JSON
    #[arg(long, value_enum, default_value = "human", help_heading = "Writing")]
    pub format: Format,
}

/// Options of all commands that change files.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Writing")]
pub struct WriteOptions {
    /// Write nothing; exit 1 if something would change
    #[arg(long, short = 'n', visible_alias = "dry-run")]
    pub check: bool,
    /// Print a unified diff that `patch -p0` takes (it is still written, unless --check)
    #[arg(long)]
    pub diff: bool,
    /// Keep the old file: NAME~ (simple), NAME.~N~ (numbered); default simple, none inside a git work tree
    #[arg(long, value_enum, value_name = "HOW")]
    pub backup: Option<files::Backup>,
    /// The haproxy to check the result with; default: the one in PATH
    #[arg(long, value_name = "PATH")]
    pub haproxy: Option<PathBuf>,
    /// Don't check the result with `haproxy -c`
    #[arg(long, conflicts_with = "haproxy")]
    pub no_validate: bool,
    /// Run this after writing, once, only if something changed (split into words, no shell)
    #[arg(long, value_name = "CMD")]
    pub reload_cmd: Option<String>,
    /// Write through the file instead of replacing it: for bind-mounted files
    #[arg(long)]
    pub in_place: bool,
    /// What to do with a file that has several hard links
    #[arg(long, value_enum, default_value = "refuse", value_name = "HOW")]
    pub hardlinks: files::Hardlinks,
}

impl WriteOptions {
    /// How files are written.
    #[must_use]
    pub fn options(&self) -> files::Options {
        files::Options { backup: self.backup, in_place: self.in_place, hardlinks: self.hardlinks }
    }
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

/// `generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The section's name
    pub section: String,
    /// A peer: NAME=ADDRESS, the address as HAProxy writes it (repeatable)
    #[arg(long, value_name = "NAME=ADDRESS", required = true)]
    pub peer: Vec<String>,
    /// `peer` lines, or `bind` and `server` lines; default: peer, with TLS server
    #[arg(long, value_enum)]
    pub style: Option<StyleArg>,
    /// The local peer's name; `server` style and --shards need it
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

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
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

/// `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The configurations to read: [NAME=]PATH[,PATH…]
    #[arg(value_name = "INSTANCE")]
    pub instances: Vec<String>,
    /// For Markdown pages, for Graphviz, or a picture
    #[arg(long, value_enum, default_value = "mermaid")]
    pub format: GraphFormat,
    /// The version whose rules hold; default: what `haproxy -v` says, else 3.2
    #[arg(long, value_name = "VERSION")]
    pub haproxy_version: Option<String>,
    /// How instances are read.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// `graph --format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum GraphFormat {
    /// A Mermaid flow chart, as repositories draw it in Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// A picture
    Svg,
}

/// `parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// The file; - or nothing is standard input
    pub file: Option<PathBuf>,
    /// The tree as JSON, or the text printed back from it
    #[arg(long, value_enum, default_value = "json")]
    pub format: ParseFormat,
}

/// `parse --format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ParseFormat {
    /// Sections, lines and words as JSON
    Json,
    /// The text, byte for byte
    Source,
}

/// `check` and `check-ids`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configurations to check: [NAME=]PATH[,PATH…]
    #[arg(value_name = "INSTANCE")]
    pub instances: Vec<String>,
    /// Only these rules: their codes, or the start of codes with * (repeatable, commas)
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// All but these rules (repeatable, commas)
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Exit 1 if there is a finding at least this bad
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    pub deny: SeverityArg,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "human")]
    pub format: FindingFormat,
    /// Write the findings into a file, too: human, json, sarif, github, gitlab or junit (repeatable)
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<String>,
    /// The version whose rules hold; default: what `haproxy -v` says, else 3.2
    #[arg(long, value_name = "VERSION")]
    pub haproxy_version: Option<String>,
    /// How instances are read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Write server ids down, so that all instances agree; notes only if they are asked for by --select or --deny note
    #[arg(long, help_heading = "Fixing")]
    pub fix: bool,
    /// The instance whose ids the others take over; default: the first one
    #[arg(long, value_name = "NAME", requires = "fix", help_heading = "Fixing")]
    pub reference: Option<String>,
    /// How they are written.
    #[command(flatten)]
    pub write: WriteOptions,
}

/// How findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum FindingFormat {
    /// For people, with the places
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab Code Quality
    Gitlab,
    /// JUnit XML
    Junit,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would show the comments as help")]
pub enum SeverityArg {
    Error,
    Warning,
    Note,
}

impl From<SeverityArg> for Severity {
    fn from(arg: SeverityArg) -> Self {
        match arg {
            SeverityArg::Error => Self::Error,
            SeverityArg::Warning => Self::Warning,
            SeverityArg::Note => Self::Note,
        }
    }
}
