//! Why an answer of the runtime socket can't be read.

use thiserror::Error;

use crate::escape;

/// A line that isn't as HAProxy prints them.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("HAProxy's answer has the line `{line}`: expected {expected}")]
pub struct ShownError {
    /// The beginning of the line, escaped.
    pub line: String,
    /// What should be there.
    pub expected: &'static str,
}

impl ShownError {
    pub(super) fn new(line: &[u8], expected: &'static str) -> Self {
        const MOST: usize = 200;
        let line = escape::name(line.get(..MOST).unwrap_or(line)).into_owned();
        Self { line, expected }
    }
}
