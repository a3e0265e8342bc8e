//! Options of all commands that read instances.

use std::path::PathBuf;

use clap::Args;

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
