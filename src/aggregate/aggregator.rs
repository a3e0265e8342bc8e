//! All tables of an aggregation, its sources and its destinations.

mod gate;
mod state;

use thiserror::Error;

use crate::grammar::DataType;
use crate::proto::session::Push;
use crate::stick::Definition;
use crate::table::{Applied, Update};

use super::mismatch::Mismatch;
use super::options::{Aggregation, Relation, Stale};
use super::totals::{Context, InputState, TotalId, Totals};

pub use gate::Lease;
pub use state::{Restored, Saved, TeachCursor};

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

/// What becomes of a table that a peer announces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Announced {
    /// Its entries are added up.
    Accepted,
    /// It is a table of totals: what comes of it is counted and thrown away.
    Echo,
    /// Its entries would be added up if they were like those of the other sources.
    Rejected(Mismatch),
    /// It has nothing to do with the aggregation.
    NotOurs,
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
}

/// What is known of a peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) relation: Relation,
    pub(super) is_up: bool,
    /// When it came or went; `None` if it was never there.
    pub(super) since_ms: Option<u64>,
    /// By the number of the table on its session.
    routes: Vec<Route>,
    /// The tables of totals that it has announced on this session.
    pub(super) has: Vec<Definition>,
    /// A resync was asked for.
    pub(super) is_learning: bool,
    /// It has taught everything on this session.
    pub(super) is_synced: bool,
    /// It has taught everything since we started.
    was_synced: bool,
    /// Its last session ended in order, and in sync.
    ended_well: bool,
    /// When it is asked for everything.
    pub(super) ask_ms: Option<u64>,
    /// How often in a row it hadn't everything itself.
    partial: u32,
    /// Its states were given up because it was away for too long.
    pub(super) is_dropped: bool,
    /// The other aggregator: how many sources it says to have, and when it said so.
    says: Option<(u64, u64)>,
    pub(super) echoed: u64,
    /// The table of totals that is sent next.
    turn: usize,
}

/// Where the entries of a table go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Route {
    Unknown,
    Total(usize),
    Rejected(usize),
    Echo,
    /// The lease of the other aggregator; the slot of its number of sources.
    Lease(usize),
    Other,
}

