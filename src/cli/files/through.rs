//! Copies between two files of a directory, and writing through an existing one.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::error::FileError;
use super::read::status;
use super::resolve::Place;
use super::{metadata, temp};

/// Which metadata a copy gets.
#[derive(Clone, Copy)]
pub(super) enum Metadata {
    /// All: the copy may take the place of the file.
    Same,
    /// Ours, with no more than the owner's part of the mode: a backup.
    Private,
}

/// Makes `to` a durable copy of `from`, both beside the file.
pub(super) fn copy(place: &Place, from: &OsStr, to: &OsStr, keep: Metadata) -> Result<(), FileError> {
    let source = place.dir.open(from, OFlags::RDONLY)?;
    let target = temp::create(&place.dir, to)?;
    let path = place.dir.at(to);
    let length = pour(&place.dir.at(from), &source, &path, &target)?;
    if status(&path, &target)?.st_size != length {
        return Err(FileError::system("write", &path, Errno::IO));
    }
    match keep {
        Metadata::Same => metadata::copy(&place.path(), &source, &target)?,
        Metadata::Private => metadata::narrow(&path, &target, metadata::permissions(&status(&path, &source)?))?,
    }
    temp::sync(&path, &target)
}

/// Writes the contents of `from` through the file itself, which keeps its inode: not in one step, so a record of the old and the new
/// version must be on disk. Room for a longer version is reserved first.
pub(super) fn write(place: &Place, from: &OsStr) -> Result<(), FileError> {
    let source = place.dir.open(from, OFlags::RDONLY)?;
    let target = place.dir.open(&place.name, OFlags::WRONLY)?;
    let path = place.path();
    let wanted = u64::try_from(status(&path, &source)?.st_size).unwrap_or(0);
    if wanted > u64::try_from(status(&path, &target)?.st_size).unwrap_or(0) {
        reserve(&path, &target, wanted)?;
    }
    let length = pour(&place.dir.at(from), &source, &path, &target)?;
    let length = u64::try_from(length).unwrap_or(0);
    // The file shrinks last: up to here no byte of the old version was cut off that a record doesn't have.
    retry_on_intr(|| rustix::fs::ftruncate(&target, length))
        .map_err(|errno| FileError::system("ftruncate", &path, errno))?;
    temp::sync(&path, &target)?;
    if u64::try_from(status(&path, &target)?.st_size) != Ok(length) || length != wanted {
        return Err(FileError::system("write", &path, Errno::IO));
    }
    Ok(())
}

fn reserve(path: &Path, target: impl AsFd, size: u64) -> Result<(), FileError> {
    match retry_on_intr(|| rustix::fs::fallocate(&target, FallocateFlags::KEEP_SIZE, 0, size)) {
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::NODEV) => Ok(()),
        Err(errno) => Err(FileError::system("fallocate", path, errno)),
    }
}

/// Copies from both files' positions to the end of the first; the number of bytes.
fn pour(from: &Path, source: impl AsFd, to: &Path, target: impl AsFd) -> Result<i64, FileError> {
    let mut piece = vec![0_u8; 256 * 1024];
    let mut length = 0_i64;
    loop {
        let got = retry_on_intr(|| rustix::io::read(&source, piece.as_mut_slice()))
            .map_err(|errno| FileError::system("read", from, errno))?;
        match piece.get(..got) {
            Some(part) if !part.is_empty() => temp::write_all(to, &target, part)?,
            _ => return Ok(length),
        }
        length = length.saturating_add(i64::try_from(got).unwrap_or(i64::MAX));
    }
}
