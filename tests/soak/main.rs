//! Everything at once for a while: on each version of HAProxy two instances that are peers of one another, of `hold`, `aggregate`
//! and `watch --record`, with a proxy before each of these; and every two seconds something goes wrong. In the end all have the
//! same entries, no memory and no file descriptor has leaked, and no HAProxy has seen a protocol error.
//!
//! `make soak` runs it for ten minutes (`SOAK_SECONDS`); as a test it takes [`SHORT`]. `SOAK_SEED` is another order of faults.

#[path = "../support/mod.rs"]
mod support;

mod faults;
mod mesh;
mod usage;

use std::env;
use std::thread;
use std::time::Duration;

/// How long it takes as a test.
const SHORT: Duration = Duration::from_secs(10);

#[test]
fn all_have_the_same_after_everything_went_wrong() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let time = number("SOAK_SECONDS").map_or(SHORT, Duration::from_secs);
    let seed = number("SOAK_SEED").unwrap_or(1);
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        let runs = haproxies.iter().map(|haproxy| scope.spawn(move || mesh::run(haproxy, time, seed)));
        let runs: Vec<_> = runs.collect();
        for run in runs {
            run.join().unwrap_or_else(|why| std::panic::resume_unwind(why));
        }
    });
}
