//! What a rule found: what it is, where, what will happen, what to do next.

use std::fmt;

use super::registry::{self, Rule};
use crate::{model::Place, span::Span};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Perhaps not as meant.
    Warning,
    /// Replication doesn't work as written, or clients land on the wrong server.
    Error,
}

/// A place in one of the instances.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Label {
    /// The instance, as an index into [`super::Context::instances`].
    pub instance: usize,
    /// The line.
    pub place: Place,
    /// The bytes.
    pub span: Span,
    /// What is there.
    pub text: String,
}

/// The ids of one server of one backend in all instances.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerIds {
    /// The backend's name.
    pub backend: Vec<u8>,
    /// The server's name.
    pub server: Vec<u8>,
    /// By instance, in the order of the context: its id; `None` where the server is missing or its id isn't known.
    pub ids: Vec<Option<u32>>,
}

/// One finding.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// The rule that made it; filled in by the engine.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// What it is, in one sentence without a full stop. Names are escaped.
    pub message: String,
    /// What HAProxy will do because of it; may be empty.
    pub what_happens: String,
    /// What to do next; may be empty.
    pub help: String,
    /// Whether `--fix` can mend it.
    pub fixable: bool,
    /// The places, the most telling one first. Never empty.
    pub labels: Vec<Label>,
    /// The backend it is about, for findings about servers.
    pub backend: Option<Vec<u8>>,
    /// For findings about the ids of one server.
    pub server: Option<ServerIds>,
}

impl Finding {
    /// A finding at one place, as bad as its rule says by default.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>, label: Label) -> Self {
        Self {
            rule: registry::unset(),
            severity,
            message: message.into(),
            what_happens: String::new(),
            help: String::new(),
            fixable: false,
            labels: vec![label],
            backend: None,
            server: None,
        }
    }

    /// The same, about this backend.
    #[must_use]
    pub fn backend(self, name: &[u8]) -> Self {
        Self { backend: Some(name.to_vec()), ..self }
    }

    /// The same, with one more place.
    #[must_use]
    pub fn label(mut self, label: Label) -> Self {
        self.labels.push(label);
        self
    }

    /// The same, with what will happen.
    #[must_use]
    pub fn happens(self, text: impl Into<String>) -> Self {
        Self { what_happens: text.into(), ..self }
    }

    /// The same, with what to do next.
    #[must_use]
    pub fn help(self, text: impl Into<String>) -> Self {
        Self { help: text.into(), ..self }
    }

    /// What findings are sorted by.
    pub(super) fn order(&self) -> impl Ord + '_ {
        let first = self.labels.first().map(|l| (l.instance, l.place, l.span));
        (first, self.rule.code, &self.message)
    }
}

impl Severity {
    /// The word for people and programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
