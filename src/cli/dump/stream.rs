//! A dump as records, written while it comes in: nothing is kept but what is on its way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::records::{Item, Lines, Packed, pack};
use crate::cli::collect::Collector;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::learn::Pupil;
use crate::cli::queue::Gone;
use crate::cli::spool::{CHUNK, Destination, Spool};
use crate::cli::target::{Meant, Tables};
use crate::cli::wall::WallClock;
use crate::node::{PeerIndex, clock};
use crate::proto::session::{RemoteTable, Update};
use crate::proto::update::ServerKey;
use crate::record::{Session, SessionEvent, Time};
use crate::table::Sort;

/// Writes records.
pub(super) struct Stream {
    spool: Spool<Item>,
    /// Entries that weren't handed over yet.
    packed: Vec<u8>,
    names: Vec<Box<[u8]>>,
    tables: Tables,
    /// For each peer, by the index of the table.
    choices: Vec<Vec<Choice>>,
    /// How many tables were written.
    numbers: usize,
    /// Tables that are meant unless another one turns up.
    perhaps: Collector,
    limit: Option<usize>,
    wall: WallClock,
    /// The last time that was needed, and the time of day then.
    last: (Instant, Time),
    bar: ProgressBar,
    entries: u64,
    /// Records that could not be made.
    failed: Arc<AtomicU64>,
    bounds: Bounds,
    /// Nothing more is taken.
    stopped: Option<Stopped>,
}

/// Bytes of packed entries that may wait for a slow reader. An entry of a few values takes about 40.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// From here on the connections are read slowly, so that HAProxy waits, but doesn't give up.
    pub(super) much: usize,
    /// Here the dump ends.
    pub(super) most: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { much: 64 << 20, most: 256 << 20 }
    }
}

/// Between two chunks that are read slowly: HAProxy ends a session that takes nothing for five seconds.
const SLOWLY: Duration = Duration::from_millis(50);

/// Why nothing more is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stopped {
    /// Nothing more is written; the spool says why.
    Gone,
    /// Too much waits: so many bytes.
    TooMuch(usize),
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
        /// The number of the table.
        table: usize,
        /// How long they live at most; 0 = for ever.
        expire_ms: u32,
        /// How many were written.
        written: usize,
    },
}

impl Stream {
    pub(super) fn new(
        destination: Destination,
        names: Vec<Box<[u8]>>,
        tables: Tables,
        limit: Option<usize>,
        bar: ProgressBar,
        bounds: Bounds,
    ) -> Self {
        let (began, wall) = (clock::now(), WallClock::default());
        let failed = Arc::<AtomicU64>::default();
        let mut lines = Lines::new(Arc::clone(&failed));
        let mut stream = Self {
            spool: Spool::start_with(destination, move |item, out| lines.write(item, out)),
            packed: Vec::with_capacity(CHUNK),
            choices: vec![Vec::new(); names.len()],
            numbers: 0,
            perhaps: Collector::new(tables.clone(), names.len(), began),
            names,
            tables,
            limit,
            wall,
            last: (began, wall.at(began)),
            bar,
            entries: 0,
            failed,
            bounds,
            stopped: None,
        };
        stream.put(Item::Header(stream.last.1));
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
        self.hand_over();
        let complete = complete && self.stopped.is_none() && self.perhaps.dropped == 0;
        let stopped = self.stopped;
        let _what_failed_is_said_now = self.spool.push(Item::End(complete));
        if let Some(Stopped::TooMuch(bytes)) = stopped {
            let mib = bytes >> 20;
            crate::cli::stderr::tell([format!(
                "the reader is too slow: {mib} MiB wait for it, and no more is taken; what came is written and marked as \
                 incomplete; write into a file (-o), or dump less (--table)"
            )]);
        }
        self.spool.finish(patience, kept)?;
        let lost = self.failed.load(Ordering::Relaxed) > 0 || self.perhaps.dropped > 0 || stopped.is_some();
        Ok(if lost { Exit::Incomplete } else { Exit::Done })
    }

    /// Writes those tables that stood back for others, and for nothing.
    fn put_perhaps(&mut self, chosen: &[Vec<u8>]) {
        let now = clock::now();
        self.perhaps.settle();
        let (now_ms, time) = (self.perhaps.ms(now), self.time(now));
        let perhaps = std::mem::replace(&mut self.perhaps, Collector::new(Tables::default(), 0, now));
        let mut values = Vec::new();
        for (peer, name) in self.names.clone().into_iter().enumerate() {
            for (wire, store) in perhaps.stores(peer).into_iter().flatten() {
                if !chosen.iter().any(|chosen| chosen.as_slice() == &**wire) {
                    continue;
                }
                let table = self.announce(&name, store.definition());
                for entry in store.sorted(now_ms, &Sort::BY_KEY, self.limit, |_| true) {
                    entry.values(&mut values);
                    self.entry_of(&Packed {
                        table,
                        time,
                        key: entry.key(),
                        expire_ms: entry.rest_ms(),
                        resync: entry.resync(),
                        update_id: entry.update_id(),
                        values: &values,
                        server_key: entry.server_key(),
                    });
                }
            }
        }
        self.perhaps.dropped = perhaps.dropped;
    }

