//! What the renderers of findings are given: `lint_human`, `lint_json` and their siblings.

use std::collections::BTreeSet;

use crate::{
    config::{LineColumn, Source},
    lint::{Finding, Label, Severity},
};

/// The result of a check.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The findings, sorted. The indexes of their labels and of [`crate::lint::ServerIds::ids`] are those of
    /// [`instances`](Self::instances).
    pub findings: &'a [Finding],
    /// The instances with their files, in the order they were given.
    pub instances: &'a [Checked<'a>],
    /// The instances that couldn't be read: nothing is known about them.
    pub unread: &'a [Unread],
    /// The command as it was typed, for advice that can be pasted: `peerctl check-ids lb1.cfg lb2.cfg`, without options of
    /// the output.
    pub command: &'a Command<'a>,
    /// How many backends (`listen` sections, too) have servers, over all instances, each name once.
    pub backends: usize,
    /// How many servers they have, over all instances, each name of a backend once.
    pub servers: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// An instance that was checked.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its files, in the order HAProxy reads them; labels name them by index.
    pub files: &'a [Source],
}

/// An instance that couldn't be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// Its name.
    pub name: String,
    /// Why, in a line.
    pub why: String,
}

/// The command that made the report.
#[derive(Clone, Debug)]
pub struct Command<'a> {
    /// `check` or `check-ids`.
    pub name: &'static str,
    /// The INSTANCE arguments, as they were given.
    pub instances: &'a [String],
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Errors.
    pub error: usize,
    /// Warnings.
    pub warning: usize,
    /// Notes.
    pub note: usize,
}

impl<'a> Report<'a> {
    /// How many findings there are of each severity.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for finding in self.findings {
            match finding.severity {
                Severity::Error => summary.error += 1,
                Severity::Warning => summary.warning += 1,
                Severity::Note => summary.note += 1,
            }
        }
        summary
    }

    /// The instance and the file that a label is in.
    #[must_use]
    pub fn source(&self, label: &Label) -> Option<(&'a str, &'a Source)> {
        let instance = self.instances.get(label.instance)?;
        Some((instance.name, instance.files.get(label.place.file)?))
    }

    /// The name of an instance.
    #[must_use]
    pub fn instance_name(&self, instance: usize) -> &'a str {
        self.instances.get(instance).map_or("", |i| i.name)
    }

    /// Where a label starts and ends, for people and programs; the end is on the label's first line.
    #[must_use]
    pub fn columns(&self, label: &Label) -> Option<(LineColumn, u32)> {
        let (_, source) = self.source(label)?;
        let start = source.place(label.span.start);
        let line_end = source.document.line_span(source.document.line_at(label.span.start)).end;
        Some((start, start.column + label.span.end.min(line_end).saturating_sub(label.span.start)))
    }

    /// All files, each path once, in the order of the instances.
    #[must_use]
    pub fn files(&self) -> Vec<&'a Source> {
        let mut seen = BTreeSet::new();
        let all = self.instances.iter().flat_map(|i| i.files);
        all.filter(|source| seen.insert(source.name.as_str())).collect()
    }
}

impl Command<'_> {
    /// The command with `option` behind its name, each argument quoted for a shell where it must be.
    #[must_use]
    pub fn with(&self, option: &str) -> String {
        let words = self.instances.iter().map(|word| quoted(word));
        ["peerctl".to_owned(), self.name.to_owned(), option.to_owned()]
            .into_iter()
            .filter(|word| !word.is_empty())
            .chain(words)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_can_be_pasted_into_a_shell() {
        let instances = ["lb1=a b.cfg".to_owned(), "it's.cfg".to_owned(), "lb2.cfg".to_owned()];
        let command = Command { name: "check-ids", instances: &instances };
        assert_eq!(command.with("--fix"), r"peerctl check-ids --fix 'lb1=a b.cfg' 'it'\''s.cfg' lb2.cfg");
    }
}
