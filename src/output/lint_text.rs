//! What the renderers of findings share: texts without secrets, paths, and columns in characters.

use std::path::{Component, Path, PathBuf};

use super::{
    lint::Report,
    redact::{Quotes, Redactor},
};
use crate::{
    config::Source,
    escape,
    lint::{Finding, Label, Severity},
    span::Span,
};

/// The texts of one finding, as they may be shown.
#[derive(Debug)]
pub(super) struct Texts<'a> {
    finding: &'a Finding,
    quotes: Quotes,
    /// The command that mends it, if one does and the help doesn't have it.
    fix: Option<String>,
}

/// Where a label is: lines and columns count from 1, columns in characters; the end is behind the last one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position<'a> {
    pub(super) instance: &'a str,
    pub(super) source: &'a Source,
    pub(super) line: u32,
    pub(super) column: usize,
    pub(super) end_column: usize,
}

impl<'a> Texts<'a> {
    /// Those of `finding`: what is secret on the lines it points at is hidden.
    pub(super) fn new(finding: &'a Finding, report: &Report<'a>, redactor: &Redactor) -> Self {
        let lines = finding.labels.iter().filter_map(|label| {
            let (_, source) = report.source(label)?;
            Some((&source.document, label.place.line))
        });
        let fix = (finding.fixable && !finding.help.contains("peerctl check")).then(|| {
            // What is only good to know is mended where it is asked for.
            let asked = finding.severity == Severity::Note;
            let option = if asked { format!("--fix --select {}", finding.rule.code) } else { "--fix".to_owned() };
            report.command.with(&option)
        });
        Self { finding, quotes: redactor.quotes_of(lines), fix }
    }

    /// Any of its texts.
    pub(super) fn shown(&self, text: &str) -> String {
        self.quotes.hide(&escape::text(text.as_bytes())).into_owned()
    }

    pub(super) fn message(&self) -> String {
        self.shown(&self.finding.message)
    }

    pub(super) fn happens(&self) -> String {
        self.shown(&self.finding.what_happens)
    }

    /// What to do next; may be empty. A command that does it is behind `before`.
    pub(super) fn next(&self, before: &str) -> String {
        let help = if self.finding.help.is_empty() && self.fix.is_some() {
            "write the ids down".to_owned()
        } else {
            self.shown(&self.finding.help)
        };
        self.fix.as_ref().map_or_else(|| help.clone(), |command| format!("{help}{before}`{command}`"))
    }

    /// What will happen, and what to do next, in one paragraph; may be empty.
    pub(super) fn advice(&self) -> String {
        let (happens, next) = (self.happens(), self.next(": "));
        let stop = if next.ends_with(['.', '?', '!']) { "" } else { "." };
        match (happens.is_empty(), next.is_empty()) {
            (_, true) => happens,
            (true, false) => format!("Next: {next}{stop}"),
            (false, false) => format!("{happens} Next: {next}{stop}"),
        }
    }

    /// The message with the advice.
    pub(super) fn whole(&self) -> String {
        let (message, advice) = (self.message(), self.advice());
        if advice.is_empty() { message } else { format!("{message}. {advice}") }
    }
}

/// Where a label is; nothing if its indexes are wrong.
pub(super) fn position<'a>(report: &Report<'a>, label: &Label) -> Option<Position<'a>> {
    let (instance, source) = report.source(label)?;
    let (start, _) = report.columns(label)?;
    let document = &source.document;
    let line = document.line_span(document.line_at(label.span.start));
    let characters = |span: Span| {
        let chunks = span.of(document.text()).utf8_chunks();
        chunks.map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum::<usize>()
    };
    let column = characters(Span::new(line.start, label.span.start.min(line.end))) + 1;
    let length = characters(Span::new(label.span.start, label.span.end.min(line.end)));
    Some(Position { instance, source, line: start.line, column, end_column: column + length })
}

/// A path as programs that know only `folder` find the file: relative to it where the file is below it, without `.`;
/// else as it was given.
pub(super) fn relative(path: &str, folder: &Path) -> String {
    let given = Path::new(path);
    let inside = given.strip_prefix(folder).unwrap_or(given);
    let plain: PathBuf = inside.components().filter(|part| *part != Component::CurDir).collect();
    let plain = plain.to_string_lossy().into_owned();
    if plain.is_empty() { path.to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_folder_where_they_can_be() {
        let cases = [
            ("lb1.cfg", "lb1.cfg"),
            ("./conf/lb1.cfg", "conf/lb1.cfg"),
            ("/repo/conf/./lb1.cfg", "conf/lb1.cfg"),
            ("/etc/haproxy/haproxy.cfg", "/etc/haproxy/haproxy.cfg"),
            ("../lb1.cfg", "../lb1.cfg"),
            ("-", "-"),
        ];
        for (path, shown) in cases {
            assert_eq!(relative(path, Path::new("/repo")), shown);
        }
    }
}
