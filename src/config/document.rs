//! The immutable document: a text and an index of its lines, words, sections and blocks.

use memchr::{memchr, memchr_iter};

use super::{
    block::{self, Block},
    parse::{self, SyntaxError, SyntaxErrorKind},
};
use crate::{grammar, span::Span};

/// A line's number, counted from 0. People and JSON get it plus one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LineNo(pub u32);

impl LineNo {
    /// The number that people count with, from 1.
    #[must_use]
    pub const fn human(self) -> u32 {
        self.0.saturating_add(1)
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a word starts, and whether it holds quotes or escapes. Four bytes a word: the end is found by reading the
/// word again, which costs less than the memory it would take to keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WordStart(u32);

impl WordStart {
    const SPECIAL: u32 = 1 << 31;

    pub(crate) const fn plain(start: u32) -> Self {
        Self(start)
    }

    pub(crate) const fn special(start: u32) -> Self {
        Self(start | Self::SPECIAL)
    }

    const fn start(self) -> u32 {
        self.0 & !Self::SPECIAL
    }

    const fn is_special(self) -> bool {
        self.0 & Self::SPECIAL != 0
    }
}

/// A word as it stands in the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawWord {
    /// Its bytes, quotes and escapes included.
    pub span: Span,
    /// Whether it holds quotes or escapes: if not, it means what it says.
    pub special: bool,
}

/// A section by its header line: from there to the line before the next header, or the end of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Section {
    /// The header's line.
    pub header: LineNo,
    /// The line after the section's last one.
    pub end: LineNo,
}

/// A text of 2 GiB or more, which the index can't address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a configuration of {length} bytes is over the limit of 2147483647")]
pub struct TooLong {
    /// Its length in bytes.
    pub length: usize,
}

/// A parsed configuration file. It never changes: an edit makes a new text, which is parsed again.
#[derive(Debug)]
pub struct Document {
    text: Vec<u8>,
    /// The start of each line and its first word; one more entry closes the last line.
    lines: Vec<LineStart>,
    words: Vec<WordStart>,
    errors: Vec<SyntaxError>,
    sections: Vec<Section>,
    blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug)]
struct LineStart {
    offset: u32,
    first_word: u32,
}

impl Document {
    /// Reads a text. Whatever is wrong with it is in [`errors`](Self::errors), in the order of the lines.
    ///
    /// # Errors
    /// Only for a text of 2 GiB or more.
    pub fn parse(text: Vec<u8>) -> Result<Self, TooLong> {
        let length = text.len();
        let end = u32::try_from(length).ok().filter(|n| *n < WordStart::SPECIAL).ok_or(TooLong { length })?;

        // Room for short lines and words; pages that stay unused cost nothing.
        let mut lines = Vec::with_capacity(length / 16 + 2);
        let mut words = Vec::with_capacity(length / 4 + 8);
        let mut errors = Vec::new();
        let mut start = 0u32;
        while start < end {
            let rest = text.get(start as usize..).unwrap_or_default();
            let content = memchr(b'\n', rest).map_or(rest, |n| rest.split_at(n).0);
            #[expect(clippy::cast_possible_truncation, reason = "bounded by `end` above")]
            let (line, first_word) = (LineNo(lines.len() as u32), words.len() as u32);
            lines.push(LineStart { offset: start, first_word });
            parse::lex_line(content, start, &mut words, |from, to, kind| {
                errors.push(SyntaxError { line, span: Span::new(from, to), kind });
            });
            #[expect(clippy::cast_possible_truncation, reason = "a piece of a text that fits")]
            let length = content.len() as u32;
            start += length + 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "no more words than bytes")]
        let sentinel = LineStart { offset: start, first_word: words.len() as u32 };
        lines.push(sentinel);

