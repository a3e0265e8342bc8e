//! What a state file says, given to a standby.

use crate::escape;
use crate::hold::{Restored, Standby};
use crate::record::{Record, Time};

/// Takes the records of a state file.
pub(super) struct Load<'a> {
    standby: &'a mut Standby,
    now_ms: u64,
    time: Time,
    /// For each table of the file its number.
    numbers: Vec<Option<usize>>,
    pub(super) problems: Vec<String>,
}

impl<'a> Load<'a> {
    /// Gives the entries to `standby`; it is `time`, which is `now_ms` for it.
    pub(super) const fn new(standby: &'a mut Standby, now_ms: u64, time: Time) -> Self {
        Self { standby, now_ms, time, numbers: Vec::new(), problems: Vec::new() }
    }

    /// Takes the next one.
    pub(super) fn take(&mut self, record: &Record<'_>) {
        match record {
            Record::Table(id, table) => {
                let number = self.standby.define(self.now_ms, &table.definition);
                if let Err(error) = &number {
                    self.problems.push(format!("table {}: {error}", escape::name(&table.definition.name)));
                }
                if self.numbers.len() <= id.index() {
                    self.numbers.resize(id.index() + 1, None);
                }
                if let Some(place) = self.numbers.get_mut(id.index()) {
                    *place = number.ok();
                }
            }
            Record::Entry(entry, _) => {
                let Some(number) = self.numbers.get(entry.table.index()).copied().flatten() else { return };
                let restored = Restored {
                    key: entry.key,
                    values: entry.values,
                    server_key: entry.server_key,
                    update_id: entry.update_id.unwrap_or_default(),
                    life_ms: entry.expire_ms,
                    passed_ms: self.time.unix_ms().saturating_sub(entry.time.unix_ms()),
                };
                self.standby.restore(number, self.now_ms, &restored);
            }
            Record::Header(_) | Record::Session(_) | Record::End(_) => {}
        }
    }
}
