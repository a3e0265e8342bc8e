//! Peers that send what no HAProxy sends, to the program as it is run: it ends or goes on, with little memory, and no other peer
//! waits for its heartbeat. (What callers can do to a listener: `node_listen.rs`.)

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod support;

use support::fake_peer::FakePeer;
use support::frames::{self, ACK, DEFINITION, HEARTBEAT, RESYNC_REQUEST, UPDATE};
use support::{Network, Program, Stopwatch};

/// The most memory that a hostile peer may cost, in KiB: output that it doesn't read, 1024 tables, one message of 1 MiB.
const MOST: u64 = 96 * 1024;

/// How late a heartbeat may be. HAProxy ends a session after five seconds.
const LATEST: Duration = Duration::from_secs(4);

/// How long each peer is hostile.
const FOR: Duration = Duration::from_secs(7);

/// The most memory that the program ever had, in KiB; `None` when it has ended.
fn peak(program: &Program) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn head(kind: (u8, u8), length: &[u8]) -> Vec<u8> {
    [&[kind.0, kind.1], length].concat()
}

/// A table whose entries have a text.
fn definition(id: u64, name: &str) -> Vec<u8> {
    frames::definition(id, name, (4, 4), 1 << 19, 600_000, &[])
}

/// An entry whose text has this id and these bytes behind it.
fn text(id: u64, behind: &[u8]) -> Vec<u8> {
    let reference = [frames::varint(id), behind.to_vec()].concat();
    let value = [frames::varint(reference.len() as u64), reference].concat();
    frames::message(UPDATE, &[&[0, 0, 0, 1, 10, 0, 0, 1], &*value].concat())
}

/// What is sent again and again after the handshake.
fn attacks() -> Vec<(&'static str, Vec<u8>)> {
    let begun = |bytes: Vec<u8>| [definition(1, "/t"), bytes].concat();
    let names = |count: u64| (1..=count).flat_map(|n| definition(n, &format!("/{n}{}", "x".repeat(900)))).collect();
    vec![
        ("a length of 2^64 - 1", head(UPDATE, &frames::varint(u64::MAX))),
        ("a length that never ends", head(UPDATE, &[0xff; 4096])),
        ("a length of 1 MiB, dripped", head(UPDATE, &frames::varint(1 << 20))),
        ("dictionary id 0", begun(text(0, b"\x01a"))),
        ("dictionary id 129", begun(text(129, b"\x01a"))),
        ("dictionary id 2^63", begun(text(1 << 63, b"\x01a"))),
        ("a text that was never sent", begun(text(77, b""))),
        ("a text longer than its message", begun(text(1, b"\xef"))),
        ("128 texts of 2 kB", begun((1..=128).flat_map(|id| text(id, &frames::string_key(&[b'x'; 2_000]))).collect())),
        ("resync requests", frames::message(RESYNC_REQUEST, &[]).repeat(8192)),
        ("acks of tables that aren't", frames::ack(u64::MAX, u32::MAX).repeat(4096)),
        ("one definition", definition(1, "/t").repeat(4096)),
        ("many definitions", names(4000)),
        (
            "definitions that change",
            (0..4096_u64).flat_map(|n| frames::definition(1, "/t", (4, 4), 4, n, &[])).collect(),
        ),
        ("a name of 60 kB", frames::message(DEFINITION, &[&[1][..], &frames::string_key(&[b'n'; 60_000])].concat())),
        ("acks that are too short", frames::message(ACK, &[1])),
    ]
}

/// The longest time between two signs of life of the program, as `good` hears them, while it lasts.
fn longest_silence(good: &FakePeer, until: Instant) -> Duration {
    let (mut heard, mut last, mut longest) = (good.heard().len(), Stopwatch::start(), Duration::ZERO);
    let mut spoke = Instant::now();
    while Instant::now() < until {
        if spoke.elapsed() > Duration::from_secs(1) {
            good.send(&frames::message(HEARTBEAT, &[]));
            spoke = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(10));
        let now = good.heard().len();
        if now > heard {
            longest = longest.max(last.elapsed());
            (heard, last) = (now, Stopwatch::start());
        }
        assert_eq!(good.end(), None, "the good peer's session goes on");
    }
    longest.max(last.elapsed())
}

/// Lets `watch` call two peers, one of which sends `bytes` again and again, whenever it is called.
fn suffer(what: &str, bytes: &[u8]) {
    let network = Network::reachable();
    let (good, bad) = (network.listen(10_001), network.listen(10_002));
    let peers = [10_001, 10_002].map(|port| format!("lb{}={}", port - 10_000, network.address(port)));
    let program = network.peerctl(&["watch", &peers[0], &peers[1], "--format", "ndjson"]);
    let good = FakePeer::accept(&good);
    good.send(b"200\n");
    good.wait_for(RESYNC_REQUEST, 1);
    let before = peak(&program).expect("it runs");
    let until = Instant::now() + FOR;
    let attacked = AtomicUsize::new(0);
    let silence = std::thread::scope(|scope| {
        scope.spawn(|| {
            bad.set_nonblocking(true).expect("a socket");
            while Instant::now() < until {
                let Ok((stream, _)) = bad.accept() else {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                };
                // Nothing is read, and nothing but the time stops it.
                stream.set_nonblocking(false).expect("a socket");
                stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a socket");
                let mut sent = std::io::Write::write_all(&mut &stream, b"200\n");
                while Instant::now() < until {
                    if what.contains("dripped") && sent.is_ok() {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    match std::io::Write::write_all(&mut &stream, bytes) {
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        result => {
                            sent = result;
                            attacked.fetch_add(usize::from(sent.is_ok()), Ordering::Relaxed);
                        }
                    }
                    if sent.is_err() {
                        break;
                    }
                }
            }
        });
        longest_silence(&good, until)
    });
    let after = peak(&program).unwrap_or_else(|| panic!("{what}: it has ended: {}", program.stderr()));
    let attacked = attacked.into_inner();
    assert!(attacked > 0, "{what}: it was never sent");
    println!(
        "{what}, {attacked} times: {before} KiB became {after}, longest time between two signs of life {silence:?}"
    );
    assert!(after - before < MOST, "{what}: {before} KiB became {after}");
    assert!(silence < LATEST, "{what}: {silence:?}");
    assert!(!program.stderr().contains("panicked"), "{what}: {}", program.stderr());
}

#[test]
fn what_a_hostile_peer_sends_costs_little_and_delays_nobody() {
    for attacks in attacks().chunks(4) {
        std::thread::scope(|scope| {
            for (what, bytes) in attacks {
                scope.spawn(move || suffer(what, bytes));
            }
        });
    }
}
