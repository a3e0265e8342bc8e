//! Safe reading and writing of configuration files. It works on bytes and knows nothing of what stands in them.
//!
//! Reading gives a [`Snapshot`]: the bytes, and what tells later whether the file is still the same. Writing goes through a
//! [`Transaction`]: every new version is written beside its target, complete with owner, mode and extended attributes, and made
//! durable; then the caller may look at it (`haproxy -c`); then it takes the target's place in one step (`renameat2` with
//! `RENAME_EXCHANGE`, and what came back is compared with what was read; where a file system lacks that, a rename, which leaves some
//! microseconds between the last look and the step). At every moment each file is entirely old or entirely new. Several files are
//! written all or none: a record beside them lets the next writing run complete or take back what a kill interrupted.
//!
//! Beside a file `NAME` stand, while it is written: `.NAME.peerctl.lock`, `.NAME.peerctl.PID.RANDOM.tmp` (the new, then the old
//! version; a second one where the old version must be copied), and with several files or `--in-place` `.NAME.peerctl.journal`. None of
//! them ends in `.cfg`. A kill leaves them; the next run that writes `NAME` removes them. The old version becomes the backup after the
//! step, so a kill at that very moment leaves it under its temporary name, and the next writer removes it.

mod commit;
mod dir;
mod error;
mod journal;
mod lock;
mod metadata;
mod output;
mod preflight;
mod read;
mod recording;
mod recover;
mod resolve;
mod signals;
mod temp;
mod through;
mod transaction;

use std::path::Path;

use clap::ValueEnum;

pub use commit::Written;
pub use error::FileError;
pub use journal::{Pending, pending};
pub use output::Output;
pub use read::{MAX_BYTES, Original, Snapshot, contents, list_directory, read};
pub use recording::{Found, Recording};
pub use recover::Recovery;
pub use signals::{Guard, interrupted, survive_size_limit};
pub use transaction::{Change, Transaction};

/// How files are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What becomes of the old version; `None`: [`Backup::Simple`], but [`Backup::None`] inside a git work tree.
    pub backup: Option<Backup>,
    /// Write through the file instead of replacing it: for files mounted by themselves. Not in one step.
    pub in_place: bool,
    /// What to do with a file that has several names.
    pub hardlinks: Hardlinks,
}

/// What becomes of the old version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backup {
    /// It is gone.
    None,
    /// It is kept as `NAME~`; an earlier one is gone.
    Simple,
    /// It is kept as `NAME.~1~`, `NAME.~2~`, and so on.
    Numbered,
}

/// What to do with a file that has several names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Hardlinks {
    /// Don't write it.
    #[default]
    Refuse,
    /// Give the new version to this name alone.
    Break,
}

impl Options {
    fn backup_for(&self, file: &Path) -> Backup {
        let usual = || if inside_git_work_tree(file) { Backup::None } else { Backup::Simple };
        self.backup.unwrap_or_else(usual)
    }
}

/// Whether a file stands in a git work tree, where earlier versions are kept anyway: a `.git` in one of its directories.
#[must_use]
pub fn inside_git_work_tree(file: &Path) -> bool {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    real.ancestors().skip(1).any(|dir| dir.join(".git").exists())
}
