//! Networks that break and an aggregator that dies or stands still at any moment: sums are right all the same, and whoever isn't
//! concerned notices nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::star::{Aggregator, COUNT, Guard, KEY, file, has_lease, node, number, wait_leased, wait_total};
use crate::support::chaos::{Act, Chaos, Fault, Place, Plan};
use crate::support::random::Random;
use crate::support::wire::Initiator;
use crate::support::{self, Live, Network, wait_until};

/// A key that nobody asks for any more.
const STILL: &str = "10.0.0.2";

/// Requests at these nodes until `over`; returns how many.
fn under_load<T>(nodes: &[&Live<'_>], pause: Duration, work: impl FnOnce() -> T) -> (T, i128) {
    let (over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let result = thread::scope(|scope| {
        for lb in nodes {
            let (over, made) = (&over, &made);
            scope.spawn(move || {
                let mut client = lb.client(COUNT);
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(client.get(&format!("/?k={KEY}")).0, 200);
                    made.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(pause);
                }
            });
        }
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        over.store(true, Ordering::Relaxed);
        result
    });
    let result = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    (result, made.into_inner() as i128)
}

/// What goes wrong on one connection after the other.
fn plan(connection: usize) -> Plan {
    let fault = |place, act| vec![Fault::new(place, act)];
    let (from_haproxy, to_haproxy) = match connection {
        0 => (fault(Place::Frame(3), Act::Reset), Vec::new()),
        1 => (Vec::new(), fault(Place::Frame(4), Act::Close)),
        2 => (fault(Place::Within(5, 2), Act::Close), Vec::new()),
        3 => (Vec::new(), fault(Place::Byte(9), Act::Reset)),
        4 => (fault(Place::Frame(2), Act::HalfClose), Vec::new()),
        5 => (fault(Place::Frame(1), Act::Trickle), fault(Place::Frame(1), Act::Trickle)),
        6 => (Vec::new(), fault(Place::Frame(6), Act::Stall)),
        7 => (fault(Place::Frame(6), Act::Stall), Vec::new()),
        8 => (fault(Place::Frame(2), Act::Delay(Duration::from_millis(300))), Vec::new()),
        _ => Default::default(),
    };
    Plan { to_haproxy, from_haproxy }
}

#[test]
fn a_network_that_breaks_in_all_ways_costs_nothing_but_time_and_nobody_else_notices() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| {
                let network = Network::reachable();
                let dir = tempfile::tempdir().expect("a folder");
                let [lb1, lb3] = [1, 3].map(|number| node(haproxy, &network, number, 10_000).start());
                // It can't call: all goes through the proxy.
                let lb2 = node(haproxy, &network, 2, 10_000).peer("agg1", 10_799).start();
                let chaos = Chaos::start(&network, 10_802, lb2.port(), Initiator::Observer, plan);
                let text = file(&[&lb1, &lb2, &lb3], "", "    start-grace 300ms\n").replace(":10002", ":10802");
                let mut aggregator = Aggregator::start(&network, dir.path(), &text);
                aggregator.wait_for("/publishing", &json!(true));
                lb2.track("st_src", STILL.as_bytes(), 7);
                let (took, made) = under_load(&[&lb1, &lb2], Duration::from_millis(4), || {
                    let mut took = Vec::new();
                    let (mut client, mut eye) = (lb1.client(COUNT), lb3.client(Guard::Look as usize));
                    let began = Instant::now();
                    while chaos.connections() < 11 {
                        assert!(began.elapsed() < 2 * support::DEADLINE, "{} connections", chaos.connections());
                        // Those that only drip, or stand still, end by themselves in the end, or so.
                        if chaos.connections() >= 6 && took.len() % 10 == 9 {
                            chaos.cut(took.len() % 20 == 19);
                        }
                        assert_eq!(client.get("/?k=10.0.0.3").0, 200);
                        let (answered, expected) = (Instant::now(), format!("{} ", took.len() + 1));
                        while !eye.get("/?k=10.0.0.3").1.starts_with(&expected) {
                            assert!(answered.elapsed() < support::DEADLINE, "the others go on");
                        }
                        took.push(answered.elapsed());
                        thread::sleep(Duration::from_millis(30));
                    }
                    chaos.release();
                    took
                });
                wait_total(&[&lb1, &lb2, &lb3], "st_src", KEY, "http_req_cnt", made);
                wait_total(&[&lb1, &lb2, &lb3], "st_src", STILL, "http_req_cnt", 7);
                wait_leased(&[&lb1, &lb2, &lb3]);
                aggregator.wait_for("/fresh_sources", &json!(3));
                let mut took = took;
                took.sort();
                let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
                println!(
                    "HAProxy {}: {} connections, {made} requests; the others' totals after {median:?} (median), {worst:?} (worst)",
                    haproxy.branch(),
                    chaos.connections()
                );
                assert!(median < Duration::from_millis(100), "{median:?}");
            });
        }
    });
}

