//! Entries for people as they come: one line each.
//!
//! ```text
//! 2026-01-01T00:00:00.000Z lb1 st_src 10.0.0.1 left=58s gpc0=3 http_req_rate(10s)=12
//! 2026-01-01T00:00:00.000Z lb1 resync_finished
//! ```

use std::fmt::Write as _;

use super::columns;
use super::columns::{grouped, heading, life};
use crate::escape;
use crate::record::{Session, Time};
use crate::stick::{Definition, FreqCtr, ValueKind, key};
use crate::table::Column;

/// The state of an entry: what [`crate::record::Entry`] says, but for the number of the table in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State<'a> {
    /// When it was received.
    pub time: Time,
    /// The canonical bytes of the key.
    pub key: &'a [u8],
    /// Remaining life at `time` in milliseconds; `None` = never expires.
    pub expire_ms: Option<u32>,
    /// Whether it came while a resync was under way.
    pub resync: bool,
    /// The number of the update, if there was one.
    pub update_id: Option<u32>,
    /// The values, by the layout of the definition.
    pub values: &'a [u64],
    /// The text of data type `server_key`.
    pub server_key: Option<&'a [u8]>,
}

/// A table of a peer, with the texts of its columns.
#[derive(Clone, Debug)]
pub struct TableLines {
    /// `lb1 st_src `.
    place: String,
    definition: Definition,
    columns: Vec<(String, Column)>,
}

impl TableLines {
    /// For a table of `peer`.
    #[must_use]
    pub fn new(peer: &[u8], definition: &Definition) -> Self {
        let place = format!("{} {} ", escape::name(peer), escape::name(&definition.name));
        let columns = columns(definition).into_iter().map(|column| (heading(&column), column)).collect();
        Self { place, definition: definition.clone(), columns }
    }

    /// Appends the line of the table itself.
    pub fn push_table(&self, time: Time, out: &mut Vec<u8>) {
        push(out, &format!("{time} {}{}\n", self.place, self.definition));
    }

    /// Appends the line of an entry. Values that are 0 are left out.
    pub fn push_entry(&self, entry: &State<'_>, out: &mut Vec<u8>) {
        let mut line = format!("{} {}{}", entry.time, self.place, key::text(self.definition.key_type, entry.key));
        if let Some(left) = entry.expire_ms {
            let _infallible = write!(line, " left={}", life(left));
        }
        for (name, column) in &self.columns {
            let value = value(column, entry);
            if !matches!(value.as_str(), "" | "0") {
                let _infallible = write!(line, " {name}={value}");
            }
        }
        line.push('\n');
        push(out, &line);
    }
}

/// Appends the line of what happened to a session.
pub fn push_session(session: &Session<'_>, out: &mut Vec<u8>) {
    let mut line = format!("{} {} {}", session.time, escape::name(&session.peer), session.event.word());
    if let Some(detail) = &session.detail {
        let _infallible = write!(line, ": {}", escape::line(detail.as_bytes()));
    }
    line.push('\n');
    push(out, &line);
}

fn value(column: &Column, entry: &State<'_>) -> String {
    match column {
        Column::Key => String::new(),
        Column::ServerKey => entry.server_key.map_or_else(String::new, |text| escape::name(text).into_owned()),
        Column::Value { field, element } => {
            let slots = field.kind.slots();
            let values = field.of(entry.values).get(element * slots..).unwrap_or_default();
            let first = values.first().copied().unwrap_or_default();
            let number = match field.kind {
                ValueKind::Rate => FreqCtr::from_slots(values).rate(field.period_ms.unwrap_or_default(), 0).into(),
                ValueKind::Signed32 => i128::from(low(first).cast_signed()),
                _ => first.into(),
            };
            grouped(number)
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the slot of a number of 32 bits")]
const fn low(value: u64) -> u32 {
    value as u32
}

fn push(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(line.as_bytes());
}
