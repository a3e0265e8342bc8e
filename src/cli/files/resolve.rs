//! From a path as people write it to the real file: one component at a time, by descriptor, so that nobody can swap a part of it
//! between the check and the use.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::dir::{Dir, unusual_kind};
use super::error::FileError;

/// As many links as the kernel follows.
const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Target {
    /// An entry of a directory, not a link. It existed when it was looked at.
    Entry(Place),
    /// A descriptor of a process, as `/dev/stdin` and `<(command)` are: it can be read, and has no place to be replaced at.
    Descriptor,
}

/// A directory entry: the real place of a file.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: Dir,
    pub(super) name: OsString,
}

impl Place {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.at(&self.name)
    }
}

/// Resolves `path`, following symbolic links. A link that another user may have placed (in a sticky directory that everybody can
/// write) is refused, dangling links and circles are errors.
pub(super) fn resolve(path: &Path) -> Result<Target, FileError> {
    let mut walk = Walk { given: path, dir: start(path)?, through_proc: false, links: 0 };
    let mut rest = parts(path);
    while let Some(part) = rest.pop() {
        match part {
            Part::Root => (walk.dir, walk.through_proc) = (root(path)?, false),
            Part::Up => walk.up()?,
            Part::Name(name) => match walk.step(name, rest.is_empty())? {
                Step::Into => {}
                Step::Link(more) => rest.extend(more),
                Step::End(name) => return Ok(Target::Entry(Place { dir: walk.dir, name })),
                Step::Descriptor => return Ok(Target::Descriptor),
            },
        }
    }
    Err(FileError::unsuitable(path, "a directory", "give a file"))
}

/// Resolves `path` to an entry that can be replaced.
pub(super) fn resolve_entry(path: &Path) -> Result<Place, FileError> {
    match resolve(path)? {
        Target::Entry(place) => Ok(place),
        Target::Descriptor => Err(no_place(path)),
    }
}

/// The error of editing what can only be read.
pub(super) fn no_place(path: &Path) -> FileError {
    let next = "give the file itself, or `-` to edit from stdin to stdout";
    FileError::unsuitable(path, "an open descriptor of a process", next)
}

enum Part {
    Root,
    Up,
    Name(OsString),
}

enum Step {
    Into,
    Link(Vec<Part>),
    End(OsString),
    Descriptor,
}

struct Walk<'a> {
    given: &'a Path,
    dir: Dir,
    through_proc: bool,
    links: usize,
}

impl Walk<'_> {
    fn error(&self, call: &'static str, name: &OsStr, errno: Errno) -> FileError {
        let path = self.given.to_owned();
        if self.links == 0 {
            FileError::system(call, path, errno)
        } else {
            FileError::Beyond { call, path, to: self.dir.at(name), errno }
        }
    }

    fn open_dir(&self, name: &OsStr, flags: OFlags) -> Result<OwnedFd, FileError> {
        let flags = flags | OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        retry_on_intr(|| rustix::fs::openat(self.dir.fd(), name, flags, Mode::empty()))
            .map_err(|errno| self.error("openat", name, errno))
    }

    fn up(&mut self) -> Result<(), FileError> {
        let parent = self.open_dir(OsStr::new(".."), OFlags::empty())?;
        let mut path = self.dir.path().to_owned();
        if self.through_proc {
            path.push("..");
        } else {
            path.pop();
        }
        self.dir = Dir::new(parent, path);
        Ok(())
    }

    fn step(&mut self, name: OsString, last: bool) -> Result<Step, FileError> {
        let stat = retry_on_intr(|| rustix::fs::statat(self.dir.fd(), &name, AtFlags::SYMLINK_NOFOLLOW))
            .map_err(|errno| self.error("newfstatat", &name, errno))?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            return self.follow(&name, &stat, last);
        }
        if last {
            if unusual_kind(&stat) == Some("a directory") {
                return Err(FileError::unsuitable(self.given, "a directory", "give a file"));
            }
            return Ok(Step::End(name));
        }
        self.enter(&name, OFlags::NOFOLLOW)?;
        Ok(Step::Into)
    }

    fn enter(&mut self, name: &OsStr, flags: OFlags) -> Result<(), FileError> {
        self.dir = Dir::new(self.open_dir(name, flags)?, self.dir.at(name));
        Ok(())
    }

    fn follow(&mut self, name: &OsStr, link: &Stat, last: bool) -> Result<Step, FileError> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(FileError::system("openat", self.given, Errno::LOOP));
        }
        if self.in_proc()? {
            // A link of /proc may have a text that is no path ("pipe:[17]"): only the kernel can follow it.
            if last {
                return Ok(Step::Descriptor);
            }
            self.enter(name, OFlags::empty())?;
            self.through_proc = true;
            return Ok(Step::Into);
        }
        self.refuse_planted(name, link)?;
        let text = retry_on_intr(|| rustix::fs::readlinkat(self.dir.fd(), name, Vec::new()))
            .map_err(|errno| self.error("readlinkat", name, errno))?;
        Ok(Step::Link(parts(Path::new(&OsString::from_vec(text.into_bytes())))))
    }

    fn in_proc(&self) -> Result<bool, FileError> {
        let fs = retry_on_intr(|| rustix::fs::fstatfs(self.dir.fd()))
            .map_err(|errno| FileError::system("fstatfs", self.dir.path(), errno))?;
        Ok(fs.f_type == rustix::fs::PROC_SUPER_MAGIC)
    }

    /// Refuses a link that somebody may have placed to lead our write elsewhere: the rule of the kernel's `protected_symlinks`.
    fn refuse_planted(&self, name: &OsStr, link: &Stat) -> Result<(), FileError> {
        let dir = retry_on_intr(|| rustix::fs::fstat(self.dir.fd()))
            .map_err(|errno| FileError::system("fstat", self.dir.path(), errno))?;
        let mode = Mode::from_raw_mode(dir.st_mode);
        let ours = link.st_uid == rustix::process::geteuid().as_raw() || link.st_uid == dir.st_uid;
        if mode.contains(Mode::SVTX | Mode::WOTH) && !ours {
            let at = self.dir.at(name);
            let reason =
                format!("{} is a link of user {} in a directory that everybody can write", at.display(), link.st_uid);
            return Err(FileError::refused(self.given, reason, "give the path it leads to, if you trust it"));
        }
        Ok(())
    }
}

fn start(path: &Path) -> Result<Dir, FileError> {
    if path.is_absolute() {
        return root(path);
    }
    // A working directory that was deleted has no path; the descriptor still says so better than we could.
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    Ok(Dir::new(open_at(Path::new("."), path)?, here))
}

fn root(given: &Path) -> Result<Dir, FileError> {
    Ok(Dir::new(open_at(Path::new("/"), given)?, PathBuf::from("/")))
}

fn open_at(at: &Path, given: &Path) -> Result<OwnedFd, FileError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    retry_on_intr(|| rustix::fs::openat(CWD, at, flags, Mode::empty()))
        .map_err(|errno| FileError::system("openat", given, errno))
}

/// The components of a path, the first one last.
fn parts(path: &Path) -> Vec<Part> {
    let part = |component| match component {
        Component::RootDir => Some(Part::Root),
        Component::ParentDir => Some(Part::Up),
        Component::Normal(name) => Some(Part::Name(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    };
    let mut parts: Vec<Part> = path.components().filter_map(part).collect();
    parts.reverse();
    parts
}
