//! What a file of the sources' entries has to be told that no source has taught.

use super::Totals;

/// Notes, if somebody wants them.
#[derive(Debug, Default)]
pub(super) struct Notes {
    list: Option<Vec<Note>>,
}

/// Something that has happened to an entry of a source.
#[derive(Debug)]
pub(in crate::aggregate) enum Note {
    /// What is kept of its counters is another number; the key is the one with that number.
    Kept { source: usize, at: u32 },
    /// The source has lost it.
    Lost { source: usize, key: Box<[u8]> },
}

impl Notes {
    pub(super) fn kept(&mut self, source: usize, at: u32) {
        if let Some(list) = &mut self.list {
            list.push(Note::Kept { source, at });
        }
    }

    pub(super) fn lost(&mut self, source: usize, key: &[u8]) {
        if let Some(list) = &mut self.list {
            list.push(Note::Lost { source, key: key.into() });
        }
    }
}

impl Totals {
    /// The notes since the last call; the first one makes that they are taken.
    pub(in crate::aggregate) fn take_notes(&mut self) -> Vec<Note> {
        self.notes.list.replace(Vec::new()).unwrap_or_default()
    }
}
