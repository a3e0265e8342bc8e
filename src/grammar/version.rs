//! Versions of HAProxy.

use std::fmt;

use thiserror::Error;

/// A branch of HAProxy, such as 3.2: what decides which words exist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// The number before the dot.
    pub major: u16,
    /// The number after the dot.
    pub minor: u16,
}

impl Version {
    /// The branch `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Reads the branch from a version such as `3.2` or `3.2.26-1`, or from the output of `haproxy -v`.
    ///
    /// # Errors
    /// As [`Release::parse`].
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        Release::parse(text).map(|release| release.version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

/// One release of a branch, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Release {
    /// The branch.
    pub version: Version,
    /// The third number; `None` when only the branch is known.
    pub patch: Option<u32>,
    /// The number behind `-dev`, of a version that is not released yet.
    pub dev: Option<u32>,
    /// The number behind the last dash, as HAProxy reads it from its own version: 1 in `3.2.26-1`, 0 in `2.6.12-1+deb12u3`,
    /// because what follows the dash is more than a number. `None` when nothing follows the patch or only the branch is known.
    pub revision: Option<u32>,
}

impl Release {
    /// Reads a version such as `3.2`, `3.2.26-1` or `3.5-dev5`, or the output of `haproxy -v` (the first word that starts with
    /// a digit).
    ///
    /// # Errors
    /// If the text holds no `MAJOR.MINOR`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError { found: text.lines().next().unwrap_or_default().to_owned() };
        let word = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let (major, rest) = number(word.ok_or_else(error)?).ok_or_else(error)?;
        let (minor, rest) = rest.strip_prefix('.').and_then(number).ok_or_else(error)?;
        let branch = |number: u32| u16::try_from(number).map_err(|_| error());
        let version = Version::new(branch(major)?, branch(minor)?);
        let (patch, rest) = match rest.strip_prefix('.').and_then(number) {
            Some((patch, rest)) => (Some(patch), rest),
            None => (None, rest),
        };
        let dev = rest.strip_prefix("-dev").and_then(number).map(|(dev, _)| dev);
        let tail = if dev.is_some() { rest.trim_start_matches("-dev") } else { rest };
        let revision = tail.rsplit_once('-').map(|(_, last)| last.parse().unwrap_or(0));
        Ok(Self { version, patch, dev, revision })
    }
}

impl From<Version> for Release {
    fn from(version: Version) -> Self {
        Self { version, patch: None, dev: None, revision: None }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.version)?;
        if let Some(patch) = self.patch {
            write!(out, ".{patch}")?;
        }
        if let Some(dev) = self.dev {
            write!(out, "-dev{dev}")?;
        }
        if let Some(revision) = self.revision.filter(|revision| *revision > 0) {
            write!(out, "-{revision}")?;
        }
        Ok(())
    }
}

/// The versions in which a word exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetime {
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it; `None` while it still exists.
    pub until: Option<Version>,
}

impl Lifetime {
    /// Whether `version` has the word; an unknown version has every word.
    #[must_use]
    pub fn contains(self, version: Option<Version>) -> bool {
        version.is_none_or(|version| self.since <= version && self.until.is_none_or(|until| version <= until))
    }
}

/// A text without a version of HAProxy in it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{found}` is no version: expected MAJOR.MINOR, such as 3.2")]
pub struct VersionError {
    /// The first line of the text.
    pub found: String,
}

/// The digits in front as a number, and the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_words_and_from_program_output() {
        let read = |text| Release::parse(text).map(|release| release.to_string());
        assert_eq!(read("3.2").as_deref(), Ok("3.2"));
        assert_eq!(read("3.2.26-1").as_deref(), Ok("3.2.26-1"));
        assert_eq!(read("3.5-dev5-0f2c1a").as_deref(), Ok("3.5-dev5"));
        assert_eq!(
            read("HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://haproxy.org/\nStatus: …").as_deref(),
            Ok("2.6.12")
        );
        assert!(Version::parse("3").is_err());
        assert!(Version::parse("latest").is_err());
    }

    #[test]
    fn branches_compare_by_number_not_by_text() {
        assert!(Version::new(2, 10) > Version::new(2, 9));
        let lifetime = Lifetime { since: Version::new(2, 6), until: Some(Version::new(3, 2)) };
        assert!(lifetime.contains(Some(Version::new(3, 2))) && lifetime.contains(None));
        assert!(!lifetime.contains(Some(Version::new(3, 3))) && !lifetime.contains(Some(Version::new(2, 4))));
    }
}
