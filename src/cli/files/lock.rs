//! One writer at a time for each file: an advisory lock on `.NAME.peerctl.lock` beside it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::dir::{Dir, Identity, unusual_kind};
use super::error::{FileError, shown};
use super::read::status;
use super::resolve::Place;
use super::signals;

/// How long a lock that somebody else holds is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// A lock that is held; dropped, its file goes away.
#[derive(Debug)]
pub(super) struct Lock {
    place: Rc<Place>,
    name: OsString,
    fd: OwnedFd,
    /// Whether the file is ours to remove: we hold its lock, or made it and could not even try to lock it.
    ours: bool,
}

impl Lock {
    /// Takes the lock of a file, waiting for another holder up to 5 s and for no signal.
    pub(super) fn take(place: &Rc<Place>, guard: &signals::Guard) -> Result<Lock, FileError> {
        let end = Instant::now() + PATIENCE;
        loop {
            guard.check()?;
            let Some(mut lock) = Lock::open(place)? else { continue };
            let path = place.dir.at(&lock.name);
            let stat = status(&path, &lock.fd)?;
            if let Some(kind) = unusual_kind(&stat) {
                return Err(FileError::unsuitable(&path, kind, "it is in the way of our lock, remove it"));
            }
            if try_lock(&path, &lock.fd, FlockOperation::NonBlockingLockExclusive)? {
                // The holder before us may have removed the file that we had opened already: then the lock is on nothing, and a
                // third process may hold the one on the file that stands there now.
                lock.ours = place.dir.identity(&lock.name)?.is_some_and(|now| now.same_inode(&Identity::of(&stat)));
                if lock.ours {
                    lock.sign();
                    return Ok(lock);
                }
                continue;
            }
            lock.ours = false;
            if Instant::now() > end {
                let holder = holder(&path, &lock.fd);
                return Err(FileError::Locked { path: place.path(), holder, waited_s: PATIENCE.as_secs() });
            }
            thread::sleep(PAUSE);
        }
    }

    /// Opens the lock's file, or makes it; `None` if it came or went meanwhile.
    fn open(place: &Rc<Place>) -> Result<Option<Lock>, FileError> {
        let name = lock_name(&place.name);
        let (fd, ours) = match place.dir.open(&name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL) {
            Err(FileError::System { errno: Errno::EXIST, .. }) => {
                (place.dir.open_if_there(&name, OFlags::RDWR)?, false)
            }
            made => (Some(made?), true),
        };
        Ok(fd.map(|fd| Lock { place: Rc::clone(place), name, fd, ours }))
    }

    /// Writes our process id into the lock, for whoever waits for it. It is for people only: a failure changes nothing.
    fn sign(&self) {
        let text = format!("{:<10}\n", std::process::id());
        let _for_people_only = rustix::io::pwrite(&self.fd, text.as_bytes(), 0);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.ours {
            // Removed while it is held: see `take`.
            self.place.remove_surely(&self.name);
        }
    }
}

/// Whether somebody is writing the file right now. Opens for reading only.
pub(super) fn is_held(dir: &Dir, file: &OsStr) -> Result<bool, FileError> {
    let name = lock_name(file);
    let Some(fd) = dir.open_if_there(&name, OFlags::RDONLY)? else { return Ok(false) };
    Ok(!try_lock(&dir.at(&name), &fd, FlockOperation::NonBlockingLockShared)?)
}

fn try_lock(path: &Path, fd: impl AsFd, how: FlockOperation) -> Result<bool, FileError> {
    match retry_on_intr(|| rustix::fs::flock(&fd, how)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(FileError::system("flock", path, errno)),
    }
}

fn lock_name(file: &OsStr) -> OsString {
    let mut name = OsString::from(".");
    name.push(file);
    name.push(".peerctl.lock");
    name
}

fn holder(path: &Path, fd: impl AsFd) -> String {
    let mut text = [0_u8; 16];
    let got = rustix::io::pread(fd, &mut text, 0).unwrap_or(0);
    let text = String::from_utf8_lossy(text.get(..got).unwrap_or_default()).into_owned();
    match text.trim().parse::<u32>() {
        Ok(pid) => {
            let program = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
            let program = String::from_utf8_lossy(&program).trim_end().to_owned();
            if program.is_empty() { format!("process {pid}") } else { format!("process {pid} ({program})") }
        }
        Err(_) => format!("another process (see {})", path.file_name().map(shown).unwrap_or_default()),
    }
}
