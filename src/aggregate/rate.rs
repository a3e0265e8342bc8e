//! Frequency counters of several sources as one.
//!
//! A counter is the age `a` of its current window, the events `c` in it and `p` in the one before; with a period `T` the rate
//! is `c + p·(1 − a/T)`. For several of them, taken at one instant, with `C = Σc`, `P = Σp`, `W = Σp·a`, the sum of the rates is
//! `C + P − W/T`. One counter has that value and that slope if its age is `W/P`; since an age is a whole number of
//! milliseconds, it is rounded up, and what this takes away is added to `C`, rounded up again: so the counter is never below
//! the sum and less than one event above it, and stays so until the window of the first source ends.

use crate::stick::FreqCtr;

/// The window of a counter at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    /// Milliseconds since it started: less than the period.
    pub(super) age: u64,
    /// Events in it.
    pub(super) current: u32,
    /// Events in the one before.
    pub(super) previous: u32,
}

impl Window {
    /// The window in which a counter is `age_ms` after it was received; `None` if its rate is zero and stays so.
    ///
    /// The time a counter brings along is a 32-bit difference: one that seems to have started up to a period after it was sent
    /// has just started (its sender has several clocks), and one that started even later did so before the 32 bits wrapped.
    pub(super) fn of(counter: FreqCtr, age_ms: u64, period_ms: u32) -> Option<Self> {
        let period = u64::from(period_ms);
        let elapsed = i64::from(counter.elapsed_ms.cast_signed());
        if elapsed < -i64::from(period_ms) {
            return None;
        }
        let age = u64::try_from(elapsed.saturating_add_unsigned(age_ms)).unwrap_or(0);
        let window = if age < period {
            Self { age, current: counter.current, previous: counter.previous }
        } else {
            let age = age - period;
            Self { age, current: 0, previous: counter.current }
        };
        let counts = window.age < period && (window.current, window.previous) != (0, 0);
        counts.then_some(window)
    }

    /// The rate times the period.
    fn weight(self, period_ms: u32) -> u128 {
        let period = u128::from(period_ms);
        u128::from(self.current) * period + u128::from(self.previous) * (period - u128::from(self.age))
    }
}

/// Counters of one period at one instant, as they are put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rates {
    period_ms: u32,
    current: u64,
    previous: u64,
    /// Σ previous · age
    previous_age: u128,
    /// Σ current · age
    current_age: u128,
    /// Milliseconds until the first window ends; `u64::MAX` if there is none.
    ends_in: u64,
}

impl Rates {
    /// None yet.
    pub(super) const fn new(period_ms: u32) -> Self {
        Self { period_ms, current: 0, previous: 0, previous_age: 0, current_age: 0, ends_in: u64::MAX }
    }

    /// Adds one that arrived `age_ms` ago.
    pub(super) fn add(&mut self, counter: FreqCtr, age_ms: u64) {
        let Some(Window { age, current, previous }) = Window::of(counter, age_ms, self.period_ms) else { return };
        let (current, previous) = (u64::from(current), u64::from(previous));
        self.current += current;
        self.previous += previous;
        self.previous_age += u128::from(previous) * u128::from(age);
        self.current_age += u128::from(current) * u128::from(age);
        self.ends_in = self.ends_in.min(u64::from(self.period_ms) - age);
    }

    /// Puts one that arrived `age_ms` ago in the place of all others; that they end is still told.
    pub(super) fn replace(&mut self, counter: FreqCtr, age_ms: u64) {
        let ends_in = self.ends_in;
        *self = Self::new(self.period_ms);
        self.add(counter, age_ms);
        self.ends_in = self.ends_in.min(ends_in);
    }

    /// Only tells when the window of this one ends.
    pub(super) fn watch(&mut self, counter: FreqCtr, age_ms: u64) {
        if let Some(window) = Window::of(counter, age_ms, self.period_ms) {
            self.ends_in = self.ends_in.min(u64::from(self.period_ms) - window.age);
        }
    }

    /// Whether the rate is less than that of a counter that arrived `age_ms` ago, or greater.
    pub(super) fn compare(&self, counter: FreqCtr, age_ms: u64) -> std::cmp::Ordering {
        let theirs = Window::of(counter, age_ms, self.period_ms).map_or(0, |window| window.weight(self.period_ms));
        self.weight().cmp(&theirs)
    }

    /// The rate times the period.
    pub(super) fn weight(&self) -> u128 {
        u128::from(self.current + self.previous) * u128::from(self.period_ms) - self.previous_age
    }

    /// Milliseconds until the first window ends; `None` if the rate is zero and stays so.
    pub(super) const fn ends_in(&self) -> Option<u64> {
        if self.ends_in == u64::MAX { None } else { Some(self.ends_in) }
    }

