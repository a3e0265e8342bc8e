//! How long to wait before the next call.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::{Duration, Instant};

/// The wait after the first failed call, and the longest.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// The wait after an established session was lost.
const LOST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));

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
}

/// A random duration.
fn between(least: Duration, most: Duration) -> Duration {
    // The keys of a hash map are the random numbers of the standard library.
    let random = RandomState::new().hash_one(0_u8);
    let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX).saturating_add(1);
    least + Duration::from_micros(random % span)
}

/// Notices that another client uses our name: HAProxy lets the newest session of a name win, so two clients throw each other
/// out for ever.
///
/// It counts sessions that the peer closed in order soon after they had been established, when the peer accepted the next call
/// at once: a peer that was restarted or is gone refuses calls for a while.
#[derive(Debug, Default)]
pub(super) struct TakeoverDetector {
    /// When the last session was closed in that way, as long as the next call is still under way.
    suspected: Option<Instant>,
    takeovers: VecDeque<Instant>,
}

impl TakeoverDetector {
    /// That many takeovers …
    pub(super) const TIMES: usize = 3;
    /// … within that time are a fight.
    pub(super) const WITHIN: Duration = Duration::from_mins(1);
    /// A session that lasted longer was not taken over by a client that calls again by itself.
    const SOON: Duration = Duration::from_secs(15);
    /// Within that time the next call is answered if the peer was there all the time.
    const AT_ONCE: Duration = Duration::from_secs(2);

    /// The peer closed a session that had been established for `lasted`; returns whether that is one time too many.
    pub(super) fn closed(&mut self, now: Instant, lasted: Duration) -> bool {
        self.suspected = (lasted < Self::SOON).then_some(now);
        self.takeovers.retain(|then| now.saturating_duration_since(*then) < Self::WITHIN);
        self.suspected.is_some() && self.takeovers.len() + 1 >= Self::TIMES
    }

    /// A call failed: the peer wasn't there.
    pub(super) fn failed(&mut self) {
        self.suspected = None;
    }

    /// The next session is established.
    pub(super) fn established(&mut self, now: Instant) {
        if let Some(then) = self.suspected.take()
            && now.saturating_duration_since(then) < Self::AT_ONCE
        {
            self.takeovers.push_back(then);
        }
    }
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

    /// Runs a detector over sessions given as (lasted, gap until the next one is established), in milliseconds.
    fn fights(sessions: &[(u64, u64)]) -> bool {
        let (mut detector, mut now) = (TakeoverDetector::default(), Instant::now());
        sessions.iter().any(|(lasted, gap)| {
            detector.established(now);
            now += Duration::from_millis(*lasted);
            let fight = detector.closed(now, Duration::from_millis(*lasted));
            now += Duration::from_millis(*gap);
            fight
        })
    }

    #[test]
    fn three_quick_takeovers_are_a_fight() {
        assert!(fights(&[(100, 200), (100, 200), (100, 200)]));
        assert!(fights(&[(5000, 200), (5000, 200), (5000, 200)]));
        assert!(fights(&[(60_000, 200), (100, 200), (100, 200), (100, 200)]));
    }

    #[test]
    fn restarts_and_long_sessions_are_none() {
        assert!(!fights(&[(100, 200), (100, 200)]));
        assert!(!fights(&[(100, 3000), (100, 3000), (100, 3000), (100, 3000)]), "the peer was gone in between");
        assert!(!fights(&[(20_000, 200), (20_000, 200), (20_000, 200), (20_000, 200)]));
        assert!(!fights(&[(14_000, 1000), (14_000, 60_000), (14_000, 1000), (14_000, 1000)]), "a minute has passed");
    }

    #[test]
    fn a_failed_call_shows_that_the_peer_was_gone() {
        let (mut detector, now) = (TakeoverDetector::default(), Instant::now());
        for _ in 0..10 {
            detector.established(now);
            assert!(!detector.closed(now, Duration::ZERO));
            detector.failed();
        }
    }
}
