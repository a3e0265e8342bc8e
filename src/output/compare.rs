//! In which entries peers differ, for people and as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::entries::{self, Listed, records};
use super::json::{self, VERSION};
use crate::escape;
use crate::grammar::DataType;
use crate::record::{Checksum, Formatter, Time};
use crate::stick::{Definition, ValueKind, key};
use crate::table::{Column, EntryRef};

/// A table, compared. Lists of peers have the order of their names.
#[derive(Clone, Debug)]
pub struct Compared<'a> {
    /// Its name on the wire.
    pub name: &'a [u8],
    /// What each peer says of it; `None` if it has no such table.
    pub definitions: Vec<Option<&'a Definition>>,
    /// Whether that is told from its entries: only the type of the keys and the columns can be relied on.
    pub guessed: Vec<bool>,
    /// The entries each peer has.
    pub entries: Vec<usize>,
    /// Those that only this peer has.
    pub only: Vec<usize>,
    /// All entries that aren't the same everywhere, those that only one peer has counted in.
    pub total: usize,
    /// These, or the first of them; entries that only one peer has may be left out.
    pub differences: Vec<Difference<'a>>,
    /// What was compared: for each of these a column for each peer.
    pub columns: Vec<Vec<Option<Column>>>,
    /// How far counts and rates may be apart, as a part of the larger one.
    pub tolerance: f64,
}

/// An entry that isn't the same everywhere.
#[derive(Clone, Debug)]
pub struct Difference<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// What each peer has of it.
    pub entries: Vec<Option<EntryRef<'a>>>,
}

impl Compared<'_> {
    /// Whether anything isn't the same.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.total > 0 || self.definitions_differ()
    }

    fn definitions_differ(&self) -> bool {
        let mut all = self.definitions.iter().zip(&self.guessed);
        let Some((first, guessed)) = all.next() else { return false };
        all.any(|(other, too)| match (first, other) {
            (Some(a), Some(b)) if *guessed || *too => {
                (a.key_type, &a.layout) != (b.key_type, &b.layout) && !self.entries.contains(&0)
            }
            (a, b) => a != b,
        })
    }
}

/// Whether two values of one column are the same, or near enough: counts and rates may be apart by `tolerance` of the larger one,
/// rates by 1 in any case, because each is rounded down at a moment of its own.
#[must_use]
pub fn alike(one: (&Column, &EntryRef<'_>), other: (&Column, &EntryRef<'_>), tolerance: f64) -> bool {
    let (Some(a), Some(b)) = (one.0.number(one.1), other.0.number(other.1)) else {
        return one.0.text(one.1) == other.0.text(other.1);
    };
    let Column::Value { field, .. } = one.0 else { return a == b };
    let exact = matches!(field.data_type, DataType::SERVER_ID | DataType::GPT0 | DataType::GPT);
    if a == b || exact {
        return a == b;
    }
    let apart = a.abs_diff(b);
    let larger = a.unsigned_abs().max(b.unsigned_abs());
    #[expect(clippy::cast_precision_loss, reason = "a tolerance is no exact thing")]
    let near = apart as f64 <= larger as f64 * tolerance;
    near || field.kind == ValueKind::Rate && apart <= 1
}

