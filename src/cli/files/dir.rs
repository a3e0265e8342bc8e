//! One open directory and the system calls on its entries: every call by descriptor and name, every error with call and path.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::error::FileError;

/// A directory that stays the same one whatever happens to its path.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// What tells one version of a file from another without reading it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) modified: (i64, u64),
    pub(super) changed: (i64, u64),
}

impl Identity {
    #[expect(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        reason = "the widths and signs of stat fields differ between platforms"
    )]
    pub(super) fn of(stat: &Stat) -> Self {
        Identity {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        }
    }

    /// The same, but for the time of the last change of the inode, which a rename moves.
    pub(super) fn same_but_renamed(&self, other: &Identity) -> bool {
        Identity { changed: other.changed, ..*self } == *other
    }

    pub(super) fn same_inode(&self, other: &Identity) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Dir {
    pub(super) fn new(fd: OwnedFd, path: PathBuf) -> Self {
        Dir { fd, path }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn at(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    fn call<T>(
        &self,
        call: &'static str,
        name: &OsStr,
        run: impl FnMut() -> rustix::io::Result<T>,
    ) -> Result<T, FileError> {
        retry_on_intr(run).map_err(|errno| FileError::system(call, self.at(name), errno))
    }

    /// Opens an entry; a symbolic link is an error, a FIFO without a writer doesn't block.
    pub(super) fn open(&self, name: &OsStr, flags: OFlags) -> Result<OwnedFd, FileError> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        self.call("openat", name, || rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR))
    }

    /// Like [`Dir::open`], `None` where there is no such entry.
    pub(super) fn open_if_there(&self, name: &OsStr, flags: OFlags) -> Result<Option<OwnedFd>, FileError> {
        match self.open(name, flags) {
            Ok(fd) => Ok(Some(fd)),
            Err(FileError::System { errno: Errno::NOENT, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The status of an entry itself (links are not followed); `None` where there is none.
    pub(super) fn stat(&self, name: &OsStr) -> Result<Option<Stat>, FileError> {
        match self.call("newfstatat", name, || rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok(Some(stat)),
            Err(FileError::System { errno: Errno::NOENT, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn identity(&self, name: &OsStr) -> Result<Option<Identity>, FileError> {
        Ok(self.stat(name)?.map(|stat| Identity::of(&stat)))
    }

    /// Removes an entry; one that is gone already is no error.
    pub(super) fn unlink(&self, name: &OsStr) -> Result<(), FileError> {
        match self.call("unlinkat", name, || rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())) {
            Ok(()) | Err(FileError::System { errno: Errno::NOENT, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Renames an entry over another.
    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), FileError> {
        self.call("renameat", to, || rustix::fs::renameat(&self.fd, from, &self.fd, to))
    }

    /// Exchanges two entries in one step. `false`: kernel or file system can't, nothing happened.
    pub(super) fn exchange(&self, one: &OsStr, other: &OsStr) -> Result<bool, FileError> {
        let run = || rustix::fs::renameat_with(&self.fd, one, &self.fd, other, RenameFlags::EXCHANGE);
        match self.call("renameat2", other, run) {
            Ok(()) => Ok(true),
            Err(FileError::System { errno: Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the directory's entries durable. A file system that can't sync a directory is taken as it is.
    pub(super) fn sync(&self) -> Result<(), FileError> {
        let fd = self.reopen()?;
        match retry_on_intr(|| rustix::fs::fsync(&fd)) {
            Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
            Err(errno) => Err(FileError::system("fsync", &self.path, errno)),
        }
    }

    /// The directory as a descriptor that can be read and synced: ours may be good for names only.
    fn reopen(&self) -> Result<OwnedFd, FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        retry_on_intr(|| rustix::fs::openat(&self.fd, ".", flags, Mode::empty()))
            .map_err(|errno| FileError::system("openat", &self.path, errno))
    }

    /// The names of all entries but `.` and `..`, in no order.
    pub(super) fn names(&self) -> Result<Vec<OsString>, FileError> {
        let error = |errno| FileError::system("getdents64", &self.path, errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(self.reopen()?).map_err(error)? {
            let name = OsStr::from_bytes(entry.map_err(error)?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// What kind of file a status is about, in words; `None` for a regular file.
pub(super) fn unusual_kind(stat: &Stat) -> Option<&'static str> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a FIFO"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        FileType::Unknown => Some("no regular file"),
    }
}
