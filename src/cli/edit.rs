//! The way of every edit: read, plan, apply, read again, check, write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    args::{ReadArgs, WriteArgs, WriteOptions},
    exit::Exit,
    failure::Failure,
    files::{self, Change, FileError, Transaction},
    instances::{self, Loaded},
    reload::ReloadCommand,
    report::{self, Report},
    stdout,
    validate::Haproxy,
    validation,
    view::View,
};
use crate::{
    config::{Document, Source},
    grammar::Version,
    model::Instance,
    ops::{
        Note, OpError, Plan,
        handover::{Handover, handover},
    },
    output::diagnostic::Look,
};

/// The version whose rules hold where no HAProxy is there to ask.
pub const DEFAULT_VERSION: Version = Version::new(3, 2);

/// An instance before and after an edit.
#[derive(Debug)]
pub struct Edited {
    /// As it was read.
    pub loaded: Loaded,
    /// Its files after the edit, in the same order; `None` where nothing changes.
    pub after: Vec<Option<Source>>,
    /// What people are told.
    pub notes: Vec<Note>,
    /// What the next reload does to the tables.
    pub handover: Handover,
}

/// What an edit does to one instance.
pub type Planner<'a> = dyn Fn(&Loaded, &Instance<'_>) -> Result<Plan, OpError> + 'a;

/// What an edit does to all instances at once: a plan for each, in their order.
pub type PlannerOfAll<'a> = dyn Fn(&[(&Loaded, &Instance<'_>)]) -> Result<Vec<Plan>, Refused> + 'a;

/// An edit of one of several instances that is refused.
#[derive(Debug)]
pub struct Refused {
    /// The instance, by its index.
    pub instance: usize,
    /// Why.
    pub error: OpError,
}

/// Tells what an edit did, or would do, and says how the command ends.
pub type Teller<'a> = dyn Fn(&Report<'_>) -> Result<Exit, Failure> + 'a;

