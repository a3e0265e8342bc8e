//! Two large instances with 40 inconsistencies at random places: all are found and none is invented, `--fix` touches only what
//! it must, and HAProxy takes the result.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    changed_lines, disagree, findings, list, peerctl, read,
    support::{
        generate::Configuration,
        haproxies,
        plant::{Expected, Planted},
        random::Random,
    },
    text, with_line,
};

/// `benches/ratios.rs` has 1000.
const BACKENDS: usize = 100;
const SERVERS: usize = 100;
const PLANTED: usize = 40;

/// Rule, backend and server of each finding.
fn found(findings: &[Value]) -> BTreeSet<Expected> {
    let found = |finding: &Value| {
        let server = finding.get("server").and_then(Value::as_str).map(str::to_owned);
        (text(&finding["code"]), text(&finding["backend"]), server)
    };
    findings.iter().map(found).collect()
}

fn assert_same(found: &BTreeSet<Expected>, expected: &BTreeSet<Expected>, what: &str) {
    let difference: Vec<_> = found.symmetric_difference(expected).collect();
    assert!(difference.is_empty(), "{what}: {difference:?}");
}

/// The lines of a backend, as one text for each; the header is its first line.
fn backends(text: &str) -> Vec<&str> {
    text.split("\nbackend ").skip(1).collect()
}

#[test]
fn all_that_is_planted_is_found_and_fixed_and_nothing_else() {
    for (haproxy, seed) in haproxies().iter().zip(1..) {
        let planted = Planted::new(&mut Random::new(seed), BACKENDS, SERVERS, PLANTED);
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        let files = ["lb1.cfg", "lb2.cfg"].map(str::to_owned);
        let write = |file: &str, configuration: &Configuration| {
            fs::write(dir.path().join(file), configuration.text()).expect("the folder takes files");
        };
        write("lb1.cfg", &planted.lb1);
        write("lb2.cfg", &planted.lb2);
        let texts = || files.each_ref().map(|file| fs::read_to_string(dir.path().join(file)).expect("readable"));
        let before = texts();

        let first = findings(dir.path(), &files, &haproxy.branch());
        assert_eq!(first.len(), planted.findings.len(), "each finding once");
        assert_same(&found(&first), &planted.findings, "all is found and nothing invented");

        let program = haproxy.path.to_str().expect("a path of ours");
        let fix = ["check-ids", "--fix", "--backup", "none", "--haproxy", program];
        let output = peerctl(dir.path(), &fix, &files);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let after = texts();
        assert!(before[0] == after[0], "the first instance decides, and has nothing to change");
        let second = findings(dir.path(), &files, &haproxy.branch());
        assert_same(&found(&second), &planted.left, "only what no id can mend is left");
        assert!(list(&second.into()).all(|finding| finding["severity"] != "error"), "no error is left");
        only_what_was_needed_changed(&planted, &before, &after);

        for haproxy in haproxies() {
            for file in &files {
                let check = haproxy.check_in(dir.path(), &[file], None, &[]);
                assert!(check.valid(), "{} takes {file}: {check:?}", haproxy.branch());
            }
        }
    }
}

fn only_what_was_needed_changed(planted: &Planted, before: &[String; 2], after: &[String; 2]) {
    assert_eq!(before[1].split("\nbackend ").next(), after[1].split("\nbackend ").next(), "what is above stays");
    let decides = backends(&after[0]);
    let mut lines = 0;
    for (old, new) in backends(&before[1]).into_iter().zip(backends(&after[1])).filter(|(old, new)| old != new) {
        let name = new.split('\n').next().unwrap_or_default();
        assert!(planted.backends.contains(name), "nothing is planted in {name}");
        let header = format!("{name}\n");
        let here = decides.iter().find(|backend| backend.starts_with(&header)).expect("it is on both");
        let parts = |new: &str| [here, &new].map(|part| format!("backend {part}\n"));
        let (old, new) = (parts(old), parts(new));
        assert!(!disagree(&new.each_ref().map(|part| read(part))), "{name} agrees");
        for (instance, line) in changed_lines(&old, &new) {
            let reverted: Vec<_> = with_line(&new, instance, line, &old).iter().map(|part| read(part)).collect();
            assert!(disagree(&reverted), "line {line} of {name} had to change");
            lines += 1;
        }
    }
    assert!(lines > 0, "something changed");
}
