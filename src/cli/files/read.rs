//! Reading: a file as it was at one moment, and what is needed to know later whether it still is.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::limits;

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};
use sha2::{Digest, Sha256};

use super::dir::{Dir, Identity, unusual_kind};
use super::error::FileError;
use super::resolve::{Place, Target, resolve};

/// The largest configuration read, in bytes: places in it are 32-bit numbers.
pub const MAX_BYTES: u64 = limits::CONFIGURATION;

/// How often a file that changes while it is read is read again.
const TRIES: usize = 5;

pub(super) type Sum = [u8; 32];

/// A file as it was at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Which file, and which version of it.
    pub original: Original,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Which file was read and which version of it: small, kept until the new version is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    pub(super) given: PathBuf,
    pub(super) real: Option<PathBuf>,
    pub(super) identity: Identity,
    pub(super) sum: Sum,
}

impl Original {
    /// The path as given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.given
    }

    /// The path of the file itself, links resolved; `None` for an open descriptor such as `/dev/stdin`.
    #[must_use]
    pub fn real_path(&self) -> Option<&Path> {
        self.real.as_deref()
    }
}

/// Reads a file. Links are followed; FIFOs, devices, sockets and directories are refused without being opened, but open descriptors
/// (`/dev/stdin`, `<(command)`) may be any kind. A file that is being written is read again until it holds still.
///
/// # Errors
/// [`FileError`]: no such file, not readable, not a file, larger than [`MAX_BYTES`], or never the same twice.
pub fn read(path: &Path) -> Result<Snapshot, FileError> {
    match resolve(path)? {
        Target::Entry(place) => read_entry(path, &place),
        Target::Descriptor => read_descriptor(path),
    }
}

/// Reads a file as [`read`] does, for somebody who won't write it.
///
/// # Errors
/// As [`read`].
pub fn contents(path: &Path) -> Result<Vec<u8>, FileError> {
    match resolve(path)? {
        Target::Entry(place) => read_steady(path, &place).map(|(bytes, _)| bytes),
        Target::Descriptor => read_descriptor(path).map(|snapshot| snapshot.bytes),
    }
}

/// The files that HAProxy loads from a directory: its own entries that end in `.cfg` and don't start with a dot, in byte order,
/// links followed. Directories and sockets among them are skipped, as HAProxy 2.6 to 3.2 do; FIFOs and devices, which they skip, too,
/// are errors, because somebody meant them to be read.
///
/// # Errors
/// [`FileError`]: not readable, a FIFO or device among the entries, or a link that leads nowhere (which HAProxy refuses).
pub fn list_directory(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))
        .map_err(|errno| FileError::system("openat", path, errno))?;
    let mut names = Dir::new(fd, path.to_owned()).names()?;
    names.retain(|name| is_loaded(name));
    names.sort();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let file = path.join(name);
        let stat =
            retry_on_intr(|| rustix::fs::stat(&file)).map_err(|errno| FileError::system("newfstatat", &file, errno))?;
        match unusual_kind(&stat) {
            None => files.push(file),
            Some("a directory" | "a socket") => {}
            Some(kind) => return Err(FileError::unsuitable(&file, kind, "move it out of the directory")),
        }
    }
    Ok(files)
}

fn is_loaded(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".cfg") && !name.starts_with(b".")
}

fn read_entry(given: &Path, place: &Place) -> Result<Snapshot, FileError> {
    let (bytes, identity) = read_steady(given, place)?;
    let sum = Sha256::digest(&bytes).into();
    let real = Some(place.path());
    Ok(Snapshot { original: Original { given: given.to_owned(), real, identity, sum }, bytes })
}

/// Reads a file of a directory until it is the same before and after.
fn read_steady(given: &Path, place: &Place) -> Result<(Vec<u8>, Identity), FileError> {
    for _ in 0..TRIES {
        let fd = open_regular(given, &place.dir, &place.name)?;
        let before = status(given, &fd)?;
        let bytes = read_all(given, &fd, u64::try_from(before.st_size).unwrap_or(0))?;
        let after = status(given, &fd)?;
        let identity = Identity::of(&before);
        if identity == Identity::of(&after) && place.dir.identity(&place.name)? == Some(identity) {
            return Ok((bytes, identity));
        }
    }
    Err(FileError::Changed { path: given.to_owned() })
}

fn read_descriptor(given: &Path) -> Result<Snapshot, FileError> {
    let fd = retry_on_intr(|| rustix::fs::openat(CWD, given, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()))
        .map_err(|errno| FileError::system("openat", given, errno))?;
    let stat = status(given, &fd)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Err(FileError::unsuitable(given, "a directory", "give a file"));
    }
    let bytes = read_all(given, &fd, 0)?;
    let sum = Sha256::digest(&bytes).into();
    Ok(Snapshot {
        original: Original { given: given.to_owned(), real: None, identity: Identity::of(&stat), sum },
        bytes,
    })
}

/// Opens a regular file of a directory for reading; looks at its kind before and after, so that no device is opened.
pub(super) fn open_regular(given: &Path, dir: &Dir, name: &OsStr) -> Result<OwnedFd, FileError> {
    let missing = || FileError::system("newfstatat", given, Errno::NOENT);
    refuse_unusual(given, &dir.stat(name)?.ok_or_else(missing)?)?;
    let fd = dir.open(name, OFlags::RDONLY)?;
    refuse_unusual(given, &status(given, &fd)?)?;
    Ok(fd)
}

fn refuse_unusual(given: &Path, stat: &Stat) -> Result<(), FileError> {
    unusual_kind(stat).map_or(Ok(()), |kind| Err(FileError::unsuitable(given, kind, "give a regular file")))
}

pub(super) fn status(path: &Path, fd: impl AsFd) -> Result<Stat, FileError> {
    retry_on_intr(|| rustix::fs::fstat(&fd)).map_err(|errno| FileError::system("fstat", path, errno))
}

/// Reads to the end. `expected` is a hint of the size.
pub(super) fn read_all(path: &Path, fd: impl AsFd, expected: u64) -> Result<Vec<u8>, FileError> {
    let too_large = || FileError::unsuitable(path, "larger than 4 GiB", "split it");
    if expected > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // One byte more than expected, so that the end is seen without growing the buffer.
    let capacity = usize::try_from(expected).unwrap_or(0).saturating_add(1);
    bytes.try_reserve_exact(capacity).map_err(|_| FileError::system("mmap", path, Errno::NOMEM))?;
    loop {
        if bytes.len() == bytes.capacity() {
            bytes.try_reserve(64 * 1024).map_err(|_| FileError::system("mmap", path, Errno::NOMEM))?;
        }
        let got = retry_on_intr(|| rustix::io::read(&fd, spare_capacity(&mut bytes)))
            .map_err(|errno| FileError::system("read", path, errno))?;
        if got == 0 {
            return Ok(bytes);
        }
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(too_large());
        }
    }
}

/// The SHA-256 of what a descriptor gives from its position on, read piece by piece.
pub(super) fn sum_of(path: &Path, fd: impl AsFd) -> Result<Sum, FileError> {
    let mut hash = Sha256::new();
    let mut piece = vec![0_u8; 64 * 1024];
    loop {
        let got = retry_on_intr(|| rustix::io::read(&fd, piece.as_mut_slice()))
            .map_err(|errno| FileError::system("read", path, errno))?;
        match piece.get(..got) {
            Some(part) if !part.is_empty() => hash.update(part),
            _ => return Ok(hash.finalize().into()),
        }
    }
}
