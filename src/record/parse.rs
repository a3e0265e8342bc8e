//! Records from any valid JSON: fields in any order, with any spaces, unknown ones passed over.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::escape;
use crate::grammar::{DataType, KeyType};
use crate::record::fast::{EntryLine, Scratch};
use crate::record::fields::{Fault, Fields, Text, missing, place};
use crate::record::tables::Tables;
use crate::record::{End, Header, Problem, Session, SessionEvent, Table, TableId, VERSION};
use crate::stick::{Definition, Field, FreqCtr, Layout, MAX_ELEMENTS, ValueKind, key};

/// What a line says, but for what is in [`Scratch`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Parsed {
    Header(Header<'static>),
    Table(TableId),
    Entry(EntryLine),
    Session(Session<'static>),
    End(End),
    /// A record that this version doesn't know.
    Unknown,
}

/// Reads a line without its end; `checked` says that its checksum is right.
pub(super) fn parse(line: &[u8], checked: bool, tables: &mut Tables, out: &mut Scratch) -> Result<Parsed, Fault> {
    let (text, fields) = Text::new(line)?;
    if let (Some(crc), false) = (fields.crc, checked) {
        return Err(text.fault(crc, Problem::ChecksumPlace));
    }
    let kind = text.string(fields.kind.ok_or(missing("type"))?, "type")?;
    match &*kind {
        "header" => header(text, &fields).map(Parsed::Header),
        "table" => table(text, &fields, tables).map(Parsed::Table),
        "entry" => entry(text, &fields, tables, out).map(Parsed::Entry),
        "session" => session(text, &fields),
        "end" => end(text, &fields).map(Parsed::End),
        _ => Ok(Parsed::Unknown),
    }
}

fn header(text: Text<'_>, fields: &Fields<'_>) -> Result<Header<'static>, Fault> {
    let version_text = fields.version.ok_or(missing("version"))?;
    let version: u64 = text.value(version_text, "version", "a number")?;
    if version != u64::from(VERSION) {
        return Err(text.fault(version_text, Problem::Version(version)));
    }
    let peerctl = text.string(fields.peerctl.ok_or(missing("peerctl"))?, "peerctl")?.into_owned().into();
    Ok(Header { version: VERSION, peerctl, time: text.time(fields.time)? })
}

fn table(text: Text<'_>, fields: &Fields<'_>, tables: &mut Tables) -> Result<TableId, Fault> {
    let number = |part: Option<&RawValue>, field| {
        text.value::<u32>(part.ok_or(missing(field))?, field, "a number up to 4294967295")
    };
    let peer = text.name("peer", fields.peer, fields.peer_hex)?.into_owned().into();
    let name = text.name("table", fields.table, fields.table_hex)?.into_owned().into();
    let key_type_text = fields.key_type.ok_or(missing("key_type"))?;
    let key_type = key_type(&text.string(key_type_text, "key_type")?)
        .ok_or_else(|| text.wrong(key_type_text, "key_type", "a key type such as `ip`"))?;
    let layout = layout(text, fields.store.ok_or(missing("store"))?)?;
    let key_len = number(fields.key_len, "key_len")?;
    let expire_ms = number(fields.expire_ms, "expire_ms")?;
    let definition = Definition { name, key_type, key_len, expire_ms, layout };
    tables.define(Table { peer, definition }).ok_or(Fault { at: 0, problem: Problem::Tables })
}

/// The type of a word, or of `type 31`, as an unknown one is written.
fn key_type(word: &str) -> Option<KeyType> {
    let by_word = || KeyType::by_word(word.as_bytes(), None).map(|info| info.key_type);
    by_word().or_else(|| word.strip_prefix("type ")?.parse().ok().map(KeyType))
}

