//! Nodes that aren't set up as they should be: counted and told, and never part of a total that looks right.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::star::{Aggregator, KEY, LEASE, PORT, file, has_lease, node, number, source_table, wait_leased, wait_total};
use crate::support::random::Random;
use crate::support::{self, Haproxy, Network, Setup, Stopwatch, wait_until};

/// A node without any table.
fn bare<'a>(haproxy: &'a Haproxy, network: &'a Network, number: u16) -> Setup<'a> {
    Setup::new(haproxy, network).without_guest().named(&format!("lb{number}"), 10_000 + number).peer("agg1", PORT)
}

#[test]
fn a_table_of_another_definition_is_no_part_of_the_total_and_that_is_told() {
    let keyed = |len: u16| format!("type string len {len} size 1k expire 10m store http_req_cnt");
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let lb1 = node(&haproxy, &network, 1, 10_000).table("keyed", &keyed(20)).table("keyed.agg", &keyed(20)).start();
        let mut aggregator = Aggregator::start(
            &network,
            dir.path(),
            &file(&[&lb1], "", &format!("    peer lb2 {}\n    start-grace 300ms\n", network.address(10_002))),
        );
        aggregator.wait_for("/tables/0/sources/0/peer", &json!("lb1"));
        aggregator.wait_for("/fresh_sources", &json!(1));
        let lb2 = node(&haproxy, &network, 2, 30_000).table("keyed", &keyed(32)).table("keyed.agg", &keyed(32)).start();
        lb1.track("st_src", KEY.as_bytes(), 5);
        lb2.track("st_src", KEY.as_bytes(), 7);
        lb1.track("keyed", b"anna", 2);
        lb2.track("keyed", b"anna", 3);
        aggregator.wait_said("lb2: table /st_src is not added up", 1);
        aggregator.wait_said("lb2: table /keyed is not added up", 1);
        println!("{}", aggregator.program.stderr());
        wait_total(&[&lb1], "st_src", KEY, "http_req_cnt", 5);
        wait_total(&[&lb1], "keyed", "anna", "http_req_cnt", 2);
        for table in ["/st_src", "/keyed"] {
            let rejected = aggregator.metric(&format!("source_rejected{{table=\"{table}\",peer=\"lb2\"}}"));
            assert!((rejected - 1.0).abs() < 0.1, "{table}");
        }
        assert_eq!(aggregator.page("/readyz").0, 503);
        let status = aggregator.status();
        assert_eq!(status["aggregations"][0]["lease_valid"], json!(false), "{status:#}");
        assert!(!has_lease(&lb1, "agg1"), "nobody trusts totals that miss a source");
        // Nor does it get totals into a table that isn't like them.
        assert_eq!(number(&lb2, "st_src.agg", KEY, "http_req_cnt"), 0);
        assert!(lb1.log().is_empty() || !lb1.log().contains("ALERT"), "{}", lb1.log());
        assert_eq!([lb1.peer_counter("agg1", "proto_err"), lb2.peer_counter("agg1", "proto_err")], [0, 0]);
    }
}

#[test]
fn a_table_that_becomes_another_one_counts_no_more_until_it_is_like_the_others_again() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| {
                let network = Network::reachable();
                let dir = tempfile::tempdir().expect("a folder");
                let lb1 = node(haproxy, &network, 1, 10_000).start();
                let mut lb2 = node(haproxy, &network, 2, 10_000).start();
                let mut aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], "", ""));
                wait_leased(&[&lb1, &lb2]);
                lb1.track("st_src", KEY.as_bytes(), 5);
                lb2.track("st_src", KEY.as_bytes(), 7);
                wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
                lb2.reload_with(|setup| setup.table("st_src", &source_table(30_000))).wait();
                aggregator.wait_said("lb2: table /st_src is not added up: it stores http_req_rate(30s)", 1);
                wait_total(&[&lb1], "st_src", KEY, "http_req_cnt", 5);
                let rejected = || aggregator.metric("source_rejected{table=\"/st_src\",peer=\"lb2\"}");
                assert!((rejected() - 1.0).abs() < 0.1);
                wait_until("nobody trusts that", || (!has_lease(&lb1, "agg1")).then_some(()));
                lb2.reload_with(|setup| setup.table("st_src", &source_table(10_000))).wait();
                wait_leased(&[&lb1, &lb2]);
                let own = number(&lb2, "st_src", KEY, "http_req_cnt");
                lb2.track("st_src", KEY.as_bytes(), 2);
                wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 5 + own + 2);
                assert!(rejected() < 0.1);
            });
        }
    });
}

