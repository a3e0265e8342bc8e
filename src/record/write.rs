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
    use crate::grammar::{DataType, KeyType};
    use crate::record::{MAX_LINE, MAX_NAME, SessionEvent, Stream, Time};
    use crate::stick::Layout;

    fn definition() -> Definition {
        let rate = DataType::by_name(b"http_req_rate").expect("a data type");
        Definition {
            name: (*b"st_src").into(),
            key_type: KeyType::IP,
            key_len: 4,
            expire_ms: 3_600_000,
            layout: Layout::new([
                (DataType::GPC0, None, None),
                (rate, None, Some(10_000)),
                (DataType::SERVER_KEY, None, None),
                (DataType::GPT, Some(4), None),
            ]),
        }
    }

    const ENTRY: Entry<'_> = Entry {
        table: TableId(0),
        time: Time::MAX,
        key: &[10, 0, 0, 1],
        expire_ms: Some(3_541_000),
        resync: true,
        update_id: Some(17),
        values: &[3, 1200, 5, 14, 0, 0, 0, 1, 0],
        server_key: Some(b"srv1"),
    };

    #[test]
    fn lines_have_the_documented_shape() -> Result<(), WriteError> {
        let time = Time::parse(b"2026-01-01T00:00:00.000Z").expect("a time");
        let mut writer = Writer::new(Stream::new(Vec::new()), Checksum::None);
        writer.header(&Header { version: 1, peerctl: "0.1.0".into(), time })?;
        let table = writer.table(b"lb1", &definition())?;
        writer.entry(&Entry { table, time, ..ENTRY })?;
        writer.entry(&Entry { time, expire_ms: None, update_id: None, server_key: None, ..ENTRY })?;
        let (peer, event) = (b"lb1".into(), SessionEvent::ResyncFinished);
        writer.session(&Session { time, peer, event, detail: Some("\u{1b}".into()) })?;
        writer.end(true)?;
        let lines = String::from_utf8(writer.into_journal().into_inner()).expect("UTF-8");
        let expected = [
            r#"{"type":"header","version":1,"peerctl":"0.1.0","time":"2026-01-01T00:00:00.000Z"}"#,
            r#"{"type":"table","peer":"lb1","table":"st_src","key_type":"ip","key_len":4,"expire_ms":3600000,"store":[{"name":"gpc0"},{"name":"http_req_rate","period_ms":10000},{"name":"server_key"},{"name":"gpt","count":4}]}"#,
            r#"{"type":"entry","time":"2026-01-01T00:00:00.000Z","peer":"lb1","table":"st_src","key":"10.0.0.1","expire_ms":3541000,"resync":true,"update_id":17,"data":{"gpc0":3,"http_req_rate":{"rate":17,"current":5,"previous":14,"age_ms":1200},"server_key":"srv1","gpt":[0,0,1,0]}}"#,
            r#"{"type":"entry","time":"2026-01-01T00:00:00.000Z","peer":"lb1","table":"st_src","key":"10.0.0.1","expire_ms":null,"resync":true,"data":{"gpc0":3,"http_req_rate":{"rate":17,"current":5,"previous":14,"age_ms":1200},"gpt":[0,0,1,0]}}"#,
            r#"{"type":"session","time":"2026-01-01T00:00:00.000Z","peer":"lb1","event":"resync_finished","detail":"\u001b"}"#,
            r#"{"type":"end","entries":2,"complete":true}"#,
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
        Ok(())
    }

    #[test]
    fn checksums_are_those_of_rfc_3720() -> Result<(), WriteError> {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let mut lines = Formatter::new(Checksum::Crc32c);
        lines.end(End { entries: 7, complete: false })?;
        let line = str::from_utf8(lines.lines()).expect("UTF-8");
        let crc = crc32c::crc32c(br#"{"type":"end","entries":7,"complete":false"#);
        assert_eq!(line, format!("{{\"type\":\"end\",\"entries\":7,\"complete\":false,\"crc\":\"{crc:08x}\"}}\n"));
        Ok(())
    }

    #[test]
    fn a_table_that_is_defined_again_keeps_its_number() -> Result<(), WriteError> {
        let mut lines = Formatter::new(Checksum::None);
        let first = lines.table(b"lb1", &definition())?;
        assert_ne!(lines.table(b"lb2", &definition())?, first);
        let changed = Definition { key_type: KeyType::INTEGER, ..definition() };
        assert_eq!(lines.table(b"lb1", &changed)?, first);
        lines.clear();
        lines.entry(&ENTRY)?;
        assert!(lines.lines().windows(17).any(|part| part == br#""key":"167772161""#), "the new definition counts");
        assert!(matches!(lines.entry(&Entry { table: TableId(2), ..ENTRY }), Err(WriteError::Undefined(2))));
        Ok(())
    }

    #[test]
    fn a_record_that_is_too_long_leaves_no_trace() -> Result<(), WriteError> {
        let mut lines = Formatter::new(Checksum::None);
        let table =
            lines.table(b"lb1", &Definition { key_type: KeyType::STRING, key_len: u32::MAX, ..definition() })?;
        let before = lines.lines().to_vec();
        let key = vec![7; MAX_LINE / 6];
        assert!(matches!(lines.entry(&Entry { table, key: &key, ..ENTRY }), Err(WriteError::Line(_))));
        assert_eq!(lines.lines(), before);
        assert!(matches!(lines.table(&[b'p'; MAX_NAME + 1], &definition()), Err(WriteError::Name(_))));
        Ok(())
    }

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
        writer.table(b"lb1", &definition())?;
        writer.sync()?;
        writer.journal.full = true;
        let mut taken = 0_u32;
        while writer.entry(&Entry { update_id: Some(taken), ..ENTRY }).is_ok() {
            taken += 1;
        }
        assert!(writer.entry(&ENTRY).is_err() && writer.flush().is_err(), "it stays full");
        assert!(writer.lines.lines().len() < 2 * BATCH, "what is kept has a bound");
        writer.journal.full = false;
        writer.entry(&Entry { update_id: Some(taken), ..ENTRY })?;
        writer.sync()?;
        let lines = String::from_utf8(writer.into_journal().lines).expect("UTF-8");
        let ids = lines.lines().skip(1).map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        assert!(ids.map(|entry| entry["update_id"].as_u64()).eq((0..=taken.into()).map(Some)), "each one once");
        Ok(())
    }
}
