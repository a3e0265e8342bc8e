//! Notes on standard error about lines that HAProxy would refuse, or read otherwise than they look.

use super::stderr;
use crate::{
    config::Source,
    escape,
    grammar::Version,
    model::{Instance, reading::RemarkKind},
    span::Span,
};

/// A file with more is not read line by line by anybody.
const MOST: usize = 50;

/// Prints what is to be noted about the lines of instances, each line of a file once.
pub(super) fn print(instances: &[Instance<'_>]) {
    let mut notes: Vec<String> = Vec::new();
    for instance in instances {
        for note in of_instance(instance) {
            if !notes.contains(&note) {
                notes.push(note);
            }
            if notes.len() > MOST {
                break;
            }
        }
    }
    if notes.len() > MOST {
        notes.truncate(MOST);
        notes.push("… and more; `peerctl parse FILE` lists what can't be read".to_owned());
    }
    let text: String = notes.iter().map(|note| format!("{note}\n")).collect();
    stderr::print(&text);
}

fn of_instance<'a>(instance: &'a Instance<'_>) -> impl Iterator<Item = String> + 'a {
    let syntax = instance.files.iter().flat_map(|source| {
        source
            .document
            .errors()
            .iter()
            .map(|error| note(source, error.span, &format!("{}; {}", error.kind, error.kind.help())))
    });
    let remarks = instance.remarks.iter().filter_map(|remark| {
        Some(note(instance.files.get(remark.place.file)?, remark.span, &remark_text(&remark.kind, instance.version)))
    });
    let tables = instance.tables().into_iter().flat_map(|table| {
        table.parsed.problems.iter().filter_map(|problem| {
            let span = problem.word.and_then(|word| table.raw.get(word)).map_or_else(
                || instance.word_span(table.place, 0),
                |raw| instance.word_span(table.place, usize::from(raw.first)),
            );
            Some(note(instance.files.get(table.place.file)?, span, &problem.to_string()))
        })
    });
    syntax.chain(remarks).chain(tables)
}

fn note(source: &Source, span: Span, text: &str) -> String {
    let at = source.place(span.start);
    format!("{}:{}:{}: note: {}", source.name, at.line, at.column, escape::line(text.as_bytes()))
}

fn remark_text(kind: &RemarkKind, version: Version) -> String {
    match kind {
        RemarkKind::ConditionUnknown => {
            "this condition can't be decided here: the lines of its block are read as \"perhaps\"".to_owned()
        }
        RemarkKind::ConditionInvalid(why) => format!("HAProxy refuses this condition: {why}"),
        RemarkKind::RestIgnored => format!("this word is empty: HAProxy {version} ignores the line from here on"),
        RemarkKind::WordRefused => format!("HAProxy {version} refuses this word"),
    }
}
