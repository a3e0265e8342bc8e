//! How a dump ends: everything came, not everything, nothing; a signal, a full disk, a slow reader, nobody there.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::support::chaos::{Act, Chaos, Fault, Place, Plan};
use super::support::fake_peer::FakePeer;
use super::support::wire::Initiator;
use super::support::{Live, Network, Setup, wait_until};
use super::{entries, support};

#[test]
fn a_haproxy_that_does_not_have_everything_makes_an_incomplete_dump() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 1h store gpc0").start();
    lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("dump.ndjson");
    let peer = format!("lb1={}", lb1.address());
    let ended = network.peerctl(&["dump", &peer, "-o", &file.to_string_lossy()]).wait();
    assert_eq!(ended.status.code(), Some(5), "it has just started: {}", ended.stderr);
    assert!(ended.stderr.contains("partial") && ended.stdout.is_empty(), "{}", ended.stderr);
    assert_eq!(fs::metadata(&file).expect("written").mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).expect("written");
    assert!(text.lines().any(|line| line.contains("\"10.0.0.1\"")), "what came is there: {text}");
    assert!(text.ends_with("{\"type\":\"end\",\"entries\":1,\"complete\":false}\n"), "{text}");
}

/// `count` entries in the table `t`.
fn fill(lb1: &Live<'_>, count: usize) {
    for chunk in (0..count).collect::<Vec<_>>().chunks(100) {
        let commands: Vec<String> = chunk
            .iter()
            .map(|n| format!("set table mesh/t key 10.{}.{}.{} data.gpc0 {n}", n >> 16, n >> 8 & 255, n & 255))
            .collect();
        lb1.cli(&commands.join(";"));
    }
}

#[test]
fn a_connection_that_breaks_leaves_a_valid_file_that_says_so() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 10k expire 1h store gpc0").start();
    fill(&lb1, 2000);
    for (n, act) in [Act::Reset, Act::Close].into_iter().enumerate() {
        let port = 10_900 + u16::try_from(n).expect("few");
        let plan = move |_| Plan { from_haproxy: vec![Fault::new(Place::Timed(1000), act)], ..Plan::default() };
        let _chaos = Chaos::start(&network, port, lb1.port(), Initiator::Observer, plan);
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("dump.ndjson");
        let peer = format!("lb1={}", network.address(port));
        let ended = network.peerctl(&["dump", &peer, "-o", &file.to_string_lossy()]).wait();
        assert_eq!(ended.status.code(), Some(3), "{act:?}: {}", ended.stderr);
        let text = fs::read_to_string(&file).expect("written");
        let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let (entries, complete) = entries(&records);
        assert!(!complete && entries.len() > 900, "{act:?}: {} entries", entries.len());
    }
}

