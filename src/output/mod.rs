//! Renderers: data to text, one file per format.

pub mod aggregate;
pub mod compare;
pub mod diagnostic;
pub mod diff;
pub mod entries;
pub mod graph;
pub mod hold;
pub mod json;
pub mod lint;
mod lint_fold;
pub mod lint_github;
pub mod lint_gitlab;
pub mod lint_human;
pub mod lint_json;
pub mod lint_junit;
pub mod lint_sarif;
mod lint_text;
pub mod markdown;
pub mod metrics;
pub mod probe;
pub mod redact;
pub mod screen;
pub mod show_json;
pub mod show_text;
pub mod table_json;
pub mod table_list;
pub mod tree_json;

/// Bytes of text after which it is handed on.
const BATCH: usize = 64 << 10;
