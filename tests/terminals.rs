//! Whatever web clients, peers and configurations choose as names and keys, no output lets it act: on a terminal, or as another
//! line, cell or sample.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peerctl::config::draft;
use peerctl::escape;
use serde_json::Value;

mod support;

use support::fake_peer::FakePeer;
use support::frames::{self, DEFINITION, RESYNC_FINISHED, RESYNC_REQUEST, TIMED};
use support::terminal::{effects, effects_besides_colours, hostile};
use support::{Network, Program, wait_until};

/// The name of the table with all the keys.
const TABLE: &[u8] = b"keys";

/// A table of string keys with gpc0 and texts.
fn definition(id: u64, name: &[u8]) -> Vec<u8> {
    let mut payload = [frames::varint(id), frames::string_key(name)].concat();
    for number in [6, 4097, 1 << 2 | 1 << 19, 600_000] {
        payload.extend(frames::varint(number));
    }
    frames::message(DEFINITION, &payload)
}

/// An entry with a count, and a text of the dictionary.
fn entry(id: u32, key: &[u8], count: u64, text: &[u8]) -> Vec<u8> {
    let slot = u64::from(id % 128) + 1;
    let reference = [frames::varint(slot), frames::string_key(text)].concat();
    let data = [frames::varint(count), frames::varint(reference.len() as u64), reference].concat();
    frames::message(TIMED, &[&id.to_be_bytes(), &600_000_u32.to_be_bytes(), &*frames::string_key(key), &data].concat())
}

/// Everything hostile as keys and texts of one table, and as names of tables.
fn lesson(plus: u64) -> Vec<u8> {
    let mut bytes = definition(1, TABLE);
    for (id, text) in (1..).zip(hostile()) {
        let named = &text[..text.len().min(2000)];
        bytes.extend(entry(id, &text, u64::from(id) + plus, named));
    }
    for (id, name) in (2..).zip(hostile().into_iter().filter(|name| (1..200).contains(&name.len())).step_by(3)) {
        bytes.extend(definition(id, &name));
        bytes.extend(entry(1, b"key", 1, &name));
    }
    bytes
}

/// The keys as HAProxy has them: up to the first NUL, each once.
fn keys() -> BTreeSet<Vec<u8>> {
    let upto = |key: Vec<u8>| key.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    hostile().into_iter().map(upto).collect()
}

/// Teaches everybody who calls and asks, until the time is over.
fn teach(listener: &TcpListener, plus: u64, over: &AtomicBool) {
    let lesson = [lesson(plus), frames::message(RESYNC_FINISHED, &[])].concat();
    let (mut taught, mut untaught) = (Vec::new(), Vec::new());
    listener.set_nonblocking(true).expect("a socket");
    while !over.load(Ordering::Relaxed) {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).expect("a socket");
            let peer = FakePeer::accepted(stream);
            peer.send(b"200\n");
            untaught.push(peer);
        }
        let asks = |peer: &mut FakePeer| peer.frames().iter().any(|frame| frame.is(RESYNC_REQUEST));
        for peer in untaught.extract_if(.., asks) {
            peer.send(&lesson);
            taught.push(peer);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Nothing that was printed acts, and no line is one that was only quoted.
#[track_caller]
fn assert_harmless(what: &str, output: &Output) {
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let effects = effects(bytes);
        assert!(effects.is_empty(), "`{what}`, {name}: {effects:#?}");
        let text = String::from_utf8_lossy(bytes);
        let forged = text
            .lines()
            .find(|line| ["peerctl: all is well", "peerctl_up 1", "x1bpeerctl"].iter().any(|f| line.starts_with(f)));
        assert_eq!(forged, None, "`{what}`, {name}: a line that nobody wrote");
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some() && !said.contains("panicked"), "`{what}`: {said}");
}

