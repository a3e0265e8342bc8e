//! The record of a write of several files (or through one), so that the next writer can complete it or take it back.
//!
//! It stands beside the first file as `.NAME.peerctl.journal`; beside each other file a pointer of the same kind of name leads to it.
//! Pointers are written first, so the record itself decides: while it is whole the write may have begun, before and after that every file
//! is of one version.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::dir::{Dir, unusual_kind};
use super::error::FileError;
use super::read::{Sum, read_all, status};
use super::resolve::{Place, Target, resolve, resolve_entry};
use super::{lock, temp};

/// The largest record believed, in bytes.
const MAX_BYTES: i64 = 64 * 1024 * 1024;

/// What one write will do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    transaction: String,
    /// In the order of their paths; the record stands beside the first.
    pub(super) files: Vec<Entry>,
}

/// What happens to one file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The real path.
    #[serde(with = "as_text")]
    pub(super) path: PathBuf,
    pub(super) old: Sum,
    pub(super) new: Sum,
    /// Holds the new version at first; the old one after an exchange.
    #[serde(with = "as_text")]
    pub(super) temp: PathBuf,
    /// Holds a copy of the old version where there is no exchange.
    #[serde(with = "as_text")]
    pub(super) spare: PathBuf,
    /// The name the old version is kept under.
    #[serde(with = "as_text")]
    pub(super) backup: PathBuf,
    pub(super) in_place: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    version: u32,
    transaction: String,
    #[serde(with = "as_text")]
    journal: PathBuf,
}

/// What stands beside a file.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// A leftover that says nothing: never finished, or its write is over.
    Void,
    Record {
        at: PathBuf,
        journal: Journal,
    },
}

/// A write of several files that was interrupted: some may be new and some old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The record of it.
    pub journal: PathBuf,
    /// The files it was about, as far as the record can be read.
    pub files: Vec<PathBuf>,
}

/// Looks for an interrupted write that touches `path`, for runs that only read: the next run that writes one of its files recovers it.
///
/// # Errors
/// [`FileError`]: no such file, or a directory or record that can't be read.
pub fn pending(path: &Path) -> Result<Option<Pending>, FileError> {
    let place = match resolve(path)? {
        Target::Entry(place) => place,
        Target::Descriptor => return Ok(None),
    };
    let found = match find(&place) {
        Err(FileError::System { path: journal, errno: Errno::ACCESS, .. }) => {
            Pending { journal, files: vec![place.path()] }
        }
        Err(error) => return Err(error),
        Ok(Found::Nothing | Found::Void) => return Ok(None),
        Ok(Found::Record { at, journal }) => {
            Pending { journal: at, files: journal.files.into_iter().map(|entry| entry.path).collect() }
        }
    };
    Ok((!lock::is_held(&place.dir, &place.name)?).then_some(found))
}

/// Looks for the record of an interrupted write of this file.
pub(super) fn find(place: &Place) -> Result<Found, FileError> {
    let Some(text) = load(&place.dir, &side_name(&place.name))? else { return Ok(Found::Nothing) };
    if let Some(journal) = parse(&text) {
        return Ok(Found::Record { at: place.dir.at(&side_name(&place.name)), journal });
    }
    let Ok(pointer) = serde_json::from_slice::<Pointer>(&text) else { return Ok(Found::Void) };
    let at = match resolve_entry(&pointer.journal) {
        Err(FileError::System { errno: Errno::NOENT, .. } | FileError::Beyond { errno: Errno::NOENT, .. }) => {
            return Ok(Found::Void);
        }
        other => other?,
    };
    match load(&at.dir, &at.name)?.as_deref().and_then(parse) {
        Some(journal) if journal.transaction == pointer.transaction => Ok(Found::Record { at: at.path(), journal }),
        _ => Ok(Found::Void),
    }
}

/// Removes what stands beside a file.
pub(super) fn remove(place: &Place) -> Result<(), FileError> {
    place.dir.unlink(&side_name(&place.name))
}

