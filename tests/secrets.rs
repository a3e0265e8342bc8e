//! No command, format or error path shows a secret of a configuration.

#[path = "support/planted.rs"]
mod planted;
mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use planted::PLANTED;
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
    peerctl_command(dir, command).output().expect("the program starts")
}

fn peerctl_command(dir: &Path, words: &str) -> Command {
    let words = words.replace("FILE", "haproxy.cfg");
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.args(words.split(' ')).current_dir(dir).env("API_TOKEN", "CANARY99").stdin(Stdio::null());
    command
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

/// A command for each way in which a configuration gets onto a screen, into a file or into a log. `OTHER` is the same
/// configuration under another name.
const EVERYTHING: &[&str] = &[
    "show FILE",
    "show FILE --format json",
    "table list FILE",
    "table list FILE --format json",
    "parse FILE --format json",
    "check FILE OTHER",
    "check FILE OTHER --format json --report sarif=r.sarif --report junit=r.xml --report gitlab=r.gitlab",
    "check FILE OTHER --format sarif --report human=r.txt --report json=r.json",
    "check FILE OTHER --format github",
    "check FILE OTHER --format gitlab",
    "check FILE OTHER --format junit",
    "check-ids FILE OTHER",
    "check-ids FILE OTHER --fix --check --diff",
    "check FILE OTHER --fix --check --diff --format json",
    "graph FILE OTHER",
    "graph FILE --format dot",
    "graph FILE --format svg",
    "add mesh FILE --peer lb3=127.0.0.1:3 --attach-all --no-validate --check --diff -L lb1",
    "add mesh FILE --peer lb3=127.0.0.1:3 --attach-all --no-validate --check --diff --format json -L lb1",
    "add other FILE --peer lb1=127.0.0.1:3 --attach planted --no-validate -L lb1",
    "add mesh FILE --peer lb2=127.0.0.1:9 --no-validate --set-localpeer=lb1 --format json --diff",
    "remove mesh FILE --no-validate --check --diff -L lb1",
    "remove mesh FILE --peer nobody --no-validate",
    "table set planted FILE --size 2m --no-validate --check --diff",
    "table set --all FILE --expire 1m --no-validate --check --diff --format json",
    "probe -f FILE --section mesh --timeout 1s",
    "probe -f FILE --section mesh --timeout 1s --format json",
    "dump -f FILE --section mesh --timeout 1s",
    "dump -f FILE --section nothing lb2",
    "compare -f FILE --section mesh lb1 lb2 --timeout 1s",
    "wait-sync -f FILE --section mesh lb2 --timeout 1s --format json",
    "watch -f FILE --section mesh --format text --duration 1s",
    "replay nothing.ndjson -f FILE lb2",
    "hold -f FILE -L nobody --state state",
    "aggregate -f FILE -c",
    "aggregate -f FILE -c --env API_TOKEN=CANARY",
    "show FILE --env-file OTHER",
    "show FILE --env X:API_TOKEN=CANARY",
];

/// Sixty secrets at once: in lines that are read, in lines with a quote that stays open, and where no such line belongs.
fn sixty() -> [(&'static str, String); 3] {
    let head = "global\n    localpeer lb1\nbackend planted\n    stick-table type ip size 1m peers mesh\n    server s 127.0.0.1:8\n";
    let mesh =
        "peers mesh\n    peer lb1 127.0.0.1:10001\n    peer lb2 127.0.0.1:10002\n    peer peerctl 127.0.0.1:10999\n";
    let all = |line: &dyn Fn(&str) -> String| PLANTED.iter().map(|planted| line(planted) + "\n").collect::<String>();
    let closed =
        |line: &str| if line.trim_start().starts_with(".if") { format!("{line}\n.endif") } else { line.to_owned() };
    assert!(PLANTED.len() >= 60);
    [
        ("as they are", format!("{mesh}{head}{}", all(&closed))),
        ("with an open quote", format!("{mesh}{head}{}", all(&|line| format!("{} \"", closed(line))))),
        (
            "among peers and tables",
            format!("{head}{mesh}{}{0}", all(&|line| format!("{}\n    table t type ip size 1\n", closed(line)))),
        ),
    ]
}

#[test]
fn sixty_secrets_are_in_nothing_that_any_command_shows_or_leaves() {
    for (what, text) in sixty() {
        let dir = folder(&text);
        let other = text.replace("localpeer lb1", "localpeer lb2").replace("127.0.0.1:8", "127.0.0.1:8 id 7");
        for command in EVERYTHING {
            fs::write(dir.path().join("haproxy.cfg"), &text).expect("written");
            fs::write(dir.path().join("other.cfg"), &other).expect("written");
            let words = command.replace("OTHER", "other.cfg");
            let all = assert_silent(&format!("{command}, {what}"), &peerctl(dir.path(), &words));
            assert!(!all.contains("43414e") && !all.is_empty(), "{command}: {all}");
        }
        // What was left: the files and their backups have the true bytes, for their owner; nothing else has any.
        for entry in fs::read_dir(dir.path()).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let left = fs::read(&path).expect("readable");
            let (shows, backup) = (left.windows(6).any(|bytes| bytes == b"CANARY"), name.ends_with('~'));
            assert!(!shows || backup || name.rsplit('.').next() == Some("cfg"), "{name} has a secret");
            if backup {
                use std::os::unix::fs::PermissionsExt as _;
                assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600, "{name}");
            }
        }
    }
}