fn layout(text: Text<'_>, store: &RawValue) -> Result<Layout, Fault> {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        count: Option<u32>,
        period_ms: Option<u32>,
    }
    let rows: Vec<Row<'_>> = serde_json::from_str(store.get())
        .map_err(|_| text.wrong(store, "store", "a list such as [{\"name\":\"conn_rate\",\"period_ms\":10000}]"))?;
    let wrong = |row: &Row<'_>, expected: &str| {
        let found = escape::line(row.name.as_bytes()).into_owned();
        let expected = expected.to_owned();
        text.fault(store, Problem::Value { field: "store".into(), found, expected })
    };
    let mut types = Vec::new();
    for row in &rows {
        // Types of a newer version are passed over, in entries, too.
        let Some(info) = DataType::by_name(row.name.as_bytes()).and_then(DataType::info) else { continue };
        let (count, period_ms) = (
            info.argument.has_count().then_some(row.count.filter(|count| *count <= MAX_ELEMENTS)),
            info.argument.has_period().then_some(row.period_ms),
        );
        if count == Some(None) {
            return Err(wrong(row, &format!("a `count` of at most {MAX_ELEMENTS} with it")));
        }
        if period_ms == Some(None) {
            return Err(wrong(row, "a `period_ms` with it"));
        }
        if types.iter().any(|(data_type, _, _)| *data_type == info.data_type) {
            return Err(wrong(row, "each data type once"));
        }
        types.push((info.data_type, count.flatten(), period_ms.flatten()));
    }
    types.sort_by_key(|(data_type, _, _)| *data_type);
    Ok(Layout::new(types))
}

fn entry(text: Text<'_>, fields: &Fields<'_>, tables: &Tables, out: &mut Scratch) -> Result<EntryLine, Fault> {
    let time = text.time(fields.time)?;
    let peer = text.name("peer", fields.peer, fields.peer_hex)?;
    let name = text.name("table", fields.table, fields.table_hex)?;
    let undefined = || {
        let [peer, table] = [&peer, &name].map(|name| escape::name(name).into_owned());
        Fault { at: 0, problem: Problem::Undefined { peer, table } }
    };
    let table = tables.by_name(&peer, &name).ok_or_else(undefined)?;
    let (Table { definition, .. }, _) = tables.get(table).ok_or_else(undefined)?;
    entry_key(text, fields, definition, out)?;
    let number = |part: Option<&RawValue>, field| {
        part.map(|part| text.value::<u32>(part, field, "a number up to 4294967295")).transpose()
    };
    let expire_ms = number(fields.expire_ms, "expire_ms")?;
    let update_id = number(fields.update_id, "update_id")?;
    let resync = match fields.resync {
        Some(part) => text.value(part, "resync", "true or false")?,
        None => false,
    };
    let server_key = data(text, fields.data.ok_or(missing("data"))?, &definition.layout, out)?;
    Ok(EntryLine { table, time, expire_ms, resync, update_id, server_key })
}

fn entry_key(text: Text<'_>, fields: &Fields<'_>, definition: &Definition, out: &mut Scratch) -> Result<(), Fault> {
    let Definition { key_type, key_len, .. } = *definition;
    let (part, bytes) = text.bytes("key", fields.key, fields.key_hex)?.ok_or(missing("key"))?;
    let key_error = |error: key::KeyError| text.fault(part, error.into());
    out.key.clear();
    if fields.key_hex.is_some() {
        key::check(key_type, key_len, &bytes).map_err(key_error)?;
        out.key.extend_from_slice(&bytes);
    } else {
        let written = str::from_utf8(&bytes).unwrap_or_default();
        out.key.extend_from_slice(&key::parse(key_type, key_len, written).map_err(key_error)?);
    }
    Ok(())
}

/// The known data types of an entry, each once, and the text of its `server_key` in digits.
struct Data<'a> {
    values: Vec<(DataType, &'a RawValue)>,
    server_key_hex: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Types;
        impl<'de> Visitor<'de> for Types {
            type Value = Data<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut data = Data { values: Vec::new(), server_key_hex: None };
                while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    let known = DataType::by_name(name.as_bytes());
                    let twice = match known {
                        None if name == "server_key_hex" => data.server_key_hex.replace(value).is_some(),
                        None => false,
                        Some(known) => {
                            let twice = data.values.iter().any(|(data_type, _)| *data_type == known);
                            data.values.push((known, value));
                            twice
                        }
                    };
                    if twice {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                }
                Ok(data)
            }
        }
        deserializer.deserialize_map(Types)
    }
}