/// The longest wait before a source that hadn't everything is asked again, in milliseconds.
const LONGEST_WAIT_MS: u64 = 64_000;

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
        })
    }

    /// What it was asked to do.
    #[must_use]
    pub const fn options(&self) -> &Aggregation {
        &self.options
    }

    /// The session with a peer is established. A source is asked for everything.
    pub fn link_up(&mut self, peer: PeerNumber, now_ms: u64) {
        let now_ms = self.at(now_ms);
        let is_open = self.is_open;
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        let was_up = std::mem::replace(&mut state.is_up, true);
        self.up |= 1 << peer.0;
        state.since_ms = Some(now_ms);
        (state.is_learning, state.is_synced, state.partial, state.is_dropped) = (false, false, 0, false);
        state.ask_ms = state.is_source().then_some(now_ms);
        state.routes.clear();
        state.has.clear();
        let is_destination = state.is_destination();
        let cx = self.context();
        for totals in &mut self.totals {
            if is_destination {
                totals.empty(peer.0);
                if is_open {
                    totals.fill(peer.0);
                }
            }
            if !was_up {
                totals.link_changed(peer.0, &cx);
            }
        }
        self.decide();
    }

    /// The session with a peer is over, in order if nothing it had sent was lost.
    pub fn link_down(&mut self, peer: PeerNumber, in_order: bool, now_ms: u64) {
        let now_ms = self.at(now_ms);
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        if !std::mem::replace(&mut state.is_up, false) {
            return;
        }
        self.up &= !(1 << peer.0);
        state.since_ms = Some(now_ms);
        state.ended_well = in_order && state.is_synced;
        (state.is_learning, state.is_synced, state.ask_ms, state.says) = (false, false, None, None);
        let cx = self.context();
        for totals in &mut self.totals {
            totals.empty(peer.0);
            totals.link_changed(peer.0, &cx);
        }
        self.decide();
    }

    /// A peer announces the table that has the number `table` on its session.
    pub fn table(&mut self, peer: PeerNumber, table: usize, found: &Definition, now_ms: u64) -> Announced {
        self.at(now_ms);
        let Some(relation) = self.peers.get(peer.0).map(|peer| peer.relation) else { return Announced::NotOurs };
        let (route, announced) = if self.options.lease.as_ref() == Some(&found.name) {
            let field = found.layout.field(DataType::GPC0).filter(|_| relation == Relation::Standby);
            (field.map_or(Route::Other, |field| Route::Lease(field.slot)), Announced::NotOurs)
        } else if self.options.naming.is_total(&found.name) {
            (Route::Echo, Announced::Echo)
        } else {
            match self.options.naming.total_of(&found.name).filter(|_| is_source(relation)) {
                Some(total) => self.source_table(peer.0, found, &total),
                None => (Route::Other, Announced::NotOurs),
            }
        };
        if let Some(state) = self.peers.get_mut(peer.0) {
            if announced == Announced::Echo {
                state.has.retain(|known| known.name != found.name);
                state.has.push(found.clone());
            }
            if state.routes.len() <= table && table < MAX_TABLES {
                state.routes.resize(table + 1, Route::Unknown);
            }
            if let Some(place) = state.routes.get_mut(table) {
                *place = route;
            }
        }
        self.decide();
        announced
    }

    fn source_table(&mut self, source: usize, found: &Definition, total: &[u8]) -> (Route, Announced) {
        let at = self.totals.iter().position(|totals| totals.source.name == found.name);
        let at = at.unwrap_or_else(|| {
            let totals = self.totals_of(found, total);
            self.totals.push(totals);
            self.totals.len() - 1
        });
        let cx = self.context();
        let totals = &mut self.totals[at];
        let mut answer = totals.announce(source, found, &cx);
        if answer.is_err() && self.totals[at].is_free_for(source, &cx) {
            answer = self.begin_anew(at, source, found, total);
        }
        match answer {
            Ok(()) => (Route::Total(at), Announced::Accepted),
            Err(mismatch) => (Route::Rejected(at), Announced::Rejected(mismatch)),
        }
    }

    /// The table is another one from now on. Sources that were rejected because they had it already are taken.
    fn begin_anew(&mut self, at: usize, source: usize, found: &Definition, total: &[u8]) -> Result<(), Mismatch> {
        let mut totals = self.totals_of(found, total);
        std::mem::swap(&mut totals, &mut self.totals[at]);
        let cx = self.context();
        let answer = self.totals[at].announce(source, found, &cx);
        if let Some(state) = self.peers.get_mut(source).filter(|state| !state.is_learning) {
            state.ask_ms = Some(cx.now_ms);
        }
        for (other, input) in totals.inputs.into_iter().enumerate() {
            let InputState::Rejected(rejected) = input.state else { continue };
            if other == source {
                continue;
            }
            if self.totals[at].announce(other, &rejected.0, &cx).is_ok()
                && let Some(state) = self.peers.get_mut(other).filter(|state| state.is_up)
            {
                state.rejoin(at, cx.now_ms);
            }
        }
        answer
    }

    fn totals_of(&mut self, found: &Definition, total: &[u8]) -> Totals {
        let id = TotalId(self.next_id);
        self.next_id += 1;
        Totals::new(id, found, total, &self.options.policy, self.peers.len(), self.now_ms)
    }

    /// A peer teaches an entry of the table that has the number `table` on its session; returns what became of it, `None` if
    /// it is no entry of a source.
    pub fn update(&mut self, peer: PeerNumber, table: usize, update: &Update<'_>, now_ms: u64) -> Option<Applied> {
        let now_ms = self.at(now_ms);
        let cx = self.context();
        let state = self.peers.get_mut(peer.0)?;
        match *state.routes.get(table)? {
            Route::Total(at) => Some(self.totals.get_mut(at)?.update(peer.0, update, &cx)),
            Route::Echo => {
                state.echoed += 1;
                None
            }
            Route::Lease(slot) => {
                let name = self.options.peers.get(peer.0).map(|peer| &peer.name);
                if name.is_some_and(|name| **name == *update.key) {
                    state.says = Some((update.values.get(slot).copied().unwrap_or(0), now_ms));
                    self.decide();
                }
                None
            }
            Route::Rejected(_) | Route::Unknown | Route::Other => None,
        }
    }

    /// Whether a source is to be asked for everything now; if so, it counts as asked.
    pub fn wants_resync(&mut self, peer: PeerNumber, now_ms: u64) -> bool {
        let now_ms = self.at(now_ms);
        let Some(state) = self.peers.get_mut(peer.0) else { return false };
        if !state.is_up || state.is_learning || state.ask_ms.is_none_or(|ask| ask > now_ms) {
            return false;
        }
        state.is_learning = true;
        state.ask_ms = None;
        for totals in &mut self.totals {
            totals.begin_generation(peer.0);
        }
        true
    }

    /// A source is to be asked for everything at the next opportunity.
    pub fn ask(&mut self, peer: PeerNumber, now_ms: u64) {
        let now_ms = self.at(now_ms);
        if let Some(state) = self.peers.get_mut(peer.0).filter(|state| state.is_up && state.is_source()) {
            state.ask_ms = Some(now_ms);
        }
    }

    /// A resync of a source has ended; `complete` if the source has everything itself. What it didn't teach again it has lost.
    /// Work: all entries of the source.
    pub fn resync_ended(&mut self, peer: PeerNumber, complete: bool, now_ms: u64) {
        let now_ms = self.at(now_ms);
        let cx = self.context();
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        if !std::mem::replace(&mut state.is_learning, false) {
            return;
        }
        if !complete {
            let wait = (1_000 << state.partial.min(6)).min(LONGEST_WAIT_MS);
            state.partial += 1;
            state.ask_ms = Some(now_ms + wait);
            return;
        }
        (state.partial, state.is_synced, state.was_synced) = (0, true, true);
        // It may have been asked for again in the meantime.
        state.ask_ms = state.ask_ms.or(self.options.refresh_ms.map(|refresh| now_ms + refresh));
        for totals in &mut self.totals {
            totals.sweep(peer.0, &cx);
        }
        self.decide();
    }

    /// Forgets a key of a table, given by its own name or that of its total; returns the names of the sources that had it.
    /// Destinations are told that the total is zero. A source that has the key still teaches it again with its next change or
    /// resync.
    pub fn forget(&mut self, table: &[u8], key: &[u8], now_ms: u64) -> Vec<&[u8]> {
        self.at(now_ms);
        let cx = self.context();
        let is_it = |totals: &&mut Totals| *totals.source.name == *table || *totals.definition.name == *table;
        let sources = self.totals.iter_mut().filter(is_it).fold(0, |set, totals| set | totals.forget(key, &cx));
        super::keys::bits(sources).filter_map(|peer| Some(&*self.options.peers.get(peer)?.name)).collect()
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

    /// Whether something waits for a destination.
    #[must_use]
    pub fn has_output(&self, peer: PeerNumber) -> bool {
        self.totals.iter().any(|totals| totals.queues.get(peer.0).is_some_and(|queue| !queue.is_empty()))
    }

    /// Does what is due, looking at no more than `budget` entries of each table and source.
    pub fn tick(&mut self, now_ms: u64, budget: usize) {
        let now_ms = self.at(now_ms);
        self.drop_stale(now_ms);
        self.decide();
        let cx = self.context();
        for totals in &mut self.totals {
            for (source, _) in self.options.peers.iter().enumerate() {
                totals.expire(source, budget, &cx);
            }
            totals.tick(budget, &cx);
        }
    }

    /// When [`Self::tick`] or [`Self::wants_resync`] has something to do; `None` if nothing ever will by itself.
    #[must_use]
    pub fn next_due(&self, now_ms: u64) -> Option<u64> {
        let peers = self.peers.iter().filter_map(|peer| peer.ask_ms.filter(|_| peer.is_up && !peer.is_learning));
        let stale = self.peers.iter().filter_map(|peer| peer.stale_at(&self.options.stale, self.started_ms));
        let tables =
            self.totals.iter().flat_map(|totals| totals.next_ms().into_iter().chain(totals.expires_at(now_ms)));
        let gate = self.gate_due();
        peers.chain(stale).chain(tables).chain(gate).min().map(|due| due.max(now_ms))
    }

    /// The total of a key now: the values by the layout of the table of totals, and the rest of its life in milliseconds.
    pub fn total(&mut self, table: &[u8], key: &[u8], now_ms: u64) -> Option<(&[u64], Option<u32>)> {
        self.at(now_ms);
        let cx = self.context();
        let is_it = |totals: &&mut Totals| *totals.source.name == *table || *totals.definition.name == *table;
        self.totals.iter_mut().find(is_it)?.get(key, &cx)
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

/// The most tables of a session.
const MAX_TABLES: usize = 1 << 16;

fn is_source(relation: Relation) -> bool {
    matches!(relation, Relation::Node | Relation::Down)
}

impl Peer {
    const fn new(relation: Relation) -> Self {
        Self {
            relation,
            is_up: false,
            since_ms: None,
            routes: Vec::new(),
            has: Vec::new(),
            is_learning: false,
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

    pub(super) fn is_source(&self) -> bool {
        is_source(self.relation)
    }

    fn is_destination(&self) -> bool {
        matches!(self.relation, Relation::Node | Relation::Up)
    }

    /// Its table is taken now: what it has taught was lost, so it is asked again.
    fn rejoin(&mut self, total: usize, now_ms: u64) {
        for route in self.routes.iter_mut().filter(|route| **route == Route::Rejected(total)) {
            *route = Route::Total(total);
        }
        (self.is_learning, self.is_synced, self.ask_ms) = (false, false, Some(now_ms));
    }

    /// When its states are given up.
    fn stale_at(&self, stale: &Stale, started_ms: u64) -> Option<u64> {
        let Stale::DropAfter(after) = stale else { return None };
        let is_away = self.is_source() && !self.is_up && !self.is_dropped;
        is_away.then(|| self.since_ms.unwrap_or(started_ms).saturating_add(*after))
    }
}
