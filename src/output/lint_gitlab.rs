//! Findings as a Code Quality report of GitLab.

use std::{collections::BTreeMap, io, path::Path};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    json::{self, Each, Hex},
    lint::Report,
    lint_text::{Texts, position, relative},
    redact::Redactor,
};
use crate::lint::{Finding, Severity};

/// Prints a report. Paths below `folder`, an absolute path, are relative to it.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report<'_>, redactor: &Redactor, folder: &Path, out: &mut dyn io::Write) -> io::Result<()> {
    let prints = fingerprints(report, redactor, folder);
    let issue = |(finding, fingerprint): (&Finding, &String)| {
        let texts = Texts::new(finding, report, redactor);
        let at = position(report, finding.labels.first()?)?;
        Some(Issue {
            description: texts.whole(),
            check_name: finding.rule.code,
            fingerprint: fingerprint.clone(),
            severity: severity(finding.severity),
            location: Location { path: relative(&at.source.name, folder), lines: Lines { begin: at.line } },
        })
    };
    json::print(&Each(|| report.findings.iter().zip(&prints).filter_map(issue)), out)
}

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "critical",
        Severity::Warning => "minor",
        Severity::Note => "info",
    }
}

/// For each finding a text that no other one has, and that stays the same while lines are added elsewhere: made of the
/// rule, the first place's instance and file, and the message.
pub(super) fn fingerprints(report: &Report<'_>, redactor: &Redactor, folder: &Path) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut prints = Vec::with_capacity(report.findings.len());
    for finding in report.findings {
        let at = finding.labels.first().and_then(|label| report.source(label));
        let (instance, file) = at.map_or(("", String::new()), |(name, s)| (name, relative(&s.name, folder)));
        let message = without_marks(&Texts::new(finding, report, redactor).message());
        let identity = [finding.rule.code, instance, &file, &message].join("\0");
        // Of several that say the same, the first in the file is number 0.
        let number = seen.entry(identity.clone()).or_default();
        let digest =
            Sha256::new().chain_update(&identity).chain_update([0]).chain_update(number.to_string()).finalize();
        *number += 1;
        prints.push(Hex(digest.get(..16).unwrap_or_default()).to_string());
    }
    prints
}

/// A message without what stands for secrets: that differs from run to run.
fn without_marks(message: &str) -> String {
    let mut inside = false;
    let outside = |c: &char| {
        inside = (inside || *c == '‹') && *c != '›';
        !inside
    };
    message.chars().filter(outside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_secret_is_no_part_of_a_fingerprint() {
        assert_eq!(without_marks("a ‹redacted sha256:00000000› b"), without_marks("a ‹redacted sha256:ffffffff› b"));
    }
}
