//! No command, format or error path shows a secret of a configuration.

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use support::haproxies;

/// A configuration that HAProxy takes, with a secret in every place that one line can hold.
const VALID: &str = r#"# stats auth old:CANARY01
global
    setenv DB_PASSWORD CANARY02
    presetenv ANYTHING CANARY03
userlist people
    user bob insecure-password CANARY04
    user eve password $6$CANARY05
peers mesh
    peer lb1 127.0.0.1:10001
    peer lb2 127.0.0.1:10002 # token=CANARY06
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
listen stats
    bind 127.0.0.1:10080
    stats auth admin:CANARY07
    stick-table type ip size 1m
    http-request set-header Authorization "Basic CANARY08"
    http-request deny unless { req.hdr(x-api-key) -m str CANARY09 }
backend shop
    stick-table type ip size 1m expire 30m # password: CANARY10
    stick on src
    cookie SRV insert indirect nocache dynamic
    dynamic-cookie-key CANARY11
    option httpchk
    http-check send hdr Authorization CANARY12
    server web1 127.0.0.1:8080 check agent-send CANARY13
"#;

const COMMANDS: &[&str] = &[
    "show FILE",
    "show FILE --format json",
    "table list FILE",
    "table list FILE --format json",
    "parse FILE --format json",
    "add mesh FILE --peer lb3=127.0.0.1:10003 --attach-all --check --diff -L lb1",
    "add mesh FILE --peer lb3=127.0.0.1:10003 --attach-all --check --diff --format json -L lb1",
    "add mesh FILE --peer lb2=127.0.0.1:10009 --check --diff -L lb1",
    "add mesh FILE --peer lb3=127.0.0.1:10003 --attach-all --no-validate -L lb1",
    "add new FILE --peer lb1=127.0.0.1:10003 --check --diff -L lb1",
    "remove mesh FILE --peer lb2 --check --diff -L lb1",
    "remove mesh FILE --peer lb1 --check -L lb1",
    "remove mesh FILE --peer nobody -L lb1",
    "remove nothing FILE",
    "table set shop FILE --peers mesh --check --diff -L lb1",
    "table set shop FILE --size 2m --check --diff --format json -L lb1",
    "table set nothing FILE --size 2m --check",
];

fn peerctl(dir: &Path, command: &str) -> Output {
    let words = command.replace("FILE", "haproxy.cfg");
    Command::new(env!("CARGO_BIN_EXE_peerctl"))
        .args(words.split(' '))
        .current_dir(dir)
        .env("API_TOKEN", "CANARY99")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

fn folder(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("haproxy.cfg"), text).expect("the folder takes files");
    dir
}

/// Fails if a canary is in what was printed; gives all of it.
#[track_caller]
fn assert_silent(command: &str, output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    let leaks: Vec<&str> = all.lines().filter(|line| line.contains("CANARY")).collect();
    assert!(leaks.is_empty(), "`peerctl {command}` shows {leaks:#?}");
    assert!(!all.contains("panicked"), "`peerctl {command}`: {all}");
    all
}

#[test]
fn no_command_shows_a_secret() {
    for command in COMMANDS {
        let dir = folder(VALID);
        let all = assert_silent(command, &peerctl(dir.path(), command));
        assert!(!all.is_empty(), "`peerctl {command}` says something");
        let text = fs::read_to_string(dir.path().join("haproxy.cfg")).expect("still there");
        assert_eq!(text.matches("CANARY").count(), VALID.matches("CANARY").count(), "files keep the true bytes");
    }
}

#[test]
fn an_error_that_quotes_a_line_hides_its_secret() {
    for broken in [
        "    user eve password \"CANARY50\n",
        "    stats auth admin:CANARY51 \"\n",
        "    peer lb4 127.0.0.1:10004 agent-send CANARY52 \"$1\"\n",
        "    setenv API_KEY CANARY53 '\n",
    ] {
        let dir = folder(&VALID.replace("    peer lb2", &format!("{broken}    peer lb2")));
        for command in COMMANDS {
            assert_silent(command, &peerctl(dir.path(), command));
        }
    }
}

#[test]
fn a_refusal_of_haproxy_is_shown_without_the_secrets_it_quotes() {
    for haproxy in haproxies() {
        for broken in ["    dynamic-cookie-key CANARY60 \"", "    server w 127.0.0.1:1 CANARY61 password CANARY61"] {
            let dir = folder(&VALID.replace("    option httpchk\n", &format!("    option httpchk\n{broken}\n")));
            let command =
                format!("add new FILE --peer lb1=127.0.0.1:10003 -L lb1 --haproxy {}", haproxy.path.display());
            let output = peerctl(dir.path(), &command);
            let all = assert_silent(&command, &output);
            assert_eq!(output.status.code(), Some(4), "{all}");
            assert!(all.contains("‹redacted"), "{all}");
        }
    }
}

#[test]
fn secrets_are_shown_to_terminals_only() {
    let dir = folder(VALID);
    let output = peerctl(dir.path(), "parse FILE --show-secrets");
    assert_silent("parse FILE --show-secrets", &output);
    assert_eq!(output.status.code(), Some(2));
    let terminal = Command::new("script")
        .args(["-qec", &format!("{} parse haproxy.cfg --show-secrets", env!("CARGO_BIN_EXE_peerctl")), "/dev/null"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("util-linux has `script`");
    assert!(String::from_utf8_lossy(&terminal.stdout).contains("CANARY07"), "{terminal:?}");
}
