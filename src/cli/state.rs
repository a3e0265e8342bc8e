//! State files: records of what a daemon holds, so that it goes on where it was after a crash.
//!
//! A state file is a log of records, of which the last one of a key counts. What is [handed over](StateFile::hand_over) becomes durable
//! within 200 ms, in a thread. When the log has become more than twice as long as what it says, everything is written into a new file
//! beside it, piece by piece while the log goes on, and the new one takes the place of the old one in one step.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod health;
mod stream;

pub use health::Health;
use stream::Stream;

use super::failure::Failure;
use super::files::{Found, Recording};
use super::recorder::{Patience, Recorder, Settle};
use crate::record::{
    Checksum, Damage, Entry, Formatter, Header, Journal as _, Record, TableId, Time, VERSION, WriteError,
};
use crate::stick::Definition;

/// Bytes of lines that are handed over at once.
const CHUNK: usize = 64 << 10;

/// Bytes that may wait for the disk. With more than that the log has a gap, until everything was written anew.
const MOST: usize = 64 << 20;

/// Bytes of a snapshot that may wait for the disk.
const MUCH: usize = 8 << 20;

/// A log that is shorter is left as it is.
const SMALL: u64 = 1 << 20;

/// Between two tries to write everything anew.
const PAUSE: Duration = Duration::from_secs(10);

/// A line of an entry, roughly, as long as none was seen.
const LINE: u64 = 250;

/// A state file that is open, and its threads.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    lines: Formatter,
    /// Whose table, what it is like, and its number in the file.
    tables: Vec<(Box<[u8]>, Definition, TableId)>,
    current: Stream,
    /// The file that is to take its place.
    next: Option<Next>,
    /// Bytes of all lines so far, in whatever file.
    logged: u64,
    /// Lines are missing in the current file.
    gap: bool,
    /// Entries and bytes that were written, for their average.
    written: (u64, u64),
    /// When everything may be written anew, at the earliest.
    not_before: Option<Instant>,
    /// What went wrong with the last try.
    problem: Option<String>,
    /// What is to be told about it.
    untold: Option<String>,
    /// The trouble that was told last.
    told: Option<String>,
}

/// The file that is to take the place of the current one.
#[derive(Debug)]
struct Next {
    stream: Stream,
    /// Everything is in it: it gets all lines now, and the current one none.
    settling: bool,
}

impl StateFile {
    /// Opens or makes the file and keeps others from using it, showing each record that is there. Damaged lines are passed over.
    ///
    /// # Errors
    /// If it can't be used, another program uses it, or it is something else.
    pub fn open(path: &Path, time: Time, each: impl FnMut(&Record<'_>)) -> Result<(Self, Found), Failure> {
        let (recording, found) = Recording::open_with(path, Damage::PassOver, each)?;
        Recording::clear_beside(path)?;
        let (name, size) = (recording.shown(), recording.position());
        let recorder = Recorder::start(recording, name, Patience::default());
        let mut lines = Formatter::new(Checksum::Crc32c);
        header(&mut lines, time)?;
        let mut file = Self {
            path: path.to_owned(),
            lines,
            tables: Vec::new(),
            current: Stream { recorder, pushed: 0, from: (0, 0) },
            next: None,
            logged: 0,
            gap: false,
            written: (found.entries, size),
            not_before: None,
            problem: None,
            untold: None,
            told: None,
        };
        file.hand_over();
        Ok((file, found))
    }

    /// The file, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        self.current.recorder.name()
    }

