//! `check` and `check-ids` as a user or a pipeline runs them: exit codes, reports, what is said of instances that can't be read,
//! and what holds for which instance.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// An instance: `order` is that of its two servers.
fn instance(name: &str, order: [u8; 2]) -> String {
    let servers: String = order.iter().map(|n| format!("  server web{n} 10.0.1.1{n}:8080\n")).collect();
    format!(
        "global\n  localpeer {name}\n\ndefaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n\n\
         peers mesh\n  peer lb1 10.0.0.1:10000\n  peer lb2 10.0.0.2:10000\n\n\
         backend shop\n  stick-table type ip size 1k expire 30m peers mesh\n  stick on src\n{servers}"
    )
}

/// Two instances that number their servers differently.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    write(&dir, "lb1.cfg", &instance("lb1", [1, 2]));
    write(&dir, "lb2.cfg", &instance("lb2", [2, 1]));
    dir
}

fn write(dir: &tempfile::TempDir, name: &str, text: &str) {
    fs::write(dir.path().join(name), text).expect("written");
}

fn run(dir: &Path, words: &str) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_peerctl"))
        .args(words.split_whitespace())
        .current_dir(dir)
        .env_remove("SELF")
        .output()
        .expect("peerctl runs");
    Run::from(output)
}

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Run {
    /// The codes of the findings of `--format json`.
    fn codes(&self) -> Vec<String> {
        let document: Value = serde_json::from_str(&self.out).expect("one JSON document");
        let findings = document["findings"].as_array().expect("findings");
        findings.iter().map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
    }
}

#[test]
fn findings_decide_the_exit_code_by_deny() {
    let dir = folder();
    for (words, code) in [
        ("check-ids lb1.cfg lb2.cfg", 1),
        ("check-ids lb1.cfg lb2.cfg --ignore server-id-mismatch", 0),
        ("check-ids lb1.cfg lb2.cfg --ignore server-*", 0),
        ("check lb1.cfg lb2.cfg --select peers-no-client-certificate", 0),
        ("check lb1.cfg lb2.cfg --select peers-no-client-certificate --deny warning", 0),
        ("check lb1.cfg lb2.cfg --select peers-no-client-certificate --deny note", 1),
        ("check lb1.cfg --deny warning", 0),
    ] {
        let run = run(dir.path(), words);
        assert_eq!(run.code, Some(code), "{words}:\n{}{}", run.out, run.err);
    }
}

#[test]
fn a_missing_instance_is_told_after_the_findings_of_the_others() {
    let dir = folder();
    let run = run(dir.path(), "check-ids lb1.cfg gone.cfg lb2.cfg");
    assert_eq!(run.code, Some(3));
    assert!(run.out.contains("error[server-id-mismatch]"), "{}", run.out);
    assert!(run.out.contains("2 of 3 instances"), "{}", run.out);
    assert_eq!(run.err, "error: there is no file `gone.cfg`\n  next: check the path\n");
}

