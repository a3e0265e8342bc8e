//! Entries exactly as [`Formatter`](crate::record::Formatter) writes them, read without a JSON parser and without
//! allocations. What is written in another way is left to the other reader, errors included, so everything here may give up.

use crate::grammar::KeyType;
use crate::record::table_text::FieldText;
use crate::record::tables::Tables;
use crate::record::{Table, TableId, Time, json};
use crate::stick::{Definition, ValueKind, key};

/// What an entry's line says, but for what is in [`Scratch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EntryLine {
    pub(super) table: TableId,
    pub(super) time: Time,
    pub(super) expire_ms: Option<u32>,
    pub(super) resync: bool,
    pub(super) update_id: Option<u32>,
    pub(super) server_key: bool,
}

/// The parts of the last entry that have no fixed length.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Scratch {
    pub(super) key: Vec<u8>,
    pub(super) values: Vec<u64>,
    pub(super) server_key: Vec<u8>,
}

/// Entries of the same time and table follow each other.
#[derive(Debug)]
pub(super) struct FastPath {
    time_text: [u8; Time::LEN],
    time: Time,
    table: TableId,
    key_label: memchr::memmem::Finder<'static>,
}

impl FastPath {
    pub(super) fn new() -> Self {
        let time = Time::default();
        Self { time_text: time.text(), time, table: TableId(0), key_label: memchr::memmem::Finder::new(br#","key"#) }
    }

    /// Reads a line without its end and its checksum: up to the `}` or the `,"crc"`.
    pub(super) fn read(&mut self, line: &[u8], tables: &Tables, out: &mut Scratch) -> Option<EntryLine> {
        let mut rest = Rest(line);
        rest.tag(br#"{"type":"entry","time":""#)?;
        let time = self.time(rest.take(Time::LEN)?)?;
        let table = self.table(&mut rest, tables)?;
        let (Table { definition, .. }, text) = tables.get(table)?;
        key(&mut rest, definition, &mut out.key)?;
        rest.tag(br#","expire_ms":"#)?;
        let expire_ms = if rest.tag(b"null").is_some() { None } else { Some(rest.u32()?) };
        rest.tag(br#","resync":"#)?;
        let resync = rest.tag(b"true").is_some();
        if !resync {
            rest.tag(b"false")?;
        }
        let update_id = if rest.tag(br#","update_id":"#).is_some() { Some(rest.u32()?) } else { None };
        rest.tag(br#","data":{"#)?;
        out.values.clear();
        let server_key = data(&mut rest, &text.fields, out)?;
        rest.tag(b"}")?;
        rest.0.is_empty().then_some(EntryLine { table, time, expire_ms, resync, update_id, server_key })
    }

    fn time(&mut self, text: &[u8]) -> Option<Time> {
        if text != self.time_text {
            self.time = Time::parse(text)?;
            self.time_text = text.try_into().ok()?;
        }
        Some(self.time)
    }

    fn table(&mut self, rest: &mut Rest<'_>, tables: &Tables) -> Option<TableId> {
        if tables.get(self.table).is_some_and(|(_, text)| rest.tag(&text.place).is_some()) {
            return Some(self.table);
        }
        rest.tag(b"\",")?;
        // No string holds these bytes: a quote in it has a backslash.
        let place = rest.take(self.key_label.find(rest.0)?)?;
        rest.tag(b",")?;
        self.table = tables.by_place(place)?;
        Some(self.table)
    }
}

fn key(rest: &mut Rest<'_>, definition: &Definition, out: &mut Vec<u8>) -> Option<()> {
    let Definition { key_type, key_len, .. } = *definition;
    out.clear();
    if rest.tag(br#""key":""#).is_some() {
        match key_type {
            KeyType::IP => out.extend_from_slice(&rest.ip()?),
            KeyType::INTEGER => out.extend_from_slice(&rest.u32()?.to_be_bytes()),
            KeyType::IPV6 => {
                let address: std::net::Ipv6Addr = rest.text()?.parse().ok()?;
                out.extend_from_slice(&address.octets());
                return Some(());
            }
            KeyType::STRING => {
                out.extend_from_slice(rest.text()?.as_bytes());
                return key::check(key_type, key_len, out).ok();
            }
            _ => return None,
        }
        return rest.tag(b"\"");
    }
    rest.tag(br#""key_hex":""#)?;
    rest.hex(out)?;
    key::check(key_type, key_len, out).ok()
}

/// Whether there is a `server_key`.
fn data(rest: &mut Rest<'_>, fields: &[FieldText], out: &mut Scratch) -> Option<bool> {
    let mut server_key = false;
    let mut first = true;
    for FieldText { name, field } in fields {
        let mut label = |rest: &mut Rest<'_>, label: &[u8]| {
            let mut ahead = Rest(rest.0);
            if !first {
                ahead.tag(b",")?;
            }
            ahead.tag(label)?;
            first = false;
            *rest = ahead;
            Some(())
        };
        if field.kind == ValueKind::Text {
            out.values.extend(std::iter::repeat_n(0, field.slots()));
            out.server_key.clear();
            if label(rest, br#""server_key":""#).is_some() {
                out.server_key.extend_from_slice(rest.text()?.as_bytes());
                server_key = true;
            } else if label(rest, br#""server_key_hex":""#).is_some() {
                rest.hex(&mut out.server_key)?;
                server_key = true;
            }
            continue;
        }
        label(rest, name)?;
        if field.count.is_none() {
            value(rest, field.kind, &mut out.values)?;
            continue;
        }
        rest.tag(b"[")?;
        for n in 0..field.values() {
            if n > 0 {
                rest.tag(b",")?;
            }
            value(rest, field.kind, &mut out.values)?;
        }
        rest.tag(b"]")?;
    }
    Some(server_key)
}

fn value(rest: &mut Rest<'_>, kind: ValueKind, out: &mut Vec<u64>) -> Option<()> {
    match kind {
        ValueKind::Unsigned32 => out.push(rest.u32()?.into()),
        ValueKind::Unsigned64 => out.push(rest.u64()?),
        ValueKind::Signed32 => out.push(rest.i32()?.cast_unsigned().into()),
        ValueKind::Rate => {
            rest.tag(br#"{"rate":"#)?;
            rest.u64()?;
            rest.tag(br#","current":"#)?;
            let current = rest.u32()?;
            rest.tag(br#","previous":"#)?;
            let previous = rest.u32()?;
            rest.tag(br#","age_ms":"#)?;
            let elapsed = rest.u32()?;
            rest.tag(b"}")?;
            out.extend([elapsed, current, previous].map(u64::from));
        }
        ValueKind::Text => return None,
    }
    Some(())
}

/// What is left of a line.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn tag(&mut self, tag: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(tag)?;
        Some(())
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number as JSON has it: without zeros before it.
    fn u64(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        let mut len = 0;
        while let Some(digit) = self.0.get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            // Up to 19 digits fit.
            number = if len < 19 {
                number.wrapping_mul(10).wrapping_add(digit.into())
            } else {
                number.checked_mul(10)?.checked_add(digit.into())?
            };
            len += 1;
        }
        if len == 0 || len > 1 && self.0.first() == Some(&b'0') {
            return None;
        }
        self.0 = self.0.get(len..)?;
        Some(number)
    }

    fn u32(&mut self) -> Option<u32> {
        self.u64()?.try_into().ok()
    }

    fn i32(&mut self) -> Option<i32> {
        let negative = self.tag(b"-").is_some();
        let number = i64::from(self.u32()?);
        // JSON's -0 is a fraction.
        if negative && number == 0 {
            return None;
        }
        if negative { -number } else { number }.try_into().ok()
    }

    fn ip(&mut self) -> Option<[u8; 4]> {
        let mut octets = [0; 4];
        for (n, octet) in octets.iter_mut().enumerate() {
            if n > 0 {
                self.tag(b".")?;
            }
            *octet = self.u64()?.try_into().ok()?;
        }
        Some(octets)
    }

    /// A string without escapes, behind its first quote.
    fn text(&mut self) -> Option<&'a str> {
        let len = self.0.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f))?;
        let text = str::from_utf8(self.take(len)?).ok()?;
        self.tag(b"\"")?;
        Some(text)
    }

    /// The bytes of hexadecimal digits, behind their first quote.
    fn hex(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let len = memchr::memchr(b'"', self.0)?;
        json::push_unhex(out, self.take(len)?)?;
        self.tag(b"\"")
    }
}
