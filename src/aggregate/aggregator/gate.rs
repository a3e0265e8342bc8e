//! Whether totals are published, and whether nodes may trust them.

use crate::aggregate::keys::bits;
use crate::aggregate::options::{Relation, Stale};

use super::Aggregator;
use super::peer::Peer;
use super::tables::Route;

/// What this aggregator says of itself: to nodes, and to the other aggregator of the same nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The sources that are connected, have taught everything, and whose tables are all taken.
    pub fresh: usize,
    /// All sources.
    pub sources: usize,
    /// Whether nodes may be told: totals are published, and all sources are fresh. The other aggregator is always told.
    pub is_valid: bool,
}

/// How long what the other aggregator says of itself holds, in milliseconds.
const SAID_MS: u64 = 2_000;

impl Aggregator {
    /// What is to be said every 500 ms.
    pub fn lease(&mut self, now_ms: u64) -> Lease {
        self.at(now_ms);
        self.decide();
        let (fresh, sources) = (self.fresh(), self.sources().count());
        Lease { fresh, sources, is_valid: self.is_open && fresh == sources }
    }

    /// Whether totals are published.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the other aggregator publishes, and we wait.
    #[must_use]
    pub fn is_standby(&self) -> bool {
        let ours = self.fresh() as u64;
        let others = self.peers.iter().zip(&self.options.peers).filter(|(peer, _)| peer.relation == Relation::Standby);
        others.into_iter().any(|(peer, option)| {
            let says = peer.says.filter(|(_, at)| peer.is_up && self.now_ms < at + SAID_MS);
            says.is_some_and(|(theirs, _)| theirs > ours || theirs == ours && option.name < self.us)
        })
    }

    /// Opens or closes the gate. When it opens, destinations are sent everything once.
    pub(super) fn decide(&mut self) {
        let is_ready = self.now_ms >= self.grace_ends() || self.sources().all(|peer| peer.was_synced);
        let is_stopped = self.options.stale == Stale::Stop && self.sources().any(|peer| !peer.is_up);
        let is_open = is_ready && !is_stopped && !self.is_standby();
        if std::mem::replace(&mut self.is_open, is_open) == is_open {
            return;
        }
        for at in bits(self.up & self.destinations) {
            for totals in &mut self.totals {
                totals.empty(at);
                if is_open {
                    totals.fill(at);
                }
            }
        }
    }

    /// When the gate may open or close by itself.
    pub(super) fn gate_due(&self) -> Option<u64> {
        let grace = Some(self.grace_ends()).filter(|end| !self.is_open && *end > self.now_ms);
        let says = self.peers.iter().filter_map(|peer| peer.says).map(|(_, at)| at + SAID_MS);
        grace.into_iter().chain(says.filter(|end| *end > self.now_ms)).min()
    }

    fn grace_ends(&self) -> u64 {
        self.started_ms.saturating_add(self.options.start_grace_ms)
    }

    pub(super) fn all_fresh(&self) -> bool {
        self.sources().all(Peer::is_fresh)
    }

    fn fresh(&self) -> usize {
        self.sources().filter(|peer| peer.is_fresh()).count()
    }

    fn sources(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(|peer| peer.is_source())
    }
}

impl Peer {
    /// Whether what it has taught is all it has.
    pub(in crate::aggregate) fn is_fresh(&self) -> bool {
        self.is_up && self.is_synced && !self.routes.iter().any(|route| matches!(route, Route::Rejected(_)))
    }
}
