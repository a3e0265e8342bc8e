//! What an operator has to know about reloads, as real HAProxy processes do it: the facts behind the order in which `peerctl`
//! advises to reload, and behind its advice to wait between two reloads. What one edit does to the tables is in
//! `handover.rs`.

mod support;

use std::fs;

use support::{Haproxy, Network, Running, haproxies, wait_until};

const TABLE: &str = "backend t\n    stick-table type string size 1k store gpc0 peers mesh\n";

/// A folder with `lb1-alone.cfg`, and with `lb1.cfg` and `lb2.cfg`, which know each other.
fn configurations() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let (lb1, lb2) = ("    peer lb1 127.0.0.1:10001\n", "    peer lb2 127.0.0.1:10002\n");
    let both = [lb1, lb2].concat();
    for (file, local, peers) in [("lb1-alone", "lb1", lb1), ("lb1", "lb1", &both), ("lb2", "lb2", &both)] {
        let text = format!("global\n    localpeer {local}\n\npeers mesh\n{peers}\n{TABLE}");
        fs::write(dir.path().join(file).with_extension("cfg"), text).expect("the folder takes files");
    }
    dir
}

fn for_each_haproxy(test: impl Fn(&Haproxy) + Sync) {
    let haproxies = haproxies();
    std::thread::scope(|scope| {
        for haproxy in &haproxies {
            let test = &test;
            scope.spawn(move || test(haproxy));
        }
    });
}

fn wait_until_synchronised(instance: &Running) {
    wait_until("all that can be learnt is learnt", || instance.is_synchronised().then_some(()));
}

fn has(instance: &Running, key: &str) -> bool {
    instance.entries("t").contains_key(key)
}

#[test]
fn a_reload_before_the_first_synchronisation_is_over_loses_the_tables() {
    for_each_haproxy(|haproxy| {
        let (network, dir) = (Network::new(), configurations());
        let mut lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], None);
        lb1.set_entry("t", "early", "data.gpc0 1");
        assert!(!lb1.is_synchronised(), "it waits for another peer for five seconds");
        lb1.reload(&["lb1.cfg"]).wait();
        wait_until_synchronised(&lb1);
        assert!(!has(&lb1, "early"), "a process that hasn't synchronised itself hands nothing over");
    });
}

#[test]
fn a_reload_soon_after_another_keeps_the_tables() {
    for_each_haproxy(|haproxy| {
        let (network, dir) = (Network::new(), configurations());
        let mut lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], None);
        wait_until_synchronised(&lb1);
        lb1.set_entry("t", "k", "data.gpc0 1");
        for _ in 0..2 {
            lb1.reload(&["lb1.cfg"]).wait();
            assert!(has(&lb1, "k"), "handed over by the time the old process has left");
            wait_until_synchronised(&lb1);
        }
    });
}

#[test]
fn a_new_instance_that_starts_last_learns_everything() {
    for_each_haproxy(|haproxy| {
        let (network, dir) = (Network::new(), configurations());
        let mut lb1 = haproxy.start(&network, dir.path(), &["lb1-alone.cfg"], None);
        wait_until_synchronised(&lb1);
        lb1.set_entry("t", "old", "data.gpc0 1");
        lb1.reload(&["lb1.cfg"]).wait();
        let lb2 = haproxy.start(&network, dir.path(), &["lb2.cfg"], None);
        wait_until("lb2 learns what was there before it", || has(&lb2, "old").then_some(()));
    });
}

#[test]
fn a_new_instance_that_starts_first_gives_up_and_never_gets_the_old_entries() {
    for_each_haproxy(|haproxy| {
        let (network, dir) = (Network::new(), configurations());
        let mut lb1 = haproxy.start(&network, dir.path(), &["lb1-alone.cfg"], None);
        let lb2 = haproxy.start(&network, dir.path(), &["lb2.cfg"], None);
        wait_until_synchronised(&lb1);
        lb1.set_entry("t", "old", "data.gpc0 1");
        wait_until_synchronised(&lb2);
        lb1.reload(&["lb1.cfg"]).wait();
        wait_until("they know each other", || lb2.is_established("lb1").then_some(()));
        lb1.set_entry("t", "new", "data.gpc0 1");
        wait_until("what is new gets through", || has(&lb2, "new").then_some(()));
        assert!(has(&lb1, "old"), "the reload itself lost nothing");
        assert!(!has(&lb2, "old"), "but what was there before isn't sent unasked");
    });
}
