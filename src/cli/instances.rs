//! INSTANCE arguments: from `[NAME=]PATH[,PATH…]` to the files of HAProxy processes, read and parsed.

mod environment;

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    args::ReadArgs,
    failure::Failure,
    files::{self, Original},
};
use crate::{
    config::{Document, Environment, Source},
    escape,
    grammar::Version,
    model::{Facts, Instance, Naming},
    output::redact::Redactor,
};

/// An INSTANCE argument, not yet read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceArg {
    /// The name given in front of `=`.
    pub explicit: Option<String>,
    /// The paths as given; `-` is standard input.
    pub paths: Vec<PathBuf>,
}

/// An instance with its files in memory.
#[derive(Debug)]
pub struct Loaded {
    /// The name it is reported under.
    pub name: String,
    /// Its files, parsed, in HAProxy's order.
    pub files: Vec<Source>,
    /// What is needed to write them again, in the same order; `None` for standard input, and if they are only looked at.
    pub originals: Vec<Option<Original>>,
    naming: Naming,
    facts: Facts,
}

impl Loaded {
    /// Reads what the files say.
    #[must_use]
    pub fn instance(&self) -> Instance<'_> {
        Instance::read(&self.files, &self.naming, &self.facts)
    }

    /// Reads what other texts of the same files say: those after an edit.
    #[must_use]
    pub fn instance_of<'d>(&self, files: &'d [Source]) -> Instance<'d> {
        Instance::read(files, &self.naming, &self.facts)
    }

    /// The environment it was given.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.facts.environment
    }
}

/// Has the values of secret variables that these instances take be shown as what refers to them.
pub fn refer_to_secrets<'l>(redactor: &Redactor, loaded: impl IntoIterator<Item = &'l Loaded>) {
    let documents = |one: &'l Loaded| one.files.iter().map(|file| (&file.document, &one.facts.environment));
    redactor.refer_to_variables(loaded.into_iter().flat_map(documents));
}

/// Reads all instances. `arguments` may be empty: then `/etc/haproxy` is meant.
///
/// # Errors
/// For a missing or unreadable file, a directory without configuration, a name given twice, template text, several
/// instances in one directory, or a bad `--env`.
pub fn load(arguments: &[String], read: &ReadArgs, version: Version) -> Result<Vec<Loaded>, Failure> {
    load_each(arguments, read, version, For::Writing)?.into_iter().collect()
}

/// What instances are read for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum For {
    /// They may be written again: [`Loaded::originals`] is filled.
    Writing,
    /// They are only looked at, which is faster.
    Looking,
}

/// The same as [`load`], but what is wrong with one instance doesn't hide the others.
///
/// # Errors
/// For what is wrong with the arguments themselves.
pub fn load_each(
    arguments: &[String],
    read: &ReadArgs,
    version: Version,
    purpose: For,
) -> Result<Vec<Result<Loaded, Failure>>, Failure> {
    let arguments = parse_arguments(arguments);
    if read.local.is_some() && arguments.len() > 1 {
        let help = "name each instead: lb1=lb1.cfg lb2=lb2.cfg";
        return Err(Failure::misuse("-L names one local peer, and there are several instances", help));
    }
    let names = names(&arguments)?;
    let variables = environment::variables(read, &names)?;
    let load = |(argument, name): (&InstanceArg, String)| {
        let facts = Facts { version, environment: environment::of(&name, &variables) };
        load_one(argument, name, read, facts, purpose)
    };
    Ok(arguments.iter().zip(names).map(load).collect())
}

/// The names that loading these arguments would give to the instances.
///
/// # Errors
/// For a name given twice.
pub fn names_of(arguments: &[String]) -> Result<Vec<String>, Failure> {
    names(&parse_arguments(arguments))
}

/// The files that loading these arguments would read, as far as they can be listed.
#[must_use]
pub fn paths(arguments: &[String]) -> Vec<PathBuf> {
    parse_arguments(arguments).iter().flat_map(|a| expand(&a.paths).unwrap_or_default()).collect()
}

