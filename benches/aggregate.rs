//! What adding up costs on one core, and in memory; printed beside the goals, nothing is asserted.
//!
//! `cargo bench --bench aggregate`; a number as argument makes the keys of the memory test fewer.

mod figures;

use std::fs;
use std::time::{Duration, Instant};

use figures::{Goal, note};
use peerctl::aggregate::{
    Aggregation, Aggregator, Limits, Naming, Peer, PeerNumber, Policy, Publish, Relation, Stale, TotalId,
};
use peerctl::proto::session::{LocalTable, Options, Role, Session};
use peerctl::stick::{Definition, Place, parse};
use peerctl::table::{ServerKey, Update};

const COLUMNS: &str = "store gpc0,conn_cnt,http_req_cnt,http_req_rate(10s),bytes_in_cnt";

/// What is sent to a destination in one turn at most.
const TURN: usize = 128;

fn main() {
    let keys: u32 = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    memory(keys, 3);
    for updates in [20_000, 100_000] {
        load(50, 20_000, updates, false);
        load(50, 20_000, updates, true);
    }
    load(3, 100_000, 100_000, true);
    load(2, 100_000, 100_000, true);
}

fn aggregator(sources: usize) -> (Aggregator, Definition) {
    let peers = (0..sources).map(|n| Peer { name: format!("lb{n}").into_bytes().into(), relation: Relation::Node });
    let options = Aggregation {
        name: "bench".into(),
        naming: Naming::Suffix { from: None, to: b".agg".as_slice().into() },
        peers: peers.collect(),
        policy: Policy::default(),
        publish: Publish::default(),
        stale: Stale::Keep,
        start_grace_ms: 0,
        refresh_ms: None,
        teach_back: false,
        lease: None,
    };
    let line = format!("type ip size 1m expire 1h {COLUMNS}");
    let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
    let definition = Definition::of_schema(b"st_src", &schema).expect("a key type");
    let mut aggregator = Aggregator::new(options, b"agg1", Limits::default(), 0).expect("few peers");
    for source in 0..sources {
        aggregator.link_up(PeerNumber(source), 0);
        aggregator.table(PeerNumber(source), 0, &definition, 0);
        aggregator.wants_resync(PeerNumber(source), 0);
        aggregator.resync_ended(PeerNumber(source), true, 0);
    }
    (aggregator, definition)
}

fn update<'a>(key: &'a [u8], values: &'a [u64], update_id: u32) -> Update<'a> {
    Update { key, values, server_key: ServerKey::Unchanged, update_id, life_ms: None, resync: false }
}

/// Keys that all sources have.
fn memory(keys: u32, sources: usize) {
    let before = resident();
    let (mut aggregator, definition) = aggregator(sources);
    let values = vec![7; definition.layout.slots()];
    let start = on_cpu();
    for n in 0..keys {
        let key = n.wrapping_mul(0x9e37_79b1).to_be_bytes();
        for source in 0..sources {
            aggregator.update(PeerNumber(source), 0, &update(&key, &values, n), 1);
        }
        if n % 1_000 == 0 {
            (0..sources).for_each(|to| while aggregator.publish(PeerNumber(to), 1, TURN, |_, _, _| true) {});
        }
    }
    let learned = on_cpu() - start;
    let (said, grown) = (aggregator.memory(), resident() - before);
    println!(
        "{keys} keys × {sources} sources: {} MB by its own count, {} MB resident (goal: 400 MB for 1,000,000 × 3), {:.2} s",
        said >> 20,
        grown >> 20,
        learned
    );
    let [ours, goal] = [grown >> 20, 400 * keys as usize / 1_000_000].map(|size| format!("{size} MB"));
    let ratio = ratio(grown as u64, 400 * u64::from(keys) * (1 << 20) / 1_000_000);
    note(&format!("aggregate: {keys} keys × {sources} nodes / goal"), &ours, &goal, ratio, Goal::AtMost(1.0));
    // A destination that comes again is sent everything.
    aggregator.link_down(PeerNumber(0), true, 2);
    aggregator.link_up(PeerNumber(0), 2);
    let start = on_cpu();
    let mut sent = 0_u32;
    while aggregator.publish(PeerNumber(0), 3, TURN, |_, _, _| {
        sent += 1;
        true
    }) {}
    println!(
        "  a destination that comes again is sent {sent} totals in {:.2} s; {} MB resident then",
        on_cpu() - start,
        (resident() - before) >> 20
    );
    let start = on_cpu();
    aggregator.table(PeerNumber(0), 0, &definition, 3);
    aggregator.wants_resync(PeerNumber(0), 3);
    aggregator.resync_ended(PeerNumber(0), true, 4);
    println!(
        "  the sweep of a source that has lost all of its {keys} entries: {:.0} ms in one piece",
        (on_cpu() - start) * 1e3
    );
}

