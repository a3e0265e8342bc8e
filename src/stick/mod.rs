//! Stick-table words that the configuration and the wire share.

mod definition;
mod freq_ctr;
pub mod key;
mod parse;
mod problem;
mod schema;
mod store;

pub use definition::{Definition, Field, Layout, MAX_ELEMENTS, ValueKind};
pub use freq_ctr::FreqCtr;
pub use parse::{Argument, ParsedTable, Place, parse};
pub use problem::{Problem, ProblemKind, Severity};
pub use schema::{Column, Schema, SrvKey};
