//! From the words of a `stick-table` or `table` line to a schema.

use std::ops::Range;

use crate::grammar::{DataType, KeyType, TableParam, Version};
use crate::stick::problem::{Problem, ProblemKind, Severity};
use crate::stick::schema::{Schema, SrvKey};
use crate::stick::store;
use crate::units::{Delay, Size, number};

/// Where a definition stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A `stick-table` line of a frontend, backend or listen section.
    Proxy,
    /// A `table` line of a peers section.
    Peers,
}

/// One parameter of a definition; indexes count from the first word of the definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Argument {
    /// The parameter; `None` for a word that is none.
    pub param: Option<TableParam>,
    /// The word that is the keyword.
    pub keyword: usize,
    /// The words that are its value: none or one. The length of a key is a parameter of its own, [`TableParam::Len`].
    pub value: Range<usize>,
}

/// What the words of a definition mean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsedTable {
    /// The definition; of a repeated parameter the last one counts, `store` adds up.
    pub schema: Schema,
    /// The parameters in the order of the words, which they cover without a gap.
    pub arguments: Vec<Argument>,
    /// Everything that HAProxy would complain about (it stops at the first error), in the order of the words.
    pub problems: Vec<Problem>,
}

impl ParsedTable {
    /// Whether HAProxy takes the definition, as far as the line alone can tell.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity() < Severity::Error)
    }

    /// The places of a parameter, in the order of the words.
    #[must_use]
    pub fn places(&self, param: TableParam) -> impl DoubleEndedIterator<Item = &Argument> {
        self.arguments.iter().filter(move |argument| argument.param == Some(param))
    }
}

/// Reads the words behind `stick-table`, or behind `table NAME`; an unknown `version` knows every parameter.
///
/// The rules are those of `parse_stick_table` in HAProxy's `src/stick_table.c` (2.6, 3.0 and 3.2). As there, an empty word ends
/// the line.
pub fn parse<W: AsRef<[u8]>>(words: &[W], place: Place, version: Option<Version>) -> ParsedTable {
    let used = words.iter().take_while(|word| !word.as_ref().is_empty());
    let mut reader = Reader {
        words: used.map(AsRef::as_ref).collect(),
        next: 0,
        place,
        version,
        parsed: ParsedTable { schema: Schema::default(), arguments: Vec::new(), problems: Vec::new() },
    };
    while reader.next < reader.words.len() {
        reader.argument();
    }
    reader.finish()
}

struct Reader<'a> {
    words: Vec<&'a [u8]>,
    next: usize,
    place: Place,
    version: Option<Version>,
    parsed: ParsedTable,
}

impl<'a> Reader<'a> {
    /// Reads one parameter with its value.
    fn argument(&mut self) {
        let keyword = self.next;
        let word = self.word(keyword);
        self.next += 1;
        let Some(info) = TableParam::by_keyword(word).filter(|info| info.param != TableParam::Len) else {
            return self.unknown(keyword);
        };
        let param = info.param;
        if let Some(version) = self.version.filter(|version| !info.lifetime.contains(Some(*version))) {
            self.report(keyword, ProblemKind::ParamTooNew { param, since: info.lifetime.since, version });
        } else if !info.allowed(self.place == Place::Peers, self.version) {
            self.report(keyword, ProblemKind::ParamNotInPeers { param });
        }
        let value = self.next..self.words.len().min(self.next + usize::from(info.has_value));
        self.next = value.end;
        let at = value.start;
        let missing = info.has_value && value.is_empty();
        self.parsed.arguments.push(Argument { param: Some(param), keyword, value });
        // A `store` at the end of the line passes; it stores nothing.
        if missing && param != TableParam::Store {
            return self.report(keyword, ProblemKind::MissingValue { param });
        }
        self.value(param, at);
    }

