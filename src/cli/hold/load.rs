//! What the state file has.

use crate::cli::args::HoldArgs;
use crate::cli::dump::tell;
use crate::cli::failure::Failure;
use crate::cli::state::StateFile;
use crate::cli::wall::WallClock;
use crate::escape;
use crate::hold::{Restored, Standby};
use crate::node::clock;
use crate::record::{Record, Time};

/// Reads it, and says what was found.
///
/// # Errors
/// If it can't be used.
pub(super) fn load(args: &HoldArgs, wall: &WallClock) -> Result<(Standby, StateFile), Failure> {
    let now = clock::now();
    let (now_ms, time) = (wall.ms(now), wall.at(now));
    let mut standby = Standby::new(0, args.max_memory);
    let mut load = Load { standby: &mut standby, now_ms, time, numbers: Vec::new(), problems: Vec::new() };
    let path = args.state.as_deref().unwrap_or_else(|| std::path::Path::new(""));
    let (state, found) = StateFile::open(path, time, |record| load.take(record))?;
    let mut notes = std::mem::take(&mut load.problems);
    let held: usize = standby.tables().iter().map(|held| held.store().len()).sum();
    let name = escape::name(state.name().as_bytes()).into_owned();
    if found.entries > 0 {
        let ms = clock::now().saturating_duration_since(now).as_millis();
        notes.push(format!("{name}: {held} entries of {} tables, read in {ms} ms", standby.tables().len()));
    }
    if found.cut > 0 {
        notes.push(format!("{name}: {} bytes of a torn end were cut off", found.cut));
    }
    if let (1.., Some(first)) = &found.damaged {
        notes.push(format!("{name}: {} damaged lines were passed over, the first one: {first}", found.damaged.0));
    }
    tell(&notes);
    Ok((standby, state))
}

/// Takes the records of a state file.
struct Load<'a> {
    standby: &'a mut Standby,
    now_ms: u64,
    time: Time,
    /// For each table of the file its number.
    numbers: Vec<Option<usize>>,
    problems: Vec<String>,
}

impl Load<'_> {
    fn take(&mut self, record: &Record<'_>) {
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
