//! What goes wrong on the way: processes that die, stand still, or begin anew.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::star::{
    Aggregator, COUNT, Guard, KEY, TOTAL_LIMIT, file, has_lease, node, number, wait_leased, wait_total, while_leased,
};
use crate::support::{self, Live, Network, Stopwatch, try_until, wait_until};

/// Requests at a node until it is told to stop; returns how many.
fn load(lb: &Live<'_>, pause: Duration, over: &AtomicBool, made: &AtomicUsize) {
    let mut client = lb.client(COUNT);
    while !over.load(Ordering::Relaxed) {
        assert_eq!(client.get(&format!("/?k={KEY}")).0, 200);
        made.fetch_add(1, Ordering::Relaxed);
        thread::sleep(pause);
    }
}

#[test]
fn without_an_aggregator_nodes_fall_back_and_a_new_one_has_the_right_sums() {
    for (haproxy, keeps) in support::haproxies().iter().flat_map(|haproxy| [(haproxy, false), (haproxy, true)]) {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = dir.path().join("state.ndjson");
        let state = if keeps { format!("    state-file {}\n", state.display()) } else { String::new() };
        let [lb1, lb2] = [1, 2].map(|number| node(haproxy, &network, number, 60_000).start());
        let mut aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], &state, ""));
        wait_leased(&[&lb1, &lb2]);
        let mut clients = [&lb1, &lb2].map(|lb| lb.client(COUNT));
        for _ in 0..TOTAL_LIMIT * 2 / 3 {
            for client in &mut clients {
                assert_eq!(client.get(&format!("/?k={KEY}")).0, 200);
            }
        }
        let mut guards = [&lb1, &lb2].map(|lb| lb.client(Guard::Deny as usize));
        let mut statuses = || guards.each_mut().map(|client| client.get(&format!("/?k={KEY}")).0);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", (TOTAL_LIMIT * 2 / 3 * 2).into());
        assert_eq!(while_leased(&[&lb1, &lb2], &mut statuses), [429, 429]);

        let (over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            // Under load, but of another key.
            let others = [&lb1, &lb2].map(|lb| {
                let (over, made) = (&over, &made);
                scope.spawn(move || {
                    let mut client = lb.client(COUNT);
                    while !over.load(Ordering::Relaxed) {
                        assert_eq!(client.get("/?k=10.9.9.9").0, 200);
                        made.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(3));
                    }
                })
            });
            let mut gone = Vec::new();
            for _ in 0..3 {
                aggregator.kill();
                let killed = Stopwatch::start();
                wait_until("no node has the lease", || {
                    [&lb1, &lb2].iter().all(|lb| !has_lease(lb, "agg1")).then_some(())
                });
                gone.push(killed.elapsed());
                aggregator.start_again();
                wait_leased(&[&lb1, &lb2]);
            }
            println!("HAProxy {}: the lease was gone after {gone:?}", haproxy.branch());
            assert!(gone.iter().all(|gone| *gone < Duration::from_secs(4)), "{gone:?}");
            aggregator.kill();
            wait_until("no node has the lease", || [&lb1, &lb2].iter().all(|lb| !has_lease(lb, "agg1")).then_some(()));
            assert_eq!(statuses(), [200, 200], "the nodes answer by themselves");
            aggregator.start_again();
            wait_leased(&[&lb1, &lb2]);
            assert_eq!(while_leased(&[&lb1, &lb2], &mut statuses), [429, 429]);
            over.store(true, Ordering::Relaxed);
            for other in others {
                other.join().expect("no panic");
            }
        });
        wait_total(&[&lb1, &lb2], "st_src", "10.9.9.9", "http_req_cnt", made.load(Ordering::Relaxed) as i128);
        let sum = [&lb1, &lb2].map(|lb| number(lb, "st_src", KEY, "http_req_cnt")).iter().sum();
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", sum);
    }
}

