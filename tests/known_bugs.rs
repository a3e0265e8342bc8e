//! `fixtures/known-bugs.tsv`: each fix of peers and stick tables in HAProxy's history has a test here, or a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How many fixes each class has: since 2.4.0, and of the cycle before.
const CLASSES: [(&str, usize, usize); 15] = [
    ("A", 5, 3),
    ("B", 3, 1),
    ("C", 11, 7),
    ("D", 4, 0),
    ("E", 21, 2),
    ("F", 4, 2),
    ("G", 11, 0),
    ("H", 7, 0),
    ("I", 9, 1),
    ("J", 3, 0),
    ("K", 24, 1),
    ("L", 4, 0),
    ("M", 8, 2),
    ("N", 6, 1),
    ("O", 3, 0),
];

struct Fix {
    commit: String,
    date: String,
    class: String,
    cycle: String,
    what: String,
    proof: String,
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fixes() -> Vec<Fix> {
    let text = read(root("fixtures/known-bugs.tsv"));
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("commit\tdate\tclass\tcycle\twhat was wrong\tproof"));
    let fix = |line: &str| {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let Ok([commit, date, class, cycle, what, proof]) = <[String; 6]>::try_from(fields) else {
            panic!("six fields: {line}");
        };
        Fix { commit, date, class, cycle, what, proof }
    };
    lines.map(fix).collect()
}

#[test]
fn all_fixes_are_there_once_with_what_was_wrong() {
    let fixes = fixes();
    assert_eq!(fixes.len(), 143);
    let commits: BTreeSet<&str> = fixes.iter().map(|fix| fix.commit.as_str()).collect();
    assert_eq!(commits.len(), fixes.len(), "no commit twice");
    for Fix { commit, date, what, .. } in &fixes {
        assert!(commit.len() == 9 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{commit}");
        let is_date = date.len() == 10 && ("2020-11-01"..="2026-08-21").contains(&date.as_str());
        assert!(is_date && what.split(' ').count() > 3, "{commit}: {date} {what}");
    }
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for fix in &fixes {
        *counts.entry((&fix.class, &fix.cycle)).or_default() += 1;
    }
    let of = |class, cycle| counts.get(&(class, cycle)).copied().unwrap_or(0);
    for (class, since, before) in CLASSES {
        assert_eq!((of(class, "2.4"), of(class, "2.4-dev")), (since, before), "class {class}");
    }
    assert_eq!(counts.values().sum::<usize>(), CLASSES.iter().map(|(_, since, before)| since + before).sum());
}

/// Whether a file has a test of this name: a function below a `#[test]`.
fn has_test(source: &str, function: &str) -> bool {
    let start = format!("fn {function}(");
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let Some(at) = lines.iter().position(|line| line.starts_with(&start)) else { return false };
    let before = lines.iter().take(at).rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    before.into_iter().any(|line| *line == "#[test]")
}

#[test]
fn every_fix_has_tests_that_exist_or_a_reason() {
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    let (mut tested, mut reasons) = (0, 0);
    let fixes = fixes();
    let mut missing = BTreeSet::new();
    for fix in &fixes {
        if let Some(reason) = fix.proof.strip_prefix("not applicable: ") {
            assert!(reason.split(' ').count() > 3, "{}: {reason}", fix.commit);
            reasons += 1;
            continue;
        }
        tested += 1;
        for test in fix.proof.split(' ') {
            let (file, function) = test.split_once("::").unwrap_or_else(|| panic!("{}: {test}", fix.commit));
            let source = sources.entry(file).or_insert_with(|| read(root(file)));
            if !has_test(source, function) {
                missing.insert(test);
            }
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    println!("{tested} fixes with tests, {reasons} with a reason");
}

/// What rules races between threads out: an entry has one owner, and no code can get around the compiler.
#[test]
fn no_two_threads_share_a_table() {
    let manifest = read(root("Cargo.toml"));
    assert!(manifest.contains("unsafe_code = \"forbid\""), "no unsafe code");
    let mut folders: Vec<PathBuf> =
        ["src/table", "src/hold", "src/aggregate", "src/proto", "src/stick"].map(root).to_vec();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = read(&path);
            for word in ["Mutex", "RwLock", "Atomic", "UnsafeCell", "static mut", "thread::", "Arc<"] {
                assert!(!source.contains(word), "{}: {word}", path.display());
            }
            files += 1;
        }
    }
    assert!(files > 50, "{files} files");
}
