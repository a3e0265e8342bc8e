//! Records: what dumps, recordings and state files hold, one JSON object a line, and the only code that writes and reads it.
//!
//! [`Writer`] and [`Reader`] know nothing of files: they work on a [`Journal`] and on [`Read`](std::io::Read).
//! `docs/records.md` describes the format.

use crate::limits;

mod error;
mod event;
mod fast;
mod fields;
mod format;
mod format_entry;
mod journal;
mod json;
mod lines;
mod parse;
mod read;
mod table_text;
mod tables;
mod time;
mod write;

pub use error::{Problem, RecordError, WriteError};
pub use event::{End, Entry, Header, Record, Session, SessionEvent, Table, TableId};
pub use format::Formatter;
pub use journal::{Journal, Stream};
pub use read::{Damage, Reader, Summary, Tail};
pub use time::Time;
pub use write::{Checksum, Writer};

/// The version of the format that is written, and the newest one that is read.
pub const VERSION: u32 = 1;
/// The most bytes of a line, its end included.
pub const MAX_LINE: usize = limits::RECORD_LINE;
/// The most bytes of the name of a peer or of a table.
pub const MAX_NAME: usize = limits::NAME as usize;
/// The most tables of a file; one that several peers have counts for each of them.
pub const MAX_TABLES: usize = limits::RECORD_TABLES;