#[test]
fn what_a_source_had_counted_outlives_both_it_and_the_aggregator_in_the_state_file() {
    if let Some(haproxy) = support::haproxies().last() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = format!("    state-file {}\n", dir.path().join("state.ndjson").display());
        let lb1 = node(haproxy, &network, 1, 10_000).start();
        let mut lb2 = node(haproxy, &network, 2, 10_000).start();
        let text = file(&[&lb1, &lb2], &state, "    start-grace 500ms\n");
        let mut aggregator = Aggregator::start(&network, dir.path(), &text);
        wait_leased(&[&lb1, &lb2]);
        lb1.track("st_src", KEY.as_bytes(), 5);
        lb2.track("st_src", KEY.as_bytes(), 7);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
        wait_until("it is on disk", || {
            let text = std::fs::read_to_string(dir.path().join("state.ndjson")).unwrap_or_default();
            [5, 7].iter().all(|count| text.contains(&format!(r#""http_req_cnt":{count}"#))).then_some(())
        });
        aggregator.kill();
        lb2.kill();
        aggregator.start_again();
        lb1.track("st_src", KEY.as_bytes(), 1);
        wait_total(&[&lb1], "st_src", KEY, "http_req_cnt", 13);
        wait_until("nobody may trust that", || (!has_lease(&lb1, "agg1")).then_some(()));
    }
}

#[test]
fn a_node_that_comes_up_empty_gets_its_own_counts_back_if_that_is_wanted() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            for (section, again, total) in
                [("    teach-back on\n", 7, 12), ("", 0, 5), ("    data http_req_cnt sum on-reset monotonic\n", 0, 12)]
            {
                scope.spawn(move || {
                    let network = Network::reachable();
                    let dir = tempfile::tempdir().expect("a folder");
                    let lb1 = node(haproxy, &network, 1, 10_000).start();
                    let mut lb2 = node(haproxy, &network, 2, 10_000).start();
                    let mut aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], "", section));
                    wait_leased(&[&lb1, &lb2]);
                    lb1.track("st_src", KEY.as_bytes(), 5);
                    lb2.track("st_src", KEY.as_bytes(), 7);
                    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
                    let said = aggregator.program.stderr().matches("lb2: in sync").count();
                    lb2.restart_empty();
                    // It waits for what it may be taught before it says that it has everything; nothing is swept until then.
                    aggregator.wait_said("lb2: in sync", said + 1);
                    let what = format!("HAProxy {}, `{}`", haproxy.branch(), section.trim());
                    assert_eq!(number(&lb2, "st_src", KEY, "http_req_cnt"), again, "{what}");
                    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", total);
                    lb2.track("st_src", KEY.as_bytes(), 2);
                    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", total + 2);
                    assert!(!aggregator.program.stderr().contains("lease.agg"), "{}", aggregator.program.stderr());
                });
            }
        }
    });
}

#[test]
fn a_node_that_stands_still_delays_nobody() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let [lb1, lb2, lb3] = [1, 2, 3].map(|number| node(&haproxy, &network, number, 10_000).start());
        let mut aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2, &lb3], "", ""));
        wait_leased(&[&lb1, &lb2, &lb3]);
        lb2.freeze();
        let (mut client, mut eye) = (lb1.client(COUNT), lb3.client(Guard::Look as usize));
        let (began, mut took, mut made) = (Instant::now(), Vec::new(), 0);
        // Longer than it takes to give the session up.
        while began.elapsed() < Duration::from_secs(9) {
            // Many keys, so that much waits for the one that takes nothing.
            for other in 0..50 {
                client.get(&format!("/?k=10.1.{}.{other}", made % 250));
            }
            assert_eq!(client.get(&format!("/?k={KEY}")).0, 200);
            made += 1;
            let answered = Stopwatch::start();
            while !eye.get(&format!("/?k={KEY}")).1.starts_with(&format!("{made} ")) {
                assert!(answered.elapsed() < support::DEADLINE, "the others go on");
            }
            took.push(answered.elapsed());
        }
        took.sort();
        let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
        println!("HAProxy {}: {made} totals after {median:?} (median), {worst:?} (worst)", haproxy.branch());
        assert!(median < Duration::from_millis(100) && worst < Duration::from_secs(1), "{median:?}, {worst:?}");
        aggregator.wait_for("/lease_valid", &json!(false));
        lb2.thaw();
        lb2.track("st_src", KEY.as_bytes(), 1);
        wait_total(&[&lb1, &lb2, &lb3], "st_src", KEY, "http_req_cnt", made + 1);
        aggregator.wait_for("/lease_valid", &json!(true));
    }
}

