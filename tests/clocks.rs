//! The clock on the wall is set, forth and back: nobody is disconnected, and nothing lives longer or shorter.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::fake_peer::FakePeer;
use support::frames::{
    self, ACK, HEARTBEAT, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST, TIMED, message,
};
use support::{Network, Program, wait_until};

const PORT: u16 = 10_001;

/// How long entries live, in milliseconds.
const LIFE: u32 = 600_000;

/// What the clock is set to: a day ahead and back, an hour, the beginning of time, and behind the end of 32 bits.
const CLOCKS: [&str; 7] = ["+0", "+1d", "-1d", "+1h", "@1970-01-01 00:00:10", "@2040-02-01 00:00:00", "-1h"];

/// `peerctl` with a wall clock that is set by writing into a file.
fn with_clock(network: &Network, clock: &Path, words: &[&str]) -> Program {
    fs::write(clock, CLOCKS[0]).expect("room");
    let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
    command.args(words).env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", clock);
    // Only the clock on the wall; and the file is read each time.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1").env("FAKETIME_CACHE_DURATION", "0");
    command.env("TZ", "UTC");
    Program::start(command)
}

/// The library of the package `faketime`.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("a folder").filter_map(Result::ok).map(|entry| entry.path());
    let mut files = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.exists()).expect("the package `faketime`, which `make tools` installs")
}

/// A session in which an empty table was taught.
fn meet(fake: &FakePeer) {
    fake.send(b"200\n");
    fake.wait_for(RESYNC_REQUEST, 1);
    let definition = frames::definition(1, "/t", (4, 4), 1 << 2, LIFE.into(), &[]);
    fake.send(&[definition, message(RESYNC_FINISHED, &[])].concat());
    fake.wait_for(RESYNC_CONFIRM, 1);
}

/// Waits while heartbeats go both ways.
fn heartbeats(fake: &FakePeer, program: &mut Program, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        fake.send(&message(HEARTBEAT, &[]));
        std::thread::sleep(Duration::from_millis(20));
        assert!(fake.end().is_none() && !program.has_ended(), "the session goes on: {}", program.stderr());
    }
}

#[test]
fn a_recording_goes_on_whatever_time_it_is_said_to_be() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let clock = dir.path().join("clock");
    let listener = network.listen(PORT);
    let address = format!("lb1={}", network.address(PORT));
    let mut program = with_clock(&network, &clock, &["watch", "--format", "ndjson", &address]);
    let fake = FakePeer::accept(&listener);
    meet(&fake);
    for (id, time) in (1..).zip(CLOCKS) {
        fs::write(&clock, time).expect("room");
        heartbeats(&fake, &mut program, Duration::from_millis(300));
        fake.send(&frames::update(id, &[10, 0, 0, 1], &[id.into()]));
        let line = program.wait_for_line(&format!("\"gpc0\":{id}"));
        println!("{time}: {line}");
        let record: Value = serde_json::from_str(&line).expect("JSON");
        let year = match time {
            "@1970-01-01 00:00:10" => "1970-",
            "@2040-02-01 00:00:00" => "2040-",
            _ => "20",
        };
        assert!(record["time"].as_str().is_some_and(|text| text.starts_with(year)), "{time}: {line}");
    }
    assert_eq!(program.stdout().matches("\"event\":\"established\"").count(), 1, "one session");
    let acks = fake.frames().into_iter().filter(|frame| frame.is(ACK)).count();
    assert!(acks > 0, "and it acknowledges");
}

#[test]
fn what_is_held_lives_as_long_as_it_did_when_the_clock_is_set() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let (clock, state) = (dir.path().join("clock"), dir.path().join("state").display().to_string());
    let listener = network.listen(PORT);
    let address = format!("lb1={}", network.address(PORT));
    let mut program = with_clock(&network, &clock, &["hold", "-L", "standby", "--state", &state, &address]);
    let fake = FakePeer::accept(&listener);
    meet(&fake);
    let began = Instant::now();
    let taught = [LIFE, LIFE / 2, 60_000];
    for (id, life) in (1..).zip(taught) {
        fake.send(&frames::timed_update(id, life, &[10, 0, 0, u8::try_from(id).expect("few")], &[id.into()]));
    }
    wait_until("all are acknowledged", || {
        let last = fake.frames().into_iter().rfind(|frame| frame.is(ACK))?;
        (last.payload == [1, 0, 0, 0, 3]).then_some(())
    });
    for time in CLOCKS {
        fs::write(&clock, time).expect("room");
        heartbeats(&fake, &mut program, Duration::from_millis(300));
    }
    fake.send(&message(RESYNC_REQUEST, &[]));
    wait_until("it was taught", || fake.frames().iter().any(|frame| frame.is(RESYNC_PARTIAL)).then_some(()));
    let lives: Vec<u32> = (fake.frames().into_iter())
        .filter(|frame| frame.is(TIMED))
        .map(|frame| u32::from_be_bytes(frame.payload[4..8].try_into().expect("a life")))
        .collect();
    let passed = u32::try_from(began.elapsed().as_millis()).expect("short");
    println!("{taught:?} became {lives:?} after {passed} ms");
    assert_eq!(lives.len(), taught.len());
    for (life, left) in taught.into_iter().zip(lives) {
        assert!(left <= life && left + passed + 1000 >= life, "{life} ms became {left} ms after {passed} ms");
    }
}
