//! Reads the statements of an instance in HAProxy's order: files one after the other, `.if` decided, references
//! filled in, `setenv` and its relatives obeyed.

use super::cond::{self, Truth};
use crate::{
    config::{Decoded, Document, Environment, LineNo, Source, Words, decode, decode::Decoder, decode::Undefined},
    grammar::{self, Version, keywords::SectionKind},
    span::Span,
};

/// What a configuration is read with.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The version whose rules hold.
    pub version: Version,
    /// The process environment.
    pub environment: Environment,
}

/// A line of one of an instance's files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The file, as an index into the instance's files.
    pub file: usize,
    /// The line.
    pub line: LineNo,
}

/// Whether HAProxy reads a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// It does.
    Yes,
    /// It depends on a condition that can't be decided here.
    Depends,
}

/// One statement as HAProxy sees it.
#[derive(Debug)]
pub struct Statement<'s, 'd> {
    /// Where it stands.
    pub place: Place,
    /// Its words; never empty.
    pub words: &'s Words<'d>,
    /// Whether it is read.
    pub known: Known,
    /// The section it starts, if it is a header.
    pub header: Option<SectionKind>,
}

impl<'d> Statement<'_, 'd> {
    /// The keyword.
    #[must_use]
    pub fn keyword(&self) -> &[u8] {
        self.words.get(0)
    }

    /// The words behind the keyword.
    #[must_use]
    pub fn arguments(&self) -> &[Decoded<'d>] {
        self.words.words.get(1..).unwrap_or_default()
    }
}

/// Something about a line that reading found out and that isn't a syntax error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// The line.
    pub place: Place,
    /// The bytes to point at.
    pub span: Span,
    /// What it is.
    pub kind: RemarkKind,
}

/// The kinds of [`Remark`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemarkKind {
    /// The condition can't be decided without running HAProxy: its branches are read as "perhaps".
    ConditionUnknown,
    /// HAProxy refuses the condition.
    ConditionInvalid(String),
    /// A word is empty: this version ignores the rest of the line.
    RestIgnored,
    /// A word is empty or a pseudo-variable doesn't exist: this version refuses the line.
    WordRefused,
}

/// Reads all statements of `files` and hands them to `visit`, with the environment as it is at that line. Returns
/// what was remarkable, in the order of the lines. With `local_given` (`-L`) HAProxy ignores `localpeer`.
pub fn read<'d>(
    files: &'d [Source],
    facts: &Facts,
    local_given: bool,
    visit: impl FnMut(&Statement<'_, 'd>),
) -> Vec<Remark> {
    read_with(files, facts, local_given, false, visit)
}

/// The same for the model, which asks few questions about servers: of a plain `server` line it gets no more words than
/// those are about.
pub(super) fn read_briefly<'d>(
    files: &'d [Source],
    facts: &Facts,
    local_given: bool,
    visit: impl FnMut(&Statement<'_, 'd>),
) -> Vec<Remark> {
    read_with(files, facts, local_given, true, visit)
}

fn read_with<'d>(
    files: &'d [Source],
    facts: &Facts,
    local_given: bool,
    briefly: bool,
    mut visit: impl FnMut(&Statement<'_, 'd>),
) -> Vec<Remark> {
    let environment = facts.environment.clone();
    let mut reader =
        Reader { facts, environment, localpeer_counts: !local_given, briefly, remarks: Vec::new(), discovery: None };
    if facts.version >= FIRST_PASS {
        // `global` is read ahead of everything: a `setenv` further down is already seen further up.
        reader.discovery = Some(true);
        reader.files(files, &mut |_| {});
        reader.discovery = Some(false);
        reader.remarks.clear();
    }
    reader.files(files, &mut visit);
    reader.remarks
}

/// The variable that HAProxy sets to the local peer's name, whoever set it before.
pub const LOCALPEER: &str = "HAPROXY_LOCALPEER";

/// The first version that reads `global` in a pass of its own.
const FIRST_PASS: Version = Version::new(3, 1);

struct Reader<'f> {
    facts: &'f Facts,
    environment: Environment,
    /// Whether a `localpeer` here would be obeyed.
    localpeer_counts: bool,
    remarks: Vec<Remark>,
    /// Whether plain `server` lines are read only as far as the model asks.
    briefly: bool,
    /// In versions with two passes: whether this is the first one, the only one that `setenv` acts in.
    discovery: Option<bool>,
}

