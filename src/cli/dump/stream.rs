//! A dump as records, written while it comes in: nothing is kept but what is on its way.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::unix_ms;
use crate::cli::collect::Collector;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::learn::Pupil;
use crate::cli::spool::{CHUNK, Spool};
use crate::cli::target::{Meant, Tables};
use crate::node::{PeerIndex, clock};
use crate::output::entries::{Listed, records};
use crate::proto::session::{RemoteTable, Update};
use crate::proto::update::ServerKey;
use crate::record::{self, Checksum, End, Entry, Formatter, Header, Session, SessionEvent, TableId, Time, WriteError};
use crate::table::Sort;

/// Writes records.
pub(super) struct Stream {
    spool: Spool,
    lines: Formatter,
    names: Vec<Box<[u8]>>,
    tables: Tables,
    /// For each peer, by the index of the table.
    choices: Vec<Vec<Choice>>,
    /// Tables that are meant unless another one turns up.
    perhaps: Collector,
    limit: Option<usize>,
    clock: WallClock,
    bar: ProgressBar,
    entries: u64,
    /// Records that could not be made.
    dropped: u64,
    /// Nobody reads any more.
    gone: bool,
}

/// What becomes of a table's entries.
#[derive(Clone, Copy, Debug)]
enum Choice {
    /// They aren't wanted.
    No,
    /// They are kept until the end.
    Perhaps,
    /// They are written.
    Yes {
        table: TableId,
        /// How long they live at most; 0 = for ever.
        expire_ms: u32,
        /// How many were written.
        written: usize,
    },
}

impl Stream {
    pub(super) fn new(
        spool: Spool,
        names: Vec<Box<[u8]>>,
        tables: Tables,
        limit: Option<usize>,
        bar: ProgressBar,
    ) -> Self {
        let clock = WallClock::new();
        let mut stream = Self {
            spool,
            lines: Formatter::new(Checksum::None),
            choices: vec![Vec::new(); names.len()],
            perhaps: Collector::new(tables.clone(), names.len(), clock.began),
            names,
            tables,
            limit,
            clock,
            bar,
            entries: 0,
            dropped: 0,
            gone: false,
        };
        let (version, peerctl, time) = (record::VERSION, env!("CARGO_PKG_VERSION").into(), stream.clock.time);
        let header = stream.lines.header(&Header { version, peerctl, time });
        stream.count(header.is_err());
        stream
    }

    /// Writes what is left, and the last record. A file takes its place if it is to be `kept`.
    pub(super) fn finish(mut self, complete: bool, kept: bool, patience: Option<Duration>) -> Result<Exit, Failure> {
        let announced = self.perhaps.announced();
        let chosen = self.tables.choose(announced).map(|names| names.into_iter().map(<[u8]>::to_vec).collect());
        // Whether a table is missing is known only if all tables are.
        let chosen: Vec<Vec<u8>> = match chosen {
            Err(failure) if complete => {
                let _the_name_is_wrong = self.spool.finish(patience, false);
                return Err(failure);
            }
            other => other.unwrap_or_default(),
        };
        self.put_perhaps(&chosen);
        let complete = complete && self.dropped == 0;
        let end = self.lines.end(End { entries: self.entries, complete });
        self.count(end.is_err());
        self.hand_over();
        self.spool.finish(patience, kept)?;
        Ok(if self.dropped > 0 { Exit::Incomplete } else { Exit::Done })
    }

    /// Writes those tables that stood back for others, and for nothing.
    fn put_perhaps(&mut self, chosen: &[Vec<u8>]) {
        let now = clock::now();
        self.perhaps.settle();
        let now_ms = self.perhaps.ms(now);
        self.clock.at(now);
        for (peer, name) in self.names.iter().enumerate() {
            for (table, store) in self.perhaps.stores(peer).into_iter().flatten() {
                if !chosen.iter().any(|chosen| chosen.as_slice() == &**table) {
                    continue;
                }
                let entries = store.sorted(now_ms, &Sort::BY_KEY, self.limit, |_| true);
                self.entries += entries.len() as u64;
                let listed =
                    Listed { peer: name, definition: store.definition(), total: store.len(), numbered: true, entries };
                let put = records::push(&mut self.lines, &listed, self.clock.time, |lines| {
                    self.gone |= self.spool.push(lines.lines().to_vec()).is_err();
                    lines.clear();
                    Ok::<(), WriteError>(())
                });
                self.dropped += u64::from(put.is_err());
            }
        }
        self.dropped += self.perhaps.dropped;
    }

