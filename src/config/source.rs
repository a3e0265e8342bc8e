//! A document with the name it is shown under.

use super::document::{Document, LineNo};
use crate::span::Span;

/// One file of an instance.
#[derive(Debug)]
pub struct Source {
    /// The path as the user gave it, for people and for `.FILE`.
    pub name: String,
    /// Its text and index.
    pub document: Document,
}

/// A place for people: both numbers count from 1, the column in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LineColumn {
    /// The line.
    pub line: u32,
    /// The byte on the line.
    pub column: u32,
}

impl Source {
    /// Names a document.
    #[must_use]
    pub fn new(name: impl Into<String>, document: Document) -> Self {
        Self { name: name.into(), document }
    }

    /// Where `offset` is.
    #[must_use]
    pub fn place(&self, offset: u32) -> LineColumn {
        let line = self.document.line_at(offset);
        let start = self.document.line_span(line).start;
        LineColumn { line: line.human(), column: offset.saturating_sub(start) + 1 }
    }

    /// The span of raw word `n` of a line; the line's text where there is no such word.
    #[must_use]
    pub fn word_span(&self, line: LineNo, n: usize) -> Span {
        self.document.raw_words(line).nth(n).map_or_else(|| self.document.line_span(line), |w| w.span)
    }
}
