//! Records on their way to the thread that writes them: entries wait packed, a tenth as large as their lines, and become text
//! only there.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cli::queue::Load;
use crate::proto::varint;
use crate::record::{self, Checksum, End, Entry, Formatter, Header, Session, TableId, Time, WriteError};
use crate::stick::Definition;

/// One or many records.
pub(super) enum Item {
    /// The first one.
    Header(Time),
    /// A table of a peer; its number is that of the tables before it.
    Table(Box<(Box<[u8]>, Definition)>),
    /// Entries, packed by [`pack`].
    Entries(Vec<u8>),
    /// Something that happened to a session.
    Session(Box<Session<'static>>),
    /// The last one; whether everything came.
    End(bool),
}

impl Load for Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Entries(packed) => packed.capacity(),
            _ => 64,
        }
    }
}

/// An entry, of a table by its number.
pub(super) struct Packed<'a> {
    pub(super) table: usize,
    pub(super) time: Time,
    pub(super) key: &'a [u8],
    pub(super) expire_ms: Option<u32>,
    pub(super) resync: bool,
    pub(super) update_id: u32,
    pub(super) values: &'a [u64],
    pub(super) server_key: Option<&'a [u8]>,
}

/// Appends an entry to others, each a row of varints and bytes.
///
/// ```text
/// table, time, bits (1: expire, 2: resync, 4: text), [expire], update id, length and bytes of the key,
/// [length and bytes of the text], number of values, values
/// ```
pub(super) fn pack(entry: &Packed<'_>, out: &mut Vec<u8>) {
    let Packed { table, time, key, expire_ms, resync, update_id, values, server_key } = entry;
    let bits = u64::from(expire_ms.is_some()) | u64::from(*resync) << 1 | u64::from(server_key.is_some()) << 2;
    varint::encode(*table as u64, out);
    varint::encode(time.unix_ms(), out);
    varint::encode(bits, out);
    if let Some(expire) = expire_ms {
        varint::encode((*expire).into(), out);
    }
    varint::encode((*update_id).into(), out);
    for bytes in [Some(*key), *server_key].into_iter().flatten() {
        varint::encode(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
    varint::encode(values.len() as u64, out);
    for value in *values {
        varint::encode(*value, out);
    }
}

/// Takes an entry off the front; `values` are the numbers it had. `None` at the end.
fn unpack<'a, 'p: 'a>(bytes: &mut &'p [u8], values: &'a mut Vec<u64>) -> Option<Packed<'a>> {
    let table = usize::try_from(number(bytes)?).ok()?;
    let time = Time::from_unix_ms(number(bytes)?);
    let bits = number(bytes)?;
    let small = |bytes: &mut &'p [u8]| u32::try_from(number(bytes)?).ok();
    let expire_ms = if bits & 1 == 0 { None } else { Some(small(bytes)?) };
    let update_id = small(bytes)?;
    let key = text(bytes)?;
    let server_key = if bits & 4 == 0 { None } else { Some(text(bytes)?) };
    let count = number(bytes)?;
    values.clear();
    for _ in 0..count {
        values.push(number(bytes)?);
    }
    Some(Packed { table, time, key, expire_ms, resync: bits & 2 != 0, update_id, values, server_key })
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = varint::decode(bytes).ok()?;
    *bytes = rest;
    Some(number)
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text)
}

/// Makes lines of items, in the thread that writes.
pub(super) struct Lines {
    formatter: Formatter,
    tables: Vec<Option<TableId>>,
    values: Vec<u64>,
    entries: u64,
    /// Records that could not be made.
    failed: Arc<AtomicU64>,
}

impl Lines {
    /// Counts in `failed` the records that can't be made.
    pub(super) fn new(failed: Arc<AtomicU64>) -> Self {
        let (tables, values) = (Vec::new(), Vec::new());
        Self { formatter: Formatter::new(Checksum::None), tables, values, entries: 0, failed }
    }

    /// Writes what an item says.
    pub(super) fn write(&mut self, item: Item, out: &mut dyn Write) -> io::Result<()> {
        match item {
            Item::Header(time) => {
                let (version, peerctl) = (record::VERSION, env!("CARGO_PKG_VERSION").into());
                let made = self.formatter.header(&Header { version, peerctl, time });
                self.count(&made);
            }
            Item::Table(table) => {
                let (peer, definition) = &*table;
                let made = self.formatter.table(peer, definition);
                self.count(&made);
                self.tables.push(made.ok());
            }
            Item::Entries(packed) => self.entries(&packed),
            Item::Session(session) => {
                let made = self.formatter.session(&session);
                self.count(&made);
            }
            Item::End(complete) => {
                let complete = complete && self.failed.load(Ordering::Relaxed) == 0;
                let made = self.formatter.end(End { entries: self.entries, complete });
                self.count(&made);
            }
        }
        out.write_all(self.formatter.lines())?;
        self.formatter.clear();
        Ok(())
    }

    fn entries(&mut self, mut packed: &[u8]) {
        while let Some(entry) = unpack(&mut packed, &mut self.values) {
            let Packed { time, key, expire_ms, resync, update_id, values, server_key, .. } = entry;
            let Some(table) = self.tables.get(entry.table).copied().flatten() else { continue };
            let made = self.formatter.entry(&Entry {
                table,
                time,
                key,
                expire_ms,
                resync,
                update_id: Some(update_id),
                values,
                server_key,
            });
            match made {
                Ok(()) => self.entries += 1,
                Err(_) => drop(self.failed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    fn count<T>(&self, made: &Result<T, WriteError>) {
        if made.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let entries = [
            (0, b"k".as_slice(), Some(77), true, vec![0, 239, 240, u64::MAX], Some(b"srv1".as_slice())),
            (300, b"", None, false, vec![], None),
            (1, &[0xff; 300], Some(u32::MAX), true, vec![1; 40], Some(b"")),
        ];
        let entry = |n: usize| -> Packed<'_> {
            let (table, key, expire_ms, resync, values, server_key) = &entries[n];
            let (time, update_id) = (Time::from_unix_ms(1_700_000_000_000 + n as u64), u32::MAX - 1);
            let (table, key, expire_ms, resync) = (*table, *key, *expire_ms, *resync);
            Packed { table, time, key, expire_ms, resync, update_id, values, server_key: *server_key }
        };
        let mut packed = Vec::new();
        (0..entries.len()).for_each(|n| pack(&entry(n), &mut packed));
        let (mut rest, mut values) = (packed.as_slice(), Vec::new());
        for n in 0..entries.len() {
            let (found, expected) = (unpack(&mut rest, &mut values).expect("an entry"), entry(n));
            assert_eq!((found.table, found.time, found.key), (expected.table, expected.time, expected.key));
            assert_eq!((found.expire_ms, found.resync), (expected.expire_ms, expected.resync));
            assert_eq!((found.update_id, found.server_key), (expected.update_id, expected.server_key));
            assert_eq!(found.values, expected.values);
        }
        assert!(rest.is_empty() && unpack(&mut rest, &mut values).is_none());
    }
}
