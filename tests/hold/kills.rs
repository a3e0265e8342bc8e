//! What was acknowledged is on disk, whatever happens to the process or to the file.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use peerctl::record::{Damage, Reader, Record};
use rustix::process::Signal;

use super::support::fake_peer::FakePeer;
use super::support::frames::{self, ACK, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST, TIMED};
use super::support::random::Random;
use super::support::{Network, Program, wait_until};
use super::{hold, wait_said};

pub(super) const PORT: u16 = 10_001;

/// Keys that the updates are about, again and again.
const KEYS: u32 = 700;

fn definition() -> Vec<u8> {
    frames::definition(1, "/t", (4, 4), 1 << 2, 600_000, &[])
}

/// The next call that says hello. A second connection, which says nothing, may watch whether another client takes sessions over.
fn called(listener: &TcpListener) -> FakePeer {
    let mut silent = Vec::new();
    loop {
        let fake = FakePeer::accept(listener);
        let until = Instant::now() + Duration::from_millis(500);
        while fake.heard().is_empty() && fake.end().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        if fake.heard().starts_with(b"HAProxyS") {
            return fake;
        }
        silent.push(fake);
    }
}

/// The standby calls: it is in sync from now on.
pub(super) fn meet(listener: &TcpListener) -> FakePeer {
    let fake = called(listener);
    fake.send(b"200\n");
    fake.wait_for(RESYNC_REQUEST, 1);
    fake.send(&[definition(), frames::message(RESYNC_FINISHED, &[])].concat());
    fake.wait_for(RESYNC_CONFIRM, 1);
    fake
}

fn key(id: u32) -> [u8; 4] {
    (0x0a00_0000 + id % KEYS).to_be_bytes()
}

pub(super) fn update(id: u32) -> Vec<u8> {
    frames::update(id, &key(id), &[u64::from(id)])
}

/// The ids that were acknowledged.
pub(super) fn acks(fake: &FakePeer) -> Vec<u32> {
    let acks = fake.frames().into_iter().filter(|frame| frame.is(ACK));
    let id = |payload: &[u8]| {
        let (_, id) = frames::read_varint(payload).expect("a table");
        u32::from_be_bytes(id.try_into().expect("an id"))
    };
    acks.map(|frame| id(&frame.payload)).collect()
}

/// The last state of each key in the file.
pub(super) fn kept(file: &Path) -> BTreeMap<Vec<u8>, u64> {
    let bytes = fs::read(file).expect("a file");
    let mut reader = Reader::with_damage(bytes.as_slice(), Damage::Refuse);
    let mut kept = BTreeMap::new();
    while let Some(record) = reader.read().unwrap_or_else(|error| panic!("a valid prefix: {error}")) {
        if let Record::Entry(entry, _) = record {
            kept.insert(entry.key.to_vec(), entry.values[0]);
        }
    }
    kept
}

/// What a HAProxy is taught that asks for everything: the last state of each key.
fn taught(listener: &TcpListener, hold: &mut Program) -> (BTreeMap<Vec<u8>, u64>, FakePeer) {
    let fake = called(listener);
    fake.send(&[b"200\n", &*frames::message(RESYNC_REQUEST, &[])].concat());
    wait_until("it was taught", || {
        assert!(!hold.has_ended(), "it ended: {}", hold.stderr());
        fake.frames().iter().any(|frame| frame.is(RESYNC_PARTIAL)).then_some(())
    });
    let entries = fake.frames().into_iter().filter(|frame| frame.is(TIMED));
    let entry = |payload: &[u8]| {
        let (value, _) = frames::read_varint(&payload[12..]).expect("a counter");
        (payload[8..12].to_vec(), value)
    };
    (entries.map(|frame| entry(&frame.payload)).collect(), fake)
}

