//! Entries on the wire.
//!
//! ```text
//! 4 bytes  update id           types 0x80 and 0x85 only
//! 4 bytes  remaining life, ms  types 0x85 and 0x86 only
//! key      integer, ip: 4 bytes │ ipv6: 16 bytes │ binary: key length bytes │ string: varint length, bytes
//! data     one varint for each slot of the layout; a text is: varint L │ within L bytes: varint id [│ varint length, text]
//! ```

use crate::grammar::KeyType;
use crate::proto::define::{self, cut};
use crate::proto::dictionary::{MAX_TEXT, Received, SLOTS};
use crate::proto::error::ProtoError;
use crate::proto::frame::Type;
use crate::proto::reader::Reader;
use crate::proto::varint;
use crate::stick::{Definition, ValueKind, key};

const MESSAGE: &str = "an entry update";

/// The head of an entry message: what comes before the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The update id, if the message has one of its own.
    pub id: Option<u32>,
    /// The remaining life in milliseconds, if it is a timed one.
    pub life_ms: Option<u32>,
}

/// What an entry message says of `server_key`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerKey<'a> {
    /// Nothing: the table has no such column, or the value is none. What was known before stays.
    Unchanged,
    /// A number that stands for nothing, because its text was never sent. HAProxy notes a text as sent before it knows whether
    /// the message fits its output buffer (seen with 2.6, 3.0 and 3.2 in large resyncs): a text that meets a full buffer
    /// never comes in that session, and any HAProxy that learns from it lacks it, too.
    Unexplained,
    /// The server's name, or its address with `srvkey addr`.
    Text(&'a [u8]),
}

/// A text as it travels: its number in the dictionary of that direction, with the text itself when that is new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference<'a> {
    /// 1 to 128; 0 = no text.
    pub id: usize,
    /// The text that the number stands for from now on.
    pub text: Option<&'a [u8]>,
}

impl Reference<'_> {
    /// No text; the receiver keeps what it has.
    pub const NONE: Self = Self { id: 0, text: None };
}

/// Reads entries of one table without allocating: the values land in one buffer, used again for each entry.
#[derive(Clone, Debug)]
pub struct Decoder {
    key_type: KeyType,
    key_len: u32,
    /// For each slot what its value is.
    kinds: Vec<ValueKind>,
    /// For each slot the bits of a number that count, if none is a text: the whole data is one run of numbers then.
    plain: Option<Box<[u64]>>,
    /// All data types are known, so that nothing follows the values.
    whole: bool,
    values: Vec<u64>,
}

impl Decoder {
    /// A decoder of the entries of a table; `data_types` are all that its definition announced.
    #[must_use]
    pub fn new(definition: &Definition, data_types: u64) -> Self {
        let fields = definition.layout.fields().iter();
        let kinds: Vec<_> = fields.flat_map(|field| vec![field.kind; field.slots()]).collect();
        let bits = || kinds.iter().map(|kind| cut(*kind, u64::MAX)).collect();
        let plain = (!kinds.contains(&ValueKind::Text)).then(bits);
        let values = vec![0; kinds.len()];
        let known = definition.layout.fields().iter().fold(0, |bits, field| bits | define::bit(field.data_type));
        let whole = known == data_types;
        Self { key_type: definition.key_type, key_len: definition.key_len, kinds, plain, whole, values }
    }

    /// The values of the entry read last.
    #[must_use]
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// Reads an entry: its head, its canonical key, and its text (`None` = no such column), which `texts` knows from then on.
    ///
    /// # Errors
    /// If it is shorter or longer than its fields, or goes over a limit.
    #[inline]
    pub fn decode<'a>(
        &mut self,
        kind: Type,
        payload: &'a [u8],
        texts: &mut Received,
    ) -> Result<(Head, &'a [u8], Option<Reference<'a>>), ProtoError> {
        let mut reader = Reader::new(MESSAGE, payload);
        let explicit = kind == Type::UPDATE || kind == Type::TIMED;
        let timed = kind == Type::TIMED || kind == Type::TIMED_INCREMENTAL;
        let id = if explicit { Some(reader.u32("update id")?) } else { None };
        let life_ms = if timed { Some(reader.u32("remaining life")?) } else { None };
        let key = self.key(&mut reader)?;
        let mut text = None;
        if let Some(bits) = &self.plain {
            reader.varints("data", bits, &mut self.values)?;
        } else {
            text = self.mixed(&mut reader, texts)?;
        }
        // What follows otherwise belongs to data types that are not known here.
        if self.whole {
            reader.end()?;
        }
        Ok((Head { id, life_ms }, key, text))
    }

    /// Reads values of which one is a text.
    fn mixed<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        texts: &mut Received,
    ) -> Result<Option<Reference<'a>>, ProtoError> {
        let mut text = None;
        for (value, kind) in self.values.iter_mut().zip(&self.kinds) {
            if *kind == ValueKind::Text {
                let reference = reference(reader)?;
                *value = reference.id as u64;
                if let Some(text) = reference.text {
                    texts.set(reference.id, text);
                }
                text = Some(reference);
            } else {
                *value = cut(*kind, reader.varint("data")?);
            }
        }
        Ok(text)
    }

    #[inline]
    fn key<'a>(&self, reader: &mut Reader<'a>) -> Result<&'a [u8], ProtoError> {
        let wire = match self.key_type {
            KeyType::STRING => {
                let len = reader.varint_up_to("key length", define::MAX_KEY)?;
                reader.bytes("key", len as usize)?
            }
            _ => reader.bytes("key", self.key_len as usize)?,
        };
        Ok(key::canonical(self.key_type, self.key_len, wire))
    }
}

