//! Frequency counters: how many events there were in the last period.

/// The three numbers of a frequency counter, as they travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FreqCtr {
    /// Milliseconds since the current period started, at the moment of sending: a 32-bit difference that wraps. A counter
    /// that never counted has a huge one.
    pub elapsed_ms: u32,
    /// Events in the current period.
    pub current: u32,
    /// Events in the period before.
    pub previous: u32,
}

impl FreqCtr {
    /// The counter in three slots of an entry; zero if there are fewer.
    #[must_use]
    pub fn from_slots(slots: &[u64]) -> Self {
        let slot = |at: usize| slots.get(at).copied().map_or(0, |value| u32::try_from(value).unwrap_or(u32::MAX));
        Self { elapsed_ms: slot(0), current: slot(1), previous: slot(2) }
    }

    /// The three slots.
    #[must_use]
    pub fn slots(self) -> [u64; 3] {
        [self.elapsed_ms.into(), self.current.into(), self.previous.into()]
    }

    /// Events in the `period_ms` that end `age_ms` after the counter was sent: those of the current period, and of the
    /// previous one the part that still lies within. As `read_freq_ctr_period` in HAProxy's `src/freq_ctr.c` (2.6 to 3.2).
    #[must_use]
    pub fn rate(self, period_ms: u32, age_ms: u32) -> u64 {
        let (current, previous, remain) = self.at(period_ms, age_ms);
        if current == 0 && previous <= 1 {
            return previous;
        }
        let period = u64::from(period_ms);
        if period == 0 {
            return current;
        }
        // At most (2^32 · 2^32) · 2, which does not fit 64 bits.
        let events = u128::from(previous) * u128::from(remain) + u128::from(current) * u128::from(period);
        u64::try_from(events / u128::from(period)).unwrap_or(u64::MAX)
    }

    /// The counter as its sender has it `age_ms` later: (current, previous, milliseconds until the period ends).
    fn at(self, period_ms: u32, age_ms: u32) -> (u64, u64, u64) {
        let elapsed = self.elapsed_ms.wrapping_add(age_ms).cast_signed();
        let remain = i64::from(period_ms) - i64::from(elapsed);
        let (current, previous) = (u64::from(self.current), u64::from(self.previous));
        if let Ok(remain) = u64::try_from(remain) {
            return (current, previous, remain);
        }
        match u64::try_from(remain + i64::from(period_ms)) {
            Ok(remain) => (0, current, remain),
            Err(_) => (0, 0, 0),
        }
    }

    /// The counter as it must be sent so many milliseconds after it was received, so that the next receiver reads the same
    /// rate. One that is over is zero from then on: its time would wrap after 25 days, and the receiver would count again.
    #[must_use]
    pub fn aged(self, period_ms: u32, by_ms: u64) -> Self {
        if (self.current, self.previous) == (0, 0) {
            return self;
        }
        let elapsed = i64::from(self.elapsed_ms.cast_signed()).saturating_add_unsigned(by_ms);
        if elapsed >= 2 * i64::from(period_ms) {
            return Self::default();
        }
        Self { elapsed_ms: i32::try_from(elapsed).unwrap_or(i32::MAX).cast_unsigned(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(elapsed_ms: u32, current: u32, previous: u32, age_ms: u32) -> u64 {
        FreqCtr { elapsed_ms, current, previous }.rate(60_000, age_ms)
    }

    #[test]
    fn the_rate_is_what_haproxy_shows() {
        // Taught to HAProxy 2.6, 3.0 and 3.2, and read 250 ms later.
        assert_eq!(rate(0, 6, 60, 250), 65);
        assert_eq!(rate(30_000, 6, 60, 250), 35);
        assert_eq!(rate(90_000, 6, 60, 250), 2);
        assert_eq!(rate(130_000, 6, 60, 250), 0);
    }

    #[test]
    fn a_counter_that_never_counted_is_zero_whatever_its_clock() {
        assert_eq!(rate(4_294_947_564, 0, 0, 0), 0);
        assert_eq!(rate(4_294_947_564, 0, 0, u32::MAX), 0);
    }

    #[test]
    fn a_single_event_does_not_fade_within_its_second_period() {
        assert_eq!(rate(70_000, 1, 0, 49_000), 1);
        assert_eq!(rate(70_000, 1, 0, 51_000), 0);
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        assert_eq!(rate(0, u32::MAX, u32::MAX, 0), 2 * u64::from(u32::MAX));
    }

    #[test]
    fn a_counter_that_is_sent_again_keeps_its_rate() {
        let counter = FreqCtr { elapsed_ms: u32::MAX - 5, current: 6, previous: 60 };
        for (age, later) in [(0, 0), (3, 10), (10_000, 4_000), (59_000, 61_500)] {
            assert_eq!(counter.aged(60_000, age.into()).rate(60_000, later), counter.rate(60_000, age + later));
        }
    }

    #[test]
    fn what_is_over_stays_over_however_old_it_gets() {
        let day = 24 * 3_600_000;
        let counter = FreqCtr { elapsed_ms: 0, current: 100, previous: 100 };
        for days in [1, 24, 25, 30, 49, 50, 75, 100_000] {
            assert_eq!(counter.aged(60_000, days * day).rate(60_000, 0), 0, "{days} days");
            assert_eq!(counter.aged(60_000, days * day).rate(60_000, 5), 0, "{days} days, and read a little later");
        }
        assert_eq!(counter.aged(60_000, u64::MAX).rate(60_000, 0), 0);
        let month = 24 * 24 * 3_600_000;
        assert_eq!(counter.aged(month, 0).rate(month, 0), 200);
        assert_eq!(counter.aged(month, 50 * day).rate(month, 0), 0, "two periods of 24 days are over");
        let never = FreqCtr { elapsed_ms: 4_294_947_564, current: 0, previous: 0 };
        assert_eq!(never.aged(60_000, day), never);
    }
}
