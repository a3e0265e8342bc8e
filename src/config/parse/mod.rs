//! The parser: bytes to an index of lines and words.
//!
//! A line ends at LF and nowhere else; `line` cuts it into words; `word` knows what stands inside one. Errors are
//! collected, never returned: a file with a broken line is still shown, searched and edited elsewhere.

mod error;
mod line;
mod word;

pub use error::{SyntaxError, SyntaxErrorKind};
pub(crate) use line::{find_word_end, lex_line};
pub(crate) use word::pieces;
pub use word::{Escape, MAX_WORDS, Piece, Reference, ReferenceFault, is_blank};
