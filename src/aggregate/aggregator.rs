//! All tables of an aggregation, its sources and its destinations.

mod gate;
mod links;
mod peer;
mod state;
mod tables;

use thiserror::Error;

use crate::proto::session::Push;
use crate::stick::Definition;
use crate::table::Store;

use super::options::Aggregation;
use super::totals::{Context, TotalId, Totals};

use peer::Peer;

pub use gate::Lease;
pub use links::Mesh;
pub use state::{Change, Restored, SaveCursor, Saved, TeachCursor};
pub use tables::Announced;

/// The most peers of an aggregation, ourselves not counted.
pub const MAX_PEERS: usize = 64;

/// A peer of an aggregation: its place in [`Aggregation::peers`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerNumber(pub usize);

/// How large an aggregation may become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most entries of one source in one table; then the one goes that would expire first, as in HAProxy.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 1 << 20 }
    }
}

/// Why there can be no such aggregation.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum StartError {
    /// Too many peers.
    #[error(
        "an aggregation has at most {MAX_PEERS} peers; this one has {0}: divide it, and add the totals up on a second level"
    )]
    Peers(usize),
    /// Nobody whose tables could be added.
    #[error("no peer of this aggregation is a source; name the nodes whose tables are to be added up")]
    NoSource,
}

/// The engine of an aggregation.
///
/// It is told what the sessions with the peers say ([`Self::link_up`], [`Self::table`], [`Self::update`], …), and asked what they
/// are to be told ([`Self::publish`], [`Self::wants_resync`], [`Self::lease`]). All times are milliseconds of one clock that never
/// goes back. [`Self::tick`] is called at [`Self::next_due`] and after whatever the aggregation was told.
#[derive(Debug)]
pub struct Aggregator {
    pub(super) options: Aggregation,
    us: Box<[u8]>,
    limits: Limits,
    pub(super) peers: Vec<Peer>,
    pub(super) totals: Vec<Totals>,
    /// The number of the next table of totals.
    next_id: usize,
    started_ms: u64,
    pub(super) now_ms: u64,
    /// The peers that are connected, a bit for each.
    up: u64,
    /// The destinations, a bit for each.
    destinations: u64,
    pub(super) is_open: bool,
    /// Tables and pairs of sources that seem to have the same one, and that nobody was told yet.
    meshes: Vec<(Box<[u8]>, usize, usize)>,
}

/// Entries of one table that are sent before the next one has its turn.
const TURN: usize = 256;

impl Aggregator {
    /// An aggregation that starts now; we are called `us`.
    ///
    /// # Errors
    /// If it has too many peers, or none to learn from.
    pub fn new(options: Aggregation, us: &[u8], limits: Limits, now_ms: u64) -> Result<Self, StartError> {
        if options.peers.len() > MAX_PEERS {
            return Err(StartError::Peers(options.peers.len()));
        }
        let peers: Vec<Peer> = options.peers.iter().map(|peer| Peer::new(peer.relation)).collect();
        if !peers.iter().any(Peer::is_source) {
            return Err(StartError::NoSource);
        }
        let destinations = peers.iter().enumerate().filter(|(_, peer)| peer.is_destination());
        Ok(Self {
            destinations: destinations.fold(0, |set, (at, _)| set | 1 << at),
            up: 0,
            options,
            us: us.into(),
            limits,
            peers,
            totals: Vec::new(),
            next_id: 0,
            started_ms: now_ms,
            now_ms,
            is_open: false,
            meshes: Vec::new(),
        })
    }

    /// What it was asked to do.
    #[must_use]
    pub const fn options(&self) -> &Aggregation {
        &self.options
    }

