//! Keys of stick tables: one canonical form for each, so that one key is never two.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::escape;
use crate::grammar::KeyType;

/// The canonical bytes of a key, as HAProxy stores it: a string ends before its first NUL and has at most `key_len` - 1 bytes;
/// other types are the bytes of the wire.
#[must_use]
pub fn canonical(key_type: KeyType, key_len: u32, wire: &[u8]) -> &[u8] {
    if key_type != KeyType::STRING {
        return wire;
    }
    let end = memchr::memchr(0, wire).unwrap_or(wire.len());
    let most = usize::try_from(key_len).unwrap_or(usize::MAX).saturating_sub(1);
    wire.get(..end.min(most)).unwrap_or(wire)
}

/// A key for people: a number, an address, text with escapes, upper-case hexadecimal digits for binary keys.
#[must_use]
pub fn text(key_type: KeyType, key: &[u8]) -> Cow<'_, str> {
    match readable(key_type, key) {
        Some(Readable::Text(text)) => escape::name(text.as_bytes()).into_owned().into(),
        Some(readable) => readable.to_string().into(),
        None if key_type == KeyType::STRING => escape::name(key),
        None => hex(key).into(),
    }
}

/// A key that a record can hold as text: a number, an address, UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readable<'a> {
    /// An integer key.
    Number(u32),
    /// An IPv4 key.
    Ip(Ipv4Addr),
    /// An IPv6 key.
    Ipv6(Ipv6Addr),
    /// A string key, as it is: nothing is escaped.
    Text(&'a str),
}

impl fmt::Display for Readable<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Ip(address) => address.fmt(out),
            Self::Ipv6(address) => address.fmt(out),
            Self::Text(text) => out.write_str(text),
        }
    }
}

/// The key as text, if it has one: `None` for binary keys, strings that aren't UTF-8, and keys of a wrong length.
#[must_use]
pub fn readable(key_type: KeyType, key: &[u8]) -> Option<Readable<'_>> {
    match key_type {
        KeyType::INTEGER => Some(Readable::Number(u32::from_be_bytes(key.try_into().ok()?))),
        KeyType::IP => Some(Readable::Ip(<[u8; 4]>::try_from(key).ok()?.into())),
        KeyType::IPV6 => Some(Readable::Ipv6(<[u8; 16]>::try_from(key).ok()?.into())),
        KeyType::STRING => str::from_utf8(key).ok().map(Readable::Text),
        _ => None,
    }
}

/// The canonical bytes of a key that is written as in [`Readable`].
///
/// # Errors
/// If the text is no key of that type, or a string is longer than `key_len` - 1 bytes or holds a NUL.
pub fn parse(key_type: KeyType, key_len: u32, text: &str) -> Result<Box<[u8]>, KeyError> {
    let wrong = |expected| KeyError::Text { found: escape::name(text.as_bytes()).into_owned(), expected };
    let bytes: Box<[u8]> = match key_type {
        KeyType::INTEGER => {
            Box::new(text.parse::<u32>().map_err(|_| wrong("a number up to 4294967295"))?.to_be_bytes())
        }
        KeyType::IP => Box::new(text.parse::<Ipv4Addr>().map_err(|_| wrong("an IPv4 address"))?.octets()),
        KeyType::IPV6 => Box::new(text.parse::<Ipv6Addr>().map_err(|_| wrong("an IPv6 address"))?.octets()),
        KeyType::STRING => text.as_bytes().into(),
        _ => return Err(wrong("hexadecimal digits")),
    };
    check(key_type, key_len, &bytes)?;
    Ok(bytes)
}

/// Whether the bytes are a canonical key.
///
/// # Errors
/// If their number doesn't fit the type, or a string holds a NUL.
pub fn check(key_type: KeyType, key_len: u32, key: &[u8]) -> Result<(), KeyError> {
    let found = key.len();
    let len = usize::try_from(key_len).unwrap_or(usize::MAX);
    let fits = match key_type {
        KeyType::INTEGER | KeyType::IP => found == 4,
        KeyType::IPV6 => found == 16,
        KeyType::STRING if memchr::memchr(0, key).is_some() => return Err(KeyError::Nul),
        KeyType::STRING => found < len,
        _ => found == len,
    };
    if fits { Ok(()) } else { Err(KeyError::Length { found, key_type, key_len }) }
}

/// Upper-case hexadecimal digits, as `show table` prints binary keys.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The bytes that hexadecimal digits of either case stand for; `None` if they are none.
#[must_use]
pub fn unhex(digits: &[u8]) -> Option<Box<[u8]>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Why something is no key of a table.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum KeyError {
    /// The text doesn't stand for a key of that type.
    #[error("`{found}` is no key of this table: expected {expected}")]
    Text {
        /// The text, escaped.
        found: String,
        /// What keys of the type look like.
        expected: &'static str,
    },
    /// The key has another length than keys of the table can have.
    #[error("a key of {found} bytes does not fit `type {key_type}` with a wire length of {key_len}")]
    Length {
        /// Its bytes.
        found: usize,
        /// The table's type.
        key_type: KeyType,
        /// The table's key length on the wire.
        key_len: u32,
    },
    /// A string key holds a NUL; HAProxy would end it there, and two keys could become one.
    #[error("a string key can't hold a NUL")]
    Nul,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_its_first_nul_and_at_the_length_of_the_table() {
        assert_eq!(canonical(KeyType::STRING, 21, b"d\0e"), b"d");
        assert_eq!(canonical(KeyType::STRING, 4, b"abcdef"), b"abc");
        assert_eq!(canonical(KeyType::BINARY, 4, b"a\0cd"), b"a\0cd");
    }

    #[test]
    fn keys_are_read_as_they_are_printed() {
        for (key_type, len, key) in [
            (KeyType::INTEGER, 4, b"\xff\xff\xff\xff".as_slice()),
            (KeyType::IP, 4, b"\x0a\0\0\x01"),
            (KeyType::IPV6, 16, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
            (KeyType::STRING, 32, "a\u{1b}[2J \u{202e}é".as_bytes()),
        ] {
            let readable = readable(key_type, key).expect("readable").to_string();
            assert_eq!(&*parse(key_type, len, &readable).expect("a key"), key, "{readable}");
        }
        assert_eq!(unhex(hex(b"\0\xfe\x7f").as_bytes()).as_deref(), Some(b"\0\xfe\x7f".as_slice()));
        assert_eq!((unhex(b"0"), unhex(b"0g")), (None, None));
    }

    #[test]
    fn nothing_in_a_key_acts_on_a_terminal() {
        assert_eq!(text(KeyType::STRING, b"\x1b]0;pwn\x07\\"), "\\x1b]0;pwn\\x07\\x5c");
        assert_eq!(text(KeyType::STRING, b"\xff\n"), "\\xff\\x0a");
        assert_eq!(text(KeyType::BINARY, b"\x1b\x00"), "1B00");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(parse(KeyType::IP, 4, "10.0.0").is_err());
        assert!(parse(KeyType::INTEGER, 4, "-1").is_err());
        assert!(parse(KeyType::STRING, 4, "abcd").is_err());
        assert!(parse(KeyType::STRING, 9, "a\0b").is_err());
        assert!(check(KeyType::BINARY, 4, b"abc").is_err());
    }
}