fn parse_arguments(arguments: &[String]) -> Vec<InstanceArg> {
    if arguments.is_empty() {
        let conf_d = PathBuf::from("/etc/haproxy/conf.d");
        let mut paths = vec![PathBuf::from("/etc/haproxy/haproxy.cfg")];
        paths.extend(conf_d.is_dir().then_some(conf_d));
        return vec![InstanceArg { explicit: None, paths }];
    }
    arguments.iter().map(|text| parse_argument(text)).collect()
}

/// `NAME=PATH,PATH`. A `=` behind a `/` belongs to a path.
fn parse_argument(text: &str) -> InstanceArg {
    let (explicit, rest) = match text.split_once('=') {
        Some((name, rest)) if !name.contains('/') && !name.is_empty() => (Some(name.to_owned()), rest),
        _ => (None, text),
    };
    InstanceArg { explicit, paths: rest.split(',').filter(|p| !p.is_empty()).map(PathBuf::from).collect() }
}

/// Directories give way to the files HAProxy loads from them.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = files::list_directory(path)?;
            if found.is_empty() {
                let message = format!("directory `{}` has no *.cfg file", shown(path));
                return Err(Failure::misuse(message, "HAProxy loads the files of a directory that end in .cfg"));
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// The names of all instances: explicit, or the stem of the first path, or where stems collide the nearest folder
/// that tells them apart.
fn names(arguments: &[InstanceArg]) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for argument in arguments {
        let Some(first) = argument.paths.first() else {
            let help = "write [NAME=]PATH, for example lb1=lb1.cfg";
            return Err(Failure::misuse("an INSTANCE without a path", help));
        };
        let alike = |other: &&InstanceArg| {
            other.explicit.is_none() && other.paths.first().is_some_and(|p| stem(p) == stem(first) && p != first)
        };
        let rivals: Vec<&Path> =
            arguments.iter().filter(alike).filter_map(|a| a.paths.first().map(PathBuf::as_path)).collect();
        let name = match &argument.explicit {
            Some(name) => name.clone(),
            None if rivals.is_empty() => stem(first),
            None => folder_apart(first, &rivals).unwrap_or_else(|| stem(first)),
        };
        if names.contains(&name) {
            let message = format!("two instances are called `{}`", escape::name(name.as_bytes()));
            return Err(Failure::misuse(message, "give each a name of its own: lb1=a/haproxy.cfg lb2=b/haproxy.cfg"));
        }
        names.push(name);
    }
    Ok(names)
}

fn stem(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".into();
    }
    path.file_stem().map_or_else(|| "haproxy".into(), |s| s.to_string_lossy().into_owned())
}

/// The nearest folder of `path` whose name differs from the folder at that height of every rival.
fn folder_apart(path: &Path, rivals: &[&Path]) -> Option<String> {
    let folders = |p: &Path| -> Vec<String> {
        let absolute = std::path::absolute(p).unwrap_or_else(|_| p.to_owned());
        absolute.ancestors().skip(1).filter_map(|a| a.file_name()).map(|n| n.to_string_lossy().into_owned()).collect()
    };
    let others: Vec<Vec<String>> = rivals.iter().map(|r| folders(r)).collect();
    folders(path)
        .into_iter()
        .enumerate()
        .find(|(n, name)| others.iter().all(|o| o.get(*n) != Some(name)))
        .map(|(_, f)| f)
}

fn load_one(
    argument: &InstanceArg,
    name: String,
    read: &ReadArgs,
    facts: Facts,
    purpose: For,
) -> Result<Loaded, Failure> {
    let paths = expand(&argument.paths)?;
    let mut files = Vec::with_capacity(paths.len());
    let mut originals = Vec::with_capacity(paths.len());
    for path in &paths {
        let stdin = path == Path::new("-");
        let shown = if stdin { "-".into() } else { shown(path) };
        let (text, original) = match purpose {
            _ if stdin => (read_stdin()?, None),
            For::Writing => read_file(path)?,
            For::Looking => (files::contents(path)?, None),
        };
        check_rendered(&shown, &text)?;
        let document = Document::parse(text)
            .map_err(|e| Failure::misuse(format!("{shown}: {e}"), "split it into several files"))?;
        files.push(Source::new(shown, document));
        originals.push(original);
    }
    let loaded = Loaded { naming: naming(argument, &paths, read), facts, name, files, originals };
    check_one_instance(&loaded, argument)?;
    Ok(loaded)
}

