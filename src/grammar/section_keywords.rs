//! The first words of lines, and of some the next one: what a section makes of them, by version.

use std::{collections::HashMap, sync::LazyLock};

use super::tsv;
use super::version::{Lifetime, Version};

/// One row of `grammar/section-keywords.tsv` or `grammar/second-words.tsv`. A word of which versions say different things has
/// several.
#[derive(Clone, Copy, Debug)]
pub struct SectionKeyword {
    /// The section's keyword, `backend`; for second words, what stands before them: `backend option`, `http-request`.
    pub section: &'static str,
    /// The word.
    pub word: &'static str,
    /// The probed versions that say this.
    pub lifetime: Lifetime,
    /// What these versions say.
    pub answer: Answer,
}

/// What HAProxy says about a word that it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing: it belongs there.
    Known,
    /// It warns and ignores the line.
    Ignored,
    /// It refuses the word in this section.
    NotAllowed,
    /// It refuses the word where this section has no name.
    Named,
    /// It refuses the word as one of former times.
    Removed,
    /// That depends on the libraries it was built with.
    Build,
}

/// What a version makes of a word.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// The word is fine, or nobody knows better.
    Fine,
    /// HAProxy warns and ignores the line.
    Ignored,
    /// HAProxy refuses the word in this section.
    NotAllowed,
    /// HAProxy refuses the word where the section has no name.
    Named,
    /// HAProxy refuses the word as one of former times.
    Removed,
    /// Only builds with certain libraries know it.
    Build,
    /// HAProxy doesn't know it, but other versions do.
    Elsewhere(Lifetime),
    /// No version knows it.
    Nowhere,
}

/// The versions that were probed: what lies between is known only where both neighbours agree.
const PROBED: [Version; 3] = [Version::new(2, 6), Version::new(3, 0), Version::new(3, 2)];

/// All rows about first words, sorted by section and word.
#[must_use]
pub fn all() -> &'static [SectionKeyword] {
    &FIRST.rows
}

/// All rows about second words, sorted by what stands before and word.
#[must_use]
pub fn all_second() -> &'static [SectionKeyword] {
    &SECOND.rows
}

/// What `version` makes of a line that begins with `word` in a section. Sections of which no word is known take all.
#[must_use]
pub fn verdict(section: &[u8], word: &[u8], version: Version) -> Verdict {
    let section = std::str::from_utf8(section).ok();
    section.map_or(Verdict::Fine, |section| FIRST.verdict(section, word, version))
}

/// What `version` makes of `word` behind `after`, as the table calls it: `backend option`, `http-request`. The word counts up to
/// its parenthesis.
#[must_use]
pub fn second(after: &str, word: &[u8], version: Version) -> Verdict {
    SECOND.verdict(after, word, version)
}

/// Whether a word that probed versions know is surely unknown to `version`: because a probed version doesn't have it yet, or has
/// it no more, that lies on the same side.
#[must_use]
pub fn is_absent(lifetime: Lifetime, version: Version) -> bool {
    let not_yet = PROBED.iter().any(|probed| version <= *probed && *probed < lifetime.since);
    let no_more = PROBED.iter().any(|probed| *probed <= version && lifetime.until.is_some_and(|until| until < *probed));
    not_yet || no_more
}

static FIRST: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../grammar/section-keywords.tsv")));
static SECOND: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../grammar/second-words.tsv")));

