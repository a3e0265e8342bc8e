//! `haproxy -c` over the whole new set of files, before anything is replaced.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::Write as _,
    os::{fd::AsRawFd as _, unix::ffi::OsStringExt as _},
    path::PathBuf,
};

use super::{
    edit::Edited,
    exit::Exit,
    failure::Failure,
    files::Original,
    validate::{Haproxy, Input, Outcome, Verdict, compare, concerns},
    view::View,
};
use crate::{
    config::{Document, LineNo, Source},
    escape,
    model::{Instance, LocalPeerSource},
    output::diagnostic::Diagnostic,
};

/// Checks every instance that changes. `staged` maps a real path to the temporary file that holds its new text.
///
/// # Errors
/// Exit 4 if HAProxy refuses the result or newly warns of something about peers or tables.
pub(super) fn check_all(
    view: &View,
    haproxy: &Haproxy,
    edited: &[Edited],
    staged: &BTreeMap<PathBuf, PathBuf>,
) -> Result<(), Failure> {
    edited.iter().filter(|one| one.changed()).try_for_each(|one| check(view, haproxy, one, staged))
}

fn check(view: &View, haproxy: &Haproxy, edited: &Edited, staged: &BTreeMap<PathBuf, PathBuf>) -> Result<(), Failure> {
    let files = edited.files_after()?;
    let environment: Vec<(OsString, OsString)> = edited
        .loaded
        .environment()
        .iter()
        .map(|(name, value)| (OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())))
        .collect();
    let run = |sources: &[Source], path_of: &dyn Fn(&Original) -> PathBuf| -> Result<Verdict, Failure> {
        let instance = edited.loaded.instance_of(sources);
        let mut memory = Vec::new();
        let mut places = Vec::new();
        for (original, source) in edited.loaded.originals.iter().zip(sources) {
            places.push(match original {
                Some(original) => (path_of(original), original.path().to_owned()),
                None => (in_memory(source, &mut memory)?, PathBuf::from("-")),
            });
        }
        let inputs: Vec<Input<'_>> = places.iter().map(|(path, shown)| Input { path, shown }).collect();
        Ok(haproxy.check(&inputs, local_option(&instance).as_deref(), &environment)?)
    };
    let after = run(&files, &|original| {
        let real = original.real_path().unwrap_or(original.path());
        staged.get(real).map_or(original.path(), PathBuf::as_path).to_owned()
    })?;
    if after.is_clean() {
        return Ok(());
    }
    let before = run(&edited.loaded.files, &|original| original.path().to_owned())?;
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
    let documents: Vec<&Document> = files.iter().map(|f| &f.document).collect();
    let reasons = reasons.iter().map(|message| after.show(message)).collect();
    let reasons = view.redactor.texts(reasons, &documents, edited.loaded.environment());
    Err(refusal(&edited.loaded.name, message, &reasons, help))
}

/// Standard input has no file that HAProxy could read: the text goes into memory, under a path of this process.
fn in_memory(source: &Source, memory: &mut Vec<File>) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Exit::Io,
            format!("can't hand {} to HAProxy: {error}", source.name),
            "write without this check: --no-validate",
        )
    };
    let descriptor =
        rustix::fs::memfd_create("peerctl", rustix::fs::MemfdFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
    let mut file = File::from(descriptor);
    file.write_all(source.document.text()).map_err(failed)?;
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
    memory.push(file);
    Ok(path)
}

fn refusal(name: &str, message: &str, reasons: &[String], help: &str) -> Failure {
    let help = if help.is_empty() { "nothing was written" } else { help };
    let diagnostic = Diagnostic::error(format!("{name}: {message}"));
    let diagnostic = reasons.iter().fold(diagnostic, |d, m| d.note("HAProxy", m.as_str()));
    Failure::of(Exit::Refused, diagnostic.next(help))
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