fn read_file(path: &Path) -> Result<(Vec<u8>, Option<Original>), Failure> {
    let snapshot = files::read(path)?;
    Ok((snapshot.bytes, Some(snapshot.original)))
}

/// Standard input, read once: an edit may be computed again when a file changed meanwhile.
fn read_stdin() -> Result<Vec<u8>, Failure> {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(text) = TEXT.get() {
        return Ok(text.clone());
    }
    let text = files::read(Path::new("/dev/stdin"))?.bytes;
    Ok(TEXT.get_or_init(|| text).clone())
}

fn naming(argument: &InstanceArg, paths: &[PathBuf], read: &ReadArgs) -> Naming {
    let bytes = |s: &OsStr| s.as_bytes().to_vec();
    let mut candidates = Vec::new();
    for path in argument.paths.first().into_iter().chain(paths.first()) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        candidates.extend(path.file_stem().map(bytes));
        candidates.extend(absolute.parent().and_then(Path::file_name).map(bytes));
    }
    let own = paths.iter().any(|p| p.starts_with("/etc/haproxy"));
    let host = || rustix::system::uname().nodename().to_bytes().to_vec();
    Naming {
        option: read.local.clone().map(String::into_bytes),
        instance: argument.explicit.clone().map(String::into_bytes),
        candidates,
        host: own.then(host),
    }
}

/// `` `lb1`, `lb2` ``.
#[must_use]
pub fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{}`", escape::name(name.as_bytes()))).collect::<Vec<_>>().join(", ")
}

/// Templates must be rendered first: an edit of `{{ … }}` would be guessing.
fn check_rendered(name: &str, text: &[u8]) -> Result<(), Failure> {
    let opens = memchr::memchr_iter(b'{', text).find_map(|at| {
        let rest = text.get(at..).unwrap_or_default();
        let (open, close): (&[u8], &[u8]) = match rest.get(1)? {
            b'{' => (b"{{", b"}}"),
            b'%' => (b"{%", b"%}"),
            _ => return None,
        };
        let line = memchr::memchr(b'\n', rest).map_or(rest, |end| rest.split_at(end).0);
        memchr::memmem::find(line, close).map(|_| (at, open))
    });
    let Some((at, open)) = opens else { return Ok(()) };
    let line = 1 + memchr::memchr_iter(b'\n', text.get(..at).unwrap_or_default()).count();
    let message = format!("{name}:{line}: template text (`{}`), not a configuration", escape::name(open));
    Err(Failure::misuse(message, "render it first and give the result"))
}

/// A directory whose files each name their own local peer holds several instances.
fn check_one_instance(loaded: &Loaded, argument: &InstanceArg) -> Result<(), Failure> {
    let Some(folder) = argument.paths.iter().find(|p| p.is_dir()) else { return Ok(()) };
    let instance = loaded.instance();
    let mut names: Vec<&Vec<u8>> = instance.localpeers.iter().map(|(_, name)| name).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 {
        let all: Vec<String> = names.iter().map(|n| format!("`{}`", escape::name(n))).collect();
        let message =
            format!("`{}` looks like several instances: its files have localpeer {}", shown(folder), all.join(", "));
        return Err(Failure::misuse(message, format!("give {}/*.cfg", shown(folder))));
    }
    Ok(())
}

/// A path for people.
#[must_use]
pub fn shown(path: &Path) -> String {
    escape::name(path.as_os_str().as_bytes()).into_owned()
}
