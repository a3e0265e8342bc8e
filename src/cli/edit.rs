//! The way of every edit: read, plan, apply, read again, check, show, write.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    args::{Cli, ReadArgs, WriteArgs},
    exit::Exit,
    failure::Failure,
    files::{Change, Transaction, Written},
    instances::{self, Loaded},
    report,
};
use crate::{
    config::{Document, Source},
    grammar::Version,
    model::Instance,
    ops::{Mark, Note, OpError, Plan},
};

/// An instance before and after an edit.
#[derive(Debug)]
pub struct Edited {
    /// As it was read.
    pub loaded: Loaded,
    /// Its files after the edit, in the same order; `None` where nothing changes.
    pub after: Vec<Option<Source>>,
    /// What people are told.
    pub notes: Vec<Note>,
}

impl Edited {
    /// Whether a byte changes.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.after.iter().any(Option::is_some)
    }
}

/// What an edit does to one instance.
pub type Planner<'a> = dyn Fn(&Loaded, &Instance<'_>) -> Result<Plan, OpError> + 'a;

/// Runs an edit on all instances: all are written, or none.
///
/// # Errors
/// If an instance can't be read, its edit is refused, HAProxy refuses the result, or it can't be written.
pub fn run(cli: &Cli, names: &[String], read: &ReadArgs, write: &WriteArgs, plan: &Planner<'_>) -> Result<Exit, Failure> {
    let version = Version::new(3, 2);
    let compute = || -> Result<(Vec<Edited>, Vec<Change>), Failure> {
        let edited = plan_all(instances::load(names, read, version)?, plan)?;
        let changes = changes(&edited)?;
        Ok((edited, changes))
    };
    if write.check {
        // Nothing may be opened for writing, so nothing is staged: only computed and shown.
        let (edited, _) = compute()?;
        return report::finish(cli, write, &edited, &[], None);
    }
    let (edited, transaction) = Transaction::prepare(write.options(), &instances::paths(names), compute)?;
    let staged: BTreeMap<PathBuf, PathBuf> =
        transaction.staged().map(|(path, temp)| (path.to_owned(), temp)).collect();
    let _ = &staged;
    let written = transaction.commit()?;
    report::finish(cli, write, &edited, &written, None)
}

fn plan_all(loaded: Vec<Loaded>, plan: &Planner<'_>) -> Result<Vec<Edited>, Failure> {
    loaded.into_iter().map(|loaded| edit_one(loaded, plan)).collect()
}

fn edit_one(loaded: Loaded, plan: &Planner<'_>) -> Result<Edited, Failure> {
    let (after, notes) = {
        let instance = loaded.instance();
        let refused = |error: &OpError, files: &[Source]| Failure::operation(&loaded.name, error, files);
        let planned = plan(&loaded, &instance).map_err(|e| refused(&e, &loaded.files))?;
        let after = apply(&loaded, &planned)?;
        (after, planned.notes)
    };
    let edited = Edited { loaded, after, notes };
    check_intent(&edited, plan)?;
    Ok(edited)
}

/// Applies a plan file by file. A file whose bytes come out the same doesn't change.
fn apply(loaded: &Loaded, plan: &Plan) -> Result<Vec<Option<Source>>, Failure> {
    let mut after = Vec::with_capacity(loaded.files.len());
    for (source, edits) in loaded.files.iter().zip(&plan.edits) {
        let text = edits.apply(source.document.text()).map_err(|e| {
            Failure::misuse(format!("{}: {e}", source.name), "nothing was written; please report this with the command")
        })?;
        if text == source.document.text() {
            after.push(None);
            continue;
        }
        let document = Document::parse(text)
            .map_err(|e| Failure::misuse(format!("{}: {e}", source.name), "split it into several files"))?;
        after.push(Some(Source::new(source.name.clone(), document)));
    }
    Ok(after)
}

/// The result, read again, must say what was asked for: the same edit on it has nothing left to do, and no line
/// became unreadable.
fn check_intent(edited: &Edited, plan: &Planner<'_>) -> Result<(), Failure> {
    if !edited.changed() {
        return Ok(());
    }
    let broken = |what: String| {
        Failure::misuse(format!("{}: {what}", edited.loaded.name), "nothing was written; please report this with the command")
    };
    for (before, after) in edited.loaded.files.iter().zip(&edited.after) {
        let Some(after) = after else { continue };
        if after.document.errors().len() > before.document.errors().len() {
            return Err(broken("the edit would have made a line unreadable".into()));
        }
    }
    let files: Vec<Source> = edited.files_after()?;
    let instance = edited.loaded.instance_of(&files);
    let again = plan(&edited.loaded, &instance)
        .map_err(|e| Failure::operation(&edited.loaded.name, &e, &files))?;
    if again.is_empty() { Ok(()) } else { Err(broken("the edit would not have been complete".into())) }
}

impl Edited {
    /// All files as they are after the edit.
    ///
    /// # Errors
    /// Never for files that were read: their length fits.
    pub fn files_after(&self) -> Result<Vec<Source>, Failure> {
        let text = |(before, after): (&Source, &Option<Source>)| {
            let source = after.as_ref().unwrap_or(before);
            let document = Document::parse(source.document.text().to_vec())
                .map_err(|e| Failure::misuse(format!("{}: {e}", source.name), ""))?;
            Ok(Source::new(source.name.clone(), document))
        };
        self.loaded.files.iter().zip(&self.after).map(text).collect()
    }
}

/// What is to be written, each file once. Two instances that share a file must want the same of it.
fn changes(edited: &[Edited]) -> Result<Vec<Change>, Failure> {
    let mut wanted: BTreeMap<PathBuf, (&str, &[u8])> = BTreeMap::new();
    let mut changes = Vec::new();
    for one in edited {
        for ((source, after), original) in one.loaded.files.iter().zip(&one.after).zip(&one.loaded.originals) {
            let Some(original) = original else { continue };
            let text = after.as_ref().unwrap_or(source).document.text();
            let key = original.real_path().unwrap_or(original.path()).to_owned();
            match wanted.get(&key) {
                Some((_, other)) if *other == text => continue,
                Some((name, _)) => {
                    let message = format!("{}: instances `{name}` and `{}` share this file, and want different things of it", source.name, one.loaded.name);
                    return Err(Failure::misuse(message, "give each instance a file of its own"));
                }
                None => {}
            }
            wanted.insert(key, (&one.loaded.name, text));
            if after.is_some() {
                changes.push(Change { original: original.clone(), bytes: text.to_vec() });
            }
        }
    }
    Ok(changes)
}
