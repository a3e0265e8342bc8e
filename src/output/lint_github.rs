//! Findings as workflow commands of GitHub Actions, which become annotations on the lines of a pull request.
//!
//! GitHub shows few annotations of one step, so findings about ids are folded per backend, as for people.

use std::{io, path::Path};

use super::{
    lint::Report,
    lint_fold::{self, Block},
    lint_text::{Texts, position, relative},
    redact::Redactor,
};
use crate::{escape, lint::Severity};

/// Prints a report. Paths below `folder`, an absolute path, are relative to it.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report<'_>, redactor: &Redactor, folder: &Path, out: &mut dyn io::Write) -> io::Result<()> {
    for unread in report.unread {
        let (name, why) = (escape::name(unread.name.as_bytes()), escape::text(unread.why.as_bytes()));
        writeln!(out, "::error title=peerctl::{}", data(&format!("{name} is not checked: {why}")))?;
    }
    lint_fold::blocks(report).iter().try_for_each(|block| annotation(block, report, redactor, folder, out))
}

fn annotation(
    block: &Block<'_>,
    report: &Report<'_>,
    redactor: &Redactor,
    folder: &Path,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let texts = Texts::new(block.lead, report, redactor);
    let mut text = block.message.as_ref().map_or_else(|| texts.message(), |message| texts.shown(message));
    let (mut place, mut lines) = (String::new(), Vec::new());
    for label in &block.labels {
        let Some(at) = position(report, label) else { continue };
        let path = relative(&at.source.name, folder);
        if place.is_empty() {
            let (column, end) = (at.column, at.end_column.max(at.column));
            let path = property(&path);
            place = format!("file={path},line={line},endLine={line},col={column},endColumn={end},", line = at.line);
        }
        if !label.text.is_empty() {
            let line = format!("\n{path}:{}: {}", at.line, texts.shown(&label.text));
            // One file may be several instances.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    text.extend(lines);
    let advice = texts.advice();
    if !advice.is_empty() {
        text = text + "\n" + &advice;
    }
    let command = match block.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    writeln!(out, "::{command} {place}title={}::{}", property(block.lead.rule.code), data(&text))
}

/// The text behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_property_or_a_line_is_escaped() {
        assert_eq!(property("a,b:c%d\n"), "a%2Cb%3Ac%25d%0A");
        assert_eq!(data("50 %, a:b\r\n::error::x"), "50 %25, a:b%0D%0A::error::x");
    }
}
