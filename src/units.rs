//! Sizes and delays as HAProxy writes them.
//!
//! The rules are those of HAProxy 2.6, 3.0 and 3.2 (`parse_size_err` and `parse_time_err` in `src/tools.c`), found by running
//! them; `tests/units.rs` keeps the comparison.

pub mod number;

use std::fmt;

use thiserror::Error;

/// A number of entries, at most 4294967295, written with an optional `k`, `m` or `g` (powers of 1024, either case).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Size(u32);

impl Size {
    /// The size of `count` units.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Reads the whole of `text`.
    ///
    /// # Errors
    /// What HAProxy refuses: no digit in front, anything but one unit letter behind the digits, more than 4294967295.
    pub fn parse(text: &[u8]) -> Result<Self, SizeError> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, unit) = text.split_at_checked(digits).unwrap_or((text, b""));
        if number.is_empty() {
            return Err(SizeError::NoNumber { found: lossy(text) });
        }
        let shift = match unit {
            b"" => 0,
            b"k" | b"K" => 10,
            b"m" | b"M" => 20,
            b"g" | b"G" => 30,
            _ => return Err(SizeError::Unit { found: lossy(text), unit: lossy(unit) }),
        };
        let too_large = || SizeError::TooLarge { found: lossy(text) };
        let value = number
            .iter()
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            .ok_or_else(too_large)?;
        let count = value.checked_mul(1 << shift).and_then(|value| u32::try_from(value).ok()).ok_or_else(too_large)?;
        Ok(Self(count))
    }
}

/// The shortest form HAProxy reads: `10k`, `1m`, `1000`.
impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => write!(out, "0"),
            n if n % (1 << 30) == 0 => write!(out, "{}g", n >> 30),
            n if n % (1 << 20) == 0 => write!(out, "{}m", n >> 20),
            n if n % (1 << 10) == 0 => write!(out, "{}k", n >> 10),
            n => write!(out, "{n}"),
        }
    }
}

/// Why a text is no [`Size`].
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SizeError {
    /// The text does not start with a digit.
    #[error("`{found}` is no size: expected digits and at most one of k, m, g, such as `100k`")]
    NoNumber {
        /// The whole text.
        found: String,
    },
    /// Something else than one unit letter follows the digits.
    #[error("`{unit}` after the number in `{found}`: expected nothing or one of k, m, g, such as `100k`")]
    Unit {
        /// The whole text.
        found: String,
        /// What follows the digits.
        unit: String,
    },
    /// The number does not fit 32 bits.
    #[error("`{found}` is too large: at most 4294967295, so at most `4194303k`, `4095m` or `3g`")]
    TooLarge {
        /// The whole text.
        found: String,
    },
}

/// A time in milliseconds, at most 2147483647 (about 24.8 days), written as an integer and one of `us ms s m h d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Delay(u32);

impl Delay {
    /// The longest delay, in milliseconds.
    pub const MAX_MS: u32 = 2_147_483_647;

    /// A delay of `ms` milliseconds; `None` above [`Self::MAX_MS`].
    #[must_use]
    pub const fn from_ms(ms: u32) -> Option<Self> {
        if ms > Self::MAX_MS { None } else { Some(Self(ms)) }
    }

    /// The delay in milliseconds.
    #[must_use]
    pub const fn ms(self) -> u32 {
        self.0
    }

    /// Reads the whole of `text` as HAProxy does for a time in milliseconds: no unit means milliseconds.
    ///
    /// # Errors
    /// As [`Self::parse_in`].
    pub fn parse(text: &[u8]) -> Result<ParsedDelay, DelayError> {
        Self::parse_in(text, TimeUnit::Millisecond)
    }

    /// Reads the whole of `text`; a number without a unit counts in `default` units. Fractions of a millisecond round up.
    ///
    /// Numbers wrap at 64 bits, as they do in HAProxy, which therefore reads `18446744073709551616s` as 0.
    ///
    /// # Errors
    /// What HAProxy refuses: no digit in front, an unknown unit, more than [`Self::MAX_MS`].
    pub fn parse_in(text: &[u8], default: TimeUnit) -> Result<ParsedDelay, DelayError> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = text.split_at_checked(digits).unwrap_or((text, b""));
        if number.is_empty() {
            return Err(DelayError::NoNumber { found: lossy(text) });
        }
        let value =
            number.iter().fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        let (unit, ignored) = if rest.is_empty() {
            (default, rest)
        } else {
            TimeUnit::prefix(rest).ok_or_else(|| DelayError::Unit { found: lossy(text), unit: lossy(rest) })?
        };
        let ms = match unit {
            TimeUnit::Microsecond => value.wrapping_add(999) / 1000,
            _ => value.wrapping_mul(unit.ms()),
        };
        if ms == 0 && value != 0 {
            return Err(DelayError::Wrapped { found: lossy(text) });
        }
        let delay = u32::try_from(ms).ok().and_then(Self::from_ms);
        let delay = delay.ok_or_else(|| DelayError::TooLong { found: lossy(text) })?;
        Ok(ParsedDelay { delay, ignored: (!ignored.is_empty()).then(|| lossy(ignored)) })
    }
}

