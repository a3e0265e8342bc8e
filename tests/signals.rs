//! Ctrl-C and its kin: every live command ends within a second, says how far it came, and leaves a file that is valid.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use peerctl::record::{Reader, Record, Tail};
use rustix::process::{Pid, Signal, kill_process};

mod support;

use support::chaos::{Act, Chaos, Fault, Place, Plan};
use support::wire::Initiator;
use support::{Ended, Haproxy, Live, Network, Program, Setup, Stopwatch, wait_until};

/// The signals, and the exit codes that they lead to.
const SIGNALS: [(Signal, i32); 4] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)];

/// Where the connections come through that don't go on.
const STALLED: u16 = 10_900;

/// A HAProxy with 500 entries, in sync.
fn filled<'a>(haproxy: &'a Haproxy, network: &'a Network) -> Live<'a> {
    let lb1 = fresh(haproxy, network);
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    lb1
}

/// One that has just started: it says nothing of its own accord, and at once what it is asked for.
fn fresh<'a>(haproxy: &'a Haproxy, network: &'a Network) -> Live<'a> {
    let lb1 = Setup::new(haproxy, network).table("t", "type string size 10k expire 1h store gpc0").start();
    for first in (0..500).step_by(100) {
        let commands: Vec<String> =
            (first..first + 100).map(|n| format!("set table mesh/t key key{n:03} data.gpc0 {n}")).collect();
        lb1.cli(&commands.join(";"));
    }
    lb1
}

/// A way to HAProxy on which it is heard no more behind the 300th message.
fn stalled(network: &Network, lb1: &Live<'_>) -> Chaos {
    let stall = |_| Plan { from_haproxy: vec![Fault::new(Place::Frame(300), Act::Stall)], ..Plan::default() };
    Chaos::start(network, STALLED, lb1.port(), Initiator::Observer, stall)
}

/// Waits until the connections that come after `before` others bring nothing more.
fn wait_stalled(chaos: &Chaos, before: usize) {
    wait_until("entries come", || {
        let connected = chaos.connections() > before;
        (connected && chaos.heard_from_haproxy(chaos.connections() - 1).len() >= 300).then_some(())
    });
}

/// Ends it with a signal, within a second.
fn end(program: Program, signal: Signal, code: i32) -> Ended {
    let sent = Stopwatch::start();
    program.signal(signal);
    let ended = program.wait();
    assert!(sent.elapsed() < Duration::from_secs(1), "within a second: {:?}", sent.elapsed());
    assert_eq!(ended.status.code(), Some(code), "{}{}", ended.stdout, ended.stderr);
    ended
}

/// The entries of a file of records, and what its last record says of them.
fn recorded(file: &Path) -> (u64, Option<bool>) {
    let text = fs::read(file).expect("written");
    let mut reader = Reader::new(text.as_slice());
    let (mut entries, mut complete) = (0, None);
    while let Some(record) = reader.read().expect("valid records") {
        entries += u64::from(matches!(record, Record::Entry(..)));
        complete = if let Record::End(end) = record { Some(end.complete) } else { None };
    }
    assert_eq!(reader.summary().tail, Tail::Whole);
    (entries, complete)
}

#[test]
fn a_dump_is_a_valid_file_that_says_it_is_not_complete() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    for (signal, code) in SIGNALS {
        let network = Network::reachable();
        let lb1 = fresh(&haproxy, &network);
        let (chaos, peer) = (stalled(&network, &lb1), format!("lb1={}", network.address(STALLED)));
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("dump");
        let program = network.peerctl(&["dump", &peer, "-o", &file.to_string_lossy()]);
        wait_stalled(&chaos, 0);
        let ended = end(program, signal, code);
        assert!(ended.stderr.contains("lb1: interrupted: "), "{}", ended.stderr);
        let (entries, complete) = recorded(&file);
        assert!(entries > 250 && complete == Some(false), "{entries}, {complete:?}");
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "nothing is left beside it");
    }
}

#[test]
fn a_dump_whose_reader_sleeps_does_not_wait_for_it() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = filled(&haproxy, &network);
    let more: Vec<String> =
        (0..500).map(|n| format!("set table mesh/t key {}{n:03} data.gpc0 {n}", "k".repeat(24))).collect();
    more.chunks(100).for_each(|commands| drop(lb1.cli(&commands.join(";"))));
    let socket = lb1.socket().display().to_string();
    let peer = format!("lb1={}", lb1.address());
    let ways: [&[&str]; 3] = [&[&peer, "--format", "ndjson"], &[&peer, "--format", "json"], &["--socket", &socket]];
    for words in ways {
        for (signal, code) in SIGNALS {
            let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
            command.arg("dump").args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("it starts");
            let mut stdout = child.stdout.take().expect("a pipe");
            stdout.read_exact(&mut [0]).expect("it has begun to write");
            // All entries are longer than the pipe is: it is full, and stays so.
            wait_until("it waits for its reader", || {
                (rustix::io::ioctl_fionread(&stdout).expect("a pipe") >= 60_000).then_some(())
            });
            let sent = Stopwatch::start();
            kill_process(Pid::from_child(&child), signal).expect("a child of ours");
            let status = wait_until("it ends", || child.try_wait().expect("a child"));
            assert!(sent.elapsed() < Duration::from_secs(1), "{words:?}: {:?}", sent.elapsed());
            let mut said = String::new();
            child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
            assert_eq!(status.code(), Some(code), "{words:?}: {said}");
            assert!(said.contains("incomplete"), "{words:?}: {said}");
        }
    }
}

