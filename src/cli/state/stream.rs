//! A file, a thread that writes it, and how far that is.

use crate::cli::recorder::Recorder;

/// A file and the bytes it was given.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) recorder: Recorder,
    /// All of them.
    pub(super) pushed: u64,
    /// From here on it was given every line, of which the first one is at `from.1`.
    pub(super) from: (u64, u64),
}

impl Stream {
    pub(super) fn new(recorder: Recorder, logged: u64) -> Self {
        Self { recorder, pushed: 0, from: (0, logged) }
    }

    pub(super) fn push(&mut self, lines: Vec<u8>) {
        let len = lines.len() as u64;
        if self.recorder.push(lines).is_ok() {
            self.pushed += len;
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.recorder.waiting().unwrap_or(0)
    }

    /// The position in all lines up to which they are durable.
    pub(super) fn durable(&self) -> u64 {
        let Ok(waiting) = self.recorder.waiting() else { return 0 };
        let (at, logged) = self.from;
        logged + self.pushed.saturating_sub(waiting as u64).saturating_sub(at)
    }
}
