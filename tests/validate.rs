//! What `haproxy -c` says, as three releases say it, and how it is judged.

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use peerctl::{
    cli::validate::{Haproxy, Input, Level, Outcome, Place, Verdict, compare, concerns},
    config::{Document, LineNo},
};
use support::haproxies;

const TIMEOUTS: &str =
    "defaults\n    mode http\n    timeout client 5s\n    timeout connect 5s\n    timeout server 5s\n";

/// A folder with one configuration, checked before and after a change.
struct Case {
    dir: tempfile::TempDir,
    haproxy: Haproxy,
}

impl Case {
    fn new(haproxy: &support::Haproxy) -> Self {
        let found = Haproxy::find(Some(&haproxy.path)).expect("an executable").expect("it was given");
        Self { dir: tempfile::tempdir().expect("a folder"), haproxy: found }
    }

    fn shown(&self) -> PathBuf {
        self.dir.path().join("haproxy.cfg")
    }

    /// Checks `text` in a file that people know as `haproxy.cfg`.
    fn check_as(&self, file: &str, text: &str) -> Verdict {
        let (path, shown) = (self.dir.path().join(file), self.shown());
        fs::write(&path, text).expect("the folder takes files");
        self.haproxy.check(&[Input { path: &path, shown: &shown }], Some("lb1"), &[]).expect("haproxy runs")
    }

    /// What an edit from `old` to `new` does.
    fn edit(&self, old: &str, new: &str) -> Outcome {
        let before = self.check_as("haproxy.cfg", old);
        let after = self.check_as(".haproxy.cfg.peerctl.tmp", new);
        for message in &after.messages {
            assert!(
                !after.show(message).contains(".peerctl.tmp"),
                "people never see the name of a temporary file: {message:?}"
            );
        }
        let document = Document::parse(new.into()).expect("short");
        compare(&before, &after, &|place: Place| concerns(&document, LineNo(place.line - 1)))
    }
}

fn config(rest: &str) -> String {
    format!("{TIMEOUTS}{rest}")
}

/// Fails if `outcome` isn't a new problem with a message that contains `text`.
fn assert_problem(outcome: &Outcome, text: &str, version: (u16, u16, u16)) {
    let Outcome::NewProblems(messages) = outcome else { panic!("{version:?} warns of {text:?}: {outcome:?}") };
    assert!(messages.iter().any(|m| m.text.contains(text)), "{version:?}: {messages:?}");
}

#[test]
fn the_version_is_the_one_that_haproxy_prints() {
    for haproxy in haproxies() {
        assert_eq!(Case::new(&haproxy).haproxy.version().expect("a version"), haproxy.version);
    }
}

#[test]
fn a_file_with_nothing_that_listens_is_valid_and_clean() {
    for haproxy in haproxies() {
        let verdict = Case::new(&haproxy).check_as("haproxy.cfg", &config("backend b\n    server a 127.0.0.1:80\n"));
        assert_eq!((verdict.code(), verdict.is_valid(), verdict.is_clean()), (Some(2), true, true), "{verdict:?}");
    }
}

#[test]
fn a_section_that_would_be_dropped_is_noticed() {
    let old = config("backend b\n    stick-table type ip size 1\n");
    let new =
        config("peers mesh\n    peer lb2 127.0.0.1:10002\nbackend b\n    stick-table type ip size 1 peers mesh\n");
    for haproxy in haproxies() {
        let outcome = Case::new(&haproxy).edit(&old, &new);
        assert_problem(&outcome, "Removing incomplete section 'peers mesh' (no peer named 'lb1').", haproxy.version);
    }
}

#[test]
fn new_warnings_inside_peers_sections_and_about_tables_are_noticed() {
    let section = "peers mesh\n    peer lb1 127.0.0.1:10001\n    peer lb2 127.0.0.1:10002\n";
    let old = config(&format!("{section}backend b\n    stick-table type ip size 1 peers mesh\n"));
    let cases = [
        (":10001\n", ":10001 ssl verify none\n", "local peer have a non-SSL listener", (2, 6)),
        (":10002\n", ":10002 init-addr last\n", "are ignored for peers", (2, 6)),
        ("size 1 peers", "size 1 store gpc0,gpc0 peers", "store option 'gpc0' already enabled", (2, 6)),
        ("peers mesh\n", "peers mesh\n    shards 2\n    peer lb3 127.0.0.1:3 shard 5\n", "shard", (2, 7)),
        (" 127.0.0.1:10002\n", "\n", "missing address:port", (3, 0)),
    ];
    for haproxy in haproxies() {
        for (from, to, warning, since) in cases {
            let outcome = Case::new(&haproxy).edit(&old, &old.replacen(from, to, 1));
            if (haproxy.version.0, haproxy.version.1) >= since {
                assert_problem(&outcome, warning, haproxy.version);
            } else {
                assert!(matches!(&outcome, Outcome::Refused(_) | Outcome::Fine(_)), "no warning yet: {outcome:?}");
            }
        }
    }
}

