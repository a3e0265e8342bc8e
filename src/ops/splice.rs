//! Changes to the words of one line: what stands around them stays.

use super::{OpError, OpErrorKind, Plan};
use crate::{
    config::{Document, LineNo, LineStyle, Newline, Source, draft, parse::MAX_WORDS},
    model::{Instance, Place},
    span::Span,
};

/// Puts words behind the last word of a line, before its comment.
pub(super) fn append_words(
    instance: &Instance<'_>,
    plan: &mut Plan,
    place: Place,
    words: &[&[u8]],
) -> Result<(), OpError> {
    let Some(source) = instance.files.get(place.file) else { return Ok(()) };
    let Some(last) = source.document.raw_words(place.line).last() else { return Ok(()) };
    if source.document.word_count(place.line) + words.len() > MAX_WORDS {
        let help = "HAProxy takes 64 words a line: shorten the line first";
        return Err(OpError::new(OpErrorKind::TooManyWords, help).at(place, last.span, "the last word"));
    }
    let mut gap = draft::gap_behind(last.span.of(source.document.text()));
    let mut text = Vec::new();
    for word in words {
        text.extend_from_slice(gap);
        text.extend_from_slice(&draft::quote(word));
        gap = b" ";
    }
    plan.file(place.file).insert(last.span.end, text);
    Ok(())
}

/// Replaces raw words `first..=last` of a line by one word.
pub(super) fn replace_words(instance: &Instance<'_>, plan: &mut Plan, place: Place, range: (u16, u16), word: &[u8]) {
    let span = words_span(instance, place, range);
    plan.file(place.file).replace(span, draft::quote(word).into_owned());
}

/// The span of raw words `first..=last`.
pub(super) fn words_span(instance: &Instance<'_>, place: Place, (first, last): (u16, u16)) -> Span {
    instance.word_span(place, usize::from(first)).to(instance.word_span(place, usize::from(last)))
}

/// Takes out a line with its line end.
pub(super) fn delete_line(instance: &Instance<'_>, plan: &mut Plan, place: Place) {
    if let Some(source) = instance.files.get(place.file) {
        plan.file(place.file).delete(source.document.full_line_span(place.line));
    }
}

/// Puts a new line behind another one.
pub(super) fn insert_after(instance: &Instance<'_>, plan: &mut Plan, place: Place, line: Vec<u8>) {
    let Some(source) = instance.files.get(place.file) else { return };
    insert_at(source, plan, place.file, source.document.full_line_span(place.line).end, line);
}

/// Puts lines at an offset where a line starts, or at the end of a file that may lack its last line end.
pub(super) fn insert_at(source: &Source, plan: &mut Plan, file: usize, offset: u32, lines: Vec<u8>) {
    let document = &source.document;
    let at_end = usize::try_from(offset).is_ok_and(|at| at == document.text().len());
    if at_end && !document.ends_with_newline() {
        let newline = Newline::of(document, LineNo(0));
        plan.file(file).insert(offset, [newline.bytes(), &lines].concat());
        plan.note(
            super::Mark::Attention,
            &source.name,
            "got the newline its last line lacked; HAProxy refuses a file without",
        );
    } else {
        plan.file(file).insert(offset, lines);
    }
}

/// The last line that belongs to a section whose last statement is on `last` and whose next header is on `end`: comments
/// right below a statement belong to it, unless the next header follows them directly.
pub(super) fn with_comments(document: &Document, last: LineNo, end: LineNo) -> LineNo {
    let comments = (last.0 + 1..end.0).take_while(|n| !is_blank(document, LineNo(*n))).last().unwrap_or(last.0);
    let leads_over = comments + 1 == end.0 && end.0 < document.line_count();
    if leads_over { last } else { LineNo(comments) }
}

/// Whether a line exists and is blank.
pub(super) fn is_blank(document: &Document, line: LineNo) -> bool {
    line.0 < document.line_count() && document.line_text(line).iter().all(u8::is_ascii_whitespace)
}

/// How statements are indented in a file: as the first one behind a header, of a peers section if there is one.
pub(super) fn statement_style(document: &Document) -> LineStyle {
    let sections = document.sections();
    let peers = sections.iter().filter(|s| document.first_word(s.header) == b"peers");
    let first_statement = |s: &crate::config::Section| {
        (s.header.0 + 1..s.end.0)
            .map(LineNo)
            .find(|line| document.word_count(*line) > 0 && !document.first_word(*line).starts_with(b"."))
    };
    let found = peers.chain(sections).find_map(first_statement);
    let mut style = found.map_or_else(LineStyle::default, |line| LineStyle::of(document, &[line]));
    style.newline = Newline::of(document, LineNo(0));
    style
}