fn json_lines(output: &Output) -> Vec<Value> {
    let text = str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The keys of the entries of [`TABLE`].
fn keys_of(records: &[Value]) -> BTreeSet<Vec<u8>> {
    let table = str::from_utf8(TABLE).expect("UTF-8");
    let entries = records.iter().filter(|record| record["type"] == "entry" && record["table"] == table);
    let key = |record: &Value| match record["key"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => support::wire::unhex(record["key_hex"].as_str().expect("a key")),
    };
    entries.map(key).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one command after another, of the same peers")]
fn no_format_of_a_live_command_lets_a_key_or_a_name_act() {
    let network = Network::reachable();
    let listeners = [network.listen(10_001), network.listen(10_002)];
    let (one, two) = (format!("lb1={}", network.address(10_001)), format!("lb2={}", network.address(10_002)));
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str| dir.path().join(name).display().to_string();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (listeners, over) = (&listeners, &over);
        scope.spawn(|| teach(&listeners[0], 0, over));
        scope.spawn(|| teach(&listeners[1], 7, over));
        let _ends_the_peers = Ends(over);
        let run = |words: &[&str]| -> Output {
            let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
            let output = command.args(words).stdin(Stdio::null()).output().expect("the program starts");
            assert_harmless(&words.join(" "), &output);
            output
        };
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        let keys = keys();
        for format in ["table", "ndjson", "json", "csv", "cli"] {
            let table = if format == "csv" { "keys" } else { "" };
            let mut words = vec!["dump", &one, "--format", format];
            words.extend(["--table", table].iter().filter(|_| !table.is_empty()));
            let output = run(&words);
            assert_eq!(output.status.code(), Some(0), "{format}: {}", said(&output));
            match format {
                "ndjson" => {
                    let records = json_lines(&output);
                    assert_eq!(
                        keys_of(&records),
                        keys,
                        "each key is there, byte for byte; {:?}",
                        records.iter().rev().take(6).collect::<Vec<_>>()
                    );
                }
                "json" => drop(serde_json::from_slice::<Value>(&output.stdout).expect("JSON")),
                "csv" => {
                    let mut csv = csv::ReaderBuilder::new().flexible(false).from_reader(&*output.stdout);
                    let rows: Vec<csv::StringRecord> = csv.records().map(|row| row.expect("cells")).collect();
                    assert_eq!(rows.len(), keys.len(), "a row for each key");
                    assert_eq!(output.stdout.split(|byte| *byte == b'\n').count(), keys.len() + 2);
                    let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
                    assert!(!rows.iter().flatten().any(formula), "no cell is a formula");
                }
                _ => {}
            }
        }
        let saved = file("saved.ndjson");
        assert_eq!(run(&["dump", &one, "-o", &saved]).status.code(), Some(0));
        let recorded = file("recorded.ndjson");
        for format in ["text", "ndjson"] {
            let words = ["watch", &one, &two, "--format", format, "--duration", "5s", "--record", &recorded];
            let output = run(&words);
            assert_eq!(output.status.code(), Some(0), "{format}: {}", said(&output));
            assert!(output.stdout.len() > 10_000, "{format}: entries came");
            if format == "ndjson" {
                assert_eq!(keys_of(&json_lines(&output)), keys);
            }
            std::fs::remove_file(&recorded).expect("it was recorded");
        }
        run(&[
            "watch",
            &one,
            &two,
            "--format",
            "text",
            "--sum",
            "--sort",
            "gpc0",
            "--limit",
            "2000",
            "--duration",
            "2s",
        ]);
        for format in ["human", "json"] {
            let output = run(&["compare", &one, &two, "--format", format, "--limit", "2000", "--tolerance", "0%"]);
            assert_eq!(output.status.code(), Some(1), "the counts differ: {}", said(&output));
            let output = run(&["wait-sync", &two, "--like", &one, "--format", format]);
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            run(&["probe", &one, &two, "--format", format]);
        }
        run(&["replay", &saved, &two, "--check"]);
        for text in hostile()
            .iter()
            .filter_map(|text| str::from_utf8(text).ok())
            .filter(|text| !text.contains('\0'))
            .step_by(43)
        {
            run(&["dump", &one, "--table", text]);
            run(&["dump", &one, "--where", text]);
            run(&["dump", text, "--timeout", "1ms"]);
        }
        let metrics = network.address(9199);
        let state = file("hold.ndjson");
        let words = ["hold", &one, "-L", "peerctl-hold", "--state", &state, "--metrics", &metrics];
        let hold = network.peerctl(&words);
        let page = page_of(&network, 9199, |page| page.contains("peerctl_table_entries"));
        let words = [
            "watch",
            &two,
            "--metrics-top",
            "1000",
            "--sort",
            "gpc0",
            "--metrics",
            &network.address(9198),
            "--format",
            "ndjson",
        ];
        let watch = network.peerctl(&words);
        let top = page_of(&network, 9198, |page| page.matches("peerctl_top{").count() >= keys.len().min(1000));
        let sample = regex::Regex::new(r#"^(#.*|peerctl_[a-z_]+(\{([a-z]+="([^"\\]|\\["\\n])*",?)*\})? [-0-9.e+]+)$"#);
        let sample = sample.expect("a pattern");
        for page in [page, top] {
            assert_eq!(effects(page.as_bytes()), [""; 0], "metrics");
            assert!(
                page.lines().all(|line| sample.is_match(line)),
                "{:?}",
                page.lines().find(|line| !sample.is_match(line))
            );
        }
        for program in [hold, watch] {
            harmless_end(program);
        }
        assert_eq!(effects(&std::fs::read(&state).expect("a state file")), [""; 0], "a state file in `cat`");
    });
}

/// Sets what the peers wait for, also after a panic.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The page of metrics, as soon as there is enough on it.
fn page_of(network: &Network, port: u16, enough: impl Fn(&str) -> bool) -> String {
    use std::io::{Read as _, Write as _};
    wait_until("the metrics are there", || {
        let mut stream = network.connect(port).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").ok()?;
        let mut page = String::new();
        stream.read_to_string(&mut page).ok()?;
        let (_, body) = page.split_once("\r\n\r\n")?;
        enough(body).then(|| body.to_owned())
    })
}

/// Ends a program that runs on; nothing of what it has said acts.
fn harmless_end(program: Program) {
    program.signal(rustix::process::Signal::TERM);
    let ended = program.wait();
    for text in [&ended.stdout, &ended.stderr] {
        assert_eq!(effects(text.as_bytes()), [""; 0]);
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn what_a_stranger_answers_or_says_in_its_hello_is_shown_safely() {
    let network = Network::reachable();
    let answers: Vec<Vec<u8>> =
        hostile().into_iter().filter(|text| !text.is_empty() && !text.starts_with(b"200")).step_by(31).collect();
    let listener = network.listen(10_001);
    let stranger = format!("lb1={}", network.address(10_001));
    let commands: [&[&str]; 4] = [
        &["probe", &stranger],
        &["probe", &stranger, "--format", "json"],
        &["dump", &stranger, "--timeout", "2s"],
        &["wait-sync", &stranger, "--timeout", "2s"],
    ];
    for (n, answer) in answers.iter().enumerate() {
        let words = commands[n % commands.len()];
        let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
        let child = command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the program starts");
        let peer = FakePeer::accept(&listener);
        peer.send(&[answer, &b"\n"[..]].concat());
        let output = std::thread::scope(|scope| {
            let waits = scope.spawn(|| child.wait_with_output().expect("a child of ours"));
            peer.half_close();
            waits.join().expect("no panic")
        });
        assert_harmless(&format!("{} to {answer:?}", words.join(" ")), &output);
        listener.set_nonblocking(true).expect("a socket");
        while listener.accept().is_ok() {}
    }
    // And those that call us.
    let dir = tempfile::tempdir().expect("a folder");
    let state = dir.path().join("state").display().to_string();
    let ours = network.address(10_999);
    let program = network.peerctl(&[
        "hold",
        &format!("lb2={}", network.address(10_009)),
        "-L",
        "us",
        "--state",
        &state,
        "--listen",
        &ours,
    ]);
    wait_until("it listens", || network.connect(10_999).is_ok().then_some(()));
    for name in hostile().iter().filter(|name| name.len() < 100).step_by(9) {
        let caller = FakePeer::connect(&network, 10_999);
        caller.send(&[b"HAProxyS 2.1\nus\n", &name[..], b" 1 1\n"].concat());
        caller.send(&[b"HAProxyS 2.1\n", &name[..], b"\nus 1 1\n"].concat());
        caller.wait_for_end();
        assert_eq!(caller.heard(), b"", "who isn't a peer gets nothing");
    }
    harmless_end(program);
}

/// A configuration whose names and words are hostile. HAProxy takes few of them; whoever reads it here takes all.
fn configuration() -> Vec<u8> {
    let mut text = b"global\n  localpeer lb1\n".to_vec();
    let mut line = |words: &[&[u8]]| {
        let words: Vec<Vec<u8>> = words.iter().map(|word| draft::quote(word).into_owned()).collect();
        text.extend_from_slice(&[&words.join(&b' ')[..], b"\n"].concat());
    };
    let hostile = hostile();
    let mut names = hostile.iter().filter(|name| !name.is_empty() && name.len() < 300).cycle();
    let mut next = || names.next().expect("it begins anew").as_slice();
    for _ in 0..20 {
        line(&[b"peers", next()]);
        line(&[b"peer", b"lb1", b"127.0.0.1:1"]);
        line(&[b"peer", next(), next()]);
        line(&[b"server", next(), b"127.0.0.1:2", next()]);
        line(&[b"table", next(), b"type", next()]);
        line(&[next(), next()]);
    }
    for n in 0..100 {
        line(&[b"backend", next()]);
        line(&[b"stick-table", b"type", b"ip", b"size", b"1k", b"peers", next()]);
        line(&[b"stick", b"on", b"src", b"table", next()]);
        line(&[b"server", next(), b"127.0.0.1:80", b"id", if n % 2 == 0 { b"7" } else { next() }]);
        line(&[b"server", next(), next(), b"cookie", next()]);
        line(&[b"#", next()]);
    }
    text
}

#[test]
fn no_format_of_a_configuration_command_lets_a_name_act() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut text = configuration();
    std::fs::write(dir.path().join("a.cfg"), &text).expect("written");
    // The other instance has other names in the same places, and lines that can't be read.
    text = [
        &text[text.len() / 2..],
        &b"\n server \x1b]0;pwn\x07 \"\x9b\n .if \x1b[2J\n peer \xc2\x9b \xe2\x80\xae\\\n"[..],
    ]
    .concat();
    std::fs::write(dir.path().join("b.cfg"), [b"backend x\n", &text[..]].concat()).expect("written");
    let hostile_name = "\u{9b}2J\x1b]0;pwn\x07.cfg";
    std::fs::write(dir.path().join(hostile_name), "peers a\n  peer\n").expect("written");
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
        let output = command.args(words).current_dir(dir.path()).stdin(Stdio::null()).output().expect("it starts");
        assert_harmless(&words.join(" "), &output);
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{words:?} says something");
    };
    for format in ["human", "json", "sarif", "github", "gitlab", "junit"] {
        for command in ["check", "check-ids"] {
            let report = format!("{format}={format}.out");
            let mut words = vec![command, "a.cfg", "b.cfg", "--format", format, "--haproxy-version", "3.2"];
            words.extend(["--report", &report].iter().filter(|_| format != "human"));
            run(&words);
            if format != "human" {
                let report = std::fs::read(dir.path().join(format!("{format}.out"))).expect("a report");
                assert_eq!(effects(&report), [""; 0], "{format}");
            }
        }
    }
    for format in ["human", "json"] {
        run(&["show", "a.cfg", "--format", format, "--haproxy-version", "3.2"]);
        run(&["show", "b.cfg", hostile_name, "--format", format, "--haproxy-version", "3.2"]);
        run(&["table", "list", "a.cfg", "b.cfg", "--format", format]);
        for file in ["a.cfg", "b.cfg", hostile_name] {
            let add = [
                "add",
                "mesh",
                file,
                "--peer",
                "lb1=127.0.0.1:1",
                "--attach-all",
                "-L",
                "lb1",
                "--no-validate",
                "--check",
            ];
            run(&[&add[..], &["--format", format]].concat());
            run(&["table", "set", "--all", "--size", "2k", file, "--no-validate", "--check", "--format", format]);
        }
    }
    for format in ["mermaid", "dot", "svg"] {
        run(&["graph", "a.cfg", "b.cfg", "--format", format]);
    }
    for file in ["a.cfg", "b.cfg", hostile_name] {
        run(&["parse", file, "--format", "json"]);
    }
    for text in
        hostile().iter().filter_map(|text| str::from_utf8(text).ok()).filter(|text| !text.contains('\0')).step_by(37)
    {
        for words in [
            &["remove", text, "a.cfg", "--check"][..],
            &["add", text, "b.cfg", "--peer", text, "--check"],
            &["table", "set", text, "a.cfg", "--size", text, "--check"],
            &["explain", text],
            &["check", "a.cfg", "--select", text],
            &[text],
            &["show", text],
            &["show", "a.cfg", "--format", text],
            &["generate", "mesh", "--peer", text],
            &["grammar", text],
        ] {
            // An empty word is a command like none, and asks for the help.
            if !text.is_empty() {
                run(words);
            }
        }
    }
}

#[test]
fn on_a_terminal_nothing_but_colours_is_added() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("a.cfg"), configuration()).expect("written");
    for words in [
        "show a.cfg",
        "check a.cfg",
        "table list a.cfg",
        "add mesh a.cfg --peer lb1=127.0.0.1:1 --check --diff -L lb1 --no-validate",
        "parse a.cfg --format source",
        "no\u{9b}2Jsuch",
    ] {
        let shown = on_a_terminal(dir.path(), words);
        let effects = effects_besides_colours(&shown);
        assert!(effects.is_empty(), "`{words}`: {effects:#?}");
        assert!(!shown.is_empty(), "`{words}` shows something");
    }
}

