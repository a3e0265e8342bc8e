//! Entries: what is read is what the description says of the bytes, and what is written of it reads back the same.
//!
//! The first byte of an input chooses the table and the type of the message.

#![no_main]

mod slow;
mod tables;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use peerctl::{
    grammar::KeyType,
    proto::{
        dictionary::{MAX_TEXT, Received},
        frame::Type,
        update::{self, Decoder, Head, Reference},
    },
    stick::{Definition, ValueKind},
};
use slow::Fields;
use tables::{Column, definition};

const N: Option<u32> = None;

/// `server_id` is 0, `gpt0` 1, `gpc0` 2, `conn_cnt` 4, `conn_rate` 5, `http_req_rate` 10, `bytes_in_cnt` 13, `bytes_out_cnt` 15,
/// `server_key` 19, `gpt` 22, `gpc` 23, `gpc_rate` 24, `glitch_cnt` 25.
const TABLES: [(KeyType, u32, &[Column]); 8] = [
    (KeyType::INTEGER, 4, &[(0, N, N), (19, N, N)]),
    (KeyType::IP, 4, &[(2, N, N), (5, N, Some(10_000)), (13, N, N)]),
    (KeyType::IPV6, 16, &[(4, N, N)]),
    (KeyType::STRING, 5, &[(22, Some(2), N), (24, Some(2), Some(1000))]),
    (KeyType::STRING, 41, &[(19, N, N), (25, N, N)]),
    (KeyType::BINARY, 3, &[(0, N, N), (10, N, Some(60_000))]),
    (KeyType::BINARY, 20, &[(1, N, N)]),
    (KeyType::INTEGER, 4, &[(15, N, N), (19, N, N), (23, Some(3), N)]),
];

struct Table {
    definition: Definition,
    /// The second one believes that there is a data type more, which it doesn't know.
    decoders: [Decoder; 2],
}

thread_local! {
    static ALL: RefCell<Vec<Table>> = RefCell::new(TABLES.iter().map(Table::new).collect());
}

impl Table {
    fn new((key_type, key_len, columns): &(KeyType, u32, &[Column])) -> Self {
        let definition = definition(b"t", *key_type, *key_len, columns);
        let bits = definition.layout.fields().iter().fold(0, |bits, field| bits | 1_u64 << field.data_type.0);
        let decoders = [bits, bits | 1 << 40].map(|bits| Decoder::new(&definition, bits));
        Self { definition, decoders }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((how, payload)) = data.split_first() else { return };
    let how = usize::from(*how);
    let kind = [Type::UPDATE, Type::INCREMENTAL, Type::TIMED, Type::TIMED_INCREMENTAL][how >> 3 & 3];
    ALL.with_borrow_mut(|all| check(&mut all[how & 7], kind, how >> 5 & 1, payload));
});

fn check(table: &mut Table, kind: Type, knows: usize, payload: &[u8]) {
    let Table { definition, decoders } = table;
    let decoder = &mut decoders[knows];
    let mut texts = Received::default();
    let found = decoder.decode(kind, payload, &mut texts).ok();
    let expected = reference(definition, kind, payload).filter(|(_, rest)| knows == 1 || *rest == 0);
    assert_eq!(found.is_some(), expected.is_some());
    let (Some((head, key, text)), Some((expected, _))) = (found, expected) else { return };
    assert_eq!((head, key, text), (expected.head, expected.key, expected.text));
    assert_eq!(decoder.values(), expected.values);
    if let Some(Reference { id, text: Some(text) }) = text {
        assert_eq!(texts.get(id), Some(text), "a text is known from then on");
    }

    let mut out = Vec::with_capacity(payload.len() + 16);
    update::encode(definition, head, key, &expected.values, text.unwrap_or(Reference::NONE), &mut out);
    let decoder = &mut decoders[0];
    assert_eq!(decoder.decode(kind, &out, &mut texts), Ok((head, key, text)));
    assert_eq!(decoder.values(), expected.values);
}

struct Entry<'a> {
    head: Head,
    key: &'a [u8],
    values: Vec<u64>,
    text: Option<Reference<'a>>,
}

/// The entry, and how many bytes follow it.
fn reference<'a>(definition: &Definition, kind: Type, payload: &'a [u8]) -> Option<(Entry<'a>, usize)> {
    let mut fields = Fields(payload);
    let id = if matches!(kind.0, 0x80 | 0x85) { Some(fields.u32()?) } else { None };
    let life_ms = if matches!(kind.0, 0x85 | 0x86) { Some(fields.u32()?) } else { None };
    let is_string = definition.key_type.0 == 6;
    let len = if is_string { fields.up_to(16_384)? } else { definition.key_len as usize };
    let mut key = fields.bytes(len)?;
    if is_string {
        let most = definition.key_len as usize - 1;
        key = &key[..key.iter().position(|byte| *byte == 0).unwrap_or(len).min(most)];
    }
    let (mut values, mut text) = (Vec::new(), None);
    for field in definition.layout.fields() {
        for _ in 0..field.slots() {
            if field.kind == ValueKind::Text {
                let found = reference_text(&mut fields)?;
                values.push(found.id as u64);
                text = Some(found);
            } else {
                let value = fields.number()?;
                values.push(if field.kind == ValueKind::Unsigned64 { value } else { value % (1 << 32) });
            }
        }
    }
    Some((Entry { head: Head { id, life_ms }, key, values, text }, fields.0.len()))
}

fn reference_text<'a>(fields: &mut Fields<'a>) -> Option<Reference<'a>> {
    let len = fields.up_to(u64::MAX)?;
    let mut entry = Fields(fields.bytes(len)?);
    if entry.0.is_empty() {
        return Some(Reference::NONE);
    }
    let id = entry.up_to(128).filter(|id| *id > 0)?;
    let mut text = None;
    if !entry.0.is_empty() {
        let len = entry.up_to(MAX_TEXT as u64)?;
        text = Some(entry.bytes(len)?);
    }
    entry.0.is_empty().then_some(Reference { id, text })
}
