//! What outlives the aggregator, and what must not.

use std::fs;
use std::thread;

use rustix::process::Signal;
use serde_json::json;

use crate::star::{Aggregator, KEY, file, node, number, peerctl, wait_leased, wait_total};
use crate::support::{self, Live, Network, wait_until};

/// A key that stays.
const OTHER: &str = "10.0.0.2";

fn clear(lb: &Live<'_>, key: &str) {
    lb.cli(&format!("clear table mesh/st_src key {key}"));
}

#[test]
fn totals_that_ended_while_there_was_no_aggregator_fall_to_zero_with_the_next_one() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for (haproxy, keeps) in haproxies.iter().flat_map(|haproxy| [(haproxy, false), (haproxy, true)]) {
            scope.spawn(move || {
                let network = Network::reachable();
                let dir = tempfile::tempdir().expect("a folder");
                let state = format!("    state-file {}\n", dir.path().join("state.ndjson").display());
                let [lb1, lb2] = [1, 2].map(|number| node(haproxy, &network, number, 10_000).start());
                let nodes = [&lb1, &lb2];
                let text = file(&nodes, if keeps { &state } else { "" }, "");
                let mut aggregator = Aggregator::start(&network, dir.path(), &text);
                wait_leased(&nodes);
                for lb in nodes {
                    lb.track("st_src", KEY.as_bytes(), 5);
                }
                lb1.track("st_src", OTHER.as_bytes(), 3);
                wait_total(&nodes, "st_src", KEY, "http_req_cnt", 10);
                wait_total(&nodes, "st_src", OTHER, "http_req_cnt", 3);
                aggregator.kill();
                for lb in nodes {
                    clear(lb, KEY);
                }
                assert_eq!(nodes.map(|lb| number(lb, "st_src.agg", KEY, "http_req_cnt")), [10, 10]);
                aggregator.start_again();
                wait_leased(&nodes);
                for field in ["http_req_cnt", "http_req_rate(10000)", "gpc0"] {
                    wait_total(&nodes, "st_src", KEY, field, 0);
                }
                wait_total(&nodes, "st_src", OTHER, "http_req_cnt", 3);
                lb2.track("st_src", KEY.as_bytes(), 1);
                wait_total(&nodes, "st_src", KEY, "http_req_cnt", 1);
            });
        }
    });
}

#[test]
fn a_key_is_forgotten_for_good_of_a_source_that_is_away() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let state = format!("    state-file {}\n", dir.path().join("state.ndjson").display());
    let lb1 = node(&haproxy, &network, 1, 60_000).start();
    let mut lb2 = node(&haproxy, &network, 2, 60_000).start();
    let text = file(&[&lb1, &lb2], &state, "");
    let mut aggregator = Aggregator::start(&network, dir.path(), &text);
    wait_leased(&[&lb1, &lb2]);
    lb2.track("st_src", KEY.as_bytes(), 5);
    lb2.track("st_src", OTHER.as_bytes(), 5);
    aggregator.wait_for("/tables/0/keys", &json!(2));
    let end = |aggregator: &mut Aggregator<'_>| {
        aggregator.program.signal(Signal::TERM);
        wait_until("it has ended", || aggregator.program.has_ended().then_some(()));
    };
    end(&mut aggregator);
    lb2.kill();
    // All that this one has of lb2 is in the file.
    aggregator.start_again();
    aggregator.wait_for("/tables/0/keys", &json!(2));
    let output = peerctl(&["forget", KEY, "--table", "st_src", "--control", &aggregator.control()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    end(&mut aggregator);
    aggregator.start_again();
    aggregator.wait_for("/tables/0/keys", &json!(1));
}

#[test]
fn what_on_reset_monotonic_carries_outlives_the_aggregator() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("state.ndjson");
    let state = format!("    state-file {}\n", path.display());
    let lb1 = node(&haproxy, &network, 1, 10_000).start();
    let mut lb2 = node(&haproxy, &network, 2, 10_000).start();
    let text = file(&[&lb1, &lb2], &state, "    data http_req_cnt sum on-reset monotonic\n");
    let mut aggregator = Aggregator::start(&network, dir.path(), &text);
    wait_leased(&[&lb1, &lb2]);
    lb1.track("st_src", KEY.as_bytes(), 5);
    lb2.track("st_src", KEY.as_bytes(), 7);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
    let said = aggregator.program.stderr().matches("lb2: in sync").count();
    lb2.restart_empty();
    aggregator.wait_said("lb2: in sync", said + 1);
    lb2.track("st_src", KEY.as_bytes(), 2);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 14);
    wait_until("it is on disk", || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        (text.contains("lb2/kept") && text.contains(r#""http_req_cnt":2"#)).then_some(())
    });
    aggregator.kill();
    aggregator.start_again();
    wait_leased(&[&lb1, &lb2]);
    lb1.track("st_src", KEY.as_bytes(), 1);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 15);
    // The file is read again, and then it ends in order.
    aggregator.hang_up();
    aggregator.wait_said("SIGHUP: the options were read again", 1);
    wait_leased(&[&lb1, &lb2]);
    lb1.track("st_src", KEY.as_bytes(), 1);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 16);
    aggregator.program.signal(Signal::TERM);
    wait_until("it ends", || aggregator.program.has_ended().then_some(()));
    aggregator.start_again();
    wait_leased(&[&lb1, &lb2]);
    lb2.track("st_src", KEY.as_bytes(), 1);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 17);
}
