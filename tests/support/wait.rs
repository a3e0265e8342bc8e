//! Waiting for a condition, with a limit.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for everything HAProxy does within its own timeouts (5 s for a resync), on a busy machine too.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Asks `condition` again and again until it gives something; panics with `what` when [`DEADLINE`] has passed.
pub(crate) fn wait_until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    try_until(condition).unwrap_or_else(|| panic!("waited {} s in vain until {what}", DEADLINE.as_secs()))
}

/// The same, but `None` when [`DEADLINE`] has passed, so that more can be said about it.
pub(crate) fn try_until<T>(mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + DEADLINE;
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(pause);
        // Never much later than it happens.
        pause = (pause * 5 / 4).min(Duration::from_millis(100));
    }
}
