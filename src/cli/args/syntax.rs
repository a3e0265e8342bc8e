//! Configurations as text: `parse`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
