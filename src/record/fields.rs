//! The fields of a record that is any valid JSON: each one with its place in the line.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::escape;
use crate::record::{MAX_NAME, Problem, Time, json};

/// The fields of all records, as they stand in a line; `null` is as good as nothing.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Fields<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Raw<'a>,
    #[serde(borrow)]
    pub(super) version: Raw<'a>,
    #[serde(borrow)]
    pub(super) peerctl: Raw<'a>,
    #[serde(borrow)]
    pub(super) time: Raw<'a>,
    #[serde(borrow)]
    pub(super) peer: Raw<'a>,
    #[serde(borrow)]
    pub(super) peer_hex: Raw<'a>,
    #[serde(borrow)]
    pub(super) table: Raw<'a>,
    #[serde(borrow)]
    pub(super) table_hex: Raw<'a>,
    #[serde(borrow)]
    pub(super) key_type: Raw<'a>,
    #[serde(borrow)]
    pub(super) key_len: Raw<'a>,
    #[serde(borrow)]
    pub(super) expire_ms: Raw<'a>,
    #[serde(borrow)]
    pub(super) store: Raw<'a>,
    #[serde(borrow)]
    pub(super) key: Raw<'a>,
    #[serde(borrow)]
    pub(super) key_hex: Raw<'a>,
    #[serde(borrow)]
    pub(super) resync: Raw<'a>,
    #[serde(borrow)]
    pub(super) update_id: Raw<'a>,
    #[serde(borrow)]
    pub(super) data: Raw<'a>,
    #[serde(borrow)]
    pub(super) event: Raw<'a>,
    #[serde(borrow)]
    pub(super) detail: Raw<'a>,
    #[serde(borrow)]
    pub(super) entries: Raw<'a>,
    #[serde(borrow)]
    pub(super) complete: Raw<'a>,
    #[serde(borrow)]
    pub(super) crc: Raw<'a>,
}

/// A value as it stands in the line.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// The bytes a value stands for, and the value.
pub(super) type Placed<'a> = (&'a RawValue, Cow<'a, [u8]>);

/// A problem and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// Bytes of the line before it.
    pub(super) at: usize,
    pub(super) problem: Problem,
}

/// A line of JSON, to find the places of its parts.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The line and its fields.
    pub(super) fn new(line: &'a [u8]) -> Result<(Self, Fields<'a>), Fault> {
        let line = str::from_utf8(line).map_err(|error| Fault { at: error.valid_up_to(), problem: Problem::Utf8 })?;
        let fields =
            serde_json::from_str(line).map_err(|error| Fault { at: place(&error), problem: not_json(&error) })?;
        Ok((Self(line), fields))
    }

    /// Bytes of the line before `part`, which is a part of it.
    pub(super) fn place(self, part: &RawValue) -> usize {
        part.get().as_ptr().addr().saturating_sub(self.0.as_ptr().addr())
    }

    pub(super) fn fault(self, part: &RawValue, problem: Problem) -> Fault {
        Fault { at: self.place(part), problem }
    }

    /// A field's value that is something else than expected.
    pub(super) fn wrong(self, part: &RawValue, field: &str, expected: &str) -> Fault {
        let mut found = part.get();
        let shortened = found.len() > 40;
        if shortened {
            found = found.get(..found.floor_char_boundary(40)).unwrap_or_default();
        }
        let found = format!("{}{}", escape::line(found.as_bytes()), if shortened { "…" } else { "" });
        self.fault(part, Problem::Value { field: field.into(), found, expected: expected.into() })
    }

    /// A number or a truth value, or several.
    pub(super) fn value<T: DeserializeOwned>(self, part: &RawValue, field: &str, expected: &str) -> Result<T, Fault> {
        serde_json::from_str(part.get()).map_err(|_| self.wrong(part, field, expected))
    }

    pub(super) fn string(self, part: &'a RawValue, field: &str) -> Result<Cow<'a, str>, Fault> {
        /// Serde borrows text within a structure only.
        #[derive(Deserialize)]
        struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
        match serde_json::from_str(part.get()) {
            Ok(Borrowed(text)) => Ok(text),
            Err(_) => Err(self.wrong(part, field, "a text")),
        }
    }

    pub(super) fn time(self, part: Raw<'_>) -> Result<Time, Fault> {
        let part = part.ok_or(missing("time"))?;
        let text = part.get().as_bytes();
        let time = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).and_then(Time::parse);
        time.ok_or_else(|| self.wrong(part, "time", "a time such as 2026-01-01T00:00:00.000Z"))
    }

    /// The bytes of a field that is either text or, with `_hex`, hexadecimal digits; and where they stand.
    pub(super) fn bytes(self, field: &'static str, text: Raw<'a>, hex: Raw<'a>) -> Result<Option<Placed<'a>>, Fault> {
        Ok(match (text, hex) {
            (None, None) => None,
            (Some(_), Some(hex)) => return Err(self.fault(hex, Problem::Both(field))),
            (Some(text), None) => Some((
                text,
                match self.string(text, field)? {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                },
            )),
            (None, Some(hex)) => {
                let name = format!("{field}_hex");
                let mut bytes = Vec::new();
                json::push_unhex(&mut bytes, self.string(hex, &name)?.as_bytes())
                    .ok_or_else(|| self.wrong(hex, &name, "hexadecimal digits, two for each byte"))?;
                Some((hex, Cow::Owned(bytes)))
            }
        })
    }

    /// A name that must be there.
    pub(super) fn name(self, field: &'static str, text: Raw<'a>, hex: Raw<'a>) -> Result<Cow<'a, [u8]>, Fault> {
        let (part, name) = self.bytes(field, text, hex)?.ok_or(missing(field))?;
        if name.len() > MAX_NAME {
            return Err(self.fault(part, Problem::Name(name.len())));
        }
        Ok(name)
    }
}

/// Something that should be in the line.
pub(super) const fn missing(field: &'static str) -> Fault {
    Fault { at: 0, problem: Problem::Missing(field) }
}

/// Bytes before the place of an error, which serde counts from 1, and from 0 where there is nothing.
pub(super) fn place(error: &serde_json::Error) -> usize {
    error.column().saturating_sub(1)
}

/// What serde says, without the place and without anything from the line that a terminal acts on.
fn not_json(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    Problem::Json(escape::line(text.as_bytes()).into_owned())
}
