//! Entries as records: one JSON object a line.

use super::{Listed, received};
use crate::record::{self, Formatter, TableId, Time, WriteError};
use crate::stick::Definition;
use crate::table::EntryRef;

/// Adds the table's record, then those of its entries, and calls `full` whenever there is enough to be written.
///
/// # Errors
/// If a record would be too long, or `full` fails.
pub fn push<E: From<WriteError>>(
    lines: &mut Formatter,
    listed: &Listed<'_>,
    now: Time,
    mut full: impl FnMut(&mut Formatter) -> Result<(), E>,
) -> Result<(), E> {
    let table = lines.table(listed.peer, listed.definition)?;
    let mut values = Vec::new();
    for entry in &listed.entries {
        push_entry(lines, listed.definition, table, entry, now, &mut values)?;
        if lines.lines().len() >= crate::output::BATCH {
            full(lines)?;
        }
    }
    Ok(())
}

/// Adds the record of one entry.
pub(in crate::output) fn push_entry(
    lines: &mut Formatter,
    definition: &Definition,
    table: TableId,
    entry: &EntryRef<'_>,
    now: Time,
    values: &mut Vec<u64>,
) -> Result<(), WriteError> {
    entry.values(values);
    let (time, expire_ms) = received(entry, now);
    lines.entry(&record::Entry {
        table,
        time,
        key: entry.key(),
        expire_ms: expire_ms.filter(|_| definition.expire_ms > 0),
        resync: entry.resync(),
        update_id: Some(entry.update_id()),
        values,
        server_key: entry.server_key(),
    })
}
