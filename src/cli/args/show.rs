//! What instances are: `show` and `graph`.

use clap::{Args, ValueEnum};

use super::{Format, ReadArgs};

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