#[test]
fn a_node_without_a_table_for_totals_or_for_the_lease_is_named() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let source = source_table(10_000);
    let lb1 = node(&haproxy, &network, 1, 10_000).start();
    let lb2 = bare(&haproxy, &network, 2).table("st_src", &source).table("lease", LEASE).start();
    let lb3 = bare(&haproxy, &network, 3).table("st_src", &source).table("st_src.agg", &source).start();
    let mut aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2, &lb3], "", ""));
    for (number, lb) in (1..).zip([&lb1, &lb2, &lb3]) {
        lb.track("st_src", KEY.as_bytes(), number);
    }
    aggregator.wait_said("lb2: it has no table `/st_src.agg`, so nobody reads the totals there", 1);
    aggregator.wait_said("lb3: it has no table `/lease`, so it can't see whether the totals can be trusted", 1);
    wait_total(&[&lb1, &lb3], "st_src", KEY, "http_req_cnt", 6);
    wait_leased(&[&lb1, &lb2]);
    let status = aggregator.status();
    let unwritable = &status["aggregations"][0]["tables"][0]["unwritable"];
    assert_eq!(unwritable[0]["peer"], json!("lb2"), "{status:#}");
    assert!((aggregator.metric("total_unwritable{table=\"/st_src.agg\",peer=\"lb2\"}") - 1.0).abs() < 0.1);
    println!("{}", aggregator.program.stderr());
}

/// Keys of one node's clients, each with its own count, at their own times.
fn visit(lb: &support::Live<'_>, keys: std::ops::Range<usize>, random: &mut Random) {
    for key in keys {
        lb.track("st_src", format!("10.0.1.{key}").as_bytes(), 1 + random.below(5));
        thread::sleep(Duration::from_millis(random.next() % 60));
    }
}

fn alike(aggregator: &mut Aggregator<'_>) -> Vec<serde_json::Value> {
    let status = aggregator.status();
    let sources = status["aggregations"][0]["tables"][0]["sources"].as_array().cloned().unwrap_or_default();
    sources.iter().map(|source| source["alike"].clone()).collect()
}

#[test]
fn a_mesh_beside_the_aggregator_is_told_and_nothing_grows() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(move || {
                let network = Network::reachable();
                let dir = tempfile::tempdir().expect("a folder");
                let lb1 = node(haproxy, &network, 1, 10_000).peer("lb2", 10_002).start();
                let lb2 = node(haproxy, &network, 2, 10_000).peer("lb1", 10_001).start();
                let text = file(&[&lb1, &lb2], "", "    refresh 2s\n");
                let mut aggregator = Aggregator::start(&network, dir.path(), &text);
                wait_leased(&[&lb1, &lb2]);
                wait_until("they are a mesh", || lb1.is_established("lb2").then_some(()));
                lb1.track("st_src", KEY.as_bytes(), 5);
                lb2.track("st_src", "10.0.0.2".as_bytes(), 7);
                let mut random = Random::new(7);
                let mut visited = None::<Stopwatch>;
                wait_until("both are named", || {
                    // A copy that was under way while the machine stood still isn't as old as what it copies: then once more.
                    if visited.is_none_or(|at| at.elapsed() > Duration::from_secs(6) && at.stood() > Duration::ZERO) {
                        visited = Some(Stopwatch::start());
                        visit(&lb1, 0..10, &mut random);
                        visit(&lb2, 10..20, &mut random);
                    }
                    (alike(&mut aggregator) == [json!("lb2"), json!("lb1")]).then_some(())
                });
                aggregator.wait_said("seem to replicate it to each other", 1);
                println!("{}", aggregator.program.stderr());
                assert!((aggregator.metric("source_alike{table=\"/st_src\",peer=\"lb1\"}") - 1.0).abs() < 0.1);
                let total = || [KEY, "10.0.0.2"].map(|key| number(&lb1, "st_src.agg", key, "http_req_cnt"));
                // Both nodes have both keys, so each is counted twice at most.
                let (began, mut seen) = (Instant::now(), Vec::new());
                while began.elapsed() < Duration::from_secs(5) {
                    let now = total();
                    assert!(now[0] <= 10 && now[1] <= 14, "nothing grows: {now:?}");
                    if seen.last() != Some(&now) {
                        seen.push(now);
                    }
                    thread::sleep(Duration::from_millis(200));
                }
                println!("HAProxy {}: the totals were {seen:?}", haproxy.branch());
            });
        }
    });
}

#[test]
fn nodes_that_see_the_same_clients_are_no_mesh() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(move || {
                let network = Network::reachable();
                let dir = tempfile::tempdir().expect("a folder");
                let [lb1, lb2] = [1, 2].map(|number| node(haproxy, &network, number, 10_000).start());
                let text = file(&[&lb1, &lb2], "", "    refresh 1s\n");
                let mut aggregator = Aggregator::start(&network, dir.path(), &text);
                wait_leased(&[&lb1, &lb2]);
                let mut random = Random::new(8);
                for part in 0..5 {
                    visit(&lb1, part * 10..part * 10 + 10, &mut random);
                    visit(&lb2, part * 10..part * 10 + 10, &mut random);
                }
                let sessions =
                    |aggregator: &Aggregator<'_>| aggregator.metric("updates_total{aggregation=\"web\",peer=\"lb2\"}");
                // Several resyncs when all are quiet.
                let before = sessions(&aggregator);
                wait_until("everything is taught a few times", || {
                    (sessions(&aggregator) > before + 400.0).then_some(())
                });
                assert_eq!(alike(&mut aggregator), [json!(null), json!(null)]);
                assert!(!aggregator.program.stderr().contains("replicate"), "{}", aggregator.program.stderr());
            });
        }
    });
}
