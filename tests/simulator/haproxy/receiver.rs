//! What HAProxy is sent, judged strictly: whatever some version could stumble over, ignore in silence or misunderstand fails.

use std::collections::BTreeMap;

use super::table::{Kind, Shape, TYPES};
use crate::support::frames::{
    ACK, DEFINITION, HEARTBEAT, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST, TIMED, UPDATE,
    read_varint,
};

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Message {
    Heartbeat,
    ResyncRequest,
    ResyncEnd {
        complete: bool,
    },
    ResyncConfirm,
    Definition {
        id: u64,
    },
    /// An entry of a table of integers; a lease has no key and no values.
    Entry {
        table: usize,
        sender_table: u64,
        id: u32,
        life: Option<u32>,
        key: Option<u32>,
        values: [Option<u64>; 4],
    },
    Ack {
        table: u64,
        id: u32,
    },
}

/// The tables that the other side has announced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiver {
    tables: BTreeMap<u64, Announced>,
    current: Option<u64>,
}

#[derive(Clone, Debug)]
struct Announced {
    /// Which of ours.
    table: usize,
    kind: Kind,
    types: u64,
    last_id: u32,
}

/// What one `expire` of a table is longer than another one, at most, in milliseconds.
pub(crate) const LONGER: u32 = 3_000;

/// HAProxy's buffer.
const BUFFER: usize = 16_384;

/// The message at the beginning of `bytes` and its length; `None` if it isn't whole. Panics if it is no good.
pub(crate) fn split(bytes: &[u8]) -> Option<((u8, u8), &[u8], usize)> {
    let (&[class, kind], rest) = bytes.split_first_chunk()?;
    let (len, rest) = if kind & 0x80 == 0 { (0, rest) } else { read_varint(rest)? };
    let len = usize::try_from(len).expect("64 bits");
    let head = bytes.len() - rest.len();
    assert!(head + len <= BUFFER, "I7 no harm: a message of {} bytes never fits HAProxy's buffer", head + len);
    Some(((class, kind), rest.get(..len)?, head + len))
}

impl Receiver {
    /// Reads a message; `shapes` are the tables that the other side may know, by their numbers.
    pub(crate) fn read(&mut self, kind: (u8, u8), payload: &[u8], shapes: &[(usize, &Shape)]) -> Message {
        match kind {
            HEARTBEAT => Message::Heartbeat,
            RESYNC_REQUEST => Message::ResyncRequest,
            RESYNC_FINISHED | RESYNC_PARTIAL => Message::ResyncEnd { complete: kind == RESYNC_FINISHED },
            RESYNC_CONFIRM => Message::ResyncConfirm,
            DEFINITION => self.definition(payload, shapes),
            UPDATE | TIMED => self.entry(kind == TIMED, payload, shapes),
            ACK => {
                let (table, rest) = read_varint(payload).expect("I7 no harm: an ack of a table");
                let id = rest.try_into().map(u32::from_be_bytes).expect("I7 no harm: an ack has an id, and no more");
                Message::Ack { table, id }
            }
            _ => panic!("I7 no harm: {kind:02x?} is nothing that is sent to HAProxy: {payload:02x?}"),
        }
    }

    fn definition(&mut self, payload: &[u8], shapes: &[(usize, &Shape)]) -> Message {
        let mut rest = payload;
        let mut number = || {
            let (number, behind) = read_varint(rest).expect("I7 no harm: a definition is whole");
            rest = behind;
            number
        };
        let (id, len) = (number(), number());
        let (name, behind) = rest.split_at(usize::try_from(len).expect("64 bits"));
        rest = behind;
        let mut number = || {
            let (number, behind) = read_varint(rest).expect("I7 no harm: a definition is whole");
            rest = behind;
            number
        };
        let (key, types, _expire) = ((number(), number()), number(), number());
        assert!(rest.is_empty(), "I7 no harm: no parameters belong to it");
        let known = shapes.iter().find(|(_, shape)| shape.name.as_bytes() == name);
        let (table, shape) = known.unwrap_or_else(|| {
            panic!(
                "I7 no harm: HAProxy has no table `{}` for this peer, and would ignore it in silence",
                name.escape_ascii()
            )
        });
        assert_eq!(key, shape.key(), "I7 no harm: keys of another kind are ignored in silence: {}", shape.name);
        // Columns that its table lacks are read and dropped; but all that it doesn't know come last, and end the entry.
        let known = TYPES.iter().fold(0, |bits, number| bits | 1 << number);
        assert_eq!(types & !known, 0, "I7 no harm: nobody has such data types: {}", shape.name);
        let old = self.tables.get(&id).map(|old| old.last_id);
        let last_id = old.unwrap_or(0);
        self.tables.insert(id, Announced { table: *table, kind: shape.kind, types, last_id });
        self.current = Some(id);
        Message::Definition { id }
    }

    fn entry(&mut self, timed: bool, payload: &[u8], shapes: &[(usize, &Shape)]) -> Message {
        let sender_table = self.current.expect("I7 no harm: an entry comes behind a definition");
        let announced = self.tables.get_mut(&sender_table).expect("it was announced");
        let mut rest = payload;
        let mut word = || {
            let (word, behind) = rest.split_first_chunk().expect("I7 no harm: an entry is whole");
            rest = behind;
            u32::from_be_bytes(*word)
        };
        let id = word();
        assert_eq!(id, announced.last_id.wrapping_add(1), "I7 no harm: entries are numbered one by one");
        announced.last_id = id;
        let life = timed.then(&mut word);
        let shape = shapes.iter().find(|(at, _)| *at == announced.table).expect("a table").1;
        if let Some(life) = life {
            // The process before may have had a longer `expire`, and this one may not have told its own yet.
            let within = shape.expire > 0 && life <= shape.expire + LONGER;
            assert!(within, "I7 no harm: a life of {life} ms in a table with `expire {}`", shape.expire);
        }
        let mut key = None;
        if announced.kind == Kind::Lease {
            let (len, behind) = read_varint(rest).expect("I7 no harm: an entry is whole");
            rest = &behind[usize::try_from(len).expect("64 bits")..];
        } else {
            key = Some(word());
        }
        let mut values = [None; 4];
        for (value, number) in values.iter_mut().zip(TYPES) {
            if announced.types & 1 << number != 0 {
                let (found, behind) = read_varint(rest).expect("I7 no harm: an entry is whole");
                rest = behind;
                *value = Some(found);
            }
        }
        assert!(rest.is_empty(), "I7 no harm: nothing belongs behind an entry");
        Message::Entry { table: announced.table, sender_table, id, life, key, values }
    }
}
