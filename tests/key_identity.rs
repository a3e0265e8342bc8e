//! When two keys are one: what HAProxy makes of keys that a peer sends, what we make of them, and what becomes of an entry that
//! is learned under one spelling and taught under the other.

mod support;

use std::{collections::BTreeMap, thread};

use peerctl::grammar::KeyType;
use peerctl::stick::key;
use support::fake_peer::FakePeer;
use support::frames::{self, ACK, RESYNC_PARTIAL};
use support::shown::ShownTable;
use support::{Haproxy, Network, Setup, wait_until};

/// A table: name, line, type and length of its keys on the wire, and the keys that are sent one after the other.
type Case = (&'static str, &'static str, (u64, u64), Vec<Vec<u8>>);

const STORE: &str = "size 1k expire 10m store gpc0";

fn cases() -> Vec<Case> {
    let bytes = |keys: &[&[u8]]| keys.iter().map(|key| key.to_vec()).collect::<Vec<_>>();
    let strings: &[&[u8]] = &[
        b"ab\0cd",
        b"ab",
        b"ab\0",
        b"abc",
        b"AB",
        b"ab ",
        b"abcdefgh",
        b"abcdefghi",
        b"abcdefghijklmnopqrstuvwxyz",
        b"abcdefg",
        b"abcdefg\0h",
        b"abcdefg\xc3\xa9",
        b"\xff\xfe",
        b"1",
        b"01",
    ];
    let integers = [0_u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0x0a00_0001, 0x0100_000a];
    let mapped = "::ffff:10.0.0.1 ::10.0.0.1 64:ff9b::10.0.0.1 2002:a00:1:: ::1 :: fe80::1";
    let addresses = mapped.split(' ').map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address").octets());
    vec![
        ("strings", "type string len 8", (6, 9), bytes(strings)),
        (
            "binaries",
            "type binary len 4",
            (7, 4),
            bytes(&[b"ab\0\0", b"ab\0c", b"\0\0ab", b"\0\0\0\0", b"ab  ", b"AB\0\0"]),
        ),
        ("integers", "type integer", (2, 4), integers.map(|number| number.to_be_bytes().to_vec()).to_vec()),
        ("v4", "type ip", (4, 4), bytes(&[&[10, 0, 0, 1], &[1, 0, 0, 10], &[0, 0, 0, 0], &[255, 255, 255, 255]])),
        ("v6", "type ipv6", (5, 16), addresses.map(|octets| octets.to_vec()).collect()),
    ]
}

/// A key as it travels.
fn on_the_wire(kind: u64, key: &[u8]) -> Vec<u8> {
    if kind == 6 { frames::string_key(key) } else { key.to_vec() }
}

#[test]
fn a_key_is_the_same_to_us_as_to_haproxy() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| one_key_is_one_entry(haproxy));
        }
    });
}

/// Key → `gpc0`.
type Counts = BTreeMap<Vec<u8>, i128>;

fn counts(table: &ShownTable) -> Counts {
    table.by_key().into_iter().map(|(key, entry)| (key.to_vec(), entry.number("gpc0"))).collect()
}

fn one_key_is_one_entry(haproxy: &Haproxy) {
    let what = format!("HAProxy {}", haproxy.branch());
    let network = Network::reachable();
    let mut setup = Setup::new(haproxy, &network);
    for (name, line, ..) in cases() {
        setup = setup.table(name, &format!("{line} {STORE}"));
    }
    let lb1 = setup.start();
    let peer = FakePeer::call(&network, lb1.port(), "lb1", "peerctl");
    assert_eq!(peer.wait_for_line(), "200");
    peer.send(&frames::message(RESYNC_PARTIAL, &[]));
    for (table, (name, _, (kind, len), keys)) in (1..).zip(cases()) {
        peer.send(&frames::definition(table, &format!("/{name}"), (kind, len), 1 << 2, 600_000, &[]));
        let mut held = Counts::new();
        for (value, key) in (1..).zip(&keys) {
            peer.send(&frames::update(value, &on_the_wire(kind, key), &[value.into()]));
            let len = u32::try_from(len).expect("short");
            held.insert(key::canonical(KeyType(kind), len, key).to_vec(), value.into());
        }
        let last = u32::try_from(keys.len()).expect("few");
        wait_until("the last one is acknowledged", || {
            let acked = peer.frames().into_iter().rfind(|frame| frame.is(ACK))?;
            (acked.payload == [&frames::varint(table)[..], &last.to_be_bytes()].concat()).then_some(())
        });
        assert_eq!(counts(&lb1.shown(&format!("mesh/{name}"))), held, "{what}, {name}");
        println!("{what}, {name}: {} spellings of {} keys", keys.len(), held.len());
    }
    peer.reset();
    assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "{what}");

    // What is learned and taught again is as many entries as there were.
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dump").display().to_string();
    let to = format!("lb1={}", lb1.address());
    let before = lb1.all_shown();
    let count: usize = before.iter().map(|table| table.entries.len()).sum();
    let dumped = network.peerctl(&["dump", &to, "-o", &file]).wait();
    assert!(dumped.status.success(), "{what}: {}", dumped.stderr);
    let taught = network.peerctl(&["replay", &file, &to, "--existing", "overwrite"]).wait();
    let sent = taught
        .stdout
        .lines()
        .filter_map(|line| line.split_once(" sent, all acknowledged")?.0.rsplit(' ').next()?.parse::<usize>().ok());
    assert!(taught.status.success() && sent.sum::<usize>() == count, "{what}: {taught:?}");
    let after = lb1.all_shown();
    assert_eq!(before.iter().map(counts).collect::<Vec<_>>(), after.iter().map(counts).collect::<Vec<_>>(), "{what}");
}
