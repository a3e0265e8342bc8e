//! The store of entries, held against a naive model and against arithmetic.

#[path = "table/filters.rs"]
mod filters;
#[path = "table/model.rs"]
mod model;
#[path = "table/rules.rs"]
mod rules;
#[path = "table/snapshots.rs"]
mod snapshots;
