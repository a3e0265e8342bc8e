//! Findings that are allowed in place: `# peerctl: allow CODE[,CODE]` on the line or the line above; above a section's
//! header it holds for the section.

use super::{
    context::Context,
    finding::{Finding, Label, Severity},
    registry::{self, Rule},
};
use crate::{
    config::{Document, LineNo},
    escape,
    model::Place,
    span::Span,
};

/// What stands in such a comment before the codes.
const MARK: &[u8] = b"peerctl: allow ";

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
        let code = escape::name(self.code);
        let (rule, message, help) = match registry::find(&code) {
            None => (
                &UNKNOWN,
                format!("`peerctl: allow` names `{code}`, which is no rule"),
                "see `peerctl explain` for their names",
            ),
            Some(rule) if selected.contains(&rule) => {
                (&UNUSED, format!("`peerctl: allow {code}` allows nothing"), "take it out: the rule finds nothing here")
            }
            Some(_) => return None,
        };
        let label = Label { instance: self.instance, place: self.place, span: self.span, text: String::new() };
        let mut finding = Finding::new(Severity::Note, message, label).help(help);
        finding.rule = rule;
        Some(finding)
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
                let start = at + u32::try_from(MARK.len()).unwrap_or(0);
                let rest = Span::new(start, document.line_span(line).end).of(document.text());
                let codes = rest.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                let mut from = start;
                for code in codes.split(|b| *b == b',') {
                    let to = from + u32::try_from(code.len()).unwrap_or(0);
                    let (place, span) = (Place { file, line }, Span::new(from, to));
                    found.push(Allowance { instance, place, span, code, lines: lines(document, line), used: false });
                    from = to + 1;
                }
            }
        }
    }
    found
}

/// Whether the byte at `at` stands behind the words of its line.
fn is_comment(document: &Document, line: LineNo, at: u32) -> bool {
    document.raw_words(line).last().is_none_or(|word| word.span.end <= at)
}

/// The lines a comment on `line` holds for.
fn lines(document: &Document, line: LineNo) -> (LineNo, LineNo) {
    if document.word_count(line) > 0 {
        return (line, line);
    }
    let next = LineNo(line.0 + 1);
    match document.sections().iter().find(|s| s.header == next) {
        Some(section) => (next, LineNo(section.end.0.saturating_sub(1))),
        None => (line, next),
    }
}

static UNKNOWN: Rule = Rule {
    code: "allow-unknown",
    summary: "`# peerctl: allow` names no rule",
    source: "//! # An allowance names no rule\n//!\n//! `# peerctl: allow CODE` must name a rule; `peerctl explain` lists them.\n",
    check: |_, _| {},
};

static UNUSED: Rule = Rule {
    code: "allow-unused",
    summary: "`# peerctl: allow` allows nothing",
    source: "//! # An allowance allows nothing\n//!\n//! The rule it names finds nothing there any more: take the comment out.\n",
    check: |_, _| {},
};
