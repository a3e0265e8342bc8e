//! How long to wait before the next call.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// The wait after the first failed call, and the longest.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// The wait after an established session was lost.
const LOST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));

/// The wait while another client may be using our name: each call makes HAProxy teach everything anew.
const CONTESTED: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(1));

/// Waits that double from half a second to five seconds, each of random length between its half and itself.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The call failed.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = FIRST.saturating_mul(1 << self.failures.min(4)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        between(wait / 2, wait)
    }

    /// An established session was lost: most often the peer was reloaded and is there again.
    pub(super) fn lost(&mut self) -> Duration {
        self.failures = 0;
        between(LOST.0, LOST.1)
    }

    /// The session was lost, and not for the first time: perhaps to another client of our name.
    pub(super) fn contested(&mut self) -> Duration {
        self.failures = 0;
        between(CONTESTED.0, CONTESTED.1)
    }
}

/// A random duration.
fn between(least: Duration, most: Duration) -> Duration {
    // The keys of a hash map are the random numbers of the standard library.
    let random = RandomState::new().hash_one(0_u8);
    let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX).saturating_add(1);
    least + Duration::from_micros(random % span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_five_seconds_and_are_never_short() {
        let mut backoff = Backoff::default();
        for longest in [500, 1000, 2000, 4000, 5000, 5000, 5000] {
            let wait = backoff.failed();
            let longest = Duration::from_millis(longest);
            assert!((longest / 2..=longest).contains(&wait), "{wait:?} of {longest:?}");
        }
        let waits: Vec<Duration> = (0..100).map(|_| backoff.lost()).collect();
        assert!(waits.iter().all(|wait| (50..=250).contains(&wait.as_millis())), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait != waits[0]), "they differ");
        assert!(backoff.failed() <= Duration::from_millis(500));
    }
}
