//! The key types of stick tables.

use std::fmt;
use std::sync::LazyLock;

use super::tsv;
use super::version::{Lifetime, Version};

/// A key type by its wire number, so that types this program does not know survive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyType(pub u64);

impl KeyType {
    /// Unsigned 32-bit numbers.
    pub const INTEGER: Self = Self(2);
    /// IPv4 addresses.
    pub const IP: Self = Self(4);
    /// IPv6 addresses.
    pub const IPV6: Self = Self(5);
    /// Texts of a limited length.
    pub const STRING: Self = Self(6);
    /// Byte strings of a fixed length.
    pub const BINARY: Self = Self(7);

    /// All spellings of all types, in the order of their wire numbers, the usual spelling first.
    #[must_use]
    pub fn all() -> &'static [KeyTypeInfo] {
        &TABLE
    }

    /// The spelling `word`, if `version` knows it; an unknown version knows all.
    #[must_use]
    pub fn by_word(word: &[u8], version: Option<Version>) -> Option<&'static KeyTypeInfo> {
        TABLE.iter().find(|info| info.word.as_bytes() == word && info.lifetime.contains(version))
    }

    /// The usual spelling and what belongs to it; `None` for a number this program does not know.
    #[must_use]
    pub fn info(self) -> Option<&'static KeyTypeInfo> {
        TABLE.iter().find(|info| info.key_type == self && !info.alias)
    }
}

/// HAProxy's word, or `type 31` for an unknown number.
impl fmt::Display for KeyType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(info) => write!(out, "{}", info.word),
            None => write!(out, "type {}", self.0),
        }
    }
}

/// One row of `grammar/key-types.tsv`: one spelling of a key type.
#[derive(Clone, Copy, Debug)]
pub struct KeyTypeInfo {
    /// The type.
    pub key_type: KeyType,
    /// The spelling.
    pub word: &'static str,
    /// Bytes of a key in a table definition on the wire when no `len` is given; a string counts its terminator.
    pub wire_len: u32,
    /// What `len` is when it is not given: characters of a string, bytes of a binary; `None` where `len` is not accepted.
    pub default_len: Option<u32>,
    /// The versions that know the spelling.
    pub lifetime: Lifetime,
    /// Whether another spelling of the same type is the usual one.
    pub alias: bool,
}

static TABLE: LazyLock<Vec<KeyTypeInfo>> = LazyLock::new(|| {
    let info = |row: tsv::Row| KeyTypeInfo {
        word: row.text(0),
        key_type: KeyType(row.number(1)),
        wire_len: row.number(2),
        default_len: row.optional_number(3),
        lifetime: row.since(4),
        alias: row.flag(5),
    };
    let mut table: Vec<_> = tsv::rows(include_str!("../../grammar/key-types.tsv")).map(info).collect();
    table.sort_by_key(|info| (info.key_type, info.alias));
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_constants_are_the_types_of_the_table() {
        let named = [
            (KeyType::INTEGER, "integer"),
            (KeyType::IP, "ip"),
            (KeyType::IPV6, "ipv6"),
            (KeyType::STRING, "string"),
            (KeyType::BINARY, "binary"),
        ];
        for (key_type, word) in named {
            assert_eq!(key_type.to_string(), word);
            assert_eq!(KeyType::by_word(word.as_bytes(), None).map(|info| info.key_type), Some(key_type));
        }
        assert_eq!(KeyType(31).to_string(), "type 31");
    }

    #[test]
    fn ipv4_is_a_younger_name_of_ip() {
        let ipv4 = |version| KeyType::by_word(b"ipv4", version).map(|info| info.key_type);
        assert_eq!(ipv4(Some(Version::new(3, 2))), Some(KeyType::IP));
        assert_eq!(ipv4(Some(Version::new(3, 0))), None);
    }
}
