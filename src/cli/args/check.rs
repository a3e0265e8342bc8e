//! Whether they are sound: `check` and `check-ids`.

#![expect(clippy::doc_markdown, reason = "the comments are help texts: backticks would be printed")]

use clap::{Args, ValueEnum};

use super::{ReadArgs, WriteOptions};
use crate::lint::Severity;

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
