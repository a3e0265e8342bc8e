//! The total of rates on every node, beside the sum of what the nodes themselves say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::star::{Aggregator, COUNT, KEY, file, node, number, wait_leased, wait_total};
use crate::support::{self, Haproxy, Live, Network};

/// A load: requests per second, at each node in turn, for some tenths of a period.
type Phase = (&'static [u32], u32);

const TWO: &[Phase] = &[(&[60, 40], 8), (&[300, 10], 2), (&[0, 80], 4), (&[0, 0], 1), (&[20, 200], 2), (&[0, 0], 21)];
const THREE: &[Phase] =
    &[(&[40, 30, 50], 8), (&[200, 10, 5], 2), (&[0, 80, 0], 4), (&[0, 0, 0], 1), (&[9, 0, 200], 2), (&[0, 0, 0], 21)];

/// How often the nodes are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What was seen on one node.
#[derive(Debug)]
struct Errors {
    median: f64,
    worst: f64,
}

#[test]
fn the_total_of_rates_is_the_sum_of_the_nodes_rates_at_any_time() {
    let period_ms = std::env::var("PEERCTL_RATE_PERIOD_MS").map_or(6_000, |ms| ms.parse().expect("milliseconds"));
    let haproxies = support::haproxies();
    let newest = haproxies.last();
    let runs = haproxies.iter().map(|haproxy| (haproxy, TWO)).chain(newest.map(|haproxy| (haproxy, THREE)));
    thread::scope(|scope| {
        let runs: Vec<_> = runs
            .map(|(haproxy, phases)| {
                scope.spawn(move || {
                    let is_close = (0..TRIES).any(|_| follow(haproxy, phases, period_ms).iter().all(Errors::are_small));
                    assert!(is_close, "HAProxy {} was never followed closely enough", haproxy.branch());
                })
            })
            .collect();
        for run in runs {
            run.join().expect("close enough");
        }
    });
}

/// How often it is tried: a machine that has no time for one of the processes makes an error of its own.
const TRIES: usize = 3;

impl Errors {
    fn are_small(&self) -> bool {
        self.median <= 0.005 && self.worst <= 0.03
    }
}

/// What was seen on each node, through all phases.
fn follow(haproxy: &Haproxy, phases: &[Phase], period_ms: u64) -> Vec<Errors> {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let count = u16::try_from(phases[0].0.len()).expect("few nodes");
    let nodes: Vec<Live<'_>> = (1..=count).map(|number| node(haproxy, &network, number, period_ms).start()).collect();
    let nodes: Vec<&Live<'_>> = nodes.iter().collect();
    let _aggregator = Aggregator::start(&network, dir.path(), &file(&nodes, "", ""));
    wait_leased(&nodes);

    let (over, field) = (AtomicBool::new(false), format!("http_req_rate({period_ms})"));
    let sum = || nodes.iter().map(|lb| number(lb, "st_src", KEY, &field)).sum::<i128>();
    let began = Instant::now();
    let (requests, seen) = thread::scope(|scope| {
        let loads: Vec<_> = (nodes.iter().enumerate())
            .map(|(at, lb)| scope.spawn(move || load(lb, at, phases, period_ms, began)))
            .collect();
        let eye = scope.spawn(|| {
            let mut seen: Vec<Vec<(f64, String)>> = nodes.iter().map(|_| Vec::new()).collect();
            while !over.load(Ordering::Relaxed) {
                for (lb, seen) in nodes.iter().zip(&mut seen) {
                    let before = sum();
                    let total = number(lb, "st_src.agg", KEY, &field);
                    let after = sum();
                    let at = began.elapsed().as_secs_f64();
                    seen.push((error(total, before, after), format!("{at:.1} s: {before}, {total}, {after}")));
                }
                thread::sleep(LOOK);
            }
            seen
        });
        let requests: usize = loads.into_iter().map(|load| load.join().expect("no panic")).sum();
        over.store(true, Ordering::Relaxed);
        (requests, eye.join().expect("no panic"))
    });
    wait_total(&nodes, "st_src", KEY, "http_req_cnt", requests as i128);
    wait_total(&nodes, "st_src", KEY, "gpc0", requests as i128);
    wait_total(&nodes, "st_src", KEY, &field, 0);
    let named = (1..).zip(seen).map(|(number, mut seen)| {
        seen.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let (samples, median) = (seen.len(), seen[seen.len() / 2].0);
        // When the worst one was, and what was there: the sum before, the total, the sum after.
        let (worst, place) = seen.pop().expect("looked at");
        println!(
            "HAProxy {}, {count} nodes, lb{number}: {samples} samples, median {:.2} %, worst {:.2} % ({place})",
            haproxy.branch(),
            100.0 * median,
            100.0 * worst
        );
        Errors { median, worst }
    });
    named.collect()
}

/// How far a total is from the sums just before and after it, relative to the larger of the sum and 100 events.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn error(total: i128, before: i128, after: i128) -> f64 {
    let (low, high) = (before.min(after), before.max(after));
    let distance = (low - total).max(total - high).max(0);
    distance as f64 / high.max(100) as f64
}

/// Makes the requests of one node at their times; returns how many.
fn load(lb: &Live<'_>, at: usize, phases: &[Phase], period_ms: u64, began: Instant) -> usize {
    let (mut client, path) = (lb.client(COUNT), format!("/?k={KEY}"));
    let (mut made, mut begins) = (0, began);
    for (rates, tenths) in phases {
        let (lasts, rate) = (Duration::from_millis(period_ms / 10) * *tenths, rates[at]);
        for next in 0..u32::try_from(lasts.as_millis()).expect("short") * rate / 1000 {
            let due = begins + Duration::from_secs(1) * next / rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            assert_eq!(client.get(&path).0, 200);
            made += 1;
        }
        begins += lasts;
        thread::sleep(begins.saturating_duration_since(Instant::now()));
    }
    made
}