/// Panics if the state of a key is older than what was acknowledged.
pub(super) fn check(found: &BTreeMap<Vec<u8>, u64>, acked: u32, what: &str) {
    for id in acked.saturating_sub(KEYS - 1).max(1)..=acked {
        let value = found.get(&key(id)[..]).copied().unwrap_or(0);
        assert!(
            value >= u64::from(id),
            "{what}: {acked} was acknowledged, but key {:?} has {value}, not {id}",
            key(id)
        );
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_kept_also_while_the_file_is_written_anew() {
    let kills: usize = std::env::var("PEERCTL_HOLD_KILLS").map_or(12, |times| times.parse().expect("a number"));
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let address = format!("lb1={}", network.address(PORT));
    let listener = network.listen(PORT);
    let mut random = Random::new(5);
    let (mut acked, mut next, mut anew) = (0, 1, 0);
    for round in 0..kills {
        let mut program = hold(&network, &file, &[&address], &[]);
        let inode = || fs::metadata(&file).ok().map(|file| std::os::unix::fs::MetadataExt::ino(&file));
        let fake = meet(&listener);
        let before = inode();
        // As HAProxy does: what wasn't acknowledged is sent again.
        next = next.min(acked + 1);
        let time = Duration::from_millis(300 + u64::try_from(random.below(700)).expect("small"));
        let end = Instant::now() + time;
        while Instant::now() < end {
            let updates: Vec<u8> = (next..next + 40).flat_map(update).collect();
            next += 40;
            fake.send(&updates);
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!program.has_ended(), "{}", program.stderr());
        program.signal(Signal::KILL);
        fake.wait_for_end();
        anew += usize::from(before != inode());
        acked = acks(&fake).into_iter().max().unwrap_or(acked).max(acked);
        check(&kept(&file), acked, &format!("round {round}"));
    }
    assert!(acked > 1000, "acknowledged: {acked}");
    let mut program = hold(&network, &file, &[&address], &[]);
    check(&taught(&listener, &mut program).0, acked, "taught");
    println!("{kills} kills, {acked} updates acknowledged of {next}; the file was written anew in {anew} rounds");
    assert!(anew > 0, "the file was written anew meanwhile");
}

#[test]
fn a_state_file_that_is_torn_or_damaged_loses_no_other_line() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let address = format!("lb1={}", network.address(PORT));
    let listener = network.listen(PORT);
    let mut program = hold(&network, &file, &[&address], &[]);
    let fake = meet(&listener);
    (1..=50).for_each(|id| fake.send(&update(id)));
    wait_until("all are acknowledged", || {
        assert!(!program.has_ended(), "it ended: {}", program.stderr());
        (acks(&fake).last() == Some(&50)).then_some(())
    });
    program.signal(Signal::KILL);
    drop((program, fake));
    let whole = fs::read(&file).expect("a file");
    let text = String::from_utf8(whole.clone()).expect("UTF-8");
    let line = text.lines().find(|line| line.contains("10.0.0.7\"")).expect("a line");
    let (at, len) = (text.find(line).expect("there"), whole.len());
    let mut flipped = whole.clone();
    flipped[at + 40] ^= 1;
    let cut = |count: usize| whole[..len - count].to_vec();
    let garbage = |bytes: &[u8]| [&whole, bytes].concat();
    for (damaged, expected, said) in [
        (cut(1), 50, ""),
        (cut(30), 49, "of a torn end were cut off"),
        (cut(line.len() + 1), 49, "49 entries"),
        (garbage(b"{\"type\":\"entry\",\"ti"), 50, "19 bytes of a torn end were cut off"),
        (garbage(&[0; 300]), 50, "300 bytes of a torn end were cut off"),
        (flipped, 49, "1 damaged lines were passed over"),
    ] {
        fs::write(&file, &damaged).expect("room");
        let mut program = hold(&network, &file, &[&address], &[]);
        // It stays until the program ends: nobody calls a second time.
        let (found, _fake) = taught(&listener, &mut program);
        assert_eq!(found.len(), expected, "{said}: {}", program.stderr());
        wait_said(&mut program, said, 1);
        program.signal(Signal::TERM);
        assert_eq!(program.wait().status.code(), Some(0));
    }
    // What is no state file is not touched.
    fs::write(&file, "Dear all,\n").expect("room");
    let ended = hold(&network, &file, &[&address], &[]).wait();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert_eq!(fs::read(&file).expect("there"), b"Dear all,\n");
}

#[test]
fn a_second_one_with_the_same_file_is_refused() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let address = format!("lb1={}", network.address(PORT));
    let listener = network.listen(PORT);
    let _first = hold(&network, &file, &[&address], &[]);
    let _fake = meet(&listener);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).expect("a file"));
    assert_eq!(mode & 0o7777, 0o600);
    let ended = hold(&network, &file, &[&address], &[]).wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("another program"), "{}", ended.stderr);
}