#[test]
fn a_reload_under_load_leaves_the_total_what_the_nodes_say() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| {
                let network = Network::reachable();
                let dir = tempfile::tempdir().expect("a folder");
                let lb1 = node(haproxy, &network, 1, 10_000).start();
                let mut lb2 = node(haproxy, &network, 2, 10_000).start();
                let _aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], "", ""));
                wait_leased(&[&lb1, &lb2]);
                lb2.track("st_src", KEY.as_bytes(), 7);
                for _ in 0..2 {
                    let (over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
                    thread::scope(|scope| {
                        let load = scope.spawn(|| load(&lb1, Duration::from_millis(2), &over, &made));
                        wait_until("the table may be handed over", || lb2.is_synchronised().then_some(()));
                        let old = lb2.reload_with(|setup| setup);
                        old.wait();
                        over.store(true, Ordering::Relaxed);
                        load.join().expect("no panic");
                    });
                }
                let own = || [&lb1, &lb2].map(|lb| number(lb, "st_src", KEY, "http_req_cnt"));
                assert_eq!(own()[1], 7, "the table was handed over");
                wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", own().iter().sum());
                wait_leased(&[&lb1, &lb2]);
                lb2.track("st_src", KEY.as_bytes(), 1);
                wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", own().iter().sum());
            });
        }
    });
}

#[test]
fn a_key_that_was_cleared_and_forgotten_stays_away() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = format!("    state-file {}\n", dir.path().join("state.ndjson").display());
        let lb1 = node(&haproxy, &network, 1, 10_000).start();
        let mut lb2 = node(&haproxy, &network, 2, 10_000).start();
        let text = file(&[&lb1, &lb2], &state, "    teach-back on\n");
        let mut aggregator = Aggregator::start(&network, dir.path(), &text);
        wait_leased(&[&lb1, &lb2]);
        for lb in [&lb1, &lb2] {
            lb.track("st_src", KEY.as_bytes(), 5);
        }
        lb2.track("st_src", b"10.0.0.2", 7);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 10);
        wait_total(&[&lb1, &lb2], "st_src", "10.0.0.2", "http_req_cnt", 7);
        for lb in [&lb1, &lb2] {
            lb.cli(&format!("clear table mesh/st_src key {KEY}"));
        }
        let output = crate::star::peerctl(&["forget", KEY, "--table", "st_src", "--control", &aggregator.control()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 0);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_rate(10000)", 0);
        aggregator.kill();
        aggregator.start_again();
        wait_leased(&[&lb1, &lb2]);
        lb1.track("st_src", KEY.as_bytes(), 1);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 1);
        let back = try_until(|| (number(&lb2, "st_src", KEY, "http_req_cnt") == 0).then_some(()));
        assert!(back.is_some(), "lb2 has none");
        // Nor does it come back with what a node is taught that comes up cold.
        let said = aggregator.program.stderr().matches("lb2: in sync").count();
        lb2.restart_empty();
        aggregator.wait_said("lb2: in sync", said + 1);
        wait_until(&format!("HAProxy {} has its own entry again", haproxy.branch()), || {
            (number(&lb2, "st_src", "10.0.0.2", "http_req_cnt") == 7).then_some(())
        });
        assert_eq!(number(&lb2, "st_src", KEY, "http_req_cnt"), 0, "HAProxy {}", haproxy.branch());
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 1);
        wait_total(&[&lb1, &lb2], "st_src", "10.0.0.2", "http_req_cnt", 7);
    }
}
