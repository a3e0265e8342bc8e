//! Connections that break at any place, processes that die, update ids that begin again: what is said to be complete is what
//! HAProxy shows, and the next session makes up for what is missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

mod support;

use support::chaos::{Act, Chaos, Fault, Place, Plan};
use support::fake_peer::FakePeer;
use support::frames::{self, ACK, INCREMENTAL, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST};
use support::wire::Initiator;
use support::{Haproxy, Live, Network, Program, Setup, wait_until};

const PROXY_PORT: u16 = 10_900;

/// The entries of each HAProxy here; with them a resync has more than [`MESSAGES`] messages.
const ENTRIES: u64 = 70;

/// How far into a resync connections are cut.
const MESSAGES: usize = 60;

/// Key → `gpc0`.
type Counts = BTreeMap<String, u64>;

fn filled(setup: Setup<'_>) -> Live<'_> {
    let mut lb1 = setup.table("t", "type ip size 10k expire 1h store gpc0,server_key,http_req_rate(10s)").start();
    for number in 1..=ENTRIES {
        lb1.set_entry("mesh/t", &format!("10.0.0.{number}"), &format!("data.gpc0 {}", number * 1000));
    }
    learned(&mut lb1);
    assert_eq!(shown(&lb1).len() as u64, ENTRIES);
    lb1
}

/// What a process has set itself it would send before the resync, and cuts would come too early. What it has learned from the
/// process before it comes in a resync only.
fn learned(lb1: &mut Live<'_>) {
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let old = lb1.reload_with(|setup| setup);
    wait_until("the new process is in sync", || lb1.is_synchronised().then_some(()));
    old.wait();
}

fn shown(lb1: &Live<'_>) -> Counts {
    let table = lb1.shown("mesh/t");
    let key = |key: &[u8]| key.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
    table.entries.iter().map(|entry| (key(&entry.key), u64::try_from(entry.number("gpc0")).expect("small"))).collect()
}

fn counts<'a>(records: impl IntoIterator<Item = &'a Value>) -> Counts {
    let entries = records.into_iter().filter(|record| record["type"] == "entry");
    let text = |value: &Value| value.as_str().expect("a key").to_owned();
    entries.map(|entry| (text(&entry["key"]), entry["data"]["gpc0"].as_u64().expect("a number"))).collect()
}

fn records(text: &str) -> Vec<Value> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Dumps what is behind `port` into `file`: the exit code, and what is in the file and whether it says that this is all.
fn dump(network: &Network, port: u16, file: &Path) -> (i32, Option<(Counts, bool)>, String) {
    let peer = format!("lb1={}", network.address(port));
    let ended = network.peerctl(&["dump", &peer, "-o", file.to_str().expect("a path"), "--timeout", "20s"]).wait();
    let written = fs::read_to_string(file).ok().map(|text| {
        assert!(text.ends_with('\n'), "no half line: {text}");
        let records = records(&text);
        let end = records.last().expect("a last record");
        let entries = counts(&records);
        assert_eq!((&end["type"], end["entries"].as_u64()), (&"end".into(), Some(entries.len() as u64)), "{text}");
        (entries, end["complete"] == true)
    });
    (ended.status.code().expect("no signal"), written, ended.stderr)
}

/// Runs it with each HAProxy, side by side: most of the time is waiting.
fn with_each(test: impl Fn(&Haproxy) + Sync) {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| test(haproxy));
        }
    });
}

/// A direction of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    ToHaproxy,
    FromHaproxy,
}

/// Dumps through a proxy that makes `faults` one after the other, and without a fault after each; `check` judges the dump
/// that met the fault.
fn disturbed(faults: &[(Way, Fault)], check: impl Fn(&Fault, i32, Option<&(Counts, bool)>, &Counts, &str) + Sync) {
    with_each(|haproxy| disturbed_with(haproxy, faults, &check));
}