#[test]
fn warnings_that_were_there_are_not_new_when_their_lines_move() {
    let old = "defaults\n    mode http\npeers old\n    peer gone 127.0.0.1:10009\nbackend b\n    server a 127.0.0.1:80\n    \
        stick-table type ip size 1 store gpc0,gpc0 peers old\n";
    let mesh = "peers mesh\n    peer lb1 127.0.0.1:10001\n";
    let new = old.replace("peers old\n    peer", &format!("{mesh}peers old\n    peer"));
    for haproxy in haproxies() {
        let case = Case::new(&haproxy);
        let before = case.check_as("haproxy.cfg", old);
        let complaints: Vec<&str> = before.complaints().map(|m| m.text.as_str()).collect();
        let has = |text: &str| complaints.iter().any(|c| c.contains(text));
        assert!(has("Removing incomplete") && has("already enabled") && has("timeout"), "{complaints:?}");
        assert_eq!(case.edit(old, &new), Outcome::Fine(Vec::new()), "{:?}", haproxy.version);
    }
}

#[test]
fn a_warning_about_something_else_is_shown_but_is_not_in_the_way() {
    let old = config("listen l\n    bind 127.0.0.1:10080\n    server a 127.0.0.1:80\n");
    let new = old.replace("    timeout client 5s\n", "");
    for haproxy in haproxies() {
        let Outcome::Fine(new) = Case::new(&haproxy).edit(&old, &new) else { panic!("not about peers") };
        assert!(matches!(new.as_slice(), [m] if m.level == Level::Warning && m.text.contains("timeout")), "{new:?}");
    }
}

#[test]
fn a_refusal_names_the_lines_and_says_whether_it_is_new() {
    let good = config("backend b\n    stick-table type ip size 1\n");
    let bad = good.replace("type ip", "type nonsense");
    for haproxy in haproxies() {
        let case = Case::new(&haproxy);
        let after = case.check_as(".x.tmp", &bad);
        let Outcome::Refused(reasons) = case.edit(&good, &bad) else { panic!("{:?} refuses it", haproxy.version) };
        let shown: Vec<String> = reasons.iter().map(|r| after.show(r)).collect();
        let place = format!("{}:7: ", case.shown().display());
        assert!(shown.iter().all(|s| s.starts_with(&place)) && !shown.is_empty(), "{shown:?}");
        assert!(matches!(case.edit(&bad, &bad), Outcome::RefusedBefore(_)));
        assert_eq!(case.edit(&bad, &good), Outcome::Fine(Vec::new()));
    }
}

#[test]
fn a_table_without_its_section_is_refused_with_the_name_of_the_proxy() {
    let old = config("peers mesh\n    peer lb1 127.0.0.1:1\nbackend b\n    stick-table type ip size 1 peers mesh\n");
    let new = config("backend b\n    stick-table type ip size 1 peers mesh\n");
    for haproxy in haproxies() {
        let Outcome::Refused(reasons) = Case::new(&haproxy).edit(&old, &new) else { panic!("the section is missing") };
        let texts: BTreeSet<&str> = reasons.iter().map(|m| m.text.as_str()).collect();
        assert_eq!(texts, BTreeSet::from(["Proxy 'b': unable to find sync peers 'mesh'."]));
    }
}

#[test]
fn a_broken_quote_is_one_message_with_its_line_and_its_mark() {
    for haproxy in haproxies() {
        let verdict = Case::new(&haproxy).check_as("haproxy.cfg", &config("backend b\n    server a \"127.0.0.1:80\n"));
        let quote = verdict.complaints().find(|m| m.text.contains("unmatched quote")).expect("it is found");
        assert_eq!(quote.place, Some(Place { file: 0, line: 7 }));
        let lines: Vec<&str> = quote.text.lines().collect();
        assert!(
            matches!(lines.as_slice(), [_, text, mark] if text.contains("server a") && mark.trim() == "^"),
            "{lines:?}"
        );
    }
}

#[test]
fn files_are_read_in_order_with_the_environment_given() {
    for haproxy in haproxies() {
        let case = Case::new(&haproxy);
        let [first, second] = ["10.cfg", "20.cfg"].map(|name| case.dir.path().join(name));
        fs::write(&first, config("backend b\n    server a \"$TARGET\"\n")).expect("the folder takes files");
        fs::write(&second, "    server c 127.0.0.1:81 nonsense\n").expect("the folder takes files");
        let inputs = [&first, &second].map(|path| Input { path, shown: path });
        let environment = [("TARGET".into(), "127.0.0.1:80".into())];
        let verdict = case.haproxy.check(&inputs, None, &environment).expect("haproxy runs");
        let places: Vec<_> = verdict.reasons().iter().filter_map(|m| m.place).collect();
        // From one file to the next no section stays open.
        assert!(places.iter().all(|p| *p == Place { file: 1, line: 1 }) && !places.is_empty(), "{verdict:?}");
    }
}

#[test]
fn a_program_that_is_no_haproxy_is_refused_by_name() {
    let echo = Haproxy::find(Some(Path::new("/bin/echo"))).expect("a program").expect("it was given");
    let error = echo.version().expect_err("no HAProxy");
    let text = "`/bin/echo -v` doesn't print a HAProxy version but \"-v\"; give a HAProxy with --haproxy";
    assert_eq!(error.to_string(), text);
}