    /// Sends what waits for a destination, no more than `budget` entries, and until `sink` returns false: it takes no more
    /// after this entry. Returns whether more waits.
    ///
    /// A total is put together once for all destinations, and is as it is at `now_ms`.
    pub fn publish(
        &mut self,
        peer: PeerNumber,
        now_ms: u64,
        budget: usize,
        mut sink: impl FnMut(TotalId, &Definition, &Push<'_>) -> bool,
    ) -> bool {
        self.at(now_ms);
        let cx = self.context();
        let Some(state) = self.peers.get_mut(peer.0) else { return false };
        if !cx.is_open || !state.is_up || !state.is_destination() {
            return false;
        }
        let (mut budget, mut idle, tables) = (budget, 0, self.totals.len());
        while budget > 0 && idle < tables {
            state.turn = (state.turn + 1) % tables;
            let mut turn = budget.min(TURN);
            let before = turn;
            let takes_more = self.totals[state.turn].send(peer.0, &mut turn, &cx, &mut sink);
            budget -= before - turn;
            idle = if turn == before { idle + 1 } else { 0 };
            if !takes_more {
                break;
            }
        }
        self.has_output(peer)
    }

    /// A destination is sent all totals once more, if they are published.
    pub fn refill(&mut self, peer: PeerNumber) {
        let Some(state) = self.peers.get(peer.0) else { return };
        if !self.is_open || !state.is_up || !state.is_destination() {
            return;
        }
        for totals in &mut self.totals {
            totals.empty(peer.0);
            totals.fill(peer.0);
        }
    }

    /// Whether something waits for a destination.
    #[must_use]
    pub fn has_output(&self, peer: PeerNumber) -> bool {
        self.totals.iter().any(|totals| totals.queues.get(peer.0).is_some_and(|queue| !queue.is_empty()))
    }

    /// Does what is due, looking at no more than `budget` entries of each table, and as many of what a source has lost at once.
    pub fn tick(&mut self, now_ms: u64, budget: usize) {
        let now_ms = self.at(now_ms);
        self.drop_stale(now_ms);
        self.decide();
        let cx = self.context();
        let mut left = budget;
        for totals in &mut self.totals {
            for (source, _) in self.options.peers.iter().enumerate() {
                totals.expire(source, budget.div_ceil(self.options.peers.len()), &cx);
            }
            totals.tick(budget, &cx);
            totals.work(&mut left, &cx);
        }
        self.end_sweeps();
    }

    /// When [`Self::tick`] or [`Self::wants_resync`] has something to do; `None` if nothing ever will by itself.
    #[must_use]
    pub fn next_due(&self, now_ms: u64) -> Option<u64> {
        let peers = self.peers.iter().filter_map(|peer| peer.ask_ms.filter(|_| peer.is_up && !peer.is_learning));
        let stale = self.peers.iter().filter_map(|peer| peer.stale_at(&self.options.stale, self.started_ms));
        let tables =
            self.totals.iter().flat_map(|totals| totals.next_ms().into_iter().chain(totals.expires_at(now_ms)));
        let gate = self.gate_due().into_iter().chain(self.has_work().then_some(now_ms));
        peers.chain(stale).chain(tables).chain(gate).min().map(|due| due.max(now_ms))
    }

    /// Whether what sources have lost all at once is still being looked at: [`Self::tick`] goes on.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.totals.iter().any(Totals::has_work)
    }

    /// Entries that were looked at so far because a source had come, gone, or lost something.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.totals.iter().map(|totals| totals.steps).sum()
    }

    /// The total of a key now: the values by the layout of the table of totals, and the rest of its life in milliseconds.
    pub fn total(&mut self, table: &[u8], key: &[u8], now_ms: u64) -> Option<(&[u64], Option<u32>)> {
        self.at(now_ms);
        let cx = self.context();
        let is_it = |totals: &&mut Totals| *totals.source.name == *table || *totals.definition.name == *table;
        self.totals.iter_mut().find(is_it)?.get(key, &cx)
    }

    /// Each table as its sources announce it, and what they have of it now.
    pub fn stores(&self) -> impl Iterator<Item = (&Definition, Vec<&Store>)> {
        self.totals.iter().map(|totals| {
            let stores = totals.inputs.iter().filter_map(|input| input.store.as_ref());
            (&totals.source, stores.collect())
        })
    }

    /// Records of a file that has what all sources have taught: their entries, and what is kept of counters.
    #[must_use]
    pub fn records(&self) -> usize {
        let inputs = self.totals.iter().flat_map(|totals| &totals.inputs);
        inputs.map(|input| input.store.as_ref().map_or(0, Store::len) + input.kept.len()).sum()
    }

    /// Bytes held by the entries, the keys and the queues.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.totals.iter().map(Totals::memory).sum()
    }

    fn drop_stale(&mut self, now_ms: u64) {
        let cx = self.context();
        for (source, peer) in self.peers.iter_mut().enumerate() {
            if peer.stale_at(&self.options.stale, self.started_ms).is_some_and(|at| at <= now_ms) {
                peer.is_dropped = true;
                self.totals.iter_mut().for_each(|totals| totals.drop_source(source, &cx));
            }
        }
    }

    fn at(&mut self, now_ms: u64) -> u64 {
        self.now_ms = self.now_ms.max(now_ms);
        self.now_ms
    }

    const fn context(&self) -> Context {
        Context {
            now_ms: self.now_ms,
            up: self.up,
            destinations: self.destinations,
            is_open: self.is_open,
            publish: self.options.publish,
            entries: self.limits.entries,
        }
    }
}