#[test]
fn a_killed_haproxy_ends_the_dump_and_the_old_file_stays_if_nothing_came() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let mut lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 10k expire 1h store gpc0").start();
    fill(&lb1, 500);
    let stall = |_| Plan { from_haproxy: vec![Fault::new(Place::Frame(300), Act::Stall)], ..Plan::default() };
    let _chaos = Chaos::start(&network, 10_900, lb1.port(), Initiator::Observer, stall);
    let peer = format!("lb1={}", network.address(10_900));
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("dump.ndjson");
    let ended = network.peerctl(&["dump", &peer, "-o", &file.to_string_lossy(), "--timeout", "3s"]).wait();
    assert_eq!(ended.status.code(), Some(5), "time runs out: {}", ended.stderr);
    assert!(ended.stderr.contains("time ran out"), "{}", ended.stderr);
    let before = fs::read_to_string(&file).expect("written");
    assert!(before.ends_with("\"complete\":false}\n") && before.lines().count() > 250);

    lb1.kill();
    let ended =
        network.peerctl(&["dump", &format!("lb1={}", network.address(10_001)), "-o", &file.to_string_lossy()]).wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&file).expect("there"), before, "nothing came, so nothing was written");
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "and nothing is left beside it");
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 20k expire 1h store gpc0").start();
    fill(&lb1, 10_000);
    let peer = format!("lb1={}", lb1.address());
    let run = |stdout: Stdio, words: &[&str]| {
        let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
        command.args(["dump", &peer]).args(words).stdout(stdout).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    for words in [&["--format", "ndjson"][..], &["--format", "table"], &["-o", "/dev/full"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let output = run(full.into(), words).wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(3), "{words:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("No space left on device"), "{words:?}: {said}");
    }
    for format in ["ndjson", "table", "csv", "json"] {
        let mut child = run(Stdio::piped(), &["--format", format]);
        let mut first = [0; 1];
        child.stdout.take().expect("a pipe").read_exact(&mut first).expect("a byte");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_reader_that_sleeps_gets_everything_when_it_wakes_up() {
    const ENTRIES: usize = 20_000;
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let table = "type ip size 100k expire 1h store gpc0,gpc_rate(100,10s)";
    let lb1 = Setup::new(&haproxy, &network).table("t", table).start();
    fill(&lb1, ENTRIES);
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
    let mut child = command
        .args(["dump", &format!("lb1={}", lb1.address())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // More than sockets and a pipe hold; HAProxy ends a session of which nothing is read for 5 s.
    lb1.wait_established("peerctl");
    wait_until("the session is over", || (!lb1.is_established("peerctl")).then_some(()));
    assert!(child.try_wait().expect("a child").is_none(), "it waits for its reader");
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let most: usize = most.expect("a size").parse().expect("a number");
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("UTF-8");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let end = format!("{{\"type\":\"end\",\"entries\":{ENTRIES},\"complete\":true}}\n");
    assert!(text.ends_with(&end), "{}", &text[text.len() - 200..]);
    assert!(most << 10 < text.len() / 2, "what waits is packed: {most} KiB for {} bytes", text.len());
}

#[test]
fn who_is_called_and_as_whom_is_said_where_it_fails() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 1h store gpc0").start();
    let (address, config) = (lb1.address(), format!("lb1={}", lb1.file().display()));
    let cases: [(&[&str], i32, &str); 9] = [
        (&["lb9=ADDRESS"], 3, "503"),
        (&["lb1=ADDRESS", "-L", "nobody"], 3, "504"),
        (&["lb1=ADDRESS", "-L", "lb1"], 2, "both HAProxy's name and ours"),
        (&["ADDRESS"], 2, "an address without a name"),
        (&["lb1=127.0.0.1:1"], 3, "Connection refused"),
        (&["lb1"], 2, "`lb1` has no address"),
        (&["-f", "CONFIG", "lb7"], 2, "no peer `lb7`"),
        (&["-f", "CONFIG", "-L", "lb1"], 2, "is the name of a HAProxy"),
        (&["-f", "CONFIG", "-L", "other"], 2, "no peer `other`"),
    ];
    for (words, code, said) in cases {
        let words = words.iter().map(|word| word.replace("ADDRESS", &address).replace("CONFIG", &config));
        let words: Vec<String> = ["dump".to_owned()].into_iter().chain(words).collect();
        let ended = network.peerctl(&words).wait();
        assert_eq!(ended.status.code(), Some(code), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("next:") || ended.stderr.contains(';'), "what to do: {}", ended.stderr);
    }
}

#[test]
fn who_called_instead_of_the_one_that_was_waited_for_is_said() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("empty");
    fs::write(&file, "{\"type\":\"header\",\"version\":1,\"peerctl\":\"0\",\"time\":\"2026-01-01T00:00:00.000Z\"}\n")
        .expect("written");
    let file = file.to_string_lossy();
    let cases = [
        ("peerctl", "lb7", "`lb7` isn't one of our peers", "name `lb7`"),
        ("obs", "lb1", "it wants a peer `obs`, which isn't us", "give -L obs"),
        ("peerctl", "peerctl", "calls itself `peerctl`, which is our own name", "a line in the section"),
    ];
    let commands: [&[&str]; 4] =
        [&["dump", "lb1"], &["compare", "lb1", "lb2"], &["wait-sync", "lb1"], &["replay", &file, "lb1"]];
    for (n, (called, own, said, next)) in cases.into_iter().enumerate() {
        for (m, words) in commands.iter().enumerate() {
            let port = 10_950 + u16::try_from(4 * n + m).expect("few");
            let (at, mut words) = (network.address(port), words.to_vec());
            words.extend(["--listen", &at]);
            let program = network.peerctl(&words);
            wait_until("it listens", || network.connect(port).ok());
            let stranger = FakePeer::call(&network, port, called, own);
            stranger.wait_for_end();
            program.signal(Signal::INT);
            let ended = program.wait();
            let told = format!("{}{}", ended.stdout, ended.stderr);
            assert!(told.contains(said) && told.contains(next), "{words:?}: {told}");
        }
    }
}
