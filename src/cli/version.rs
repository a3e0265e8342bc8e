//! Which version's rules a configuration is read with.

use std::path::Path;

use super::{edit::DEFAULT_VERSION, failure::Failure, validate::Haproxy};
use crate::grammar::Version;

/// The version that `flag` names, else that of `haproxy` or of the first `haproxy` in `PATH`, else
/// [`DEFAULT_VERSION`].
///
/// # Errors
/// If `flag` is no version, or the program at `haproxy` doesn't say one. One in `PATH` that doesn't is passed over: nobody
/// asked for it.
pub fn of(flag: Option<&str>, haproxy: Option<&Path>) -> Result<Version, Failure> {
    if let Some(text) = flag {
        return Version::parse(text)
            .map_err(|e| Failure::misuse(format!("--haproxy-version: {e}"), "give it as 3.2, or leave it out"));
    }
    let branch = |(major, minor, _): (u16, u16, u16)| Version::new(major, minor);
    let found = Haproxy::find(haproxy).and_then(|found| found.map(|h| h.version()).transpose());
    match found {
        Ok(version) => Ok(version.map_or(DEFAULT_VERSION, branch)),
        Err(error) if haproxy.is_some() => Err(error.into()),
        Err(_) => Ok(DEFAULT_VERSION),
    }
}
