//! Edits as a user makes them: `fixtures/edit/<case>/command` on a copy of `before/` gives `after/`, byte for byte.
//!
//! A case with a file `refused` (exit code and a part of the message) must leave everything as it was. Every case runs
//! with each real HAProxy as the judge: what was valid stays valid. `PEERCTL_UPDATE=1` writes `after/` anew; read it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

mod support;

type Tree = BTreeMap<PathBuf, Vec<u8>>;

struct Case {
    name: String,
    dir: PathBuf,
    command: Vec<String>,
    refused: Option<(i32, String)>,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/edit");
    let mut cases: Vec<Case> = fs::read_dir(root)
        .expect("the cases are there")
        .map(|entry| {
            let dir = entry.expect("readable").path();
            let read = |name: &str| fs::read_to_string(dir.join(name)).ok();
            let command = read("command").expect("a case has a command");
            let refused = read("refused").map(|text| {
                let (code, message) = text.trim_end().split_once(' ').expect("code and message");
                (code.parse().expect("an exit code"), message.to_owned())
            });
            Case {
                name: dir.file_name().expect("a folder").to_string_lossy().into_owned(),
                command: command.split_whitespace().map(str::to_owned).collect(),
                refused,
                dir,
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.len() >= 50, "all cases are there, not {}", cases.len());
    cases
}

fn tree(dir: &Path) -> Tree {
    let mut files = Tree::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(dir).expect("below").to_owned(), fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

fn copy_to(tree: &Tree, dir: &Path) {
    for (name, bytes) in tree {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }
}

fn peerctl(dir: &Path, haproxy: &Path, words: &[String], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.current_dir(dir).args(words).args(more);
    if !words.iter().any(|w| w == "--no-validate") {
        command.arg("--haproxy").arg(haproxy);
    }
    command.output().expect("peerctl runs")
}

/// Files without backups.
fn without_backups(mut tree: Tree) -> Tree {
    tree.retain(|name, _| !name.to_string_lossy().ends_with('~'));
    tree
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_case_gives_what_it_should_and_haproxy_takes_it() {
    let update = std::env::var_os("PEERCTL_UPDATE").is_some();
    for haproxy in support::haproxies() {
        for case in cases() {
            let about = format!("{} with HAProxy {}", case.name, haproxy.branch());
            let before = tree(&case.dir.join("before"));
            let dir = tempfile::tempdir().expect("a folder");
            copy_to(&before, dir.path());
            let output = peerctl(dir.path(), &haproxy.path, &case.command, &[]);
            let now = without_backups(tree(dir.path()));
            let said = text(&output.stderr) + &text(&output.stdout);
            if let Some((code, message)) = &case.refused {
                assert_eq!(output.status.code(), Some(*code), "{about}: {said}");
                assert!(said.contains(message), "{about} says `{message}`: {said}");
                assert!(output.stdout.is_empty(), "{about}: a refusal is no data");
                assert!(now == before, "{about}: a refused edit changes nothing");
                continue;
            }
            assert_eq!(output.status.code(), Some(0), "{about}: {said}");
            if update {
                let _ = fs::remove_dir_all(case.dir.join("after"));
                copy_to(&now, &case.dir.join("after"));
            }
            let after = tree(&case.dir.join("after"));
            for (name, expected) in &after {
                let found = now.get(name).map(|b| text(b)).unwrap_or_default();
                assert_eq!(found, text(expected), "{about}: {}", name.display());
            }
            assert!(now == after, "{about}: no other file, and not a byte besides");
        }
    }
}

#[test]
fn a_second_run_changes_nothing_and_keeps_the_time() {
    let haproxies = support::haproxies();
    let Some(haproxy) = haproxies.last() else { return };
    for case in cases().into_iter().filter(|c| c.refused.is_none()) {
        let dir = tempfile::tempdir().expect("a folder");
        copy_to(&tree(&case.dir.join("after")), dir.path());
        let stamp = |name: &Path| {
            let meta = fs::metadata(dir.path().join(name)).expect("there");
            (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec())
        };
        let names: Vec<PathBuf> = tree(dir.path()).into_keys().collect();
        let stamps: Vec<_> = names.iter().map(|n| stamp(n)).collect();
        let output = peerctl(dir.path(), &haproxy.path, &case.command, &[]);
        assert_eq!(output.status.code(), Some(0), "{}: {}", case.name, text(&output.stderr));
        let again: Vec<PathBuf> = tree(dir.path()).into_keys().collect();
        assert_eq!(names, again, "{}: nothing is made, not even a backup", case.name);
        assert_eq!(stamps, names.iter().map(|n| stamp(n)).collect::<Vec<_>>(), "{}: inode and times stay", case.name);
        let check = peerctl(dir.path(), &haproxy.path, &case.command, &["--check"]);
        assert_eq!(check.status.code(), Some(0), "{}: --check has nothing to say", case.name);
    }
}

#[test]
fn check_says_1_and_writes_nothing_and_the_diff_applies() {
    let haproxies = support::haproxies();
    let Some(haproxy) = haproxies.last() else { return };
    let mut patched = 0;
    for case in cases().into_iter().filter(|c| c.refused.is_none()) {
        let (before, after) = (tree(&case.dir.join("before")), tree(&case.dir.join("after")));
        let dir = tempfile::tempdir().expect("a folder");
        copy_to(&before, dir.path());
        let output = peerctl(dir.path(), &haproxy.path, &case.command, &["--check", "--diff"]);
        let code = i32::from(before != after);
        assert_eq!(output.status.code(), Some(code), "{}: {}", case.name, text(&output.stderr));
        assert!(tree(dir.path()) == before, "{}: --check writes nothing", case.name);
        if before == after {
            continue;
        }
        fs::write(dir.path().join("x.patch"), &output.stdout).expect("written");
        let patch =
            Command::new("patch").args(["-p0", "--binary", "-s", "-i", "x.patch"]).current_dir(dir.path()).output();
        let patch = patch.expect("patch is installed");
        assert!(patch.status.success(), "{}: {}{}", case.name, text(&patch.stdout), text(&output.stdout));
        fs::remove_file(dir.path().join("x.patch")).expect("there");
        assert!(tree(dir.path()) == after, "{}: the diff makes the same files", case.name);
        patched += 1;
    }
    assert!(patched > 20, "diffs were applied");
}
