//! Findings for people: what it is, where it is in each instance, what will happen, what to do next.

use std::{collections::BTreeSet, io};

use super::{
    diagnostic::{self, Diagnostic, Look},
    lint::Report,
    lint_fold::{self, Block},
    lint_text::Texts,
    redact::Redactor,
};
use crate::{
    config::Source,
    escape,
    lint::{Label, ServerIds, Severity},
    span::Span,
};

/// So many servers of a backend are listed.
const MOST_SERVERS: usize = 8;

/// Prints a report: a message for each finding, with findings about ids folded per backend, and a line that sums up.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report<'_>, redactor: &Redactor, look: &Look<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let files = Files::new(report);
    let mut explained = BTreeSet::new();
    for block in lint_fold::blocks(report) {
        let texts = Texts::new(block.lead, report, redactor);
        let explain = explained.insert(block.lead.rule.code);
        let diagnostic = diagnostic(&block, &texts, &files, report, explain);
        writeln!(out, "{}", diagnostic.render(&files.sources, look))?;
    }
    out.write_all(summary(report, look).as_bytes())
}

fn diagnostic(
    block: &Block<'_>,
    texts: &Texts<'_>,
    files: &Files<'_>,
    report: &Report<'_>,
    explain: bool,
) -> Diagnostic {
    let lead = block.lead;
    let message = block.message.as_ref().map_or_else(|| texts.message(), |message| texts.shown(message));
    let mut diagnostic = Diagnostic::new(severity(block.severity), message).code(lead.rule.code);
    diagnostic.labels = files.labels(&block.labels, texts);
    if !block.servers.is_empty() {
        diagnostic = diagnostic.note("ids", table(&block.servers, report));
    }
    let happens = texts.happens();
    if !happens.is_empty() {
        diagnostic = diagnostic.note("what happens", happens);
    }
    diagnostic = diagnostic.next(texts.next("\n"));
    if explain { diagnostic.note("why", format!("`peerctl explain {}`", lead.rule.code)) } else { diagnostic }
}

const fn severity(severity: Severity) -> diagnostic::Severity {
    match severity {
        Severity::Note => diagnostic::Severity::Note,
        Severity::Warning => diagnostic::Severity::Warning,
        Severity::Error => diagnostic::Severity::Error,
    }
}

/// The files of all instances, each path once.
struct Files<'a> {
    sources: Vec<&'a Source>,
    /// By instance and file: the file's index in `sources`, and the instance's name if the file belongs to several.
    index: Vec<Vec<(usize, Option<&'a str>)>>,
}

impl<'a> Files<'a> {
    fn new(report: &Report<'a>) -> Self {
        let sources = report.files();
        let shared =
            |path: &str| report.instances.iter().filter(|i| i.files.iter().any(|file| file.name == path)).count() > 1;
        let at = |name: &'a str, file: &'a Source| {
            let index = sources.iter().position(|source| source.name == file.name).unwrap_or(0);
            (index, shared(&file.name).then_some(name))
        };
        let index = report.instances.iter().map(|i| i.files.iter().map(|file| at(i.name, file)).collect()).collect();
        Self { sources, index }
    }

    /// Labels for the messages; those at one place of a file that several instances share become one.
    fn labels(&self, labels: &[&Label], texts: &Texts<'_>) -> Vec<diagnostic::Label> {
        let mut places: Vec<Marked<'_>> = Vec::new();
        for label in labels {
            let file = self.index.get(label.instance).and_then(|files| files.get(label.place.file));
            let Some((source, instance)) = file.copied() else { continue };
            let said = (texts.shown(&label.text), instance.into_iter().collect());
            match places.iter_mut().find(|m| (m.source, m.span) == (source, label.span)) {
                None => places.push(Marked { source, span: label.span, said: vec![said] }),
                Some(marked) => match marked.said.iter_mut().find(|(text, _)| *text == said.0) {
                    None => marked.said.push(said),
                    Some((_, instances)) => instances.extend(instance),
                },
            }
        }
        places.into_iter().map(Marked::label).collect()
    }
}

