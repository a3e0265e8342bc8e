//! What can be wrong with records.

use std::io;

use thiserror::Error;

use crate::record::{MAX_LINE, MAX_NAME, MAX_TABLES, VERSION};
use crate::stick::MAX_ELEMENTS;
use crate::stick::key::KeyError;

/// Why a record wasn't written. Nothing of it is in the file.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The records before it could not be written; they are kept, and so this one may be tried again.
    #[error("cannot write records behind byte {position}: {source}")]
    Io {
        /// The bytes that are written.
        position: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The line would be longer than readers take.
    #[error("a record of {0} bytes is too long: a line has at most {MAX_LINE}")]
    Line(usize),
    /// The name of a peer or of a table is too long.
    #[error("a name of {0} bytes is too long for a record: at most {MAX_NAME}")]
    Name(usize),
    /// An array has too many elements.
    #[error("an array of {0} elements is too long for a record: at most {MAX_ELEMENTS}")]
    Elements(u32),
    /// There are too many tables.
    #[error("a file has at most {MAX_TABLES} tables: record fewer peers or tables into it")]
    Tables,
    /// The entry's table was never defined in this file.
    #[error("table number {0} has no definition in this file")]
    Undefined(usize),
}

/// Why records can't be read on.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file can't be read.
    #[error("cannot read records behind byte {position}: {source}")]
    Io {
        /// The bytes that were read.
        position: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A line is no record.
    #[error("line {line}, column {column}: {problem}")]
    Line {
        /// Its number, counted from 1.
        line: u64,
        /// The byte in the line, counted from 1.
        column: u64,
        /// What is wrong there.
        problem: Problem,
    },
}

/// What is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Problem {
    /// It isn't JSON.
    #[error("{0}; expected a record, one JSON object on a line: repair the line or leave it out")]
    Json(String),
    /// It isn't UTF-8, as JSON must be.
    #[error("not UTF-8; expected a record, one JSON object on a line: repair the line or leave it out")]
    Utf8,
    /// It has too many bytes.
    #[error("the line is longer than {MAX_LINE} bytes, the most that a record has: leave it out")]
    TooLong,
    /// The first record isn't a header.
    #[error("the first record is no header: this is no file of records, or its beginning is missing")]
    NoHeader,
    /// The file has another version.
    #[error(
        "records of version {0}, but this program reads version {VERSION}: use the peerctl that wrote them, or a newer one"
    )]
    Version(u64),
    /// The checksum is another one.
    #[error(
        "the checksum is {found}, but that of the line is {computed}: the line is damaged, or was changed: leave it out, or its `crc`"
    )]
    Checksum {
        /// That of the line.
        found: String,
        /// That of its bytes.
        computed: String,
    },
    /// The checksum can't be checked.
    #[error("`crc` doesn't end the line as it was written; leave `crc` out of lines that were changed")]
    ChecksumPlace,
    /// A field is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A data type that the table stores is missing.
    #[error("`{0}` is missing, which the table stores")]
    MissingData(String),
    /// A data type that the table doesn't store.
    #[error("`{0}` is no data type that the table stores: repair its `table` record or this one")]
    ForeignData(String),
    /// A field has a value that it can't have.
    #[error("`{field}` is {found}; expected {expected}")]
    Value {
        /// The field.
        field: String,
        /// Its value, shortened.
        found: String,
        /// What it can be.
        expected: String,
    },
    /// Both forms of a field are there.
    #[error("both `{0}` and `{0}_hex`: leave one out")]
    Both(&'static str),
    /// A name is too long.
    #[error("a name of {0} bytes is too long: at most {MAX_NAME}")]
    Name(usize),
    /// The key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The table has no definition.
    #[error("table `{table}` of peer `{peer}` has no `table` record before this line")]
    Undefined {
        /// The peer, escaped.
        peer: String,
        /// The table, escaped.
        table: String,
    },
    /// There are too many tables.
    #[error("a file has at most {MAX_TABLES} tables: split it")]
    Tables,
}

impl Problem {
    /// Whether a line that was written right can have become this, and not only one that was written wrong.
    pub(super) const fn is_damage(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Utf8 | Self::TooLong | Self::Checksum { .. })
    }
}
