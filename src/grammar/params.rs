//! Parameters of `server` and `bind` lines: which words are keywords and how many words each takes.

use std::ops::Range;
use std::sync::LazyLock;

use super::tsv;
use super::version::{Lifetime, Version};

/// The parameters of one kind of line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamTable {
    /// `server`, `server-template`, `default-server`, `peer`.
    Server,
    /// `bind`, `default-bind`.
    Bind,
}

impl ParamTable {
    /// All parameters, sorted by keyword, each once.
    #[must_use]
    pub fn all(self) -> &'static [ParamInfo] {
        &self.table().all
    }

    fn table(self) -> &'static Table {
        match self {
            Self::Server => &SERVER,
            Self::Bind => &BIND,
        }
    }

    /// The parameter that `word` names in `version`; an unknown version knows all.
    ///
    /// As in HAProxy, a `(` ends the keyword: `set-proxy-v2-tlv-fmt(0x20)`, but also `id(x)`.
    #[must_use]
    pub fn find(self, word: &[u8], version: Option<Version>) -> Option<&'static ParamInfo> {
        let keyword = word.split(|byte| *byte == b'(').next().unwrap_or_default();
        let alike = self.table().starting_with(*keyword.first()?);
        alike.iter().find(|info| info.keyword.as_bytes() == keyword).filter(|info| info.lifetime.contains(version))
    }

    /// Cuts the words behind name and address into parameters, in order; they cover all of `words`.
    ///
    /// A word that `version` does not know is a parameter without a value and without an [`ParamUse::info`].
    pub fn scan<W: AsRef<[u8]>>(self, words: &[W], version: Option<Version>) -> Vec<ParamUse> {
        self.uses(words, version).collect()
    }

    /// The same, one parameter after the other.
    pub fn uses<W: AsRef<[u8]>>(self, words: &[W], version: Option<Version>) -> impl Iterator<Item = ParamUse> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let keyword = next;
            let info = self.find(words.get(keyword)?.as_ref(), version);
            let tail = words.get(keyword + 1..).unwrap_or_default();
            let taken = info.map_or(0, |info| info.words.count(tail));
            next = keyword + 1 + taken.min(tail.len());
            Some(ParamUse { info, keyword, values: keyword + 1..next })
        })
    }

    /// The parameters called `name` among the words behind name and address, in order: those of [`scan`](Self::scan), without
    /// looking up most of the words.
    pub fn named<W: AsRef<[u8]>>(self, name: &str, words: &[W], version: Option<Version>) -> Vec<ParamUse> {
        let stem = |word: &W| word.as_ref().split(|byte| *byte == b'(').next() == Some(name.as_bytes());
        let alike: Vec<usize> = words.iter().enumerate().filter(|(_, word)| stem(word)).map(|(n, _)| n).collect();
        if alike.is_empty() {
            return Vec::new();
        }
        // A word is a value only if the one before it takes some, or if it is `source`, which takes any number.
        let takes = |word: &W| self.find(word.as_ref(), version).is_some_and(|info| info.words != ParamWords::Fixed(0));
        let may_be_value = |n: &usize| n.checked_sub(1).and_then(|before| words.get(before)).is_some_and(takes);
        let reaches_far = |word: &W| word.as_ref().starts_with(b"source");
        if words.iter().any(reaches_far) || alike.iter().any(may_be_value) {
            let mut found = self.scan(words, version);
            found.retain(|param| param.info.is_some_and(|info| info.keyword == name));
            return found;
        }
        let Some(info) = self.find(name.as_bytes(), version) else { return Vec::new() };
        let param = |keyword: usize| {
            let tail = words.get(keyword + 1..).unwrap_or_default();
            let taken = info.words.count(tail).min(tail.len());
            ParamUse { info: Some(info), keyword, values: keyword + 1..keyword + 1 + taken }
        };
        alike.into_iter().map(param).collect()
    }
}

/// One row of `grammar/server-params.tsv` or `grammar/bind-params.tsv`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParamInfo {
    /// The word.
    pub keyword: &'static str,
    /// How many words follow.
    pub words: ParamWords,
    /// The versions that know it.
    pub lifetime: Lifetime,
}

/// How many words follow a keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamWords {
    /// Always this many.
    Fixed(usize),
    /// `source`: an address, then any number of `usesrc ADDRESS` and `interface NAME`.
    Source,
}

impl ParamWords {
    /// How many words of `tail`, which follows the keyword, belong to it; may exceed what is there if the line is cut short.
    fn count<W: AsRef<[u8]>>(self, tail: &[W]) -> usize {
        match self {
            Self::Fixed(count) => count,
            Self::Source => {
                let options = tail.get(1..).unwrap_or_default().chunks(2);
                let belongs =
                    |pair: &&[W]| pair.first().is_some_and(|word| matches!(word.as_ref(), b"usesrc" | b"interface"));
                1 + 2 * options.take_while(belongs).count()
            }
        }
    }
}

