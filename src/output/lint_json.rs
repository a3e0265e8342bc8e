//! Findings as JSON: the shape of `check` and `check-ids` in the contract of the command line.

use std::io;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{
    json::{self, Each, text},
    lint::{Checked, Report, Summary},
    lint_text::Texts,
    redact::Redactor,
};
use crate::lint::{Finding, Label, ServerIds};

/// Prints a report. Instances are sorted by name, findings by the name of their first place's instance, then by file, line and
/// rule. A finding is made when it is its turn.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report<'_>, redactor: &Redactor, out: &mut dyn io::Write) -> io::Result<()> {
    let mut instances: Vec<(usize, &Checked<'_>)> = report.instances.iter().enumerate().collect();
    instances.sort_by_key(|(_, instance)| instance.name);
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| finding.labels.first().map(|label| report.instance_name(label.instance)));
    let document = Document {
        version: json::VERSION,
        instances: Each(|| instances.iter().map(|(_, instance)| InstanceJson::new(instance))),
        findings: Each(|| {
            findings.iter().map(|finding| FindingJson { finding, report, redactor, instances: &instances })
        }),
        summary: report.summary().into(),
    };
    json::print(&document, out)
}

#[derive(Serialize)]
struct Document<I, F> {
    version: u32,
    instances: I,
    findings: F,
    summary: SummaryJson,
}

#[derive(Serialize)]
struct SummaryJson {
    error: usize,
    warning: usize,
    note: usize,
}

impl From<Summary> for SummaryJson {
    fn from(Summary { error, warning, note }: Summary) -> Self {
        Self { error, warning, note }
    }
}

#[derive(Serialize)]
struct InstanceJson<'a> {
    name: &'a str,
    files: Vec<&'a str>,
}

impl<'a> InstanceJson<'a> {
    fn new(instance: &Checked<'a>) -> Self {
        Self { name: instance.name, files: instance.files.iter().map(|file| file.name.as_str()).collect() }
    }
}

struct FindingJson<'a> {
    finding: &'a Finding,
    report: &'a Report<'a>,
    redactor: &'a Redactor,
    instances: &'a [(usize, &'a Checked<'a>)],
}

impl Serialize for FindingJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { finding, report, redactor, instances } = self;
        let texts = Texts::new(finding, report, redactor);
        let fields = 6 + usize::from(finding.backend.is_some()) + if finding.server.is_some() { 2 } else { 0 };
        let mut object = serializer.serialize_struct("Finding", fields)?;
        object.serialize_field("code", finding.rule.code)?;
        object.serialize_field("severity", finding.severity.word())?;
        object.serialize_field("message", &texts.message())?;
        object.serialize_field("help", &texts.advice())?;
        object.serialize_field("fixable", &finding.fixable)?;
        let labels = || finding.labels.iter().filter_map(|label| LabelJson::new(label, report, &texts));
        object.serialize_field("labels", &Each(labels))?;
        if let Some(backend) = &finding.backend {
            object.serialize_field("backend", &text(backend))?;
        }
        if let Some(server) = &finding.server {
            object.serialize_field("server", &text(&server.server))?;
            object.serialize_field("ids", &Ids { server, instances })?;
        }
        object.end()
    }
}

#[derive(Serialize)]
struct LabelJson<'a> {
    instance: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    end_column: u32,
    message: String,
}

impl<'a> LabelJson<'a> {
    fn new(label: &Label, report: &Report<'a>, texts: &Texts<'_>) -> Option<Self> {
        let (instance, source) = report.source(label)?;
        let (start, end_column) = report.columns(label)?;
        let (line, column, message) = (start.line, start.column, texts.shown(&label.text));
        Some(Self { instance, file: &source.name, line, column, end_column, message })
    }
}

/// The ids of a server by the name of the instance.
pub(super) struct Ids<'a> {
    pub(super) server: &'a ServerIds,
    /// With their indexes in the report.
    pub(super) instances: &'a [(usize, &'a Checked<'a>)],
}

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = |index: usize| self.server.ids.get(index).copied().flatten();
        serializer.collect_map(self.instances.iter().map(|(index, instance)| (instance.name, id(*index))))
    }
}
