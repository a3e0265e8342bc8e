//! One edit of one or more files: computed from what is there, staged beside the targets, written all or none.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::dir::Identity;
use super::error::FileError;
use super::journal::{self, Found};
use super::lock::Lock;
use super::read::{Original, Sum, open_regular, status};
use super::resolve::{Place, Target, no_place, resolve, resolve_entry};
use super::{Backup, Options, Recovery, metadata, preflight, recover, signals, temp};

/// How often an edit is computed again because somebody else changed the files meanwhile.
const ROUNDS: usize = 8;

/// New contents for a file that was read.
#[derive(Debug)]
pub struct Change {
    /// What was read.
    pub original: Original,
    /// What shall be written.
    pub bytes: Vec<u8>,
}

/// Changes that are ready to be written: locked, and each new version in a temporary file beside its target.
/// Dropped without [`Transaction::commit`], everything is as before.
#[derive(Debug)]
pub struct Transaction {
    pub(super) options: Options,
    pub(super) staged: Vec<Staged>,
    /// Whether the temporary files must stay because the only copy of an old version is among them.
    pub(super) stuck: bool,
    recovered: Vec<Recovery>,
    held: Vec<Held>,
    pub(super) guard: signals::Guard,
}

/// One file with its new version beside it.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) original: Original,
    pub(super) place: Rc<Place>,
    pub(super) temp: OsString,
    pub(super) new: Identity,
    pub(super) new_sum: Sum,
    pub(super) backup: Backup,
}

#[derive(Debug)]
struct Held {
    place: Rc<Place>,
    _lock: Lock,
}

impl Transaction {
    /// Computes an edit and stages it.
    ///
    /// `paths` are all files the edit looks at: an interrupted write that touches one of them is recovered first. `compute` reads
    /// files and says what shall change; a change to the same bytes is none. Only when something changes are locks taken, and if
    /// somebody else wrote between reading and locking, `compute` runs again, now under the locks. So of two programs that edit
    /// one file at the same time, each sees what the other did. When nothing changes, nothing is written, not even a lock.
    ///
    /// # Errors
    /// What `compute` fails with, and [`FileError`]: a file can't be replaced without a loss, is locked by somebody else for over 5 s,
    /// keeps changing, or an interrupted write can't be recovered.
    pub fn prepare<T, E: From<FileError>>(
        options: Options,
        paths: &[PathBuf],
        mut compute: impl FnMut() -> Result<(T, Vec<Change>), E>,
    ) -> Result<(T, Transaction), E> {
        let guard = signals::Guard::note();
        let mut this =
            Transaction { options, staged: Vec::new(), stuck: false, recovered: Vec::new(), held: Vec::new(), guard };
        this.recover(paths)?;
        let mut last = None;
        for _ in 0..ROUNDS {
            let (value, changes) = compute()?;
            let changes = wanted(changes)?;
            if changes.is_empty() {
                this.held.clear();
                return Ok((value, this));
            }
            this.lock(&changes.iter().map(|wanted| wanted.real.clone()).collect())?;
            last = first_outdated(&changes)?;
            if last.is_none() {
                for wanted in changes {
                    this.stage(wanted)?;
                }
                return Ok((value, this));
            }
        }
        Err(FileError::Changed { path: last.unwrap_or_default() }.into())
    }

    /// The staged files: the path as given, and the file that holds the new version until [`Transaction::commit`].
    pub fn staged(&self) -> impl Iterator<Item = (&Path, PathBuf)> {
        self.staged.iter().map(|staged| (staged.original.path(), staged.place.dir.at(&staged.temp)))
    }

    /// Interrupted writes of earlier runs that [`Transaction::prepare`] completed or took back.
    #[must_use]
    pub fn recovered(&self) -> &[Recovery] {
        &self.recovered
    }

    /// Recovers interrupted writes that touch one of these files.
    fn recover(&mut self, paths: &[PathBuf]) -> Result<(), FileError> {
        for path in paths {
            let Ok(Target::Entry(place)) = resolve(path) else { continue };
            if let Found::Record { .. } = journal::find(&place)? {
                self.lock(&BTreeSet::from([place.path()]))?;
            }
        }
        Ok(())
    }

    /// Takes the locks of these files (real paths) in one order for everybody, recovers interrupted writes that touch them,
    /// and removes what killed writers left.
    fn lock(&mut self, wanted: &BTreeSet<PathBuf>) -> Result<(), FileError> {
        let mut all = wanted.clone();
        while !all.iter().all(|path| self.held.iter().any(|held| held.place.path() == *path)) {
            self.held.clear();
            let places = all.iter().map(|path| self.checked_place(path, wanted)).collect::<Result<Vec<_>, _>>()?;
            for place in places {
                let lock = Lock::take(&place, &self.guard)?;
                self.held.push(Held { place, _lock: lock });
            }
            let more = self.recover_held(&all)?;
            if more.is_empty() {
                temp::remove_stale(&self.held.iter().map(|held| &*held.place).collect::<Vec<_>>())?;
            }
            all.extend(more);
        }
        Ok(())
    }

