//! From raw words to the words HAProxy sees: quotes and escapes undone, references to the environment filled in.
//!
//! What an *unset* variable without a default does is the largest difference between versions; see [`Undefined`].

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    document::{Document, LineNo, RawWord},
    parse::{MAX_WORDS, Piece, Reference, pieces},
};

/// The environment variables a configuration is read with. Sorted, so that what is printed of it is stable.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Environment {
    /// The value of a variable; `None` if it is unset.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.variables.get(name).map(Vec::as_slice)
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.variables.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Sets a variable, as `setenv` does.
    pub fn set(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.variables.insert(name.into(), value.into());
    }

    /// Unsets a variable, as `unsetenv` does.
    pub fn unset(&mut self, name: &[u8]) {
        self.variables.remove(name);
    }

    /// Unsets all variables but those that `keep` accepts, as `resetenv` does.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        self.variables.retain(|name, _| keep(name));
    }
}

impl<N: Into<Vec<u8>>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self { variables: pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect() }
    }
}

/// What a version does with empty words and with references to unset variables that have no default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undefined {
    /// Up to 2.8: nothing is put in; a word that ends up empty hides the rest of its line.
    HidesRest,
    /// 3.0 to 3.2: where the reference ends its quotes, the blanks behind are swallowed and the next word is glued on;
    /// a word that is empty for another reason hides the rest of its line. (A CR among those blanks is swallowed, too, and
    /// the line goes on behind it. Here it ends the line: its words are indexed without an environment.)
    Glues,
    /// From 3.3: an empty word is refused, but for `"${NAME[*]}"`, which gives no word.
    Refused,
}

impl Undefined {
    /// The rule of HAProxy `major.minor`.
    #[must_use]
    pub const fn of_version(major: u16, minor: u16) -> Self {
        match (major, minor) {
            (0..=2, _) => Self::HidesRest,
            (3, 0..=2) => Self::Glues,
            _ => Self::Refused,
        }
    }
}

/// One word as HAProxy sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decoded<'a> {
    /// Its bytes.
    pub bytes: Cow<'a, [u8]>,
    /// The raw words it was made from, as indexes on the line: the first …
    pub first: u16,
    /// … and the last one (a glued word has several).
    pub last: u16,
    /// Whether a reference to the environment took part: then an edit must not replace it by its value.
    pub referenced: bool,
}

impl AsRef<[u8]> for Decoded<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A line's words as HAProxy sees them. Kept and filled again line by line, so that reading allocates little.
#[derive(Debug, Default)]
pub struct Words<'a> {
    /// The words, in order.
    pub words: Vec<Decoded<'a>>,
    /// The index of a raw word that is empty and hides the words from there on (they aren't in `words`).
    pub hidden_from: Option<u16>,
    /// The index of a raw word this version refuses: it is empty, or gives the line more words than HAProxy takes.
    pub refused: Option<u16>,
    /// The index of the first raw word with a reference to a variable that is unset and has no default: what the line says
    /// depends on an environment that isn't this one.
    pub unset: Option<u16>,
}

impl<'a> Words<'a> {
    /// The bytes of word `n`; empty if there is none, as HAProxy's readers see it.
    #[must_use]
    pub fn get(&self, n: usize) -> &[u8] {
        self.words.get(n).map_or(b"", |w| &w.bytes)
    }

    /// Word `n`, owned or borrowed from the text.
    #[must_use]
    pub fn take(&self, n: usize) -> Cow<'a, [u8]> {
        self.words.get(n).map_or(Cow::Borrowed(b""), |w| w.bytes.clone())
    }

    /// How many words there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether the line says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn push(&mut self, word: Decoded<'a>) {
        if self.words.len() == MAX_WORDS {
            self.refused = self.refused.or(Some(word.last));
        }
        self.words.push(word);
    }

    fn clear(&mut self) {
        self.words.clear();
        self.hidden_from = None;
        self.refused = None;
        self.unset = None;
    }
}

/// What a line is decoded with.
#[derive(Clone, Copy, Debug)]
pub struct Decoder<'e> {
    /// The variables.
    pub environment: &'e Environment,
    /// What unset ones do.
    pub undefined: Undefined,
    /// `.FILE`: the path as HAProxy was given it.
    pub file: &'e [u8],
    /// `.SECTION`: the word after the section keyword, or the keyword.
    pub section: &'e [u8],
}

