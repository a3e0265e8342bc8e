//! After a kill in the middle of a write of several files: complete it, or take it back, or, if somebody else wrote since, say so.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::error::FileError;
use super::journal::{self, Entry, Journal};
use super::read::{Sum, read_all, status, sum_of};
use super::resolve::Place;
use super::{metadata, through};

/// What became of an interrupted write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Its files.
    pub files: Vec<PathBuf>,
    /// `true`: all are the new version now; `false`: all are the old one.
    pub completed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Old,
    New,
    /// Written through up to some place.
    Torn,
    Foreign,
}

/// One file of the record, and what is known about it.
struct File<'a> {
    entry: &'a Entry,
    place: &'a Place,
    state: State,
    new_at: Option<&'a Path>,
    old_at: Option<&'a Path>,
}

/// Recovers the write recorded at `at`; the locks of all its files, `places`, are held. May be killed and done again.
pub(super) fn recover(at: &Path, journal: &Journal, places: &[&Place]) -> Result<Recovery, FileError> {
    let files: Vec<File<'_>> = journal
        .files
        .iter()
        .filter_map(|entry| Some((entry, places.iter().find(|place| place.path() == entry.path)?)))
        .map(|(entry, place)| File::look(entry, place))
        .collect::<Result<_, _>>()?;
    let interfered = |wrong: &dyn Fn(&File<'_>) -> bool| {
        let files = files.iter().filter(|file| wrong(file)).map(|file| file.entry.path.clone()).collect();
        Err(FileError::Interfered { journal: at.to_owned(), files })
    };
    if files.iter().any(|file| file.state == State::Foreign) {
        return interfered(&|file| file.state == State::Foreign);
    }
    let begun = files.iter().any(|file| file.state != State::Old);
    let can_complete = files.iter().all(|file| file.state == State::New || file.new_at.is_some());
    let can_undo = files.iter().all(|file| file.state == State::Old || file.old_at.is_some());
    if !can_undo && !can_complete {
        return interfered(&|file| file.state != State::New && file.new_at.is_none());
    }
    // A write that has not begun is taken back: whoever comes next computes it anew.
    let completed = begun && can_complete;
    for file in &files {
        if completed { file.complete()? } else { file.undo()? }
    }
    for file in &files {
        file.place.dir.sync()?;
    }
    for file in &files {
        file.place.dir.unlink(file.entry.temp.as_os_str())?;
        file.place.dir.unlink(file.entry.spare.as_os_str())?;
    }
    // The record goes first, then its pointers lead nowhere.
    for file in &files {
        journal::remove(file.place)?;
        file.place.dir.sync()?;
    }
    Ok(Recovery { files: files.iter().map(|file| file.entry.path.clone()).collect(), completed })
}

