//! Renderers: data to text, one file per format.

pub mod diagnostic;
pub mod diff;
pub mod table_json;
