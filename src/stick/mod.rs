//! Stick-table words that the configuration and the wire share.

mod parse;
mod problem;
mod schema;
mod store;

pub use parse::{Argument, ParsedTable, Place, parse};
pub use problem::{Problem, ProblemKind, Severity};
pub use schema::{Column, Schema, SrvKey};
