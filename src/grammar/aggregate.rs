//! First words of lines in the aggregator's file.

use std::sync::LazyLock;

use super::tsv;

/// A section of the aggregator's file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AggregateSection {
    /// `global`
    Global,
    /// `aggregations`
    Aggregations,
}

/// What becomes of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AggregateUse {
    /// It is obeyed.
    Read,
    /// It is accepted and has no meaning here.
    Ignored,
    /// It asks for what isn't done here.
    Refused,
}

/// One row of `grammar/aggregate-keywords.tsv`.
#[derive(Clone, Copy, Debug)]
pub struct AggregateKeyword {
    /// Where it stands.
    pub section: AggregateSection,
    /// The word.
    pub keyword: &'static str,
    /// What becomes of the line.
    pub how: AggregateUse,
    /// The line as people write it; of a line that isn't read, what to write instead, or nothing.
    pub usage: &'static str,
}

/// All first words, by section and sorted.
#[must_use]
pub fn aggregate_keywords() -> &'static [AggregateKeyword] {
    &KEYWORDS
}

/// The first word `word` of a line in `section`.
#[must_use]
pub fn aggregate_keyword(section: AggregateSection, word: &[u8]) -> Option<&'static AggregateKeyword> {
    KEYWORDS.iter().find(|info| info.section == section && info.keyword.as_bytes() == word)
}

static KEYWORDS: LazyLock<Vec<AggregateKeyword>> = LazyLock::new(|| {
    let sections = [("global", AggregateSection::Global), ("aggregations", AggregateSection::Aggregations)];
    let uses = [("read", AggregateUse::Read), ("ignored", AggregateUse::Ignored), ("refused", AggregateUse::Refused)];
    let info = |row: tsv::Row| AggregateKeyword {
        section: row.choice(0, &sections),
        keyword: row.text(1),
        how: row.choice(2, &uses),
        usage: Some(row.text(3)).filter(|text| *text != "-").unwrap_or_default(),
    };
    tsv::rows(include_str!("../../grammar/aggregate-keywords.tsv")).map(info).collect()
});