/// One open `.if` block.
struct Open {
    /// Whether the lines around the block are read.
    outside: Truth,
    /// Whether an earlier branch was taken.
    taken: Truth,
    /// Whether the current branch is read.
    branch: Truth,
}

/// Where the reader is in a file.
struct State<'d> {
    /// The open `.if` blocks.
    blocks: Vec<Open>,
    /// The current section and its name.
    section: (SectionKind, Vec<u8>),
    /// The words of the line, kept for their room.
    words: Words<'d>,
}

impl Default for State<'_> {
    fn default() -> Self {
        Self { blocks: Vec::new(), section: (SectionKind::Other, Vec::new()), words: Words::default() }
    }
}

impl Reader<'_> {
    fn files<'d>(&mut self, files: &'d [Source], visit: &mut dyn FnMut(&Statement<'_, 'd>)) {
        for (file, source) in files.iter().enumerate() {
            self.file(file, source, visit);
        }
    }

    fn file<'d>(&mut self, file: usize, source: &'d Source, visit: &mut dyn FnMut(&Statement<'_, 'd>)) {
        let document = &source.document;
        let mut state = State::default();
        let sections = document.sections();
        if self.discovery == Some(true) && document.blocks().is_empty() {
            // Only `global` counts, and nothing decides about what a section is: most of the file need not be looked at.
            for section in sections.iter().filter(|s| opens_global(document, s.header)) {
                for line in (section.header.0..section.end.0).map(LineNo) {
                    self.line(file, source, line, line == section.header, &mut state, visit);
                }
            }
            return;
        }
        let mut headers = sections.iter().map(|s| s.header).peekable();
        for line in document.lines() {
            let header = headers.next_if_eq(&line).is_some();
            self.line(file, source, line, header, &mut state, visit);
        }
    }

    /// Reads one line; `header` says whether it is one in some version.
    fn line<'d>(
        &mut self,
        file: usize,
        source: &'d Source,
        line: LineNo,
        header: bool,
        state: &mut State<'d>,
        visit: &mut dyn FnMut(&Statement<'_, 'd>),
    ) {
        let document = &source.document;
        let Some(first) = document.raw_words(line).next() else { return };
        let State { blocks, section, words } = state;
        let read = blocks.last().map_or(Truth::True, |b| b.outside.and(b.branch));
        let keyword = decode::keyword(document.text(), first);
        let directive = keyword.first() == Some(&b'.');
        if read == Truth::False && !directive {
            return;
        }
        let header = if header { grammar::keywords::section(&keyword, Some(self.facts.version)) } else { None };
        let ahead = self.discovery == Some(true);
        if ahead && !directive && header.is_none() && section.0 != SectionKind::Global {
            return;
        }
        let decoder = Decoder {
            environment: &self.environment,
            undefined: Undefined::of_version(self.facts.version.major, self.facts.version.minor),
            file: source.name.as_bytes(),
            section: &section.1,
        };
        let most = if self.briefly && section.0 == SectionKind::Proxy && *keyword == *b"server" {
            words_of_server(document, line)
        } else {
            usize::MAX
        };
        decoder.first_words(document, line, most, words);

        let place = Place { file, line };
        if directive {
            self.directive(source, place, words, read, blocks);
            return;
        }
        self.remark_words(source, place, words);
        if words.is_empty() {
            return;
        }
        if let Some(info) = header {
            let name = words.words.get(1).or(words.words.first());
            *section = (info.kind, name.map(|w| w.bytes.to_vec()).unwrap_or_default());
        }
        let known = if read == Truth::True { Known::Yes } else { Known::Depends };
        // Without a first pass a `localpeer` behind a peers section comes too late.
        self.localpeer_counts &= section.0 != SectionKind::Peers || self.discovery.is_some();
        let statement = Statement { place, words, known, header: header.map(|info| info.kind) };
        if section.0 == SectionKind::Global && known == Known::Yes && self.discovery != Some(false) {
            set_environment(&mut self.environment, &statement, self.localpeer_counts);
        }
        if !ahead {
            visit(&statement);
        }
    }

    fn directive(&mut self, source: &Source, place: Place, words: &Words<'_>, read: Truth, blocks: &mut Vec<Open>) {
        match words.get(0) {
            b".if" => {
                let branch = if read == Truth::False { Truth::False } else { self.condition(source, place, words) };
                blocks.push(Open { outside: read, taken: branch, branch });
            }
            b".elif" => {
                if let Some(open) = blocks.last() {
                    let (outside, taken) = (open.outside, open.taken);
                    let asked = outside != Truth::False && taken != Truth::True;
                    let condition = if asked { self.condition(source, place, words) } else { Truth::False };
                    if let Some(open) = blocks.last_mut() {
                        open.branch = condition.and(!taken);
                        open.taken = taken.or(condition);
                    }
                }
            }
            b".else" => {
                if let Some(open) = blocks.last_mut() {
                    open.branch = !open.taken;
                    open.taken = Truth::True;
                }
            }
            b".endif" => {
                blocks.pop();
            }
            _ => {}
        }
    }

    fn condition(&mut self, source: &Source, place: Place, words: &Words<'_>) -> Truth {
        let arguments = words.words.get(1..).unwrap_or_default();
        let text = arguments.iter().map(|w| &*w.bytes).collect::<Vec<_>>().join(&b' ');
        let span = condition_span(source, place.line);
        let environment = &self.environment;
        let facts = cond::Facts {
            release: Some(self.facts.version.into()),
            defined: &|name| environment.get(name).is_some().into(),
            build: &|_, _| Truth::Unknown,
        };
        match cond::eval(&text, &facts) {
            Ok(Truth::Unknown) => {
                self.remarks.push(Remark { place, span, kind: RemarkKind::ConditionUnknown });
                Truth::Unknown
            }
            Ok(truth) => truth,
            Err(error) => {
                self.remarks.push(Remark { place, span, kind: RemarkKind::ConditionInvalid(error.to_string()) });
                Truth::Unknown
            }
        }
    }

    fn remark_words(&mut self, source: &Source, place: Place, words: &Words<'_>) {
        let mut remark = |index: u16, kind| {
            self.remarks.push(Remark { place, span: source.word_span(place.line, usize::from(index)), kind });
        };
        if let Some(index) = words.hidden_from {
            remark(index, RemarkKind::RestIgnored);
        }
        if let Some(index) = words.refused {
            remark(index, RemarkKind::WordRefused);
        }
    }
}

