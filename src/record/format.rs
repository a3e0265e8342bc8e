//! Turning records into lines.

use std::collections::HashMap;

use crate::record::format_entry::{push_data, push_key, push_number};
use crate::record::table_text::{TableText, place};
use crate::record::{
    Checksum, End, Entry, Header, MAX_LINE, MAX_NAME, MAX_TABLES, Session, TableId, Time, WriteError, json,
};
use crate::stick::{Definition, MAX_ELEMENTS};

/// Turns records into lines, which it gathers until they are [cleared](Self::clear).
#[derive(Debug)]
pub struct Formatter {
    lines: Vec<u8>,
    checksum: Checksum,
    tables: Vec<TableText>,
    ids: HashMap<Box<[u8]>, TableId>,
    time: TimeText,
    pub(super) entries: u64,
}

impl Formatter {
    /// No lines yet.
    #[must_use]
    pub fn new(checksum: Checksum) -> Self {
        Self {
            lines: Vec::new(),
            checksum,
            tables: Vec::new(),
            ids: HashMap::new(),
            time: TimeText::default(),
            entries: 0,
        }
    }

    /// The lines since they were last cleared, each with its end.
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Forgets the lines, not the tables.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    /// Adds a header.
    ///
    /// # Errors
    /// If it is too long.
    pub fn header(&mut self, header: &Header<'_>) -> Result<(), WriteError> {
        let start = self.lines.len();
        self.push(format!(r#"{{"type":"header","version":{},"peerctl":""#, header.version).as_bytes());
        json::push_text(&mut self.lines, &header.peerctl);
        self.push(format!(r#"","time":"{}""#, header.time).as_bytes());
        self.finish(start)
    }

    /// Adds the definition of a table and gives it a number.
    ///
    /// # Errors
    /// If there are too many, or its names or arrays are too long.
    pub fn table(&mut self, peer: &[u8], definition: &Definition) -> Result<TableId, WriteError> {
        let names = [peer, &definition.name];
        if let Some(name) = names.into_iter().find(|name| name.len() > MAX_NAME) {
            return Err(WriteError::Name(name.len()));
        }
        let counts = definition.layout.fields().iter().filter_map(|field| field.count);
        if let Some(count) = counts.max().filter(|count| *count > MAX_ELEMENTS) {
            return Err(WriteError::Elements(count));
        }
        let place = place(peer, &definition.name);
        let id = self.ids.get(&*place).copied().unwrap_or(TableId(self.tables.len()));
        if id.0 >= MAX_TABLES {
            return Err(WriteError::Tables);
        }
        let start = self.lines.len();
        self.push(br#"{"type":"table","#);
        self.push(&place);
        let Definition { key_type, key_len, expire_ms, layout, .. } = definition;
        self.push(
            format!(r#","key_type":"{key_type}","key_len":{key_len},"expire_ms":{expire_ms},"store":["#).as_bytes(),
        );
        for (n, field) in layout.fields().iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            self.push(format!(r#"{comma}{{"name":"{}""#, field.data_type).as_bytes());
            if let Some(count) = field.count {
                self.push(format!(r#","count":{count}"#).as_bytes());
            }
            if let Some(period) = field.period_ms {
                self.push(format!(r#","period_ms":{period}"#).as_bytes());
            }
            self.push(b"}");
        }
        self.push(b"]");
        self.finish(start)?;
        let text = TableText::new(&place, definition);
        match self.tables.get_mut(id.0) {
            Some(table) => *table = text,
            None => self.tables.push(text),
        }
        self.ids.insert(place, id);
        Ok(id)
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// If its table was never defined here, or it is too long.
    pub fn entry(&mut self, entry: &Entry<'_>) -> Result<(), WriteError> {
        let table = self.tables.get(entry.table.0).ok_or(WriteError::Undefined(entry.table.0))?;
        let out = &mut self.lines;
        let start = out.len();
        out.extend_from_slice(self.time.entry_at(entry.time));
        out.extend_from_slice(&table.place);
        push_key(out, table.key_type, entry.key);
        out.extend_from_slice(br#","expire_ms":"#);
        match entry.expire_ms {
            Some(ms) => push_number(out, ms),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(if entry.resync { br#","resync":true"# } else { br#","resync":false"# });
        if let Some(id) = entry.update_id {
            out.extend_from_slice(br#","update_id":"#);
            push_number(out, id);
        }
        out.extend_from_slice(br#","data":{"#);
        push_data(out, table, entry);
        out.push(b'}');
        self.finish(start)?;
        self.entries += 1;
        Ok(())
    }

    /// Adds what happened to a session.
    ///
    /// # Errors
    /// If it is too long.
    pub fn session(&mut self, session: &Session<'_>) -> Result<(), WriteError> {
        if session.peer.len() > MAX_NAME {
            return Err(WriteError::Name(session.peer.len()));
        }
        let start = self.lines.len();
        self.push(format!(r#"{{"type":"session","time":"{}","#, session.time).as_bytes());
        json::push_bytes(&mut self.lines, "peer", &session.peer);
        self.push(format!(r#","event":"{}""#, session.event.word()).as_bytes());
        if let Some(detail) = &session.detail {
            self.push(br#","detail":""#);
            json::push_text(&mut self.lines, detail);
            self.push(b"\"");
        }
        self.finish(start)
    }

    /// Adds the last record.
    ///
    /// # Errors
    /// None that is known; it is as long as it is.
    pub fn end(&mut self, end: End) -> Result<(), WriteError> {
        let start = self.lines.len();
        let End { entries, complete } = end;
        self.push(format!(r#"{{"type":"end","entries":{entries},"complete":{complete}"#).as_bytes());
        self.finish(start)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.lines.extend_from_slice(bytes);
    }

    /// Ends the line that began at `start`, or takes it back.
    fn finish(&mut self, start: usize) -> Result<(), WriteError> {
        if self.checksum == Checksum::Crc32c {
            let crc = crc32c::crc32c(self.lines.get(start..).unwrap_or_default());
            self.push(br#","crc":""#);
            self.lines.extend(json::lower_hex(crc));
            self.push(b"\"");
        }
        self.push(b"}\n");
        let len = self.lines.len() - start;
        if len > MAX_LINE {
            self.lines.truncate(start);
            return Err(WriteError::Line(len));
        }
        Ok(())
    }
}

/// How an entry's line begins; entries of the same time are many.
#[derive(Debug)]
struct TimeText {
    time: Time,
    text: [u8; Self::LEN],
}

impl TimeText {
    const START: &[u8] = br#"{"type":"entry","time":""#;
    const LEN: usize = Self::START.len() + Time::LEN;

    fn entry_at(&mut self, time: Time) -> &[u8] {
        if time != self.time {
            *self = Self::new(time);
        }
        &self.text
    }

    fn new(time: Time) -> Self {
        let mut text = [0; Self::LEN];
        let (start, end) = text.split_at_mut(Self::START.len());
        start.copy_from_slice(Self::START);
        end.copy_from_slice(&time.text());
        Self { time, text }
    }
}

impl Default for TimeText {
    fn default() -> Self {
        Self::new(Time::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{DataType, KeyType};
    use crate::record::SessionEvent;
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
        let mut lines = Formatter::new(Checksum::None);
        lines.header(&Header { version: 1, peerctl: "0.1.0".into(), time })?;
        let table = lines.table(b"lb1", &definition())?;
        lines.entry(&Entry { table, time, ..ENTRY })?;
        lines.entry(&Entry { time, expire_ms: None, update_id: None, server_key: None, ..ENTRY })?;
        let (peer, event) = (b"lb1".into(), SessionEvent::ResyncFinished);
        lines.session(&Session { time, peer, event, detail: Some("\u{1b}".into()) })?;
        lines.end(End { entries: 2, complete: true })?;
        let lines = str::from_utf8(lines.lines()).expect("UTF-8");
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
}