/// What a terminal is sent; the carriage returns that it puts before line ends left out.
fn on_a_terminal(dir: &Path, words: &str) -> Vec<u8> {
    let mut command = Command::new("script");
    let program = env!("CARGO_BIN_EXE_peerctl");
    command.args(["-qec", &format!("{program} {words}"), "/dev/null"]).current_dir(dir).env("TERM", "xterm-256color");
    let output = command.env_remove("NO_COLOR").stdin(Stdio::null()).output().expect("util-linux has `script`");
    let text = output.stdout;
    let mut shown = Vec::with_capacity(text.len());
    for (n, byte) in text.iter().enumerate() {
        if !(*byte == b'\r' && text.get(n + 1) == Some(&b'\n')) {
            shown.push(*byte);
        }
    }
    shown
}

#[test]
fn the_screen_of_watch_sends_only_what_draws_it() {
    let network = Network::reachable();
    let listener = network.listen(10_001);
    let peer = format!("lb1={}", network.address(10_001));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (listener, over) = (&listener, &over);
        scope.spawn(|| teach(listener, 0, over));
        let _ends_the_peer = Ends(over);
        let program = env!("CARGO_BIN_EXE_peerctl");
        let dir = tempfile::tempdir().expect("a folder");
        let log = dir.path().join("screen");
        let mut command = network.command("script");
        let line = format!("stty rows 60 cols 160; exec {program} watch {peer} --table keys --sort gpc0");
        // No key is pressed, and the keyboard stays.
        command.args(["-qefc", &line]).arg(&log).env("TERM", "xterm-256color");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("util-linux has `script`");
        let screen = || String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
        let text = support::try_until(|| Some(screen()).filter(|text| text.contains("\\x1b")));
        let text =
            text.unwrap_or_else(|| panic!("no hostile names on the screen: {}", escape::text(screen().as_bytes())));
        let _ended_already = child.kill();
        child.wait().expect("a child of ours");
        // The first line of the file is of `script`.
        let text = text.split_once('\n').map_or("", |(_, screen)| screen);
        let text = text.rsplit_once('\x1b').map_or(text, |(whole, _)| whole);
        // Cursor, colours, erasing, and the modes of the alternate screen, the cursor and the mouse: none of the hostile ones.
        let ours = regex::Regex::new(
            "\x1b\\[(\\?(1049|25|2004|1000|1002|1003|1006|1015|2026)[hl]|[0-9;]*[mHJKGd]|[0-9]*[A-D])|\x1b[78]|\r",
        );
        let rest = ours.expect("a pattern").replace_all(text, "");
        assert_eq!(effects(rest.as_bytes()), [""; 0]);
    });
}
