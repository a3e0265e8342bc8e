//! What people and programs are told about an edit.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use serde::Serialize;

use super::{
    args::{Format, WriteArgs, WriteOptions},
    edit::Edited,
    exit::Exit,
    failure::Failure,
    files::{Pending, Recovery, Written},
    instances::shown,
    reload::Reloaded,
    stderr, stdout,
    view::View,
};
use crate::{
    config::{Document, Source},
    escape,
    ops::reload_order,
    output::{
        diff::{self, Diff},
        json,
    },
};

/// How an edit went.
#[derive(Debug)]
pub struct Report<'a> {
    /// The instances, in the order they were given.
    pub edited: &'a [Edited],
    /// The files that were written.
    pub written: Vec<Written>,
    /// The version of the HAProxy that checked the result.
    pub validated: Option<(u16, u16, u16)>,
    /// How the reload command went, if it ran.
    pub reload: Option<Result<Reloaded, String>>,
    /// An interrupted write of several files, found by a run that may not write.
    pub interrupted: Option<Pending>,
    /// Interrupted writes that this run completed or took back.
    pub recovered: Vec<Recovery>,
}

impl<'a> Report<'a> {
    /// A report of which only the plan is known.
    #[must_use]
    pub fn new(edited: &'a [Edited]) -> Self {
        Self { edited, written: Vec::new(), validated: None, reload: None, interrupted: None, recovered: Vec::new() }
    }

    /// Whether a byte of some file changes.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.edited.iter().any(Edited::changed)
    }

    fn exit(&self, write: &WriteOptions) -> Exit {
        let loaded = |r: &Result<Reloaded, String>| r.as_ref().is_ok_and(|r| r.status.success());
        if write.check && (self.changed() || self.interrupted.is_some()) {
            Exit::WouldChange
        } else if self.reload.as_ref().is_some_and(|r| !loaded(r)) {
            Exit::NotLoaded
        } else {
            Exit::Done
        }
    }
}

/// Prints the report: data on standard output, everything else on standard error. Says how the command ends.
///
/// # Errors
/// If standard output can't be written.
pub fn print(view: &View, write: &WriteArgs, report: &Report<'_>) -> Result<Exit, Failure> {
    let (write, format) = (&write.how, write.format);
    let text = report.edited.iter().find_map(Edited::for_stdout);
    if format == Format::Json {
        let document = json(view, write, report);
        stdout::print(|out| json::print(&document, out))?;
    } else if write.diff {
        let terminal = std::io::stdout().is_terminal();
        let color = view.color(terminal);
        stdout::print(|out| {
            each_diff(view, report, |diff| {
                if terminal { out.write_all(diff.for_terminal(color).as_bytes()) } else { out.write_all(&diff.patch()) }
            })
        })?;
        stderr::print(&summary(write, report));
    } else if let Some(text) = text.filter(|_| !write.check) {
        // People get to see what stands there, but for secrets; a file or a program gets its bytes.
        let people = std::io::stdout().is_terminal().then(|| for_people(view, text));
        stdout::print(|out| out.write_all(people.as_ref().map_or(text, String::as_bytes)))?;
        stderr::print(&human(write, report));
    } else {
        stdout::print(|out| out.write_all(human(write, report).as_bytes()))?;
    }
    Ok(report.exit(write))
}

/// A configuration as people may see it.
fn for_people(view: &View, text: &[u8]) -> String {
    let hidden = Document::parse(text.to_vec()).ok().and_then(|document| view.redactor.document(&document));
    hidden.map_or_else(|| escape::text(text).into_owned(), |hidden| escape::text(&hidden.print()).into_owned())
}

/// Tells people on standard error, for a command whose data are something else. Says how the command ends.
#[must_use]
pub fn tell(view: &View, write: &WriteOptions, report: &Report<'_>) -> Exit {
    if write.diff {
        let mut text = Vec::new();
        let _infallible = each_diff(view, report, |diff| text.write_all(&diff.patch()));
        stderr::print(&escape::text(&text));
    }
    stderr::print(&human(write, report));
    report.exit(write)
}

