//! Sums over instances: each source's state of a table, and what is published as their total.
//!
//! Nothing here owns a socket or reads a clock. All times are milliseconds of one clock of the caller that never goes back.

mod options;

pub use options::{Aggregation, DataPolicy, Naming, OnReset, Peer, Policy, Publish, Relation, Stale, TableName};
