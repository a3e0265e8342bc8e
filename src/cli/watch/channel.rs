//! The threads that write: what is slow there holds nobody up here.

use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::queue::Gone;
use crate::cli::recorder::Recorder;
use crate::cli::spool::Spool;

/// Where lines go.
#[derive(Debug)]
pub(super) enum Channel {
    /// To standard output. What was written is as durable as it gets.
    Stdout(Spool),
    /// Into a recording. What was synced is durable.
    Recording(Recorder),
}

impl Channel {
    pub(super) fn push(&self, lines: Vec<u8>) -> Result<(), Gone> {
        match self {
            Self::Stdout(spool) => spool.push(lines),
            Self::Recording(recorder) => recorder.push(lines),
        }
    }

    /// Bytes that aren't durable yet.
    pub(super) fn waiting(&self) -> Result<usize, Gone> {
        match self {
            Self::Stdout(spool) => spool.waiting(),
            Self::Recording(recorder) => recorder.waiting(),
        }
    }

    pub(super) fn finish(self, patience: Option<Duration>) -> Result<(), Failure> {
        match self {
            Self::Stdout(spool) => spool.finish(patience, true),
            Self::Recording(recorder) => recorder.finish(patience),
        }
    }
}
