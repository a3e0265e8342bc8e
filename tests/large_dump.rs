//! A dump of more than fits into its memory: what comes is written at once, and what waits for the writer has a bound.
//!
//! `PEERCTL_DUMP_ENTRIES` is the number of entries of each table (default: 50,000).

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::time::Instant;

use support::fake_peer::FakePeer;
use support::frames::{self, RESYNC_FINISHED, RESYNC_REQUEST, message, timed_update};
use support::{Network, Program, wait_until};

/// The most memory of a dump, in KiB: 64 MiB of entries may wait for the writer, behind which the connection is read slowly.
const MOST: u64 = (64 + 48) << 10;

/// The most memory that the program ever had, in KiB; `None` when it has ended.
fn peak(program: &Program) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The data type `gpc0`; those before it are `server_id` and `gpt0`.
const ONE: u64 = 1 << 2;

/// A table: its name, the type and length of its keys, its data types, and how many values an entry has.
const TABLES: [(&str, (u64, u64), u64, usize); 3] =
    [("/ip", (4, 4), ONE, 1), ("/string", (6, 33), ONE, 1), ("/binary", (7, 20), ONE | 1 << 1 | 1 << 0, 3)];

fn key(kind: u64, len: u64, number: u32) -> Vec<u8> {
    match kind {
        4 => number.to_be_bytes().to_vec(),
        6 => frames::string_key(format!("client-{number:020}").as_bytes()),
        _ => [&number.to_be_bytes()[..], &[7; 64]].concat()[..usize::try_from(len).expect("short")].to_vec(),
    }
}

#[test]
fn the_memory_of_a_dump_has_a_bound() {
    let entries: u32 = std::env::var("PEERCTL_DUMP_ENTRIES").map_or(50_000, |count| count.parse().expect("a number"));
    let network = Network::reachable();
    let listener = network.listen(10_001);
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("dump");
    let peer = format!("lb1={}", network.address(10_001));
    let mut program = network.peerctl(&["dump", &peer, "-o", &file.display().to_string(), "--timeout", "10m"]);
    let fake = FakePeer::accept(&listener);
    fake.send(b"200\n");
    fake.wait_for(RESYNC_REQUEST, 1);
    let (began, mut most) = (Instant::now(), 0);
    for (table, (name, (kind, len), types, values)) in (1..).zip(TABLES) {
        fake.send(&frames::definition(table, name, (kind, len), types, 600_000, &[]));
        for first in (0..entries).step_by(5000) {
            let entry =
                |number: u32| timed_update(number + 1, 500_000, &key(kind, len, number), &vec![number.into(); values]);
            fake.send(&(first..(first + 5000).min(entries)).flat_map(entry).collect::<Vec<u8>>());
            most = most.max(peak(&program).unwrap_or_else(|| panic!("it has ended: {}", program.stderr())));
        }
    }
    fake.send(&message(RESYNC_FINISHED, &[]));
    wait_until("it ends", || {
        most = most.max(peak(&program).unwrap_or(0));
        program.has_ended().then_some(())
    });
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let lines = BufReader::new(fs::File::open(&file).expect("a dump")).lines().map(|line| line.expect("UTF-8"));
    let (mut found, mut last) = (0, String::new());
    for line in lines {
        found += u64::from(line.contains("\"type\":\"entry\""));
        last = line;
    }
    println!("{found} entries in {:?}, {most} KiB at most", began.elapsed());
    assert_eq!(found, u64::from(entries) * TABLES.len() as u64);
    assert!(last.contains("\"complete\":true"), "{last}");
    assert!(most < MOST, "{most} KiB");
}
