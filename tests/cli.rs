//! The contract of commands that change files, beyond what they write: exit codes, streams, JSON, reload, strace.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

mod support;

const CONFIG: &str = "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\nbackend shop\n  \
                      stick-table type ip size 1k expire 5m store gpc0\n  server a 127.0.0.1:9001\n";

const ADD: [&str; 8] =
    ["add", "mesh", "lb1.cfg", "--peer", "lb1=127.0.0.1:10001", "--peer", "lb2=127.0.0.1:10002", "--attach-all"];

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("lb1.cfg"), CONFIG).expect("written");
    dir
}

fn peerctl(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.current_dir(dir).stdin(Stdio::null());
    command
}

fn run(dir: &Path, words: &[&str]) -> Output {
    peerctl(dir).args(ADD).args(words).output().expect("peerctl runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_reload_command_runs_once_and_only_after_a_change() {
    let dir = folder();
    let reload = "sh -c 'echo x >> reloads'";
    assert_eq!(run(dir.path(), &["--no-validate", "--reload-cmd", reload]).status.code(), Some(0));
    assert_eq!(run(dir.path(), &["--no-validate", "--reload-cmd", reload]).status.code(), Some(0));
    assert_eq!(
        fs::read_to_string(dir.path().join("reloads")).expect("it ran"),
        "x\n",
        "the second run changed nothing"
    );
}

#[test]
fn a_reload_that_fails_is_exit_6_and_says_so() {
    let dir = folder();
    let output = run(dir.path(), &["--no-validate", "--reload-cmd", "false", "--format", "json"]);
    assert_eq!(output.status.code(), Some(6));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&json["reload"]["ran"], &json["reload"]["rc"]), (&true.into(), &1.into()));
    let dir = folder();
    let output = run(dir.path(), &["--no-validate", "--reload-cmd", "false"]);
    assert!(text(&output.stdout).contains("written, NOT loaded"), "{}", text(&output.stdout));
    assert!(fs::read_to_string(dir.path().join("lb1.cfg")).expect("there").contains("peers mesh"), "it is written");
}

#[test]
fn a_reload_command_that_needs_a_shell_is_refused_before_anything_is_written() {
    let dir = folder();
    let output = run(dir.path(), &["--no-validate", "--reload-cmd", "true && true"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(dir.path().join("lb1.cfg")).expect("there"), CONFIG);
}

#[test]
fn json_has_the_shape_of_the_contract() {
    for haproxy in support::haproxies() {
        let dir = folder();
        let path = haproxy.path.to_string_lossy().into_owned();
        let output = run(dir.path(), &["--format", "json", "--diff", "--haproxy", &path]);
        let json: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
        let (major, minor, patch) = haproxy.version;
        assert_eq!(json["version"], 1);
        assert_eq!(json["changed"], true);
        assert_eq!(json["validated"]["haproxy"], format!("{major}.{minor}.{patch}"));
        assert_eq!(json["validated"]["ok"], true);
        assert_eq!(json["reload"]["ran"], false);
        let instance = &json["instances"][0];
        assert_eq!((&instance["name"], &instance["handover"]), (&"lb1".into(), &"lost".into()));
        let file = &instance["files"][0];
        assert_eq!(
            (&file["path"], &file["changed"], &file["backup"]),
            (&"lb1.cfg".into(), &true.into(), &"lb1.cfg~".into())
        );
        assert!(file["diff"].as_str().expect("a diff").contains("+peers mesh\n"));
        let again = run(dir.path(), &["--format", "json", "--haproxy", &path]);
        let json: Value = serde_json::from_slice(&again.stdout).expect("JSON");
        assert_eq!((again.status.code(), &json["changed"]), (Some(0), &false.into()));
    }
}

#[test]
fn standard_input_is_edited_to_standard_output() {
    let dir = folder();
    let mut child = peerctl(dir.path())
        .args(["add", "mesh", "-", "-L", "lb1", "--peer", "lb1=127.0.0.1:1", "--no-validate"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("peerctl runs");
    child.stdin.take().expect("piped").write_all(CONFIG.as_bytes()).expect("read");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(text(&output.stdout), CONFIG.to_owned() + "\npeers mesh\n  peer lb1 127.0.0.1:1\n");
    assert!(text(&output.stderr).contains("peers mesh"), "the report goes to standard error");
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "no file is made");
}

#[test]
fn output_that_can_not_be_written_is_exit_3_and_a_closed_pipe_is_none() {
    let dir = folder();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let status = peerctl(dir.path()).args(["show", "lb1.cfg"]).stdout(full).stderr(Stdio::null()).status();
    assert_eq!(status.expect("runs").code(), Some(3), "a full disk is no success");
    let mut child = peerctl(dir.path())
        .args(["show", "lb1.cfg"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new()),
        "who reads no more hears no more"
    );
}

#[test]
fn check_opens_nothing_for_writing() {
    let dir = folder();
    let trace = dir.path().join("trace");
    let output = Command::new("strace")
        .args(["-f", "-o", "trace", "-e", "trace=%file,%desc", "-E", "PATH=/nonexistent"])
        .arg(env!("CARGO_BIN_EXE_peerctl"))
        .args(ADD)
        .args(["--check", "--diff"])
        .current_dir(dir.path())
        .output();
    let output = output.expect("strace is installed");
    // With no HAProxy to be found, all system calls are our own.
    assert_eq!(output.status.code(), Some(1), "something would change: {}", text(&output.stderr));
    let trace = fs::read_to_string(trace).expect("a trace");
    assert!(trace.contains("lb1.cfg"), "the file was read");
    let changing =
        ["O_WRONLY", "O_RDWR", "O_CREAT", "rename", "unlink", "mkdir", "fchmod", "fchown", "link(", "linkat(", "flock"];
    for line in trace.lines().filter(|line| !line.contains("readlink")) {
        // `/dev/null` stands in for descriptors that are closed when a program starts.
        let harmless = line.contains("/dev/null") || line.contains("/dev/tty");
        assert!(harmless || !changing.iter().any(|call| line.contains(call)), "--check only looks: {line}");
    }
}

#[test]
fn a_result_that_haproxy_newly_warns_of_is_not_written() {
    for haproxy in support::haproxies() {
        let dir = folder();
        let path = haproxy.path.to_string_lossy().into_owned();
        // A HAProxy that is started under another name than we were told.
        let stub = dir.path().join("haproxy");
        let script = format!(
            "#!/bin/bash\nwords=()\nfor word; do [ \"$word\" = lb1 ] && word=nobody; words+=(\"$word\"); done\n\
             exec {path} \"${{words[@]}}\"\n"
        );
        fs::write(&stub, script).expect("written");
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("executable");
        let output = run(dir.path(), &["-L", "lb1", "--haproxy", &stub.to_string_lossy()]);
        let said = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(4), "a dropped section is no success: {said}");
        assert!(said.contains("Removing incomplete section"), "HAProxy's own words are shown: {said}");
        assert_eq!(fs::read_to_string(dir.path().join("lb1.cfg")).expect("there"), CONFIG, "nothing was written");
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 2, "no temporary file is left");
    }
}
