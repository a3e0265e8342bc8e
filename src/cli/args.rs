//! What a user can type: clap types only. `run` modules turn them into options of the library.
//!
//! The commands and what they all share stand here; a file for each group of commands has their own options. A new group
//! is a file, its `mod` and `use` lines, and a line for each command in [`Command`].

#![expect(clippy::doc_markdown, reason = "the comments are help texts: backticks would be printed")]

mod aggregate;
mod check;
mod live;
mod peers;
mod read;
mod show;
mod syntax;
mod table;
mod write;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::help;

pub use aggregate::{AggregateArgs, AggregateCommand, StatusArgs};
pub use check::{CheckArgs, FindingFormat, SeverityArg};
pub use live::{
    CompareArgs, ConnectArgs, ConnectTlsArgs, DumpArgs, DumpFormat, Existing, ForgetArgs, HoldArgs, HoldCommand,
    HoldStatusArgs, Life, ProbeArgs, ReplayArgs, SelectArgs, Speed, Tolerance, WaitSyncArgs, WatchArgs, WatchFormat,
};
pub use peers::{AddArgs, GenerateArgs, RemoveArgs, StyleArg, TlsArgs, VerifyArg};
pub use read::ReadArgs;
pub use show::{GraphArgs, GraphFormat, ShowArgs};
pub use syntax::{ParseArgs, ParseFormat};
pub use table::{SrvKeyArg, TableCommand, TableListArgs, TableSetArgs};
pub use write::{WriteArgs, WriteOptions};

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

const ABOUT: &str = "Set up, change, check and show HAProxy peers: peers sections and stick tables";

/// `hold` calls its peers all the same.
const HOLD_LISTEN: &str = "Let the peers call us on this address, too; with -f it is that of our own line";
const HOLD_LOCAL: &str = "Our own name among the peers, which each tool that runs on needs for itself";

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
    /// Say whether each peer answers and is in sync, and what to change
    #[command(after_help = help::PROBE)]
    Probe(Box<ProbeArgs>),
    /// Write down what stick tables hold: a full copy from live peers
    #[command(after_help = help::DUMP)]
    Dump(Box<DumpArgs>),
    /// Follow what live peers change: a screen, records, metrics
    #[command(after_help = help::WATCH)]
    Watch(Box<WatchArgs>),
    /// Say in which entries peers differ
    #[command(after_help = help::COMPARE)]
    Compare(Box<CompareArgs>),
    /// Wait until peers are in sync and hold what they should
    #[command(name = "wait-sync", after_help = help::WAIT_SYNC)]
    WaitSync(Box<WaitSyncArgs>),
    /// Send the entries of a dump or recording to live peers
    #[command(after_help = help::REPLAY)]
    Replay(Box<ReplayArgs>),
    /// Add up stick tables over several nodes, and write the totals back
    #[command(after_help = help::AGGREGATE)]
    Aggregate(Box<AggregateArgs>),
    /// Keep stick tables on disk, and teach a HAProxy that comes up cold
    #[command(after_help = help::HOLD, mut_arg("listen", |arg| arg.help(HOLD_LISTEN)), mut_arg("local", |arg| arg.help(HOLD_LOCAL)))]
    Hold(Box<HoldArgs>),
    /// Drop a key from a running `hold` or `aggregate`
    #[command(after_help = help::FORGET)]
    Forget(ForgetArgs),
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