struct Table {
    rows: Vec<SectionKeyword>,
    sections: HashMap<&'static str, HashMap<&'static [u8], Vec<SectionKeyword>>>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let answers = [
            ("known", Answer::Known),
            ("ignored", Answer::Ignored),
            ("not-allowed", Answer::NotAllowed),
            ("named", Answer::Named),
            ("removed", Answer::Removed),
            ("build", Answer::Build),
        ];
        let keyword = |row: tsv::Row| SectionKeyword {
            section: row.text(0),
            word: row.text(1),
            lifetime: row.lifetime(2),
            answer: row.choice(4, &answers),
        };
        let rows: Vec<_> = tsv::rows(text).map(keyword).collect();
        let mut sections: HashMap<_, HashMap<_, Vec<_>>> = HashMap::new();
        for row in &rows {
            sections.entry(row.section).or_default().entry(row.word.as_bytes()).or_default().push(*row);
        }
        Self { rows, sections }
    }

    fn verdict(&self, section: &str, word: &[u8], version: Version) -> Verdict {
        let Some(words) = self.sections.get(section) else { return Verdict::Fine };
        let Some(rows) = words.get(word) else { return Verdict::Nowhere };
        let Some(row) = rows.iter().find(|row| row.lifetime.contains(Some(version))) else {
            let surely = rows.iter().all(|row| is_absent(row.lifetime, version));
            let last = rows.last().filter(|_| surely);
            return last.map_or(Verdict::Fine, |row| Verdict::Elsewhere(row.lifetime));
        };
        // A word that was removed may have been there in the versions before.
        if row.answer == Answer::Removed
            && !PROBED.iter().any(|probed| *probed <= version && row.lifetime.contains(Some(*probed)))
        {
            return Verdict::Fine;
        }
        // A later version may make more of a word than the last one that was probed.
        let later = PROBED.last().is_some_and(|last| version > *last);
        match row.answer {
            Answer::Removed => Verdict::Removed,
            Answer::Build => Verdict::Build,
            Answer::Ignored if !later => Verdict::Ignored,
            Answer::NotAllowed if !later => Verdict::NotAllowed,
            Answer::Named if !later => Verdict::Named,
            _ => Verdict::Fine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(section: &str, word: &str, major: u16, minor: u16) -> Verdict {
        verdict(section.as_bytes(), word.as_bytes(), Version::new(major, minor))
    }

    #[test]
    fn rows_are_sorted_and_unique() {
        for rows in [all(), all_second()] {
            let keys: Vec<_> = rows.iter().map(|row| (row.section, row.word, row.lifetime.since)).collect();
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn between_probed_versions_both_neighbours_must_agree() {
        // anonkey: 2.6 doesn't know it, 3.0 does.
        assert!(matches!(at("global", "anonkey", 2, 6), Verdict::Elsewhere(_)));
        assert!(matches!(at("global", "anonkey", 2, 8), Verdict::Fine));
        assert!(matches!(at("global", "anonkey", 2, 4), Verdict::Elsewhere(_)));
        // cpu-policy: 3.0 doesn't know it, 3.2 does.
        assert!(matches!(at("global", "cpu-policy", 2, 8), Verdict::Elsewhere(_)));
        assert!(matches!(at("global", "cpu-policy", 3, 1), Verdict::Fine));
    }

    #[test]
    fn second_words_have_lifetimes_of_their_own() {
        let at = |after: &str, word: &str, minor| second(after, word.as_bytes(), Version::new(3, minor));
        assert!(matches!(at("http-request", "pause", 0), Verdict::Elsewhere(_)));
        assert!(matches!(at("http-request", "pause", 2), Verdict::Fine));
        assert!(matches!(at("frontend option", "persist", 0), Verdict::Ignored));
        assert!(matches!(at("frontend option", "persist", 1), Verdict::Fine), "3.0 and 3.2 say different things");
        assert!(matches!(at("frontend option", "persist", 2), Verdict::NotAllowed));
        assert!(matches!(at("backend option", "forceclose", 2), Verdict::Removed));
        assert!(matches!(at("backend option", "no-such-word", 2), Verdict::Nowhere));
    }

    #[test]
    fn later_versions_may_know_more() {
        assert!(matches!(at("global", "tune.bufsize.large", 3, 2), Verdict::Elsewhere(_)));
        assert!(matches!(at("global", "tune.bufsize.large", 3, 4), Verdict::Fine));
        assert!(matches!(at("frontend", "server", 3, 2), Verdict::NotAllowed));
        assert!(matches!(at("frontend", "server", 3, 4), Verdict::Fine));
        assert!(matches!(at("backend", "reqadd", 3, 4), Verdict::Removed));
        assert!(matches!(at("global", "no-such-word", 3, 4), Verdict::Nowhere));
        assert!(matches!(at("namespace_list", "ns", 3, 4), Verdict::Fine));
    }
}