        let mut document = Self { text, lines, words, errors, sections: Vec::new(), blocks: Vec::new() };
        document.find_byte_errors();
        document.find_structure();
        document.errors.sort_by_key(|e| (e.line, e.span.start));
        Ok(document)
    }

    /// The text, byte for byte.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// How many lines there are. A last line without LF counts; nothing after a last LF doesn't.
    #[must_use]
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.lines.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// All lines, in order.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = LineNo> + use<> {
        (0..self.line_count()).map(LineNo)
    }

    /// A line's bytes without its LF (a CR before it is still there); empty for a line that doesn't exist.
    #[must_use]
    pub fn line_span(&self, line: LineNo) -> Span {
        let (Some(here), Some(next)) = (self.lines.get(line.index()), self.lines.get(line.index() + 1)) else {
            return Span::at(self.text_end());
        };
        Span::new(here.offset, next.offset - 1)
    }

    /// A line's bytes with its LF, if it has one.
    #[must_use]
    pub fn full_line_span(&self, line: LineNo) -> Span {
        let content = self.line_span(line);
        Span::new(content.start, (content.end + 1).min(self.text_end()))
    }

    /// The line's text without its LF.
    #[must_use]
    pub fn line_text(&self, line: LineNo) -> &[u8] {
        self.line_span(line).of(&self.text)
    }

    /// The words of a line as they stand in the text.
    pub fn raw_words(&self, line: LineNo) -> impl Iterator<Item = RawWord> + '_ {
        let content = self.line_span(line);
        let text = content.of(&self.text);
        self.word_starts(line).iter().map(move |word| {
            let from = word.start() - content.start;
            let to = parse::find_word_end(text, from as usize, word.is_special());
            #[expect(clippy::cast_possible_truncation, reason = "an offset in a text that fits")]
            let end = content.start + to as u32;
            RawWord { span: Span::new(word.start(), end), special: word.is_special() }
        })
    }

    /// What a line reads like from the start of each of its words on, if that word holds neither quotes nor escapes.
    pub(crate) fn word_tails(&self, line: LineNo) -> impl Iterator<Item = Option<&[u8]>> {
        let tail = |word: &WordStart| self.text.get(word.start() as usize..).filter(|_| !word.is_special());
        self.word_starts(line).iter().map(tail)
    }

    /// The first word of a line if it is written without quotes and escapes, else its raw text.
    #[must_use]
    pub fn first_word(&self, line: LineNo) -> &[u8] {
        self.raw_words(line).next().map_or(b"", |word| word.span.of(&self.text))
    }

    /// How many words a line has.
    #[must_use]
    pub fn word_count(&self, line: LineNo) -> usize {
        self.word_starts(line).len()
    }

    /// What HAProxy would refuse before it looks at keywords, by line.
    #[must_use]
    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// The errors on one line.
    #[must_use]
    pub fn errors_on(&self, line: LineNo) -> &[SyntaxError] {
        let from = self.errors.partition_point(|e| e.line < line);
        let to = self.errors.partition_point(|e| e.line <= line);
        self.errors.get(from..to).unwrap_or_default()
    }

    /// The sections in the order of the file, as if every `.if` branch were read.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The `.if` blocks, outermost and first one first.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The line that holds the byte at `offset`; the last line for an offset at or after the end.
    #[must_use]
    pub fn line_at(&self, offset: u32) -> LineNo {
        let last = self.line_count().saturating_sub(1);
        let next = self.lines.partition_point(|l| l.offset <= offset);
        LineNo(u32::try_from(next.saturating_sub(1)).unwrap_or(u32::MAX).min(last))
    }

    /// Whether the text is empty or ends with LF, as HAProxy demands.
    #[must_use]
    pub fn ends_with_newline(&self) -> bool {
        self.text.last().is_none_or(|b| *b == b'\n')
    }

    fn text_end(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }

    fn word_starts(&self, line: LineNo) -> &[WordStart] {
        let (Some(here), Some(next)) = (self.lines.get(line.index()), self.lines.get(line.index() + 1)) else {
            return &[];
        };
        self.words.get(here.first_word as usize..next.first_word as usize).unwrap_or_default()
    }

    /// NUL bytes, a byte order mark and a missing last LF: seen in the text, not in the words.
    fn find_byte_errors(&mut self) {
        let mut last = None;
        for at in memchr_iter(0, &self.text) {
            #[expect(clippy::cast_possible_truncation, reason = "an offset in a text that fits")]
            let at = at as u32;
            let line = self.line_at(at);
            if last != Some(line) {
                self.errors.push(SyntaxError { line, span: Span::new(at, at + 1), kind: SyntaxErrorKind::NulByte });
                last = Some(line);
            }
        }
        if self.text.starts_with(b"\xef\xbb\xbf") {
            let kind = SyntaxErrorKind::ByteOrderMark;
            self.errors.push(SyntaxError { line: LineNo(0), span: Span::new(0, 3), kind });
        }
        if !self.ends_with_newline() {
            let line = LineNo(self.line_count().saturating_sub(1));
            let kind = SyntaxErrorKind::NoFinalNewline;
            self.errors.push(SyntaxError { line, span: Span::at(self.text_end()), kind });
        }
    }

    /// Sections and blocks: both are decided by the first word of a line.
    fn find_structure(&mut self) {
        let mut sections: Vec<Section> = Vec::new();
        let mut blocks = block::Builder::default();
        for line in self.lines() {
            let Some(first) = self.word_starts(line).first() else { continue };
            let byte = self.text.get(first.start() as usize).copied().unwrap_or_default();
            if !first.is_special() && byte != b'.' && !grammar::keywords::may_start_section(byte) {
                continue;
            }
            let Some(word) = self.raw_words(line).next() else { continue };
            let bytes = super::decode::keyword(&self.text, word);
            if bytes.first() == Some(&b'.') {
                blocks.directive(self, line, &bytes);
            } else if grammar::is_section_keyword(&bytes) {
                if let Some(open) = sections.last_mut() {
                    open.end = line;
                }
                sections.push(Section { header: line, end: LineNo(self.line_count()) });
            }
        }
        let (blocks, errors) = blocks.finish(self);
        self.errors.extend(errors);
        self.sections = sections;
        self.blocks = blocks;
    }
}