    /// Takes the value of `param`, which is the word `at`, into the schema.
    fn value(&mut self, param: TableParam, at: usize) {
        let word = self.word(at);
        match param {
            TableParam::Type => self.key_type(at),
            TableParam::Size => match Size::parse(word) {
                Ok(size) => self.parsed.schema.size = Some(size),
                Err(error) => self.report(at, error.into()),
            },
            TableParam::Expire => match Delay::parse(word) {
                Ok(parsed) => {
                    self.parsed.schema.expire = Some(parsed.delay);
                    if let Some(ignored) = parsed.ignored {
                        self.report(at, ProblemKind::IgnoredText { ignored });
                    }
                }
                Err(error) => self.report(at, error.into()),
            },
            TableParam::BratesFactor => match Size::parse(word) {
                Ok(factor) if (1..=1024).contains(&factor.get()) => {
                    self.parsed.schema.brates_factor = Some(factor.get());
                }
                Ok(factor) => self.report(at, ProblemKind::BadFactor { found: factor.get() }),
                Err(error) => self.report(at, error.into()),
            },
            TableParam::Srvkey => match SrvKey::by_word(word) {
                Some(key) => self.parsed.schema.srvkey = Some(key),
                None => self.report(at, ProblemKind::BadSrvKey { found: lossy(word) }),
            },
            TableParam::Store => {
                let problems = &mut self.parsed.problems;
                let mut report = |kind| problems.push(Problem { word: Some(at), kind });
                store::parse(word, &mut self.parsed.schema, self.version, &mut report);
            }
            TableParam::Peers => self.parsed.schema.peers = Some(word.into()),
            TableParam::WriteTo => self.parsed.schema.write_to = Some(word.into()),
            TableParam::Nopurge => self.parsed.schema.nopurge = true,
            TableParam::RecvOnly => self.parsed.schema.recv_only = true,
            // Never a parameter of its own: see `key_type`.
            TableParam::Len => {}
        }
    }

    /// Takes the word of a key type at `at`, and the `len` right behind it.
    fn key_type(&mut self, at: usize) {
        let word = self.word(at);
        let Some(info) = KeyType::by_word(word, self.version).or_else(|| KeyType::by_word(word, None)) else {
            return self.report(at, ProblemKind::UnknownType { found: lossy(word) });
        };
        if let Some(version) = self.version.filter(|version| !info.lifetime.contains(Some(*version))) {
            let since = info.lifetime.since;
            self.report(at, ProblemKind::TypeTooNew { found: lossy(word), since, version });
        }
        self.parsed.schema.key_type = Some(info.key_type);
        self.parsed.schema.len = info.default_len;
        if info.default_len.is_some() && self.word(self.next) == b"len" {
            self.len();
        }
    }

    /// Takes `len` and its value, which are the next words.
    fn len(&mut self) {
        let keyword = self.next;
        let value = keyword + 1..self.words.len().min(keyword + 2);
        self.next = value.end;
        let at = value.start;
        let word = self.word(at);
        self.parsed.arguments.push(Argument { param: Some(TableParam::Len), keyword, value });
        let (number, taken) = number::decimal(word).unwrap_or_default();
        // 2.6 does not look at what follows the digits.
        let whole = taken == word.len() || self.version.is_some_and(|version| version < Version::new(3, 0));
        if word.is_empty() {
            self.report(keyword, ProblemKind::MissingValue { param: TableParam::Len });
        } else if number == 0 || !whole {
            self.report(at, ProblemKind::BadLen { found: lossy(word) });
        } else {
            self.parsed.schema.len = i32::try_from(number).ok().and_then(|len| u32::try_from(len).ok());
            if self.parsed.schema.len.is_none() {
                self.report(at, ProblemKind::OddLen { found: lossy(word) });
            }
        }
    }

    /// Keeps a word that is no parameter.
    fn unknown(&mut self, keyword: usize) {
        let word = self.word(keyword);
        let kind =
            if word == b"len" { ProblemKind::MisplacedLen } else { ProblemKind::UnknownParam { found: lossy(word) } };
        self.report(keyword, kind);
        let word = self.word(keyword);
        self.parsed.schema.unknown_words.push(word.into());
        self.parsed.arguments.push(Argument { param: None, keyword, value: keyword + 1..keyword + 1 });
    }

