//! What entries can be compared by.

use std::cmp::Ordering;

use thiserror::Error;

use crate::escape;
use crate::grammar::DataType;
use crate::stick::{Definition, Field, ValueKind};

use super::EntryRef;

/// Something that each entry of a table has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// Its key.
    Key,
    /// The text of `server_key`; empty where there is none.
    ServerKey,
    /// A value of one of the table's data types: of a rate, the rate now.
    Value {
        /// The data type.
        field: Field,
        /// The element of an array; 0 for a single value.
        element: usize,
    },
}

impl Column {
    /// The column called `key`, `server_key`, `http_req_rate`, or `gpc[1]` for an element of an array.
    ///
    /// # Errors
    /// If the table has no such column.
    pub fn parse(text: &str, definition: &Definition) -> Result<Self, ColumnError> {
        let unknown = || ColumnError::unknown(text, definition);
        let (name, element) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            Some((name, element)) => (name, Some(element.parse().map_err(|_| unknown())?)),
            None => (text, None),
        };
        Self::named(name, element, definition)
    }

    /// The column of a name and an element.
    ///
    /// # Errors
    /// If the table has no such column.
    pub fn named(name: &str, element: Option<usize>, definition: &Definition) -> Result<Self, ColumnError> {
        let unknown = || ColumnError::unknown(name, definition);
        if name == "key" && element.is_none() {
            return Ok(Self::Key);
        }
        let data_type = DataType::by_name(name.as_bytes()).ok_or_else(unknown)?;
        let field = definition.layout.field(data_type).ok_or_else(unknown)?;
        let shown = || field.data_type.to_string();
        match (field.count, element) {
            (None, None) if field.kind == ValueKind::Text => Ok(Self::ServerKey),
            (None, None) => Ok(Self::Value { field: *field, element: 0 }),
            (Some(_), Some(element)) if element < field.values() => Ok(Self::Value { field: *field, element }),
            (Some(count), _) => Err(ColumnError::Element { name: shown(), count }),
            (None, Some(_)) => Err(ColumnError::NoArray { name: shown() }),
        }
    }

    /// The entry's number in this column; `None` for a column of texts.
    #[must_use]
    pub fn number(&self, entry: &EntryRef<'_>) -> Option<i128> {
        let Self::Value { field, element } = self else { return None };
        Some(match field.kind {
            ValueKind::Rate => entry.rate(field, *element).into(),
            ValueKind::Signed32 => low(entry.value(field, *element)).cast_signed().into(),
            _ => entry.value(field, *element).into(),
        })
    }

    /// The entry's text in this column: the bytes of its key or of `server_key`; `None` for a column of numbers.
    #[must_use]
    pub fn text<'a>(&self, entry: &EntryRef<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Key => Some(entry.key()),
            Self::ServerKey => Some(entry.server_key().unwrap_or_default()),
            Self::Value { .. } => None,
        }
    }

    /// What entries are sorted by.
    pub(super) fn rank<'a>(&self, entry: &EntryRef<'a>) -> Rank<'a> {
        self.number(entry).map_or_else(|| Rank::Text(self.text(entry).unwrap_or_default()), Rank::Number)
    }
}

/// Something with a key and a content in each column: an entry, or a row of several sources.
pub trait Contents {
    /// The key's canonical bytes.
    fn key(&self) -> &[u8];

    /// The number in a column; `None` if it has texts.
    fn number(&self, column: &Column) -> Option<i128>;

    /// The text in a column; `None` if it has numbers.
    fn text(&self, column: &Column) -> Option<&[u8]>;
}

impl Contents for EntryRef<'_> {
    fn key(&self) -> &[u8] {
        self.key()
    }

    fn number(&self, column: &Column) -> Option<i128> {
        column.number(self)
    }

    fn text(&self, column: &Column) -> Option<&[u8]> {
        column.text(self)
    }
}

/// The content of a column; all of one column are of one kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank<'a> {
    Number(i128),
    Text(&'a [u8]),
}

/// How entries are sorted: by a column; those with the same content by their keys, upwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sort {
    /// By what.
    pub column: Column,
    /// The largest first.
    pub descending: bool,
}

impl Sort {
    /// Keys upwards: numbers and addresses by their size, texts by their bytes.
    pub const BY_KEY: Self = Self { column: Column::Key, descending: false };

    /// What `--sort` says: a column, the largest first, or with `:asc` behind it the smallest.
    ///
    /// # Errors
    /// If the table has no such column.
    pub fn parse(text: &str, definition: &Definition) -> Result<Self, ColumnError> {
        let (column, descending) = match text.rsplit_once(':') {
            Some((column, "asc")) => (column, false),
            Some((column, "desc")) => (column, true),
            _ => (text, true),
        };
        Ok(Self { column: Column::parse(column, definition)?, descending })
    }

    /// Which of two contents of the column comes first.
    pub(super) fn order(&self, a: Rank<'_>, b: Rank<'_>) -> Ordering {
        if self.descending { b.cmp(&a) } else { a.cmp(&b) }
    }

    pub(super) fn compare<'a>(&self, a: &(Rank<'a>, EntryRef<'a>), b: &(Rank<'a>, EntryRef<'a>)) -> Ordering {
        self.order(a.0, b.0).then_with(|| a.1.key().cmp(b.1.key()))
    }
}

/// Why a table has no column of some name.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ColumnError {
    /// It doesn't store that.
    #[error("table `{table}` has no `{found}`; it has {has}")]
    Unknown {
        /// The name, escaped.
        found: String,
        /// The table's name, escaped.
        table: String,
        /// What it has.
        has: String,
    },
    /// An array without the number of an element, or with one that is too large.
    #[error("`{name}` has {count} elements: name one, from `{name}[0]` to `{name}[{}]`", count.saturating_sub(1))]
    Element {
        /// The data type.
        name: String,
        /// The number of its elements.
        count: u32,
    },
    /// The number of an element where there is only one value.
    #[error("`{name}` is a single value: write it without brackets")]
    NoArray {
        /// The data type.
        name: String,
    },
}

impl ColumnError {
    fn unknown(found: &str, definition: &Definition) -> Self {
        let fields = definition.layout.fields().iter().map(|field| match field.count {
            Some(count) => format!("{}[0..{}]", field.data_type, count.saturating_sub(1)),
            None => field.data_type.to_string(),
        });
        let has: Vec<String> = std::iter::once("key".to_owned()).chain(fields).collect();
        let table = escape::name(&definition.name).into_owned();
        Self::Unknown { found: escape::name(found.as_bytes()).into_owned(), table, has: has.join(", ") }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the slot of a number of 32 bits")]
const fn low(value: u64) -> u32 {
    value as u32
}
