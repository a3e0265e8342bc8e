//! `show table` and `show table NAME`: the line of a table, and those of its entries.
//!
//! ```text
//! # table: mesh/t1, type: ip, size:1024, used:1
//! 0x7f86abf49ce8: key=10.0.0.1 use=0 exp=599999 shard=0 gpc0=3 http_req_rate(10000)=12
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::grammar::KeyType;
use crate::runtime::ShownError;
use crate::stick::key;

/// A table as `show table` lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownTable {
    /// HAProxy's full name: that of a proxy, or `SECTION/NAME`.
    pub name: Box<[u8]>,
    /// The type of the keys.
    pub key_type: KeyType,
    /// The most entries.
    pub size: u64,
    /// The entries there are.
    pub used: u64,
}

impl ShownTable {
    /// Reads the line of a table.
    ///
    /// # Errors
    /// If it is no such line.
    pub fn parse(line: &[u8]) -> Result<Self, ShownError> {
        let wrong = || ShownError::new(line, "`# table: NAME, type: TYPE, size:N, used:N`");
        let rest = line.strip_prefix(b"# table: ").ok_or_else(wrong)?;
        let (name, rest) = split(rest, b", type: ").ok_or_else(wrong)?;
        let (word, rest) = split(rest, b", size:").ok_or_else(wrong)?;
        let (size, used) = split(rest, b", used:").ok_or_else(wrong)?;
        let used = split(used, b",").map_or(used, |(used, _)| used);
        let key_type = KeyType::by_word(word, None).ok_or_else(wrong)?.key_type;
        let size = number(size).ok_or_else(wrong)?;
        Ok(Self { name: name.into(), key_type, size, used: number(used).ok_or_else(wrong)? })
    }

    /// The name on the wire: that of a proxy, or `/` and the name of a table of a peers section.
    #[must_use]
    pub fn wire_name(&self) -> &[u8] {
        memchr::memrchr(b'/', &self.name).and_then(|at| self.name.get(at..)).unwrap_or(&self.name)
    }

    /// The peers section that the table is a line of; `None` for the table of a proxy.
    #[must_use]
    pub fn section(&self) -> Option<&[u8]> {
        self.name.get(..memchr::memrchr(b'/', &self.name)?)
    }
}

/// The line of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryLine<'a> {
    /// The canonical bytes of the key.
    pub key: Box<[u8]>,
    /// How many sessions hold the entry.
    pub uses: u32,
    /// The rest of its life in milliseconds; 0 in a table without `expire`, too.
    pub expire_ms: u32,
    /// The shard it belongs to, 0 without shards; `None` in versions that have none.
    pub shard: Option<u32>,
    line: &'a [u8],
    data: &'a [u8],
}

/// A value of an entry as it is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShownField<'a> {
    /// `gpc0`, `gpt2`, `http_req_rate`.
    pub name: &'a [u8],
    /// The number in parentheses behind a rate's name.
    pub period_ms: Option<u32>,
    /// What stands behind `=`.
    pub value: &'a [u8],
}

impl<'a> EntryLine<'a> {
    /// Reads the line of an entry of a table with keys of `key_type`.
    ///
    /// # Errors
    /// If it is no such line, or its key isn't of that type.
    pub fn parse(key_type: KeyType, line: &'a [u8]) -> Result<Self, ShownError> {
        let wrong = |expected| ShownError::new(line, expected);
        let (_address, rest) = split(line, b": key=").ok_or_else(|| wrong("`ADDRESS: key=KEY …`"))?;
        let end = end_of_key(rest);
        let (shown, mut data) = rest.split_at_checked(end).unwrap_or((rest, b""));
        let key = key_of(key_type, shown).ok_or_else(|| wrong("a key of the table's type"))?;
        let mut entry = Self { key, uses: 0, expire_ms: 0, shard: None, line, data };
        while let Some((field, rest)) = next_field(data) {
            let small = || number(field.value).ok_or_else(|| wrong("numbers behind use, exp and shard"));
            match field.name {
                b"use" => entry.uses = small()?,
                b"exp" => entry.expire_ms = small()?,
                b"shard" => entry.shard = Some(small()?),
                _ => break,
            }
            data = rest;
        }
        entry.data = data;
        Ok(entry)
    }

    /// The values, in the order of their data types.
    pub fn fields(&self) -> impl Iterator<Item = ShownField<'a>> + use<'a> {
        let mut data = self.data;
        std::iter::from_fn(move || {
            let (field, rest) = next_field(data)?;
            data = rest;
            Some(field)
        })
    }

    pub(super) fn wrong(&self, expected: &'static str) -> ShownError {
        ShownError::new(self.line, expected)
    }
}

/// `name=value` or `name(period)=value` at the beginning of `data`, and what follows.
fn next_field(data: &[u8]) -> Option<(ShownField<'_>, &[u8])> {
    let data = data.trim_ascii_start();
    let (name, rest) = split(data, b"=")?;
    // A server's name may hold blanks if a peer has taught it; then a word without `=` belongs to it.
    let mut end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    while let Some(word) = rest.get(end..).filter(|word| !word.is_empty()) {
        let word = word.get(1..).unwrap_or_default();
        let length = memchr::memchr(b' ', word).unwrap_or(word.len());
        if word.get(..length).is_some_and(|word| word.contains(&b'=')) {
            break;
        }
        end += 1 + length;
    }
    let (value, rest) = rest.split_at_checked(end)?;
    let (name, period_ms) = match split(name, b"(") {
        Some((name, period)) => (name, number(period.strip_suffix(b")")?)),
        None => (name, None),
    };
    Some((ShownField { name, period_ms, value }, rest))
}