    fn hand_over(&mut self) {
        if !self.lines.lines().is_empty() {
            self.gone |= self.spool.push(self.lines.lines().to_vec()).is_err();
            self.lines.clear();
        }
    }

    /// Counts a record that could not be made.
    fn count(&mut self, failed: bool) {
        self.dropped += u64::from(failed);
    }
}

impl Pupil for Stream {
    fn table(&mut self, peer: PeerIndex, table: &RemoteTable) {
        let definition = &table.definition;
        let meant = self.tables.meant(&definition.name);
        self.perhaps.announce(peer, table, meant == Meant::Unless);
        let choice = match (meant, self.names.get(peer.0)) {
            (Meant::Yes, Some(name)) => {
                if let Ok(table) = self.lines.table(name, definition) {
                    Choice::Yes { table, expire_ms: definition.expire_ms, written: 0 }
                } else {
                    self.dropped += 1;
                    Choice::No
                }
            }
            (Meant::Unless, _) => Choice::Perhaps,
            _ => Choice::No,
        };
        if let Some(choices) = self.choices.get_mut(peer.0) {
            choices.resize(table.index, Choice::No);
            choices.push(choice);
        }
    }

    fn entry(&mut self, peer: PeerIndex, now: Instant, update: &Update<'_>) {
        let choice = self.choices.get_mut(peer.0).and_then(|choices| choices.get_mut(update.table.index));
        let Some(Choice::Yes { table, expire_ms, written }) = choice else {
            if let Some(Choice::Perhaps) = choice {
                self.perhaps.entry(peer, now, update);
            }
            return;
        };
        if self.limit.is_some_and(|limit| *written >= limit) {
            return;
        }
        *written += 1;
        let entry = Entry {
            table: *table,
            time: self.clock.at(now),
            key: update.key,
            expire_ms: (*expire_ms > 0).then(|| update.life_ms.unwrap_or(*expire_ms)),
            resync: update.resync,
            update_id: Some(update.id),
            values: update.values,
            server_key: match update.server_key {
                ServerKey::Text(text) => Some(text),
                ServerKey::Unchanged | ServerKey::Unexplained => None,
            },
        };
        match self.lines.entry(&entry) {
            Ok(()) => self.entries += 1,
            Err(_) => self.dropped += 1,
        }
        if self.lines.lines().len() >= CHUNK {
            self.hand_over();
        }
    }

    fn session(&mut self, peer: PeerIndex, now: Instant, event: SessionEvent, detail: Option<&str>) {
        let Some(name) = self.names.get(peer.0) else { return };
        let time = self.clock.at(now);
        let failed =
            self.lines.session(&Session { time, peer: name.as_ref().into(), event, detail: detail.map(Into::into) });
        self.count(failed.is_err());
    }

    fn pause(&mut self, _now: Instant) -> bool {
        self.bar.set_position(self.entries);
        !self.gone
    }
}

/// The time of day that goes with the monotonic clock, from when the command began.
#[derive(Debug)]
struct WallClock {
    began: Instant,
    began_ms: u64,
    last: Instant,
    time: Time,
}

impl WallClock {
    fn new() -> Self {
        let (began, began_ms) = (clock::now(), unix_ms());
        Self { began, began_ms, last: began, time: Time::from_unix_ms(began_ms) }
    }

    fn at(&mut self, now: Instant) -> Time {
        if now != self.last {
            let passed = u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
            (self.last, self.time) = (now, Time::from_unix_ms(self.began_ms.saturating_add(passed)));
        }
        self.time
    }
}
