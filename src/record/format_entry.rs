//! The parts of an entry's line that its table decides on: key and data.

use std::mem;

use crate::grammar::KeyType;
use crate::record::table_text::{FieldText, TableText};
use crate::record::{Entry, json};
use crate::stick::key::{self, Readable};
use crate::stick::{Field, FreqCtr, ValueKind};

/// `"gpc0":3,"http_req_rate":{…}`
pub(super) fn push_data(out: &mut Vec<u8>, table: &TableText, entry: &Entry<'_>) {
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
pub(super) fn push_key(out: &mut Vec<u8>, key_type: KeyType, key: &[u8]) {
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

pub(super) fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn low_half(slot: u64) -> u32 {
    u32::try_from(slot & u64::from(u32::MAX)).unwrap_or_default()
}
