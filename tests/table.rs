//! The store of entries, held against a naive model and against arithmetic.

#[path = "table/rules.rs"]
mod rules;
#[path = "table/snapshots.rs"]
mod snapshots;
