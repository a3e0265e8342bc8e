//! What can be wrong with records.

use std::io;

use thiserror::Error;

use crate::record::{MAX_LINE, MAX_NAME, MAX_TABLES};
use crate::stick::MAX_ELEMENTS;

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
