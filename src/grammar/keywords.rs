//! Small tables of keywords: section headers, lines of a peers section, predicates, users of tables.

use std::sync::LazyLock;

use super::tsv;
use super::version::{Lifetime, Version};

/// What a section keyword opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SectionKind {
    /// `global`
    Global,
    /// `defaults`
    Defaults,
    /// `frontend`, `backend`, `listen`
    Proxy,
    /// `peers`
    Peers,
    /// Everything else.
    Other,
}

/// One row of `grammar/sections.tsv`.
#[derive(Clone, Copy, Debug)]
pub struct SectionInfo {
    /// The word.
    pub keyword: &'static str,
    /// What it opens.
    pub kind: SectionKind,
    /// The versions in which it is a section keyword.
    pub lifetime: Lifetime,
}

/// All section keywords, sorted.
#[must_use]
pub fn sections() -> &'static [SectionInfo] {
    &SECTIONS
}

/// The section that `word` opens in `version`; an unknown version knows all.
#[must_use]
pub fn section(word: &[u8], version: Option<Version>) -> Option<&'static SectionInfo> {
    // Most lines are no header, and the first letter says so: no keyword starts like `server`.
    if !may_start_section(*word.first()?) {
        return None;
    }
    let at = SECTIONS.binary_search_by(|info| info.keyword.as_bytes().cmp(word)).ok()?;
    SECTIONS.get(at).filter(|info| info.lifetime.contains(version))
}

/// Whether a section keyword of some version starts with this byte.
#[must_use]
pub fn may_start_section(byte: u8) -> bool {
    SECTION_INITIALS.get(usize::from(byte)).is_some_and(|starts| *starts)
}

/// What the words after the arguments of a line in a peers section are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeersRest {
    /// Parameters as on `server` lines.
    Server,
    /// Parameters as on `bind` lines.
    Bind,
    /// Parameters of a stick table.
    Table,
    /// As on `log` lines.
    Log,
    /// Any words; HAProxy does not look at them.
    Ignored,
    /// No words.
    Nothing,
}

/// One row of `grammar/peers-keywords.tsv`.
#[derive(Clone, Copy, Debug)]
pub struct PeersKeyword {
    /// The word.
    pub keyword: &'static str,
    /// How many words must follow.
    pub arguments: usize,
    /// What further words are.
    pub rest: PeersRest,
    /// The versions that know it.
    pub lifetime: Lifetime,
}

/// All first words of lines in a peers section, sorted.
#[must_use]
pub fn peers_keywords() -> &'static [PeersKeyword] {
    &PEERS
}

/// The keyword `word` of a peers section in `version`; an unknown version knows all.
#[must_use]
pub fn peers_keyword(word: &[u8], version: Option<Version>) -> Option<&'static PeersKeyword> {
    PEERS.iter().find(|info| info.keyword.as_bytes() == word && info.lifetime.contains(version))
}

/// What decides about a predicate of `.if`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PredicateFacts {
    /// Its arguments alone.
    Text,
    /// The environment.
    Environment,
    /// The version of HAProxy.
    Version,
    /// What the program was built with, or what it runs on.
    Build,
}

/// One row of `grammar/predicates.tsv`.
#[derive(Clone, Copy, Debug)]
pub struct Predicate {
    /// The word before the parenthesis.
    pub name: &'static str,
    /// How many arguments it takes; all are mandatory.
    pub arguments: usize,
    /// What decides about it.
    pub facts: PredicateFacts,
    /// The versions that know it.
    pub lifetime: Lifetime,
}

/// All predicates of `.if`, sorted.
#[must_use]
pub fn predicates() -> &'static [Predicate] {
    &PREDICATES
}

/// Whether a user of tables is a fetch or a converter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TableUserKind {
    /// A sample fetch, such as `sc0_get_gpc0`.
    Fetch,
    /// A converter, such as `in_table`.
    Converter,
}

/// One row of `grammar/table-users.tsv`.
#[derive(Clone, Copy, Debug)]
pub struct TableUser {
    /// Fetch or converter.
    pub kind: TableUserKind,
    /// Its name.
    pub name: &'static str,
    /// Which argument names the table, from 0.
    pub position: usize,
    /// The versions that know it.
    pub lifetime: Lifetime,
}

/// All fetches and converters that take the name of a table, sorted by kind and name.
#[must_use]
pub fn table_users() -> &'static [TableUser] {
    &USERS
}

