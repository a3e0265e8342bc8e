//! Options of all commands that change files.

#![expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]

use std::path::PathBuf;

use clap::Args;

use super::Format;
use crate::cli::files;

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