#[test]
fn a_full_disk_stops_acknowledgements_and_nothing_else() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let at = dir.path().to_str().expect("a path");
    let listener = network.listen(PORT);
    let script =
        "mount -t tmpfs -o size=128k x \"$1\" && head -c 90000 /dev/zero > \"$1/other\" && shift && exec \"$@\"";
    let user = if rustix::process::getuid().is_root() { "--mount" } else { "--map-root-user" };
    let mut command = network.command("unshare");
    command.args([user, "--mount", "sh", "-c", script, "sh", at, env!("CARGO_BIN_EXE_peerctl")]);
    command.args(["hold", "-L", super::US, "--state", file.to_str().expect("a path")]);
    command.arg(format!("lb1={}", network.address(PORT)));
    let mut program = Program::start(command);
    let fake = meet(&listener);
    let send = |from: u32, to: u32| fake.send(&(from..=to).flat_map(update).collect::<Vec<u8>>());
    send(1, 5);
    wait_until("the first are acknowledged", || (acks(&fake).last() == Some(&5)).then_some(()));
    send(6, 600);
    wait_said(&mut program, "the disk takes nothing", 1);
    assert_eq!(acks(&fake).last(), Some(&5), "nothing is acknowledged that isn't on disk");
    let heartbeats = fake.frames().len();
    wait_until("it gives a sign of life", || {
        assert!(fake.end().is_none() && !program.has_ended(), "it goes on: {}", program.stderr());
        (fake.frames().len() > heartbeats).then_some(())
    });
    fs::remove_file(format!("/proc/{}/root{at}/other", program.pid())).expect("the file that fills the disk");
    wait_said(&mut program, "the disk takes the state file again", 1);
    wait_until("the rest is acknowledged", || (acks(&fake).last() == Some(&600)).then_some(()));
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn an_error_of_syncing_is_the_end_and_nothing_more_is_acknowledged() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let listener = network.listen(PORT);
    let mut command = network.command("strace");
    command.args(["-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=3+"]);
    command.args([env!("CARGO_BIN_EXE_peerctl"), "hold", "-L", super::US, "--state"]).arg(&file);
    command.arg(format!("lb1={}", network.address(PORT)));
    let mut program = Program::start(command);
    let fake = meet(&listener);
    let mut next = 1;
    wait_until("it gives up", || {
        fake.send(&update(next));
        next += 1;
        program.has_ended().then_some(())
    });
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("Input/output error"), "{}", ended.stderr);
    let acked = acks(&fake).last().copied().unwrap_or(0);
    check(&kept(&file), acked, "the file");
}

#[test]
fn what_a_cold_haproxy_has_counted_before_it_asks_gives_way_to_what_was_held() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let address = format!("lb1={}", network.address(PORT));
    let listener = network.listen(PORT);
    let program = hold(&network, &file, &[&address], &[]);
    let fake = meet(&listener);
    let key = [10, 0, 0, 9];
    fake.send(&frames::update(1, &key, &[500]));
    wait_until("it is acknowledged", || (acks(&fake).last() == Some(&1)).then_some(()));
    drop(fake);
    // It has started again, counts, and asks another peer first.
    let cold = called(&listener);
    cold.send(&[b"200\n", &*definition(), &frames::update(1, &key, &[1])].concat());
    cold.wait_for(RESYNC_REQUEST, 1);
    cold.send(&[frames::timed_update(1, 600_000, &key, &[2]), frames::message(RESYNC_PARTIAL, &[])].concat());
    cold.wait_for(RESYNC_CONFIRM, 1);
    cold.send(&frames::message(RESYNC_REQUEST, &[]));
    let entry = cold.wait_for(TIMED, 1);
    assert_eq!(frames::read_varint(&entry.payload[12..]).expect("a counter").0, 500, "{}", program.stderr());
    assert!(acks(&cold).is_empty(), "{:?}", acks(&cold));
    program.signal(Signal::KILL);
    drop(program);
    assert_eq!(kept(&file).get(&key[..]), Some(&500));
}

#[test]
fn the_service_manager_and_monitoring_hear_how_it_goes() {
    use std::io::{Read as _, Write as _};
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let listener = network.listen(PORT);
    let path = dir.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
    command.args(["hold", "-L", super::US, "--metrics", "127.0.0.1:9199", "--state"]).arg(&file);
    command.arg(format!("lb1={}", network.address(PORT)));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut program = Program::start(command);
    let heard = || {
        let mut buffer = [0; 64];
        let count = manager.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    let fake = meet(&listener);
    fake.send(&update(1));
    wait_until("it is acknowledged", || (acks(&fake).last() == Some(&1)).then_some(()));
    assert_eq!(heard(), "WATCHDOG=1");
    let get = |path: &str| {
        let mut stream = network.within(|| std::net::TcpStream::connect("127.0.0.1:9199")).expect("it listens");
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    };
    let metrics = get("/metrics");
    for line in [
        "peerctl_peer_up{peer=\"lb1\"} 1",
        "peerctl_resync_state{peer=\"lb1\",state=\"finished\"} 1",
        "peerctl_table_entries{table=\"/t\"} 1",
        "peerctl_state_failed 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(get("/readyz").starts_with("HTTP/1.1 200"), "{}", get("/readyz"));
    program.signal(Signal::HUP);
    wait_said(&mut program, "SIGHUP: nothing is read anew", 1);
    drop(fake);
    wait_until("it isn't ready", || get("/readyz").starts_with("HTTP/1.1 503").then_some(()));
    program.signal(Signal::INT);
    wait_until("it says that it ends", || (heard() == "STOPPING=1").then_some(()));
    assert_eq!(program.wait().status.code(), Some(0));
}
