//! `peerctl aggregate` without its process.

use std::path::Path;

use super::runner::Runner;
use crate::aggregate::Aggregation;
use crate::cli::aggregate::options::{Options, Section};
use crate::node::{Control, Handler, clock};

/// An aggregator that runs.
#[derive(Debug)]
pub(crate) struct Totals(Runner);

impl Totals {
    /// Starts with what the file says.
    pub(crate) fn start(us: &[u8], aggregation: Aggregation, path: &Path, control: Control) -> Self {
        let sections = vec![Section { aggregation }];
        let options =
            Options { us: us.into(), state_file: Some(path.into()), dry_run: false, metrics_top: None, sections };
        Self(Runner::new(&options).expect("I8: its own file is readable").with(control))
    }

    pub(crate) fn handler(&mut self) -> &mut impl Handler {
        &mut self.0
    }

    /// What is done now and then; returns whether acknowledgements wait.
    pub(crate) fn tick(&mut self) -> bool {
        assert!(self.0.turn(clock::now()), "I8: it can't go on");
        self.0.messages.clear();
        assert_eq!(self.0.state.as_ref().map(|state| state.unwritten), Some(0), "I8: all can be written");
        self.0.owes()
    }

    /// Ends in order.
    pub(crate) fn stop(&mut self) {
        self.0.stopping = true;
        self.0.finish(std::time::Duration::MAX).expect("I8: its file is finished");
    }

    /// Whether totals are published.
    pub(crate) fn is_open(&self) -> bool {
        self.0.aggregators[0].is_open()
    }
}
