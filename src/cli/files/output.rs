//! A file that a command writes as it goes: it takes its place when it is complete, and nobody but its owner can read it.
//!
//! Until then the bytes stand beside it, in `.NAME.peerctl.PID.RANDOM.tmp`, and what was there before stays. A device, a FIFO or an
//! open descriptor is written through.

use std::ffi::{OsStr, OsString};
use std::fs::symlink_metadata;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::dir::{Dir, unusual_kind};
use super::error::FileError;
use super::resolve::{Place, Target, resolve};
use super::temp;

/// A file that is being written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    fd: OwnedFd,
    /// Where it goes; `None` if it is written through.
    beside: Option<Beside>,
}

#[derive(Debug)]
struct Beside {
    place: Place,
    temp: OsString,
}

impl Output {
    /// Begins to write `path`.
    ///
    /// # Errors
    /// If it is a directory, or nothing can be written there.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let through = || {
            let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
            let fd = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()));
            let fd = fd.map_err(|errno| FileError::system("openat", path, errno))?;
            Ok(Self { path: path.to_owned(), fd, beside: None })
        };
        let place = match symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => new_place(path)?,
            _ => match resolve(path)? {
                Target::Descriptor => return through(),
                Target::Entry(place) => place,
            },
        };
        if place.dir.stat(&place.name)?.as_ref().and_then(unusual_kind).is_some() {
            return through();
        }
        let _others_leave_them = temp::remove_stale(&[&place]);
        let temp = temp::name(&place)?;
        let fd = temp::create(&place.dir, &temp)?;
        Ok(Self { path: path.to_owned(), fd, beside: Some(Beside { place, temp }) })
    }

    /// A write that failed.
    #[must_use]
    pub fn failed(&self, error: &io::Error) -> FileError {
        FileError::system("write", &self.path, Errno::from_io_error(error).unwrap_or(Errno::IO))
    }

    /// Makes what was written durable and puts it in its place.
    ///
    /// # Errors
    /// If that fails: then what was there before is still there.
    pub fn finish(mut self) -> Result<(), FileError> {
        let Some(Beside { place, temp }) = self.beside.take() else { return Ok(()) };
        let done = temp::sync(&self.path, &self.fd).and_then(|()| place.dir.rename(&temp, &place.name));
        if done.is_err() {
            let _the_first_error_counts = place.dir.unlink(&temp);
        }
        done?;
        place.dir.sync()
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.fd, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What isn't finished is removed.
impl Drop for Output {
    fn drop(&mut self) {
        if let Some(Beside { place, temp }) = self.beside.take() {
            let _nobody_to_tell = place.dir.unlink(&temp);
        }
    }
}

/// The place of a file that isn't there yet.
fn new_place(path: &Path) -> Result<Place, FileError> {
    let directory = || FileError::unsuitable(path, "a directory", "give a file");
    let name: &OsStr = path.file_name().ok_or_else(directory)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = retry_on_intr(|| rustix::fs::openat(CWD, folder, flags, Mode::empty()))
        .map_err(|errno| FileError::system("openat", folder, errno))?;
    Ok(Place { dir: Dir::new(fd, folder.to_owned()), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_takes_its_place_when_it_is_complete() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("dump");
        fs::write(&path, "before").expect("written");
        let mut output = Output::create(&path).expect("begun");
        output.write_all(b"after").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "before");
        output.finish().expect("finished");
        assert_eq!(fs::read_to_string(&path).expect("there"), "after");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut output = Output::create(&dir.path().join("dump")).expect("begun");
        output.write_all(b"some").expect("written");
        drop(output);
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_link_is_followed_and_a_device_is_written_through() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, link) = (dir.path().join("dump"), dir.path().join("link"));
        fs::write(&file, "before").expect("written");
        symlink("dump", &link).expect("a link");
        let mut output = Output::create(&link).expect("begun");
        output.write_all(b"after").expect("written");
        output.finish().expect("finished");
        assert_eq!(fs::read_to_string(&file).expect("there"), "after");
        assert!(link.is_symlink());

        let mut full = Output::create(Path::new("/dev/full")).expect("a device");
        assert!(full.write_all(b"x").is_err());
        Output::create(Path::new("/dev/null")).expect("a device").finish().expect("finished");
        assert!(Output::create(dir.path()).is_err(), "a directory");
        assert!(Output::create(&dir.path().join("no/where")).is_err());
    }
}
