//! Renderers: data to text, one file per format.

pub mod diff;
pub mod table_json;
pub mod table_list;