#[test]
fn killed_at_any_moment_it_goes_on_with_the_right_sums() {
    let rounds = std::env::var("PEERCTL_KILLS").map_or(6, |rounds| rounds.parse().expect("a number"));
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(move || killed(haproxy, rounds));
        }
    });
}

fn killed(haproxy: &support::Haproxy, rounds: usize) {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let state = format!("    state-file {}\n", dir.path().join("state.ndjson").display());
    let [lb1, lb2] = [1, 2].map(|number| node(haproxy, &network, number, 10_000).start());
    let nodes = [&lb1, &lb2];
    let mut aggregator = Aggregator::start(&network, dir.path(), &file(&nodes, &state, ""));
    wait_leased(&nodes);
    lb1.track("st_src", STILL.as_bytes(), 5);
    lb2.track("st_src", STILL.as_bytes(), 7);
    wait_total(&nodes, "st_src", STILL, "http_req_cnt", 12);
    let mut random = Random::new(u64::from(haproxy.version.1));
    let ((), made) = under_load(&nodes, Duration::from_millis(3), || {
        let right = |last: &mut i128| {
            for lb in nodes {
                assert_eq!(number(lb, "st_src.agg", STILL, "http_req_cnt"), 12, "it never changes");
            }
            let total = number(&lb1, "st_src.agg", KEY, "http_req_cnt");
            let sum: i128 = nodes.iter().map(|lb| number(lb, "st_src", KEY, "http_req_cnt")).sum();
            assert!(*last <= total && total <= sum, "{last}, then {total} of {sum}");
            *last = total;
        };
        let mut last = 0;
        for _ in 0..rounds {
            let until = Instant::now() + Duration::from_millis(random.next() % 700);
            while Instant::now() < until {
                right(&mut last);
            }
            aggregator.kill();
            right(&mut last);
            aggregator.start_again();
        }
        wait_leased(&nodes);
        right(&mut last);
    });
    wait_total(&nodes, "st_src", KEY, "http_req_cnt", made);
    wait_total(&nodes, "st_src", STILL, "http_req_cnt", 12);
    // One that was killed for good.
    aggregator.kill();
    let killed = Instant::now();
    wait_until("nobody trusts it", || nodes.iter().all(|lb| !has_lease(lb, "agg1")).then_some(()));
    println!("HAProxy {}: {rounds} kills, {made} requests, no lease after {:?}", haproxy.branch(), killed.elapsed());
}

#[test]
fn an_aggregator_that_stands_still_is_trusted_no_more_until_it_goes_on() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| {
                let network = Network::reachable();
                let dir = tempfile::tempdir().expect("a folder");
                let [lb1, lb2] = [1, 2].map(|number| node(haproxy, &network, number, 10_000).start());
                let nodes = [&lb1, &lb2];
                let aggregator = Aggregator::start(&network, dir.path(), &file(&nodes, "", ""));
                wait_leased(&nodes);
                let (stood, made) = under_load(&nodes, Duration::from_millis(5), || {
                    aggregator.program.signal(Signal::STOP);
                    let stopped = Instant::now();
                    wait_until("nobody trusts it", || nodes.iter().all(|lb| !has_lease(lb, "agg1")).then_some(()));
                    let stood = stopped.elapsed();
                    aggregator.program.signal(Signal::CONT);
                    wait_leased(&nodes);
                    stood
                });
                wait_total(&nodes, "st_src", KEY, "http_req_cnt", made);
                println!("HAProxy {}: no lease {stood:?} after SIGSTOP", haproxy.branch());
            });
        }
    });
}
