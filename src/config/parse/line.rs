//! Cuts one line into words.

use nom::{Parser, bytes::complete::take_while};

use super::{
    SyntaxErrorKind,
    word::{MAX_WORDS, Piece, ReferenceFault, is_blank, is_plain, piece},
};
use crate::config::document::WordStart;

/// Cuts `line` (without its LF, at `base` in the text) into words and calls `report(start, end, kind)` with offsets in
/// the text for each fault. A word that is faulty is kept: it reaches as far as it can be read.
pub(crate) fn lex_line(
    line: &[u8],
    base: u32,
    words: &mut Vec<WordStart>,
    mut report: impl FnMut(u32, u32, SyntaxErrorKind),
) {
    // Offsets fit: `Document::parse` refuses texts that a `u32` can't address.
    #[expect(clippy::cast_possible_truncation, reason = "the document's length is bounded")]
    let offset = |rest: &[u8]| base + (line.len() - rest.len()) as u32;
    let first = words.len();
    let mut rest = line;
    loop {
        rest = skip_gap(rest);
        if let None | Some(b'#') = rest.first() {
            return;
        }
        let start = offset(rest);
        if words.len() - first == MAX_WORDS {
            report(start, offset(&[]), SyntaxErrorKind::TooManyWords);
        }
        let plain = skip_plain(rest);
        if let Some(b'"' | b'\'' | b'\\') = plain.first() {
            words.push(WordStart::special(start));
            rest = skip_word(rest, &mut |at, end, kind| report(offset(at), offset(end), kind));
        } else {
            // The common word has no quote and no escape.
            words.push(WordStart::plain(start));
            rest = plain;
        }
        // Right behind a word a CR ends the line; after a blank it is one itself.
        if rest.first() == Some(&b'\r') {
            return;
        }
    }
}

/// The offset in `line` at which the word that starts at `start` ends.
pub(crate) fn find_word_end(line: &[u8], start: usize, special: bool) -> usize {
    let word = line.get(start..).unwrap_or_default();
    let rest = if special { skip_word(word, &mut |_, _, _| {}) } else { skip_plain(word) };
    line.len() - rest.len()
}

/// Reads one word piece by piece and returns what follows it.
fn skip_word<'a>(word: &'a [u8], report: &mut dyn FnMut(&'a [u8], &'a [u8], SyntaxErrorKind)) -> &'a [u8] {
    let mut rest = word;
    let mut open: Option<(u8, &[u8])> = None;
    while let Ok((after, found)) = piece(open.map(|(q, _)| q), rest) {
        match found {
            Piece::Quote(q) => open = if open.is_none() { Some((q, rest)) } else { None },
            Piece::BadHex => report(rest, after, SyntaxErrorKind::BadHexEscape),
            Piece::BadReference(ReferenceFault::Name) => report(rest, after, SyntaxErrorKind::BadReferenceName),
            Piece::BadReference(ReferenceFault::Brace) => report(rest, after, SyntaxErrorKind::BadReferenceBrace),
            Piece::Text(_) | Piece::Escape(_) | Piece::Reference(_) => {}
        }
        rest = after;
    }
    if let Some((quote, at)) = open {
        report(at, at.get(1..).unwrap_or_default(), SyntaxErrorKind::OpenQuote(quote));
    }
    rest
}

fn skip_gap(input: &[u8]) -> &[u8] {
    // `take_while` on complete input can't fail; on its error the input is left as it is.
    take_while::<_, _, nom::error::Error<_>>(|b| is_blank(b) || b == b'\r').parse(input).map_or(input, |(rest, _)| rest)
}

fn skip_plain(input: &[u8]) -> &[u8] {
    take_while::<_, _, nom::error::Error<_>>(is_plain).parse(input).map_or(input, |(rest, _)| rest)
}
