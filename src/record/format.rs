//! Turning records into lines.

use std::collections::HashMap;
use std::mem;

use crate::grammar::KeyType;
use crate::record::table_text::{FieldText, TableText, place};
use crate::record::{
    Checksum, End, Entry, Header, MAX_LINE, MAX_NAME, MAX_TABLES, Session, TableId, Time, WriteError, json,
};
use crate::stick::key::{self, Readable};
use crate::stick::{Definition, Field, FreqCtr, MAX_ELEMENTS, ValueKind};

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

/// `"gpc0":3,"http_req_rate":{…}`
fn push_data(out: &mut Vec<u8>, table: &TableText, entry: &Entry<'_>) {
    let mut comma = false;
    for FieldText { name, field } in &table.fields {
        if field.kind == ValueKind::Text && entry.server_key.is_none() {
            continue;
        }
        if mem::replace(&mut comma, true) {
            out.push(b',');
        }
        if let (ValueKind::Text, Some(text)) = (field.kind, entry.server_key) {
            json::push_bytes(out, "server_key", text);
            continue;
        }
        out.extend_from_slice(name);
        let values = field.of(entry.values);
        if field.count.is_none() {
            push_value(out, field, values);
            continue;
        }
        out.push(b'[');
        for n in 0..field.values() {
            if n > 0 {
                out.push(b',');
            }
            push_value(out, field, values.get(n * field.kind.slots()..).unwrap_or_default());
        }
        out.push(b']');
    }
}

/// The value in the first slots.
fn push_value(out: &mut Vec<u8>, field: &Field, slots: &[u64]) {
    let slot = slots.first().copied().unwrap_or_default();
    match field.kind {
        ValueKind::Signed32 => push_number(out, low_half(slot).cast_signed()),
        ValueKind::Unsigned32 => push_number(out, low_half(slot)),
        ValueKind::Unsigned64 | ValueKind::Text => push_number(out, slot),
        ValueKind::Rate => {
            let counter = FreqCtr::from_slots(slots);
            out.extend_from_slice(br#"{"rate":"#);
            push_number(out, counter.rate(field.period_ms.unwrap_or_default(), 0));
            out.extend_from_slice(br#","current":"#);
            push_number(out, counter.current);
            out.extend_from_slice(br#","previous":"#);
            push_number(out, counter.previous);
            out.extend_from_slice(br#","age_ms":"#);
            push_number(out, counter.elapsed_ms);
            out.push(b'}');
        }
    }
}

/// `"key":"10.0.0.1"`, or `"key_hex":"…"` for what has no text.
fn push_key(out: &mut Vec<u8>, key_type: KeyType, key: &[u8]) {
    let Some(readable) = key::readable(key_type, key) else {
        out.extend_from_slice(br#""key_hex":""#);
        json::push_hex(out, key);
        return out.push(b'"');
    };
    out.extend_from_slice(br#""key":""#);
    match readable {
        Readable::Number(number) => push_number(out, number),
        Readable::Ip(address) => push_ip(out, address.octets()),
        Readable::Ipv6(address) => out.extend_from_slice(address.to_string().as_bytes()),
        Readable::Text(text) => json::push_text(out, text),
    }
    out.push(b'"');
}

fn push_ip(out: &mut Vec<u8>, octets: [u8; 4]) {
    for (n, octet) in octets.into_iter().enumerate() {
        if n > 0 {
            out.push(b'.');
        }
        push_number(out, octet);
    }
}

fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn low_half(slot: u64) -> u32 {
    u32::try_from(slot & u64::from(u32::MAX)).unwrap_or_default()
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
