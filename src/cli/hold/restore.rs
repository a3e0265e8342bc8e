//! The start from a state file.

use crate::cli::args::HoldArgs;
use crate::cli::failure::Failure;
use crate::cli::state::StateFile;
use crate::cli::stderr::tell;
use crate::cli::wall::WallClock;
use crate::escape;
use crate::hold::Standby;
use crate::node::clock;

use super::load::Load;

/// Reads it, and says what was found.
///
/// # Errors
/// If it can't be used.
pub(super) fn restore(args: &HoldArgs, wall: &WallClock) -> Result<(Standby, StateFile), Failure> {
    let now = clock::now();
    let (now_ms, time) = (wall.ms(now), wall.at(now));
    let mut standby = Standby::new(0, args.max_memory);
    let mut load = Load::new(&mut standby, now_ms, time);
    let path = args.state.as_deref().unwrap_or_else(|| std::path::Path::new(""));
    let (state, found) = StateFile::open(path, time, |record| load.take(record))?;
    let mut notes = std::mem::take(&mut load.problems);
    let held: usize = standby.tables().iter().map(|held| held.store().len()).sum();
    if found.entries > 0 {
        let ms = clock::now().saturating_duration_since(now).as_millis();
        let name = escape::name(state.name().as_bytes());
        notes.push(format!("{name}: {held} entries of {} tables, read in {ms} ms", standby.tables().len()));
    }
    notes.extend(state.notes(&found));
    tell(&notes);
    Ok((standby, state))
}
