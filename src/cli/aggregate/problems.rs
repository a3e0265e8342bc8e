//! What is wrong with the aggregator's file: everything at once, in the order of the lines.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::output::diagnostic::{Diagnostic, Severity};
use crate::span::Span;

/// Errors and warnings, as they are found.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Diagnostic>,
    /// Whether something else than a file that can't be read is wrong.
    misuse: bool,
}

impl Problems {
    /// An error at a place.
    pub(super) fn error(
        &mut self,
        span: Span,
        message: impl Into<String>,
        mark: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(message).label(0, span, mark).next(help));
    }

    /// An error for two places that don't go together; the second one is what it is about.
    pub(super) fn clash(&mut self, message: impl Into<String>, first: (Span, &str), second: (Span, &str), help: &str) {
        let diagnostic = Diagnostic::error(message).label(0, second.0, second.1).label(0, first.0, first.1);
        self.push(diagnostic.next(help));
    }

    /// A warning at a place.
    pub(super) fn warning(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::warning(message).label(0, span, "").next(help));
    }

    /// What failed at a place for reasons of its own.
    pub(super) fn failure(&mut self, span: Span, failure: Failure) {
        let io = failure.exit == Exit::Io;
        if let Some(diagnostic) = failure.into_diagnostic() {
            self.misuse |= !io;
            self.found.push(diagnostic.label(0, span, ""));
        }
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.misuse |= diagnostic.severity == Severity::Error;
        self.found.push(diagnostic);
    }

    /// Whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|one| one.severity == Severity::Error)
    }

    /// How a program ends that found them: files that are missing are another matter than what can't be meant.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.misuse { Exit::Misuse } else { Exit::Io }
    }

    /// All of them, in the order of the lines.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|one| one.labels.first().map(|label| label.span.start));
        self.found
    }
}
