//! Reads the aggregator's file with HAProxy's lexer: quotes, escapes, `"${VARIABLES}"` and `.if` work as they do there.

use super::draft::{GlobalDraft, SectionDraft};
use super::line::{Word, did_you_mean};
use super::problems::Problems;
use super::statement;
use crate::config::{Environment, Source};
use crate::escape;
use crate::grammar::{AggregateSection, Version, aggregate_keyword};
use crate::model::reading::{self, RemarkKind};
use crate::model::{Facts, Statement};
use crate::output::diagnostic::Diagnostic;

/// The release whose rules for empty words hold: the strictest, under which they are errors.
const RULES: Version = Version::new(3, 3);

/// What stands in the file, section by section.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) global: GlobalDraft,
    pub(super) sections: Vec<SectionDraft>,
}

/// Where a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Nowhere,
    Global,
    Section,
    /// In a section that this program doesn't know.
    Foreign,
}

/// Reads all lines; what is wrong with them is added to `problems`.
pub(super) fn read(source: &Source, environment: &Environment, problems: &mut Problems) -> Draft {
    for error in source.document.errors() {
        problems.push(Diagnostic::of_syntax(error, 0));
    }
    let mut draft = Draft::default();
    let mut at = At::Nowhere;
    let facts = Facts { version: RULES, environment: environment.clone() };
    let remarks = reading::read(std::slice::from_ref(source), &facts, false, |statement| {
        // What can't be cut into words, or has an empty one, is told elsewhere.
        if source.document.errors_on(statement.place.line).is_empty() && statement.words.refused.is_none() {
            draft.line(source, statement, &mut at, problems);
        } else {
            draft.unreadable(at);
        }
    });
    for remark in remarks {
        match remark.kind {
            RemarkKind::ConditionUnknown => {
                let message = "a condition that only HAProxy can decide";
                problems.error(remark.span, message, "", "here, `defined(…)`, `streq(…)` and the like can be asked");
            }
            RemarkKind::ConditionInvalid(why) => problems.error(remark.span, why, "", ""),
            RemarkKind::RestIgnored | RemarkKind::WordRefused => {
                let help = "set the variable, or give it a value for that case: \"${NAME-value}\"";
                problems.error(remark.span, "an empty word", "a variable that isn't set, or empty quotes", help);
            }
        }
    }
    draft
}

impl Draft {
    fn line(&mut self, source: &Source, statement: &Statement<'_, '_>, at: &mut At, problems: &mut Problems) {
        let word = |word: &crate::config::Decoded<'_>| {
            let raw = |n: u16| source.word_span(statement.place.line, usize::from(n));
            Word { text: word.bytes.to_vec(), span: raw(word.first).to(raw(word.last)) }
        };
        let words: Vec<Word> = statement.words.words.iter().map(word).collect();
        let Some((keyword, rest)) = words.split_first() else { return };
        match keyword.text.as_slice() {
            b"global" => *at = At::Global,
            b"aggregations" => {
                *at = At::Section;
                self.sections.push(header(keyword, rest, problems));
            }
            _ if statement.header.is_some() => {
                *at = At::Foreign;
                let message = format!("a `{}` section in the aggregator's file", keyword.shown());
                let help = "it has `global` and `aggregations`; HAProxy's own sections belong into the nodes' files";
                problems.error(keyword.span, message, "", help);
            }
            _ => self.statement(*at, &words, keyword, problems),
        }
    }

    fn statement(&mut self, at: At, words: &[Word], keyword: &Word, problems: &mut Problems) {
        let section = match at {
            At::Foreign => return,
            At::Nowhere => {
                let near = did_you_mean(&keyword.text, ["global", "aggregations"].into_iter());
                let help = "a file begins with `global` or `aggregations NAME`";
                return problems.error(keyword.span, format!("`{}` before any section", keyword.shown()), near, help);
            }
            At::Global => AggregateSection::Global,
            At::Section => AggregateSection::Aggregations,
        };
        let read = statement::read(section, words, problems);
        let name = aggregate_keyword(section, &keyword.text).map(|info| info.keyword);
        // What a line is about, for messages: its first value, else the keyword.
        let span = words.get(1).unwrap_or(keyword).span;
        match (at, read, name, self.sections.last_mut()) {
            (At::Global, Some(statement), Some(name), _) => self.global.add(name, span, statement, problems),
            (_, Some(statement), Some(name), Some(section)) if at == At::Section => {
                section.add(name, span, statement, problems);
            }
            _ => self.unreadable(at),
        }
    }

    /// Notes that a line couldn't be read: what is missing then isn't worth a word.
    fn unreadable(&mut self, at: At) {
        match (at, self.sections.last_mut()) {
            (At::Global, _) => self.global.broken = true,
            (At::Section, Some(section)) => section.broken = true,
            _ => {}
        }
    }
}

/// `aggregations NAME`
fn header(keyword: &Word, rest: &[Word], problems: &mut Problems) -> SectionDraft {
    let Some((name, more)) = rest.split_first() else {
        problems.error(keyword.span, "a section without a name", "", "write `aggregations NAME`");
        let mut section = SectionDraft::new(String::new(), keyword.span);
        section.broken = true;
        return section;
    };
    if let Some(word) = more.first() {
        let message = format!("`{}` is one word too many behind the section's name", word.shown());
        problems.error(word.span, message, "", "write `aggregations NAME`");
    }
    let shown = || escape::name(&name.text).into_owned();
    SectionDraft::new(name.name(problems).unwrap_or_else(shown), name.span)
}
