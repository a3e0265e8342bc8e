//! `peerctl hold` against real HAProxy processes, and against a peer that does what it is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

mod support;

#[path = "hold/chaos.rs"]
mod chaos;
#[path = "hold/disk.rs"]
mod disk;
#[path = "hold/fake.rs"]
mod fake;
#[path = "hold/floods.rs"]
mod floods;
#[path = "hold/kills.rs"]
mod kills;
#[path = "hold/mesh.rs"]
mod mesh;
#[path = "hold/operation.rs"]
mod operation;

#[path = "hold/power.rs"]
mod power;
#[path = "hold/tls.rs"]
mod tls;

use support::{Haproxy, Live, Network, Program, Setup, wait_until};

/// A table that most tests use.
const TABLE: &str = "type ip size 200k expire 10m store gpc0,http_req_rate(10s)";

/// The name of the standby.
const US: &str = "peerctl-hold";

fn setup<'a>(haproxy: &'a Haproxy, network: &'a Network) -> Setup<'a> {
    Setup::new(haproxy, network).without_guest().peer(US, support::live::GUEST_PORT).table("t", TABLE)
}

/// `peerctl hold` for these peers, like `lb1=127.0.0.1:10001`, with more words.
fn hold(network: &Network, state: &Path, peers: &[&str], more: &[&str]) -> Program {
    let state = state.to_str().expect("a path");
    network.peerctl(&[&["hold", "-L", US, "--state", state], peers, more].concat())
}

fn peer(lb: &Live<'_>, name: &str) -> String {
    format!("{name}={}", lb.address())
}

/// Makes many entries: `gpc0` is their number. Half of them live the whole `expire`, the others began to live earlier.
fn fill(lb: &Live<'_>, count: u32) {
    for chunk in (1..=count).collect::<Vec<_>>().chunks(300) {
        let set = |n: &u32| format!("set table mesh/t key {} data.gpc0 {n}", std::net::Ipv4Addr::from(0x0a00_0000 + n));
        lb.cli(&chunk.iter().map(set).collect::<Vec<_>>().join(";"));
    }
}

/// Key → `gpc0` and the rest of its life.
type Entries = BTreeMap<Vec<u8>, (i128, u64)>;

fn shown(lb: &Live<'_>) -> Entries {
    let table = lb.shown("mesh/t");
    table.entries.iter().map(|entry| (entry.key.clone(), (entry.number("gpc0"), entry.exp_ms))).collect()
}

fn used(lb: &Live<'_>) -> u64 {
    let header = lb.cli("show table");
    let line = header.lines().find(|line| line.contains("mesh/t,")).expect("the table").to_owned();
    line.split_once("used:").expect("a number").1.trim().parse().expect("a number")
}

/// Waits until it has said something.
fn wait_said(program: &mut Program, what: &str, count: usize) {
    wait_until(&format!("it says `{what}`"), || {
        assert!(!program.has_ended(), "it ended: {}", program.stderr());
        (program.stderr().matches(what).count() >= count).then_some(())
    });
}

/// Runs it with each HAProxy, side by side: most of the time is waiting.
fn with_each(test: impl Fn(&Haproxy) + Sync) {
    let haproxies = support::haproxies();
    std::thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| test(haproxy));
        }
    });
}

/// Waits until the same entries are there again; their lives have gone on since then.
fn wait_same(lb: &Live<'_>, before: &Entries) {
    wait_until("everything is there again", || (used(lb) >= before.len() as u64).then_some(()));
    let after = shown(lb);
    assert_eq!(after.len(), before.len());
    for (key, (gpc0, life)) in before {
        let (again, rest) = after.get(key).unwrap_or_else(|| panic!("{key:?} is missing"));
        assert_eq!(again, gpc0, "{key:?}");
        assert!(rest <= life && *rest > 0, "{key:?} had {life} ms, has {rest}");
    }
}

/// The bytes of acknowledged entries that are on disk: waits until the state file has so many entries.
fn wait_kept(state: &Path, count: usize) {
    wait_until("all is in the state file", || {
        let text = std::fs::read_to_string(state).unwrap_or_default();
        (text.matches(r#""type":"entry""#).count() >= count).then_some(())
    });
}

#[test]
fn a_haproxy_that_was_killed_and_comes_up_empty_has_everything_again() {
    const COUNT: u32 = 100_000;
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = dir.path().join("state.ndjson");
        let mut lb1 = setup(&haproxy, &network).start();
        fill(&lb1, COUNT);
        // To print so many takes a while on a slow machine.
        let taken = Instant::now();
        let before = shown(&lb1);
        assert_eq!(before.len(), COUNT as usize);
        let mut hold = hold(&network, &state, &[&peer(&lb1, "lb1")], &[]);
        wait_said(&mut hold, "in sync", 1);
        lb1.kill();
        wait_said(&mut hold, "can't connect", 1);
        let began = Instant::now();
        lb1.start_again();
        let up = began.elapsed();
        wait_until("everything is there again", || (used(&lb1) == u64::from(COUNT)).then_some(()));
        let took = began.elapsed();
        let after = shown(&lb1);
        let passed = u64::try_from(taken.elapsed().as_millis()).expect("short");
        for (key, (gpc0, life)) in &before {
            let (again, rest) = after.get(key).unwrap_or_else(|| panic!("{key:?} is missing"));
            assert_eq!(again, gpc0);
            assert!(
                *rest <= *life && rest + passed + 1000 >= *life,
                "{key:?} had {life} ms, has {rest} after {passed}"
            );
        }
        println!(
            "HAProxy {}: {COUNT} entries again {} ms after its start ({} ms of which it was not up)",
            haproxy.branch(),
            took.as_millis(),
            up.as_millis(),
        );
        assert_eq!(lb1.peer_counter(US, "proto_err"), 0);

        // And from the disk alone.
        wait_kept(&state, COUNT as usize);
        drop(hold);
        lb1.kill();
        // A HAProxy that finds nobody within five seconds doesn't ask any more: a slow machine reads the file before.
        let mut hold = self::hold(&network, &state, &[&peer(&lb1, "lb1")], &[]);
        wait_said(&mut hold, "entries of 1 tables, read in", 1);
        let began = Instant::now();
        lb1.start_again();
        wait_until("everything is there again", || {
            assert!(!hold.has_ended(), "{}", hold.stderr());
            (used(&lb1) == u64::from(COUNT)).then_some(())
        });
        println!("HAProxy {}: from the state file in {} ms", haproxy.branch(), began.elapsed().as_millis());
        let began = Instant::now();
        hold.signal(rustix::process::Signal::TERM);
        let ended = hold.wait();
        println!("it ended in {} ms", began.elapsed().as_millis());
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        println!("{}", ended.stderr);
    }
}
