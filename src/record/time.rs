//! Times of records: RFC 3339, UTC, milliseconds.

use std::fmt;

const DAY_MS: u64 = 86_400_000;

/// A point in time in milliseconds since 1970-01-01 UTC, up to the end of the year 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(u64);

impl Time {
    /// The bytes of its text: `2026-01-01T00:00:00.000Z`.
    pub const LEN: usize = 24;
    /// The last one: 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Milliseconds since 1970; what is later than [`Time::MAX`] becomes that.
    #[must_use]
    pub fn from_unix_ms(ms: u64) -> Self {
        Self(ms.min(Self::MAX.0))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// The text: `2026-01-01T00:00:00.000Z`.
    #[must_use]
    pub fn text(self) -> [u8; Self::LEN] {
        let (year, month, day) = date(self.0 / DAY_MS);
        let ms = self.0 % DAY_MS;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        digits(&mut text[..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], ms / 3_600_000);
        digits(&mut text[14..16], ms / 60_000 % 60);
        digits(&mut text[17..19], ms / 1000 % 60);
        digits(&mut text[20..23], ms % 1000);
        text
    }

    /// The time of an RFC 3339 text in UTC (`Z` or `+00:00`), with any number of decimals of which three count; `None` if it is
    /// none, or before 1970.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (head, rest) = text.split_at_checked(19)?;
        let shape = |at: usize, sign: &[u8]| head.get(at).is_some_and(|byte| sign.contains(byte));
        if !(shape(4, b"-") && shape(7, b"-") && shape(10, b"Tt ") && shape(13, b":") && shape(16, b":")) {
            return None;
        }
        let (year, month, day) = (number(head, 0, 4)?, number(head, 5, 2)?, number(head, 8, 2)?);
        let (hour, minute, second) = (number(head, 11, 2)?, number(head, 14, 2)?, number(head, 17, 2)?);
        let valid = year >= 1970 && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
        if !valid || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let ms = match rest {
            b"Z" | b"z" | b"+00:00" => 0,
            [b'.', decimals @ ..] => {
                let len = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (decimals, zone) = decimals.split_at_checked(len)?;
                if decimals.is_empty() || !matches!(zone, b"Z" | b"z" | b"+00:00") {
                    return None;
                }
                decimals.iter().chain(b"000").take(3).fold(0, |ms, digit| ms * 10 + u64::from(digit - b'0'))
            }
            _ => return None,
        };
        let seconds = (hour * 60 + minute) * 60 + second;
        Some(Self(days(year, month, day) * DAY_MS + seconds * 1000 + ms))
    }
}

/// `2026-01-01T00:00:00.000Z`.
impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().iter().try_for_each(|byte| fmt::Write::write_char(out, char::from(*byte)))
    }
}

/// Year, month and day of a number of days since 1970-01-01. A year begins in March here, so that the day that only leap years
/// have is the last one.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + if month <= 2 { 1 } else { 0 }, month, day)
}

/// Days since 1970-01-01.
const fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
        number /= 10;
    }
}

fn number(text: &[u8], at: usize, len: usize) -> Option<u64> {
    text.get(at..at + len)?.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number * 10 + u64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_what_jiff_says() {
        let oracle = |ms: u64| {
            let time =
                jiff::Timestamp::from_millisecond(i64::try_from(ms).expect("before the year 9999")).expect("a time");
            format!("{time:.3}")
        };
        let edges = [0, 999, 951_782_399_999, 951_782_400_000, 4_107_542_399_999, 4_107_542_400_000, Time::MAX.0];
        let days = (0..Time::MAX.0).step_by(usize::try_from(DAY_MS * 13 + 5_025_678).expect("64 bits"));
        for ms in edges.into_iter().chain(days).filter(|ms| *ms < 253_402_207_200_000) {
            let time = Time::from_unix_ms(ms);
            assert_eq!(time.to_string(), oracle(ms));
            assert_eq!(Time::parse(&time.text()), Some(time), "{time}");
        }
        assert_eq!(Time::from_unix_ms(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn other_spellings_of_utc_are_read_and_what_is_no_time_is_refused() {
        let ms = |text: &str| Time::parse(text.as_bytes()).map(Time::unix_ms);
        assert_eq!(ms("1970-01-02T00:00:00Z"), Some(DAY_MS));
        assert_eq!(ms("1970-01-01 00:00:01.2+00:00"), Some(1200));
        assert_eq!(ms("1970-01-01t00:00:01.234987z"), Some(1234));
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-02-29T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00+02:00",
            "2026-01-01T00:00:00ZZ",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }
}