/// `server NAME ADDRESS`.
const SERVER_WORDS: usize = 3;

/// How many words of a `server` line anybody asks about here: those up to the address, and to the last word that could be `id`
/// or `resolvers` with its value. All of them if there are quotes or escapes.
fn words_of_server(document: &Document, line: LineNo) -> usize {
    let mut most = SERVER_WORDS;
    for (number, tail) in document.word_tails(line).enumerate() {
        match tail {
            None => return usize::MAX,
            Some([b'i', b'd', ..] | [b'r', b'e', b's', ..]) if number >= SERVER_WORDS => most = number + 2,
            Some(_) => {}
        }
    }
    most
}

/// Whether a header line opens a `global` section.
fn opens_global(document: &Document, header: LineNo) -> bool {
    let word = document.raw_words(header).next().map(|word| decode::keyword(document.text(), word));
    word.and_then(|word| grammar::keywords::section(&word, None)).is_some_and(|info| info.kind == SectionKind::Global)
}

/// The words of a condition, from the second to the last one.
fn condition_span(source: &Source, line: LineNo) -> Span {
    let mut words = source.document.raw_words(line).skip(1).map(|w| w.span);
    let Some(first) = words.next() else { return source.word_span(line, 0) };
    words.last().map_or(first, |last| first.to(last))
}

/// `setenv`, `presetenv`, `unsetenv`, `resetenv` of `global`, and `localpeer`, which sets a variable, too.
fn set_environment(environment: &mut Environment, statement: &Statement<'_, '_>, localpeer_counts: bool) {
    let words = statement.words;
    let pair = || (words.get(1).to_vec(), words.get(2).to_vec());
    match words.get(0) {
        b"setenv" if words.len() > 2 => {
            let (name, value) = pair();
            environment.set(name, value);
        }
        b"presetenv" if words.len() > 2 && environment.get(words.get(1)).is_none() => {
            let (name, value) = pair();
            environment.set(name, value);
        }
        b"localpeer" if words.len() > 1 && localpeer_counts => environment.set(LOCALPEER, words.get(1)),
        b"unsetenv" => statement.arguments().iter().for_each(|name| environment.unset(&name.bytes)),
        b"resetenv" => environment.retain(|name| statement.arguments().iter().any(|keep| *keep.bytes == *name)),
        _ => {}
    }
}
