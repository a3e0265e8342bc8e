//! The table that is printed.

use std::time::Duration;

use super::figures::{self, note};

/// What was measured, by name, in the order in which it was first added.
pub(crate) struct Report {
    entries: usize,
    rows: Vec<(&'static str, Vec<Duration>)>,
}

/// How a figure is compared with its reference.
#[derive(Clone, Copy)]
enum Goal {
    /// It takes at most so many times as long.
    Time(f64),
    /// It has at least so many times its rate.
    Rate(f64),
}

/// What is asked of which figure, and the one it is compared with.
const GOALS: [(&str, Goal, &str); 7] = [
    (DUMP, Goal::Time(1.1), LEARNS),
    (STORE, Goal::Time(1.1), LEARNS),
    (FILE, Goal::Time(2.0), LEARNS),
    (TEACHES, Goal::Rate(0.9), LEARNS),
    (REPLAY, Goal::Rate(0.5), LEARNS),
    (TEACHES_SINK, Goal::Rate(0.9), SINK),
    (REPLAY_SINK, Goal::Rate(0.5), SINK),
];

pub(crate) const LEARNS: &str = "HAProxy learns from HAProxy";
pub(crate) const DUMP: &str = "dump -o /dev/null";
pub(crate) const STORE: &str = "dump --format table --limit 1 (into the store)";
pub(crate) const FILE: &str = "dump --format ndjson -o FILE";
pub(crate) const TEACHES: &str = "HAProxy learns from us, from memory";
pub(crate) const REPLAY: &str = "replay FILE to HAProxy, the whole command";
pub(crate) const SINK: &str = "a sink of ours learns from HAProxy";
pub(crate) const TEACHES_SINK: &str = "the sink learns from us, from memory";
pub(crate) const REPLAY_SINK: &str = "replay FILE to the sink, the whole command";

impl Report {
    pub(crate) const fn new(entries: usize) -> Self {
        Self { entries, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, what: &'static str, time: Duration) {
        match self.rows.iter_mut().find(|(name, _)| *name == what) {
            Some((_, times)) => times.push(time),
            None => self.rows.push((what, vec![time])),
        }
    }

    /// All rows.
    pub(crate) fn print(&self) {
        let rounds = self.rows.first().map_or(0, |(_, times)| times.len());
        println!(
            "\nseconds, the middle and the least of {rounds} rounds, beside those of the reference; ratios of both\n"
        );
        println!(
            "{:47} {:>6} {:>6} {:>7} {:>6} {:>6} {:>6} {:>6}  goal",
            "", "middle", "least", "rate", "ref.", "least", "ratio", "least"
        );
        for (what, times) in &self.rows {
            let (time, least) = (middle(times), least(times));
            #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
            let rate = self.entries as f64 / time / 1e6;
            print!("{what:47} {time:>6.2} {least:>6.2} {rate:>5.2} M");
            let goal = GOALS.iter().find(|(name, ..)| name == what);
            let reference = goal.and_then(|(.., name)| self.rows.iter().find(|(what, _)| what == name));
            let (Some((_, goal, name)), Some((_, beside))) = (goal, reference) else {
                println!();
                continue;
            };
            let (there, best) = (middle(beside), self::least(beside));
            let asked = match *goal {
                Goal::Time(most) => figures::Goal::AtMost(most),
                Goal::Rate(few) => figures::Goal::AtLeast(few),
            };
            let (ratios, goal, reached) = match *goal {
                Goal::Time(most) => ([time / there, least / best], format!("≤ {most:.1} × time"), time / there <= most),
                Goal::Rate(few) => ([there / time, best / least], format!("≥ {few:.1} × rate"), there / time >= few),
            };
            let [ratio, of_least] = ratios;
            let verdict = verdict(reached);
            println!(" {there:>6.2} {best:>6.2} {ratio:>6.2} {of_least:>6.2}  {goal}: {verdict}  ({name})");
            let (ours, reference) = (format!("{time:.2} s"), format!("{there:.2} s"));
            note(&format!("{what} / {name}"), &ours, &reference, ratio, asked);
        }
        println!();
    }
}

/// A row about memory that is to stay as it is with ten times as many entries.
pub(crate) fn flat(what: &str, all: usize, tenth: usize) {
    let (here, beside, ratio) = (megabytes(all), megabytes(tenth), megabytes(all) / megabytes(tenth));
    println!("{what:46} {here:>5.1} MB; with a tenth of the entries {beside:.1} MB  {}", verdict(ratio <= 1.2));
    let [ours, reference] = [here, beside].map(|size| format!("{size:.1} MB"));
    note(&format!("{what} / with a tenth"), &ours, &reference, ratio, figures::Goal::AtMost(1.2));
}

/// A row about the memory of an entry.
pub(crate) fn each(what: &str, bytes: usize, entries: usize) {
    let each = megabytes(bytes) / megabytes(entries);
    println!("{what:46} {each:>5.0} bytes  ≤ 100  {}", verdict(each <= 100.0));
    note(&format!("{what} / goal"), &format!("{each:.0} B"), "100 B", each / 100.0, figures::Goal::AtMost(1.0));
}

/// A row about the memory of an entry elsewhere.
pub(crate) fn held(what: &str, bytes: usize, entries: usize) {
    println!("{what:46} {:>5.0} bytes", megabytes(bytes) / megabytes(entries));
}

const fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "NOT REACHED" }
}

fn middle(times: &[Duration]) -> f64 {
    let mut seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(times: &[Duration]) -> f64 {
    times.iter().min().map_or(f64::NAN, Duration::as_secs_f64)
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