/// The shortest form with a unit that HAProxy reads back as the same time: `30m`, `1500ms`, `0`.
impl fmt::Display for Delay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return write!(out, "0");
        }
        let fits = |unit: &&(TimeUnit, &str)| u64::from(self.0) % unit.0.ms() == 0;
        let (count, name) = TimeUnit::WHOLE
            .iter()
            .find(fits)
            .map_or((u64::from(self.0), "ms"), |(unit, name)| (u64::from(self.0) / unit.ms(), *name));
        write!(out, "{count}{name}")
    }
}

/// A delay and what HAProxy says about its spelling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsedDelay {
    /// The delay as HAProxy takes it.
    pub delay: Delay,
    /// What stands behind the unit: HAProxy warns and drops it (`1h30m` is one hour).
    pub ignored: Option<String>,
}

/// The unit of a delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeUnit {
    /// `us`
    Microsecond,
    /// `ms`
    Millisecond,
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
}

impl TimeUnit {
    /// The units of at least a second, the largest first, with their spelling.
    const WHOLE: [(Self, &'static str); 4] =
        [(Self::Day, "d"), (Self::Hour, "h"), (Self::Minute, "m"), (Self::Second, "s")];

    /// Milliseconds in one unit; 0 for [`Self::Microsecond`].
    const fn ms(self) -> u64 {
        match self {
            Self::Microsecond => 0,
            Self::Millisecond => 1,
            Self::Second => 1000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The unit at the start of `text`, and what follows it.
    fn prefix(text: &[u8]) -> Option<(Self, &[u8])> {
        match text {
            [b'u', b's', rest @ ..] => Some((Self::Microsecond, rest)),
            [b'm', b's', rest @ ..] => Some((Self::Millisecond, rest)),
            [b's', rest @ ..] => Some((Self::Second, rest)),
            [b'm', rest @ ..] => Some((Self::Minute, rest)),
            [b'h', rest @ ..] => Some((Self::Hour, rest)),
            [b'd', rest @ ..] => Some((Self::Day, rest)),
            _ => None,
        }
    }
}

/// Why a text is no [`Delay`].
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum DelayError {
    /// The text does not start with a digit.
    #[error("`{found}` is no time: expected an integer and one of us, ms, s, m, h, d, such as `30m`")]
    NoNumber {
        /// The whole text.
        found: String,
    },
    /// The digits are followed by something that is no unit.
    #[error("`{unit}` after the number in `{found}`: expected one of us, ms, s, m, h, d, such as `30m`")]
    Unit {
        /// The whole text.
        found: String,
        /// What follows the digits.
        unit: String,
    },
    /// The number is so large that it wraps to nothing.
    #[error("`{found}` is far too long, and HAProxy reads 0: give `24d` or less")]
    Wrapped {
        /// The whole text.
        found: String,
    },
    /// The time is longer than [`Delay::MAX_MS`].
    #[error("`{found}` is too long: at most 2147483647 ms, about 24.8 days; give `24d` or less")]
    TooLong {
        /// The whole text.
        found: String,
    },
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_use_powers_of_1024_in_either_case() {
        let size = |text: &str| Size::parse(text.as_bytes()).map(Size::get);
        assert_eq!(size("100"), Ok(100));
        assert_eq!(size("1k"), Ok(1024));
        assert_eq!(size("1M"), Ok(1_048_576));
        assert_eq!(size("3g"), Ok(3 << 30));
        assert_eq!(size("4294967295"), Ok(u32::MAX));
        assert!(matches!(size("4g"), Err(SizeError::TooLarge { .. })));
        assert!(matches!(size("99999999999999999999999"), Err(SizeError::TooLarge { .. })));
        assert!(matches!(size("1kb"), Err(SizeError::Unit { unit, .. }) if unit == "kb"));
        assert!(matches!(size("k"), Err(SizeError::NoNumber { .. })));
    }

    #[test]
    fn a_second_unit_is_dropped_and_reported() {
        let parsed = Delay::parse(b"1h30m").expect("one hour");
        assert_eq!((parsed.delay.ms(), parsed.ignored.as_deref()), (3_600_000, Some("30m")));
        assert_eq!(Delay::parse(b"30").expect("milliseconds").delay.ms(), 30);
        assert_eq!(Delay::parse_in(b"30", TimeUnit::Second).expect("seconds").delay.ms(), 30_000);
        assert_eq!(Delay::parse(b"1us").expect("rounds up").delay.ms(), 1);
        assert!(matches!(Delay::parse(b"25d"), Err(DelayError::TooLong { .. })));
        assert!(matches!(Delay::parse(b"1S"), Err(DelayError::Unit { .. })));
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same_value() {
        for ms in [0, 1, 999, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000, Delay::MAX_MS] {
            let delay = Delay::from_ms(ms).expect("in range");
            assert_eq!(Delay::parse(delay.to_string().as_bytes()).expect("own output").delay, delay);
        }
        for count in [0, 1, 1023, 1024, 10_240, 1 << 20, 3 << 30, u32::MAX] {
            let size = Size::new(count);
            assert_eq!(Size::parse(size.to_string().as_bytes()), Ok(size));
        }
        assert_eq!(Size::new(10_240).to_string(), "10k");
        assert_eq!(Delay::from_ms(1_800_000).expect("in range").to_string(), "30m");
        assert_eq!(Delay::from_ms(1_500).expect("in range").to_string(), "1500ms");
    }
}