fn disturbed_with(
    haproxy: &Haproxy,
    faults: &[(Way, Fault)],
    check: impl Fn(&Fault, i32, Option<&(Counts, bool)>, &Counts, &str),
) {
    let network = Network::reachable();
    let lb1 = filled(Setup::new(haproxy, &network));
    let all = shown(&lb1);
    assert_eq!(all.len() as u64, ENTRIES);
    let plans = faults.to_vec();
    let plan = move |connection: usize| match plans.get(connection / 2).filter(|_| connection.is_multiple_of(2)) {
        Some(&(Way::ToHaproxy, fault)) => Plan { to_haproxy: vec![fault], ..Plan::default() },
        Some(&(Way::FromHaproxy, fault)) => Plan { from_haproxy: vec![fault], ..Plan::default() },
        None => Plan::default(),
    };
    let chaos = Chaos::start(&network, PROXY_PORT, lb1.port(), Initiator::Observer, plan);
    let folder = tempfile::tempdir().expect("a folder");
    for (number, (way, fault)) in faults.iter().enumerate() {
        let file = folder.path().join(format!("{number}.ndjson"));
        let (code, written, stderr) = dump(&network, PROXY_PORT, &file);
        let place = format!("HAProxy {}, {way:?}: {stderr}", haproxy.branch());
        check(fault, code, written.as_ref(), &all, &place);
        let (code, written, stderr) = dump(&network, PROXY_PORT, &file);
        assert_eq!((code, written), (0, Some((all.clone(), true))), "{fault:?}, the next run: {stderr}");
        assert_eq!(chaos.connections(), 2 * number + 2, "one connection each");
    }
    assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "HAProxy {}", haproxy.branch());
}

#[test]
fn a_resync_that_is_cut_anywhere_is_incomplete_and_the_next_one_is_whole() {
    let every = (0..=MESSAGES).map(|count| Fault::new(Place::Frame(count), Act::Reset));
    let some = (0..=MESSAGES).step_by(10);
    let others = some.flat_map(|count| {
        [
            Fault::new(Place::Frame(count), Act::Close),
            Fault::new(Place::Frame(count), Act::HalfClose),
            Fault::new(Place::Within(count, 1), Act::Close),
            Fault::new(Place::Within(count, 5), Act::HalfClose),
        ]
    });
    let faults: Vec<_> = every.chain(others).map(|fault| (Way::FromHaproxy, fault)).collect();
    let kept = AtomicUsize::new(0);
    disturbed(&faults, |fault, code, written, all, place| {
        assert_eq!(code, 3, "{fault:?}: {place}");
        let Some((entries, complete)) = written else { return };
        kept.fetch_add(1, Ordering::Relaxed);
        assert!(!complete && entries.len() < all.len(), "{fault:?}: {entries:?} {place}");
        assert!(entries.iter().all(|(key, value)| all.get(key) == Some(value)), "{fault:?}: {entries:?} {place}");
    });
    // Without an entry there is no file, and a reset takes with it what wasn't read yet.
    println!(
        "{} cuts on each version, {} dumps with the entries that came before",
        faults.len(),
        kept.load(Ordering::Relaxed)
    );
    assert!(kept.into_inner() > faults.len() * support::haproxies().len() / 2);
}

#[test]
fn a_handshake_that_is_cut_anywhere_is_an_error_and_the_next_one_works() {
    // `200` and its line end; the three lines of our hello.
    let cut = |way, byte: usize| {
        (way, Fault::new(Place::Byte(byte), if byte.is_multiple_of(2) { Act::Reset } else { Act::Close }))
    };
    let answer = (0..4).map(|byte| cut(Way::FromHaproxy, byte));
    let hello = (0..30).step_by(3).map(|byte| cut(Way::ToHaproxy, byte));
    disturbed(&answer.chain(hello).collect::<Vec<_>>(), |fault, code, written, _, place| {
        assert_eq!((code, written), (3, None), "{fault:?}: {place}");
        assert!(place.contains("lb1: "), "{fault:?}: {place}");
    });
}

#[test]
fn a_message_whose_length_was_changed_is_no_entry() {
    let lengths = (10..MESSAGES).step_by(6).map(|count| Fault::new(Place::Within(count, 2), Act::Corrupt(0x07)));
    disturbed(
        &lengths.map(|fault| (Way::FromHaproxy, fault)).collect::<Vec<_>>(),
        |fault, code, written, all, place| {
            assert_eq!(code, 3, "{fault:?}: {place}");
            if let Some((entries, complete)) = written {
                assert!(!complete && entries.len() < all.len(), "{fault:?}: {entries:?} {place}");
            }
        },
    );
}

