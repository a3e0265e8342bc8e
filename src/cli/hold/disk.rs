//! What is kept on disk: each change, and now and then everything anew.

use std::time::Instant;

use super::keeper::Keeper;
use crate::escape;
use crate::output::entries::received;
use crate::record::{Entry, TableId};
use crate::table::EntryRef;

/// Entries of a snapshot that are written in one turn.
const PIECE: usize = 20_000;

impl Keeper {
    /// Writes on at a snapshot, if there is one.
    pub(super) fn write_pieces(&mut self, now: Instant) {
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(state) = self.state.as_mut().filter(|state| state.wants_piece()) else { return };
        state.begin_pieces();
        let mut left = PIECE;
        let (mut number, mut place) = self.snapshot;
        while let Some(held) = self.standby.tables().get(number) {
            let id = self.numbers.get(number).copied().flatten();
            let mut entries = held.store().iter_from(now_ms, place);
            while left > 0 {
                let (Some(entry), Some(table)) = (entries.next(), id) else { break };
                left -= 1;
                let (at, expire_ms) = received(&entry, time);
                let written = with_record(&mut self.values, table, &entry, |record| {
                    state.piece(&Entry { time: at, expire_ms, ..*record })
                });
                self.unwritten += u64::from(written.is_err());
                place = entries.place();
            }
            if left == 0 {
                break;
            }
            (number, place) = (number + 1, 0);
        }
        self.snapshot = (number, place);
        state.end_pieces();
        if number >= self.standby.tables().len() {
            state.end_snapshot();
        }
    }

    /// Logs the definitions of all tables that have none in the file, or another one.
    pub(super) fn log_tables(&mut self) {
        for number in 0..self.standby.tables().len() {
            self.log_table(number);
        }
    }

    pub(super) fn log_table(&mut self, number: usize) {
        let (Some(held), Some(state)) = (self.standby.tables().get(number), &mut self.state) else { return };
        let id = match state.table(&self.us, held.definition()) {
            Ok(id) => Some(id),
            Err(error) => {
                let name = escape::name(&held.definition().name);
                self.messages.push(format!("table {name}: it isn't kept on disk: {error}"));
                None
            }
        };
        if self.numbers.len() <= number {
            self.numbers.resize(number + 1, None);
        }
        if let Some(place) = self.numbers.get_mut(number) {
            *place = id;
        }
    }

    /// Logs the state of an entry.
    #[inline]
    pub(super) fn log(&mut self, number: usize, now: Instant, key: &[u8]) {
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(entry) = self.standby.tables().get(number).and_then(|held| held.store().get(key, now_ms)) else {
            return;
        };
        let (Some(state), Some(table)) = (&mut self.state, self.numbers.get(number).copied().flatten()) else {
            self.unwritten += 1;
            return;
        };
        let written = with_record(&mut self.values, table, &entry, |record| state.entry(&Entry { time, ..*record }));
        self.unwritten += u64::from(written.is_err());
    }

    pub(super) fn log_all(&mut self, now: Instant, entries: &[(usize, Box<[u8]>)]) {
        for (number, key) in entries {
            self.log(*number, now, key);
        }
    }

    /// Forgets an entry, here and on disk. Returns whether it was there.
    pub(super) fn forget(&mut self, number: usize, now: Instant, key: &[u8]) -> bool {
        let time = self.wall.at(now);
        if !self.standby.forget(number, key) {
            return false;
        }
        let slots = self.standby.tables().get(number).map_or(0, |held| held.definition().layout.slots());
        if let (Some(state), Some(table)) = (&mut self.state, self.numbers.get(number).copied().flatten()) {
            self.unwritten += u64::from(state.gone(table, slots, time, key).is_err());
        }
        true
    }
}

/// An entry of a store as a record, but for its time.
fn with_record<T>(
    values: &mut Vec<u64>,
    table: TableId,
    entry: &EntryRef<'_>,
    write: impl FnOnce(&Entry<'_>) -> T,
) -> T {
    entry.values(values);
    write(&Entry {
        table,
        time: crate::record::Time::default(),
        key: entry.key(),
        expire_ms: entry.rest_ms(),
        resync: entry.resync(),
        update_id: Some(entry.update_id()),
        values,
        server_key: entry.server_key(),
    })
}
