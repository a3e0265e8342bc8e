//! What HAProxy prints about itself on its runtime socket: stick tables with their entries, and the state of its peers.
//!
//! No sockets here: [`ShownTable`], [`EntryLine`] and [`Columns`] read the answer to `show table`, [`peers::parse`] that to
//! `show peers`, and [`explain`] says what the state of each peer means.
//!
//! # What `show table` can't give
//! * The three numbers of a frequency counter: only the rate at that moment is printed. It is stored as a counter whose
//!   period has just begun, which reads the same now, but fades otherwise than the real one.
//! * Update ids, the table's `expire` and, for strings, their `len`. An entry's `exp` is 0 in tables without `expire`.
//! * Whether `gpc0` is the data type of that name or the first element of `gpc`: see [`Columns::of`].
//! * Whether `server_key=-` means none or a server that is called `-`. A name that a peer has taught is printed as it is, line ends
//!   included: it can look like more entries.
//!
//! Looked at: HAProxy 2.6.12, 3.0.11 and 3.2.26; their outputs are in `fixtures/runtime`.

mod advice;
mod columns;
mod error;
pub mod peers;
mod table;

pub use advice::{Advice, Severity, explain};
pub use columns::Columns;
pub use error::ShownError;
pub use peers::PeersSection;
pub use table::{EntryLine, ShownField, ShownTable};