#[test]
fn a_haproxy_killed_in_the_middle_of_a_resync_makes_an_incomplete_dump() {
    with_each(|haproxy| {
        let network = Network::reachable();
        let setup = Setup::new(haproxy, &network).table("t", "type string len 2000 size 10k expire 1h store gpc0");
        let mut lb1 = setup.start();
        // More than what the kernel keeps of it when HAProxy is gone.
        let set = |lb1: &Live<'_>, count: usize| {
            for chunk in (0..count).collect::<Vec<_>>().chunks(7) {
                let set = |n: &usize| format!("set table mesh/t key {n:x>1900} data.gpc0 {n}");
                lb1.cli(&chunk.iter().map(set).collect::<Vec<_>>().join(";"));
            }
        };
        set(&lb1, 8000);
        learned(&mut lb1);
        let plan = |connection| Plan {
            from_haproxy: (connection == 0).then(|| Fault::new(Place::Timed(300), Act::Stall)).into_iter().collect(),
            ..Plan::default()
        };
        let chaos = Chaos::start(&network, PROXY_PORT, lb1.port(), Initiator::Observer, plan);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("dump.ndjson");
        let (code, written, stderr) = std::thread::scope(|scope| {
            let dumping = scope.spawn(|| dump(&network, PROXY_PORT, &file));
            let timed = |chaos: &Chaos| chaos.heard_from_haproxy(0).iter().filter(|frame| frame.is_timed()).count();
            wait_until("a part has come", || (timed(&chaos) >= 300).then_some(()));
            lb1.kill();
            chaos.release();
            dumping.join().expect("does not panic")
        });
        assert_eq!(code, 3, "HAProxy {}: {stderr}", haproxy.branch());
        // A reset may take with it what was not read yet: then there is no file.
        let (entries, complete) = written.unwrap_or_default();
        assert!(!complete && entries.len() < 8000, "{} entries", entries.len());
        println!("HAProxy {}: {} of 8000 entries came before it was killed", haproxy.branch(), entries.len());

        lb1.start_again();
        set(&lb1, 14);
        wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
        let (code, written, stderr) = dump(&network, PROXY_PORT, &file);
        let (entries, complete) = written.expect("all came");
        assert_eq!((code, entries.len(), complete), (0, 14, true), "HAProxy {}: {stderr}", haproxy.branch());
    });
}

/// Waits until what `watch` has printed comes to what HAProxy shows.
fn wait_same(watch: &mut Program, lb1: &Live<'_>, what: &str) {
    let all = shown(lb1);
    wait_until(&format!("{what}: all entries came"), || {
        assert!(!watch.has_ended(), "{what}: it ended: {}", watch.stderr());
        (counts(&records(&watch.stdout())) == all).then_some(())
    });
}

#[test]
fn a_watch_whose_connections_break_again_and_again_comes_to_what_haproxy_has() {
    with_each(|haproxy| {
        let what = format!("HAProxy {}", haproxy.branch());
        let network = Network::reachable();
        let lb1 = filled(Setup::new(haproxy, &network));
        let acts = [Act::Reset, Act::HalfClose, Act::Reset, Act::HalfClose, Act::Reset, Act::HalfClose];
        let plan = move |connection: usize| Plan {
            from_haproxy: acts
                .get(connection)
                .map(|&act| Fault::new(Place::Frame(10 * connection + 3), act))
                .into_iter()
                .collect(),
            ..Plan::default()
        };
        let chaos = Chaos::start(&network, PROXY_PORT, lb1.port(), Initiator::Observer, plan);
        let peer = format!("lb1={}", network.address(PROXY_PORT));
        let mut watch = network.peerctl(&["watch", &peer, "--format", "ndjson"]);
        wait_same(&mut watch, &lb1, &what);
        // Nothing is said on the one that finds out whether another client of our name is the reason.
        let spoken = |connection: &usize| !chaos.heard_from_haproxy(*connection).is_empty();
        let sessions: Vec<usize> = (0..chaos.connections()).filter(spoken).collect();
        let broken = sessions.iter().filter(|connection| **connection < acts.len()).count();
        assert!(broken >= 3, "{what}: {sessions:?}");
        assert_eq!(sessions.len(), broken + 1, "{what}: one more than broke, of {}", chaos.connections());
        for connection in sessions {
            let requests =
                chaos.heard_by_haproxy(connection).into_iter().filter(|frame| frame.is(RESYNC_REQUEST)).count();
            assert!(requests <= 1, "{what}: {requests} requests on connection {connection}");
        }
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 5");
        wait_same(&mut watch, &lb1, &what);
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "{what}");
    });
}

