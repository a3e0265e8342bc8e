//! The time of day that goes with the monotonic clock.

use std::time::Instant;

use crate::node::clock;
use crate::record::Time;

/// Looked at again now and then: a clock that is set meanwhile is followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    began: Instant,
    looked: Instant,
    unix_ms: u64,
}

impl WallClock {
    pub(super) fn new() -> Self {
        let now = clock::now();
        Self { began: now, looked: now, unix_ms: unix_ms() }
    }

    /// Looks at the time of day.
    pub(super) fn look(&mut self) {
        (self.looked, self.unix_ms) = (clock::now(), unix_ms());
    }

    /// The time of day at `now`.
    pub(super) fn at(&self, now: Instant) -> Time {
        let later = ms(now.saturating_duration_since(self.looked));
        let earlier = ms(self.looked.saturating_duration_since(now));
        Time::from_unix_ms(self.unix_ms.saturating_add(later).saturating_sub(earlier))
    }

    /// Milliseconds since the beginning, for stores.
    pub(super) fn ms(&self, now: Instant) -> u64 {
        ms(now.saturating_duration_since(self.began))
    }
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn unix_ms() -> u64 {
    ms(clock::since_epoch())
}
