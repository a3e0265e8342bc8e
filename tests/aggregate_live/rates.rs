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

/// The longest time from the first to the last reading of a sample: with more than that they aren't of one moment.
const AT_ONCE: Duration = Duration::from_millis(25);

/// HAProxy doesn't believe in more time than that between two looks at the clock: beyond it its own clock stands still, and its
/// rates are of another time than ours from then on, until their events are over.
const BELIEVED: Duration = Duration::from_millis(100);

/// How often all is done once more if the machine left too few samples that can be judged.
const TRIES: usize = 6;

/// What was seen on one node.
#[derive(Debug)]
struct Errors {
    median: f64,
    /// The worst one, when it is taken into account that a node shows whole numbers, rounded down.
    unrounded: f64,
    /// Samples that were judged, and those that can't be: their readings were too far from each other, or the machine stood still
    /// before them.
    samples: usize,
    torn: usize,
}

/// A look at a node: the sum just before, the total there, the sum just after.
#[derive(Clone, Copy, Debug)]
struct Sample {
    from: Instant,
    to: Instant,
    before: i128,
    total: i128,
    after: i128,
}

#[test]
fn the_total_of_rates_is_the_sum_of_the_nodes_rates_at_any_time() {
    let period_ms = std::env::var("PEERCTL_RATE_PERIOD_MS").map_or(6_000, |ms| ms.parse().expect("milliseconds"));
    let haproxies = support::haproxies();
    let newest = haproxies.last();
    let runs = haproxies.iter().map(|haproxy| (haproxy, TWO)).chain(newest.map(|haproxy| (haproxy, THREE)));
    thread::scope(|scope| {
        let runs: Vec<_> =
            runs.map(|(haproxy, phases)| scope.spawn(move || judge(haproxy, phases, period_ms))).collect();
        for run in runs {
            run.join().expect("no panic");
        }
    });
}

fn judge(haproxy: &Haproxy, phases: &[Phase], period_ms: u64) {
    for left in (0..TRIES).rev() {
        let errors = follow(haproxy, phases, period_ms);
        assert!(errors.iter().all(|errors| errors.samples == 0 || errors.unrounded <= 0.03), "{errors:?}");
        if errors.iter().all(|errors| errors.samples > 20.max(errors.torn)) {
            return assert!(errors.iter().all(|errors| errors.median <= 0.005), "{errors:?}");
        }
        assert!(left > 0, "too few of them can be judged: {errors:?}");
    }
}

/// How late a thread is that wants to run each millisecond: what the machine, busy with other things, takes from everybody.
#[derive(Debug, Default)]
struct Lateness(Vec<(Instant, Duration)>);

