//! Writing records.

use crate::record::{End, Entry, Formatter, Header, Journal, Session, TableId, WriteError};
use crate::stick::Definition;

/// Bytes after which a [`Writer`] hands what it has to its journal.
const BATCH: usize = 64 << 10;

/// Whether lines end with a checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Checksum {
    /// They don't: dumps and standard output.
    #[default]
    None,
    /// CRC-32C of the bytes before it: recordings and state files.
    Crc32c,
}

/// Writes records to a journal, some at a time; what is not [flushed](Self::flush) is lost with it.
#[derive(Debug)]
pub struct Writer<J> {
    journal: J,
    lines: Formatter,
}

impl<J: Journal> Writer<J> {
    /// Nothing is written yet: begin with a [header](Self::header).
    pub fn new(journal: J, checksum: Checksum) -> Self {
        Self { journal, lines: Formatter::new(checksum) }
    }

    /// Writes the first record of a file, or of what is appended to one.
    ///
    /// # Errors
    /// If it doesn't get into the file.
    pub fn header(&mut self, header: &Header<'_>) -> Result<(), WriteError> {
        self.make_room()?;
        self.lines.header(header)
    }

    /// Writes the definition of a table and gives it a number; one that is defined again keeps its number.
    ///
    /// # Errors
    /// If it doesn't get into the file.
    pub fn table(&mut self, peer: &[u8], definition: &Definition) -> Result<TableId, WriteError> {
        self.make_room()?;
        self.lines.table(peer, definition)
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// If it doesn't get into the file.
    pub fn entry(&mut self, entry: &Entry<'_>) -> Result<(), WriteError> {
        self.make_room()?;
        self.lines.entry(entry)
    }

    /// Writes what happened to a session.
    ///
    /// # Errors
    /// If it doesn't get into the file.
    pub fn session(&mut self, session: &Session<'_>) -> Result<(), WriteError> {
        self.make_room()?;
        self.lines.session(session)
    }

    /// Writes the last record, with the number of entries that were written, and flushes.
    ///
    /// # Errors
    /// If it doesn't get into the file.
    pub fn end(&mut self, complete: bool) -> Result<(), WriteError> {
        self.make_room()?;
        self.lines.end(End { entries: self.entries(), complete })?;
        self.flush()
    }

    /// Hands all lines to the journal.
    ///
    /// # Errors
    /// If the journal doesn't take them; they are kept for the next time.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        if self.lines.lines().is_empty() {
            return Ok(());
        }
        self.journal.append(self.lines.lines()).map_err(|source| self.failed(source))?;
        self.lines.clear();
        Ok(())
    }

    /// Hands all lines to the journal and waits until they are durable.
    ///
    /// # Errors
    /// If they aren't. An error of syncing is final, see [`Journal::sync`].
    pub fn sync(&mut self) -> Result<(), WriteError> {
        self.flush()?;
        self.journal.sync().map_err(|source| self.failed(source))
    }

    /// The number of entries so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.lines.entries
    }

    /// The journal.
    pub const fn journal(&self) -> &J {
        &self.journal
    }

    /// The journal; lines that were not flushed are lost.
    pub fn into_journal(self) -> J {
        self.journal
    }

    /// Before a record, not after it, so that one that could not be written was not taken either.
    fn make_room(&mut self) -> Result<(), WriteError> {
        if self.lines.lines().len() < BATCH { Ok(()) } else { self.flush() }
    }

    fn failed(&self, source: std::io::Error) -> WriteError {
        WriteError::Io { position: self.journal.position(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::KeyType;
    use crate::record::Time;
    use crate::stick::Layout;

    /// Takes nothing while it is full.
    #[derive(Default)]
    struct Disk {
        lines: Vec<u8>,
        full: bool,
    }

    impl Journal for Disk {
        fn append(&mut self, lines: &[u8]) -> std::io::Result<()> {
            if self.full {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.lines.extend_from_slice(lines);
            Ok(())
        }

        fn sync(&mut self) -> std::io::Result<()> {
            Ok(())
        }

        fn position(&self) -> u64 {
            self.lines.len() as u64
        }
    }

    #[test]
    fn a_full_disk_loses_no_record_and_repeats_none() -> Result<(), WriteError> {
        let mut writer = Writer::new(Disk::default(), Checksum::Crc32c);
        let (key_type, layout) = (KeyType::IP, Layout::default());
        let definition = Definition { name: (*b"t").into(), key_type, key_len: 4, expire_ms: 0, layout };
        let table = writer.table(b"lb1", &definition)?;
        let entry = |update_id| Entry {
            table,
            time: Time::default(),
            key: &[10, 0, 0, 1],
            expire_ms: None,
            resync: false,
            update_id: Some(update_id),
            values: &[],
            server_key: None,
        };
        writer.sync()?;
        writer.journal.full = true;
        let mut taken = 0_u32;
        while writer.entry(&entry(taken)).is_ok() {
            taken += 1;
        }
        assert!(writer.entry(&entry(0)).is_err() && writer.flush().is_err(), "it stays full");
        assert!(writer.lines.lines().len() < 2 * BATCH, "what is kept has a bound");
        writer.journal.full = false;
        writer.entry(&entry(taken))?;
        writer.sync()?;
        let lines = String::from_utf8(writer.into_journal().lines).expect("UTF-8");
        let ids = lines.lines().skip(1).map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        assert!(ids.map(|entry| entry["update_id"].as_u64()).eq((0..=taken.into()).map(Some)), "each one once");
        Ok(())
    }
}
