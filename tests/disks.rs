//! Disks that are full, broken or read-only: a clear error, a file that is valid, and nothing acknowledged that isn't safe.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use peerctl::record::{Reader, Record};
use rustix::process::Signal;

mod support;

use support::disk::Disk;
use support::{Haproxy, Live, Network, Program, Setup, Stopwatch, wait_until};

/// A disk in memory of 1 MiB.
fn small<'a>(network: &'a Network, options: &str) -> Disk<'a> {
    Disk::in_memory(network, &format!("size=1m,{options}"))
}

/// What is on it, by name.
fn names(disk: &Disk<'_>) -> Vec<String> {
    let entries = fs::read_dir(disk.outside("")).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Leaves 64 KiB of room.
fn fill(disk: &Disk<'_>) {
    fs::write(disk.outside("other"), vec![0; 960 << 10]).expect("room");
}

/// Makes all of it free again.
fn clear(disk: &Disk<'_>) {
    fs::remove_file(disk.outside("other")).expect("there");
}

/// A HAProxy with `count` entries, in sync.
fn filled<'a>(haproxy: &'a Haproxy, network: &'a Network, count: usize) -> Live<'a> {
    let lb1 = Setup::new(haproxy, network).table("t", "type string size 100k expire 1h store gpc0").start();
    set(&lb1, 0, count);
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    lb1
}

/// Entries from one number to another, in as many updates.
fn set(lb1: &Live<'_>, from: usize, to: usize) {
    for first in (from..to).step_by(100) {
        let commands = (first..to.min(first + 100)).map(|n| format!("set table mesh/t key key{n:05} data.gpc0 {n}"));
        lb1.cli(&commands.collect::<Vec<_>>().join(";"));
    }
}

/// The id of the last update of the table that we have acknowledged, behind which HAProxy begins again on the next session, and
/// of the last one that it has sent.
fn acknowledged(lb1: &Live<'_>) -> (u64, u64) {
    let peers = lb1.cli("show peers");
    let ours = peers.split_once("id=peerctl(").expect("our line").1;
    let table = ours.lines().find(|line| line.contains(" last_pushed=")).unwrap_or_default();
    let number = |name: &str| {
        let found = table.split_whitespace().find_map(|word| word.strip_prefix(name));
        found.map_or(0, |digits| digits.parse().expect("a number"))
    };
    (number("update="), number("last_pushed="))
}

/// The keys of the entries of a recording, each of whose lines is valid; whether it has an end.
fn recorded(file: &Path) -> (Vec<String>, bool) {
    recorded_in(&fs::read(file).expect("written"))
}

fn recorded_in(text: &[u8]) -> (Vec<String>, bool) {
    let mut reader = Reader::new(text);
    let (mut keys, mut ended) = (Vec::new(), false);
    while let Some(record) = reader.read().expect("valid records") {
        if let Record::Entry(entry, _) = &record {
            keys.push(String::from_utf8_lossy(entry.key).into_owned());
        }
        ended = matches!(record, Record::End(_));
    }
    keys.sort();
    keys.dedup();
    (keys, ended)
}

#[test]
fn a_recording_on_a_full_disk_acknowledges_nothing_more_and_goes_on_when_there_is_room() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::new();
    let disk = small(&network, "mode=755");
    let lb1 = filled(&haproxy, &network, 10);
    fill(&disk);
    let (file, outside) = (disk.path("rec"), disk.outside("rec"));
    let peer = format!("lb1={}", lb1.address());
    let program = disk.peerctl(&["watch", "--format", "text", &peer, "--record", &file]);
    wait_until("the first entries are safe", || (outside.exists() && recorded(&outside).0.len() == 10).then_some(()));
    // More than fits.
    set(&lb1, 10, 800);
    wait_until("the disk is full", || program.stderr().contains("the disk takes nothing: No space left").then_some(()));
    wait_until("HAProxy has sent all", || (acknowledged(&lb1).1 >= 800).then_some(()));
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        let (acked, _) = acknowledged(&lb1);
        let (keys, _) = recorded(&outside);
        assert!(acked < 800 && acked <= keys.len() as u64, "{acked} acknowledged, {} recorded", keys.len());
    }
    clear(&disk);
    wait_until("all is acknowledged", || (acknowledged(&lb1).0 >= 800).then_some(()));
    assert_eq!(recorded(&outside).0.len(), 800);
    assert!(program.stderr().contains("the disk takes the recording again"), "{}", program.stderr());
    program.signal(Signal::INT);
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
    assert!(recorded(&outside).1, "with an end");
}

#[test]
fn what_a_full_disk_did_not_take_comes_again() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::new();
    let disk = small(&network, "mode=755");
    let lb1 = filled(&haproxy, &network, 10);
    fill(&disk);
    let (file, outside) = (disk.path("rec"), disk.outside("rec"));
    let words = ["watch", "--format", "text", &format!("lb1={}", lb1.address()), "--record", &file];
    let program = disk.peerctl(&words);
    wait_until("the first entries are safe", || (outside.exists() && recorded(&outside).0.len() == 10).then_some(()));
    set(&lb1, 10, 800);
    wait_until("the disk is full", || program.stderr().contains("the disk takes nothing: No space left").then_some(()));
    let sent = Stopwatch::start();
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("No space left") && ended.stderr.contains("bytes of it are safe"),
        "{}",
        ended.stderr
    );
    let (keys, end) = recorded(&outside);
    assert!(keys.len() < 800 && !end, "whole lines, no end: {}", keys.len());

    clear(&disk);
    let program = disk.peerctl(&words);
    wait_until("all entries are there", || (recorded(&outside).0.len() == 800).then_some(()));
    program.signal(Signal::INT);
    assert_eq!(program.wait().status.code(), Some(130));
    assert!(recorded(&outside).1);
}