    /// Bytes of it that are durable.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.current.recorder.position()
    }

    /// Bytes that wait for the disk.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.current.waiting() + self.next.as_ref().map_or(0, |next| next.stream.waiting())
    }

    /// Logs what somebody's table is like, and gives it a number.
    ///
    /// # Errors
    /// If no record can be like that.
    pub fn table(&mut self, source: &[u8], definition: &Definition) -> Result<TableId, WriteError> {
        let id = self.lines.table(source, definition)?;
        let table = (source.into(), definition.clone(), id);
        match self.tables.iter_mut().find(|(_, _, known)| *known == id) {
            Some(known) => *known = table,
            None => self.tables.push(table),
        }
        self.hand_over_much();
        Ok(id)
    }

    /// The number that somebody's table was given last.
    #[must_use]
    pub fn table_id(&self, source: &[u8], definition: &Definition) -> Option<TableId> {
        let is_it = |(known, other, _): &&(Box<[u8]>, Definition, TableId)| **known == *source && other == definition;
        self.tables.iter().find(is_it).map(|(_, _, id)| *id)
    }

    /// The number that somebody's table of this name was given last, and what it is like.
    #[must_use]
    pub fn table_named(&self, source: &[u8], table: &[u8]) -> Option<(TableId, &Definition)> {
        let is_it = |(known, definition, _): &&(Box<[u8]>, Definition, TableId)| {
            **known == *source && *definition.name == *table
        };
        self.tables.iter().rev().find(is_it).map(|(_, definition, id)| (*id, definition))
    }

    /// Logs an entry; one with no life left is forgotten.
    ///
    /// # Errors
    /// If no record can be like that.
    pub fn entry(&mut self, entry: &Entry<'_>) -> Result<(), WriteError> {
        let before = self.lines.lines().len();
        self.lines.entry(entry)?;
        self.count(before);
        self.hand_over_much();
        Ok(())
    }

    /// Logs that an entry of that table is forgotten.
    ///
    /// # Errors
    /// If no record can be like that.
    pub fn gone(&mut self, table: TableId, slots: usize, time: Time, key: &[u8]) -> Result<(), WriteError> {
        let values = vec![0; slots];
        let (expire_ms, resync, update_id, server_key) = (Some(0), false, None, None);
        self.entry(&Entry { table, time, key, expire_ms, resync, update_id, values: &values, server_key })
    }

    /// The log lacks something, which is known: everything is written anew, and nothing is durable before.
    pub fn write_anew(&mut self) {
        self.gap = true;
    }

    /// Hands over what was logged. Returns the position behind it; `None` while there is a gap.
    pub fn hand_over(&mut self) -> Option<u64> {
        if !self.lines.lines().is_empty() {
            let lines = self.lines.lines().to_vec();
            self.lines.clear();
            self.logged += lines.len() as u64;
            let settling = self.next.as_ref().is_some_and(|next| next.settling);
            if !settling {
                self.gap |= self.current.waiting() >= MOST;
            }
            match &mut self.next {
                Some(next) if settling || self.gap => next.stream.push(lines),
                Some(next) => {
                    next.stream.push(lines.clone());
                    self.current.push(lines);
                }
                None if self.gap => {}
                None => self.current.push(lines),
            }
        }
        (!self.gap).then_some(self.logged)
    }

    /// The position up to which everything is durable.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.current.durable()
    }

    /// Begins to write everything anew if the log has become too long for so many entries, or has a gap. Then
    /// [`Self::piece`] is to be given them all.
    pub fn begin_snapshot(&mut self, now: Instant, entries: usize, time: Time) -> bool {
        let (count, bytes) = self.written;
        let line = bytes.checked_div(count).unwrap_or(LINE);
        let log = self.current.recorder.position() + self.current.waiting() as u64;
        let long = log > SMALL + 2 * line * entries as u64;
        let early = self.not_before.is_some_and(|then| now < then);
        if self.next.is_some() || early || !(long || self.gap) {
            return false;
        }
        self.hand_over();
        self.not_before = Some(now + PAUSE);
        match self.make_next(time) {
            Ok(next) => {
                self.next = Some(next);
                true
            }
            Err(failure) => {
                let problem = Some(failure.message().to_owned());
                if self.problem != problem {
                    self.untold = Some(format!("{}: it can't be written anew: {}", self.name(), failure.message()));
                }
                self.problem = problem;
                false
            }
        }
    }

    fn make_next(&self, time: Time) -> Result<Next, Failure> {
        let recording = Recording::beside(&self.path)?;
        let recorder = Recorder::start(recording, self.name().to_owned(), Patience::default());
        let mut stream = Stream::new(recorder, self.logged);
        let mut lines = Formatter::new(Checksum::Crc32c);
        header(&mut lines, time)?;
        for (source, definition, _) in &self.tables {
            lines.table(source, definition)?;
        }
        stream.push(lines.lines().to_vec());
        Ok(Next { stream, settling: false })
    }

    /// Whether a snapshot is being written that has room for more.
    #[must_use]
    pub fn wants_piece(&self) -> bool {
        self.next.as_ref().is_some_and(|next| !next.settling && next.stream.waiting() < MUCH)
    }

    /// Whether a snapshot is being written, or takes its place.
    #[must_use]
    pub const fn has_snapshot(&self) -> bool {
        self.next.is_some()
    }

    /// Adds an entry to the snapshot.
    ///
    /// # Errors
    /// If no record can be like that.
    pub fn piece(&mut self, entry: &Entry<'_>) -> Result<(), WriteError> {
        // What was logged before goes before it.
        if self.next.is_none() {
            return Ok(());
        }
        let before = self.lines.lines().len();
        self.lines.entry(entry)?;
        self.count(before);
        if self.lines.lines().len() >= CHUNK {
            self.end_pieces();
        }
        Ok(())
    }

    /// To be called before the first piece of a turn: what was logged is no part of it.
    pub fn begin_pieces(&mut self) {
        self.hand_over();
    }

    /// Hands over the pieces of a turn.
    pub fn end_pieces(&mut self) {
        let lines = self.lines.lines().to_vec();
        self.lines.clear();
        if let Some(next) = self.next.as_mut().filter(|_| !lines.is_empty()) {
            next.stream.push(lines);
        }
    }

    /// Everything is in the snapshot: it takes the place of the current file.
    pub fn end_snapshot(&mut self) {
        self.hand_over();
        if let Some(next) = &mut self.next {
            next.settling = true;
            next.stream.from = (next.stream.pushed, self.logged);
            next.stream.recorder.settle();
        }
    }

    /// Looks at what the threads have done. Returns what is to be told about it.
    pub fn look(&mut self, now: Instant) -> Option<String> {
        let Some(next) = &self.next else { return self.untold.take() };
        if next.stream.recorder.settled() == Settle::Done {
            let next = self.next.take()?;
            let old = std::mem::replace(&mut self.current, next.stream);
            old.recorder.abandon();
            (self.gap, self.problem) = (false, None);
            // The next one isn't far away if entries come and go quickly.
            self.not_before = None;
            return None;
        }
        let overrun = next.stream.waiting() >= 2 * MOST;
        let error = next.stream.recorder.error().or_else(|| overrun.then(|| "the disk is too slow".to_owned()))?;
        let next = self.next.take()?;
        // The current file doesn't have what came since.
        self.gap |= next.settling;
        next.stream.recorder.abandon();
        self.not_before = Some(now + PAUSE);
        let told = format!("{}: it can't be written anew: {error}", self.name());
        self.problem = Some(error);
        Some(told)
    }

    /// Writes what is left, within that time, and lets go of the file.
    ///
    /// # Errors
    /// If it isn't durable then.
    pub fn finish(mut self, patience: Duration) -> Result<(), Failure> {
        self.hand_over();
        match self.next.take() {
            Some(next) if next.settling => next.stream.recorder.finish(Some(patience)),
            next => {
                if let Some(next) = next {
                    next.stream.recorder.abandon();
                }
                self.current.recorder.finish(Some(patience))
            }
        }
    }

    fn count(&mut self, before: usize) {
        self.written.0 += 1;
        self.written.1 += self.lines.lines().len().saturating_sub(before) as u64;
    }

    fn hand_over_much(&mut self) {
        if self.lines.lines().len() >= CHUNK {
            self.hand_over();
        }
    }
}

fn header(lines: &mut Formatter, time: Time) -> Result<(), WriteError> {
    lines.header(&Header { version: VERSION, peerctl: env!("CARGO_PKG_VERSION").into(), time })
}
