//! Table definitions on the wire.
//!
//! ```text
//! varint  table id             the sender's number for the table on this session
//! varint  name length, name
//! varint  key type             2 integer, 4 ip, 5 ipv6, 6 string, 7 binary
//! varint  key length           bytes; a string's counts a terminator
//! varint  data types           bit n set = data type n present
//! varint  expire               ms, 0 = never; may be missing with all that follows
//! then for each present type with parameters, in the order of the numbers:
//!   varint type │ varint elements (arrays) │ varint period in ms (rates)
//! ```

use crate::grammar::{DataArgument, DataType, KeyType};
use crate::limits;
use crate::proto::error::ProtoError;
use crate::proto::reader::Reader;
use crate::proto::varint;
use crate::stick::{Definition, Layout, MAX_ELEMENTS, ValueKind};

/// The longest name of a table this side takes, in bytes.
pub const MAX_NAME: u32 = limits::NAME;

/// The longest key this side takes, in bytes: what fits HAProxy's buffer.
pub const MAX_KEY: u32 = limits::KEY;

const MESSAGE: &str = "a table definition";

/// A definition message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    /// The sender's number for the table.
    pub id: u64,
    /// All data types that are present, as bits, those unknown here included.
    pub data_types: u64,
    /// The definition, or why its entries can't be read; then HAProxy ignores them silently.
    pub definition: Result<Definition, Unreadable>,
}

/// Why the entries of a defined table can't be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// The key type isn't known, or its keys can't have that length.
    Key {
        /// As announced.
        key_type: u64,
        /// As announced.
        key_len: u32,
    },
    /// The parameters of that data type are missing or those of another one.
    Parameters(DataType),
}

impl Announced {
    /// Reads the payload of a definition message.
    ///
    /// # Errors
    /// If it is shorter than its fields, has no name, or goes over a limit.
    pub fn decode(payload: &[u8]) -> Result<Self, ProtoError> {
        let mut reader = Reader::new(MESSAGE, payload);
        let id = reader.varint("table id")?;
        let name_len = reader.varint_up_to("name length", MAX_NAME)?;
        let name = reader.bytes("name", name_len as usize)?;
        if name.is_empty() {
            return Err(ProtoError::NoName);
        }
        let key_type = reader.varint("key type")?;
        let key_len = reader.varint_up_to("key length", MAX_KEY)?;
        let data_types = reader.varint("data types")?;
        // Nothing at all behind the data types: the periods of rates are not known then, which is fine without arrays.
        let bare = reader.rest().is_empty();
        let expire_ms = if bare { 0 } else { low_32(reader.varint("expire")?) };
        let definition = match (check_key(KeyType(key_type), key_len), layout(&mut reader, data_types, bare)?) {
            (false, _) => Err(Unreadable::Key { key_type, key_len }),
            (true, Err(data_type)) => Err(Unreadable::Parameters(data_type)),
            (true, Ok(layout)) => {
                Ok(Definition { name: name.into(), key_type: KeyType(key_type), key_len, expire_ms, layout })
            }
        };
        Ok(Self { id, data_types, definition })
    }
}

/// Appends the payload that announces `definition` under the number `id`.
pub fn encode(id: u64, definition: &Definition, out: &mut Vec<u8>) {
    let fields = definition.layout.fields();
    let data_types = fields.iter().fold(0_u64, |bits, field| bits | bit(field.data_type));
    varint::encode(id, out);
    varint::encode(definition.name.len() as u64, out);
    out.extend_from_slice(&definition.name);
    for number in [definition.key_type.0, definition.key_len.into(), data_types, definition.expire_ms.into()] {
        varint::encode(number, out);
    }
    for field in fields.iter().filter(|field| field.count.is_some() || field.period_ms.is_some()) {
        varint::encode(field.data_type.0.into(), out);
        for number in [field.count, field.period_ms].into_iter().flatten() {
            varint::encode(number.into(), out);
        }
    }
}

/// The bit of a data type in a definition.
pub(super) fn bit(data_type: DataType) -> u64 {
    1_u64.checked_shl(data_type.0.into()).unwrap_or(0)
}

/// Whether keys of the type can be read, and have that length.
fn check_key(key_type: KeyType, key_len: u32) -> bool {
    match key_type {
        KeyType::INTEGER | KeyType::IP => key_len == 4,
        KeyType::IPV6 => key_len == 16,
        KeyType::STRING | KeyType::BINARY => key_len > 0,
        _ => false,
    }
}

/// The layout of the known data types, with the parameters that follow; `Err` with the type whose parameters are missing.
fn layout(reader: &mut Reader<'_>, data_types: u64, bare: bool) -> Result<Result<Layout, DataType>, ProtoError> {
    let mut types = Vec::new();
    for data_type in (0..64).map(DataType).filter(|data_type| data_types & bit(*data_type) != 0) {
        // Data and parameters come in the order of the numbers, so that everything behind an unknown type is left unread.
        let Some(info) = data_type.info() else { return Ok(Ok(Layout::new(types))) };
        let (count, period) = (info.argument.has_count(), info.argument.has_period());
        if info.argument == DataArgument::None || (bare && !count) {
            types.push((data_type, None, None));
            continue;
        }
        if reader.rest().is_empty() || reader.varint("data type of a parameter")? != u64::from(data_type.0) {
            return Ok(Err(data_type));
        }
        let count = if count { Some(reader.varint_up_to("number of elements", MAX_ELEMENTS)?) } else { None };
        let period = if period { Some(low_32(reader.varint("period")?)) } else { None };
        types.push((data_type, count, period));
    }
    reader.end()?;
    Ok(Ok(Layout::new(types)))
}