#[test]
fn an_interrupted_write_leaves_secrets_only_in_files_for_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder(VALID);
    fs::write(dir.path().join("other.cfg"), VALID).expect("written");
    for name in ["haproxy.cfg", "other.cfg"] {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o600)).expect("ours");
    }
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=renameat2:signal=SIGKILL:when=1"])
        .arg(env!("CARGO_BIN_EXE_peerctl"))
        .args("add mesh lb1=haproxy.cfg lb2=other.cfg --peer lb3=127.0.0.1:3 --no-validate".split(' '))
        .current_dir(dir.path())
        .output()
        .expect("strace is installed");
    assert_eq!(output.status.code(), None, "killed: {output:?}");
    let mut left = 0;
    for entry in fs::read_dir(dir.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "haproxy.cfg" || name == "other.cfg" {
            continue;
        }
        left += 1;
        let mode = fs::symlink_metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
        let text = fs::read(&path).expect("readable");
        let has_one = text.windows(6).any(|bytes| bytes == b"CANARY");
        assert!(
            !has_one || name.rsplit('.').next() == Some("tmp") || name.ends_with('~'),
            "{name}, which is no version of a file, has a secret"
        );
    }
    assert!(left >= 3, "new versions and the record of the write: {left}");
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

/// A configuration that takes a secret of the environment in every place that names something.
const TAKES: &str = "\
defaults
    timeout client 1s
    timeout server 1s
    timeout connect 1s
peers mesh
    peer lb1 127.0.0.1:10001
    peer \"${API_TOKEN}\" 127.0.0.1:10002
    peer lb3 \"${API_TOKEN}\"
    peer lb3 \"${API_TOKEN}\":10003
peers \"${API_TOKEN}\"
    peer lb1 127.0.0.1:10004 shard \"${API_TOKEN}\"
backend \"${API_TOKEN}\"
    stick-table type \"${API_TOKEN}\" size 1k expire 1m store \"${API_TOKEN}\" peers \"${API_TOKEN}x\"
    server \"${API_TOKEN}\" 10.0.0.1:80 id 5
    server s \"$API_TOKEN\":80 id 5
    server-template t 3 \"${API_TOKEN}.x:80\"
backend planted
    stick-table type ip size \"$KEY_SIZE\" expire 1m store http_req_cnt peers mesh
    stick on src table \"${API_TOKEN}\"
    server \"${API_TOKEN}\" 10.0.0.1:80
";

#[test]
fn a_secret_of_the_environment_is_in_no_finding_and_no_list() {
    let looks = || {
        let looks = ["show FILE", "table list", "check", "graph", "table set planted FILE", "add mesh FILE"];
        EVERYTHING
            .iter()
            .filter(move |command| looks.iter().any(|look| command.starts_with(look)) && !command.contains("--env"))
    };
    let by_setenv = format!("global\n    setenv API_TOKEN CANARY-set\n{TAKES}");
    // As they are, and with what formats write in another way.
    let values = ["CANARY99", "CANARY&a<b\"", "CANARY\\x%25;", "say\"CANARY\""];
    let cases = values.into_iter().map(|value| (TAKES, Some(value))).chain([(by_setenv.as_str(), None)]);
    for (text, value) in cases {
        let mut references = 0;
        for command in looks() {
            let dir = folder(text);
            fs::write(dir.path().join("other.cfg"), text.replace("10.0.0.1", "10.0.0.2").replace(" id 5", ""))
                .expect("written");
            let mut words = peerctl_command(dir.path(), &command.replace("OTHER", "other.cfg"));
            words.env("KEY_SIZE", "1048576").env_remove("API_TOKEN");
            words.envs(value.map(|value| ("API_TOKEN", value)));
            let output = words.output().expect("the program starts");
            let all = assert_silent(command, &output);
            references += all.matches("{API_TOKEN}").count();
            for entry in fs::read_dir(dir.path()).expect("a folder") {
                let path = entry.expect("an entry").path();
                let left = fs::read_to_string(&path).expect("text");
                assert!(left == text || !left.contains("CANARY") || value.is_none(), "{command}: {}", path.display());
            }
            if command.contains("json") && !output.stdout.is_empty() {
                let parsed = serde_json::from_slice::<serde_json::Value>(&output.stdout);
                assert!(parsed.is_ok(), "{command} {value:?}: {}", String::from_utf8_lossy(&output.stdout));
            }
        }
        assert!(references > 20, "{value:?}: {references}");
    }
}
