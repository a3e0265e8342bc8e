//! Lines on their way to standard output or to a recording, which may be slow.
//!
//! What comes is a stream of states, so whoever is slow is told the latest one: while much waits, only the keys are kept that
//! have changed, in order, and read again when there is room.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::channel::Channel;
use super::held::Held;
use super::lines::Lines;
use crate::cli::queue::Gone;
use crate::cli::spool::CHUNK;
use crate::escape;
use crate::output::entries::lines::State;
use crate::output::entries::received;
use crate::output::screen::RecordingStatus;
use crate::record::{Session, Time, WriteError};
use crate::stick::Definition;
use crate::table::EntryRef;

/// Bytes that may wait before only keys are kept.
const MUCH: usize = 32 << 20;

/// Bytes that may wait at all. Entries whose life ends while only their keys are kept are written, and may find no room.
const MOST: usize = 64 << 20;

/// Lines about sessions that are kept.
const MOST_SESSIONS: usize = 4096;

/// Lines, and the thread that writes them.
#[derive(Debug)]
pub(super) struct Outlet {
    lines: Lines,
    channel: Channel,
    /// Only entries that are meant become lines.
    filtered: bool,
    /// What is to be written when there is room, in the order of the first change.
    backlog: VecDeque<Item>,
    /// For each table the keys in the backlog, with the number of the item that counts.
    keys: Vec<HashMap<Rc<[u8]>, u64>>,
    sessions: usize,
    next_item: u64,
    /// Bytes handed over, those of them that wait, and those that are written for good.
    pushed: u64,
    waiting: usize,
    durable: u64,
    gone: bool,
    values: Vec<u64>,
    counts: Counts,
}

/// What became of the entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Entries that became lines.
    pub(super) entries: u64,
    /// Entries whose place a later state of the same key took.
    pub(super) merged: u64,
    /// Entries that never became a line.
    pub(super) lost: u64,
}

