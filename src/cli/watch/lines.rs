//! What goes to standard output or into a recording: records, or lines for people.

use crate::output::entries::lines::{State, TableLines, push_session};
use crate::record::{self, Checksum, End, Entry, Formatter, Header, Session, TableId, Time, WriteError};
use crate::stick::Definition;

/// Lines that were made and are not handed over yet.
#[derive(Debug)]
pub(super) enum Lines {
    Records { lines: Formatter, tables: Vec<Option<TableId>>, entries: u64 },
    Text { lines: Vec<u8>, tables: Vec<Option<TableLines>> },
}

impl Lines {
    pub(super) fn records(checksum: Checksum) -> Self {
        Self::Records { lines: Formatter::new(checksum), tables: Vec::new(), entries: 0 }
    }

    pub(super) const fn text() -> Self {
        Self::Text { lines: Vec::new(), tables: Vec::new() }
    }

    pub(super) fn header(&mut self, time: Time) -> Result<(), WriteError> {
        match self {
            Self::Records { lines, .. } => {
                let (version, peerctl) = (record::VERSION, env!("CARGO_PKG_VERSION").into());
                lines.header(&Header { version, peerctl, time })
            }
            Self::Text { .. } => Ok(()),
        }
    }

    /// The table with that number of ours is defined, or defined anew.
    pub(super) fn table(
        &mut self,
        number: usize,
        peer: &[u8],
        definition: &Definition,
        time: Time,
    ) -> Result<(), WriteError> {
        match self {
            Self::Records { lines, tables, .. } => {
                put(tables, number, None);
                put(tables, number, Some(lines.table(peer, definition)?));
            }
            Self::Text { lines, tables } => {
                let table = TableLines::new(peer, definition);
                table.push_table(time, lines);
                put(tables, number, Some(table));
            }
        }
        Ok(())
    }

    pub(super) fn entry(&mut self, number: usize, state: &State<'_>) -> Result<(), WriteError> {
        let State { time, key, expire_ms, resync, update_id, values, server_key } = *state;
        let entry = |table| Entry { table, time, key, expire_ms, resync, update_id, values, server_key };
        let undefined = || WriteError::Undefined(number);
        match self {
            Self::Records { lines, tables, entries } => {
                let table = tables.get(number).copied().flatten().ok_or_else(undefined)?;
                lines.entry(&entry(table))?;
                *entries += 1;
            }
            Self::Text { lines, tables } => {
                let table = tables.get(number).and_then(Option::as_ref).ok_or_else(undefined)?;
                table.push_entry(state, lines);
            }
        }
        Ok(())
    }

    pub(super) fn session(&mut self, session: &Session<'_>) -> Result<(), WriteError> {
        match self {
            Self::Records { lines, .. } => lines.session(session)?,
            Self::Text { lines, .. } => push_session(session, lines),
        }
        Ok(())
    }

    pub(super) fn end(&mut self, complete: bool) -> Result<(), WriteError> {
        match self {
            Self::Records { lines, entries, .. } => lines.end(End { entries: *entries, complete }),
            Self::Text { .. } => Ok(()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Records { lines, .. } => lines.lines().len(),
            Self::Text { lines, .. } => lines.len(),
        }
    }

    /// The lines, which are forgotten.
    pub(super) fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Records { lines, .. } => {
                let taken = lines.lines().to_vec();
                lines.clear();
                taken
            }
            Self::Text { lines, .. } => std::mem::take(lines),
        }
    }
}

fn put<T: Clone>(places: &mut Vec<Option<T>>, number: usize, value: Option<T>) {
    if places.len() <= number {
        places.resize(number + 1, None);
    }
    if let Some(place) = places.get_mut(number) {
        *place = value;
    }
}
