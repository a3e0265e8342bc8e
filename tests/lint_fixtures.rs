//! Every rule on its fixtures: `fixtures/lint/CODE/CASE/*.cfg`, one instance a file, whose stem is its name.
//!
//! `expected` has a line for each finding of that rule: `severity file:line[ file:line…] message`. A case whose name starts
//! with `clean` shows sound configurations: no rule at all reports an error there. `version`, where there is one, is the
//! HAProxy the case is read as, else 3.2. `PEERCTL_UPDATE=1` writes `expected`.

mod cases;

use std::{collections::BTreeSet, env, fs, path::Path};

use cases::{Case, cases};
use peerctl::lint::{self, Severity};

#[test]
fn every_rule_finds_what_its_cases_expect() {
    let mut wrong = Vec::new();
    for case in cases() {
        let rule = lint::find(&case.code).unwrap_or_else(|| panic!("`{}` is a rule", case.code));
        // What is allowed for nothing is known when all rules have run.
        let found = if case.code.starts_with("allow-") {
            case.run(lint::all(), |finding| finding.rule == rule)
        } else {
            case.findings(&[rule])
        };
        let path = case.dir.join("expected");
        if env::var_os("PEERCTL_UPDATE").is_some() {
            fs::write(&path, &found).expect("writable");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}found:\n{found}", case.dir.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_reports_an_error_on_a_clean_case() {
    for case in cases().iter().filter(|case| case.is_clean()) {
        let found = case.run(lint::all(), |finding| finding.severity == Severity::Error);
        assert!(found.is_empty(), "{}:\n{found}", case.dir.display());
    }
}

#[test]
fn every_rule_has_a_case_with_findings_and_a_clean_one() {
    let cases = cases();
    let with = |clean: bool| -> BTreeSet<&str> {
        cases.iter().filter(|c| c.is_clean() == clean).map(|c| c.code.as_str()).collect()
    };
    let has_findings = |case: &Case| !fs::read_to_string(case.dir.join("expected")).unwrap_or_default().is_empty();
    for case in &cases {
        assert_ne!(case.is_clean(), has_findings(case), "{}: `clean` cases, and only they, have none", show(&case.dir));
    }
    for rule in lint::all() {
        assert!(with(false).contains(rule.code), "`{}` has a case with findings", rule.code);
        assert!(with(true).contains(rule.code), "`{}` has a clean case", rule.code);
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