#[derive(Debug)]
enum Item {
    Entry { number: usize, key: Rc<[u8]>, item: u64 },
    Session(Session<'static>),
}

impl Outlet {
    /// Begins with a header.
    pub(super) fn new(mut lines: Lines, channel: Channel, time: Time) -> Result<Self, WriteError> {
        lines.header(time)?;
        let filtered = matches!(channel, Channel::Stdout(_));
        Ok(Self {
            lines,
            channel,
            filtered,
            backlog: VecDeque::new(),
            keys: Vec::new(),
            sessions: 0,
            next_item: 0,
            pushed: 0,
            waiting: 0,
            durable: 0,
            gone: false,
            values: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// A table is defined, or defined anew; what is kept of the old one was taken out by [`Self::retire_all`].
    pub(super) fn table(&mut self, number: usize, peer: &[u8], definition: &Definition, time: Time) {
        let put = self.lines.table(number, peer, definition, time);
        self.count_lost(put.is_err());
        self.hand_over_much();
    }

    /// An entry has a new state.
    pub(super) fn entry(&mut self, number: usize, state: &State<'_>, is_meant: bool) {
        if self.filtered && !is_meant {
            return;
        }
        if self.is_behind() {
            self.keep(number, state.key);
        } else {
            self.write(number, state);
        }
    }

    /// An entry is to be written as it will be then.
    pub(super) fn keep(&mut self, number: usize, key: &[u8]) {
        if self.keys.len() <= number {
            self.keys.resize_with(number + 1, HashMap::new);
        }
        let Some(keys) = self.keys.get_mut(number) else { return };
        if keys.contains_key(key) {
            self.counts.merged += 1;
            return;
        }
        let key: Rc<[u8]> = key.into();
        let item = self.next_item;
        self.next_item += 1;
        keys.insert(Rc::clone(&key), item);
        self.backlog.push_back(Item::Entry { number, key, item });
        self.forget_stale();
    }

    pub(super) fn session(&mut self, session: Session<'_>) {
        if self.backlog.is_empty() {
            let put = self.lines.session(&session);
            return self.count_lost(put.is_err());
        }
        if self.sessions >= MOST_SESSIONS {
            return self.count_lost(true);
        }
        self.sessions += 1;
        let Session { time, peer, event, detail } = session;
        let (peer, detail) = (peer.into_owned().into(), detail.map(|detail| detail.into_owned().into()));
        self.backlog.push_back(Item::Session(Session { time, peer, event, detail }));
    }

    /// An entry is about to be forgotten: if only its key is kept, now is the last time to write it.
    pub(super) fn retire(&mut self, number: usize, entry: &EntryRef<'_>, time: Time) {
        if self.keys.get_mut(number).is_some_and(|keys| keys.remove(entry.key()).is_some()) {
            self.write_last(number, entry, time);
        }
    }

    /// The same for all entries of a table.
    pub(super) fn retire_all(&mut self, number: usize, held: &Held, now_ms: u64, time: Time) {
        let Some(keys) = self.keys.get_mut(number) else { return };
        for key in std::mem::take(keys).into_keys() {
            match held.store.get(&key, now_ms) {
                Some(entry) => self.write_last(number, &entry, time),
                None => self.counts.lost += 1,
            }
        }
    }

    /// Writes what was kept as long as there is room, and hands all lines over.
    pub(super) fn drain(&mut self, tables: &[Held], now_ms: u64, time: Time) {
        self.hand_over();
        while self.waiting < MUCH / 2 {
            match self.backlog.pop_front() {
                None => break,
                Some(Item::Session(session)) => {
                    self.sessions -= 1;
                    let put = self.lines.session(&session);
                    self.count_lost(put.is_err());
                }
                Some(Item::Entry { number, key, item }) => {
                    let Some(keys) = self.keys.get_mut(number) else { continue };
                    if keys.get(&key) != Some(&item) {
                        continue;
                    }
                    keys.remove(&key);
                    let Some(held) = tables.get(number) else { continue };
                    match held.store.get(&key, now_ms) {
                        Some(entry) if self.filtered && !held.meant.has(&entry) => {}
                        Some(entry) => self.write_entry(number, &entry, time),
                        None => self.counts.lost += 1,
                    }
                }
            }
            self.hand_over_much();
        }
        self.hand_over();
    }

    /// The position of everything so far; `None` while some of it is only kept as keys.
    pub(super) fn mark(&mut self) -> Option<u64> {
        self.hand_over();
        self.backlog.is_empty().then_some(self.pushed)
    }

    /// The position up to which everything is written for good.
    pub(super) fn durable(&mut self) -> u64 {
        self.look();
        self.durable
    }

    /// Whether nothing more is written.
    pub(super) fn is_gone(&mut self) -> bool {
        self.look();
        self.gone
    }

    /// Whether only keys are kept now.
    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty() || self.waiting >= MUCH
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// How it is with the recording; `None` if this is none.
    pub(super) fn recording(&self) -> Option<RecordingStatus> {
        match &self.channel {
            Channel::Stdout(_) => None,
            Channel::Recording(recorder) => Some(RecordingStatus {
                name: escape::name(recorder.name().as_bytes()).into_owned(),
                bytes: recorder.position(),
                trouble: recorder.trouble(),
            }),
        }
    }

    /// Writes the last line; what is still kept is lost.
    pub(super) fn end(mut self, complete: bool) -> (Channel, Counts) {
        self.counts.lost += self.keys.iter().map(|keys| keys.len() as u64).sum::<u64>();
        let put = self.lines.end(complete && self.counts.lost == 0);
        self.count_lost(put.is_err());
        self.hand_over();
        (self.channel, self.counts)
    }

    fn write(&mut self, number: usize, state: &State<'_>) {
        match self.lines.entry(number, state) {
            Ok(()) => self.counts.entries += 1,
            Err(_) => self.counts.lost += 1,
        }
        self.hand_over_much();
    }

    fn write_last(&mut self, number: usize, entry: &EntryRef<'_>, time: Time) {
        if self.waiting >= MOST {
            self.counts.lost += 1;
        } else {
            self.write_entry(number, entry, time);
        }
    }

    fn write_entry(&mut self, number: usize, entry: &EntryRef<'_>, now: Time) {
        let mut values = std::mem::take(&mut self.values);
        entry.values(&mut values);
        let (time, expire_ms) = received(entry, now);
        let state = State {
            time,
            key: entry.key(),
            expire_ms,
            resync: entry.resync(),
            update_id: Some(entry.update_id()),
            values: &values,
            server_key: entry.server_key(),
        };
        self.write(number, &state);
        self.values = values;
    }

    fn hand_over_much(&mut self) {
        if self.lines.len() >= CHUNK {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if self.lines.len() > 0 && !self.gone {
            let chunk = self.lines.take();
            self.pushed += chunk.len() as u64;
            self.gone |= self.channel.push(chunk).is_err();
        }
        self.look();
    }

    fn look(&mut self) {
        match self.channel.waiting() {
            Ok(waiting) if !self.gone => {
                self.waiting = waiting;
                self.durable = self.pushed.saturating_sub(waiting as u64);
            }
            Ok(_) | Err(Gone) => self.gone = true,
        }
    }

    /// Items whose entries were written meanwhile are not to become many.
    fn forget_stale(&mut self) {
        let kept: usize = self.keys.iter().map(HashMap::len).sum();
        if self.backlog.len() > 2 * kept + 2 * MOST_SESSIONS {
            let keys = &self.keys;
            self.backlog.retain(|item| match item {
                Item::Session(_) => true,
                Item::Entry { number, key, item } => keys.get(*number).and_then(|keys| keys.get(key)) == Some(item),
            });
        }
    }

    fn count_lost(&mut self, lost: bool) {
        self.counts.lost += u64::from(lost);
    }
}
