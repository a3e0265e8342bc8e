//! `version_atleast` and `version_before`: comparing versions as HAProxy does.

use crate::grammar::Release;
use crate::model::cond::Truth;
use crate::units::number;

/// Whether `release` is at least the version in `text`. Every text is a version, `x` is 0.
pub(super) fn at_least(release: Option<Release>, text: &[u8]) -> Truth {
    let Some(release) = release else { return Truth::Unknown };
    let asked = Parts::read(text);
    if Parts::lowest(release) >= asked {
        Truth::True
    } else if Parts::highest(release) < asked {
        Truth::False
    } else {
        Truth::Unknown
    }
}

/// What HAProxy compares, the most significant first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Parts {
    /// Up to four numbers between dots.
    numbers: [u32; 4],
    /// Where it stands between development and release.
    stage: Stage,
    /// The number behind the last dash.
    revision: u32,
}

/// A version in development precedes the release.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// `-dev5`, `-rc5` or `-pre5`.
    Development(u32),
    Released,
}

impl Parts {
    /// `MAJOR.MINOR.PATCH.MORE-devN-REVISION`, of which everything may be missing and what follows is ignored.
    fn read(text: &[u8]) -> Self {
        let mut numbers = [0; 4];
        let mut rest = text;
        for (index, number) in numbers.iter_mut().enumerate() {
            if index > 0 {
                let Some((b'.', after)) = rest.split_first() else { break };
                rest = after;
            }
            let (value, length) = number::decimal(rest).unwrap_or_default();
            *number = cut(value);
            rest = rest.get(length..).unwrap_or_default();
        }
        let Some((b'-', suffix)) = rest.split_first() else {
            return Self { numbers, stage: Stage::Released, revision: 0 };
        };
        let development = [b"dev".as_slice(), b"rc", b"pre"].iter().find_map(|word| suffix.strip_prefix(*word));
        let stage = development
            .map_or(Stage::Released, |number| Stage::Development(cut(number::decimal(number).unwrap_or_default().0)));
        let last = suffix.rsplit(|byte| *byte == b'-').next().unwrap_or_default();
        let whole = number::decimal(last).filter(|(_, length)| *length == last.len());
        Self { numbers, stage, revision: whole.map_or(0, |(value, _)| cut(value)) }
    }

    /// The lowest version that `release` can be.
    fn lowest(release: Release) -> Self {
        Self::of(release, 0)
    }

    /// The highest version that `release` can be.
    fn highest(release: Release) -> Self {
        Self::of(release, u32::MAX)
    }

    /// `release` with `unknown` for the numbers that are not known.
    fn of(release: Release, unknown: u32) -> Self {
        let version = release.version;
        let patch = release.patch.unwrap_or(if release.dev.is_some() { 0 } else { unknown });
        Self {
            numbers: [version.major.into(), version.minor.into(), patch, 0],
            stage: release.dev.map_or(Stage::Released, Stage::Development),
            revision: release.revision.unwrap_or(unknown),
        }
    }
}

/// The low 32 bits, which is what HAProxy keeps of a number.
fn cut(value: i64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "HAProxy assigns a long to an unsigned int"
    )]
    let low = value as u32;
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_decides_nothing() {
        let asked = |release: &str, text: &str| at_least(Release::parse(release).ok(), text.as_bytes());
        assert_eq!(asked("3.2", "3.2"), Truth::True);
        assert_eq!(asked("3.2", "3.2.5"), Truth::Unknown);
        assert_eq!(asked("3.2", "3.0.99"), Truth::True);
        assert_eq!(asked("3.2", "3.3-dev0"), Truth::False);
        assert_eq!(asked("3.2.26", "3.2.26-1"), Truth::Unknown);
        assert_eq!(asked("3.2.26-1", "3.2.26-1"), Truth::True);
        assert_eq!(asked("2.6.12-1+deb12u3", "2.6.12-1"), Truth::False);
        assert_eq!(asked("3.5-dev5", "3.5"), Truth::False);
        assert_eq!(asked("3.5-dev5", "3.5-dev4"), Truth::True);
        assert_eq!(at_least(None, b"0"), Truth::Unknown);
    }
}