/// A place with all that is said about it.
struct Marked<'a> {
    source: usize,
    span: Span,
    /// Texts, each with the instances it is said of if the file belongs to several.
    said: Vec<(String, Vec<&'a str>)>,
}

impl Marked<'_> {
    fn label(self) -> diagnostic::Label {
        let said: Vec<String> = self.said.iter().map(|(text, instances)| with_instances(text, instances)).collect();
        diagnostic::Label { source: self.source, span: self.span, text: said.join("; ") }
    }
}

fn with_instances(text: &str, instances: &[&str]) -> String {
    let names: Vec<_> = instances.iter().map(|name| escape::name(name.as_bytes())).collect();
    match (names.is_empty(), text.is_empty()) {
        (true, _) => text.to_owned(),
        (false, true) => names.join(", "),
        (false, false) => format!("{}: {text}", names.join(", ")),
    }
}

/// Servers with their ids, a column for each instance.
fn table(servers: &[&ServerIds], report: &Report<'_>) -> String {
    let names: Vec<String> = report.instances.iter().map(|i| escape::name(i.name.as_bytes()).into_owned()).collect();
    let mut rows: Vec<(String, Vec<String>)> = vec![(String::new(), names)];
    rows.extend(servers.iter().take(MOST_SERVERS).map(|server| {
        let id = |n: usize| server.ids.get(n).copied().flatten().map_or_else(|| "-".to_owned(), |id| id.to_string());
        (escape::name(&server.server).into_owned(), (0..report.instances.len()).map(id).collect())
    }));
    let width = |text: &str| text.chars().count();
    let first = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let columns: Vec<usize> = (0..report.instances.len())
        .map(|n| rows.iter().filter_map(|(_, ids)| ids.get(n)).map(|id| width(id)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (name, ids) in &rows {
        text += &format!("{name:first$}");
        for (id, width) in ids.iter().zip(&columns) {
            text += &format!("  {id:>width$}");
        }
        text.push('\n');
    }
    if let Some(more @ 1..) = servers.len().checked_sub(MOST_SERVERS) {
        text += &format!("and {more} more");
    }
    text
}

/// `2 instances, 14 backends, 122 servers: 1 error, 3 warnings, 0 notes        (0.02 s)`; `1 of 2 instances` where one
/// couldn't be read.
fn summary(report: &Report<'_>, look: &Look<'_>) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let found = report.summary();
    let (strong, end, color) = match (look.color, found.error + report.unread.len(), found.warning) {
        (false, ..) => ("", "", ""),
        (true, 0, 0) => ("\x1b[1m", "\x1b[0m", "\x1b[32m"),
        (true, 0, _) => ("\x1b[1m", "\x1b[0m", "\x1b[33m"),
        (true, ..) => ("\x1b[1m", "\x1b[0m", "\x1b[31m"),
    };
    let (read, given) = (report.instances.len(), report.instances.len() + report.unread.len());
    let instances =
        if read == given { count(read, "instance") } else { format!("{read} of {}", count(given, "instance")) };
    let looked_at = [instances, count(report.backends, "backend"), count(report.servers, "server")].join(", ");
    let result = if read == 0 {
        "nothing checked".to_owned()
    } else if report.findings.is_empty() {
        "nothing found".to_owned()
    } else {
        [count(found.error, "error"), count(found.warning, "warning"), count(found.note, "note")].join(", ")
    };
    let seconds = format!("({:.2} s)", report.seconds);
    let used = looked_at.len() + 2 + result.len() + seconds.len();
    let gap = look.width.min(80).saturating_sub(used).max(2);
    format!("{looked_at}: {color}{strong}{result}{end}{}{seconds}\n", " ".repeat(gap))
}