/// A parameter in a list of words; indexes count from the start of that list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParamUse {
    /// What the keyword is; `None` if it is not known.
    pub info: Option<&'static ParamInfo>,
    /// The word that is the keyword.
    pub keyword: usize,
    /// The words that are its value; empty if it takes none, shorter than it should be at the end of the line.
    pub values: Range<usize>,
}

/// All parameters of one kind, sorted by keyword.
struct Table {
    all: Vec<ParamInfo>,
    /// Where those that start with a letter are, by letter from `a` on.
    letters: Vec<Range<usize>>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let all = read(text);
        let below =
            |letter: u8| all.partition_point(|info| info.keyword.as_bytes().first().is_some_and(|b| *b < letter));
        let letters = (b'a'..=b'z').map(|letter| below(letter)..below(letter + 1)).collect();
        Self { all, letters }
    }

    /// The parameters that start with `letter`: no keyword starts with anything but a small letter.
    fn starting_with(&self, letter: u8) -> &[ParamInfo] {
        let range = letter.checked_sub(b'a').and_then(|n| self.letters.get(usize::from(n)));
        range.and_then(|range| self.all.get(range.clone())).unwrap_or_default()
    }
}

static SERVER: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../grammar/server-params.tsv")));
static BIND: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../grammar/bind-params.tsv")));

fn read(text: &'static str) -> Vec<ParamInfo> {
    let words = |row: &tsv::Row| match row.text(1) {
        "source" => ParamWords::Source,
        _ => ParamWords::Fixed(row.number(1)),
    };
    let info = |row: tsv::Row| ParamInfo { keyword: row.text(0), words: words(&row), lifetime: row.lifetime(2) };
    let mut table: Vec<_> = tsv::rows(text).map(info).collect();
    table.sort_by_key(|info| info.keyword);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let show = |found: ParamUse| {
            let values = words.get(found.values).unwrap_or_default().join(" ");
            let known = if found.info.is_some() { "" } else { "?" };
            format!("{known}{}={values}", words.get(found.keyword).unwrap_or(&""))
        };
        ParamTable::Server.scan(&words, None).into_iter().map(show).collect()
    }

    #[test]
    fn every_parameter_is_found_by_its_keyword() {
        for table in [ParamTable::Server, ParamTable::Bind] {
            for info in table.all() {
                assert_eq!(table.find(info.keyword.as_bytes(), None), Some(info), "{}", info.keyword);
            }
            assert_eq!(table.find(b"zzz", None), None);
            assert_eq!(table.find(b"", None), None);
        }
    }

    #[test]
    fn a_keyword_inside_a_value_is_a_value() {
        assert_eq!(scan("cookie id check id 7"), ["cookie=id", "check=", "id=7"]);
        assert_eq!(
            scan("source 0.0.0.0 usesrc clientip interface id id 3"),
            ["source=0.0.0.0 usesrc clientip interface id", "id=3"]
        );
        assert_eq!(scan("set-proxy-v2-tlv-fmt(0x20) id id 3"), ["set-proxy-v2-tlv-fmt(0x20)=id", "id=3"]);
    }

    #[test]
    fn a_parameter_is_found_by_name_where_a_scan_finds_it() {
        let alphabet = ["id", "id(x)", "7", "cookie", "check", "source", "usesrc", "interface", "weight", "else"];
        // All lines of five of these words.
        for number in 0..alphabet.len().pow(5) {
            let word = |place: u32| alphabet.get(number / alphabet.len().pow(place) % alphabet.len()).copied();
            let words: Vec<&str> = (0..5).filter_map(word).collect();
            let mut scanned = ParamTable::Server.scan(&words, None);
            scanned.retain(|param| param.info.is_some_and(|info| info.keyword == "id"));
            assert_eq!(ParamTable::Server.named("id", &words, None), scanned, "{words:?}");
        }
    }

    #[test]
    fn only_source_takes_more_than_one_word() {
        // `named` counts on it.
        for table in [ParamTable::Server, ParamTable::Bind] {
            for info in table.all() {
                let short = matches!(info.words, ParamWords::Fixed(0 | 1));
                assert!(short || info.keyword == "source", "{}", info.keyword);
            }
        }
    }

    #[test]
    fn unknown_words_and_cut_lines_are_kept() {
        assert_eq!(scan("new-thing id 3 weight"), ["?new-thing=", "id=3", "weight="]);
        assert_eq!(scan("source 1.2.3.4 usesrc"), ["source=1.2.3.4 usesrc"]);
    }
}
