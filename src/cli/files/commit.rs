//! Putting staged files in place: all of them, or, if one step fails, none.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;

use super::dir::{Identity, unusual_kind};
use super::error::FileError;
use super::journal::{self, Entry, Journal};
use super::metadata;
use super::read::{status, sum_of};
use super::resolve::{Place, resolve_entry};
use super::through::{self, Metadata};
use super::transaction::{Staged, Transaction};
use super::{Backup, temp};

/// A file that got its new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The path as given.
    pub path: PathBuf,
    /// The file that holds the old version.
    pub backup: Option<PathBuf>,
}

/// How one staged file is going to be written.
struct Plan<'a> {
    staged: &'a Staged,
    spare: OsString,
    backup: Option<OsString>,
    in_place: bool,
    /// Whether a record stands beside the file.
    recorded: bool,
    /// Where the old version is, once the file is the new one.
    old: OsString,
}

/// A step that was done, and how it is taken back.
enum Done<'a> {
    /// A new entry: removed.
    Made { place: &'a Place, name: OsString },
    /// The record beside a file: removed.
    Recorded { place: &'a Place },
    /// File and temporary file exchanged: exchanged again.
    Exchanged { staged: &'a Staged },
    /// The new version renamed over the file: the copy of the old one takes its place.
    Replaced { staged: &'a Staged, spare: OsString },
    /// Written through: written through with the copy of the old version.
    WrittenThrough { place: &'a Place, old: OsString },
    /// The old version's mode narrowed: restored.
    Narrowed { place: &'a Place, name: OsString, mode: Mode },
    /// The old version exchanged with an earlier backup.
    BackupExchanged { place: &'a Place, old: OsString, backup: OsString },
    /// The old version renamed to its backup's name.
    BackupMoved { place: &'a Place, old: OsString, backup: OsString },
}

impl Transaction {
    /// Puts all staged files in place. They are durable when this returns.
    ///
    /// # Errors
    /// [`FileError`]; every file is then as before ([`FileError::Changed`]: as the other program left it), unless it is
    /// [`FileError::NotTakenBack`].
    pub fn commit(mut self) -> Result<Vec<Written>, FileError> {
        let mut done = Vec::new();
        let result = self.plan().and_then(|mut plans| {
            put_all(&self, &mut plans, &mut done)?;
            // Everything is in place and durable: what follows can't change that any more.
            Ok(plans.into_iter().map(Plan::finish).collect())
        });
        let failures = if result.is_err() { take_back(done) } else { Vec::new() };
        match result {
            Err(error) if !failures.is_empty() => {
                self.stuck = true;
                Err(FileError::NotTakenBack { error: Box::new(error), failures })
            }
            result => result,
        }
    }

    fn plan(&self) -> Result<Vec<Plan<'_>>, FileError> {
        let in_place = self.options.in_place;
        let recorded = in_place || self.staged.len() > 1;
        let mut plans = Vec::with_capacity(self.staged.len());
        for staged in &self.staged {
            let backup = backup_name(&staged.place, staged.backup)?;
            let spare = temp::name(&staged.place)?;
            let old = if in_place { spare.clone() } else { staged.temp.clone() };
            plans.push(Plan { staged, spare, backup, in_place, recorded, old });
        }
        Ok(plans)
    }
}

fn put_all<'a>(transaction: &Transaction, plans: &mut [Plan<'a>], done: &mut Vec<Done<'a>>) -> Result<(), FileError> {
    for plan in plans.iter_mut() {
        plan.check_unchanged()?;
        plan.check_path()?;
        if plan.in_place {
            // Writing through is not one step: the old version is in its backup's place before it begins.
            plan.keep_copy(&plan.staged.place.name, Metadata::Private, done)?;
            plan.keep_backup(done)?;
        }
    }
    let recorded = plans.first().filter(|plan| plan.recorded).map(|plan| plan.staged);
    if recorded.is_some() {
        record(plans, done)?;
    }
    for plan in plans.iter_mut() {
        transaction.guard.check()?;
        plan.put(done)?;
    }
    for plan in plans.iter_mut().filter(|plan| !plan.in_place) {
        plan.keep_backup(done)?;
    }
    for (nth, plan) in plans.iter().enumerate() {
        let dir = &plan.staged.place.dir;
        if !plans.iter().take(nth).any(|before| before.staged.place.dir.path() == dir.path()) {
            dir.sync()?;
        }
    }
    if let Some(first) = recorded {
        journal::remove(&first.place)?;
    }
    Ok(())
}

fn record<'a>(plans: &[Plan<'a>], done: &mut Vec<Done<'a>>) -> Result<(), FileError> {
    let places: Vec<&Place> = plans.iter().map(|plan| &*plan.staged.place).collect();
    // The record stands beside the first file. Steps are taken back last one first, and of the records the first must go first:
    // a record whose pointers are gone would be believed when its files have moved on.
    done.extend(plans.iter().rev().map(|plan| Done::Recorded { place: &plan.staged.place }));
    Journal::new(plans.iter().map(Plan::entry).collect(), &places)?.write(&places)
}

impl<'a> Plan<'a> {
    fn entry(&self) -> Entry {
        Entry {
            path: self.staged.place.path(),
            old: self.staged.original.sum,
            new: self.staged.new_sum,
            temp: PathBuf::from(&self.staged.temp),
            spare: PathBuf::from(&self.spare),
            backup: PathBuf::from(self.backup.clone().unwrap_or_default()),
            in_place: self.in_place,
        }
    }

    /// Fails if the file is not what was read, as far as its status tells.
    fn check_unchanged(&self) -> Result<(), FileError> {
        let place = &self.staged.place;
        if place.dir.identity(&place.name)? == Some(self.staged.original.identity) {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    /// Fails if the path as given leads to another file by now.
    fn check_path(&self) -> Result<(), FileError> {
        let now = resolve_entry(&self.staged.original.given)?.path();
        if now == self.staged.place.path() { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> FileError {
        FileError::Changed { path: self.staged.original.given.clone() }
    }

    /// Puts the new version in place.
    fn put(&mut self, done: &mut Vec<Done<'a>>) -> Result<(), FileError> {
        self.check_unchanged()?;
        let staged = self.staged;
        let (place, file) = (&*staged.place, staged.place.name.as_os_str());
        if self.in_place {
            self.check_contents(file)?;
            done.push(Done::WrittenThrough { place, old: self.old.clone() });
            return through::write(place, &staged.temp);
        }
        if place.dir.exchange(&staged.temp, file)? {
            // Now the name leads to the new version, and we hold what it led to: was that what we read? If somebody wrote
            // in the last microseconds, taking back gives them their version again.
            done.push(Done::Exchanged { staged });
            let held = place.dir.stat(&staged.temp)?.ok_or_else(|| self.changed())?;
            if !Identity::of(&held).same_but_renamed(&staged.original.identity) {
                return Err(self.changed());
            }
            self.check_contents(&staged.temp)?;
            if held.st_nlink > 1 && self.backup.is_some() {
                // Its other names can still change it: the backup must be a file of its own.
                self.keep_copy(&staged.temp, Metadata::Private, done)?;
                self.old = self.spare.clone();
            }
            return Ok(());
        }
        self.keep_copy(file, Metadata::Same, done)?;
        self.old = self.spare.clone();
        self.check_contents(file)?;
        self.check_unchanged()?;
        place.dir.rename(&staged.temp, file)?;
        done.push(Done::Replaced { staged, spare: self.spare.clone() });
        Ok(())
    }

    fn check_contents(&self, name: &OsStr) -> Result<(), FileError> {
        let dir = &self.staged.place.dir;
        let fd = dir.open(name, OFlags::RDONLY)?;
        if sum_of(&dir.at(name), &fd)? == self.staged.original.sum { Ok(()) } else { Err(self.changed()) }
    }

    fn keep_copy(&self, from: &OsStr, keep: Metadata, done: &mut Vec<Done<'a>>) -> Result<(), FileError> {
        let place = &*self.staged.place;
        done.push(Done::Made { place, name: self.spare.clone() });
        through::copy(place, from, &self.spare, keep)
    }

    /// Gives the old version the backup's name, readable for its owner alone.
    fn keep_backup(&mut self, done: &mut Vec<Done<'a>>) -> Result<(), FileError> {
        let Some(backup) = &self.backup else { return Ok(()) };
        let place = &*self.staged.place;
        let (old, backup) = (std::mem::replace(&mut self.old, backup.clone()), backup.clone());
        let fd = place.dir.open(&old, OFlags::RDONLY)?;
        let path = place.dir.at(&old);
        let mode = metadata::permissions(&status(&path, &fd)?);
        done.push(Done::Narrowed { place, name: old.clone(), mode });
        metadata::narrow(&path, &fd, mode)?;
        let exists = place.dir.stat(&backup)?.is_some();
        if exists && place.dir.exchange(&old, &backup)? {
            done.push(Done::BackupExchanged { place, old, backup });
        } else {
            place.dir.rename(&old, &backup)?;
            done.push(Done::BackupMoved { place, old, backup });
        }
        Ok(())
    }

    /// Removes what is no longer needed.
    fn finish(self) -> Written {
        let place = &self.staged.place;
        for name in [&self.staged.temp, &self.spare] {
            place.remove_surely(name);
        }
        if self.recorded && journal::remove(place).is_err() {
            let _void_without_its_record = journal::remove(place);
        }
        let backup = self.backup.map(|name| place.dir.at(&name));
        Written { path: self.staged.original.given.clone(), backup }
    }
}

/// Takes all steps back, the last one first; what fails, in words.
fn take_back(done: Vec<Done<'_>>) -> Vec<String> {
    let mut failures = Vec::new();
    for step in done.into_iter().rev() {
        // Once a step fails, the record and the copies of the old versions must stay.
        let still_needed = matches!(step, Done::Made { .. } | Done::Recorded { .. });
        if still_needed && !failures.is_empty() {
            continue;
        }
        if let Err(error) = step.take_back() {
            failures.push(error.to_string());
        }
    }
    failures
}

impl Done<'_> {
    fn take_back(self) -> Result<(), FileError> {
        match self {
            Done::Made { place, name } => place.dir.unlink(&name),
            Done::Recorded { place } => journal::remove(place),
            Done::Exchanged { staged } => {
                staged.check_in_place()?;
                staged.place.dir.exchange(&staged.temp, &staged.place.name).map(|_| ())
            }
            Done::Replaced { staged, spare } => {
                staged.check_in_place()?;
                staged.place.dir.rename(&spare, &staged.place.name)
            }
            Done::WrittenThrough { place, old } => through::write(place, &old),
            Done::Narrowed { place, name, mode } => {
                let fd = place.dir.open(&name, OFlags::RDONLY)?;
                let path = place.dir.at(&name);
                retry_on_intr(|| rustix::fs::fchmod(&fd, mode))
                    .map_err(|errno| FileError::system("fchmod", path, errno))
            }
            Done::BackupExchanged { place, old, backup } => place.dir.exchange(&old, &backup).map(|_| ()),
            Done::BackupMoved { place, old, backup } => place.dir.rename(&backup, &old),
        }
    }
}

impl Staged {
    /// Fails if what stands in the file's place is not the new version we put there.
    fn check_in_place(&self) -> Result<(), FileError> {
        match self.place.dir.identity(&self.place.name)? {
            Some(now) if now.same_but_renamed(&self.new) => Ok(()),
            _ => Err(FileError::Changed { path: self.place.path() }),
        }
    }
}

/// The name the old version gets; refuses a name that is taken by something that is no file.
fn backup_name(place: &Place, backup: Backup) -> Result<Option<OsString>, FileError> {
    let mut name = place.name.clone();
    match backup {
        Backup::None => return Ok(None),
        Backup::Simple => name.push("~"),
        Backup::Numbered => name.push(format!(".~{}~", next_number(place)?)),
    }
    match place.dir.stat(&name)?.as_ref().and_then(unusual_kind) {
        None => Ok(Some(name)),
        Some(kind) => {
            let next = "move it away, or choose `--backup numbered` or `none`";
            Err(FileError::refused(
                &place.path(),
                format!("its backup's name {} is {kind}", place.dir.at(&name).display()),
                next,
            ))
        }
    }
}

fn next_number(place: &Place) -> Result<u64, FileError> {
    let number = |name: &OsString| {
        let rest = name.as_bytes().strip_prefix(place.name.as_bytes())?.strip_prefix(b".~")?.strip_suffix(b"~")?;
        std::str::from_utf8(rest).ok()?.parse::<u64>().ok()
    };
    Ok(place.dir.names()?.iter().filter_map(number).max().unwrap_or(0).saturating_add(1))
}
