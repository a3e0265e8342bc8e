//! What a session sends: always within what every version of HAProxy can take.
//!
//! Entries have explicit update ids (some versions miscount incremental ones), dictionary ids stay within 1 to 128, a message
//! fits the smallest usual buffer, keys and texts fit their table.

use thiserror::Error;

use crate::grammar::{DataArgument, DataType, KeyType};
use crate::proto::define::{self, MAX_KEY, MAX_NAME};
use crate::proto::dictionary::{MAX_TEXT, Sent};
use crate::proto::frame::{Class, Frame, Type};
use crate::proto::hello::{self, Status, Version};
use crate::proto::session::machine::Machine;
use crate::proto::update::{self, Head, Reference};
use crate::proto::varint;
use crate::stick::key::{self, KeyError};
use crate::stick::{Definition, Field, MAX_ELEMENTS};

/// The longest message that is sent, in bytes, its head included: HAProxy's buffer, unless it was made larger. One byte more
/// and HAProxy waits for the rest for ever.
pub const MAX_MESSAGE: usize = 16_384;

/// A table that we announce.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LocalTable(usize);

impl LocalTable {
    /// Its place in the order of [`super::Session::define`], from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// An entry to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// The canonical key.
    pub key: &'a [u8],
    /// The slots of the definition's layout; that of a text isn't looked at.
    pub values: &'a [u64],
    /// The text of `server_key`, `None` to leave the peer's alone.
    pub server_key: Option<&'a [u8]>,
    /// The remaining life in milliseconds; `None` for the full life of the peer's table. To a peer of version 2.0 all entries
    /// go untimed.
    pub life_ms: Option<u32>,
}

/// Why something can't be sent without harm.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EnvelopeError {
    /// The name of the table.
    #[error("a table name has 1 to {MAX_NAME} bytes; this one has {0}")]
    Name(usize),
    /// The type or length of the keys.
    #[error("keys of `type {key_type}` with a wire length of {key_len} can't be sent")]
    KeyType {
        /// The type.
        key_type: KeyType,
        /// The length.
        key_len: u32,
    },
    /// A rate without its period, or an array without its number of elements: as an announcement without any parameters has it.
    #[error("{0} lacks its period or its number of elements; a peer would ignore the table")]
    Parameters(DataType),
    /// The elements of an array.
    #[error("an array has 1 to {MAX_ELEMENTS} elements; this one has {0}")]
    Elements(u32),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The number of values.
    #[error("an entry of this table has {expected} numbers; this one has {found}")]
    Values {
        /// As given.
        found: usize,
        /// As the table has.
        expected: usize,
    },
    /// The text of `server_key`.
    #[error("a server name or address has at most {MAX_TEXT} bytes; this one has {0}")]
    Text(usize),
    /// The message.
    #[error("a message has at most {MAX_MESSAGE} bytes; this one has {0}")]
    Message(usize),
    /// The table was not defined on this session.
    #[error("the table was not defined on this session")]
    Table,
}

/// The sending side of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Sender {
    out: Vec<u8>,
    tables: Vec<Local>,
    /// The table that was announced last.
    current: Option<usize>,
    texts: Sent,
    /// The payload that is being put together.
    payload: Vec<u8>,
    /// The session is over: of the bytes in `out` only so many are still sent.
    sealed: Option<usize>,
}

#[derive(Clone, Debug)]
struct Local {
    definition: Definition,
    /// The payload that announces it.
    announcement: Vec<u8>,
    last_id: u32,
}

impl Sender {
    pub(super) fn hello(&mut self, called: &[u8], caller: &[u8], pid: u32) {
        hello::encode(called, caller, pid, &mut self.out);
    }

    pub(super) fn status(&mut self, status: Status) {
        self.out.extend(format!("{status}\n").into_bytes());
    }

    pub(super) fn control(&mut self, kind: Type) {
        Frame { class: Class::CONTROL, kind, payload: &[] }.encode(&mut self.out);
    }

    pub(super) fn error(&mut self, kind: Type) {
        Frame { class: Class::ERROR, kind, payload: &[] }.encode(&mut self.out);
    }

    pub(super) fn ack(&mut self, table: u64, id: u32) {
        self.payload.clear();
        varint::encode(table, &mut self.payload);
        self.payload.extend(id.to_be_bytes());
        self.frame(Type::ACK);
    }

    /// The session is over: what is said from now on isn't sent.
    pub(super) fn seal(&mut self) {
        self.sealed.get_or_insert(self.out.len());
    }

    pub(super) fn pending(&self) -> usize {
        self.sealed.unwrap_or(self.out.len())
    }

