//! What a peer does that does what it is told, and what it finds out.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use peerctl::record::{Damage, Reader, Record};

use super::support::fake_peer::FakePeer;
use super::support::frames::{self, ACK, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST, TIMED};
use super::support::{Program, wait_until};

pub(super) const PORT: u16 = 10_001;

/// Keys that the updates are about, again and again.
pub(super) const KEYS: u32 = 700;

pub(super) fn definition() -> Vec<u8> {
    frames::definition(1, "/t", (4, 4), 1 << 2, 600_000, &[])
}

/// The next call that says hello. A second connection, which says nothing, may watch whether another client takes sessions over.
pub(super) fn called(listener: &TcpListener) -> FakePeer {
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

pub(super) fn key(id: u32) -> [u8; 4] {
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
pub(super) fn taught(listener: &TcpListener, hold: &mut Program) -> (BTreeMap<Vec<u8>, u64>, FakePeer) {
    let fake = called(listener);
    fake.send(&[b"200\n", &*frames::message(RESYNC_REQUEST, &[])].concat());
    wait_until("it was taught", || {
        assert!(!hold.has_ended(), "it ended: {}", hold.stderr());
        fake.frames().iter().any(|frame| frame.is(RESYNC_PARTIAL)).then_some(())
    });
    (entries_taught(&fake), fake)
}

/// The entries it was taught so far.
pub(super) fn entries_taught(fake: &FakePeer) -> BTreeMap<Vec<u8>, u64> {
    let entries = fake.frames().into_iter().filter(|frame| frame.is(TIMED));
    let entry = |payload: &[u8]| {
        let (value, _) = frames::read_varint(&payload[12..]).expect("a counter");
        (payload[8..12].to_vec(), value)
    };
    entries.map(|frame| entry(&frame.payload)).collect()
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
