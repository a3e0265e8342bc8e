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
    /// All parameters, sorted by keyword.
    #[must_use]
    pub fn all(self) -> &'static [ParamInfo] {
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
        self.all().iter().find(|info| info.keyword.as_bytes() == keyword && info.lifetime.contains(version))
    }

    /// Cuts the words behind name and address into parameters, in order; they cover all of `words`.
    ///
    /// A word that `version` does not know is a parameter without a value and without an [`ParamUse::info`].
    pub fn scan<W: AsRef<[u8]>>(self, words: &[W], version: Option<Version>) -> Vec<ParamUse> {
        let mut found = Vec::new();
        let mut keyword = 0;
        while let Some(word) = words.get(keyword) {
            let info = self.find(word.as_ref(), version);
            let tail = words.get(keyword + 1..).unwrap_or_default();
            let taken = info.map_or(0, |info| info.words.count(tail));
            let end = keyword + 1 + taken.min(tail.len());
            found.push(ParamUse { info, keyword, values: keyword + 1..end });
            keyword = end;
        }
        found
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

/// One row of `grammar/peers-ignored-params.tsv`: a parameter of `server` lines that has no effect on a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeersIgnoredParam {
    /// The word.
    pub keyword: &'static str,
    /// Whether HAProxy warns of it.
    pub warned: bool,
}

/// All parameters of `server` lines that have no effect on peers, sorted by keyword.
#[must_use]
pub fn peers_ignored_params() -> &'static [PeersIgnoredParam] {
    &IGNORED
}

/// What `keyword` is on a peer, if it has no effect there.
#[must_use]
pub fn peers_ignored_param(keyword: &str) -> Option<PeersIgnoredParam> {
    peers_ignored_params().iter().copied().find(|param| param.keyword == keyword)
}

static IGNORED: LazyLock<Vec<PeersIgnoredParam>> = LazyLock::new(|| {
    let param = |row: tsv::Row| PeersIgnoredParam { keyword: row.text(0), warned: row.flag(1) };
    tsv::rows(include_str!("../../grammar/peers-ignored-params.tsv")).map(param).collect()
});

static SERVER: LazyLock<Vec<ParamInfo>> = LazyLock::new(|| read(include_str!("../../grammar/server-params.tsv")));
static BIND: LazyLock<Vec<ParamInfo>> = LazyLock::new(|| read(include_str!("../../grammar/bind-params.tsv")));

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
    fn a_keyword_inside_a_value_is_a_value() {
        assert_eq!(scan("cookie id check id 7"), ["cookie=id", "check=", "id=7"]);
        assert_eq!(
            scan("source 0.0.0.0 usesrc clientip interface id id 3"),
            ["source=0.0.0.0 usesrc clientip interface id", "id=3"]
        );
        assert_eq!(scan("set-proxy-v2-tlv-fmt(0x20) id id 3"), ["set-proxy-v2-tlv-fmt(0x20)=id", "id=3"]);
    }

    #[test]
    fn unknown_words_and_cut_lines_are_kept() {
        assert_eq!(scan("new-thing id 3 weight"), ["?new-thing=", "id=3", "weight="]);
        assert_eq!(scan("source 1.2.3.4 usesrc"), ["source=1.2.3.4 usesrc"]);
    }
}