    /// Checks the definition as a whole.
    fn finish(mut self) -> ParsedTable {
        let schema = &self.parsed.schema;
        let given = |param| self.parsed.places(param).next().is_some();
        let mut kinds = Vec::new();
        if schema.size == Some(Size::new(0)) {
            kinds.push(ProblemKind::ZeroSize);
        }
        for param in [TableParam::Type, TableParam::Size] {
            if !given(param) {
                kinds.push(ProblemKind::MissingParam { param });
            }
        }
        for (array, single) in EXCLUSIVE {
            if schema.column(array).is_some() && schema.column(single).is_some() {
                kinds.push(ProblemKind::ExclusiveColumns { array, single });
            }
        }
        self.parsed.problems.extend(kinds.into_iter().map(|kind| Problem { word: None, kind }));
        self.parsed
    }

    fn word(&self, index: usize) -> &'a [u8] {
        self.words.get(index).copied().unwrap_or_default()
    }

    fn report(&mut self, word: usize, kind: ProblemKind) {
        self.parsed.problems.push(Problem { word: Some(word), kind });
    }
}

/// Arrays and the single values they replace.
const EXCLUSIVE: [(DataType, DataType); 5] = [
    (DataType::GPT, DataType::GPT0),
    (DataType::GPC, DataType::GPC0),
    (DataType::GPC, DataType::GPC1),
    (DataType::GPC_RATE, DataType::GPC0_RATE),
    (DataType::GPC_RATE, DataType::GPC1_RATE),
];

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> ParsedTable {
        parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None)
    }

    #[test]
    fn parameters_come_in_any_order_and_the_last_one_counts() {
        let table = parsed("size 1k store gpc0 expire 30 store conn_cnt type ip nopurge expire 2m size 2K");
        assert!(table.accepted(), "{:?}", table.problems);
        assert_eq!(table.schema.key_type, Some(KeyType::IP));
        assert_eq!((table.schema.size, table.schema.expire_ms()), (Some(Size::new(2048)), 120_000));
        assert!(table.schema.nopurge && !table.schema.recv_only);
        let store: Vec<_> = table.schema.store.iter().map(ToString::to_string).collect();
        assert_eq!(store, ["gpc0", "conn_cnt"]);
        assert_eq!(table.places(TableParam::Size).map(|place| place.keyword).collect::<Vec<_>>(), [0, 13]);
    }

    #[test]
    fn len_counts_only_behind_the_type() {
        assert_eq!(parsed("type string size 1k").schema.len, Some(31));
        assert_eq!(parsed("type binary size 1k").schema.len, Some(32));
        assert_eq!(parsed("type ip size 1k").schema.len, None);
        let table = parsed("type string len 64 size 1k");
        assert_eq!(table.schema.len, Some(64));
        let places: Vec<_> = table.arguments.iter().map(|a| (a.param, a.keyword, a.value.clone())).collect();
        assert_eq!(
            places,
            [(Some(TableParam::Type), 0, 1..2), (Some(TableParam::Len), 2, 3..4), (Some(TableParam::Size), 4, 5..6)]
        );
        for line in ["type string size 1k len 64", "type ip len 4 size 1k", "type string len 0 size 1k"] {
            assert!(!parsed(line).accepted(), "{line}");
        }
    }

    #[test]
    fn older_versions_refuse_younger_words() {
        let check = |line: &str, version| parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, version).accepted();
        let old = Some(Version::new(2, 6));
        for line in [
            "type ip size 1k recv-only",
            "type ipv4 size 1k",
            "type ip size 1k store glitch_cnt",
            "type ip size 1k write-to t",
        ] {
            assert!(!check(line, old), "{line}");
            assert!(check(line, Some(Version::new(3, 2))), "{line}");
        }
        assert!(check("type string len 64x size 1k", old));
        assert!(!check("type string len 64x size 1k", Some(Version::new(3, 0))));
    }

    #[test]
    fn a_table_of_a_peers_section_cannot_name_one() {
        let words = ["type", "ip", "size", "1k", "peers", "p"];
        assert!(parse(&words, Place::Proxy, None).accepted());
        assert!(!parse(&words, Place::Peers, None).accepted());
    }

    #[test]
    fn words_that_are_no_parameter_are_kept() {
        let table = parsed("type ip size 1k shiny 3 store gpc0,shiny_rate(10s)");
        assert_eq!(table.schema.unknown_words, [b"shiny".as_slice().into(), b"3".as_slice().into()]);
        assert_eq!(table.schema.unknown_columns, [b"shiny_rate(10s)".as_slice().into()]);
        assert!(!table.accepted());
    }
}
