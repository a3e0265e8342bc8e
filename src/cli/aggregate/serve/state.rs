//! The state file: what each source has taught, so that the totals of a new process begin where those of the last one ended.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::aggregate::{Aggregator, Restored, SaveCursor, Saved};
use crate::cli::failure::Failure;
use crate::cli::state::{Health, StateFile};
use crate::cli::wall::WallClock;
use crate::escape;
use crate::node::clock;
use crate::output::entries::received;
use crate::proto::session::Update;
use crate::record::{Entry, Record, TableId, Time, WriteError};
use crate::stick::Definition;

/// Entries of a snapshot that are written at once, and how long that may go on in one turn.
const PIECE: usize = 1_000;
const TURN: Duration = Duration::from_millis(4);

/// The file, and what is being written into it.
#[derive(Debug)]
pub(super) struct State {
    file: StateFile,
    path: PathBuf,
    /// How far a snapshot is: which section, and where in it.
    snapshot: (usize, SaveCursor),
    values: Vec<u64>,
    /// Entries that could not be written.
    pub(super) unwritten: u64,
}

impl State {
    /// Opens the file and gives what is in it to the aggregators. Also returns what is worth telling.
    pub(super) fn open(
        path: &Path,
        wall: &WallClock,
        now: Instant,
        aggregators: &mut [Aggregator],
    ) -> Result<(Self, Vec<String>), Failure> {
        let (now_ms, time) = (wall.ms(now), wall.at(now));
        let mut load = Load { aggregators, now_ms, time, tables: Vec::new(), entries: 0 };
        let (mut file, found) = StateFile::open(path, time, |record| load.take(record))?;
        let Load { entries, tables, .. } = load;
        // Their sources may stay away for long, and the file is written anew meanwhile.
        for Loaded { peer, definition, .. } in tables.iter().flatten().filter(|table| table.counts) {
            file.table(peer, definition)?;
        }
        let mut notes = Vec::new();
        if found.entries > 0 {
            let name = escape::name(file.name().as_bytes());
            notes.push(format!("{name}: {entries} entries of sources"));
        }
        notes.extend(file.notes(&found));
        let (snapshot, values) = ((0, SaveCursor::default()), Vec::new());
        Ok((Self { file, path: path.to_owned(), snapshot, values, unwritten: 0 }, notes))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The aggregators are others from now on: what was written of a snapshot is written once more.
    pub(super) fn begin_anew(&mut self) {
        self.snapshot = (0, SaveCursor::default());
    }

    /// Notes what a source's table is like, and that of what is kept of its counters, if that is wanted. Returns its number.
    ///
    /// # Errors
    /// If no record can be like that.
    pub(super) fn table(&mut self, source: &[u8], definition: &Definition, keeps: bool) -> Result<TableId, WriteError> {
        let id = self.file.table(source, definition)?;
        if keeps {
            self.file.table(&name_of_kept(source), definition)?;
        }
        Ok(id)
    }

    /// Notes all that the aggregators know already, of sources, too, that stay away: nothing counts as durable before it is
    /// written.
    pub(super) fn begin_with(&mut self, aggregators: &[Aggregator]) -> Result<(), WriteError> {
        for aggregator in aggregators {
            for (source, definition) in aggregator.tables_of_sources() {
                self.table(source, definition, aggregator.keeps(&definition.name))?;
            }
        }
        self.file.write_anew();
        Ok(())
    }

    /// Notes an entry that a source has taught.
    #[inline]
    pub(super) fn update(&mut self, table: TableId, expire_ms: u32, time: Time, update: &Update<'_>) {
        let entry = Entry {
            table,
            time,
            key: update.key,
            expire_ms: (expire_ms > 0).then(|| update.life_ms.unwrap_or(expire_ms).min(expire_ms)),
            resync: update.resync,
            update_id: Some(update.id),
            values: update.values,
            server_key: None,
        };
        self.unwritten += u64::from(self.file.entry(&entry).is_err());
    }

    /// Notes an entry whose counters start again, and what is kept of them: in this order, so that nothing counts twice if the
    /// file ends in between.
    pub(super) fn kept(&mut self, now: Time, saved: &Saved<'_>) {
        let of = |peer: &[u8]| self.file.table_named(peer, &saved.definition.name).map(|(id, _)| id);
        let (table, kept) = (of(saved.peer), of(&name_of_kept(saved.peer)));
        let (time, expire_ms) = received(&saved.entry, now);
        let Self { file, values, unwritten, .. } = self;
        saved.entry.values(values);
        for (table, values) in [(table, Some(&**values)), (kept, saved.kept)] {
            if let (Some(table), Some(values)) = (table, values) {
                *unwritten += u64::from(file.entry(&record(table, saved, time, expire_ms, values)).is_err());
            }
        }
    }

    /// Notes that a source has lost an entry, whether the source is there or not.
    pub(super) fn gone(&mut self, source: &[u8], table: &[u8], time: Time, key: &[u8]) {
        let Some((table, definition)) = self.file.table_named(source, table) else { return };
        let slots = definition.layout.slots();
        self.unwritten += u64::from(self.file.gone(table, slots, time, key).is_err());
    }

    /// Hands over what was noted. Returns the position behind it; `None` while some is missing in the file.
    pub(super) fn hand_over(&mut self) -> Option<u64> {
        self.file.hand_over()
    }

    /// The position up to which everything is durable.
    pub(super) fn durable(&self) -> u64 {
        self.file.durable()
    }

    /// How the file is.
    pub(super) fn health(&self) -> Health {
        self.file.health()
    }

    /// Bytes of the file that are durable, and bytes that wait for the disk.
    pub(super) fn bytes(&self) -> (u64, usize) {
        (self.file.bytes(), self.file.waiting())
    }

    /// What is to be done now and then; `false` if the file takes nothing any more. What is to be told is added to `messages`.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        wall: &WallClock,
        aggregators: &[Aggregator],
        messages: &mut Vec<String>,
    ) -> bool {
        self.file.hand_over();
        messages.extend(self.file.look(now));
        let entries = aggregators.iter().map(Aggregator::records).sum();
        if self.file.begin_snapshot(now, entries, wall.at(now)) {
            self.snapshot = (0, SaveCursor::default());
        }
        let end = clock::now() + TURN;
        while self.file.wants_piece() && clock::now() < end {
            self.write_piece(now, wall, aggregators);
        }
        let (health, news) = self.file.news();
        messages.extend(news);
        health != Health::Failed
    }

