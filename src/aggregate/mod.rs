//! Sums over instances: each source's state of a table, and what is published as their total.
//!
//! Nothing here owns a socket or reads a clock. All times are milliseconds of one clock of the caller that never goes back.

mod aggregator;
mod keys;
mod merge;
mod mismatch;
mod options;
mod queue;
mod rate;
mod status;
mod totals;
mod wheel;

pub use aggregator::{
    Aggregator, Announced, Change, Lease, Limits, MAX_PEERS, Mesh, PeerNumber, Restored, SaveCursor, Saved, StartError,
    TeachCursor,
};
pub use mismatch::Mismatch;
pub use options::{Aggregation, DataPolicy, Naming, OnReset, Peer, Policy, Publish, Relation, Stale, TableName};
pub use status::{DestinationProblem, InputStatus, PeerStatus, Status, TableStatus};
pub use totals::TotalId;
