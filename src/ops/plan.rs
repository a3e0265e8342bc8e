//! What an edit is going to do.

use crate::config::EditSet;

/// Edits of one instance, and what they mean.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// One set for each of the instance's files.
    pub edits: Vec<EditSet>,
    /// What people are told, in order.
    pub notes: Vec<Note>,
}

/// One line of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// What kind of line.
    pub mark: Mark,
    /// The table, section or keyword it is about.
    pub subject: String,
    /// What happens to it.
    pub text: String,
}

/// What a [`Note`] reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Something new.
    Added,
    /// Something changed.
    Changed,
    /// Something is gone.
    Removed,
    /// Something was left alone, or deserves attention.
    Attention,
}

impl Mark {
    /// The sign in front of the line.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
            Self::Attention => '!',
        }
    }
}

impl Plan {
    /// A plan for an instance of `files` files that changes nothing yet.
    #[must_use]
    pub fn new(files: usize) -> Self {
        Self { edits: vec![EditSet::default(); files], notes: Vec::new() }
    }

    /// The edits of file `file`; those of the first file where there is no such file.
    pub fn file(&mut self, file: usize) -> &mut EditSet {
        let at = if file < self.edits.len() { file } else { 0 };
        if self.edits.is_empty() {
            self.edits.push(EditSet::default());
        }
        &mut self.edits[at]
    }

    /// Adds a line to the report.
    pub fn note(&mut self, mark: Mark, subject: impl Into<String>, text: impl Into<String>) {
        self.notes.push(Note { mark, subject: subject.into(), text: text.into() });
    }

    /// Whether no byte would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.iter().all(EditSet::is_empty)
    }
}