    /// Writes a table, and gives it a number.
    fn announce(&mut self, peer: &[u8], definition: &crate::stick::Definition) -> usize {
        self.hand_over();
        self.put(Item::Table(Box::new((peer.into(), definition.clone()))));
        self.numbers += 1;
        self.numbers - 1
    }

    fn time(&mut self, now: Instant) -> Time {
        if now != self.last.0 {
            self.last = (now, self.wall.at(now));
        }
        self.last.1
    }

    fn entry_of(&mut self, entry: &Packed<'_>) {
        pack(entry, &mut self.packed);
        self.entries += 1;
        if self.packed.len() >= CHUNK - 1024 {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if !self.packed.is_empty() {
            let packed = std::mem::replace(&mut self.packed, Vec::with_capacity(CHUNK));
            self.put(Item::Entries(packed));
        }
    }

    fn put(&mut self, item: Item) {
        if self.stopped.is_none() {
            self.stopped = match self.spool.waiting_below(self.bounds.much, SLOWLY) {
                Ok(bytes) if bytes >= self.bounds.most => Some(Stopped::TooMuch(bytes)),
                Ok(_) => self.spool.push(item).err().map(|Gone| Stopped::Gone),
                Err(Gone) => Some(Stopped::Gone),
            };
        }
    }
}

impl Pupil for Stream {
    fn table(&mut self, peer: PeerIndex, table: &RemoteTable) {
        let definition = &table.definition;
        let meant = self.tables.meant(&definition.name);
        self.perhaps.announce(peer, table, meant == Meant::Unless);
        let choice = match (meant, self.names.get(peer.0).cloned()) {
            (Meant::Yes, Some(name)) => {
                let table = self.announce(&name, definition);
                Choice::Yes { table, expire_ms: definition.expire_ms, written: 0 }
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
        let (table, expire_ms) = (*table, *expire_ms);
        let time = self.time(now);
        self.entry_of(&Packed {
            table,
            time,
            key: update.key,
            expire_ms: (expire_ms > 0).then(|| update.life_ms.unwrap_or(expire_ms)),
            resync: update.resync,
            update_id: update.id,
            values: update.values,
            server_key: match update.server_key {
                ServerKey::Text(text) => Some(text),
                ServerKey::Unchanged | ServerKey::Unexplained => None,
            },
        });
    }

    fn session(&mut self, peer: PeerIndex, now: Instant, event: SessionEvent, detail: Option<&str>) {
        let Some(name) = self.names.get(peer.0) else { return };
        let (peer, detail) = (name.to_vec().into(), detail.map(|detail| detail.to_owned().into()));
        let session = Session { time: self.time(now), peer, event, detail };
        self.hand_over();
        self.put(Item::Session(Box::new(session)));
    }

    fn pause(&mut self, _now: Instant) -> bool {
        self.bar.set_position(self.entries);
        self.stopped.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{BufRead as _, BufReader};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;
    use crate::cli::files::Output;
    use crate::grammar::KeyType;
    use crate::stick::{Definition, Layout};

    #[test]
    fn a_reader_that_is_far_too_slow_ends_the_dump_and_what_came_is_marked() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("fifo");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
        let reader = OpenOptions::new().read(true).write(true).open(&path).expect("the other end");
        let destination = Destination::File(Output::create(&path).expect("written through"));
        let bounds = Bounds { much: 256 << 10, most: 512 << 10 };
        let bar = ProgressBar::hidden();
        let mut stream = Stream::new(destination, vec![b"lb1"[..].into()], Tables::default(), None, bar, bounds);
        let definition = Definition {
            name: b"/t"[..].into(),
            key_type: KeyType::STRING,
            key_len: 1001,
            expire_ms: 0,
            layout: Layout::default(),
        };
        let table = stream.announce(b"lb1", &definition);
        let (time, key) = (Time::from_unix_ms(0), [b'k'; 1000]);
        let entry = Packed {
            table,
            time,
            key: &key,
            expire_ms: None,
            resync: true,
            update_id: 1,
            values: &[],
            server_key: None,
        };
        while stream.pause(clock::now()) {
            stream.entry_of(&entry);
            assert!(stream.entries < 2000, "there is a bound");
        }
        assert!(matches!(stream.stopped, Some(Stopped::TooMuch(bytes)) if bytes < bounds.most + 2 * CHUNK));
        let lines = std::thread::spawn(move || {
            let lines = BufReader::new(reader).lines().map(|line| line.expect("text"));
            let mut entries = 0;
            for line in lines {
                if line.starts_with("{\"type\":\"end\"") {
                    return (entries, line);
                }
                entries += u64::from(line.starts_with("{\"type\":\"entry\""));
            }
            (entries, String::new())
        });
        assert_eq!(stream.finish(false, true, None).expect("written"), Exit::Incomplete);
        let (entries, end) = lines.join().expect("a reader");
        assert!(entries > 400, "{entries}");
        assert_eq!(end, format!("{{\"type\":\"end\",\"entries\":{entries},\"complete\":false}}"));
    }
}
