//! What is asked of an entry.

use std::io::Write;

use regex::bytes::Regex;

use crate::grammar::KeyType;
use crate::stick::key;
use crate::table::{Column, Contents};

use super::value::{Network, Relation};

/// One comparison for entries of one table.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// The column's number against another.
    Number(Column, Relation, i128),
    /// The column's bytes against others; keys that are numbers or addresses have the order of their bytes.
    Bytes(Column, Relation, Box<[u8]>),
    /// A pattern in the column's bytes.
    Pattern(Column, Regex),
    /// A pattern in the text of a key that is a number or an address.
    KeyPattern(KeyType, Regex),
    /// Whether the key is an address of a network.
    Network(Network),
}

impl Test {
    pub(super) fn holds(&self, entry: &impl Contents) -> bool {
        match self {
            Self::Number(column, relation, number) => {
                entry.number(column).is_some_and(|found| relation.holds(found.cmp(number)))
            }
            Self::Bytes(column, relation, bytes) => {
                entry.text(column).is_some_and(|found| relation.holds(found.cmp(bytes)))
            }
            Self::Pattern(column, regex) => entry.text(column).is_some_and(|found| regex.is_match(found)),
            Self::KeyPattern(key_type, regex) => {
                // The longest text is that of an IPv6 address with an IPv4 address in it: 45 bytes.
                let mut text = [0; 48];
                let mut rest = &mut text[..];
                let written = key::readable(*key_type, entry.key()).is_some_and(|key| write!(rest, "{key}").is_ok());
                let len = 48 - rest.len();
                written && text.get(..len).is_some_and(|text| regex.is_match(text))
            }
            Self::Network(network) => network.contains(entry.key()),
        }
    }
}
