//! The table that is printed.

use std::time::Duration;

/// What was measured, by name, in the order in which it was first added.
pub(crate) struct Report {
    entries: usize,
    rows: Vec<(&'static str, Vec<Duration>)>,
}

/// How a figure is compared with its reference.
enum Goal {
    /// It takes at most so many times as long.
    Time(f64),
    /// It has at least so many times its rate.
    Rate(f64),
    /// Nothing is asked of it.
    None,
}

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

    /// All rows; the first one is what the others are compared with.
    pub(crate) fn print(&self) {
        let rounds = self.rows.first().map_or(0, |(_, times)| times.len());
        println!("\nseconds: the middle and the least of {rounds} rounds; ratios of both to those of the first line\n");
        println!("{:46} {:>7} {:>7} {:>8} {:>7} {:>7}  goal", "", "middle", "least", "rate", "ratio", "least");
        let Some((_, reference)) = self.rows.first() else { return };
        for (number, (what, times)) in self.rows.iter().enumerate() {
            let goal = match *what {
                "dump -o /dev/null" | "into the store: dump --format table --limit 1" => Goal::Time(1.1),
                "dump --format ndjson -o FILE" => Goal::Time(2.0),
                "HAProxy learns from us, from memory" => Goal::Rate(0.9),
                "replay FILE, the whole command" => Goal::Rate(0.5),
                _ => Goal::None,
            };
            let [time, least] = [middle(times), least(times)];
            let ratio = |here: f64, there: f64| match goal {
                Goal::Rate(_) => there / here,
                _ => here / there,
            };
            let ratios = [ratio(time, middle(reference)), ratio(least, self::least(reference))];
            #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
            let rate = self.entries as f64 / time / 1e6;
            print!("{what:46} {time:>7.2} {least:>7.2} {rate:>6.2} M");
            if number == 0 {
                println!();
                continue;
            }
            let goal = match goal {
                Goal::Time(most) => format!("≤ {most:.1} × its time  {}", verdict(ratios[0] <= most)),
                Goal::Rate(least) => format!("≥ {least:.1} × its rate  {}", verdict(ratios[0] >= least)),
                Goal::None => String::new(),
            };
            println!(" {:>7.2} {:>7.2}  {goal}", ratios[0], ratios[1]);
        }
        println!();
    }
}

/// A row about memory that is to stay as it is with ten times as many entries.
pub(crate) fn flat(what: &str, all: usize, tenth: usize) {
    let (here, beside, ratio) = (megabytes(all), megabytes(tenth), megabytes(all) / megabytes(tenth));
    println!("{what:46} {here:>5.1} MB; with a tenth of the entries {beside:.1} MB  {}", verdict(ratio <= 1.2));
}

/// A row about the memory of an entry.
pub(crate) fn each(what: &str, bytes: usize, entries: usize) {
    let each = megabytes(bytes) / megabytes(entries);
    println!("{what:46} {each:>5.0} bytes  ≤ 100  {}", verdict(each <= 100.0));
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
