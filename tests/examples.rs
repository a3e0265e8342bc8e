//! Configurations as people write them (`fixtures/examples`): HAProxy takes them, and `check` reports no error, neither on one of them
//! nor on two instances alike. What it has to say otherwise is in `expected`: each line was read and found to be right
//! (`PEERCTL_UPDATE=1` writes it anew).

mod support;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use peerctl::{
    config::{Document, Environment, Source},
    grammar::Version,
    lint::{self, Context, Severity, Subject},
    model::{Facts, Instance, Naming},
};

use crate::support::{haproxies, self_signed_certificate};

/// An example: its name, and the files of one instance or of several.
struct Example {
    name: String,
    files: Vec<PathBuf>,
}

/// `NAME.cfg` is an instance; the files of a folder are the instances of a cluster.
fn examples() -> Vec<Example> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder of examples");
        let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
        paths.sort();
        paths
    };
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/examples");
    let mut found = Vec::new();
    for path in list(&root) {
        if path.is_dir() {
            found.push(Example { name: name(&path), files: list(&path) });
        } else if path.extension().is_some_and(|e| e == "cfg") {
            found.push(Example { name: name(&path), files: vec![path] });
        }
    }
    assert!(found.len() >= 9, "{}", found.len());
    found
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a stem").to_string_lossy().into_owned()
}

/// What all rules say about instances: a name and a file each.
fn check(instances: &[(String, &Path)], version: Version) -> Vec<(Severity, String)> {
    let facts = Facts { version, environment: Environment::default() };
    let read = |path: &Path| {
        let document = Document::parse(fs::read(path).expect("readable")).expect("a small file");
        [Source::new(path.file_name().expect("a name").to_string_lossy(), document)]
    };
    let sources: Vec<[Source; 1]> = instances.iter().map(|(_, path)| read(path)).collect();
    let read: Vec<Instance<'_>> = instances
        .iter()
        .zip(&sources)
        .map(|((name, _), source)| {
            let naming = Naming { instance: Some(name.clone().into_bytes()), ..Naming::default() };
            Instance::read(source, &naming, &facts)
        })
        .collect();
    let subjects = instances.iter().zip(&read).map(|((name, _), instance)| Subject { name, instance }).collect();
    let context = Context::new(subjects, version.into());
    let line = |finding: &lint::Finding| {
        let label = finding.labels.first().expect("a place");
        let (code, at) = (finding.rule.code, label.place.line.human());
        format!("{} {code} {}:{at} {}", finding.severity, instances[label.instance].0, finding.message)
    };
    lint::run(&context, lint::all()).iter().map(|finding| (finding.severity, line(finding))).collect()
}

#[test]
fn haproxy_takes_the_examples() {
    for haproxy in haproxies() {
        for example in examples() {
            for file in &example.files {
                let dir = tempfile::tempdir().expect("a folder");
                let pem = self_signed_certificate(dir.path());
                for name in ["site.pem", "peer.pem", "ca.pem"] {
                    fs::copy(&pem, dir.path().join(name)).expect("copied");
                }
                fs::write(dir.path().join("503.http"), "HTTP/1.0 503 Busy\r\n\r\n").expect("written");
                fs::copy(file, dir.path().join("a.cfg")).expect("copied");
                let check = haproxy.check_in(dir.path(), &["a.cfg"], None, &[]);
                let told = [check.alerts(), check.warnings()].concat();
                assert_eq!(
                    (check.code, told.len()),
                    (Some(0), 0),
                    "{} {}: {told:#?}",
                    haproxy.branch(),
                    file.display()
                );
            }
        }
    }
}

#[test]
fn no_example_alone_or_in_pairs_has_an_error_and_all_else_was_read() {
    let mut text = String::new();
    for example in examples() {
        let mut sets: Vec<(&str, Vec<(String, &Path)>)> =
            example.files.iter().map(|file| ("alone", vec![(stem(file), file.as_path())])).collect();
        sets.push(match example.files.as_slice() {
            [one] => ("twice", vec![("a".to_owned(), one), ("b".to_owned(), one)]),
            several => ("together", several.iter().map(|file| (stem(file), file.as_path())).collect()),
        });
        for (how, set) in sets {
            let _infallible = writeln!(text, "{} {how}", example.name);
            for version in
                [Version::new(2, 6), Version::new(2, 8), Version::new(3, 0), Version::new(3, 2), Version::new(3, 4)]
            {
                for (severity, line) in check(&set, version) {
                    assert_ne!(severity, Severity::Error, "{} {how} {version}: {line}", example.name);
                    let _infallible = writeln!(text, "  {version} {line}");
                }
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/examples/expected");
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        fs::write(&path, &text).expect("written");
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap_or_default());
}
