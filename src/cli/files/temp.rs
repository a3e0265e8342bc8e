//! Temporary files beside the target: `.NAME.peerctl.PID.RANDOM.tmp`. Hidden and never ending in `.cfg`, so that HAProxy doesn't load
//! them from a directory; with the process id, so that the next writer knows which ones nobody needs.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::Pid;
use rustix::rand::GetRandomFlags;

use super::dir::Dir;
use super::error::FileError;
use super::read::status;
use super::resolve::Place;

/// A temporary file of a process that may be alive is left alone for this long.
const OLD: Duration = Duration::from_hours(1);

/// A fresh name for a temporary file of this file.
pub(super) fn name(place: &Place) -> Result<OsString, FileError> {
    let mut name = OsString::from(".");
    name.push(&place.name);
    name.push(format!(".peerctl.{}.{}.tmp", std::process::id(), random(place)?));
    Ok(name)
}

/// 64 random bits as hex digits, for something about this file.
pub(super) fn random(place: &Place) -> Result<String, FileError> {
    let mut bytes = [0_u8; 8];
    retry_on_intr(|| rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty()))
        .map_err(|errno| FileError::system("getrandom", place.path(), errno))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    }))
}

/// The file a temporary name belongs to, and the process that made it; `None` for any other name.
pub(super) fn parse(name: &OsStr) -> Option<(&OsStr, i32)> {
    let rest = name.as_bytes().strip_prefix(b".")?.strip_suffix(b".tmp")?;
    let mut parts = rest.rsplitn(4, |byte| *byte == b'.');
    let (random, pid, tool, file) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_ours = tool == b"peerctl" && random.len() == 16 && random.iter().all(u8::is_ascii_hexdigit);
    let pid = std::str::from_utf8(pid).ok()?.parse().ok()?;
    is_ours.then_some((OsStr::from_bytes(file), pid))
}

/// Makes a new, empty file that only we can read.
pub(super) fn create(dir: &Dir, name: &OsStr) -> Result<OwnedFd, FileError> {
    dir.open(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
}

/// Writes all bytes and looks whether they are there: a file system that lost some must not pass for one that didn't.
pub(super) fn fill(path: &Path, fd: impl AsFd, bytes: &[u8]) -> Result<(), FileError> {
    write_all(path, &fd, bytes)?;
    let size = u64::try_from(status(path, &fd)?.st_size).unwrap_or(0);
    if size != u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
        return Err(FileError::system("write", path, Errno::IO));
    }
    Ok(())
}

pub(super) fn write_all(path: &Path, fd: impl AsFd, mut bytes: &[u8]) -> Result<(), FileError> {
    while !bytes.is_empty() {
        let done =
            retry_on_intr(|| rustix::io::write(&fd, bytes)).map_err(|errno| FileError::system("write", path, errno))?;
        match bytes.get(done..) {
            Some(rest) if done > 0 => bytes = rest,
            _ => return Err(FileError::system("write", path, Errno::IO)),
        }
    }
    Ok(())
}

pub(super) fn sync(path: &Path, fd: impl AsFd) -> Result<(), FileError> {
    retry_on_intr(|| rustix::fs::fsync(&fd)).map_err(|errno| FileError::system("fsync", path, errno))
}

/// Removes what killed writers of these files left. The locks of all of them are held, so only a process that doesn't see our
/// locks could still be at work: therefore the look at its pid.
pub(super) fn remove_stale(places: &[&Place]) -> Result<(), FileError> {
    for (nth, place) in places.iter().enumerate() {
        let seen = places.iter().take(nth).any(|before| before.dir.path() == place.dir.path());
        if seen {
            continue;
        }
        for name in place.dir.names()? {
            let Some((file, pid)) = parse(&name) else { continue };
            let locked = places.iter().any(|other| other.dir.path() == place.dir.path() && other.name == file);
            if locked && is_stale(&place.dir, &name, pid)? {
                place.dir.unlink(&name)?;
            }
        }
    }
    Ok(())
}

fn is_stale(dir: &Dir, name: &OsStr, pid: i32) -> Result<bool, FileError> {
    let own = u32::try_from(pid) == Ok(std::process::id());
    let dead = Pid::from_raw(pid).is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(Errno::SRCH));
    if own || dead {
        return Ok(true);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let changed = dir.identity(name)?.map_or(0, |identity| u64::try_from(identity.changed.0).unwrap_or(0));
    Ok(now.abs_diff(changed) > OLD.as_secs())
}
