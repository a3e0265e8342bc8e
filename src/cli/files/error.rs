//! What can go wrong with a file: the system call and the path, what was found, what to do next.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use thiserror::Error;

/// An error of reading or writing files. Its text says what was found and what to do next; [`FileError::exit_code`] says how
/// the program ends.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// A system call failed.
    #[error("{call} {}: {errno}{}", .path.display(), advice(*.errno))]
    System {
        /// The system call, as `strace` names it.
        call: &'static str,
        /// The file it was about.
        path: PathBuf,
        /// What the kernel answered.
        errno: Errno,
    },
    /// A system call failed at a place where a symbolic link led.
    #[error("{call} {}, where {} leads: {errno}{}", .to.display(), .path.display(), advice(*.errno))]
    Beyond {
        /// The system call, as `strace` names it.
        call: &'static str,
        /// The path as given.
        path: PathBuf,
        /// Where it leads.
        to: PathBuf,
        /// What the kernel answered.
        errno: Errno,
    },
    /// The path names something that is not a configuration file: misuse, nothing was tried.
    #[error("{} is {found}; {next}", .path.display())]
    Unsuitable {
        /// The path as given.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What to give instead.
        next: String,
    },
    /// Writing this file would lose something or is known to fail: nothing was written.
    #[error("{} is not written: {reason}; {next}", .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
        /// What to do next.
        next: String,
    },
    /// Somebody else changed the file after it was read. Their bytes are kept.
    #[error("{} changed after it was read; what stands there now is kept, run the command again", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Another process edits the file.
    #[error("{} is locked by {holder}; waited {waited_s} s, try again when it is done", .path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// Who holds the lock, as far as it can be told.
        holder: String,
        /// How long it was waited for, in seconds.
        waited_s: u64,
    },
    /// A write of several files was interrupted, and it can be neither completed nor taken back.
    #[error(
        "the write of several files recorded in {} was interrupted, and {} is neither the old nor the new version now; nothing was touched. \
         Make the files agree by hand, then remove that record",
        .journal.display(), list(.files)
    )]
    Interfered {
        /// The record of the interrupted write.
        journal: PathBuf,
        /// The files that somebody else changed, or whose versions are gone.
        files: Vec<PathBuf>,
    },
    /// The write failed, and so did a step of taking it back.
    #[error("{error}; taking it back failed, too: {}", failures.join("; "))]
    NotTakenBack {
        /// The first error.
        error: Box<FileError>,
        /// What failed afterwards.
        failures: Vec<String>,
    },
    /// A signal asked the program to end. Everything is as before.
    #[error("interrupted by {}; nothing was written", super::signals::name(*.signal))]
    Interrupted {
        /// The number of the signal.
        signal: i32,
    },
}

impl FileError {
    pub(super) fn system(call: &'static str, path: impl Into<PathBuf>, errno: Errno) -> Self {
        FileError::System { call, path: path.into(), errno }
    }

    pub(super) fn unsuitable(path: &Path, found: impl Into<String>, next: impl Into<String>) -> Self {
        FileError::Unsuitable { path: path.to_owned(), found: found.into(), next: next.into() }
    }

    pub(super) fn refused(path: &Path, reason: impl Into<String>, next: impl Into<String>) -> Self {
        FileError::Refused { path: path.to_owned(), reason: reason.into(), next: next.into() }
    }

    /// The exit code of the program: 2 for misuse, 3 for everything that files can do to us, 128 + the signal's number
    /// where one ended it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            FileError::Unsuitable { .. } => 2,
            FileError::Interrupted { signal } => u8::try_from(128 + signal).unwrap_or(3),
            FileError::NotTakenBack { error, .. } => error.exit_code(),
            _ => 3,
        }
    }
}

fn list(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// What a person can do about an error number; empty where the number says it all.
fn advice(errno: Errno) -> &'static str {
    match errno {
        Errno::NOENT => "; check the path",
        Errno::LOOP => "; the symbolic links lead in a circle, repair them",
        Errno::ACCESS | Errno::PERM => "; run as a user who may, or give the file by `-` and place the output yourself",
        Errno::ROFS => "; remount it writable, or give the file by `-` and place the output yourself",
        Errno::NOSPC | Errno::DQUOT => "; free some space or inodes there and run the command again",
        Errno::FBIG => "; raise the limit on file sizes (`ulimit -f`)",
        Errno::MFILE | Errno::NFILE => "; raise the limit on open files (`ulimit -n`)",
        Errno::BUSY | Errno::XDEV => {
            "; the file may be mounted by itself, as containers do: `--in-place` writes through"
        }
        Errno::IO => "; look at the kernel's log and the disk before trying again",
        Errno::NAMETOOLONG => "; the names of the files beside it need about 50 bytes more than its own",
        Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS => "; this file system lacks it, edit a copy elsewhere",
        _ => "",
    }
}

/// A name as text for messages.
pub(super) fn shown(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
