//! A thousand tables: more than HAProxy tells of in one turn.

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;
use std::time::Instant;

use support::{Haproxy, Live, Network, Setup, wait_until};

const TABLES: usize = 1000;
const ENTRIES: usize = 10;

/// Before this release (60e7116be) a HAProxy with more than 200 tables never says that it has taught everything: it begins anew
/// with the last table that had something to tell, again and again, and falls silent.
const STARVES_BEFORE: (u16, u16, u16) = (2, 6, 16);

/// A HAProxy with all the tables, which have no frontends.
fn start<'a>(haproxy: &'a Haproxy, network: &'a Network) -> Live<'a> {
    let mut lines = String::new();
    for number in 0..TABLES {
        let _ = write!(lines, "table t{number} type integer size 20 expire 1h store gpc0\n    ");
    }
    Setup::new(haproxy, network).section(lines.trim_end()).start()
}

fn fill(lb1: &Live<'_>) {
    for table in 0..TABLES {
        let set = |key| format!("set table mesh/t{table} key {key} data.gpc0 {}", table * ENTRIES + key);
        lb1.cli(&(0..ENTRIES).map(set).collect::<Vec<_>>().join(";"));
    }
}

/// How many entries each table has.
fn used(lb1: &Live<'_>) -> Vec<u64> {
    let tables = lb1.cli("show table");
    let lines = tables.lines().filter_map(|line| line.rsplit_once("used:"));
    lines.map(|(_, used)| used.trim().parse().expect("a number")).collect()
}

#[test]
fn a_thousand_tables_are_learned_and_taught() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| learn_and_teach(haproxy));
        }
    });
}

fn learn_and_teach(haproxy: &Haproxy) {
    let what = format!("HAProxy {}", haproxy.branch());
    let network = Network::reachable();
    let mut lb1 = start(haproxy, &network);
    fill(&lb1);
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dump").display().to_string();
    let to = format!("lb1={}", lb1.address());
    let began = Instant::now();
    let dumped = network.peerctl(&["dump", &to, "-o", &file]).wait();
    let text = std::fs::read_to_string(&file).expect("a dump");
    if haproxy.version < STARVES_BEFORE {
        let last = text.lines().last().expect("an end");
        assert_eq!(dumped.status.code(), Some(3), "{what}: {}", dumped.stderr);
        assert!(dumped.stderr.contains("silent for too long"), "{what}: {}", dumped.stderr);
        assert!(last.contains("\"complete\":false"), "{what}: {last}");
        println!("{what}: never comes to an end of what it teaches, {last}");
        return;
    }
    assert!(dumped.status.success(), "{what}: {}", dumped.stderr);
    let mut values = BTreeMap::new();
    for record in text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")) {
        if record["type"] == "entry" {
            let name = record["table"].as_str().expect("a name").trim_start_matches("/t").parse::<usize>();
            let key = record["key"].to_string().trim_matches('"').parse::<u64>().expect("a number");
            values.insert((name.expect("a number"), key), record["data"]["gpc0"].as_u64().expect("a number"));
        }
    }
    assert_eq!(values.len(), TABLES * ENTRIES, "{what}");
    assert!(values.iter().all(|((table, key), value)| *value == (table * ENTRIES) as u64 + key), "{what}");

    lb1.restart_empty();
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let taught = network.peerctl(&["replay", &file, &to]).wait();
    assert!(taught.status.success(), "{what}: {taught:?}");
    assert_eq!(used(&lb1), vec![ENTRIES as u64; TABLES], "{what}");
    assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "{what}");
    println!("{what}: {TABLES} tables learned and taught in {:?}", began.elapsed());
}