    pub(super) fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some(len) = &mut self.sealed {
            self.out.truncate(*len);
            *len = 0;
        }
        let any = !self.out.is_empty();
        out.append(&mut self.out);
        any
    }

    /// Our table with that number on the wire.
    pub(super) fn table(&self, id: u64) -> Option<LocalTable> {
        let index = usize::try_from(id.checked_sub(1)?).ok()?;
        self.tables.get(index).map(|_| LocalTable(index))
    }

    /// Appends a message with the payload that was put together.
    fn frame(&mut self, kind: Type) {
        Frame { class: Class::STICK_TABLE, kind, payload: &self.payload }.encode(&mut self.out);
    }
}

impl Machine {
    pub(super) fn define(&mut self, definition: Definition) -> Result<LocalTable, EnvelopeError> {
        check_definition(&definition)?;
        let sender = &mut self.sender;
        let index = sender.tables.len();
        let mut announcement = Vec::new();
        define::encode(index as u64 + 1, &definition, &mut announcement);
        check_message(announcement.len())?;
        sender.tables.push(Local { definition, announcement, last_id: 0 });
        Ok(LocalTable(index))
    }

    pub(super) fn push(&mut self, table: LocalTable, entry: &Push<'_>) -> Result<u32, EnvelopeError> {
        let timed = self.version > Version::V2_0;
        let Sender { out, tables, current, texts, payload, .. } = &mut self.sender;
        let local = tables.get_mut(table.0).ok_or(EnvelopeError::Table)?;
        let definition = &local.definition;
        key::check(definition.key_type, definition.key_len, entry.key)?;
        let (found, expected) = (entry.values.len(), definition.layout.slots());
        if found != expected {
            return Err(EnvelopeError::Values { found, expected });
        }
        let text = entry.server_key.map_or(0, <[u8]>::len);
        if text > MAX_TEXT {
            return Err(EnvelopeError::Text(text));
        }
        // The dictionary must not hold what was never sent, so the size is judged before: no number has more than ten bytes.
        let most = 8 + 5 + entry.key.len() + expected * varint::MAX_LEN + text + 8;
        check_message(most)?;

        let id = local.last_id.wrapping_add(1);
        let head = Head { id: Some(id), life_ms: entry.life_ms.filter(|_| timed) };
        payload.clear();
        let text = entry.server_key.filter(|text| !text.is_empty() && definition.layout.has_text());
        let reference = text.map_or(Reference::NONE, |text| {
            let (id, new) = texts.id(text);
            Reference { id, text: Some(text).filter(|_| new) }
        });
        update::encode(definition, head, entry.key, entry.values, reference, payload);
        local.last_id = id;
        if *current != Some(table.0) {
            *current = Some(table.0);
            let payload = &local.announcement;
            Frame { class: Class::STICK_TABLE, kind: Type::DEFINITION, payload }.encode(out);
        }
        let kind = if head.life_ms.is_some() { Type::TIMED } else { Type::UPDATE };
        Frame { class: Class::STICK_TABLE, kind, payload }.encode(out);
        Ok(id)
    }
}

fn check_definition(definition: &Definition) -> Result<(), EnvelopeError> {
    let Definition { name, key_type, key_len, layout, .. } = definition;
    if name.is_empty() || name.len() > MAX_NAME as usize {
        return Err(EnvelopeError::Name(name.len()));
    }
    let fits = match *key_type {
        KeyType::INTEGER | KeyType::IP => *key_len == 4,
        KeyType::IPV6 => *key_len == 16,
        KeyType::STRING | KeyType::BINARY => (1..=MAX_KEY).contains(key_len),
        _ => false,
    };
    if !fits {
        return Err(EnvelopeError::KeyType { key_type: *key_type, key_len: *key_len });
    }
    let lacks = |field: &&Field| {
        let argument = field.data_type.info().map_or(DataArgument::None, |info| info.argument);
        argument.has_period() && field.period_ms.is_none() || argument.has_count() && field.count.is_none()
    };
    if let Some(field) = layout.fields().iter().find(lacks) {
        return Err(EnvelopeError::Parameters(field.data_type));
    }
    let mut counts = layout.fields().iter().filter_map(|field| field.count);
    counts.find(|count| !(1..=MAX_ELEMENTS).contains(count)).map_or(Ok(()), |count| Err(EnvelopeError::Elements(count)))
}

/// Whether a message with a payload of that many bytes can be sent.
fn check_message(payload: usize) -> Result<(), EnvelopeError> {
    // Class, type, and a length of at most three bytes for what is allowed.
    let len = payload + 5;
    if len > MAX_MESSAGE { Err(EnvelopeError::Message(len)) } else { Ok(()) }
}
