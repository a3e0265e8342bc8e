//! What peers say of their tables and entries.

use crate::aggregate::keys::bits;
use crate::aggregate::mismatch::{Mismatch, difference};
use crate::aggregate::options::Relation;
use crate::aggregate::totals::{InputState, TotalId, Totals};
use crate::grammar::DataType;
use crate::stick::Definition;
use crate::table::{Applied, Update};

use super::peer::is_source;
use super::{Aggregator, PeerNumber};

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

/// Where the entries of a table go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route {
    Unknown,
    Total(usize),
    Rejected(usize),
    /// A table of totals: its place among those of the peer.
    Echo(usize),
    /// The lease of the other aggregator; the slot of its number of sources.
    Lease(usize),
    Other,
}

/// The most tables of a session.
const MAX_TABLES: usize = 1 << 16;

impl Aggregator {
    /// A peer announces the table that has the number `table` on its session.
    pub fn table(&mut self, peer: PeerNumber, table: usize, found: &Definition, now_ms: u64) -> Announced {
        self.at(now_ms);
        let Some(relation) = self.peers.get(peer.0).map(|peer| peer.relation) else { return Announced::NotOurs };
        let (route, announced) = if self.options.lease.as_ref() == Some(&found.name) {
            let field = found.layout.field(DataType::GPC0).filter(|_| relation == Relation::Standby);
            (field.map_or(Route::Other, |field| Route::Lease(field.slot)), Announced::NotOurs)
        } else if self.options.naming.is_total(&found.name) {
            (Route::Other, Announced::Echo)
        } else {
            match self.options.naming.total_of(&found.name).filter(|_| is_source(relation)) {
                Some(total) => self.source_table(peer.0, found, &total),
                None => (Route::Other, Announced::NotOurs),
            }
        };
        if let Some(state) = self.peers.get_mut(peer.0) {
            let mut route = route;
            if announced == Announced::Echo {
                let at = state.has.iter().position(|known| known.name == found.name).unwrap_or(state.has.len());
                match state.has.get_mut(at) {
                    Some(known) => *known = found.clone(),
                    None => state.has.push(found.clone()),
                }
                route = Route::Echo(at);
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
        if let Some(state) = self.peers.get_mut(source).filter(|state| !state.is_learning || state.is_sweeping) {
            (state.is_learning, state.is_sweeping) = (false, false);
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

    pub(super) fn totals_of(&mut self, found: &Definition, total: &[u8]) -> Totals {
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
            Route::Echo(at) => {
                state.echoed += 1;
                if update.resync {
                    self.echo(peer.0, at, update);
                }
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

    /// A node says in a resync what it has of a total. If no source has the key, though all are known, nobody would tell the
    /// node that it is over: an aggregator before us, maybe, or one that ended before it could.
    fn echo(&mut self, peer: usize, has: usize, update: &Update<'_>) {
        let cx = self.context();
        let is_known = cx.is_open && self.all_fresh();
        let Some(state) = self.peers.get_mut(peer).filter(|state| state.is_destination()) else { return };
        let Some(table) = state.has.get(has) else { return };
        let totals = self.totals.iter_mut().find(|totals| totals.definition.name == table.name);
        let has_source = totals.as_ref().is_some_and(|totals| totals.keys.find(update.key).is_some());
        if has_source || !table.layout.counts(update.values) {
            return;
        }
        match totals {
            // Its source may not have been announced yet.
            _ if !is_known => state.owes_look = true,
            Some(totals) if difference(&totals.definition, table).is_ok() => totals.orphan(peer, update.key, &cx),
            _ => {}
        }
    }

    /// Nodes that had totals of which nobody was known to have a part are asked for them once more, now that all is known.
    pub(super) fn ask_about_echoes(&mut self) {
        if !self.peers.iter().any(|peer| peer.owes_look) || !self.is_open || !self.all_fresh() {
            return;
        }
        for state in self.peers.iter_mut().filter(|state| state.is_up && state.is_synced) {
            if std::mem::take(&mut state.owes_look) {
                state.ask_ms = Some(self.now_ms);
            }
        }
    }

    /// Forgets a key of a table, given by its own name or that of its total; returns the names of the sources that had it.
    /// Destinations are told that the total is zero. A source that has the key still teaches it again with its next change or
    /// resync.
    pub fn forget(&mut self, table: &[u8], key: &[u8], now_ms: u64) -> Vec<&[u8]> {
        self.at(now_ms);
        let cx = self.context();
        let is_it = |totals: &&mut Totals| *totals.source.name == *table || *totals.definition.name == *table;
        let sources = self.totals.iter_mut().filter(is_it).fold(0, |set, totals| set | totals.forget(key, &cx));
        bits(sources).filter_map(|peer| Some(&*self.options.peers.get(peer)?.name)).collect()
    }
}