impl Lateness {
    fn watch(over: &AtomicBool) -> Self {
        const STEP: Duration = Duration::from_millis(1);
        let mut seen = Self::default();
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            thread::sleep(STEP);
            let now = Instant::now();
            seen.0.push((now, (now - began).saturating_sub(STEP)));
        }
        seen
    }

    /// Whether HAProxy's clock may have lost time since the events that a sample is about.
    fn disturbs(&self, sample: &Sample, remembered: Duration) -> bool {
        let first = self.0.partition_point(|(at, _)| *at + remembered < sample.from);
        let mut since = self.0.iter().skip(first).take_while(|(at, late)| *at <= sample.to + *late);
        since.any(|(_, late)| *late >= BELIEVED)
    }

    /// The worst of it shortly before a time: an answer that is on its way then may be as late.
    fn before(&self, time: Instant) -> Duration {
        let first = self.0.partition_point(|(at, _)| *at + Duration::from_millis(150) < time);
        let near = self.0.iter().skip(first).take_while(|(at, late)| *at <= time + *late);
        near.map(|(_, late)| *late).max().unwrap_or_default()
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
    let (mut requests, seen, lateness) = thread::scope(|scope| {
        let loads: Vec<_> = (nodes.iter().enumerate())
            .map(|(at, lb)| scope.spawn(move || load(lb, at, phases, period_ms, began)))
            .collect();
        let lateness = scope.spawn(|| Lateness::watch(&over));
        let eye = scope.spawn(|| {
            let mut seen: Vec<Vec<Sample>> = nodes.iter().map(|_| Vec::new()).collect();
            while !over.load(Ordering::Relaxed) {
                for (lb, seen) in nodes.iter().zip(&mut seen) {
                    let (from, before) = (Instant::now(), sum());
                    let total = number(lb, "st_src.agg", KEY, &field);
                    let after = sum();
                    seen.push(Sample { from, to: Instant::now(), before, total, after });
                }
                thread::sleep(LOOK);
            }
            seen
        });
        let requests: Vec<Instant> = loads.into_iter().flat_map(|load| load.join().expect("no panic")).collect();
        over.store(true, Ordering::Relaxed);
        (requests, eye.join().expect("no panic"), lateness.join().expect("no panic"))
    });
    wait_total(&nodes, "st_src", KEY, "http_req_cnt", requests.len() as i128);
    wait_total(&nodes, "st_src", KEY, "gpc0", requests.len() as i128);
    wait_total(&nodes, "st_src", KEY, &field, 0);
    requests.sort();
    let named = (1..).zip(seen).map(|(number, seen)| {
        let remembered = 2 * Duration::from_millis(period_ms);
        let (whole, torn): (Vec<Sample>, Vec<Sample>) = seen.into_iter().partition(|sample| {
            sample.to - sample.from <= AT_ONCE && !lateness.disturbs(sample, remembered)
        });
        let mut judged: Vec<_> = whole
            .iter()
            .map(|sample| {
                // Requests that were answered while the machine had no time for anybody may not have been told yet.
                let late = lateness.before(sample.from);
                let since = requests.partition_point(|made| *made + late < sample.from);
                let untold = requests.partition_point(|made| *made < sample.from) - since;
                (sample.error(untold, 0), late, untold, sample)
            })
            .collect();
        let rounded = i128::from(count) - 1;
        let unrounded = judged.iter().map(|(_, _, untold, sample)| sample.error(*untold, rounded)).fold(0.0, f64::max);
        judged.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (samples, torn, median) = (judged.len(), torn.len(), judged.get(judged.len() / 2).map_or(1.0, |one| one.0));
        // When the worst one was, and what was there: the sum before, the total, the sum after.
        let Some((worst, late, untold, sample)) = judged.pop() else {
            return Errors { median, unrounded, samples, torn };
        };
        println!(
            "HAProxy {}, {count} nodes, lb{number}: {samples} samples, {torn} torn, median {:.2} %, worst {:.2} %, {:.2} % without rounding \
             ({:.1} s: {}, {}, {}; the machine was {late:?} late, {untold} untold)",
            haproxy.branch(),
            100.0 * median,
            100.0 * worst,
            100.0 * unrounded,
            (sample.to - began).as_secs_f64(),
            sample.before,
            sample.total,
            sample.after
        );
        Errors { median, unrounded, samples, torn }
    });
    named.collect()
}

impl Sample {
    /// How far the total is from the sums just before and after it, relative to the larger of the sum and 100 events. Of the sums
    /// so many events may be missing because they are rounded.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn error(&self, untold: usize, rounded: i128) -> f64 {
        let (low, high) = (self.before.min(self.after) - untold as i128, self.before.max(self.after));
        let distance = (low - self.total).max(self.total - high - rounded).max(0);
        distance as f64 / high.max(100) as f64
    }
}

/// Makes the requests of one node at their times; returns when they were answered.
fn load(lb: &Live<'_>, at: usize, phases: &[Phase], period_ms: u64, began: Instant) -> Vec<Instant> {
    let (mut client, path) = (lb.client(COUNT), format!("/?k={KEY}"));
    let (mut made, mut begins) = (Vec::new(), began);
    for (rates, tenths) in phases {
        let (lasts, rate) = (Duration::from_millis(period_ms / 10) * *tenths, rates[at]);
        for next in 0..u32::try_from(lasts.as_millis()).expect("short") * rate / 1000 {
            let due = begins + Duration::from_secs(1) * next / rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            assert_eq!(client.get(&path).0, 200);
            made.push(Instant::now());
        }
        begins += lasts;
        thread::sleep(begins.saturating_duration_since(Instant::now()));
    }
    made
}
