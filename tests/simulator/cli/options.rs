//! What an aggregator is asked to do.

use std::path::PathBuf;

use crate::aggregate::Aggregation;

#[derive(Debug)]
pub struct Options {
    pub us: Box<[u8]>,
    pub state_file: Option<PathBuf>,
    pub dry_run: bool,
    pub metrics_top: Option<u16>,
    pub sections: Vec<Section>,
}

#[derive(Debug)]
pub struct Section {
    pub aggregation: Aggregation,
}