/// The diff of each file that changes, once for files that several instances share.
fn each_diff(
    view: &View,
    report: &Report<'_>,
    mut show: impl FnMut(&Diff<'_>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut done: Vec<&str> = Vec::new();
    for one in report.edited {
        for (before, after) in one.loaded.files.iter().zip(&one.after) {
            let Some(after) = after else { continue };
            if !done.contains(&before.name.as_str()) {
                done.push(&before.name);
                show(&diff(view, before, after))?;
            }
        }
    }
    Ok(())
}

fn diff<'a>(view: &View, before: &'a Source, after: &'a Source) -> Diff<'a> {
    let folder = std::env::current_dir().unwrap_or_default();
    let label = diff::label(Path::new(&before.name), &folder);
    Diff::new(label, &before.document, &after.document, &|document, line| view.redactor.line(document, line))
}

/// The list of changes and the summary.
fn human(write: &WriteOptions, report: &Report<'_>) -> String {
    let mut text = String::new();
    for one in report.edited {
        if one.notes.is_empty() {
            continue;
        }
        text.push_str(&title(one));
        text.push('\n');
        for note in &one.notes {
            let head = format!("  {} {:<23} ", note.mark.sign(), note.subject);
            text.push_str(&wrapped(&head, "                            ", &note.text));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &summary(write, report)
}

/// The file of an instance; its name, if it has several.
fn title(one: &Edited) -> String {
    match one.loaded.files.as_slice() {
        [only] if only.name != "-" => only.name.clone(),
        _ => name(one),
    }
}

fn summary(write: &WriteOptions, report: &Report<'_>) -> String {
    let mut text = String::new();
    for recovery in &report.recovered {
        let files: Vec<String> = recovery.files.iter().map(|p| shown(p)).collect();
        let how = if recovery.completed { "completed" } else { "taken back" };
        text.push_str(&format!("an interrupted write was {how}: {}\n", files.join(", ")));
    }
    if let Some(pending) = &report.interrupted {
        let files: Vec<String> = pending.files.iter().map(|p| shown(p)).collect();
        text.push_str(&format!(
            "an interrupted write waits to be completed or taken back: {}; the next run without --check does it\n",
            files.join(", ")
        ));
    }
    if !report.changed() {
        text.push_str("nothing to do: everything is as asked\n");
        return text;
    }
    text.push_str(&outcome(write, report));
    text.push_str(&handover(report));
    match &report.reload {
        Some(Ok(reloaded)) if reloaded.status.success() => text.push_str("reloaded\n"),
        Some(Ok(reloaded)) => {
            text.push_str(&format!(
                "written, NOT loaded: --reload-cmd ended with {}\n{}",
                reloaded.status, reloaded.output
            ));
        }
        Some(Err(error)) => text.push_str(&format!("written, NOT loaded: {error}\n")),
        None => {}
    }
    text
}

/// What the next reload does to the tables, and in which order to reload.
fn handover(report: &Report<'_>) -> String {
    let changed: Vec<&Edited> = report.edited.iter().filter(|e| e.changed()).collect();
    let mut text = String::from("handover at the next reload: ");
    let verdicts: Vec<String> = changed.iter().map(|e| format!("{} on {}", e.handover.verdict, name(e))).collect();
    let all_alike = changed.windows(2).all(|w| matches!(w, [a, b] if a.handover.verdict == b.handover.verdict));
    match (changed.as_slice(), all_alike) {
        ([only], _) => text.push_str(&only.handover.verdict.to_string()),
        ([first, second], true) => {
            text.push_str(&format!("{} on {} and {}", first.handover.verdict, name(first), name(second)));
        }
        ([first, ..], true) => text.push_str(&format!("{} on all", first.handover.verdict)),
        _ => text.push_str(&verdicts.join(", ")),
    }
    text.push('\n');
    let mut reasons: Vec<String> = Vec::new();
    for reason in changed.iter().flat_map(|e| &e.handover.reasons) {
        let advice = reason.cause.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        let reason = format!("{reason}{advice}");
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    for reason in &reasons {
        text.push_str(&wrapped("  ", "    ", reason));
    }
    let steps = reload_order::order(&changed.iter().map(|e| &e.handover).collect::<Vec<_>>());
    let names: Vec<String> = steps.iter().filter_map(|s| changed.get(s.instance)).map(|e| name(e)).collect();
    match names.as_slice() {
        [] => {}
        [only] => text.push_str(&format!("next: reload {only}\n")),
        several => {
            let order = format!(
                "reload {}; wait between two reloads until the tables are synchronised",
                several.join(", then ")
            );
            text.push_str(&wrapped("next: ", "      ", &order));
        }
    }
    text
}

fn name(one: &Edited) -> String {
    escape::name(one.loaded.name.as_bytes()).into_owned()
}

/// A paragraph of at most 80 columns.
fn wrapped(first: &str, others: &str, text: &str) -> String {
    let options = textwrap::Options::new(80).initial_indent(first).subsequent_indent(others);
    textwrap::wrap(text, options).iter().map(|line| format!("{line}\n")).collect()
}

/// `checked with HAProxy 3.2.26: valid.  Written; backup lb1.cfg~`
fn outcome(write: &WriteOptions, report: &Report<'_>) -> String {
    if write.check {
        let asked = if write.no_validate { "" } else { "; HAProxy is asked before it is" };
        return format!("nothing is written yet: this is what would change{asked}\n");
    }
    let checked = match report.validated {
        Some((major, minor, patch)) => {
            let valid = match report.edited.iter().filter(|e| e.changed()).count() {
                1 => "valid",
                2 => "both valid",
                _ => "all valid",
            };
            format!("checked with HAProxy {major}.{minor}.{patch}: {valid}.")
        }
        None => "not checked with HAProxy.".into(),
    };
    let backups: Vec<String> = report.written.iter().filter_map(|w| w.backup.as_deref()).map(short).collect();
    let kept = match backups.len() {
        0 => String::new(),
        1 => format!("; backup {}", backups.join(", ")),
        _ => format!("; backups {}", backups.join(", ")),
    };
    let written = if report.written.is_empty() { "Printed" } else { "Written" };
    format!("{checked}  {written}{kept}\n")
}

/// A path relative to the working directory, if it is below it.
fn short(path: &Path) -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    shown(path.strip_prefix(&folder).unwrap_or(path))
}

/// The `edit` document of the contract.
#[derive(Serialize)]
struct EditJson {
    version: u8,
    changed: bool,
    instances: Vec<InstanceJson>,
    validated: ValidatedJson,
    reload: ReloadJson,
}

#[derive(Serialize)]
struct InstanceJson {
    name: String,
    changed: bool,
    handover: String,
    files: Vec<FileJson>,
}

#[derive(Serialize)]
struct FileJson {
    path: String,
    changed: bool,
    backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

#[derive(Serialize)]
struct ValidatedJson {
    haproxy: Option<String>,
    ok: Option<bool>,
}

#[derive(Serialize)]
struct ReloadJson {
    ran: bool,
    rc: Option<i32>,
}

fn json(view: &View, write: &WriteOptions, report: &Report<'_>) -> EditJson {
    let file = |before: &Source, after: &Option<Source>| {
        let written = report.written.iter().find(|w| shown(&w.path) == before.name);
        FileJson {
            path: before.name.clone(),
            changed: after.is_some(),
            backup: written.and_then(|w| w.backup.as_deref()).map(short),
            diff: after
                .as_ref()
                .filter(|_| write.diff)
                .map(|after| escape::text(&diff(view, before, after).patch()).into_owned()),
        }
    };
    let instance = |one: &Edited| InstanceJson {
        name: one.loaded.name.clone(),
        changed: one.changed(),
        handover: one.handover.verdict.to_string(),
        files: one.loaded.files.iter().zip(&one.after).map(|(before, after)| file(before, after)).collect(),
    };
    let mut instances: Vec<InstanceJson> = report.edited.iter().map(instance).collect();
    instances.sort_by(|a, b| a.name.cmp(&b.name));
    let haproxy = report.validated.map(|(major, minor, patch)| format!("{major}.{minor}.{patch}"));
    EditJson {
        version: 1,
        changed: report.changed(),
        instances,
        validated: ValidatedJson { ok: haproxy.as_ref().map(|_| true), haproxy },
        reload: ReloadJson {
            ran: report.reload.is_some(),
            rc: report.reload.as_ref().and_then(|r| r.as_ref().ok()).and_then(|r| r.status.code()),
        },
    }
}
