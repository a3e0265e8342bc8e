//! Renderers: data to text, one file per format.

pub mod diagnostic;
pub mod diff;
pub mod graph;
pub mod json;
pub mod lint;
pub mod markdown;
pub mod redact;
pub mod show_json;
pub mod show_text;
pub mod table_json;
pub mod table_list;
pub mod tree_json;