/// Reads a text.
fn reference<'a>(reader: &mut Reader<'a>) -> Result<Reference<'a>, ProtoError> {
    let len = reader.varint("dictionary length")?;
    let malformed = ProtoError::Malformed { message: MESSAGE, field: "dictionary entry" };
    let len = usize::try_from(len).map_err(|_| malformed)?;
    let bytes = reader.bytes("dictionary entry", len)?;
    if bytes.is_empty() {
        return Ok(Reference::NONE);
    }
    let mut entry = Reader::new(MESSAGE, bytes);
    let id = entry.varint("dictionary id")?;
    let slot = usize::try_from(id).ok().filter(|slot| (1..=SLOTS).contains(slot));
    let slot = slot.ok_or(ProtoError::DictionaryId { id })?;
    if entry.rest().is_empty() {
        return Ok(Reference { id: slot, text: None });
    }
    let len = entry.varint_up_to("dictionary text length", u32::try_from(MAX_TEXT).unwrap_or(u32::MAX))?;
    let text = entry.bytes("dictionary text", len as usize)?;
    entry.end()?;
    Ok(Reference { id: slot, text: Some(text) })
}

/// Appends the payload of an entry: `values` are the slots of the definition's layout, `text` is what goes in place of the slot
/// of a text. The caller has checked key, text and number of values.
pub fn encode(definition: &Definition, head: Head, key: &[u8], values: &[u64], text: Reference<'_>, out: &mut Vec<u8>) {
    out.extend(head.id.into_iter().chain(head.life_ms).flat_map(u32::to_be_bytes));
    if definition.key_type == KeyType::STRING {
        varint::encode(key.len() as u64, out);
    }
    out.extend_from_slice(key);
    for field in definition.layout.fields() {
        match field.kind {
            ValueKind::Text => encode_text(text, out),
            // A negative server id travels as the 64-bit number of the same sign.
            ValueKind::Signed32 => field.of(values).iter().for_each(|value| {
                let signed = define::low_32(*value).cast_signed();
                varint::encode(i64::from(signed).cast_unsigned(), out);
            }),
            kind => field.of(values).iter().for_each(|value| varint::encode(cut(kind, *value), out)),
        }
    }
}

