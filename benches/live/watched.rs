//! A HAProxy that gets entries, watched through its runtime socket.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::support::{DEADLINE, Live};

/// How often it is asked; an answer takes it some ten microseconds.
const LOOK: Duration = Duration::from_millis(3);

/// How long a HAProxy took from its first entry to its last one, of so many. If it has some when this begins, what it took for
/// the others counts for all.
///
/// # Panics
/// If they don't come.
pub(crate) fn filled(haproxy: &Live<'_>, count: usize) -> Duration {
    let limit = Instant::now() + DEADLINE;
    let (mut before, mut start) = (used(haproxy), Instant::now());
    loop {
        let (now, found) = (Instant::now(), used(haproxy));
        match found {
            0 => (before, start) = (0, now),
            found if found >= count => return scaled(now - start, count, before),
            found => assert!(now < limit, "{found} of {count} entries came"),
        }
        thread::sleep(LOOK);
    }
}

/// What it would have taken for all, if it took that long for all but those that were there before.
fn scaled(time: Duration, count: usize, before: usize) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "a part of a time")]
    let part = count.saturating_sub(before).max(1) as f64 / count as f64;
    time.div_f64(part)
}

/// How many entries the table has.
pub(crate) fn used(haproxy: &Live<'_>) -> usize {
    let answer = haproxy.cli("show table");
    let used = answer.split_once("used:").map(|(_, rest)| rest.split([',', '\n', ' ']).next().unwrap_or_default());
    used.and_then(|used| used.trim().parse().ok()).expect("`show table` says how many are in use")
}