#[test]
fn a_dump_onto_a_full_or_read_only_disk_leaves_what_was_there() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::new();
    let disk = small(&network, "mode=755");
    let lb1 = filled(&haproxy, &network, 2000);
    let peer = format!("lb1={}", lb1.address());
    fs::write(disk.outside("dump"), "the one before\n").expect("room");
    fill(&disk);
    for format in ["ndjson", "json"] {
        let ended = disk.peerctl(&["dump", &peer, "--format", format, "-o", &disk.path("dump")]).wait();
        assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
        for said in ["dump", "No space left on device", "free some space"] {
            assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
        }
        assert_eq!(names(&disk), ["dump", "other"], "nothing is left beside it");
        assert_eq!(fs::read_to_string(disk.outside("dump")).expect("there"), "the one before\n");
    }

    let disk = small(&network, "ro");
    for words in [&["dump", &peer, "-o"][..], &["watch", "--format", "text", &peer, "--record"]] {
        let ended = disk.peerctl(&[words, &[&disk.path("file")]].concat()).wait();
        assert_eq!(ended.status.code(), Some(3), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("Read-only file system") && ended.stderr.contains("remount"), "{}", ended.stderr);
    }
    let ended = network.peerctl(&["watch", "--format", "text", &peer, "--record", "/dev/full"]).wait();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no regular file") && ended.stderr.contains("give a file"), "{}", ended.stderr);
}

#[test]
fn an_aggregator_says_what_is_wrong_with_the_disk_of_its_state_file() {
    let (network, dir) = (Network::new(), tempfile::tempdir().expect("a folder"));
    let start = |disk: &Disk<'_>| {
        let text = format!(
            "global\n    localpeer agg1\n    state-file {}\naggregations web\n    from any to .agg\n    \
             peer lb1 127.0.0.1:10001\n",
            disk.path("state.ndjson")
        );
        let file = dir.path().join("agg1.conf");
        fs::write(&file, text).expect("written");
        disk.peerctl(&["aggregate", "-f", &file.to_string_lossy()])
    };
    let ended = start(&small(&network, "ro")).wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    for said in ["state.ndjson", "Read-only file system", "remount"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }

    let disk = small(&network, "mode=755");
    let mut other = fs::File::create(disk.outside("other")).expect("room");
    let _full = other.write_all(&vec![0; 2 << 20]);
    let program = start(&disk);
    let says = |what: &str| wait_until(what, || program.stderr().contains(what).then_some(()));
    says("the disk takes nothing: No space left on device");
    clear(&disk);
    drop(other);
    says("the disk takes the state file again");
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(fs::read_to_string(disk.outside("state.ndjson")).expect("there").contains("peerctl"));
}

#[test]
fn a_disk_that_does_not_sync_ends_it_with_what_is_safe() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::new();
    let lb1 = filled(&haproxy, &network, 10);
    let peer = format!("lb1={}", lb1.address());
    let dir = tempfile::tempdir().expect("a folder");
    let traced = |rule: &str, words: &[&str]| {
        let mut command = network.command("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", rule]);
        command.arg(env!("CARGO_BIN_EXE_peerctl")).args(words);
        Program::start(command)
    };

    let dump = dir.path().join("dump");
    fs::write(&dump, "the one before\n").expect("room");
    let ended = traced("inject=fsync,fdatasync:error=EIO", &["dump", &peer, "-o", &dump.to_string_lossy()]).wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("Input/output error") && ended.stderr.contains("kernel's log"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&dump).expect("there"), "the one before\n");
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "nothing is left beside it");

    // The second group of lines can't be synced, so it is never acknowledged.
    let rec = dir.path().join("rec");
    let words = ["watch", "--format", "text", &peer, "--record", &rec.to_string_lossy()];
    let mut program = traced("inject=fdatasync:error=EIO:when=2+", &words);
    wait_until("the first entries are safe", || (rec.exists() && recorded(&rec).0.len() == 10).then_some(()));
    let mut next = 10;
    wait_until("it ends", || {
        set(&lb1, next, next + 1);
        next += 1;
        program.has_ended().then_some(())
    });
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("Input/output error"), "{}", ended.stderr);
    let safe = ended.stderr.split_once("next: ").and_then(|(_, text)| text.split_once(" bytes of it are safe"));
    let safe: usize = safe.and_then(|(number, _)| number.parse().ok()).unwrap_or_else(|| panic!("{}", ended.stderr));
    let (keys, _) = recorded_in(&fs::read(&rec).expect("a file")[..safe]);
    let (acked, sent) = acknowledged(&lb1);
    assert!(acked <= keys.len() as u64 && acked < sent, "{acked} of {sent} acknowledged, {} are safe", keys.len());
}