/// Whether there is a `server_key`.
fn data<'a>(text: Text<'a>, part: &'a RawValue, layout: &Layout, out: &mut Scratch) -> Result<bool, Fault> {
    let Data { values, server_key_hex } = serde_json::from_str(part.get()).map_err(|error| {
        let wrong = text.wrong(part, "data", "an object that has each data type of the table once");
        Fault { at: wrong.at + place(&error), ..wrong }
    })?;
    let foreign = values.iter().find(|(data_type, _)| layout.field(*data_type).is_none());
    if let Some((data_type, value)) = foreign {
        return Err(text.fault(value, Problem::ForeignData(data_type.to_string())));
    }
    out.values.clear();
    let mut server_key = false;
    for field in layout.fields() {
        let value = values.iter().find(|(data_type, _)| *data_type == field.data_type).map(|(_, value)| *value);
        if field.kind == ValueKind::Text {
            out.values.extend(std::iter::repeat_n(0, field.slots()));
            let value = value.filter(|value| value.get() != "null");
            if let Some((_, bytes)) = text.bytes("server_key", value, server_key_hex)? {
                out.server_key.clear();
                out.server_key.extend_from_slice(&bytes);
                server_key = true;
            }
            continue;
        }
        let missing = || Fault { at: text.place(part), problem: Problem::MissingData(field.data_type.to_string()) };
        push_values(text, value.ok_or_else(missing)?, field, &mut out.values)?;
    }
    Ok(server_key)
}

fn push_values(text: Text<'_>, part: &RawValue, field: &Field, out: &mut Vec<u64>) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Rate {
        current: u32,
        previous: u32,
        age_ms: u32,
    }
    let name = field.data_type.to_string();
    let name = &*name;
    let slots =
        |rate: &Rate| FreqCtr { elapsed_ms: rate.age_ms, current: rate.current, previous: rate.previous }.slots();
    let before = out.len();
    match (field.kind, field.count) {
        (ValueKind::Unsigned32, None) => out.push(text.value::<u32>(part, name, "a number up to 4294967295")?.into()),
        (ValueKind::Unsigned32, Some(count)) => {
            let list: Vec<u32> = text.value(part, name, &format!("a list of {count} numbers up to 4294967295"))?;
            out.extend(list.into_iter().map(u64::from));
        }
        (ValueKind::Signed32, _) => {
            let expected = "a number from -2147483648 to 2147483647";
            out.push(text.value::<i32>(part, name, expected)?.cast_unsigned().into());
        }
        (ValueKind::Unsigned64, _) => out.push(text.value(part, name, "a number up to 18446744073709551615")?),
        (ValueKind::Rate, None) => {
            let expected = "a rate such as {\"rate\":1,\"current\":1,\"previous\":0,\"age_ms\":0}";
            out.extend(slots(&text.value(part, name, expected)?));
        }
        (ValueKind::Rate, Some(count)) => {
            let expected =
                format!("a list of {count} rates such as {{\"rate\":1,\"current\":1,\"previous\":0,\"age_ms\":0}}");
            let list: Vec<Rate> = text.value(part, name, &expected)?;
            out.extend(list.iter().flat_map(slots));
        }
        (ValueKind::Text, _) => {}
    }
    if out.len() - before != field.slots() {
        return Err(text.wrong(part, name, &format!("a list of {} elements", field.values())));
    }
    Ok(())
}

fn session(text: Text<'_>, fields: &Fields<'_>) -> Result<Parsed, Fault> {
    let time = text.time(fields.time)?;
    let peer = text.name("peer", fields.peer, fields.peer_hex)?.into_owned().into();
    let event = text.string(fields.event.ok_or(missing("event"))?, "event")?;
    let detail = fields.detail.map(|part| text.string(part, "detail")).transpose()?;
    let Some(event) = SessionEvent::by_word(&event) else { return Ok(Parsed::Unknown) };
    Ok(Parsed::Session(Session { time, peer, event, detail: detail.map(|detail| detail.into_owned().into()) }))
}

fn end(text: Text<'_>, fields: &Fields<'_>) -> Result<End, Fault> {
    let entries = text.value(fields.entries.ok_or(missing("entries"))?, "entries", "a number")?;
    Ok(End { entries, complete: text.value(fields.complete.ok_or(missing("complete"))?, "complete", "true or false")? })
}