/// Prints a paragraph for each table: how many entries each peer has, and those that differ, with the values that do.
///
/// # Errors
/// If `out` fails.
pub fn text(tables: &[Compared<'_>], names: &[&str], color: bool, out: &mut dyn Write) -> io::Result<()> {
    let (bold, plain) = if color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    for table in tables {
        let name = escape::name(table.name);
        let counts: Vec<String> =
            names.iter().zip(&table.entries).map(|(name, count)| format!("{name} {count}")).collect();
        let verdict = match table.total {
            0 if table.definitions_differ() => "defined otherwise".to_owned(),
            0 => "the same".to_owned(),
            total => {
                let only = names.iter().zip(&table.only).filter(|(_, only)| **only > 0);
                let only: String = only.map(|(name, only)| format!(", {only} only on {name}")).collect();
                format!("{total} not the same{only}")
            }
        };
        writeln!(out, "{bold}{name}{plain}: {}; {verdict}", counts.join(", "))?;
        if table.definitions_differ() {
            for (name, definition) in names.iter().zip(&table.definitions) {
                let text = definition.map_or_else(|| "no such table".to_owned(), ToString::to_string);
                writeln!(out, "  {name}: {text}")?;
            }
        }
        for difference in &table.differences {
            writeln!(out, "  {}", line(table, difference, names))?;
        }
        let more = table.total - table.differences.len();
        if more > 0 {
            writeln!(out, "  … and {more} more (--limit)")?;
        }
    }
    Ok(())
}

/// `10.0.0.1  gpc0: lb1 7, lb2 9; server_key: lb1 web1, lb2 web2`
fn line(table: &Compared<'_>, difference: &Difference<'_>, names: &[&str]) -> String {
    let key_type = table.definitions.iter().flatten().next().map(|definition| definition.key_type);
    let key = key_type.map(|key_type| key::text(key_type, difference.key)).unwrap_or_default();
    let with: Vec<&str> =
        names.iter().zip(&difference.entries).filter(|(_, entry)| entry.is_some()).map(|(name, _)| *name).collect();
    if with.len() < names.len() {
        return format!("{key}  only on {}", with.join(", "));
    }
    let parts: Vec<String> =
        table.columns.iter().filter_map(|columns| part(table, difference, columns, names)).collect();
    format!("{key}  {}", parts.join("; "))
}

/// The values of a column, if they aren't alike.
fn part(
    table: &Compared<'_>,
    difference: &Difference<'_>,
    columns: &[Option<Column>],
    names: &[&str],
) -> Option<String> {
    let held = columns.iter().zip(&difference.entries).zip(names);
    let held: Vec<((&Column, &EntryRef<'_>), &&str)> =
        held.filter_map(|((column, entry), name)| Some(((column.as_ref()?, entry.as_ref()?), name))).collect();
    let (first, _) = held.first()?;
    if held.iter().all(|(other, _)| alike(*first, *other, table.tolerance)) {
        return None;
    }
    let value = |(column, entry): (&Column, &EntryRef<'_>)| match column.number(entry) {
        Some(number) => number.to_string(),
        None => escape::name(column.text(entry).unwrap_or_default()).into_owned(),
    };
    let values: Vec<String> = held.iter().map(|(of, name)| format!("{name} {}", value(*of))).collect();
    Some(format!("{}: {}", entries::name(first.0), values.join(", ")))
}

/// Prints the document of the contract; where a peer lacks an entry that others have, or a table, `null` stands.
///
/// # Errors
/// If `out` fails, or a record would be too long.
pub fn json(tables: &[Compared<'_>], names: &[&str], out: &mut dyn Write) -> io::Result<()> {
    write!(out, r#"{{"version":{VERSION},"tables":["#)?;
    for (n, table) in tables.iter().enumerate() {
        let by_peer =
            |counts: &[usize]| -> BTreeMap<&str, usize> { names.iter().copied().zip(counts.iter().copied()).collect() };
        let definitions: Map<String, Value> = names
            .iter()
            .zip(&table.definitions)
            .map(|(name, definition)| ((*name).to_owned(), definition.map(ToString::to_string).into()))
            .collect();
        let head = json!({
            "name": escape::name(table.name),
            "definitions": definitions,
            "entries": by_peer(&table.entries),
            "only": by_peer(&table.only),
        });
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        let mut text = Vec::new();
        json::print_compact(&head, &mut text)?;
        out.write_all(text.strip_suffix(b"}").unwrap_or(&text))?;
        out.write_all(b",\"differ\":[")?;
        for (n, difference) in table.differences.iter().enumerate() {
            out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
            json::print_compact(&difference_json(table, difference, names)?, out)?;
        }
        write!(out, "]}}")?;
    }
    writeln!(out, "]}}")
}

/// `{"key":"10.0.0.1","values":{"lb1":{…},"lb2":{…}}}`, made of the fields of records.
fn difference_json(table: &Compared<'_>, difference: &Difference<'_>, names: &[&str]) -> io::Result<Value> {
    let mut document = Map::new();
    let mut values = Map::new();
    for ((name, entry), definition) in names.iter().zip(&difference.entries).zip(&table.definitions) {
        let (Some(entry), Some(definition)) = (entry, definition) else {
            values.insert((*name).to_owned(), Value::Null);
            continue;
        };
        let mut lines = Formatter::new(Checksum::None);
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let id = lines.table(name.as_bytes(), definition).map_err(invalid)?;
        lines.clear();
        let mut slots = Vec::new();
        let listed = Listed { peer: name.as_bytes(), definition, entries: Vec::new(), total: 0, numbered: false };
        records::push_entry(&mut lines, &listed, id, entry, Time::default(), &mut slots).map_err(invalid)?;
        let mut record: Map<String, Value> = serde_json::from_slice(lines.lines())?;
        for field in ["key", "key_hex"] {
            if let Some(key) = record.remove(field) {
                document.insert(field.to_owned(), key);
            }
        }
        values.insert((*name).to_owned(), record.remove("data").unwrap_or_default());
    }
    document.insert("values".to_owned(), values.into());
    Ok(document.into())
}
