//! Findings as `JUnit` XML: a suite for each instance, a test case for each finding.

use std::{fmt::Write as _, io};

use super::{
    lint::Report,
    lint_text::{Texts, position},
    redact::Redactor,
};
use crate::{
    escape,
    lint::{Finding, Severity},
};

/// Prints a report. Findings of `deny` and worse are failures; the others are cases that pass, with the text as their output.
/// An instance without findings has one case that passes: an empty suite would look as if nothing had run. One that couldn't be
/// read has a case with an error.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report<'_>, redactor: &Redactor, deny: Severity, out: &mut dyn io::Write) -> io::Result<()> {
    let suites: Vec<Vec<&Finding>> = (0..report.instances.len())
        .map(|index| report.findings.iter().filter(|f| f.labels.first().is_some_and(|l| l.instance == index)).collect())
        .collect();
    let unread = report.unread.len();
    let tests = unread + suites.iter().map(|findings| findings.len().max(1)).sum::<usize>();
    let failures = |findings: &[&Finding]| findings.iter().filter(|finding| finding.severity >= deny).count();
    let failed: usize = suites.iter().map(|findings| failures(findings)).sum();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="peerctl {}" tests="{tests}" failures="{failed}" errors="{unread}" time="{:.3}">"#,
        report.command.name, report.seconds,
    )?;
    for (instance, findings) in report.instances.iter().zip(&suites) {
        let (name, count, failed) = (xml(instance.name), findings.len().max(1), failures(findings));
        writeln!(out, r#"  <testsuite name="{name}" tests="{count}" failures="{failed}" errors="0" skipped="0">"#)?;
        if findings.is_empty() {
            writeln!(out, r#"    <testcase name="no findings" classname="{name}"/>"#)?;
        }
        for finding in findings {
            case(finding, report, redactor, deny, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    for one in report.unread {
        let (name, why) = (xml(&one.name), xml(&one.why));
        writeln!(out, r#"  <testsuite name="{name}" tests="1" failures="0" errors="1" skipped="0">"#)?;
        writeln!(out, r#"    <testcase name="read" classname="{name}">"#)?;
        writeln!(out, r#"      <error type="unread" message="{why}"/>"#)?;
        writeln!(out, "    </testcase>\n  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn case(
    finding: &Finding,
    report: &Report<'_>,
    redactor: &Redactor,
    deny: Severity,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let texts = Texts::new(finding, report, redactor);
    let message = xml(&texts.message());
    let code = finding.rule.code;
    let place = finding.labels.first().and_then(|label| position(report, label));
    let place = place.map_or_else(String::new, |at| {
        format!(r#" file="{}" line="{}""#, xml(&escape::name(at.source.name.as_bytes())), at.line)
    });
    writeln!(out, r#"    <testcase name="{message}" classname="{code}"{place}>"#)?;
    let body = xml(&body(finding, report, &texts));
    if finding.severity >= deny {
        let severity = finding.severity;
        writeln!(out, r#"      <failure type="{severity}" message="{message}">{body}</failure>"#)?;
    } else {
        writeln!(out, "      <system-out>{body}</system-out>")?;
    }
    writeln!(out, "    </testcase>")
}

/// The places and the advice, a line each.
fn body(finding: &Finding, report: &Report<'_>, texts: &Texts<'_>) -> String {
    let mut body = String::new();
    for label in &finding.labels {
        let Some(at) = position(report, label) else { continue };
        let file = escape::name(at.source.name.as_bytes());
        // Writing to a string can't fail.
        let _ = write!(body, "{file}:{}:{}: {}: {}", at.line, at.column, finding.severity, finding.rule.code);
        body += if label.text.is_empty() { "" } else { ": " };
        body += &texts.shown(&label.text);
        body.push('\n');
    }
    body + &texts.advice()
}

/// Text in an element or an attribute. What XML has no way to write is gone already, but for two characters.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => escape::push_escaped(&mut out, c),
            c if escape::is_unsafe(c) => escape::push_escaped(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(xml("<a b=\"c\">&]]>\u{1}\u{ffff}\n"), r"&lt;a b=&quot;c&quot;&gt;&amp;]]&gt;\x01\u{ffff}&#10;");
    }
}