fn encode_text(reference: Reference<'_>, out: &mut Vec<u8>) {
    match reference {
        Reference { id: 0, .. } => out.push(0),
        // An id is one byte: 1 to 128.
        Reference { id, text: None } => {
            varint::encode(1, out);
            varint::encode(id as u64, out);
        }
        Reference { id, text: Some(text) } => {
            let length_bytes = if text.len() < 240 { 1 } else { 2 };
            varint::encode((1 + length_bytes + text.len()) as u64, out);
            varint::encode(id as u64, out);
            varint::encode(text.len() as u64, out);
            out.extend_from_slice(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::dictionary::Sent;
    use crate::stick::{Place, parse};

    fn definition(line: &str) -> Definition {
        let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
        Definition::of_schema(b"t", &schema).expect("a key type")
    }

    fn bits(definition: &Definition) -> u64 {
        definition.layout.fields().iter().fold(0, |bits, field| bits | define::bit(field.data_type))
    }

    #[test]
    fn an_entry_of_a_real_haproxy_is_read() {
        let definition = definition("type ipv6 expire 30s store conn_cnt,sess_rate(2m),bytes_in_cnt");
        let payload =
            b"\0\0\0\x01\0\0\x72\xcc\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x05\xf4\x17\x11\0\xff\xff\xff\x7f";
        let mut decoder = Decoder::new(&definition, bits(&definition));
        let mut texts = Received::default();
        let (head, key, text) = decoder.decode(Type::TIMED, payload, &mut texts).expect("an entry");
        assert_eq!(head, Head { id: Some(1), life_ms: Some(29_388) });
        assert_eq!((key.len(), text), (16, None));
        assert_eq!(decoder.values(), [5, 612, 17, 0, 33_818_863]);
        for end in 0..payload.len() {
            assert!(decoder.decode(Type::TIMED, &payload[..end], &mut texts).is_err(), "{end} bytes");
        }
        let longer = [payload.as_slice(), b"x"].concat();
        let trailing = Err(ProtoError::Trailing { message: MESSAGE, bytes: 1 });
        assert_eq!(decoder.decode(Type::TIMED, &longer, &mut texts).map(|_| ()), trailing);
        assert!(
            Decoder::new(&definition, bits(&definition) | 1 << 40).decode(Type::TIMED, &longer, &mut texts).is_ok()
        );
        let mut out = Vec::new();
        let values = [5, 612, 17, 0, 33_818_863];
        encode(&definition, head, key, &values, Reference::NONE, &mut out);
        assert_eq!(out, payload);
    }

    #[test]
    fn texts_are_sent_once_and_known_from_then_on() {
        let definition = definition("type integer store server_id,server_key");
        let (mut sent, mut received) = (Sent::default(), Received::default());
        let mut decoder = Decoder::new(&definition, bits(&definition));
        let minus_one = u64::from(u32::MAX);
        // From 240 on, a length takes two bytes.
        let [long, short, longer] = [MAX_TEXT, 239, 240].map(|len| "x".repeat(len));
        for text in
            [Some("srv1"), None, Some("srv2"), Some("srv1"), Some(""), Some(&*long), Some(&short), Some(&longer)]
        {
            let text = text.map(str::as_bytes).filter(|text| !text.is_empty());
            let reference = text.map_or(Reference::NONE, |text| {
                let (id, new) = sent.id(text);
                Reference { id, text: new.then_some(text) }
            });
            let mut out = Vec::new();
            let head = Head { id: None, life_ms: None };
            encode(&definition, head, b"\0\0\0\x07", &[minus_one, 0], reference, &mut out);
            let (_, _, read) = decoder.decode(Type::INCREMENTAL, &out, &mut received).expect("an entry");
            assert_eq!(read, Some(reference));
            assert_eq!(received.get(reference.id), text);
            assert_eq!(decoder.values()[0], minus_one);
            for end in 0..out.len() {
                assert!(decoder.decode(Type::INCREMENTAL, &out[..end], &mut received.clone()).is_err());
            }
        }
    }

    #[test]
    fn a_key_of_a_string_table_has_a_length_of_its_own() {
        let definition = definition("type string len 8 store gpc0");
        let head = Head { id: Some(7), life_ms: None };
        for key in [b"".as_slice(), b"a", b"12345678"] {
            let mut out = Vec::new();
            encode(&definition, head, key, &[3], Reference::NONE, &mut out);
            assert_eq!(out.len(), 4 + 1 + key.len() + 1);
            let mut decoder = Decoder::new(&definition, bits(&definition));
            assert_eq!(decoder.decode(Type::UPDATE, &out, &mut Received::default()), Ok((head, key, None)));
        }
    }

    #[test]
    fn dictionary_ids_outside_1_to_128_are_refused() {
        let definition = definition("type integer store server_key");
        let decode = |entry: &[u8]| {
            let payload = [b"\0\0\0\x07", entry].concat();
            Decoder::new(&definition, bits(&definition))
                .decode(Type::INCREMENTAL, &payload, &mut Received::default())
                .map(|(.., text)| text.map(|text| text.id))
        };
        assert_eq!(decode(b"\x00"), Ok(Some(0)));
        assert_eq!(decode(b"\x01\x80"), Ok(Some(128)));
        assert_eq!(decode(b"\x03\x01\x01a"), Ok(Some(1)));
        assert_eq!(decode(b"\x01\x00"), Err(ProtoError::DictionaryId { id: 0 }));
        assert_eq!(decode(b"\x03\x81\x01a"), Err(ProtoError::DictionaryId { id: 129 }));
        assert!(decode(b"\x03\x01\x02a").is_err(), "a text longer than its entry");
        assert!(decode(b"\x04\x01\x01ab").is_err(), "a text shorter than its entry");
        assert!(decode(b"\x04\x01\xff\xff\x7f").is_err(), "a text longer than the limit");
        assert!(decode(b"\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e").is_err(), "an entry of 2^64-1 bytes");
    }

    #[test]
    fn values_too_large_for_their_column_are_cut_as_haproxy_cuts_them() {
        let definition = definition("type integer store gpc0,bytes_in_cnt");
        let mut payload = b"\0\0\0\x07".to_vec();
        varint::encode((1 << 33) + 7, &mut payload);
        varint::encode((1 << 33) + 7, &mut payload);
        let mut decoder = Decoder::new(&definition, bits(&definition));
        decoder.decode(Type::INCREMENTAL, &payload, &mut Received::default()).expect("an entry");
        assert_eq!(decoder.values(), [7, (1 << 33) + 7]);
    }
}
