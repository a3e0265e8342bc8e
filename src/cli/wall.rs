//! The time of day that goes with the monotonic clock.

use std::time::Instant;

use crate::node::clock;
use crate::record::Time;

/// The time of day. Looked at again now and then: a clock that is set meanwhile is followed.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    began: Instant,
    looked: Instant,
    unix_ms: u64,
}

impl Default for WallClock {
    fn default() -> Self {
        let now = clock::now();
        Self { began: now, looked: now, unix_ms: ms(clock::since_epoch()) }
    }
}

impl WallClock {
    /// Looks at the time of day.
    pub fn look(&mut self) {
        (self.looked, self.unix_ms) = (clock::now(), ms(clock::since_epoch()));
    }

    /// The time of day at `now`.
    #[must_use]
    pub fn at(&self, now: Instant) -> Time {
        let later = ms(now.saturating_duration_since(self.looked));
        let earlier = ms(self.looked.saturating_duration_since(now));
        Time::from_unix_ms(self.unix_ms.saturating_add(later).saturating_sub(earlier))
    }

    /// Milliseconds since the beginning, for stores.
    #[must_use]
    pub fn ms(&self, now: Instant) -> u64 {
        ms(now.saturating_duration_since(self.began))
    }
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
