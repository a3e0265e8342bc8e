//! A hundred peers at once: all are heard, and what one of them does costs the others nothing.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use support::Stopwatch;
use support::fake_peer::FakePeer;
use support::frames::{self, HEARTBEAT, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_REQUEST, message};
use support::live::GUEST_PORT;
use support::{Network, wait_until};

const PEERS: u8 = 100;
const TABLES: u8 = 20;
const ENTRIES: u8 = 10;

/// Seconds of a processor that a process has used.
fn processor_time(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// All that one of them teaches.
fn lesson(peer: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for table in 1..=TABLES {
        bytes.extend(frames::definition(table.into(), &format!("/t{table}"), (4, 4), 1 << 2, 600_000, &[]));
        for entry in 1..=ENTRIES {
            let value = u64::from(peer) * 1_000_000 + u64::from(table) * 1000 + u64::from(entry);
            bytes.extend(frames::update(entry.into(), &[10, peer, table, entry], &[value]));
        }
    }
    bytes.extend(message(RESYNC_FINISHED, &[]));
    bytes
}

/// Keeps all sessions alive for a while; the longest time that one of them has heard nothing.
fn longest_silence(peers: &[FakePeer], time: Duration) -> Duration {
    let (began, watch) = (Instant::now(), Stopwatch::start());
    let mut heard: Vec<(usize, Stopwatch)> = peers.iter().map(|peer| (peer.heard().len(), watch)).collect();
    let mut longest = Duration::ZERO;
    while began.elapsed() < time {
        for (peer, (before, last)) in peers.iter().zip(&mut heard) {
            assert_eq!(peer.end(), None, "the session goes on");
            let now = peer.heard().len();
            if now > *before {
                longest = longest.max(last.elapsed());
                (*before, *last) = (now, Stopwatch::start());
            }
        }
        for peer in peers {
            peer.send(&message(HEARTBEAT, &[]));
        }
        thread::sleep(Duration::from_millis(100));
    }
    heard.iter().fold(longest, |longest, (_, last)| longest.max(last.elapsed()))
}

#[test]
fn a_hundred_peers_are_heard_and_a_flood_of_one_delays_no_other() {
    let network = Network::reachable();
    let names: Vec<String> = (1..=PEERS).map(|peer| format!("lb{peer}")).collect();
    let address = network.address(GUEST_PORT);
    let mut words = vec!["watch", "--format", "ndjson", "--listen", &address];
    words.extend(names.iter().map(String::as_str));
    let mut program = network.peerctl(&words);
    wait_until("it listens", || network.connect(GUEST_PORT).ok());
    let began = Instant::now();
    // One after the other: of an address no more than eight may be without a hello.
    let call = |name: &String| {
        let peer = FakePeer::call(&network, GUEST_PORT, "peerctl", name);
        assert_eq!(peer.wait_for_line(), "200");
        peer
    };
    let mut peers: Vec<FakePeer> = names.iter().map(call).collect();
    for (number, peer) in (1..).zip(&peers) {
        peer.wait_for(RESYNC_REQUEST, 1);
        peer.send(&lesson(number));
    }
    for peer in &peers {
        peer.wait_for(RESYNC_CONFIRM, 1);
    }
    let expected = usize::from(PEERS) * usize::from(TABLES) * usize::from(ENTRIES);
    wait_until("all entries are printed", || {
        assert!(!program.has_ended(), "{}", program.stderr());
        for peer in &peers {
            peer.send(&message(HEARTBEAT, &[]));
        }
        (program.stdout().matches("\"type\":\"entry\"").count() >= expected).then_some(())
    });
    println!("{PEERS} peers with {TABLES} tables each were learned in {:?}", began.elapsed());
    let mut values = BTreeMap::new();
    for line in program.stdout().lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if record["type"] == "entry" {
            let key = record["key"].as_str().expect("an address").to_owned();
            assert_eq!(values.insert(key, record["data"]["gpc0"].as_u64().expect("a number")), None, "once each");
        }
    }
    let part = |key: &str, n| key.split('.').nth(n).and_then(|part| part.parse::<u64>().ok()).expect("an address");
    let sum = |key: &str| part(key, 1) * 1_000_000 + part(key, 2) * 1000 + part(key, 3);
    assert!(values.len() == expected && values.iter().all(|(key, value)| *value == sum(key)), "{}", values.len());

    let used = processor_time(program.pid());
    let gap = longest_silence(&peers, Duration::from_secs(6));
    let used = processor_time(program.pid()) - used;
    println!("quiet: longest silence {gap:?}, {used:.2} s of a processor in 6 s");
    assert!(gap < Duration::from_secs(4), "{gap:?}");
    assert!(used < 1.5, "{used} s for a thousand heartbeats");

    let flooding = peers.pop().expect("a hundred");
    let (gap, sent) = thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let bytes = frames::update(1, &[10, 200, 1, 1], &[1]).repeat(2000);
            let (end, mut sent) = (Instant::now() + Duration::from_secs(6), 0);
            while Instant::now() < end {
                flooding.send(&bytes);
                sent += bytes.len();
                assert_eq!(flooding.end(), None, "it is heard");
            }
            sent
        });
        let gap = longest_silence(&peers, Duration::from_secs(6));
        (gap, flood.join().expect("it is heard to its end"))
    });
    println!("flooded with {sent} bytes: longest silence of the others {gap:?}");
    assert!(sent > 1 << 20, "{sent}");
    assert!(gap < Duration::from_secs(4), "{gap:?}");
    assert!(!program.has_ended(), "{}", program.stderr());
}
