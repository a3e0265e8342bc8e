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

/// How many calls may fail after that until waits grow: about three seconds, in which a HAProxy is started again.
const RESTART: u32 = 20;

/// Waits that double from half a second to a longest one, each of random length between its half and itself; after a session
/// was lost the first ones are short.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    /// Calls that may fail yet until waits grow.
    quick: u32,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Backoff {
    /// With another longest wait than five seconds.
    pub(super) const fn up_to(longest: Duration) -> Self {
        Self { failures: 0, quick: 0, longest }
    }

    /// The call failed.
    pub(super) fn failed(&mut self) -> Duration {
        if let Some(quick) = self.quick.checked_sub(1) {
            self.quick = quick;
            return between(LOST.0, LOST.1);
        }
        let wait = FIRST.saturating_mul(1 << self.failures.min(4)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        between(wait / 2, wait)
    }

    /// An established session was lost: most often the peer was reloaded and is there again.
    pub(super) fn lost(&mut self) -> Duration {
        (self.failures, self.quick) = (0, RESTART);
        between(LOST.0, LOST.1)
    }

    /// The session was lost, and not for the first time: perhaps to another client of our name.
    pub(super) fn contested(&mut self) -> Duration {
        (self.failures, self.quick) = (0, RESTART);
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
        let quick: Vec<Duration> = (0..RESTART).map(|_| backoff.failed()).collect();
        assert!(quick.iter().all(|wait| *wait <= LOST.1), "a peer that is started again is called at once: {quick:?}");
        assert!((FIRST / 2..=FIRST).contains(&backoff.failed()));
        let longest = Duration::from_secs(2);
        let mut backoff = Backoff::up_to(longest);
        assert!((0..10).map(|_| backoff.failed()).all(|wait| wait <= longest));
    }
}
