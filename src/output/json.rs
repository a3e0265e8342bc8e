//! What the JSON renderers share. Documents are streamed: an element is made when it is its turn to be printed. No string
//! in them lets a terminal do anything but show it.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::escape;

/// The value of `"version"` in every document.
pub const VERSION: u32 = 1;

/// Prints a document for people and programs, and ends the line.
///
/// # Errors
/// If `out` fails.
pub fn print(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Safe(PrettyFormatter::new())))?;
    out.write_all(b"\n")
}

/// Prints a document without blanks and line ends.
///
/// # Errors
/// If `out` fails.
pub fn print_compact(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    Ok(value.serialize(&mut serde_json::Serializer::with_formatter(out, Safe(CompactFormatter)))?)
}

/// Text as it is; a byte that is no text as `\xNN`, and then what a terminal acts on, too.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match escape::referred(bytes) {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).map_or_else(|_| escape::name(bytes), Cow::Borrowed),
        Cow::Owned(bytes) => {
            String::from_utf8(bytes).unwrap_or_else(|error| escape::name(error.as_bytes()).into_owned()).into()
        }
    }
}

/// Writes as `F` does, but what a terminal would act on in strings as `\u`.
struct Safe<F>(F);

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if !fragment.chars().any(escape::is_unsafe) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut safe = Vec::with_capacity(fragment.len() + 8);
        for c in fragment.chars() {
            if escape::is_unsafe(c) {
                escape::push_json(&mut safe, c);
            } else {
                safe.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        writer.write_all(&safe)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn documents_look_as_usual_and_no_terminal_acts_on_them() {
        let plain = json!({ "version": 1, "names": ["a", "ü\n\"\\"], "none": [], "empty": {} });
        let mut out = Vec::new();
        print(&plain, &mut out).expect("a vector takes all");
        assert_eq!(out, [serde_json::to_vec_pretty(&plain).expect("JSON"), b"\n".to_vec()].concat());
        for c in ('\0'..=char::MAX).filter(|c| escape::is_unsafe(*c)) {
            let hostile = json!({ format!("k{c}"): format!("{c}v") });
            let mut out = Vec::new();
            print_compact(&hostile, &mut out).expect("a vector takes all");
            assert!(!str::from_utf8(&out).expect("UTF-8").chars().any(escape::is_unsafe), "{c:?}");
            assert_eq!(serde_json::from_slice::<Value>(&out).expect("JSON"), hostile);
        }
    }
}
