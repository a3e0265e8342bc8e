//! What is known of a peer.

use crate::aggregate::options::{Relation, Stale};
use crate::stick::Definition;

use super::tables::Route;

/// What is known of a peer.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(in crate::aggregate) struct Peer {
    pub(in crate::aggregate) relation: Relation,
    pub(in crate::aggregate) is_up: bool,
    /// When it came or went; `None` if it was never there.
    pub(in crate::aggregate) since_ms: Option<u64>,
    /// By the number of the table on its session.
    pub(super) routes: Vec<Route>,
    /// The tables of totals that it has announced on this session.
    pub(in crate::aggregate) has: Vec<Definition>,
    /// A resync was asked for.
    pub(in crate::aggregate) is_learning: bool,
    /// A resync has ended, and what it has lost is being looked for.
    pub(super) is_sweeping: bool,
    /// It has totals that no source had, as far as was known then.
    pub(super) owes_look: bool,
    /// It has taught everything on this session.
    pub(in crate::aggregate) is_synced: bool,
    /// It has taught everything since we started.
    pub(super) was_synced: bool,
    /// Its last session ended in order, and in sync.
    pub(super) ended_well: bool,
    /// When it is asked for everything.
    pub(in crate::aggregate) ask_ms: Option<u64>,
    /// How often in a row it hadn't everything itself.
    pub(super) partial: u32,
    /// Its states were given up because it was away for too long.
    pub(in crate::aggregate) is_dropped: bool,
    /// The other aggregator: how many sources it says to have, and when it said so.
    pub(super) says: Option<(u64, u64)>,
    pub(in crate::aggregate) echoed: u64,
    /// The table of totals that is sent next.
    pub(super) turn: usize,
}

impl Peer {
    pub(super) const fn new(relation: Relation) -> Self {
        Self {
            relation,
            is_up: false,
            since_ms: None,
            routes: Vec::new(),
            has: Vec::new(),
            is_learning: false,
            is_sweeping: false,
            owes_look: false,
            is_synced: false,
            was_synced: false,
            ended_well: false,
            ask_ms: None,
            partial: 0,
            is_dropped: false,
            says: None,
            echoed: 0,
            turn: 0,
        }
    }

    pub(in crate::aggregate) fn is_source(&self) -> bool {
        is_source(self.relation)
    }

    pub(super) fn is_destination(&self) -> bool {
        matches!(self.relation, Relation::Node | Relation::Up)
    }

    /// Its table is taken now: what it has taught was lost, so it is asked again.
    pub(super) fn rejoin(&mut self, total: usize, now_ms: u64) {
        for route in self.routes.iter_mut().filter(|route| **route == Route::Rejected(total)) {
            *route = Route::Total(total);
        }
        (self.is_learning, self.is_sweeping) = (false, false);
        (self.is_synced, self.ask_ms) = (false, Some(now_ms));
    }

    /// When its states are given up.
    pub(super) fn stale_at(&self, stale: &Stale, started_ms: u64) -> Option<u64> {
        let Stale::DropAfter(after) = stale else { return None };
        let is_away = self.is_source() && !self.is_up && !self.is_dropped;
        is_away.then(|| self.since_ms.unwrap_or(started_ms).saturating_add(*after))
    }
}

/// Whether tables of such a peer are added up.
pub(super) fn is_source(relation: Relation) -> bool {
    matches!(relation, Relation::Node | Relation::Down)
}