    fn checked_place(&self, path: &Path, wanted: &BTreeSet<PathBuf>) -> Result<Rc<Place>, FileError> {
        let place = Rc::new(resolve_entry(path)?);
        // A file that only an interrupted write is about may have been written through.
        let in_place = self.options.in_place || !wanted.contains(path);
        preflight::check(&place, &Options { in_place, ..self.options.clone() })?;
        Ok(place)
    }

    /// Recovers the interrupted writes of the locked files; returns the files that must be locked, too, before that can be done.
    fn recover_held(&mut self, all: &BTreeSet<PathBuf>) -> Result<BTreeSet<PathBuf>, FileError> {
        let places: Vec<&Place> = self.held.iter().map(|held| &*held.place).collect();
        let mut more = BTreeSet::new();
        for place in &places {
            match journal::find(place)? {
                Found::Nothing => {}
                Found::Void => journal::remove(place)?,
                Found::Record { at, journal } => {
                    let about: BTreeSet<PathBuf> = journal.files.iter().map(|entry| entry.path.clone()).collect();
                    let gone: Vec<PathBuf> = about.iter().filter(|path| !path.exists()).cloned().collect();
                    if !gone.is_empty() {
                        return Err(FileError::Interfered { journal: at, files: gone });
                    }
                    if about.is_subset(all) {
                        self.recovered.push(recover::recover(&at, &journal, &places)?);
                    } else {
                        more.extend(about);
                    }
                }
            }
        }
        Ok(more)
    }

    /// Writes a new version beside its target, complete with metadata and durable.
    fn stage(&mut self, wanted: Wanted) -> Result<(), FileError> {
        self.guard.check()?;
        let Wanted { original, real, bytes, sum: new_sum } = wanted;
        let held = self.held.iter().find(|held| held.place.path() == real);
        let place = Rc::clone(&held.expect("prepare locks the file of every change before it stages one").place);
        let name = temp::name(&place)?;
        let path = place.dir.at(&name);
        let source = open_regular(&original.given, &place.dir, &place.name)?;
        let backup = self.options.backup_for(&place.path());
        let new = Identity::default();
        // From here on dropping the transaction removes the file, which comes next.
        self.staged.push(Staged { original, place: Rc::clone(&place), temp: name.clone(), new, new_sum, backup });
        let target = temp::create(&place.dir, &name)?;
        temp::fill(&path, &target, &bytes)?;
        if !self.options.in_place {
            metadata::copy(&place.path(), &source, &target)?;
        }
        temp::sync(&path, &target)?;
        let new = Identity::of(&status(&path, &target)?);
        if let Some(staged) = self.staged.last_mut() {
            staged.new = new;
        }
        self.guard.check()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.stuck {
            for staged in &self.staged {
                staged.place.remove_surely(&staged.temp);
            }
        }
    }
}

impl Place {
    /// Removes an entry, with a second try; what stays is removed by the next writer.
    pub(super) fn remove_surely(&self, name: &std::ffi::OsStr) {
        if self.dir.unlink(name).is_err() {
            let _left_to_the_next_writer = self.dir.unlink(name);
        }
    }
}

/// A change that is one, of a file that has a place.
struct Wanted {
    original: Original,
    real: PathBuf,
    bytes: Vec<u8>,
    sum: Sum,
}

/// The path of a file that is no longer what was read, if any.
fn first_outdated(changes: &[Wanted]) -> Result<Option<PathBuf>, FileError> {
    for Wanted { original, real, .. } in changes {
        let now = resolve_entry(&original.given)?;
        if now.path() != *real || now.dir.identity(&now.name)? != Some(original.identity) {
            return Ok(Some(original.given.clone()));
        }
    }
    Ok(None)
}

/// Drops the changes that change nothing; refuses what has no place to be written to.
fn wanted(changes: Vec<Change>) -> Result<Vec<Wanted>, FileError> {
    let mut all: Vec<Wanted> = Vec::new();
    for Change { original, bytes } in changes {
        let sum: Sum = Sha256::digest(&bytes).into();
        if sum == original.sum {
            continue;
        }
        let Some(real) = original.real.clone() else { return Err(no_place(&original.given)) };
        match all.iter().find(|other| other.real == real) {
            None => all.push(Wanted { original, real, bytes, sum }),
            Some(other) if other.sum == sum => {}
            Some(_) => {
                let next = "edit the two instances one after the other";
                return Err(FileError::unsuitable(&original.given, "to become two different files at once", next));
            }
        }
    }
    all.sort_by(|one, other| one.real.cmp(&other.real));
    Ok(all)
}