#[test]
fn a_recording_is_a_valid_file_with_an_end() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::new();
    let lb1 = filled(&haproxy, &network);
    let dir = tempfile::tempdir().expect("a folder");
    for (signal, code) in SIGNALS {
        let file = dir.path().join(code.to_string());
        let words = ["watch", "--format", "text", &format!("lb1={}", lb1.address()), "--record"];
        let program = network.peerctl(&[&words[..], &[&file.to_string_lossy()]].concat());
        wait_until("all is recorded", || {
            let text = fs::read_to_string(&file).ok()?;
            text.contains("\"event\":\"resync_finished\"").then_some(())
        });
        let ended = end(program, signal, code);
        assert!(ended.stderr.contains(" entries written; ") && ended.stderr.contains("lb1: "), "{}", ended.stderr);
        let (entries, complete) = recorded(&file);
        assert!(entries >= 500 && complete == Some(true), "{entries}, {complete:?}");
    }
}

#[test]
fn a_replay_says_how_far_it_came() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = filled(&haproxy, &network);
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("dump").display().to_string();
    let direct = format!("lb1={}", lb1.address());
    assert!(network.peerctl(&["dump", &direct, "-o", &file]).wait().status.success());
    // The first connection of each run is there to learn from; on the second one nothing is acknowledged.
    let plan = |number: usize| Plan {
        from_haproxy: [Fault::new(Place::Frame(0), Act::Blackhole)].repeat(number % 2),
        ..Plan::default()
    };
    let chaos = Chaos::start(&network, STALLED, lb1.port(), Initiator::Observer, plan);
    let peer = format!("lb1={}", network.address(STALLED));
    for (signal, code) in SIGNALS {
        let connections = chaos.connections();
        let program = network.peerctl(&["replay", &file, &peer, "--existing", "overwrite"]);
        wait_until("all is sent", || {
            let second = chaos.connections() >= connections + 2;
            (second && chaos.heard_by_haproxy(connections + 1).len() > 500).then_some(())
        });
        let ended = end(program, signal, code);
        assert!(ended.stdout.contains("500 sent, 0 of them acknowledged"), "{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn whoever_waits_for_an_answer_or_a_call_says_so() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = filled(&haproxy, &network);
    let (chaos, peer) = (stalled(&network, &lb1), format!("lb1={}", network.address(STALLED)));
    let (other, own) = (format!("lb2={}", network.address(10_002)), network.address(10_998));
    for (signal, code) in SIGNALS {
        let cases: [(&[&str], &str); 3] = [
            (&["compare", &peer, &other], "lb1: interrupted: "),
            (&["wait-sync", &peer], "lb1  "),
            (&["probe", &peer, &other], "lb1: interrupted before it had answered"),
        ];
        for (words, said) in cases {
            let before = chaos.connections();
            let program = network.peerctl(words);
            wait_stalled(&chaos, before);
            let ended = end(program, signal, code);
            let all = ended.stdout + &ended.stderr;
            assert!(all.contains(said), "{words:?}: {all}");
            assert!(words[0] != "probe" || all.contains("Connection refused"), "who had answered: {all}");
        }
        for command in ["dump", "watch"] {
            let program = network.peerctl(&[command, "lb1", "--listen", &own]);
            wait_until("it listens", || network.connect(10_998).ok());
            let ended = end(program, signal, code);
            assert!(!ended.stderr.is_empty(), "{command}");
        }
    }
}

#[test]
fn a_size_limit_is_an_error_and_not_the_end_of_the_process() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::new();
    let lb1 = filled(&haproxy, &network);
    let dir = tempfile::tempdir().expect("a folder");
    let peer = format!("lb1={}", lb1.address());
    let run = |kib: u32, script: &str| -> Ended {
        let mut command: Command = network.command("bash");
        let script = format!("ulimit -f {kib}; exec $0 {script}");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_peerctl"), &peer]).current_dir(dir.path());
        Program::start(command).wait()
    };
    for (kib, script) in [(16, "dump $1 -o out"), (16, "dump $1 > printed"), (80, "watch $1 --record rec")] {
        let ended = run(kib, script);
        assert_eq!(ended.status.code(), Some(3), "{script}: {}", ended.stderr);
        assert!(ended.stderr.contains("File too large"), "{script}: {}", ended.stderr);
    }
    let (entries, complete) = recorded(&dir.path().join("rec"));
    assert!(entries > 50 && complete.is_none(), "whole lines, and no end: {entries}");
    assert!(!dir.path().join("out").exists(), "a dump that isn't complete doesn't take its place");
}
