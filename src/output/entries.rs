//! Entries of stick tables, as they are at one moment, in several formats.

pub mod columns;
pub mod csv;
pub mod json;
pub mod lines;
pub mod records;
pub mod set_table;

use crate::record::Time;
use crate::stick::{Definition, ValueKind};
use crate::table::{Column, EntryRef};

/// Entries of one table of one peer, in the order in which they are printed.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// The peer's name.
    pub peer: &'a [u8],
    /// What the entries are.
    pub definition: &'a Definition,
    /// The entries.
    pub entries: Vec<EntryRef<'a>>,
    /// How many there are, those counted in that aren't listed.
    pub total: usize,
    /// Whether the sender numbers its updates: peers do, the runtime socket prints no numbers.
    pub numbered: bool,
}

/// The columns of a table but its key, one for each element of an array.
#[must_use]
pub fn columns(definition: &Definition) -> Vec<Column> {
    let of_field = |field: &crate::stick::Field| {
        let field = *field;
        let count = if field.kind == ValueKind::Text { 1 } else { field.values() };
        (0..count).map(move |element| match field.kind {
            ValueKind::Text => Column::ServerKey,
            _ => Column::Value { field, element },
        })
    };
    definition.layout.fields().iter().flat_map(of_field).collect()
}

/// The column's name, as filters take it: `gpc0`, `gpc[1]`.
#[must_use]
pub fn name(column: &Column) -> String {
    match column {
        Column::Key => "key".to_owned(),
        Column::ServerKey => "server_key".to_owned(),
        Column::Value { field, element } if field.count.is_some() => format!("{}[{element}]", field.data_type),
        Column::Value { field, .. } => field.data_type.to_string(),
    }
}

/// When the state of an entry arrived, and what was left of its life then; `now` is the time of day at which it is read.
#[must_use]
pub fn received(entry: &EntryRef<'_>, now: Time) -> (Time, Option<u32>) {
    let age = entry.age_ms();
    let rest = entry.rest_ms().map(|rest| u32::try_from(u64::from(rest).saturating_add(age)).unwrap_or(u32::MAX));
    (Time::from_unix_ms(now.unix_ms().saturating_sub(age)), rest)
}