#[test]
fn an_instance_that_cannot_be_read_is_an_error_in_every_kind_of_report() {
    let dir = folder();
    let words = "check-ids lb1.cfg gone.cfg --format github --report sarif=s --report junit=j --report human=h";
    let run = run(dir.path(), words);
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(3), "::error title=peerctl::gone is not checked: there is no file `gone.cfg`\n")
    );
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect(name);
    let sarif: Value = serde_json::from_str(&read("s")).expect("JSON");
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], Value::Bool(false));
    assert_eq!(
        invocation["toolExecutionNotifications"][0]["message"]["text"],
        "gone is not checked: there is no file `gone.cfg`"
    );
    let junit = read("j");
    assert!(junit.contains(r#"tests="2" failures="0" errors="1""#), "{junit}");
    assert!(junit.contains(r#"<error type="unread" message="there is no file `gone.cfg`"/>"#), "{junit}");
    assert!(read("h").starts_with("1 of 2 instances, 1 backend, 2 servers: nothing found"), "{}", read("h"));
}

#[test]
fn nothing_read_is_not_nothing_found() {
    let dir = folder();
    let run = run(dir.path(), "check gone.cfg");
    assert_eq!(run.code, Some(3));
    assert!(run.out.starts_with("0 of 1 instance, 0 backends, 0 servers: nothing checked"), "{}", run.out);
}

#[test]
fn broken_text_is_a_finding_with_a_place_and_hides_nothing() {
    let dir = folder();
    write(&dir, "lb3.cfg", &instance("lb3", [1, 2]).replace("web2 10.0.1.12:8080", "web2 10.0.1.12:8080 \"oops"));
    let run = run(dir.path(), "check-ids lb1.cfg lb2.cfg lb3.cfg");
    assert_eq!(run.code, Some(1));
    assert!(run.out.contains("error[syntax]: the line has a double quote that is never closed"), "{}", run.out);
    assert!(run.out.contains("[lb3.cfg:18:30]"), "{}", run.out);
    assert!(run.out.contains("error[server-id-mismatch]"), "{}", run.out);
}

#[test]
fn a_report_that_cannot_be_written_does_not_hide_the_findings() {
    let dir = folder();
    let run = run(dir.path(), "check-ids lb1.cfg lb2.cfg --report sarif=no/such/folder/x --report junit=j");
    assert_eq!(run.code, Some(3));
    assert!(run.out.contains("error[server-id-mismatch]"), "{}", run.out);
    assert!(run.err.contains("can't write report `no/such/folder/x`"), "{}", run.err);
    assert!(dir.path().join("j").exists(), "the other report is written");
}

#[test]
fn what_is_no_report_is_misuse_before_anything_is_read() {
    let dir = folder();
    for (report, says) in [
        ("--report sarif", "is not FORMAT=FILE"),
        ("--report pdf=x", "is not FORMAT=FILE"),
        ("--report junit=-", "--format junit"),
        ("--report junit=x --report sarif=x", "names `x` twice"),
        ("--report json=lb2.cfg", "which is checked"),
    ] {
        let run = run(dir.path(), &format!("check lb1.cfg lb2.cfg {report}"));
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{report}");
        assert!(run.err.contains(says), "{report}: {}", run.err);
    }
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 2, "nothing was written");
}

#[test]
fn what_is_wrong_with_variables_is_told_once_and_before_findings() {
    let dir = folder();
    for (option, code, says) in [
        ("--env FOO", 2, "error: --env `FOO` is not VAR=VALUE"),
        ("--env lb7:FOO=1", 2, "error: --env: no instance `lb7`\n  next: there are `lb1`, `lb2`"),
        ("--env-file gone.env", 3, "error: there is no file `gone.env`"),
    ] {
        let run = run(dir.path(), &format!("check lb1.cfg lb2.cfg {option}"));
        assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{option}");
        assert!(run.err.starts_with(says), "{option}: {}", run.err);
        assert_eq!(run.err.matches("error").count(), 1, "{option}: {}", run.err);
    }
}

#[test]
fn variables_of_one_instance_make_two_nodes_of_one_file() {
    let dir = folder();
    write(&dir, "both.cfg", &instance("\"${SELF}\"", [1, 2]));
    let words = "check a=both.cfg b=both.cfg --format json";
    assert_eq!(run(dir.path(), words).codes(), ["peers-no-local", "peers-no-local"]);
    let set =
        run(dir.path(), &format!("{words} --env a:SELF=lb1 --env b:SELF=lb2 --ignore peers-no-client-certificate"));
    assert_eq!((set.code, set.codes()), (Some(0), vec!["server-id-implicit".to_owned()]), "{}", set.out);
    let same = run(dir.path(), &format!("{words} --env SELF=lb1"));
    assert!(same.codes().contains(&"peers-same-local-name".to_owned()), "{}", same.out);
}

#[test]
fn one_file_for_two_nodes_is_told_once_with_the_names_of_both() {
    let dir = folder();
    write(
        &dir,
        "both.cfg",
        &instance("x", [1, 2]).replace("  localpeer x\n", "").replace("peers mesh\n  stick", "peers mehs\n  stick"),
    );
    let one = run(dir.path(), "check lb1=both.cfg lb2=both.cfg --select table-unknown-section");
    assert_eq!(one.out.matches("error[table-unknown-section]").count(), 1, "{}", one.out);
    assert!(one.out.contains("lb1, lb2: unknown"), "{}", one.out);
    assert!(one.out.contains("2 errors"), "each instance has it: {}", one.out);
    let github = run(dir.path(), "check lb1=both.cfg lb2=both.cfg --select table-unknown-section --format github");
    assert_eq!(github.out.lines().count(), 1, "{}", github.out);
    assert_eq!(github.out.matches("both.cfg:14").count(), 1, "{}", github.out);
}

#[test]
fn a_folder_is_an_instance_unless_it_looks_like_several() {
    let dir = folder();
    for name in ["one", "two"] {
        fs::create_dir(dir.path().join(name)).expect("made");
    }
    fs::rename(dir.path().join("lb1.cfg"), dir.path().join("one/10.cfg")).expect("moved");
    fs::rename(dir.path().join("lb2.cfg"), dir.path().join("two/10.cfg")).expect("moved");
    let more =
        "backend late\n  stick-table type ip size 1k expire 30m peers mesh\n  stick on src\n  server x 10.0.1.20:80\n";
    write(&dir, "one/20.cfg", more);
    write(&dir, "two/20.cfg", &more.replace("server x", "server y"));
    let found = run(dir.path(), "check-ids one two --format json");
    assert!(found.codes().contains(&"server-name-mismatch".to_owned()), "{}", found.out);
    assert!(found.out.contains("\"one/20.cfg\"") && found.out.contains("\"two/20.cfg\""), "{}", found.out);
    fs::rename(dir.path().join("two/10.cfg"), dir.path().join("one/30.cfg")).expect("moved");
    let several = run(dir.path(), "check one");
    assert_eq!(several.code, Some(2));
    assert!(
        several.err.contains("looks like several instances") && several.err.contains("give one/*.cfg"),
        "{}",
        several.err
    );
}

#[test]
fn a_fix_needs_all_instances_and_findings_are_told_without_it() {
    let dir = folder();
    let before = fs::read(dir.path().join("lb2.cfg")).expect("readable");
    let run = run(dir.path(), "check-ids --fix --no-validate lb1.cfg gone.cfg lb2.cfg");
    assert_eq!(run.code, Some(3));
    assert!(run.out.contains("error[server-id-mismatch]"), "{}", run.out);
    assert!(run.err.contains("nothing is fixed: not all instances can be read"), "{}", run.err);
    assert_eq!(fs::read(dir.path().join("lb2.cfg")).expect("readable"), before);
}

#[test]
fn a_fix_that_is_only_checked_still_gives_programs_their_findings() {
    let dir = folder();
    let json = run(dir.path(), "check-ids --fix --check --format json --report junit=j lb1.cfg lb2.cfg");
    assert_eq!(json.code, Some(1));
    assert_eq!(json.codes(), ["server-id-mismatch", "server-id-mismatch"]);
    assert!(json.err.contains("id web1 1"), "what would change is told beside it: {}", json.err);
    assert!(dir.path().join("j").exists());
    let human = run(dir.path(), "check-ids --fix --check lb1.cfg lb2.cfg");
    assert_eq!(human.code, Some(1));
    assert!(human.out.contains("id web1 1") && !human.out.contains("server-id-mismatch"), "{}", human.out);
}

#[test]
fn an_allowance_is_explained_selected_and_ignored_like_any_rule() {
    let dir = folder();
    let text = instance("lb1", [1, 2])
        .replace("peers mesh\n  peer lb1", "# peerctl: allow peers-unused, peers-mehs\npeers mesh\n  peer lb1");
    write(&dir, "lb1.cfg", &text);
    let all = run(dir.path(), "check lb1.cfg --format json --select allow-*,peers-unused");
    assert_eq!(all.codes(), ["allow-unused", "allow-unknown"]);
    let deny =
        run(dir.path(), "check lb1.cfg --deny note --ignore allow-unknown,allow-unused,peers-no-client-certificate");
    assert_eq!(deny.code, Some(0), "{}", deny.out);
    assert_eq!(run(dir.path(), "explain allow-unused").code, Some(0));
    // `check-ids` runs no rule about peers: it can't tell whether that is unused.
    let ids = run(dir.path(), "check-ids lb1.cfg lb2.cfg --format json --ignore server-*");
    assert_eq!(ids.codes(), ["allow-unknown"]);
}

#[test]
fn advice_ends_as_a_sentence_does() {
    let dir = folder();
    write(&dir, "text.cfg", "no configuration\n");
    let run = run(dir.path(), "check text.cfg --format gitlab");
    assert_eq!(run.code, Some(1));
    assert!(run.out.contains("is this a HAProxy configuration?\""), "{}", run.out);
}

#[test]
fn addresses_from_variables_are_compared_once_the_variables_are_known() {
    let dir = folder();
    for name in ["lb1", "lb2"] {
        let text = instance(name, [1, 2]).replace("peer lb2 10.0.0.2:10000", "peer lb2 \"${LB2}:10000\"");
        write(&dir, &format!("{name}.cfg"), &text);
    }
    let words = "check lb1.cfg lb2.cfg --format json --select peers-address-mismatch";
    assert_eq!(run(dir.path(), words).codes(), [""; 0], "nobody knows the address");
    assert_eq!(run(dir.path(), &format!("{words} --env LB2=10.0.0.2")).codes(), [""; 0]);
    let other = run(dir.path(), &format!("{words} --env LB2=10.0.0.2 --env lb1:LB2=10.0.0.7"));
    assert_eq!(other.codes(), ["peers-address-mismatch"]);
    assert!(!other.out.contains("10.0.0.7"), "what a variable holds isn't shown: {}", other.out);
}

#[test]
fn what_stands_in_an_undecided_block_is_no_error() {
    let dir = folder();
    let doubtful = "\n.if feature(NOSUCH)\nbackend late\n  stick-table type ip size 1k expire 30m peers ghost store gpc0,wrong\n  \
                    stick on src\n  server a 10.0.1.21:80 id 5\n  server b 10.0.1.22:80 id 5\n  server c 10.0.1.23:80 id x\n\
                    peers other\n  peer lb9 10.0.0.9:10000\n  peer lb9 10.0.0.9:10000\n\
                    frontend www\n  bind :80\n  option nosuch\n  http-request track-sc0 src table nowhere\n.endif\n";
    write(&dir, "lb1.cfg", &(instance("lb1", [1, 2]) + doubtful));
    let found = run(dir.path(), "check lb1.cfg --format json");
    let document: Value = serde_json::from_str(&found.out).expect("JSON");
    assert_eq!((found.code, &document["summary"]["error"]), (Some(0), &Value::from(0)), "{}", found.out);
}
