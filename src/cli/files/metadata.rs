//! Owner, mode and extended attributes (ACLs, labels, capabilities among them): the new version gets them all, or there is no new
//! version.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::fs::{Gid, Mode, Stat, Uid, XattrFlags};
use rustix::io::{Errno, retry_on_intr};

use super::error::FileError;
use super::read::status;

/// Attributes that the kernel computes from the contents itself.
const COMPUTED: [&CStr; 2] = [c"security.ima", c"security.evm"];

const NEXT: &str = "run as root, or use `--in-place`, which keeps the file and so all that belongs to it";

/// Gives `to` the owner, mode and extended attributes of `from`, and looks whether it has them.
pub(super) fn copy(path: &Path, from: impl AsFd, to: impl AsFd) -> Result<(), FileError> {
    let wanted = status(path, &from)?;
    let wanted_xattrs = xattrs(path, &from)?;
    let now = status(path, &to)?;
    let lost = |what: String| FileError::refused(path, what, NEXT);
    if (now.st_uid, now.st_gid) != (wanted.st_uid, wanted.st_gid) {
        let (owner, group) = (Uid::from_raw(wanted.st_uid), Gid::from_raw(wanted.st_gid));
        call("fchown", path, || rustix::fs::fchown(&to, Some(owner), Some(group)))
            .map_err(|error| lost(format!("its owner {}:{} can't be kept ({error})", wanted.st_uid, wanted.st_gid)))?;
    }
    // After the owner: a change of owner takes bits of the mode away.
    if permissions(&status(path, &to)?) != permissions(&wanted) {
        call("fchmod", path, || rustix::fs::fchmod(&to, permissions(&wanted)))
            .map_err(|error| lost(format!("its mode can't be kept ({error})")))?;
    }
    let had = xattrs(path, &to)?;
    for name in had.keys().filter(|name| !wanted_xattrs.contains_key(*name)) {
        // Inherited from the directory (a default ACL), where the old version has none.
        call("fremovexattr", path, || rustix::fs::fremovexattr(&to, name))
            .map_err(|error| lost(format!("{} can't be left out ({error})", name.to_string_lossy())))?;
    }
    for (name, value) in wanted_xattrs.iter().filter(|(name, value)| had.get(*name) != Some(value)) {
        call("fsetxattr", path, || rustix::fs::fsetxattr(&to, name, value, XattrFlags::empty()))
            .map_err(|error| lost(format!("{} can't be kept ({error})", name.to_string_lossy())))?;
    }
    let got = status(path, &to)?;
    let same = (got.st_uid, got.st_gid, permissions(&got)) == (wanted.st_uid, wanted.st_gid, permissions(&wanted));
    if !same || xattrs(path, &to)? != wanted_xattrs {
        return Err(lost("its owner, mode or extended attributes don't hold on the new version".to_owned()));
    }
    Ok(())
}

/// Takes group, others and execution from a copy that nobody works with.
pub(super) fn narrow(path: &Path, fd: impl AsFd, mode: Mode) -> Result<(), FileError> {
    call("fchmod", path, || rustix::fs::fchmod(&fd, mode & (Mode::RUSR | Mode::WUSR)))
}

pub(super) fn permissions(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) & Mode::from_bits_retain(0o7777)
}

fn call<T>(call: &'static str, path: &Path, run: impl FnMut() -> rustix::io::Result<T>) -> Result<T, FileError> {
    retry_on_intr(run).map_err(|errno| FileError::system(call, path, errno))
}

/// All extended attributes that a program can set; none where the file system has no such thing.
fn xattrs(path: &Path, fd: impl AsFd) -> Result<BTreeMap<CString, Vec<u8>>, FileError> {
    let list = sized(|buffer| rustix::fs::flistxattr(&fd, spare_capacity(buffer)));
    let list = match list {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(BTreeMap::new()),
        other => other.map_err(|errno| FileError::system("flistxattr", path, errno))?,
    };
    let names = list.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    let mut found = BTreeMap::new();
    for name in names.filter(|name| !COMPUTED.contains(name)) {
        match sized(|buffer| rustix::fs::fgetxattr(&fd, name, spare_capacity(buffer))) {
            // Gone since it was listed, or listed and not for us.
            Err(Errno::NODATA) => {}
            other => {
                let value = other.map_err(|errno| FileError::system("fgetxattr", path, errno))?;
                found.insert(name.to_owned(), value);
            }
        }
    }
    Ok(found)
}

/// Calls with a buffer that grows until the answer fits; 64 KiB is the kernel's limit for names and for values.
fn sized(mut run: impl FnMut(&mut Vec<u8>) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    for size in [1024, 65_536] {
        let mut buffer = Vec::with_capacity(size);
        match retry_on_intr(|| run(&mut buffer)) {
            Err(Errno::RANGE) => {}
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(buffer),
        }
    }
    Err(Errno::RANGE)
}
