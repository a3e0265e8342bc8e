//! Files on a disk that is simulated: what is written becomes durable later, and a crash leaves a torn end.

#![expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "what has the form of the real one")]

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::files::{Found, Recording};
use crate::cli::queue::Gone;
use crate::node::clock;
use crate::record::{Damage, Reader, Record, Tail};
use crate::support::random::Random;

thread_local! {
    static DISK: RefCell<Disk> = RefCell::default();
}

/// All files.
#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<PathBuf, File>,
    /// Until then nothing becomes durable, by the file.
    stuck: BTreeMap<PathBuf, u64>,
}

type File = Rc<RefCell<Content>>;

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: usize,
    /// When so many bytes become durable.
    syncs: VecDeque<(u64, usize)>,
}

/// How long lines are gathered before they are synced together, in milliseconds, and how long that takes.
const GROUP: u64 = 150;

impl Content {
    fn look(&mut self) {
        let now = clock::now_ms();
        while let Some((_, len)) = self.syncs.pop_front_if(|(at, _)| *at <= now) {
            self.durable = len;
        }
    }
}

/// A new, empty disk.
pub(crate) fn format() {
    DISK.take();
}

/// The program that writes a file is killed: of what isn't durable some is left.
pub(crate) fn crash(path: &Path, random: &mut Random) {
    DISK.with_borrow_mut(|disk| {
        disk.files.retain(|other, _| !(other != path && other.starts_with(path)));
        let Some(file) = disk.files.get(path) else { return };
        let mut content = file.borrow_mut();
        content.look();
        let kept = content.durable + random.below(content.bytes.len() - content.durable + 1);
        content.bytes.truncate(kept);
        content.durable = kept;
        content.syncs.clear();
    });
}

/// Nothing of the file becomes durable until then.
pub(crate) fn stick(path: &Path, until: u64) {
    DISK.with_borrow_mut(|disk| disk.stuck.insert(path.into(), until));
}

fn file(path: &Path) -> File {
    DISK.with_borrow_mut(|disk| Rc::clone(disk.files.entry(path.into()).or_default()))
}

/// Reads a file as whoever opens it does.
pub(super) fn read(path: &Path, damage: Damage, mut each: impl FnMut(&Record<'_>)) -> Result<Found, Failure> {
    let file = file(path);
    let bytes = file.borrow().bytes.clone();
    let mut reader = Reader::with_damage(&*bytes, damage);
    while let Some(record) = reader.read().map_err(|error| Failure::new(Exit::Io, error.to_string(), "a file"))? {
        each(&record);
    }
    let summary = reader.summary();
    let cut = if let Tail::Torn(bytes) = summary.tail { bytes } else { 0 };
    assert_eq!(summary.damaged, 0, "I8: only the end of a file is ever torn: {:?}", summary.first_damaged);
    let mut content = file.borrow_mut();
    content.bytes.truncate(usize::try_from(summary.valid_len).expect("small"));
    if summary.tail == Tail::NoNewline {
        content.bytes.push(b'\n');
    }
    content.durable = content.bytes.len();
    Ok(Found { entries: summary.entries, cut, damaged: (0, None) })
}

/// The latest number of each entry in a file, by its source, its table and its key; of what is durable, if it is being written.
/// Looked for in the text, which takes a tenth of the time of reading it.
pub(crate) fn contents(path: &Path, is_written: bool) -> BTreeMap<(String, String, String), u64> {
    let file = file(path);
    let mut content = file.borrow_mut();
    content.look();
    let len = if is_written { content.durable } else { content.bytes.len() };
    let text = str::from_utf8(&content.bytes[..len]).expect("I8: a file is text");
    let after = |line: &str, name: &str, end: &[char]| {
        let value = line.split_once(name)?.1;
        Some(value[..value.find(end)?].to_owned())
    };
    let entry = |line: &str| {
        let place = [r#""peer":""#, r#""table":""#, r#""key":""#].map(|name| after(line, name, &['"']));
        let [Some(peer), Some(table), Some(key)] = place else { return None };
        Some(((peer, table, key), after(line, r#""bytes_in_cnt":"#, &[',', '}'])?.parse().expect("a number")))
    };
    // What is torn has no end.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter(|line| line.starts_with(r#"{"type":"entry""#)).filter_map(entry).collect()
}

/// Reads all of a file.
pub(crate) fn check(path: &Path) {
    let file = file(path);
    let bytes = &file.borrow().bytes;
    let mut reader = Reader::new(&**bytes);
    while reader.read().expect("I8: a file is readable").is_some() {}
    assert_eq!(reader.summary().tail, Tail::Whole, "I8: a file that was ended is whole");
}

/// How often a full disk is tried again: the simulated one is slow, and never full.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    _none: (),
}

/// A recording; it becomes durable by itself.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: File,
    replaces: Option<PathBuf>,
    settle: RefCell<Settle>,
    name: String,
}

/// Whether the file has its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Settle {
    #[default]
    No,
    Wanted,
    Done,
}

impl Recorder {
    pub fn start(recording: Recording, name: String, _patience: Patience) -> Self {
        let Recording { path, replaces } = recording;
        Self { file: file(&path), path, replaces, settle: RefCell::default(), name }
    }

    pub fn push(&self, lines: Vec<u8>) -> Result<(), Gone> {
        let mut content = self.file.borrow_mut();
        content.look();
        content.bytes.extend(lines);
        let now = clock::now_ms();
        let stuck = DISK.with_borrow(|disk| disk.stuck.get(&self.path).copied().unwrap_or(0));
        let (at, len) = ((now + GROUP).max(stuck), content.bytes.len());
        match content.syncs.back_mut().filter(|(last, _)| *last > now) {
            // They share a sync.
            Some(last) => *last = (last.0.max(stuck), len),
            None => content.syncs.push_back((at, len)),
        }
        Ok(())
    }

    pub fn waiting(&self) -> Result<usize, Gone> {
        let mut content = self.file.borrow_mut();
        content.look();
        let waiting = content.bytes.len() - content.durable;
        if waiting == 0 && *self.settle.borrow() == Settle::Wanted {
            if let Some(place) = &self.replaces {
                DISK.with_borrow_mut(|disk| {
                    disk.files.remove(&self.path);
                    disk.files.insert(place.clone(), Rc::clone(&self.file));
                });
            }
            self.settle.replace(Settle::Done);
        }
        Ok(waiting)
    }

    pub fn settle(&self) {
        self.settle.replace(Settle::Wanted);
    }

    pub fn settled(&self) -> Settle {
        let _looked = self.waiting();
        *self.settle.borrow()
    }

    pub fn position(&self) -> u64 {
        let _looked = self.waiting();
        self.file.borrow().durable as u64
    }

    pub fn error(&self) -> Option<String> {
        None
    }

    pub fn trouble(&self) -> Option<String> {
        None
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn abandon(self) {}

    pub fn finish(self, _patience: Option<Duration>) -> Result<(), Failure> {
        let mut content = self.file.borrow_mut();
        (content.durable, content.syncs) = (content.bytes.len(), VecDeque::new());
        Ok(())
    }
}