impl Decoder<'_> {
    /// Decodes a line into `words`, replacing what was there. A line with syntax errors gives what can be read of it.
    pub fn line<'d>(&self, document: &'d Document, line: LineNo, words: &mut Words<'d>) {
        words.clear();
        let mut glued: Option<Pending> = None;
        for (index, raw) in document.raw_words(line).enumerate() {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let text = raw.span.of(document.text());
            if !raw.special && glued.is_none() {
                words.push(Decoded { bytes: Cow::Borrowed(text), first: index, last: index, referenced: false });
                continue;
            }
            let mut word = glued.take().unwrap_or_else(|| Pending::new(index));
            match self.word(text, index, line, &mut word, words) {
                Flow::Glue => glued = Some(word),
                Flow::Next if self.finish(word, index, words) => {}
                Flow::Next | Flow::End => return,
            }
        }
        if let Some(word) = glued.filter(|w| !w.bytes.is_empty()) {
            let last = word.last;
            self.finish(word, last, words);
        }
    }

    /// Appends one raw word to `word`, which may end words on the way.
    fn word(&self, raw: &[u8], index: u16, line: LineNo, word: &mut Pending, words: &mut Words<'_>) -> Flow {
        word.last = index;
        let mut pieces = pieces(raw).peekable();
        let mut unset = false;
        while let Some(piece) = pieces.next() {
            let mut now_unset = false;
            match piece {
                Piece::Text(text) => word.extend(text),
                Piece::Escape(escape) => word.escape(escape.byte),
                Piece::Reference(reference) => {
                    word.referenced = true;
                    word.list |= reference.list;
                    match self.value(reference, line) {
                        Some(value) if reference.list => {
                            if !self.expand(&value, index, word, words) {
                                return Flow::End;
                            }
                        }
                        Some(value) => word.extend(&value),
                        None => {
                            now_unset = true;
                            words.unset = words.unset.or(Some(index));
                        }
                    }
                }
                // Right behind an unset reference 3.0 to 3.2 take the closing quote and the blanks after it.
                Piece::Quote(b'"') if unset && self.undefined == Undefined::Glues && pieces.peek().is_none() => {
                    return Flow::Glue;
                }
                Piece::Quote(_) | Piece::BadHex | Piece::BadReference(_) => {}
            }
            unset = now_unset;
        }
        Flow::Next
    }

    /// `${NAME[*]}`: each run of blanks in the value ends a word. `false` if the line ends with one of them.
    fn expand(&self, value: &[u8], index: u16, word: &mut Pending, words: &mut Words<'_>) -> bool {
        let is_space = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
        for run in value.chunk_by(|a, b| is_space(a) == is_space(b)) {
            if !run.first().is_some_and(is_space) {
                word.extend(run);
                continue;
            }
            let next = Pending { referenced: true, list: true, ..Pending::new(index) };
            if !self.finish(std::mem::replace(word, next), index, words) {
                return false;
            }
        }
        true
    }

    /// Ends a word; `false` if the line ends with it.
    fn finish(&self, word: Pending, index: u16, words: &mut Words<'_>) -> bool {
        if word.bytes.is_empty() {
            match self.undefined {
                Undefined::Refused if word.list => return true,
                Undefined::Refused => words.refused = words.refused.or(Some(index)),
                Undefined::HidesRest | Undefined::Glues => {
                    words.hidden_from = Some(index);
                    return false;
                }
            }
        }
        words.push(word.decoded());
        true
    }

    /// A reference's value; `None` if it is unset and has no default.
    fn value<'v>(&'v self, reference: Reference<'v>, line: LineNo) -> Option<Cow<'v, [u8]>> {
        match reference.name {
            b".FILE" => Some(Cow::Borrowed(self.file)),
            b".LINE" => Some(Cow::Owned(line.human().to_string().into_bytes())),
            b".SECTION" => Some(Cow::Borrowed(self.section)),
            name => self.environment.get(name).or(reference.default).map(Cow::Borrowed),
        }
    }
}

/// What comes after a raw word.
enum Flow {
    /// The word is complete.
    Next,
    /// The next raw word belongs to it, too.
    Glue,
    /// Nothing: the rest of the line is hidden.
    End,
}

/// A word in the making.
struct Pending {
    bytes: Vec<u8>,
    first: u16,
    last: u16,
    referenced: bool,
    list: bool,
    /// After an escaped NUL the rest of the word is lost.
    cut: bool,
}

impl Pending {
    const fn new(first: u16) -> Self {
        Self { bytes: Vec::new(), first, last: first, referenced: false, list: false, cut: false }
    }

    fn extend(&mut self, bytes: &[u8]) {
        if !self.cut {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn escape(&mut self, byte: u8) {
        self.cut |= byte == 0;
        self.extend(if self.cut { b"" } else { std::slice::from_ref(&byte) });
    }

    fn decoded<'a>(self) -> Decoded<'a> {
        let Self { bytes, first, last, referenced, .. } = self;
        Decoded { bytes: Cow::Owned(bytes), first, last, referenced }
    }
}

/// A raw word as a keyword: quotes and escapes undone, references left out (no keyword is written with one).
#[must_use]
pub fn keyword(text: &[u8], word: RawWord) -> Cow<'_, [u8]> {
    let raw = word.span.of(text);
    if !word.special {
        return Cow::Borrowed(raw);
    }
    let mut pending = Pending::new(0);
    for piece in pieces(raw) {
        match piece {
            Piece::Text(text) => pending.extend(text),
            Piece::Escape(escape) => pending.escape(escape.byte),
            _ => {}
        }
    }
    Cow::Owned(pending.bytes)
}
