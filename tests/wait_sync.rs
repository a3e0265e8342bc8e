//! `peerctl wait-sync` against running HAProxy.

use serde_json::Value;

mod support;

use support::{Haproxy, Live, Network, Setup, wait_until};

const TABLE: &str = "type string size 10k expire 10m store gpc0";

/// One of two load balancers that teach each other.
fn one<'a>(haproxy: &'a Haproxy, network: &'a Network, name: &str, port: u16, other: (&str, u16)) -> Setup<'a> {
    Setup::new(haproxy, network).named(name, port).peer(other.0, other.1).table("t", TABLE).table("empty", TABLE)
}

fn fill(lb: &Live<'_>, count: usize) {
    let commands: Vec<String> = (0..count).map(|n| format!("set table mesh/t key k{n} data.gpc0 {n}")).collect();
    commands.chunks(100).for_each(|chunk| drop(lb.cli(&chunk.join(";"))));
}

#[test]
fn a_restarted_haproxy_is_waited_for_until_it_has_what_the_other_one_has() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = one(&haproxy, &network, "lb1", 10_001, ("lb2", 10_002)).start();
        let mut lb2 = one(&haproxy, &network, "lb2", 10_002, ("lb1", 10_001)).start();
        fill(&lb1, 500);
        wait_until("lb1 is in sync", || lb1.is_synchronised().then_some(()));
        lb2.restart_empty();
        let (first, second) = (format!("lb1={}", lb1.address()), format!("lb2={}", lb2.address()));
        let ended = network.peerctl(&["wait-sync", &second, "--like", &first, "--format", "json"]).wait();
        assert_eq!(ended.status.code(), Some(0), "{:?}: {}{}", haproxy.version, ended.stdout, ended.stderr);
        let used = lb2.shown("mesh/t").used;
        assert!(used >= 475, "{used} entries");
        let json: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!(json["version"], 1);
        let peer = &json["peers"][0];
        assert_eq!(
            (&peer["name"], &peer["result"], &peer["resync"]),
            (&"lb2".into(), &"in_sync".into(), &"finished".into())
        );
        assert!(peer["entries"]["/t"].as_u64().is_some_and(|n| (475..=500).contains(&n)), "{peer}");
        assert_eq!((&peer["entries"]["/empty"], json["peers"].as_array().map(Vec::len)), (&0.into(), Some(1)));

        // By configuration the names are enough.
        let config = format!("lb1={}", lb1.file().display());
        let ended = network.peerctl(&["wait-sync", "-f", &config, &second, "--like", &first]).wait();
        assert_eq!(ended.status.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.starts_with("lb2  in sync; 500 entries in 2 tables"), "{}", ended.stdout);
        assert_eq!(lb2.peer_counter("peerctl", "proto_err"), 0);
    }
}

#[test]
fn in_sync_and_empty_is_not_taken_for_in_sync() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", TABLE).start();
        let peer = format!("lb1={}", lb1.address());
        let soon = network.peerctl(&["wait-sync", &peer, "--timeout", "1s"]).wait();
        assert_eq!(soon.status.code(), Some(5), "it has just started: {}{}", soon.stdout, soon.stderr);
        let ended = network.peerctl(&["wait-sync", &peer]).wait();
        assert_eq!(ended.status.code(), Some(1), "{:?}: {}{}", haproxy.version, ended.stdout, ended.stderr);
        assert!(ended.stdout.contains("finished but empty"), "{}", ended.stdout);
        let meant = network.peerctl(&["wait-sync", &peer, "--min-entries", "0"]).wait();
        assert_eq!(meant.status.code(), Some(0), "{}{}", meant.stdout, meant.stderr);

        fill(&lb1, 10);
        let ended = network.peerctl(&["wait-sync", &peer]).wait();
        assert_eq!(ended.status.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
        let words = ["wait-sync", &peer, "--min-entries", "11", "--timeout", "6s", "--format", "json"];
        let ended = network.peerctl(&words).wait();
        assert_eq!(ended.status.code(), Some(1), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains("\"too_few\""), "{}", ended.stdout);
    }
}

#[test]
fn entries_that_come_later_are_waited_for() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let lb1 = Setup::new(&haproxy, &network).table("t", TABLE).start();
    wait_until("lb1 is in sync", || lb1.is_synchronised().then_some(()));
    let peer = format!("lb1={}", lb1.address());
    let mut program = network.peerctl(&["wait-sync", &peer, "--min-entries", "300"]);
    wait_until("it has a session", || lb1.is_established("peerctl").then_some(()));
    assert!(!program.has_ended());
    fill(&lb1, 300);
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_haproxy_that_is_not_there_yet_is_called_again() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let mut lb1 = Setup::new(&haproxy, &network).table("t", TABLE).start();
    lb1.kill();
    let peer = format!("lb1={}", network.address(10_001));
    let nobody = network.peerctl(&["wait-sync", &peer, "--timeout", "1s"]).wait();
    assert_eq!(nobody.status.code(), Some(3), "{}{}", nobody.stdout, nobody.stderr);
    assert!(nobody.stdout.contains("Connection refused"), "{}", nobody.stdout);
    let program = network.peerctl(&["wait-sync", &peer, "--min-entries", "0"]);
    lb1.start_again();
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn the_name_of_haproxy_is_borrowed_a_little_at_a_time() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).without_guest().peer("lb2", 10_002).table("t", TABLE).start();
        fill(&lb1, 50);
        let peer = format!("lb1={}", lb1.address());
        let ended = network.peerctl(&["wait-sync", &peer, "--borrow-local", "--min-entries", "50"]).wait();
        assert_eq!(ended.status.code(), Some(0), "{:?}: {}{}", haproxy.version, ended.stdout, ended.stderr);
        let words = ["wait-sync", &peer, "--borrow-local", "--min-entries", "51", "--timeout", "8s"];
        let ended = network.peerctl(&words).wait();
        assert_eq!(ended.status.code(), Some(1), "{:?}: {}{}", haproxy.version, ended.stdout, ended.stderr);
    }
}
