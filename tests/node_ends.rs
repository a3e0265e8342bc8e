//! Connections that end by half, and sessions that come and go: nothing of them stays.

use std::{
    fs,
    io::Read as _,
    time::{Duration, Instant},
};

use peerctl::node::{Address, ListenOptions, Retry, Target};

mod support;

use support::{
    Network, Program,
    fake_peer::FakePeer,
    frames::{self, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_REQUEST, hello, message},
    live::GUEST_PORT,
    node::{Plan, with_node},
    wait_until,
};

/// An update whose last bytes are missing.
fn begun() -> Vec<u8> {
    let whole = frames::update(1, &[10, 0, 0, 1], &[1]);
    whole[..whole.len() - 2].to_vec()
}

#[test]
fn a_caller_that_closes_its_half_is_let_go() {
    let network = Network::reachable();
    let address = network.address(GUEST_PORT);
    let plan = Plan::listen(&["lb1"], move || ListenOptions {
        address: Address::parse_listening(&address).expect("an address"),
        tls: None,
        insecure_plaintext: false,
        allow: Vec::new(),
    });
    with_node(&network, plan, |diary| {
        diary.wait_for("listening", 1);
        let greeting = hello("2.1", "peerctl", "lb1");
        let states: [(&str, Vec<u8>); 5] = [
            ("before its hello", Vec::new()),
            ("within its hello", greeting[..15].to_vec()),
            ("behind its hello", greeting.clone()),
            ("within a message", [greeting.clone(), begun()].concat()),
            ("within a length", [&greeting[..], &[10, 0x80, 0xff]].concat()),
        ];
        for (what, bytes) in states {
            let peer = FakePeer::connect(&network, GUEST_PORT);
            peer.send(&bytes);
            peer.half_close();
            let (end, took) = peer.wait_for_end();
            println!("{what}: {end:?} after {took:?}");
            assert!(took < Duration::from_secs(6), "{what}: {took:?}");
        }
    });
}

#[test]
fn a_called_peer_that_closes_its_half_is_let_go() {
    let network = Network::reachable();
    let listener = network.listen(10_001);
    for (what, bytes) in [
        ("before its answer", Vec::new()),
        ("within its answer", b"20".to_vec()),
        ("behind its answer", b"200\n".to_vec()),
        ("within a message", [&b"200\n"[..], &begun()].concat()),
        ("within a length", b"200\n\x0a\x80\xff".to_vec()),
    ] {
        let address = Address::parse(&network.address(10_001)).expect("an address");
        let plan = Plan::call(move || Target { retry: Retry::Never, ..Target::new(b"lb1", address.clone()) });
        with_node(&network, plan, |diary| {
            let peer = FakePeer::accept(&listener);
            peer.send(&bytes);
            peer.half_close();
            let (end, took) = peer.wait_for_end();
            println!("{what}: {end:?} after {took:?}: {}", diary.wait_for("closed", 1));
            assert!(took < Duration::from_secs(6), "{what}: {took:?}");
        });
    }
}

/// Open descriptors of the program, and the kilobytes it has in memory.
fn held(program: &Program) -> (usize, u64) {
    let of = |file: &str| format!("/proc/{}/{file}", program.pid());
    let mut status = String::new();
    fs::File::open(of("status")).and_then(|mut file| file.read_to_string(&mut status)).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("in Linux");
    let resident = line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number");
    (fs::read_dir(of("fd")).expect("it runs").count(), resident)
}

#[test]
fn sessions_that_come_and_go_leave_nothing_behind() {
    let sessions: u32 = std::env::var("PEERCTL_SESSIONS").map_or(300, |count| count.parse().expect("a number"));
    let network = Network::reachable();
    let address = network.address(GUEST_PORT);
    let program = network.peerctl(&["watch", "--format", "text", "lb1", "--listen", &address]);
    wait_until("it listens", || network.connect(GUEST_PORT).ok());
    let began = Instant::now();
    let session = |number: u32| {
        let peer = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
        assert_eq!(peer.wait_for_line(), "200");
        peer.wait_for(RESYNC_REQUEST, 1);
        for table in 1..=10 {
            peer.send(&frames::definition(table, &format!("/t{table}"), (4, 4), 1 << 2, 600_000, &[]));
            peer.send(&frames::update(number, &[10, 0, 0, 1], &[number.into()]));
        }
        peer.send(&message(RESYNC_FINISHED, &[]));
        peer.wait_for(RESYNC_CONFIRM, 1);
        if number.is_multiple_of(2) {
            peer.reset();
        }
    };
    (1..=50).for_each(session);
    let (files, before) = held(&program);
    (51..=sessions).for_each(session);
    wait_until("all descriptors are back", || (held(&program).0 <= files).then_some(()));
    let (_, after) = held(&program);
    println!("{sessions} sessions in {:?}: {before} KiB became {after}, {files} descriptors", began.elapsed());
    assert!(after < before + before / 5 + 2048, "{before} KiB became {after}");
}