impl Journal {
    /// `places` are those of `files`, in the same order.
    pub(super) fn new(files: Vec<Entry>, places: &[&Place]) -> Result<Self, FileError> {
        let transaction = places.first().map_or(Ok(String::new()), |place| temp::random(place))?;
        Ok(Journal { version: 1, transaction, files })
    }

    /// Writes pointers and record durably; `places` are those of `files`, in the same order.
    pub(super) fn write(&self, places: &[&Place]) -> Result<(), FileError> {
        let Some((first, others)) = places.split_first() else { return Ok(()) };
        let at = first.dir.at(&side_name(&first.name));
        let pointer = Pointer { version: 1, transaction: self.transaction.clone(), journal: at };
        for place in others {
            store(place, &to_json(&pointer))?;
        }
        store(first, &to_json(self))
    }
}

/// `.NAME.peerctl.journal`.
fn side_name(file: &OsStr) -> OsString {
    let mut name = OsString::from(".");
    name.push(file);
    name.push(".peerctl.journal");
    name
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings, numbers and booleans are all JSON")
}

fn store(place: &Place, text: &[u8]) -> Result<(), FileError> {
    let name = side_name(&place.name);
    let path = place.dir.at(&name);
    let fd = place.dir.open(&name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
    temp::fill(&path, &fd, text)?;
    temp::sync(&path, &fd)?;
    place.dir.sync()
}

/// The text beside a file, if there is one. Only what we (or root) wrote is believed: it makes us rename files.
fn load(dir: &Dir, name: &OsStr) -> Result<Option<Vec<u8>>, FileError> {
    let Some(fd) = dir.open_if_there(name, OFlags::RDONLY)? else { return Ok(None) };
    let path = dir.at(name);
    let stat = status(&path, &fd)?;
    let trusted = [0, rustix::process::geteuid().as_raw()].contains(&stat.st_uid) && stat.st_mode & 0o022 == 0;
    if unusual_kind(&stat).is_some() || !trusted || stat.st_size > MAX_BYTES {
        return Err(FileError::unsuitable(&path, "no record that we wrote", "look at it and remove it"));
    }
    read_all(&path, &fd, u64::try_from(stat.st_size).unwrap_or(0)).map(Some)
}

/// A record that is whole, of our version, and names only files that are ours to touch.
fn parse(text: &[u8]) -> Option<Journal> {
    let journal: Journal = serde_json::from_slice(text).ok()?;
    let sound = journal.version == 1 && !journal.files.is_empty() && journal.files.iter().all(Entry::is_sound);
    sound.then_some(journal)
}

impl Entry {
    fn is_sound(&self) -> bool {
        let Some(name) = self.path.file_name() else { return false };
        let is_temp = |path: &Path| temp::parse(path.as_os_str()).is_some_and(|(file, _)| file == name);
        let backup = self.backup.as_os_str().as_bytes();
        let is_backup = backup.is_empty()
            || backup.strip_prefix(name.as_bytes()).is_some_and(|end| end.ends_with(b"~") && !end.contains(&b'/'));
        self.path.is_absolute() && is_temp(&self.temp) && is_temp(&self.spare) && is_backup
    }
}

/// Paths as JSON strings without loss: `%` and bytes that are not UTF-8 as `%XX`.
mod as_text {
    use super::{OsStrExt, OsString, OsStringExt, Path, PathBuf};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::fmt::Write as _;

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        for chunk in path.as_os_str().as_bytes().utf8_chunks() {
            text.push_str(&chunk.valid().replace('%', "%25"));
            for byte in chunk.invalid() {
                let _infallible = write!(text, "%{byte:02X}");
            }
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        let text = String::deserialize(from)?;
        let mut parts = text.split('%');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (code, rest) = part.split_at_checked(2).ok_or_else(|| D::Error::custom("two digits after %"))?;
            bytes.push(u8::from_str_radix(code, 16).map_err(D::Error::custom)?);
            bytes.extend_from_slice(rest.as_bytes());
        }
        Ok(PathBuf::from(OsString::from_vec(bytes)))
    }
}
