//! Which version's rules a configuration is read with.

use std::path::Path;

use super::{edit::DEFAULT_VERSION, failure::Failure, validate::Haproxy};
use crate::grammar::{Release, Version};

/// The version that `flag` names, else that of `haproxy` or of the first `haproxy` in `PATH`, else
/// [`DEFAULT_VERSION`].
///
/// # Errors
/// If `flag` is no version, or the program at `haproxy` doesn't say one. One in `PATH` that doesn't is passed over: nobody
/// asked for it.
pub fn of(flag: Option<&str>, haproxy: Option<&Path>) -> Result<Version, Failure> {
    release(flag, haproxy).map(|release| release.version)
}

/// The same, with what is known beside the branch.
///
/// # Errors
/// As [`of`].
pub fn release(flag: Option<&str>, haproxy: Option<&Path>) -> Result<Release, Failure> {
    if let Some(text) = flag {
        return Release::parse(text)
            .map_err(|e| Failure::misuse(format!("--haproxy-version: {e}"), "give it as 3.2, or leave it out"));
    }
    let release = |(major, minor, patch): (u16, u16, u16)| Release {
        patch: Some(patch.into()),
        ..Release::from(Version::new(major, minor))
    };
    let found = Haproxy::find(haproxy).and_then(|found| found.map(|h| h.version()).transpose());
    match found {
        Ok(version) => Ok(version.map_or(DEFAULT_VERSION.into(), release)),
        Err(error) if haproxy.is_some() => Err(error.into()),
        Err(_) => Ok(DEFAULT_VERSION.into()),
    }
}
