//! What an aggregator is asked to do, wherever it was said.

use std::path::PathBuf;

use super::statement::Control;
use crate::aggregate::Aggregation;
use crate::cli::target::{Listen, Target};
use crate::node::Address;

/// Everything that a running aggregator needs to know.
#[derive(Debug)]
pub struct Options {
    /// Our name among the peers.
    pub us: Box<[u8]>,
    /// Where peers call us; sections share listeners.
    pub listeners: Vec<Listen>,
    /// Where metrics are served.
    pub metrics: Option<Address>,
    /// How many keys of each table have metrics of their own.
    pub metrics_top: Option<u16>,
    /// The socket that `aggregate status` and `forget` use.
    pub control: Option<Control>,
    /// Where the state survives a restart.
    pub state_file: Option<PathBuf>,
    /// Whether totals are only computed and shown.
    pub dry_run: bool,
    /// The sections, in the order of the file; at least one.
    pub sections: Vec<Section>,
}

/// An `aggregations` section, and how its peers are reached.
#[derive(Debug)]
pub struct Section {
    /// What is added up.
    pub aggregation: Aggregation,
    /// How each of [`Aggregation::peers`] is called, in the same order.
    pub targets: Vec<Target>,
    /// Where its peers call us, as an index into [`Options::listeners`]; `None`: nobody can.
    pub listener: Option<usize>,
}

/// How many sources a key is added up over, at most.
pub const MAX_SOURCES: usize = 64;

/// How long after the start totals wait for sources that didn't finish a resync yet.
pub const START_GRACE_MS: u64 = 15_000;

/// How often each source is asked for everything again.
pub const REFRESH_MS: u64 = 600_000;
