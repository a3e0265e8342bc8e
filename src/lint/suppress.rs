//! Findings that are allowed in place: `# peerctl: allow CODE[,CODE]` on the line or the line above; above a section's
//! header it holds for the section. Behind the codes there may be a reason.

use super::{
    context::Context,
    finding::{Finding, Label},
    registry::{self, Rule},
    rules::file::{allow_unknown, allow_unused},
};
use crate::{
    config::{Document, LineNo},
    model::Place,
    span::Span,
};

/// What such a comment begins with, and the word behind it, before the codes.
const MARK: &[u8] = b"peerctl:";
const WORD: &[u8] = b"allow";

/// One code of a comment.
struct Allowance<'a> {
    instance: usize,
    place: Place,
    span: Span,
    code: &'a [u8],
    /// The first and the last line it holds for.
    lines: (LineNo, LineNo),
    used: bool,
}

/// Takes out what is allowed; adds notes about allowances that name no rule or that nothing needs.
pub(super) fn apply(context: &Context<'_>, selected: &[&'static Rule], findings: Vec<Finding>) -> Vec<Finding> {
    let mut allowances = collect(context);
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        let mut allowed = false;
        for allowance in allowances.iter_mut().filter(|a| a.code == finding.rule.code.as_bytes()) {
            if finding.labels.iter().any(|label| allowance.covers(label)) {
                (allowance.used, allowed) = (true, true);
            }
        }
        if !allowed {
            kept.push(finding);
        }
    }
    kept.extend(allowances.iter().filter(|a| !a.used).filter_map(|a| a.note(selected)));
    kept
}

impl Allowance<'_> {
    fn covers(&self, label: &Label) -> bool {
        let (first, last) = self.lines;
        label.instance == self.instance
            && label.place.file == self.place.file
            && (first..=last).contains(&label.place.line)
    }

    /// What is wrong with an allowance that took nothing out; nothing if its rule didn't run.
    fn note(&self, selected: &[&'static Rule]) -> Option<Finding> {
        let label = Label { instance: self.instance, place: self.place, span: self.span, text: String::new() };
        let finding = match str::from_utf8(self.code).ok().and_then(registry::find) {
            None => allow_unknown::finding(self.code, label),
            Some(rule) if selected.contains(&rule) => allow_unused::finding(rule.code, label),
            Some(_) => return None,
        };
        selected.contains(&finding.rule).then_some(finding)
    }
}

/// All allowances of all instances.
fn collect<'a>(context: &Context<'a>) -> Vec<Allowance<'a>> {
    let mut found = Vec::new();
    for (instance, files) in context.each().map(|(index, i)| (index, i.files)) {
        for (file, source) in files.iter().enumerate() {
            let document = &source.document;
            // Few lines have one: look for the mark in the whole text, not at every line.
            for at in memchr::memmem::find_iter(document.text(), MARK) {
                let Ok(at) = u32::try_from(at) else { continue };
                let line = document.line_at(at);
                if !is_comment(document, line, at) {
                    continue;
                }
                for span in codes(document, Span::new(at, document.line_span(line).end)) {
                    let (place, code) = (Place { file, line }, span.of(document.text()));
                    found.push(Allowance { instance, place, span, code, lines: lines(document, line), used: false });
                }
            }
        }
    }
    found
}

/// The codes of a comment that begins at `comment`: an empty one where none follows, none if it is about something else.
fn codes(document: &Document, comment: Span) -> Vec<Span> {
    let text = comment.of(document.text());
    let behind =
        |text: &'_ [u8], from: usize| from + text.iter().skip(from).take_while(|b| b.is_ascii_whitespace()).count();
    let word = behind(text, MARK.len());
    let mut at = word + WORD.len();
    if text.get(word..at) != Some(WORD) || text.get(at).is_some_and(|b| !b.is_ascii_whitespace()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    loop {
        let start = behind(text, at);
        let is_code = |b: &&u8| !b.is_ascii_whitespace() && **b != b',';
        let end = start + text.iter().skip(start).take_while(is_code).count();
        let offset = |n: usize| comment.start + u32::try_from(n).unwrap_or(0);
        if end > start || found.is_empty() {
            found.push(Span::new(offset(start), offset(end)));
        }
        let comma = behind(text, end);
        if text.get(comma) != Some(&b',') {
            return found;
        }
        at = comma + 1;
    }
}

/// Whether the byte at `at` stands behind the words of its line.
fn is_comment(document: &Document, line: LineNo, at: u32) -> bool {
    document.raw_words(line).last().is_none_or(|word| word.span.end <= at)
}

/// The lines a comment on `line` holds for. Comments may stand below each other.
fn lines(document: &Document, line: LineNo) -> (LineNo, LineNo) {
    if document.word_count(line) > 0 {
        return (line, line);
    }
    let is_comment = |line: LineNo| {
        document.word_count(line) == 0 && !document.line_span(line).of(document.text()).trim_ascii().is_empty()
    };
    let mut next = LineNo(line.0 + 1);
    while next.0 < document.line_count() && is_comment(next) {
        next = LineNo(next.0 + 1);
    }
    match document.sections().iter().find(|s| s.header == next) {
        Some(section) => (next, LineNo(section.end.0.saturating_sub(1))),
        None => (line, next),
    }
}