/// The fetch or converter `name`.
#[must_use]
pub fn table_user(kind: TableUserKind, name: &[u8]) -> Option<&'static TableUser> {
    USERS.iter().find(|user| user.kind == kind && user.name.as_bytes() == name)
}

/// For each byte, whether a section keyword starts with it.
static SECTION_INITIALS: LazyLock<[bool; 256]> = LazyLock::new(|| {
    let mut starts = [false; 256];
    for first in SECTIONS.iter().filter_map(|info| info.keyword.bytes().next()) {
        starts[usize::from(first)] = true;
    }
    starts
});

static SECTIONS: LazyLock<Vec<SectionInfo>> = LazyLock::new(|| {
    let kinds = [
        ("global", SectionKind::Global),
        ("defaults", SectionKind::Defaults),
        ("proxy", SectionKind::Proxy),
        ("peers", SectionKind::Peers),
        ("other", SectionKind::Other),
    ];
    let info =
        |row: tsv::Row| SectionInfo { keyword: row.text(0), kind: row.choice(1, &kinds), lifetime: row.lifetime(2) };
    let mut table: Vec<_> = tsv::rows(include_str!("../../grammar/sections.tsv")).map(info).collect();
    table.sort_by_key(|info| info.keyword);
    table
});

static PEERS: LazyLock<Vec<PeersKeyword>> = LazyLock::new(|| {
    let rests = [
        ("server", PeersRest::Server),
        ("bind", PeersRest::Bind),
        ("table", PeersRest::Table),
        ("log", PeersRest::Log),
        ("ignored", PeersRest::Ignored),
        ("none", PeersRest::Nothing),
    ];
    let info = |row: tsv::Row| PeersKeyword {
        keyword: row.text(0),
        arguments: row.number(1),
        rest: row.choice(2, &rests),
        lifetime: row.since(3),
    };
    let mut table: Vec<_> = tsv::rows(include_str!("../../grammar/peers-keywords.tsv")).map(info).collect();
    table.sort_by_key(|info| info.keyword);
    table
});

static PREDICATES: LazyLock<Vec<Predicate>> = LazyLock::new(|| {
    let facts = [
        ("text", PredicateFacts::Text),
        ("environment", PredicateFacts::Environment),
        ("version", PredicateFacts::Version),
        ("build", PredicateFacts::Build),
    ];
    let predicate = |row: tsv::Row| Predicate {
        name: row.text(0),
        arguments: row.number(1),
        facts: row.choice(2, &facts),
        lifetime: row.since(3),
    };
    let mut table: Vec<_> = tsv::rows(include_str!("../../grammar/predicates.tsv")).map(predicate).collect();
    table.sort_by_key(|predicate| predicate.name);
    table
});

static USERS: LazyLock<Vec<TableUser>> = LazyLock::new(|| {
    let kinds = [("fetch", TableUserKind::Fetch), ("converter", TableUserKind::Converter)];
    let user = |row: tsv::Row| TableUser {
        kind: row.choice(0, &kinds),
        name: row.text(1),
        position: row.number(2),
        lifetime: row.lifetime(3),
    };
    let mut table: Vec<_> = tsv::rows(include_str!("../../grammar/table-users.tsv")).map(user).collect();
    table.sort_by_key(|user| (user.kind, user.name));
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_looked_up_for_one_version() {
        assert!(section(b"program", Some(Version::new(3, 2))).is_some());
        assert!(section(b"program", Some(Version::new(3, 3))).is_none());
        assert!(section(b"Global", None).is_none());
        assert!(peers_keyword(b"shards", Some(Version::new(2, 6))).is_none());
        assert_eq!(section(b"peers", None).map(|info| info.kind), Some(SectionKind::Peers));
    }

    #[test]
    fn the_table_is_not_always_the_first_argument() {
        let position = |kind, name: &str| table_user(kind, name.as_bytes()).map(|user| user.position);
        assert_eq!(position(TableUserKind::Fetch, "sc0_conn_cnt"), Some(0));
        assert_eq!(position(TableUserKind::Fetch, "sc_get_gpt"), Some(2));
        assert_eq!(position(TableUserKind::Converter, "table_gpc"), Some(1));
        assert_eq!(position(TableUserKind::Fetch, "in_table"), None);
    }
}
