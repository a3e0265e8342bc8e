//! Lossless syntax of haproxy.cfg: the text is the truth, an index lies on top.
//!
//! HAProxy cuts a file at LF *before* it looks at quotes, so a file is sections › lines › words and every line is
//! read on its own. [`Document::parse`] never fails: a line that HAProxy would refuse stays where it is and is listed
//! in [`Document::errors`]. What the words *mean* depends on the environment and the version: [`decode`] says.
//!
//! ```
//! use peerctl::config::{Document, LineNo};
//!
//! let doc = Document::parse(b"peers mesh\r\n  peer lb1 10.0.0.1:10000 # us\r\n".to_vec())?;
//! assert_eq!(doc.print(), doc.text()); // always, for any bytes
//! assert_eq!(doc.raw_words(LineNo(1)).count(), 3); // peer, lb1, 10.0.0.1:10000: neither the comment nor the CR
//! # Ok::<(), peerctl::config::TooLong>(())
//! ```

mod block;
pub mod decode;
mod document;
pub mod draft;
mod edit;
pub mod parse;
mod print;
mod source;
mod style;

pub use block::{Block, Branch};
pub use decode::{Decoded, Environment, Words};
pub use document::{Document, LineNo, RawWord, Section, TooLong};
pub use edit::{Edit, EditSet, Overlap};
pub use parse::{SyntaxError, SyntaxErrorKind};
pub use source::{LineColumn, Source};
pub use style::{LineStyle, Newline};