/// Runs an edit on all instances, one by one: all are written, or none.
///
/// # Errors
/// If an instance can't be read, its edit is refused, HAProxy refuses the result, or it can't be written.
pub fn run(
    view: &View,
    names: &[String],
    read: &ReadArgs,
    write: &WriteArgs,
    plan: &Planner<'_>,
) -> Result<Exit, Failure> {
    let of_all = |instances: &[(&Loaded, &Instance<'_>)]| {
        let one = |(index, (loaded, instance)): (usize, &(&Loaded, &Instance<'_>))| {
            plan(loaded, instance).map_err(|error| Refused { instance: index, error })
        };
        instances.iter().enumerate().map(one).collect()
    };
    run_all(view, names, read, &write.how, &of_all, &|report| report::print(view, write, report))
}

/// Runs an edit that looks at all instances at once: all are written, or none. `tell` is called with the result.
///
/// # Errors
/// As [`run`].
pub fn run_all(
    view: &View,
    names: &[String],
    read: &ReadArgs,
    write: &WriteOptions,
    plan: &PlannerOfAll<'_>,
    tell: &Teller<'_>,
) -> Result<Exit, Failure> {
    let reload = write.reload_cmd.as_deref().map(ReloadCommand::parse).transpose();
    let reload = reload.map_err(|e| Failure::misuse(e.to_string(), ""))?;
    let haproxy = Haproxy::find(write.haproxy.as_deref())?;
    let version = match &haproxy {
        Some(haproxy) => haproxy.version().map(|(major, minor, _)| Version::new(major, minor))?,
        None => DEFAULT_VERSION,
    };
    let look = view.messages();
    let compute = || -> Result<(Vec<Edited>, Vec<Change>), Failure> {
        let loaded = instances::load(names, read, version)?;
        instances::refer_to_secrets(&view.redactor, &loaded);
        let edited = edit_all(loaded, plan, &look)?;
        let changes = changes(&edited)?;
        Ok((edited, changes))
    };
    let paths = instances::paths(names);
    for path in &paths {
        let input = if path == Path::new("-") { Path::new("/dev/stdin") } else { path };
        stdout::refuse_input(input)?;
    }
    if write.check {
        // Nothing may be opened for writing, so nothing is staged: only computed and shown.
        let (edited, _) = compute()?;
        let interrupted = paths.iter().find_map(|path| files::pending(path).transpose()).transpose()?;
        let report = Report { interrupted, ..Report::new(&edited) };
        return tell(&report);
    }
    let (edited, transaction) = Transaction::prepare(write.options(), &paths, compute)?;
    let staged = staged(&edited, &transaction);
    let mut report = Report { recovered: transaction.recovered().to_vec(), ..Report::new(&edited) };
    let haproxy = haproxy.filter(|_| !write.no_validate);
    if let (Some(haproxy), true) = (&haproxy, report.changed()) {
        validation::check_all(view, haproxy, &edited, &staged)?;
        report.validated = Some(haproxy.version()?);
    }
    // A signal while HAProxy ran: it may have ended the check, too.
    if let Some(signal) = files::interrupted() {
        return Err(FileError::Interrupted { signal }.into());
    }
    report.written = transaction.commit()?;
    if let (Some(reload), true) = (&reload, report.changed()) {
        report.reload = Some(match files::interrupted() {
            Some(_) => Err("interrupted before --reload-cmd ran".to_owned()),
            None => reload.run().map_err(|e| e.to_string()),
        });
    }
    tell(&report)
}

/// By real path: the temporary file that holds the new text. Two instances may reach one file by different paths.
fn staged(edited: &[Edited], transaction: &Transaction) -> BTreeMap<PathBuf, PathBuf> {
    let originals = || edited.iter().flat_map(|one| one.loaded.originals.iter().flatten());
    let real =
        |path: &Path| originals().find(|o| o.path() == path).and_then(|o| o.real_path()).unwrap_or(path).to_owned();
    transaction.staged().map(|(path, temp)| (real(path), temp)).collect()
}

fn edit_all(loaded: Vec<Loaded>, plan: &PlannerOfAll<'_>, look: &Look<'_>) -> Result<Vec<Edited>, Failure> {
    let before: Vec<Instance<'_>> = loaded.iter().map(Loaded::instance).collect();
    let refuse = |refused: &Refused, files: Option<&[Source]>| {
        Failure::operation(&refused.error, files.unwrap_or_default(), look)
    };
    let pairs: Vec<(&Loaded, &Instance<'_>)> = loaded.iter().zip(&before).collect();
    let planned =
        plan(&pairs).map_err(|refused| refuse(&refused, loaded.get(refused.instance).map(|one| &*one.files)))?;
    let after: Vec<Vec<Option<Source>>> =
        loaded.iter().zip(&planned).map(|(one, plan)| apply(one, plan)).collect::<Result<_, _>>()?;
    let handovers: Vec<Handover> = {
        let files: Vec<Vec<Source>> =
            loaded.iter().zip(&after).map(|(one, after)| files_after(one, after)).collect::<Result<_, _>>()?;
        let results: Vec<Instance<'_>> = loaded.iter().zip(&files).map(|(one, files)| one.instance_of(files)).collect();
        loaded.iter().zip(&files).try_for_each(|(one, files)| check_readable(one, files))?;
        // The result, read again, must say what was asked for: the same edit on it has nothing left to do.
        let pairs: Vec<(&Loaded, &Instance<'_>)> = loaded.iter().zip(&results).collect();
        let again =
            plan(&pairs).map_err(|refused| refuse(&refused, files.get(refused.instance).map(|files| &**files)))?;
        if let Some((one, _)) = loaded.iter().zip(&again).find(|(_, plan)| !plan.is_empty()) {
            return Err(our_fault(&one.name, "the edit would not have been complete"));
        }
        before.iter().zip(&results).map(|(before, after)| handover(before, after)).collect()
    };
    drop(before);
    let edited = loaded.into_iter().zip(planned).zip(after).zip(handovers);
    Ok(edited
        .map(|(((loaded, planned), after), handover)| Edited { loaded, after, notes: planned.notes, handover })
        .collect())
}

/// Applies a plan file by file. A file whose bytes come out the same doesn't change.
fn apply(loaded: &Loaded, plan: &Plan) -> Result<Vec<Option<Source>>, Failure> {
    let mut after = Vec::with_capacity(loaded.files.len());
    for (source, edits) in loaded.files.iter().zip(&plan.edits) {
        let text = edits.apply(source.document.text()).map_err(|e| our_fault(&source.name, &e.to_string()))?;
        if text == source.document.text() {
            after.push(None);
            continue;
        }
        after.push(Some(parse(&source.name, text)?));
    }
    Ok(after)
}

fn parse(name: &str, text: Vec<u8>) -> Result<Source, Failure> {
    match Document::parse(text) {
        Ok(document) => Ok(Source::new(name, document)),
        Err(error) => Err(Failure::misuse(format!("{name}: {error}"), "split it into several files")),
    }
}

/// No line may have become unreadable.
fn check_readable(loaded: &Loaded, files: &[Source]) -> Result<(), Failure> {
    for (before, after) in loaded.files.iter().zip(files) {
        if after.document.errors().len() > before.document.errors().len() {
            return Err(our_fault(&before.name, "the edit would have made a line unreadable"));
        }
    }
    Ok(())
}

/// All files as they are after the edit.
fn files_after(loaded: &Loaded, after: &[Option<Source>]) -> Result<Vec<Source>, Failure> {
    let text = |(before, after): (&Source, &Option<Source>)| {
        parse(&before.name, after.as_ref().unwrap_or(before).document.text().to_vec())
    };
    loaded.files.iter().zip(after).map(text).collect()
}

fn our_fault(name: &str, what: &str) -> Failure {
    Failure::misuse(format!("{name}: {what}"), "nothing was written; this is a mistake of peerctl, please report it")
}

impl Edited {
    /// Whether a byte changes.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.after.iter().any(Option::is_some)
    }

    /// All files as they are after the edit.
    ///
    /// # Errors
    /// Never for files that could be read before: their length fits.
    pub fn files_after(&self) -> Result<Vec<Source>, Failure> {
        files_after(&self.loaded, &self.after)
    }

    /// The text for standard output, if standard input is a file of the instance.
    #[must_use]
    pub fn for_stdout(&self) -> Option<&[u8]> {
        let at = self.loaded.originals.iter().position(Option::is_none)?;
        let before = self.loaded.files.get(at)?;
        Some(self.after.get(at)?.as_ref().unwrap_or(before).document.text())
    }
}

/// What is to be written, each file once. Two instances that share a file must want the same of it.
fn changes(edited: &[Edited]) -> Result<Vec<Change>, Failure> {
    let mut wanted: BTreeMap<&Path, (&str, &[u8])> = BTreeMap::new();
    let mut changes = Vec::new();
    for one in edited {
        for ((source, after), original) in one.loaded.files.iter().zip(&one.after).zip(&one.loaded.originals) {
            let Some(original) = original else { continue };
            let text = after.as_ref().unwrap_or(source).document.text();
            let key = original.real_path().unwrap_or(original.path());
            if let Some((name, other)) = wanted.get(key) {
                if *other == text {
                    continue;
                }
                let message = format!(
                    "{}: `{name}` and `{}` share this file and want different things of it",
                    source.name, one.loaded.name
                );
                return Err(Failure::misuse(message, "give each instance a file of its own"));
            }
            wanted.insert(key, (&one.loaded.name, text));
            if after.is_some() {
                changes.push(Change { original: original.clone(), bytes: text.to_vec() });
            }
        }
    }
    Ok(changes)
}
