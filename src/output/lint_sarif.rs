//! Findings as SARIF 2.1.0, for code scanning.

use std::{collections::BTreeMap, io, path::Path};

use serde::Serialize;

use super::{
    json::{self, Each},
    lint::{Checked, Report, Unread},
    lint_gitlab::fingerprints,
    lint_json::Ids,
    lint_text::{Texts, position, relative},
    redact::Redactor,
};
use crate::{
    escape,
    lint::{Finding, Label, Rule},
};

/// The folder that relative paths start from: the root of the repository, wherever it is checked out.
const ROOT: &str = "%SRCROOT%";

/// Prints a report. Paths below `folder`, an absolute path, are relative to it. A result is made when it is its turn.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report<'_>, redactor: &Redactor, folder: &Path, out: &mut dyn io::Write) -> io::Result<()> {
    let rules: BTreeMap<&str, &Rule> = report.findings.iter().map(|f| (f.rule.code, f.rule)).collect();
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(index, code)| (*code, index)).collect();
    let mut instances: Vec<(usize, &Checked<'_>)> = report.instances.iter().enumerate().collect();
    instances.sort_by_key(|(_, instance)| instance.name);
    let prints = fingerprints(report, redactor, folder);
    let shown = Shown { report, redactor, folder, instances: &instances };
    let driver = Driver {
        name: "peerctl",
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: rules.values().map(|rule| RuleJson::new(rule)).collect(),
    };
    let run = Run {
        tool: Tool { driver },
        invocations: [Invocation::new(report)],
        column_kind: "unicodeCodePoints",
        original_uri_base_ids: BTreeMap::from([(ROOT, Base { description: text("The root of the repository.") })]),
        results: Each(|| {
            report.findings.iter().zip(&prints).map(|(finding, fingerprint)| {
                shown.result(finding, fingerprint, index.get(finding.rule.code).copied().unwrap_or_default())
            })
        }),
    };
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
    json::print(&log, out)
}

/// What results are made from.
struct Shown<'a> {
    report: &'a Report<'a>,
    redactor: &'a Redactor,
    folder: &'a Path,
    instances: &'a [(usize, &'a Checked<'a>)],
}

impl<'a> Shown<'a> {
    fn result(&self, finding: &'a Finding, fingerprint: &'a str, rule_index: usize) -> ResultJson<'a> {
        let texts = Texts::new(finding, self.report, self.redactor);
        let place = |label| self.location(label, &texts);
        let mut places = finding.labels.iter();
        let location: Vec<Location> = places.next().and_then(place).into_iter().collect();
        let related = places.filter_map(place).zip(1..).map(|(place, id)| Location { id: Some(id), ..place }).collect();
        ResultJson {
            rule_id: finding.rule.code,
            rule_index,
            level: finding.severity.word(),
            message: text(texts.whole()),
            locations: location,
            related_locations: related,
            partial_fingerprints: BTreeMap::from([("peerctl/v1", fingerprint)]),
            properties: Properties {
                fixable: finding.fixable,
                backend: finding.backend.as_deref().map(|backend| json::text(backend).into_owned()),
                server: finding.server.as_ref().map(|server| json::text(&server.server).into_owned()),
                ids: finding.server.as_ref().map(|server| Ids { server, instances: self.instances }),
            },
        }
    }

    fn location(&self, label: &Label, texts: &Texts<'_>) -> Option<Location> {
        let at = position(self.report, label)?;
        let said = texts.shown(&label.text);
        let said = if said.is_empty() { at.instance.to_owned() } else { format!("{}: {said}", at.instance) };
        let region = Region { start_line: at.line, start_column: at.column, end_column: at.end_column.max(at.column) };
        let file = artifact(&relative(&at.source.name, self.folder));
        Some(Location {
            id: None,
            physical_location: Physical { artifact_location: file, region },
            message: text(said),
        })
    }
}

/// A path as a URI: from the root, or the whole of it if it is absolute.
fn artifact(path: &str) -> Artifact {
    let encoded = encoded(path);
    if path.starts_with('/') {
        Artifact { uri: format!("file://{encoded}"), uri_base_id: None }
    } else {
        Artifact { uri: encoded, uri_base_id: Some(ROOT) }
    }
}

/// Percent-encodes what may not stand in the path of a URI.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(byte.into());
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    uri
}

fn text(text: impl Into<String>) -> Text {
    Text { text: text.into() }
}

#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [R; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<R> {
    tool: Tool,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    original_uri_base_ids: BTreeMap<&'static str, Base>,
    results: R,
}

/// Whether all instances could be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

impl Invocation {
    fn new(report: &Report<'_>) -> Self {
        let told = |unread: &Unread| Notification {
            level: "error",
            message: text(format!(
                "{} is not checked: {}",
                escape::name(unread.name.as_bytes()),
                escape::text(unread.why.as_bytes())
            )),
        };
        Self {
            execution_successful: report.unread.is_empty(),
            tool_execution_notifications: report.unread.iter().map(told).collect(),
        }
    }
}

#[derive(Serialize)]
struct Base {
    description: Text,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<RuleJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleJson {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    help: Help,
}

impl RuleJson {
    fn new(rule: &Rule) -> Self {
        let documentation = rule.documentation();
        let help = Help { text: documentation.clone(), markdown: documentation };
        let full = what_it_does(&help.text).unwrap_or_else(|| rule.summary.to_owned());
        Self { id: rule.code, short_description: text(rule.summary), full_description: text(full), help }
    }
}

/// The first paragraph below that heading, on one line.
fn what_it_does(documentation: &str) -> Option<String> {
    let (_, below) = documentation.split_once("## What it does\n")?;
    let lines: Vec<&str> = below.lines().take_while(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultJson<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, &'a str>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the format")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    physical_location: Physical,
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct Properties<'a> {
    fixable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Ids<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        let relative = |uri: &str| Artifact { uri: uri.to_owned(), uri_base_id: Some(ROOT) };
        assert_eq!(artifact("conf/lb1.cfg"), relative("conf/lb1.cfg"));
        assert_eq!(artifact("a b/ü#%:.cfg"), relative("a%20b/%C3%BC%23%25%3A.cfg"));
        let absolute = Artifact { uri: "file:///etc/haproxy/haproxy.cfg".to_owned(), uri_base_id: None };
        assert_eq!(artifact("/etc/haproxy/haproxy.cfg"), absolute);
    }
}