impl<'a> File<'a> {
    fn look(entry: &'a Entry, place: &'a Place) -> Result<Self, FileError> {
        let first = |candidates: &[&'a Path], wanted: Sum| -> Result<Option<&'a Path>, FileError> {
            for name in candidates {
                if !name.as_os_str().is_empty() && sum_at(place, name.as_os_str())? == Some(wanted) {
                    return Ok(Some(*name));
                }
            }
            Ok(None)
        };
        let new_at = first(&[&entry.temp], entry.new)?;
        let old_at = first(&[&entry.temp, &entry.spare, &entry.backup], entry.old)?;
        let state = match sum_at(place, &place.name)? {
            Some(sum) if sum == entry.new => State::New,
            Some(sum) if sum == entry.old => State::Old,
            Some(_) if entry.in_place => match (old_at, new_at) {
                (Some(old), Some(new)) if is_torn(place, old, new)? => State::Torn,
                _ => State::Foreign,
            },
            _ => State::Foreign,
        };
        Ok(File { entry, place, state, new_at, old_at })
    }

    fn complete(&self) -> Result<(), FileError> {
        let (dir, file) = (&self.place.dir, self.place.name.as_os_str());
        let mut old_at = self.old_at;
        if let (true, Some(new)) = (self.state != State::New, self.new_at) {
            if self.entry.in_place {
                through::write(self.place, new.as_os_str())?;
            } else if dir.exchange(new.as_os_str(), file)? {
                old_at = Some(new);
            } else {
                dir.rename(new.as_os_str(), file)?;
            }
        }
        match old_at {
            Some(old) if !self.entry.backup.as_os_str().is_empty() && old != self.entry.backup => {
                let fd = dir.open(old.as_os_str(), OFlags::RDONLY)?;
                let path = dir.at(old.as_os_str());
                metadata::narrow(&path, &fd, metadata::permissions(&status(&path, &fd)?))?;
                dir.rename(old.as_os_str(), self.entry.backup.as_os_str())
            }
            _ => Ok(()),
        }
    }

    fn undo(&self) -> Result<(), FileError> {
        match self.old_at {
            Some(old) if self.state != State::Old && self.entry.in_place => through::write(self.place, old.as_os_str()),
            Some(old) if self.state != State::Old => self.place.dir.rename(old.as_os_str(), &self.place.name),
            _ => Ok(()),
        }
    }
}

fn sum_at(place: &Place, name: &OsStr) -> Result<Option<Sum>, FileError> {
    match place.dir.open_if_there(name, OFlags::RDONLY)? {
        Some(fd) => sum_of(&place.dir.at(name), &fd).map(Some),
        None => Ok(None),
    }
}

/// Whether the file is what an interrupted write of `new` over `old` leaves, and nobody else's work.
fn is_torn(place: &Place, old: &Path, new: &Path) -> Result<bool, FileError> {
    let load = |name: &OsStr| {
        let fd = place.dir.open(name, OFlags::RDONLY)?;
        let path = place.dir.at(name);
        let size = u64::try_from(status(&path, &fd)?.st_size).unwrap_or(0);
        read_all(&path, &fd, size)
    };
    Ok(is_mix(&load(&place.name)?, &load(old.as_os_str())?, &load(new.as_os_str())?))
}

/// Whether `now` is made of `new` at the front and `old` behind it, block by block: a kill leaves one seam, a power cut may leave any
/// block in either version, or empty where the file grew.
fn is_mix(now: &[u8], old: &[u8], new: &[u8]) -> bool {
    const BLOCK: usize = 512;
    let block = |bytes: &[u8], nth: usize| {
        let start = bytes.len().min(nth * BLOCK);
        bytes.get(start..bytes.len().min(start + BLOCK)).unwrap_or_default().to_vec()
    };
    now.len() <= old.len().max(new.len())
        && (0..now.len().div_ceil(BLOCK)).all(|nth| {
            let (now, mut old, mut new) = (block(now, nth), block(old, nth), block(new, nth));
            old.resize(now.len(), 0);
            new.resize(now.len(), 0);
            let front = now.iter().zip(&new).take_while(|(now, new)| now == new).count();
            let back = now.iter().rev().zip(old.iter().rev()).take_while(|(now, old)| now == old).count();
            front + back >= now.len() || now.iter().all(|byte| *byte == 0)
        })
}

#[cfg(test)]
mod tests {
    use super::is_mix;

    #[test]
    fn every_state_of_an_interrupted_write_is_a_mix_and_a_foreign_line_is_not() {
        let old: Vec<u8> = (0..3000_u32).flat_map(|n| format!("old {n}\n").into_bytes()).collect();
        let new: Vec<u8> = (0..2500_u32).flat_map(|n| format!("new text {n}\n").into_bytes()).collect();
        for (old, new) in [(&old, &new), (&new, &old)] {
            for written in (0..=new.len()).step_by(97) {
                let mut now = new[..written].to_vec();
                now.extend_from_slice(old.get(written..).unwrap_or_default());
                assert!(is_mix(&now, old, new), "{written} bytes written");
            }
            let mut now = old.clone();
            now.splice(1000..1010, *b"a neighbour's words");
            assert!(!is_mix(&now, old, new));
        }
    }
}