#[test]
fn an_acknowledgement_that_is_cut_short_loses_nothing() {
    with_each(|haproxy| {
        let what = format!("HAProxy {}", haproxy.branch());
        let network = Network::reachable();
        let lb1 = filled(Setup::new(haproxy, &network));
        // Behind our request come confirmations, heartbeats and acknowledgements.
        let plan = move |connection: usize| Plan {
            to_haproxy: (connection < 4)
                .then(|| Fault::new(Place::Within(connection + 1, 1 + connection % 2), Act::Reset))
                .into_iter()
                .collect(),
            ..Plan::default()
        };
        let chaos = Chaos::start(&network, PROXY_PORT, lb1.port(), Initiator::Observer, plan);
        let mut watch =
            network.peerctl(&["watch", &format!("lb1={}", network.address(PROXY_PORT)), "--format", "ndjson"]);
        let mut count = 0;
        wait_until("four connections were cut", || {
            assert!(!watch.has_ended(), "{what}: it ended: {}", watch.stderr());
            count += 1;
            lb1.set_entry("mesh/t", &format!("10.0.0.{}", count % 7 + 1), &format!("data.gpc0 {}", 100_000 + count));
            (chaos.connections() > 4).then_some(())
        });
        wait_same(&mut watch, &lb1, &what);
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "{what}");
    });
}

/// Ids around their largest, the last one twice as often as the others: it goes on from 0.
const WRAPPING: [u32; 6] = [0xffff_fffd, 0xffff_fffe, 0xffff_ffff, 0, 1, 2];

fn definition() -> Vec<u8> {
    frames::definition(1, "/t", (4, 4), 1 << 2, 600_000, &[])
}

/// An update without an id: one more than the last.
fn next_update(key: &[u8], value: u64) -> Vec<u8> {
    frames::message(INCREMENTAL, &[key, &frames::varint(value)].concat())
}

#[test]
fn haproxy_takes_ids_that_wrap() {
    with_each(|haproxy| {
        let network = Network::reachable();
        let lb1 = Setup::new(haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
        let peer = FakePeer::call(&network, lb1.port(), "lb1", "peerctl");
        assert_eq!(peer.wait_for_line(), "200");
        peer.send(&[frames::message(RESYNC_PARTIAL, &[]), definition()].concat());
        for (n, id) in (1..).zip(WRAPPING) {
            peer.send(&frames::update(id, &[10, 0, 0, n], &[n.into()]));
        }
        wait_until("the last id is acknowledged", || {
            let acked = peer.frames().into_iter().rfind(|frame| frame.is(ACK))?;
            (acked.payload == [1, 0, 0, 0, 2]).then_some(())
        });
        let table = lb1.shown("mesh/t");
        let values: Vec<i128> = table.by_key().values().map(|entry| entry.number("gpc0")).collect();
        assert_eq!(values, [1, 2, 3, 4, 5, 6], "HAProxy {}", haproxy.branch());
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "HAProxy {}", haproxy.branch());
        // It must not leave before HAProxy knows: the next test may use its port.
        peer.reset();
    });
}

#[test]
fn our_ids_wrap_as_those_of_haproxy_and_begin_anew_with_each_session() {
    let network = Network::reachable();
    let listener = network.listen(PROXY_PORT);
    let peer = format!("lb1={}", network.address(PROXY_PORT));
    let mut watch = network.peerctl(&["watch", &peer, "--format", "ndjson"]);
    // One session whose ids wrap, one that begins at 1 again as after a restart of HAProxy.
    for (session, first) in [(1_u8, 0xffff_fffd_u32), (2, 1)] {
        let lb1 = FakePeer::accept(&listener);
        lb1.send(b"200\n");
        lb1.wait_for(RESYNC_REQUEST, 1);
        lb1.send(&[definition(), frames::message(RESYNC_FINISHED, &[])].concat());
        let key = |n: u8| [10, 0, session, n];
        lb1.send(&frames::update(first, &key(0), &[100]));
        for n in 1..6 {
            lb1.send(&next_update(&key(n), u64::from(n)));
        }
        let last = first.wrapping_add(5);
        wait_until("the last id is acknowledged", || {
            assert_eq!(lb1.end(), None, "{}", watch.stderr());
            let acked = lb1.frames().into_iter().rfind(|frame| frame.is(ACK))?;
            (acked.payload == [&[1], &last.to_be_bytes()[..]].concat()).then_some(())
        });
        assert!(!watch.has_ended());
        let printed = records(&watch.stdout());
        let ids: Vec<u64> = (printed.iter())
            .filter(|record| record["key"].as_str().is_some_and(|key| key.starts_with(&format!("10.0.{session}."))))
            .map(|record| record["update_id"].as_u64().expect("a number"))
            .collect();
        let expected: Vec<u64> = (0..6).map(|n| first.wrapping_add(n).into()).collect();
        assert_eq!(ids, expected, "what is acknowledged was written before");
        lb1.reset();
    }
}
