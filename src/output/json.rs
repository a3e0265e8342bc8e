//! What the JSON renderers share. Documents are streamed: an element is made when it is its turn to be printed.

use std::fmt;

use serde::{Serialize, Serializer};

/// The value of `"version"` in every document.
pub const VERSION: u32 = 1;

/// An array whose elements are made while it is printed.
pub(super) struct Each<F>(pub(super) F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: IntoIterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Bytes as two hexadecimal digits each.
#[derive(Clone, Copy)]
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Bytes as text where they are UTF-8, else as hex: just one of the two.
pub(super) fn text_or_hex(bytes: &[u8]) -> (Option<&str>, Option<Hex<'_>>) {
    match str::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(_) => (None, Some(Hex(bytes))),
    }
}
