//! `haproxy -c` over the whole new set of files, before anything is replaced.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use super::{
    edit::Edited,
    exit::Exit,
    failure::Failure,
    files::Original,
    validate::{Haproxy, Input, Message, Outcome, Verdict, compare, concerns},
};
use crate::{
    config::{LineNo, Source},
    escape,
    model::{Instance, LocalPeerSource},
};

/// Checks every instance that changes. `staged` maps a path to the temporary file that holds its new text.
///
/// # Errors
/// Exit 4 if HAProxy refuses the result or newly warns of something about peers or tables.
pub(super) fn check_all(
    haproxy: &Haproxy,
    edited: &[Edited],
    staged: &BTreeMap<PathBuf, PathBuf>,
) -> Result<(), Failure> {
    edited.iter().filter(|one| one.changed()).try_for_each(|one| check(haproxy, one, staged))
}

fn check(haproxy: &Haproxy, edited: &Edited, staged: &BTreeMap<PathBuf, PathBuf>) -> Result<(), Failure> {
    let originals: Option<Vec<&Original>> = edited.loaded.originals.iter().map(Option::as_ref).collect();
    // Standard input has no place that `haproxy -c` could read the result from.
    let Some(originals) = originals else { return Ok(()) };
    let files = edited.files_after()?;
    let environment: Vec<(OsString, OsString)> = edited
        .loaded
        .environment()
        .iter()
        .map(|(name, value)| (OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())))
        .collect();
    let run = |instance: &Instance<'_>, path_of: &dyn Fn(&Path) -> PathBuf| -> Result<Verdict, Failure> {
        let paths: Vec<PathBuf> = originals.iter().map(|o| path_of(o.path())).collect();
        let inputs: Vec<Input<'_>> =
            paths.iter().zip(&originals).map(|(path, original)| Input { path, shown: original.path() }).collect();
        Ok(haproxy.check(&inputs, local_option(instance).as_deref(), &environment)?)
    };
    let after =
        run(&edited.loaded.instance_of(&files), &|path| staged.get(path).map_or(path, PathBuf::as_path).to_owned())?;
    if after.is_clean() {
        return Ok(());
    }
    let before = run(&edited.loaded.instance(), &Path::to_owned)?;
    let concerned = |place: super::validate::Place| {
        let line = LineNo(place.line.saturating_sub(1));
        files.get(place.file).is_some_and(|source: &Source| concerns(&source.document, line))
    };
    let (message, reasons, help) = match compare(&before, &after, &concerned) {
        Outcome::Fine(_) => return Ok(()),
        Outcome::NewProblems(reasons) => ("HAProxy would warn of something new", reasons, ""),
        Outcome::Refused(reasons) => ("HAProxy refuses the result", reasons, ""),
        Outcome::RefusedBefore(reasons) => (
            "HAProxy refuses the result; it refused before this edit, too",
            reasons,
            "mend that first, or write without this check: --no-validate",
        ),
    };
    Err(refusal(&edited.loaded.name, message, &after, &reasons, help))
}

fn refusal(name: &str, message: &str, verdict: &Verdict, reasons: &[Message], help: &str) -> Failure {
    let snippet: String = reasons.iter().map(|m| format!("  {}\n", verdict.show(m))).collect();
    let help = if help.is_empty() { "nothing was written" } else { help };
    Failure { exit: Exit::Refused, message: format!("{name}: {message}"), snippet, help: help.into() }
}

/// What goes behind `-L`: nothing where the files say it. Where nothing says it, the first peer's name: this machine's
/// own would have every section dropped, which tells nothing about the files.
fn local_option(instance: &Instance<'_>) -> Option<String> {
    let guess = || {
        let entries = instance.peers.iter().flat_map(|s| &s.entries);
        entries.map(|e| e.name.clone()).next()
    };
    let name = match instance.local.source {
        LocalPeerSource::Localpeer(_) => None,
        LocalPeerSource::Unknown => guess(),
        _ => instance.local.name.clone(),
    };
    name.map(|name| escape::name(&name).into_owned())
}