/// So many updates a second for some seconds, and what is sent meanwhile. If a core can't send all that changes, more changes of
/// a key become one; others on the same machine count for the time that totals wait, not for the core's.
fn load(sources: usize, keys: u32, updates: u32, with_sessions: bool) {
    const SECONDS: Duration = Duration::from_secs(5);
    let (mut aggregator, definition) = aggregator(sources);
    let mut sessions: Vec<Destination> = (0..sources).map(|_| Destination::new()).collect();
    let mut values = vec![0; definition.layout.slots()];
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(random >> 33).unwrap_or(0)
    };
    // All keys are there at all sources.
    for n in 0..keys {
        for source in 0..sources {
            aggregator.update(PeerNumber(source), 0, &update(&n.to_be_bytes(), &values, n), 1);
        }
    }
    let mut turn = 0;
    let mut drain =
        |aggregator: &mut Aggregator, sessions: &mut Vec<Destination>, now: u64, until: &dyn Fn() -> bool| {
            let (mut sent, mut idle) = (0_u64, 0);
            while idle < sessions.len() && !until() {
                turn = (turn + 1) % sessions.len();
                let session = &mut sessions[turn];
                let waits = aggregator.publish(PeerNumber(turn), now, TURN, |id, definition, push| {
                    sent += 1;
                    if with_sessions {
                        session.push(id, definition, push);
                    }
                    true
                });
                session.flush();
                idle = if waits { 0 } else { idle + 1 };
            }
            sent
        };
    drain(&mut aggregator, &mut sessions, 2, &|| false);
    let (mut sent, mut lag, mut taken) = (0, Vec::new(), 0);
    let (start, before) = (Instant::now(), on_cpu());
    let mut id = keys;
    while start.elapsed() < SECONDS {
        let now = 10 + u64::try_from(start.elapsed().as_millis()).unwrap_or(0);
        // What has come in the meantime; a reader takes some tens of kilobytes at once.
        let come = u64::from(updates) * u64::try_from(start.elapsed().as_micros()).unwrap_or(0) / 1_000_000;
        for _ in taken..come.min(taken + 4_000) {
            let (key, source) = ((next() % keys).to_be_bytes(), next() as usize % sources);
            id += 1;
            values[0] = id.into();
            values[3] = u64::from(next() % 10_000);
            values[4] = u64::from(next() % 1_000);
            aggregator.update(PeerNumber(source), 0, &update(&key, &values, id), now);
        }
        taken = come.min(taken + 4_000);
        aggregator.tick(now, 10_000);
        let turn = Instant::now();
        let count = drain(&mut aggregator, &mut sessions, now, &|| turn.elapsed() > Duration::from_millis(2));
        sent += count;
        let status = aggregator.status(now);
        lag.push(status.peers.iter().map(|peer| peer.lag_ms).max().unwrap_or(0));
        if count == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let busy = on_cpu() - before;
    lag.sort_unstable();
    if with_sessions {
        let what = format!("aggregate: {sources} nodes, {updates} updates/s / a core");
        // On a busy machine fewer are taken in the time.
        let asked = u64::from(updates) * SECONDS.as_secs();
        let share = busy / SECONDS.as_secs_f64() * ratio(asked, taken.max(1));
        note(&what, &format!("{:.0} %", share * 100.0), "100 %", share, Goal::AtMost(1.0));
    }
    println!(
        "{sources} sources × {keys} keys, {updates} updates/s{}: {:.0} % of a core, {taken} updates taken, {} totals/s sent ({:.2} of those without coalescing), the oldest waits {} ms (median), {} ms (worst); {} MB",
        if with_sessions { ", encoded" } else { "" },
        busy / SECONDS.as_secs_f64() * 100.0,
        sent / SECONDS.as_secs(),
        ratio(sent / SECONDS.as_secs(), u64::from(updates) * sources as u64),
        lag[lag.len() / 2],
        lag[lag.len() - 1],
        aggregator.memory() >> 20,
    );
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}

/// The session with a destination.
struct Destination {
    session: Session,
    table: Option<(TotalId, LocalTable)>,
    out: Vec<u8>,
}

impl Destination {
    fn new() -> Self {
        let now = Instant::now();
        let mut session = Session::new(Options::new(b"agg1", Role::Caller(b"lb".as_slice().into())), now);
        session.handle_bytes(now, b"200\n");
        while session.poll_event().is_some() {}
        Self { session, table: None, out: Vec::new() }
    }

    fn push(&mut self, id: TotalId, definition: &Definition, push: &peerctl::proto::session::Push<'_>) {
        if self.table.is_none_or(|(known, _)| known != id) {
            self.table = Some((id, self.session.define(definition.clone()).expect("it can be sent")));
        }
        if let Some((_, table)) = self.table {
            self.session.push(table, push).expect("it can be sent");
        }
    }

    fn flush(&mut self) {
        self.session.poll_transmit(&mut self.out);
        self.out.clear();
    }
}

/// Seconds that this thread was on a core, to some milliseconds, so that others who share it don't count.
fn on_cpu() -> f64 {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.expect("Linux counts them") / 1e9
}

/// Bytes of memory in use.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0) * 1024
}
