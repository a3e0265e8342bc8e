//! Waiting for a condition, with a limit.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for everything HAProxy does within its own timeouts (5 s for a resync), on a busy machine too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Asks `condition` again and again until it gives something; panics with `what` when [`DEADLINE`] has passed.
pub(crate) fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "waited {} s in vain until {what}", DEADLINE.as_secs());
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
