//! `--record`: nothing that was acknowledged is lost.

use std::collections::HashSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use peerctl::record::{Reader, Record, Tail};

use super::slow::fake;
use super::support::frames::{self, ACK, update};
use super::support::random::Random;
use super::*;

fn record(network: &Network, address: &str, file: &Path) -> Program {
    network.peerctl(&["watch", "--format", "text", address, "--record", &file.display().to_string()])
}

/// Update ids of the entries of a recording, in their order; nothing but its very end is damaged.
fn recorded(file: &Path) -> (Vec<u32>, Tail) {
    let bytes = fs::read(file).expect("a file");
    let mut reader = Reader::new(bytes.as_slice());
    let mut ids = Vec::new();
    while let Some(record) = reader.read().unwrap_or_else(|error| panic!("a valid prefix: {error}")) {
        if let Record::Entry(entry, _) = record {
            ids.extend(entry.update_id);
        }
    }
    (ids, reader.summary().tail)
}

#[test]
fn what_was_acknowledged_before_a_kill_is_in_the_file() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("rec");
    let address = format!("lb1={}", network.address(10_001));
    let listener: TcpListener = network.listen(10_001);
    let mut random = Random::new(11);
    let (mut acked, mut next, mut acknowledgements) = (0, 1, 0);
    for _ in 0..15 {
        let program = record(&network, &address, &file);
        let fake = fake(&listener);
        // As HAProxy does: what wasn't acknowledged is sent again.
        next = next.min(acked + 1);
        let end = Instant::now()
            + Duration::from_millis(200)
            + Duration::from_millis(1) * u32::try_from(random.below(300)).expect("small");
        while Instant::now() < end {
            for _ in 0..20 {
                fake.send(&update(next, &[10, 0, 0, u8::try_from(next % 200).expect("small")], &[u64::from(next)]));
                next += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        program.signal(Signal::KILL);
        fake.wait_for_end();
        let acks: Vec<u32> = fake
            .frames()
            .iter()
            .filter(|frame| frame.is(ACK))
            .map(|frame| {
                let (_, id) = frames::read_varint(&frame.payload).expect("a table");
                u32::from_be_bytes(id.try_into().expect("an id"))
            })
            .collect();
        acknowledgements += acks.len();
        acked = acks.last().copied().unwrap_or(acked).max(acked);
        let ids: HashSet<u32> = recorded(&file).0.into_iter().collect();
        let missing: Vec<u32> = (1..=acked).filter(|id| !ids.contains(id)).collect();
        assert!(missing.is_empty(), "acknowledged up to {acked}, but not recorded: {missing:?}");
    }
    assert!(acknowledgements > 10, "{acknowledgements} acknowledgements");
    println!("{acknowledgements} acknowledgements, up to {acked} of {next}");
}

#[test]
fn a_recording_that_was_killed_and_continued_ends_as_haproxy_does() {
    for haproxy in support::haproxies() {
        let network = Network::new();
        let lb1 = setup(&haproxy, &network).start();
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("rec");
        let mut number = 0;
        for round in 0..6 {
            let program = record(&network, &peer(&lb1, "lb1"), &file);
            wait_until("a session", || lb1.is_established("peerctl").then_some(()));
            for _ in 0..40 * round {
                number += 1;
                lb1.set_entry("mesh/t", &format!("10.0.0.{}", number % 50), &format!("data.gpc0 {number}"));
            }
            program.signal(Signal::KILL);
            drop(program);
        }
        let mut program = record(&network, &peer(&lb1, "lb1"), &file);
        let shown = shown(&lb1, "mesh/t");
        assert_eq!(shown.len(), 50);
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let held = Copy::of(&records(&fs::read_to_string(&file).expect("a file")));
            if held.table("lb1", "/t") == shown && held.finished["lb1"] {
                break;
            }
            assert!(Instant::now() < end && !program.has_ended(), "{held:?} is {shown:?}: {}", program.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
        program.signal(Signal::TERM);
        let ended = program.wait();
        assert_eq!(ended.status.code(), Some(143), "{}", ended.stderr);
        assert_eq!(recorded(&file).1, Tail::Whole);
        assert_eq!(fs::metadata(&file).expect("a file").mode() & 0o777, 0o600);
    }
}

#[test]
fn a_file_that_is_taken_away_ends_the_recording() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).start();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("rec");
    let mut program = record(&network, &peer(&lb1, "lb1"), &file);
    wait_until("the header is there", || fs::metadata(&file).is_ok_and(|file| file.len() > 0).then_some(()));

    let second = record(&network, &peer(&lb1, "lb1"), &file).wait();
    assert_eq!(second.status.code(), Some(3), "{}", second.stderr);
    assert!(second.stderr.contains("another program records into it"), "{}", second.stderr);

    assert!(!program.has_ended());
    fs::rename(&file, dir.path().join("rec.1")).expect("a file");
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("was moved away"), "{}", ended.stderr);
    assert!(ended.stderr.contains("bytes of it are safe"), "{}", ended.stderr);
}