/// As HAProxy stores a number that is too large for its field.
pub(super) const fn low_32(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// A value as it is kept in a slot of that kind.
pub(super) const fn cut(kind: ValueKind, value: u64) -> u64 {
    match kind {
        ValueKind::Unsigned64 | ValueKind::Text => value,
        ValueKind::Signed32 | ValueKind::Unsigned32 | ValueKind::Rate => value & 0xffff_ffff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stick::key::unhex;

    fn decode(hex: &str) -> Announced {
        Announced::decode(&unhex(hex.as_bytes()).expect("digits")).expect("a definition")
    }

    #[test]
    fn a_definition_of_a_real_haproxy_is_read_and_written_back() {
        for (hex, name, text) in [
            (
                "01032f76360510f08203f0c40d08f0bd39",
                "/v6",
                "type ipv6 expire 30s store conn_cnt,sess_rate(2m),bytes_in_cnt",
            ),
            (
                "04082f7374725f6172720621f0f1fe6ef0af910016031704 1804f0c40d",
                "/str_arr",
                "type string len 32 expire 5m store gpt(3),gpc(4),gpc_rate(4,30s)",
            ),
        ] {
            let hex = hex.replace(' ', "");
            let announced = decode(&hex);
            let definition = announced.definition.expect("readable");
            assert_eq!((&*definition.name, definition.to_string().as_str()), (name.as_bytes(), text));
            let mut out = Vec::new();
            encode(announced.id, &definition, &mut out);
            assert_eq!(crate::stick::key::hex(&out), hex.to_uppercase());
        }
    }

    #[test]
    fn parameters_behind_an_unknown_type_are_not_read() {
        // Types 2 and 40; behind the expire there is a parameter of 40 only.
        let mut payload = b"\x01\x01t\x04\x04".to_vec();
        varint::encode(1 << 40 | 1 << 2, &mut payload);
        payload.extend(b"\x00\x28\x07");
        let announced = Announced::decode(&payload).expect("a definition");
        let definition = announced.definition.expect("readable");
        assert_eq!(definition.to_string(), "type ip store gpc0");
        assert_eq!(announced.data_types, 1 << 40 | 1 << 2);
    }

    #[test]
    fn what_haproxy_ignores_silently_is_unreadable() {
        let announced = |bits: u64, rest: &[u8]| {
            let mut payload = b"\x01\x01t\x04\x04".to_vec();
            varint::encode(bits, &mut payload);
            payload.extend_from_slice(rest);
            Announced::decode(&payload).map(|announced| announced.definition.map(|definition| definition.to_string()))
        };
        let unreadable = |data_type| Ok(Err(Unreadable::Parameters(data_type)));
        assert_eq!(announced(1 << 3, b""), Ok(Ok("type ip store gpc0_rate".to_owned())), "rates without parameters");
        assert_eq!(announced(1 << 23, b""), unreadable(DataType::GPC), "an array without parameters");
        assert_eq!(announced(1 << 3, b"\x00"), unreadable(DataType::GPC0_RATE), "an expire, but no period");
        assert_eq!(announced(1 << 3, b"\x00\x05\x07"), unreadable(DataType::GPC0_RATE), "another type's period");
        assert_eq!(
            Announced::decode(b"\x01\x01t\x08\x04\x00").map(|announced| announced.definition),
            Ok(Err(Unreadable::Key { key_type: 8, key_len: 4 }))
        );
        assert_eq!(
            Announced::decode(b"\x01\x01t\x06\x00\x00").map(|announced| announced.definition),
            Ok(Err(Unreadable::Key { key_type: 6, key_len: 0 })),
            "keys have a byte at least"
        );
    }

    #[test]
    fn every_prefix_and_every_limit_is_an_error() {
        let whole = b"\x01\x01t\x04\x04\x04";
        for end in 0..whole.len() {
            assert!(Announced::decode(&whole[..end]).is_err(), "{end} bytes");
        }
        assert_eq!(Announced::decode(b"\x01\x00\x04\x04\x04"), Err(ProtoError::NoName));
        let limit = |payload: &[u8]| matches!(Announced::decode(payload), Err(ProtoError::Limit { .. }));
        assert!(limit(b"\x01\xff\xff\x7ft"), "a name of 264431 bytes");
        assert!(limit(b"\x01\x01t\x07\xff\xff\x7f\x04"), "keys of 264431 bytes");
        let mut array = b"\x01\x01t\x04\x04".to_vec();
        varint::encode(1 << 22, &mut array);
        array.extend(b"\x00\x16\x65");
        assert!(limit(&array), "101 elements");
    }
}
