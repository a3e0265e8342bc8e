//! The tables of `tests/README.md` are whole, and the tests they name exist.

use std::{fs, path::Path};

fn readme() -> String {
    read("tests/README.md")
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every `tests/FILE.rs::FUNCTION` or `src/FILE.rs::FUNCTION` of a text.
fn named_tests(text: &str) -> Vec<(&str, &str)> {
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | ':');
    let words = text.split(|c| !of_a_path(c)).map(|word| word.trim_end_matches(['.', ':']));
    words
        .filter_map(|word| word.split_at_checked(word.find(".rs::")? + ".rs".len()))
        .map(|(f, n)| (f, &n[2..]))
        .collect()
}

/// Whether a file has a test of this name: a function below a `#[test]` or `#[tokio::test]`.
fn has_test(source: &str, function: &str) -> bool {
    let start = format!("fn {function}(");
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let found = lines.iter().position(|line| line.trim_start_matches("async ").starts_with(&start));
    found.is_some_and(|at| {
        let before = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        before.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn every_named_test_exists() {
    let readme = readme();
    let missing: Vec<String> = named_tests(&readme)
        .into_iter()
        .filter(|(file, function)| !has_test(&read(file), function))
        .map(|(file, function)| format!("{file}::{function}"))
        .collect();
    assert!(missing.is_empty(), "tests/README.md names tests that aren't there: {missing:#?}");
}

/// A heading such as `## Editing files (E1–E22)` promises lines `| E1 |` to `| E22 |`, each with a test or a reason.
#[test]
fn every_number_has_its_line() {
    let readme = readme();
    let mut letters = String::new();
    for section in readme.split("\n## ").skip(1) {
        let heading = section.lines().next().unwrap_or_default();
        let Some((_, range)) = heading.rsplit_once('(').filter(|(_, range)| range.contains('–')) else { continue };
        let last = range.trim_end_matches(')').rsplit_once('–').map(|(_, last)| last.split_at(1));
        let (letter, last) = last.unwrap_or_else(|| panic!("{heading}"));
        letters.push_str(letter);
        let numbers: Vec<&str> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split_once(" |").map(|(number, _)| number))
            .filter(|number| number.starts_with(letter))
            .collect();
        let expected: Vec<String> =
            (1..=last.parse().expect("a number")).map(|n: u32| format!("{letter}{n}")).collect();
        assert_eq!(numbers, expected, "the lines of {heading:?}");
        for line in section.lines().filter(|line| line.starts_with(&format!("| {letter}"))) {
            let reason = line.contains("Does not apply:");
            assert!(reason || !named_tests(line).is_empty(), "neither test nor reason: {line}");
        }
    }
    assert!(letters.contains('E') && letters.contains('S'), "the tables are there: {letters}");
}

#[test]
fn a_test_is_told_from_another_function() {
    let source = "fn helper() {}\n#[test]\n// why\nfn one() {}\n    #[tokio::test]\n    async fn two() {}\n";
    assert!(has_test(source, "one") && has_test(source, "two"));
    assert!(!has_test(source, "helper") && !has_test(source, "three"));
    assert_eq!(
        named_tests("see `tests/a/b.rs::one`, `src/c.rs::two`."),
        [("tests/a/b.rs", "one"), ("src/c.rs", "two")]
    );
}
