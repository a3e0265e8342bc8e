//! Where entries of the file go, and what is to become of each.

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Instant;

use super::source::{Recorded, Source};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::fit::Plan;
use crate::node::clock;
use crate::record::Time;

/// How entries are sent.
#[derive(Clone, Debug)]
pub(super) struct How {
    /// The time since the record has passed for the entry, too.
    pub(super) ages: bool,
    /// The pace of the recording, so many times; `None` = as fast as it goes.
    pub(super) pace: Option<u32>,
    /// The time of the first entry of the file.
    pub(super) first: Option<Time>,
    /// When the first entry was, or is to be, sent.
    pub(super) began: Instant,
}

/// Where a table of the file goes.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// For each definition in the file.
    pub(super) plans: Vec<Plan>,
    /// The keys that the peer had before anything was sent, if those are left alone.
    pub(super) existing: Option<Rc<Keys>>,
}

/// Keys of a table.
pub(super) type Keys = HashSet<Box<[u8]>>;

/// What became of the entries of one table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    /// Read from the file.
    pub(super) read: u64,
    /// Sent.
    pub(super) sent: u64,
    /// Acknowledged.
    pub(super) acked: u64,
    /// Left alone because the peer has the key.
    pub(super) existing: u64,
    /// Not sent because their life had ended.
    pub(super) dead: u64,
    /// Not sent because no HAProxy could take them.
    pub(super) unfit: u64,
}

/// What is to become of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is left alone because the peer has the key.
    Existing,
    /// Its life has ended.
    Dead,
    /// It is sent.
    Sent {
        /// The time that has passed for it since it was recorded, in milliseconds.
        passed_ms: u64,
        /// The rest of its life in milliseconds; `None` = for ever.
        left_ms: Option<u32>,
    },
}

impl Route {
    /// What is to become of an entry now.
    pub(super) fn fate(&self, how: &How, entry: &Recorded<'_>) -> Fate {
        if self.existing.as_ref().is_some_and(|keys| keys.contains(entry.key)) {
            return Fate::Existing;
        }
        let passed_ms = if how.ages && how.pace.is_none() { age_ms(entry.time) } else { 0 };
        let left = |life: u32| u32::try_from(u64::from(life).saturating_sub(passed_ms)).unwrap_or(life);
        match entry.expire_ms.map(left) {
            Some(0) => Fate::Dead,
            left_ms => Fate::Sent { passed_ms, left_ms },
        }
    }
}

/// What would become of the entries of a file now, for each of its tables.
///
/// # Errors
/// If the file can't be read any more.
pub(super) fn foresee(source: &Source, routes: &[Option<Route>], how: &How) -> Result<Vec<Tally>, Failure> {
    let mut tallies = vec![Tally::default(); routes.len()];
    for batch in source.batches()? {
        let batch = batch.map_err(|error| {
            Failure::new(Exit::Misuse, format!("the file has changed meanwhile: {error}"), "nothing was sent")
        })?;
        for entry in (0..batch.len()).filter_map(|at| batch.get(at)) {
            let route = routes.get(entry.table).and_then(Option::as_ref);
            let (Some(route), Some(tally)) = (route, tallies.get_mut(entry.table)) else { continue };
            tally.read += 1;
            match route.fate(how, &entry) {
                Fate::Existing => tally.existing += 1,
                Fate::Dead => tally.dead += 1,
                Fate::Sent { .. } => tally.sent += 1,
            }
        }
    }
    Ok(tallies)
}

/// Milliseconds since a record was made; none if it is of the future, as after a step of the clock.
fn age_ms(time: Time) -> u64 {
    u64::try_from(clock::since_epoch().as_millis()).unwrap_or(u64::MAX).saturating_sub(time.unix_ms())
}
