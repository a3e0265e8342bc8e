//! Configurations that some version of HAProxy misread, each named after the commit that fixed it: what each version says of
//! them now, and what we say.
//!
//! `fixtures/known-bugs/verdicts.tsv` has a line for each file and version: how `haproxy -c` ends (`0`, `1`, or `signal`), and
//! our findings that aren't notes. `PEERCTL_UPDATE=1` writes it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use serde_json::Value;
use support::{Haproxy, haproxies};

/// Files that a HAProxy refuses and we don't, and why.
const NOT_OURS: [(&str, &str); 4] = [
    ("20391519c", "of an action only the table is read that it uses"),
    ("21d5f43aa", "of an action only the table is read that it uses"),
    ("21d5f43aa-beyond-default", "of an action only the table is read that it uses"),
    ("8d158132b", "whether a certificate is there is not looked at: only configurations are read"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/known-bugs")
}

/// The files, by their names without `.cfg`.
fn files() -> BTreeMap<String, PathBuf> {
    let paths = fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let configurations = paths.filter(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    configurations.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path)).collect()
}

/// Our findings that aren't notes, and whether one is an error.
fn findings(path: &Path, haproxy: &Haproxy) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.args(["check", "--format", "json", "-L", "lb1", "--haproxy-version", &haproxy.branch()]).arg(path);
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {:?} {said}", path.display(), output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let findings = report["findings"].as_array().expect("a list").iter();
    let bad: Vec<&Value> = findings.filter(|finding| finding["severity"] != "note").collect();
    let codes: BTreeSet<&str> = bad.iter().map(|finding| finding["code"].as_str().expect("a code")).collect();
    let codes = if codes.is_empty() { "-".to_owned() } else { codes.into_iter().collect::<Vec<_>>().join(",") };
    (codes, bad.iter().any(|finding| finding["severity"] == "error"))
}

/// The lines of one version, by file; panics where HAProxy refuses what we don't.
fn verdicts(haproxy: &Haproxy) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for (name, path) in files() {
        let check = haproxy.check(&[&path], Some("lb1"), &[]);
        let verdict = check.code.map_or_else(|| "signal".to_owned(), |code| code.min(1).to_string());
        let (codes, is_error) = findings(&path, haproxy);
        let is_known = is_error || check.valid() || NOT_OURS.iter().any(|(file, _)| *file == name);
        assert!(is_known, "HAProxy {} refuses {name}, we don't: {:?}", haproxy.branch(), check.stderr);
        lines.insert(name.clone(), format!("{name}\t{}\t{verdict}\t{codes}\n", haproxy.branch()));
    }
    lines
}

#[test]
fn every_line_that_was_once_misread_is_judged_as_haproxy_does() {
    let haproxies = haproxies();
    let found: Vec<BTreeMap<String, String>> = thread::scope(|scope| {
        let threads: Vec<_> = haproxies.iter().map(|haproxy| scope.spawn(|| verdicts(haproxy))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let head = "# How `haproxy -c` ends with each file, by version, and our findings that are no notes. Written by tests/known_bug_lines.rs.\n\
                file\thaproxy\tverdict\tfindings\n";
    let of = |name: &String| found.iter().filter_map(|lines| lines.get(name).cloned()).collect::<String>();
    let table: String = head.to_owned() + &files().keys().map(of).collect::<String>();
    let path = folder().join("verdicts.tsv");
    if env::var_os("PEERCTL_UPDATE").is_some() {
        fs::write(&path, &table).expect("writable");
    }
    assert_eq!(table, fs::read_to_string(&path).unwrap_or_default());
}

#[test]
fn every_fix_of_a_configuration_has_a_file_or_a_reason() {
    let table = fs::read_to_string(folder().with_extension("tsv")).expect("the list of fixes");
    let files = files();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.get(2) != Some(&"K") {
            continue;
        }
        let has_file = files.keys().any(|name| name.starts_with(fields[0]));
        assert!(has_file != fields[5].starts_with("not applicable: "), "{line}");
    }
}
