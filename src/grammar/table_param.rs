//! Parameters of `stick-table` lines and of `table` lines in peers sections.

use std::fmt;
use std::sync::LazyLock;

use super::tsv;
use super::version::{Lifetime, Version};

/// A parameter of a stick table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TableParam {
    /// `brates-factor N`
    BratesFactor,
    /// `expire TIME`
    Expire,
    /// `len N`, only right after the word of `type`
    Len,
    /// `nopurge`
    Nopurge,
    /// `peers SECTION`
    Peers,
    /// `recv-only`
    RecvOnly,
    /// `size N`
    Size,
    /// `srvkey name|addr`
    Srvkey,
    /// `store LIST`
    Store,
    /// `type TYPE`
    Type,
    /// `write-to TABLE`
    WriteTo,
}

impl TableParam {
    /// All parameters with their keywords, sorted by keyword.
    const WORDS: [(&'static str, Self); 11] = [
        ("brates-factor", Self::BratesFactor),
        ("expire", Self::Expire),
        ("len", Self::Len),
        ("nopurge", Self::Nopurge),
        ("peers", Self::Peers),
        ("recv-only", Self::RecvOnly),
        ("size", Self::Size),
        ("srvkey", Self::Srvkey),
        ("store", Self::Store),
        ("type", Self::Type),
        ("write-to", Self::WriteTo),
    ];

    /// All parameters, sorted by keyword.
    #[must_use]
    pub fn all() -> &'static [TableParamInfo] {
        &TABLE
    }

    /// The parameter that `word` names, in whatever version and place.
    #[must_use]
    pub fn by_keyword(word: &[u8]) -> Option<&'static TableParamInfo> {
        TABLE.iter().find(|info| info.keyword.as_bytes() == word)
    }

    /// The keyword.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        Self::WORDS.iter().find(|(_, param)| *param == self).map_or("", |(keyword, _)| keyword)
    }
}

/// The keyword.
impl fmt::Display for TableParam {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.keyword())
    }
}

/// One row of `grammar/table-params.tsv`.
#[derive(Clone, Copy, Debug)]
pub struct TableParamInfo {
    /// The parameter.
    pub param: TableParam,
    /// Its word.
    pub keyword: &'static str,
    /// Whether one word follows as its value.
    pub has_value: bool,
    /// Whether it may also stand on a `table` line of a peers section.
    pub in_peers: bool,
    /// The versions that know it.
    pub lifetime: Lifetime,
}

impl TableParamInfo {
    /// Whether `version` knows the parameter at such a place; an unknown version knows all.
    #[must_use]
    pub fn allowed(&self, in_peers: bool, version: Option<Version>) -> bool {
        self.lifetime.contains(version) && (self.in_peers || !in_peers)
    }
}

static TABLE: LazyLock<Vec<TableParamInfo>> = LazyLock::new(|| {
    let info = |row: tsv::Row| TableParamInfo {
        param: row.choice(0, &TableParam::WORDS),
        keyword: row.text(0),
        has_value: row.text(1) != "none",
        in_peers: row.choice(2, &[("both", true), ("proxy", false)]),
        lifetime: row.since(3),
    };
    let mut table: Vec<_> = tsv::rows(include_str!("../../grammar/table-params.tsv")).map(info).collect();
    table.sort_by_key(|info| info.keyword);
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_its_row() {
        assert_eq!(TableParam::all().len(), TableParam::WORDS.len());
        for (keyword, param) in TableParam::WORDS {
            assert_eq!(param.to_string(), keyword);
            assert_eq!(TableParam::by_keyword(keyword.as_bytes()).map(|info| info.param), Some(param));
        }
    }

    #[test]
    fn peers_is_refused_on_table_lines_and_recv_only_before_3_2() {
        let allowed = |word: &[u8], in_peers, version| {
            TableParam::by_keyword(word).is_some_and(|info| info.allowed(in_peers, version))
        };
        assert!(!allowed(b"peers", true, None));
        assert!(allowed(b"peers", false, Some(Version::new(2, 6))));
        assert!(!allowed(b"recv-only", true, Some(Version::new(3, 0))));
    }
}
