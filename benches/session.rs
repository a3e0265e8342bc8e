//! How fast a session takes entries, from memory: alone, and into a store, whose cost in memory is measured, too. Medians of the
//! time on the processor, for one core; nothing is asserted.
//!
//! `cargo bench --bench session` takes 1,000,000 entries; a number as argument makes it fewer.

mod entries;
mod figures;

use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use figures::{Goal, note};
use peerctl::proto::{
    Session,
    session::{Event, Options, Push, Role},
};
use peerctl::table::{Applied, Batch, Limits, ServerKey, Store, Update};

const ROUNDS: usize = 9;

fn main() {
    let count: u32 = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let (session, stream) = taught(count);
    println!("{count} updates of `{}`, {:.1} bytes each\n", entries::COLUMNS, each(stream.len(), count));
    println!("{:44} {:>9} {:>9} {:>9}  {:10}", "one core, from memory", "median", "best", "ns each", "goal");
    for piece in [16, 64] {
        let decode = || feed(&session, &stream, piece << 10, |update| _ = black_box(update.values), || ());
        row(&format!("decoding, in pieces of {piece} KiB"), count, &times(decode), 20.0);
    }
    let mut bytes = (0, 0);
    for piece in [16, 64] {
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let before = resident();
            let limits = Limits { entries: usize::MAX, bytes: usize::MAX, ..Limits::default() };
            let mut store = Store::new(entries::definition(b"t"), limits).expect("narrow");
            new.push(into(&session, &stream, piece << 10, &mut store, 0, count));
            bytes = (store.memory(), resident().saturating_sub(before));
            known.push(into(&session, &stream, piece << 10, &mut store, 60_000, count));
        }
        row(&format!("into a store, {piece} KiB: entries that are new"), count, &new, 8.0);
        row(&format!("into a store, {piece} KiB: known ones"), count, &known, 8.0);
    }
    println!("\n{:44} {:>9} {:>9} {:>9}  {:10}", "bytes an entry", "counted", "resident", "", "goal");
    let (counted, resident) = (each(bytes.0, count), each(bytes.1, count));
    println!("{:44} {counted:>9.1} {resident:>9.1} {:>9}  ≤ 100 {}", "in a store", "", verdict(counted <= 100.0));
    note("bytes an entry in a store / goal", &format!("{counted:.1} B"), "100 B", counted / 100.0, Goal::AtMost(1.0));
}

/// A session that has just been told of the table by its peer, and the bytes that teach it so many entries.
fn taught(count: u32) -> (Session, Vec<u8>) {
    let now = Instant::now();
    let mut teacher = Session::new(Options::new(b"lb1", Role::Caller((*b"lb2").into())), now);
    let mut pupil = Session::new(Options::new(b"lb2", Role::Called(vec![(*b"lb1").into()])), now);
    for _ in 0..2 {
        hand_over(&mut teacher, &mut pupil, now);
        hand_over(&mut pupil, &mut teacher, now);
    }
    let mut stream = Vec::new();
    let table = teacher.define(entries::definition(b"t")).expect("any HAProxy takes it");
    for n in 0..count {
        let (key, values) = entries::entry(n);
        let life_ms = Some(entries::EXPIRE_MS - n % 100_000);
        teacher.push(table, &Push { key: &key, values: &values, server_key: None, life_ms }).expect("it fits");
        teacher.poll_transmit(&mut stream);
    }
    (pupil, stream)
}

/// What one has to say, and the other has to hear.
fn hand_over(from: &mut Session, to: &mut Session, now: Instant) {
    let mut bytes = Vec::new();
    from.poll_transmit(&mut bytes);
    to.handle_bytes(now, &bytes);
    while to.poll_event().is_some() {}
}

/// Feeds a copy of `session` as the driver of a connection does: piece by piece, each until nothing more is told.
fn feed(
    session: &Session,
    stream: &[u8],
    piece: usize,
    mut update: impl FnMut(&peerctl::proto::session::Update<'_>),
    mut drained: impl FnMut(),
) -> Duration {
    let (mut session, now) = (session.clone(), Instant::now());
    let start = on_processor();
    for bytes in stream.chunks(piece) {
        session.handle_bytes(now, bytes);
        while let Some(event) = session.poll_event() {
            if let Event::Update(taught) = event {
                update(&taught);
            }
        }
        drained();
    }
    on_processor().saturating_sub(start)
}

/// Feeds a store.
fn into(session: &Session, stream: &[u8], piece: usize, store: &mut Store, now_ms: u64, count: u32) -> Duration {
    let start = on_processor();
    let (mut session, now) = (session.clone(), Instant::now());
    let (mut batch, mut taken) = (Batch::default(), 0);
    for bytes in stream.chunks(piece) {
        session.handle_bytes(now, bytes);
        let mut apply = |batch: &mut Batch| {
            batch.apply(store, now_ms, |_, _, applied| taken += u32::from(applied != Applied::Dropped));
        };
        while let Some(event) = session.poll_event() {
            if let Event::Update(taught) = event {
                batch.push(&Update {
                    key: taught.key,
                    values: taught.values,
                    server_key: ServerKey::Unchanged,
                    update_id: taught.id,
                    life_ms: taught.life_ms,
                    resync: taught.resync,
                });
                if batch.is_full() {
                    apply(&mut batch);
                }
            }
        }
        apply(&mut batch);
    }
    assert_eq!(taken, count);
    on_processor().saturating_sub(start)
}

fn times(mut work: impl FnMut() -> Duration) -> Vec<Duration> {
    (0..ROUNDS).map(|_| work()).collect()
}

/// How long this thread ran until now, so that others who share the core don't count.
fn on_processor() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
}

/// Bytes of memory in use.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0) * 1024
}

/// A row in millions a second.
fn row(what: &str, count: u32, times: &[Duration], goal: f64) {
    let mut rates: Vec<f64> = times.iter().map(|time| f64::from(count) / time.as_secs_f64() / 1e6).collect();
    rates.sort_by(f64::total_cmp);
    let (median, best) = (rates[rates.len() / 2], rates[rates.len() - 1]);
    let ns = 1e3 / median;
    println!("{what:44} {median:>7.1} M {best:>7.1} M {ns:>9.0}  ≥ {goal} M/s {}", verdict(median >= goal));
    let (ours, reference) = (format!("{median:.1} M/s"), format!("{goal} M/s"));
    note(&format!("a session: {what} / goal"), &ours, &reference, median / goal, Goal::AtLeast(1.0));
}

const fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "NOT REACHED" }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn each(bytes: usize, count: u32) -> f64 {
    bytes as f64 / f64::from(count)
}