    /// Writes what is left, within that time.
    pub(super) fn finish(self, patience: Duration) -> Result<(), Failure> {
        self.file.finish(patience)
    }

    /// Writes on at a snapshot.
    fn write_piece(&mut self, now: Instant, wall: &WallClock, aggregators: &[Aggregator]) {
        self.file.begin_pieces();
        let (now_ms, time) = (wall.ms(now), wall.at(now));
        let Self { file, snapshot: (section, cursor), values, unwritten, .. } = self;
        let mut left = PIECE;
        while let Some(aggregator) = aggregators.get(*section) {
            let all = aggregator.save(cursor, now_ms, left, |saved| {
                left = left.saturating_sub(1);
                let (time, expire_ms) = received(&saved.entry, time);
                saved.entry.values(values);
                if let Some(table) = file.table_id(saved.peer, saved.definition) {
                    *unwritten += u64::from(file.piece(&record(table, &saved, time, expire_ms, values)).is_err());
                }
                let Some(kept) = saved.kept else { return };
                if let Some(table) = file.table_id(&name_of_kept(saved.peer), saved.definition) {
                    *unwritten += u64::from(file.piece(&record(table, &saved, time, expire_ms, kept)).is_err());
                }
            });
            if !all {
                break;
            }
            (*section, *cursor) = (*section + 1, SaveCursor::default());
        }
        self.file.end_pieces();
        if self.snapshot.0 >= aggregators.len() {
            self.file.end_snapshot();
        }
    }
}

/// Whose table it is in the file that has what is kept of a source's counters: no peer can have such a name.
fn name_of_kept(source: &[u8]) -> Vec<u8> {
    [source, KEPT].concat()
}

const KEPT: &[u8] = b"/kept";

fn record<'a>(table: TableId, saved: &Saved<'a>, time: Time, expire_ms: Option<u32>, values: &'a [u64]) -> Entry<'a> {
    Entry {
        table,
        time,
        key: saved.entry.key(),
        expire_ms,
        resync: saved.entry.resync(),
        update_id: Some(saved.entry.update_id()),
        values,
        server_key: None,
    }
}

/// Takes the records of a state file.
struct Load<'a> {
    aggregators: &'a mut [Aggregator],
    now_ms: u64,
    time: Time,
    /// By their numbers in the file: whose, and what they are like.
    tables: Vec<Option<Loaded>>,
    entries: u64,
}

/// A table of the file.
#[derive(Clone)]
struct Loaded {
    peer: Box<[u8]>,
    definition: Definition,
    /// It has entries that were taken.
    counts: bool,
}

impl Load<'_> {
    fn take(&mut self, record: &Record<'_>) {
        match record {
            Record::Table(id, table) => {
                if self.tables.len() <= id.index() {
                    self.tables.resize(id.index() + 1, None);
                }
                if let Some(place) = self.tables.get_mut(id.index()) {
                    let (peer, definition) = (table.peer.clone(), table.definition.clone());
                    *place = Some(Loaded { peer, definition, counts: false });
                }
            }
            Record::Entry(entry, _) => {
                let Some(Some(table)) = self.tables.get_mut(entry.table.index()) else { return };
                let (Loaded { peer, definition, counts }, now_ms) = (table, self.now_ms);
                if let Some(source) = peer.strip_suffix(KEPT) {
                    for aggregator in &mut *self.aggregators {
                        aggregator.restore_kept(source, definition, entry.key, entry.values, now_ms);
                        *counts |= aggregator.keeps(&definition.name);
                    }
                    return;
                }
                if entry.expire_ms == Some(0) {
                    for aggregator in &mut *self.aggregators {
                        aggregator.restore_loss(peer, definition, entry.key, now_ms);
                    }
                    return;
                }
                let since = i128::from(self.time.unix_ms()) - i128::from(entry.time.unix_ms());
                let restored = Restored {
                    peer,
                    definition,
                    key: entry.key,
                    values: entry.values,
                    kept: None,
                    server_key: entry.server_key,
                    update_id: entry.update_id.unwrap_or_default(),
                    expire_ms: entry.expire_ms,
                    since_ms: i64::try_from(since).unwrap_or(i64::MAX),
                };
                let taken = self.aggregators.iter_mut().any(|aggregator| aggregator.restore(&restored, now_ms));
                *counts |= taken;
                self.entries += u64::from(taken);
            }
            Record::Header(_) | Record::Session(_) | Record::End(_) => {}
        }
    }
}
