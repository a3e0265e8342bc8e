//! Keeps what peers teach: a store for each table of each peer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::learn::Pupil;
use super::target::{Meant, Tables};
use crate::node::PeerIndex;
use crate::proto::session::{RemoteTable, Update};
use crate::record::SessionEvent;
use crate::stick::Definition;
use crate::table::{Applied, Batch, Full, Limits, Store};

/// How much is kept of one table: about twenty million entries with a counter or two.
const LIMITS: Limits = Limits { entries: 1 << 26, bytes: 4 << 30, full: Full::Stop };

/// Stores of the tables that are meant, by peer and by name on the wire.
#[derive(Debug)]
pub struct Collector {
    tables: Tables,
    began: Instant,
    peers: Vec<Peer>,
    /// Entries that found no room.
    pub dropped: u64,
    /// Peers whose definitions are told from their entries: types and columns are right, lengths and lives may be larger.
    pub guessed: BTreeSet<usize>,
    /// Entries that came and are in no store yet.
    waiting: Batch,
    /// The peer and the index of the table of those, and when they came.
    waiting_for: (usize, usize),
    waiting_since: Instant,
}

#[derive(Debug, Default)]
struct Peer {
    stores: BTreeMap<Box<[u8]>, Store>,
    /// For each index of a table its name, if it is meant.
    names: Vec<Option<Box<[u8]>>>,
    /// All that were announced.
    announced: Vec<Box<[u8]>>,
}

impl Collector {
    /// Keeps the tables that are meant, of so many peers. Times count from `began`.
    #[must_use]
    pub fn new(tables: Tables, peers: usize, began: Instant) -> Self {
        Self {
            tables,
            began,
            peers: std::iter::repeat_with(Peer::default).take(peers).collect(),
            dropped: 0,
            guessed: BTreeSet::new(),
            waiting: Batch::default(),
            waiting_for: (0, 0),
            waiting_since: began,
        }
    }

    /// Milliseconds since the beginning, for the stores.
    #[must_use]
    pub fn ms(&self, now: Instant) -> u64 {
        ms(self.began, now)
    }

    /// The names of all tables that were announced, chosen or not.
    pub fn announced(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.peers.iter().flat_map(|peer| peer.announced.iter().map(|name| &**name))
    }

    /// The stores of a peer, by the table's name.
    #[must_use]
    pub fn stores(&self, peer: usize) -> Option<&BTreeMap<Box<[u8]>, Store>> {
        self.peers.get(peer).map(|peer| &peer.stores)
    }

    /// The store of a table of a peer, made anew where the definition is another one.
    pub fn store(&mut self, peer: usize, definition: &Definition) -> Option<&mut Store> {
        let stores = &mut self.peers.get_mut(peer)?.stores;
        let same = stores.get(&definition.name).is_some_and(|store| store.definition() == definition);
        if !same {
            let store = Store::new(definition.clone(), LIMITS).ok()?;
            stores.insert(definition.name.clone(), store);
        }
        stores.get_mut(&definition.name)
    }

    /// Notes a table of a peer, and keeps its entries if they are `wanted`.
    pub fn announce(&mut self, peer: PeerIndex, table: &RemoteTable, wanted: bool) {
        self.settle();
        let name = &table.definition.name;
        let held = wanted && self.store(peer.0, &table.definition).is_some();
        let Some(at) = self.peers.get_mut(peer.0) else { return };
        at.announced.push(name.clone());
        at.names.resize(table.index, None);
        at.names.push(held.then(|| name.clone()));
    }

    /// Puts what came into its store. Until then it is in none; [`Pupil::pause`] does it, too.
    pub fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let (peer, table) = self.waiting_for;
        let now_ms = ms(self.began, self.waiting_since);
        let at = self.peers.get_mut(peer);
        let store = at.and_then(|at| at.stores.get_mut(at.names.get(table)?.as_ref()?));
        let dropped = &mut self.dropped;
        match store {
            Some(store) => {
                self.waiting.apply(store, now_ms, |_, _, applied| *dropped += u64::from(applied == Applied::Dropped));
            }
            None => self.waiting.clear(),
        }
    }

    /// What a peer that knows it says of a table.
    #[must_use]
    pub fn definition(&self, name: &[u8]) -> Option<&Definition> {
        let peers = self.peers.iter().enumerate().filter(|(at, _)| !self.guessed.contains(at));
        peers.filter_map(|(_, peer)| peer.stores.get(name)).map(Store::definition).next()
    }

    /// Notes the name of a table of a peer, kept or not.
    pub fn name(&mut self, peer: usize, wire: &[u8]) {
        if let Some(at) = self.peers.get_mut(peer) {
            at.announced.push(wire.into());
        }
    }
}

impl Pupil for Collector {
    fn table(&mut self, peer: PeerIndex, table: &RemoteTable) {
        let wanted = self.tables.meant(&table.definition.name) > Meant::No;
        self.announce(peer, table, wanted);
    }

    fn entry(&mut self, peer: PeerIndex, now: Instant, update: &Update<'_>) {
        let place = (peer.0, update.table.index);
        if (place, now) != (self.waiting_for, self.waiting_since) || self.waiting.is_full() {
            self.settle();
            (self.waiting_for, self.waiting_since) = (place, now);
        }
        let at = self.peers.get(peer.0);
        if at.is_some_and(|at| matches!(at.names.get(update.table.index), Some(Some(_)))) {
            self.waiting.push(&update.into());
        }
    }

    fn session(&mut self, _peer: PeerIndex, _now: Instant, _event: SessionEvent, _detail: Option<&str>) {}

    fn pause(&mut self, _now: Instant) -> bool {
        self.settle();
        true
    }
}

fn ms(began: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(began).as_millis()).unwrap_or(u64::MAX)
}