    /// One counter that has the rate of all of them now, and until the first window ends. Its counts saturate.
    pub(super) fn counter(&self) -> FreqCtr {
        let low = |value: u128| u32::try_from(value).unwrap_or(u32::MAX);
        let (current, previous) = (u128::from(self.current), u128::from(self.previous));
        if previous == 0 {
            let age = self.current_age.checked_div(current).unwrap_or(0);
            return FreqCtr { elapsed_ms: low(age), current: low(current), previous: 0 };
        }
        let age = self.previous_age.div_ceil(previous);
        let lost = (previous * age - self.previous_age).div_ceil(u128::from(self.period_ms.max(1)));
        FreqCtr { elapsed_ms: low(age), current: low(current + lost), previous: low(previous) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(counters: &[(FreqCtr, u64)], period_ms: u32) -> Rates {
        let mut rates = Rates::new(period_ms);
        for (counter, age) in counters {
            rates.add(*counter, *age);
        }
        rates
    }

    /// The exact rate times the period, from the definition: a window that ended is the previous one of the next.
    fn exact(counter: FreqCtr, age_ms: u64, period_ms: u32) -> i128 {
        let (mut age, mut current, mut previous) = (
            i128::from(counter.elapsed_ms) + i128::from(age_ms),
            i128::from(counter.current),
            i128::from(counter.previous),
        );
        let period = i128::from(period_ms);
        for _ in 0..2 {
            if age >= period {
                (age, current, previous) = (age - period, 0, current);
            }
        }
        if age >= period { 0 } else { current * period + previous * (period - age) }
    }

    fn counters() -> impl Strategy<Value = (u32, Vec<(FreqCtr, u64)>)> {
        let count = || prop_oneof![Just(0), 0..5_u32, 0..2_000_u32, 0..40_000_000_u32];
        prop_oneof![1..50_u32, Just(1_000), Just(10_000), 1..3_600_000_u32].prop_flat_map(move |period| {
            let age = prop_oneof![0..u64::from(period), 0..3 * u64::from(period)];
            let counter = (0..period.saturating_mul(3), count(), count(), age)
                .prop_map(|(elapsed_ms, current, previous, age)| (FreqCtr { elapsed_ms, current, previous }, age));
            (Just(period), prop::collection::vec(counter, 0..64))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn one_counter_has_the_rate_of_all_to_less_than_an_event_until_the_first_window_ends(
            (period, counters) in counters(), part in 0..=1_000_u64,
        ) {
            let rates = sum(&counters, period);
            let one = rates.counter();
            let later = rates.ends_in().map_or(part, |ends_in| ends_in * part / 1_000);
            let exact: i128 = counters.iter().map(|(counter, age)| exact(*counter, age + later, period)).sum();
            let shown = i128::from(one.rate(period, u32::try_from(later).expect("less than a period")));
            let error = shown * i128::from(period) - exact;
            // The last event of a window that ended doesn't fade: the counter's own reading may be one event too high.
            prop_assert!(error.abs() <= i128::from(period), "{shown} instead of {exact}/{period} after {later} ms: {rates:?}");
        }

        #[test]
        fn the_rate_of_one_source_stays_as_it_is(counter in (0..10_000_u32, 0..1_000_000_u32, 0..1_000_000_u32), age in 0..9_999_u64) {
            let counter = FreqCtr { elapsed_ms: counter.0, current: counter.1, previous: counter.2 };
            let one = sum(&[(counter, age)], 10_000).counter();
            let later = u32::try_from(age).expect("small");
            prop_assert!(one.rate(10_000, 0).abs_diff(counter.rate(10_000, later)) <= 1);
        }
    }

    #[test]
    fn nothing_counts_nothing_whatever_its_clock_says() {
        let never = FreqCtr { elapsed_ms: 4_294_947_564, current: 0, previous: 0 };
        let days = FreqCtr { elapsed_ms: 1 << 31, current: 3, previous: 9 };
        let rates =
            sum(&[(never, 0), (never, u64::MAX), (days, 5), (FreqCtr { elapsed_ms: 20_000, ..days }, 0)], 10_000);
        assert_eq!((rates.counter(), rates.ends_in()), (FreqCtr::default(), None));
    }

    #[test]
    fn a_window_that_starts_a_moment_after_it_was_sent_has_just_started() {
        let ahead = FreqCtr { elapsed_ms: u32::MAX - 4, current: 7, previous: 100 };
        assert_eq!(Window::of(ahead, 0, 10_000), Some(Window { age: 0, current: 7, previous: 100 }));
        assert_eq!(Window::of(ahead, 8, 10_000), Some(Window { age: 3, current: 7, previous: 100 }));
    }

    #[test]
    fn rates_are_compared_as_they_are_now() {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let counter = |elapsed_ms, current, previous| FreqCtr { elapsed_ms, current, previous };
        // 10 + 100 · 6/10
        let rates = sum(&[(counter(4_000, 10, 100), 0)], 10_000);
        for (other, age, expected) in [
            (counter(0, 70, 0), 0, Equal),
            (counter(9_000, 71, 0), 0, Less),
            (counter(0, 69, 0), 0, Greater),
            (counter(3_000, 0, 100), 0, Equal),
            (counter(2_000, 0, 100), 1_000, Equal),
            (counter(2_000, 0, 100), 999, Less),
            (counter(2_000, 0, 100), 1_001, Greater),
            (counter(0, 100, 0), 13_000, Equal),
            (counter(0, 1_000, 1_000), 20_000, Greater),
        ] {
            assert_eq!(rates.compare(other, age), expected, "{other:?} after {age} ms");
        }
        assert_eq!(sum(&[], 10_000).compare(counter(0, 0, 0), 0), Equal);
    }

    #[test]
    fn a_window_may_start_up_to_a_period_ahead() {
        let ahead = |ms: u32| FreqCtr { elapsed_ms: ms.wrapping_neg(), current: 7, previous: 0 };
        assert_eq!(Window::of(ahead(10_000), 0, 10_000), Some(Window { age: 0, current: 7, previous: 0 }));
        assert_eq!(Window::of(ahead(10_001), 0, 10_000), None);
    }

    #[test]
    fn the_largest_counts_saturate() {
        let most = FreqCtr { elapsed_ms: 0, current: u32::MAX, previous: u32::MAX };
        let one = sum(&[(most, 1), (most, 2)], 10_000).counter();
        assert_eq!((one.current, one.previous), (u32::MAX, u32::MAX));
    }
}
