//! A file that grows while it is recorded: only its owner reads it, only one program writes it, and what is synced stays.
//!
//! A file that is there already is continued: a torn end, left by a crash, is cut off first. What happens to the file while it is
//! written (moved, deleted, cut, written by somebody else) is an error, not silence.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::error::FileError;
use super::read::status;
use crate::record::{Damage, Journal, Reader, Record, RecordError, Tail};

/// A file that is being recorded.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    fd: OwnedFd,
    /// Bytes of whole lines.
    position: u64,
    device: u64,
    inode: u64,
    broken: bool,
    /// The file whose place it takes when it [settles](Journal::settle).
    replaces: Option<PathBuf>,
}

/// What was found when a file was opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Entries that were there already.
    pub entries: u64,
    /// Bytes of a torn end that were cut off.
    pub cut: u64,
    /// Damaged lines that were passed over, and what is wrong with the first of them.
    pub damaged: (u64, Option<String>),
}

impl Recording {
    /// Opens or makes a file, and keeps others from writing it.
    ///
    /// # Errors
    /// If it is no regular file, another program records into it, or it holds something else than records.
    pub fn open(path: &Path) -> Result<(Self, Found), FileError> {
        Self::open_with(path, Damage::Refuse, |_| {})
    }

    /// The same, showing each record that is there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: &Path, damage: Damage, each: impl FnMut(&Record<'_>)) -> Result<(Self, Found), FileError> {
        let (mut recording, size) = Self::lock(path)?;
        let found = if size > 0 { recording.resume(damage, each)? } else { Found::default() };
        recording.sync_folder()?;
        Ok((recording, found))
    }

    /// A new, empty file beside another one, whose place it takes when it [settles](Journal::settle).
    ///
    /// # Errors
    /// If it can't be made.
    pub fn beside(path: &Path) -> Result<Self, FileError> {
        Self::clear_beside(path)?;
        let (mut recording, _) = Self::lock(&beside(path))?;
        recording.replaces = Some(path.to_owned());
        Ok(recording)
    }

    /// Removes the file that [`Self::beside`] has made, and a crash has left: it says nothing that the other one doesn't say. To be
    /// called by who has opened that.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn clear_beside(path: &Path) -> Result<(), FileError> {
        let beside = beside(path);
        match rustix::fs::unlink(&beside) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(FileError::system("unlink", &beside, errno)),
        }
    }

    /// Opens or makes a file, and keeps others from writing it; gives its size, too.
    fn lock(path: &Path) -> Result<(Self, i64), FileError> {
        let failed = |call| move |errno| FileError::system(call, path, errno);
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let fd = retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR));
        let fd = fd.map_err(failed("openat"))?;
        let stat = status(path, &fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FileError::unsuitable(path, "no regular file", "recordings are synced and cut: give a file"));
        }
        match retry_on_intr(|| rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(FileError::refused(path, "another program records into it", "give another file"));
            }
            Err(errno) => return Err(FileError::system("flock", path, errno)),
        }
        let size = stat.st_size;
        let recording = Self {
            path: path.to_owned(),
            fd,
            position: 0,
            device: stat.st_dev,
            inode: stat.st_ino,
            broken: false,
            replaces: None,
        };
        // Another program may have put a newer one in its place before the lock was free.
        if recording.is_gone() {
            return Err(FileError::refused(path, "another program has just replaced it", "try again"));
        }
        Ok((recording, size))
    }

    /// The path, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Reads what is there and cuts off what a crash has left.
    fn resume(&mut self, damage: Damage, mut each: impl FnMut(&Record<'_>)) -> Result<Found, FileError> {
        let path = &self.path;
        let copy = rustix::io::dup(&self.fd).map_err(|errno| FileError::system("dup", path, errno))?;
        let mut reader = Reader::with_damage(File::from(copy), damage);
        let next = "repair it, or give another file";
        let mut begun = false;
        loop {
            match reader.read() {
                Ok(Some(record)) => {
                    begun |= matches!(record, Record::Header(_));
                    if !begun {
                        return Err(FileError::unsuitable(path, "no file of records", next));
                    }
                    each(&record);
                }
                Ok(None) => break,
                Err(error) => {
                    let found = format!("no recording that can be continued: {error}");
                    return Err(FileError::unsuitable(path, found, next));
                }
            }
        }
        let summary = reader.summary();
        if !begun && summary.damaged > 0 {
            return Err(FileError::unsuitable(path, "no file of records", next));
        }
        let damaged = (summary.damaged, summary.first_damaged.as_ref().map(RecordError::to_string));
        let (valid, entries) = (summary.valid_len, summary.entries);
        let cut = match summary.tail {
            Tail::Torn(bytes) => bytes,
            Tail::Whole | Tail::NoNewline => 0,
        };
        let unended = summary.tail == Tail::NoNewline;
        self.position = valid;
        if cut > 0 {
            self.cut().map_err(|errno| FileError::system("ftruncate", &self.path, errno))?;
        }
        if unended {
            self.append(b"\n").map_err(|error| {
                FileError::system("write", &self.path, Errno::from_io_error(&error).unwrap_or(Errno::IO))
            })?;
        }
        Ok(Found { entries, cut, damaged })
    }

    /// A new file is there after a loss of power only if its folder is synced, too.
    fn sync_folder(&self) -> Result<(), FileError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| rustix::fs::openat(CWD, folder, flags, Mode::empty()))
            .map_err(|errno| FileError::system("openat", folder, errno))?;
        match retry_on_intr(|| rustix::fs::fsync(&fd)) {
            // Some file systems have nothing to sync there.
            Ok(()) | Err(Errno::INVAL | Errno::ROFS) => Ok(()),
            Err(errno) => Err(FileError::system("fsync", folder, errno)),
        }
    }

    /// Whether the file is still the one that was opened, at its place, and as long as we left it.
    fn check(&self) -> io::Result<()> {
        let stat = retry_on_intr(|| rustix::fs::fstat(&self.fd))?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let gone = self.is_gone();
        let what = match () {
            () if stat.st_nlink == 0 => "was deleted",
            () if gone => "was moved away",
            () if size < self.position => "was cut by another program",
            () if size > self.position => "was written by another program",
            () => return Ok(()),
        };
        Err(io::Error::other(format!("the file {what} while it was recorded")))
    }

    /// Whether there is another file, or none, at its place.
    fn is_gone(&self) -> bool {
        let moved = |stat: &Stat| (stat.st_dev, stat.st_ino) != (self.device, self.inode);
        match rustix::fs::stat(&self.path) {
            Ok(there) => moved(&there),
            Err(Errno::NOENT) => true,
            Err(_) => false,
        }
    }

    /// Cuts off what is behind the last whole line.
    fn cut(&self) -> Result<(), Errno> {
        retry_on_intr(|| rustix::fs::ftruncate(&self.fd, self.position))?;
        retry_on_intr(|| rustix::fs::fdatasync(&self.fd))
    }

    fn write(&self, lines: &[u8]) -> Result<(), Errno> {
        let mut rest = lines;
        while !rest.is_empty() {
            match retry_on_intr(|| rustix::io::write(&self.fd, rest))? {
                0 => return Err(Errno::IO),
                count => rest = rest.get(count..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

/// The name of the file that is written beside another one to take its place.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

impl Journal for Recording {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier error can't be made good"));
        }
        self.check()?;
        if let Err(errno) = self.write(lines) {
            // Half a line in the middle of the file would be the end of it for every reader.
            if retry_on_intr(|| rustix::fs::ftruncate(&self.fd, self.position)).is_err() {
                self.broken = true;
            }
            return Err(errno.into());
        }
        self.position += lines.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.check()?;
        Ok(retry_on_intr(|| rustix::fs::fdatasync(&self.fd))?)
    }

    fn settle(&mut self) -> io::Result<()> {
        let Some(place) = self.replaces.take() else { return Ok(()) };
        self.sync()?;
        retry_on_intr(|| rustix::fs::rename(&self.path, &place))?;
        self.path = place;
        self.sync_folder().map_err(io::Error::other)
    }

    fn position(&self) -> u64 {
        self.position
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.replaces.is_some() && !self.is_gone() {
            // It came to nothing.
            let _may_be_gone = rustix::fs::unlink(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::record::{Checksum, Header, Time, VERSION, Writer};

    fn header() -> Header<'static> {
        Header { version: VERSION, peerctl: "0.1.0".into(), time: Time::default() }
    }

    fn written(path: &Path) -> u64 {
        let (recording, _) = Recording::open(path).expect("a file");
        let mut writer = Writer::new(recording, Checksum::Crc32c);
        writer.header(&header()).expect("room");
        writer.end(true).expect("room");
        writer.sync().expect("a disk");
        writer.journal().position()
    }

    #[test]
    fn only_its_owner_reads_it_and_only_one_writes_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("rec");
        let (first, found) = Recording::open(&path).expect("a new file");
        assert_eq!(found, Found::default());
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        let second = Recording::open(&path).expect_err("locked").to_string();
        assert!(second.contains("another program records into it"), "{second}");
        drop(first);
        Recording::open(&path).expect("free again");
        assert!(Recording::open(Path::new("/dev/null")).is_err(), "a device can't be cut");
    }

    #[test]
    fn a_torn_end_is_cut_when_a_file_is_continued() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("rec");
        let whole = written(&path);
        for torn in
            [&b"{\"type\":\"ent"[..], b"\0\0\0\0", b"{\"type\":\"end\",\"entries\":0,\"complete\":true,\"crc\":\"0000"]
        {
            let mut file = fs::OpenOptions::new().append(true).open(&path).expect("there");
            file.write_all(torn).expect("room");
            let (recording, found) = Recording::open(&path).expect("continued");
            assert_eq!((recording.position(), found.cut), (whole, torn.len() as u64), "{torn:?}");
            assert_eq!(fs::metadata(&path).expect("there").len(), whole);
        }
        assert!(written(&path) > whole, "more goes behind it");
        let text = fs::read(&path).expect("there");
        let mut reader = Reader::new(text.as_slice());
        while reader.read().expect("whole records").is_some() {}
        assert_eq!(reader.summary().tail, Tail::Whole);
    }

    #[test]
    fn what_is_no_recording_is_not_touched() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("letter");
        fs::write(&path, "Dear all,\n").expect("room");
        let refused = Recording::open(&path).expect_err("no recording");
        assert_eq!(refused.exit_code(), 2, "{refused}");
        assert_eq!(fs::read_to_string(&path).expect("there"), "Dear all,\n");
    }

    #[test]
    fn what_happens_to_the_file_is_an_error() {
        type Change = (&'static str, fn(&Path));
        let dir = tempfile::tempdir().expect("a folder");
        let changes: [Change; 4] = [
            ("deleted", |path| fs::remove_file(path).expect("there")),
            ("moved", |path| fs::rename(path, path.with_extension("1")).expect("there")),
            ("cut", |path| fs::File::create(path).map(drop).expect("there")),
            ("written", |path| {
                fs::OpenOptions::new()
                    .append(true)
                    .open(path)
                    .and_then(|mut file| file.write_all(b"x"))
                    .expect("there");
            }),
        ];
        for (what, change) in changes {
            let path = dir.path().join(what);
            let (mut recording, _) = Recording::open(&path).expect("a new file");
            recording.append(b"line\n").expect("room");
            recording.sync().expect("a disk");
            change(&path);
            for error in [recording.append(b"line\n"), recording.sync()] {
                let error = error.expect_err(what);
                assert!(error.to_string().contains(what) && error.raw_os_error().is_none(), "{error}");
            }
        }
    }
}
