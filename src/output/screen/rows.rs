//! Rows as text.

use crate::escape;
use crate::output::entries::{self, columns};
use crate::stick::{Definition, key};
use crate::table::{Column, Row};

/// The most characters of a text that are kept.
const MOST: usize = 120;

/// A row as text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cells {
    /// The key, escaped.
    pub key: String,
    /// A value for each heading.
    pub values: Vec<String>,
    /// What is left of its life.
    pub left: String,
    /// The peers that it comes from.
    pub from: String,
    /// It has changed just now.
    pub fresh: bool,
}

/// How long a row counts as changed just now.
const FRESH_MS: u64 = 1000;

/// The columns of a table but its key.
#[must_use]
pub fn view_columns(definition: &Definition) -> Vec<Column> {
    entries::columns(definition)
}

/// The heading of a column: `http_req_rate(10s)`, `gpc[1]`.
#[must_use]
pub fn heading(column: &Column) -> String {
    columns::heading(column)
}

/// The row as text. `peers` are the names of the sources, escaped.
#[must_use]
pub fn cells(row: &Row<'_>, definition: &Definition, columns: &[Column], peers: &[&str]) -> Cells {
    let value = |column: &Column| match row.number(column) {
        Some(number) => columns::grouped(number),
        None => shorten(&escape::name(row.text(column).unwrap_or_default())),
    };
    let names: Vec<&str> = row.sources().iter().filter_map(|source| peers.get(*source)).copied().collect();
    Cells {
        key: shorten(&key::text(definition.key_type, row.key())),
        values: columns.iter().map(value).collect(),
        left: row.rest_ms().map_or_else(|| "-".to_owned(), columns::life),
        from: names.join("+"),
        fresh: row.newest().age_ms() < FRESH_MS,
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(MOST).collect()
}