/// Where the first blank without a backslash is.
fn end_of_key(text: &[u8]) -> usize {
    let mut escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b' ' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    };
    text.iter().position(ends).unwrap_or(text.len())
}

/// The bytes of a key as it is printed.
fn key_of(key_type: KeyType, shown: &[u8]) -> Option<Box<[u8]>> {
    match key_type {
        KeyType::STRING => unescaped(shown),
        KeyType::BINARY => key::unhex(shown),
        KeyType::INTEGER => Some(Box::new(number::<u32>(shown)?.to_be_bytes())),
        KeyType::IP => Some(Box::new(number::<Ipv4Addr>(shown)?.octets())),
        KeyType::IPV6 => Some(Box::new(number::<Ipv6Addr>(shown)?.octets())),
        _ => None,
    }
}

/// A text as HAProxy's `dump_text` prints it: a backslash before blank, `=` and itself, `\t`, `\n`, `\r` and `\e`, and `\xNN` for
/// all other bytes that aren't printable ASCII. `None` if a backslash is followed by something else.
fn unescaped(text: &[u8]) -> Option<Box<[u8]>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at_checked(at)?;
        out.extend_from_slice(plain);
        let (letter, behind) = escape.get(1..)?.split_first()?;
        rest = behind;
        out.push(match letter {
            b't' => b'\t',
            b'n' => b'\n',
            b'r' => b'\r',
            b'e' => 0x1b,
            b' ' | b'=' | b'\\' => *letter,
            b'x' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                *key::unhex(digits)?.first()?
            }
            _ => return None,
        });
    }
    out.extend_from_slice(rest);
    Some(out.into())
}

/// What stands before and behind the first `separator`.
pub(super) fn split<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(text, separator)?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

/// A number, or an address.
pub(super) fn number<T: FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key_type: KeyType, line: &str) -> EntryLine<'_> {
        EntryLine::parse(key_type, line.as_bytes()).expect("an entry")
    }

    #[test]
    fn the_line_of_a_table_is_read() {
        let table = ShownTable::parse(b"# table: mesh/t1, type: ipv6, size:1024, used:12").expect("a table");
        assert_eq!((&*table.name, table.wire_name()), (b"mesh/t1".as_slice(), b"/t1".as_slice()));
        assert_eq!((table.key_type, table.size, table.used), (KeyType::IPV6, 1024, 12));
        assert_eq!(table.section(), Some(b"mesh".as_slice()));
        let table = ShownTable::parse(b"# table: shop, type: string, size:1, used:0, more:7").expect("a table");
        assert_eq!((table.wire_name(), table.section(), table.used), (b"shop".as_slice(), None, 0));
        for line in ["", "# table: a", "# table: a, type: odd, size:1, used:0", "# table: a, type: ip, size:x, used:0"]
        {
            assert!(ShownTable::parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn keys_are_unescaped() {
        let line = r"0x1: key=a\ b\=\\\t\n\r\e\x07\xff<use\=0> use=2 exp=77 shard=3 gpc0=1";
        let entry = entry(KeyType::STRING, line);
        assert_eq!(&*entry.key, b"a b=\\\t\n\r\x1b\x07\xff<use=0>");
        assert_eq!((entry.uses, entry.expire_ms, entry.shard), (2, 77, Some(3)));
        assert!(EntryLine::parse(KeyType::STRING, br"0x1: key=a\q use=0 exp=0").is_err());
        assert!(EntryLine::parse(KeyType::STRING, br"0x1: key=a\x0 use=0 exp=0").is_err());
    }

    #[test]
    fn an_entry_without_data_has_no_fields() {
        let entry = entry(KeyType::STRING, "0x1: key= use=0 exp=5");
        assert_eq!((entry.key.len(), entry.fields().count(), entry.shard), (0, 0, None));
    }

    #[test]
    fn fields_keep_their_period_and_a_servers_name_its_blanks() {
        let entry = entry(KeyType::IP, "0x1: key=1.2.3.4 use=0 exp=5 gpc0=1 server_key=a b  c http_req_rate(10000)=3");
        let fields: Vec<_> = entry.fields().map(|field| (field.name, field.period_ms, field.value)).collect();
        let expected: [(&[u8], _, &[u8]); 3] =
            [(b"gpc0", None, b"1"), (b"server_key", None, b"a b  c"), (b"http_req_rate", Some(10_000), b"3")];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_cut_line_is_an_error_or_shorter_but_never_a_panic() {
        let line = br"0x7f86: key=a\ \x1bb use=0 exp=300000 shard=0 gpt0=0 gpc0_rate(10000)=12 server_key=srv1";
        for end in 0..line.len() {
            for key_type in [KeyType::STRING, KeyType::BINARY, KeyType::IP, KeyType::INTEGER, KeyType::IPV6] {
                if let Ok(entry) = EntryLine::parse(key_type, &line[..end]) {
                    assert!(entry.fields().count() <= 3);
                }
            }
        }
    }
}
