//! A replay that is killed on its way and run again: HAProxy ends with what is in the file.

mod support;

use std::collections::BTreeMap;
use std::thread;

use rustix::process::Signal;
use support::chaos::{Act, Chaos, Fault, Place, Plan};
use support::wire::Initiator;
use support::{Haproxy, Live, Network, Setup, wait_until};

const ENTRIES: u32 = 3000;
const PROXY: u16 = 10_900;

fn counts(lb1: &Live<'_>) -> BTreeMap<Vec<u8>, i128> {
    lb1.shown("mesh/t").by_key().into_iter().map(|(key, entry)| (key.to_vec(), entry.number("gpc0"))).collect()
}

fn kill_and_repeat(haproxy: &Haproxy) {
    let what = format!("HAProxy {}", haproxy.branch());
    let network = Network::reachable();
    let mut lb1 = Setup::new(haproxy, &network).table("t", "type ip size 10k expire 1h store gpc0").start();
    for chunk in (1..=ENTRIES).collect::<Vec<_>>().chunks(200) {
        let set = |n: &u32| format!("set table mesh/t key {} data.gpc0 {n}", std::net::Ipv4Addr::from(0x0a00_0000 + n));
        lb1.cli(&chunk.iter().map(set).collect::<Vec<_>>().join(";"));
    }
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let before = counts(&lb1);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dump").display().to_string();
    let to = format!("lb1={}", lb1.address());
    assert!(network.peerctl(&["dump", &to, "-o", &file]).wait().status.success());
    lb1.restart_empty();
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    // The first connection of each run is there to learn what HAProxy has; on the second one it is held up.
    let step = |connection: usize| 400 * (connection / 2) + 100;
    let plan = move |connection: usize| Plan {
        to_haproxy: [Fault::new(Place::Frame(step(connection)), Act::Stall)].repeat(connection % 2),
        ..Plan::default()
    };
    let chaos = Chaos::start(&network, PROXY, lb1.port(), Initiator::Observer, plan);
    let held_up = format!("lb1={}", network.address(PROXY));
    let mut there = Vec::new();
    for run in 0..6 {
        let connection = 2 * run + 1;
        let program = network.peerctl(&["replay", &file, &held_up, "--existing", "overwrite"]);
        wait_until("it is held up", || (chaos.heard_by_haproxy(connection).len() >= step(connection)).then_some(()));
        program.signal(Signal::KILL);
        drop(program);
        let found = counts(&lb1);
        assert!(found.iter().all(|(key, value)| before.get(key) == Some(value)), "{what}: nothing else");
        there.push(found.len());
    }
    assert!(there.iter().any(|count| (1..before.len()).contains(count)), "{what}: killed on its way: {there:?}");
    let ended = network.peerctl(&["replay", &file, &to]).wait();
    assert!(ended.status.success(), "{what}: {}{}", ended.stdout, ended.stderr);
    println!("{what}: {there:?} of {ENTRIES} were there after each kill");
    assert_eq!(counts(&lb1), before, "{what}");
    assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "{what}");
}

#[test]
fn a_replay_that_was_killed_is_run_again_to_its_end() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| kill_and_repeat(haproxy));
        }
    });
}
