//! Counts what peers hold, and knows when that is enough.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::cli::learn::Pupil;
use crate::node::PeerIndex;
use crate::proto::session::{RemoteTable, Update};
use crate::record::SessionEvent;

/// The part of the entries of the other peer that is enough: some come and go at any time.
const ENOUGH_PERCENT: u64 = 95;

/// How long a peer is left alone at least before it is asked again, and at most; in between twice as long as its answer took.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// What peers should hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// Anything, not nothing.
    Anything,
    /// So many entries.
    AtLeast(u64),
    /// Nearly as many entries in each table as the peer at this place.
    Like(usize),
}

/// What a peer holds, as its last whole answer says.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    /// Entries by table.
    pub(super) tables: BTreeMap<Box<[u8]>, u64>,
    /// Whether it considered itself in sync; `None` without an answer.
    pub(super) finished: Option<bool>,
}

impl Count {
    pub(super) fn total(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// Counts.
#[derive(Debug)]
pub(super) struct Counting {
    wanted: Wanted,
    peers: Vec<Peer>,
    hasher: RandomState,
    bar: ProgressBar,
}

#[derive(Debug, Default)]
struct Peer {
    count: Count,
    /// Of the answer that comes now: for each index of a table its name and the hashes of its keys, for an entry that
    /// changes meanwhile comes twice.
    coming: Vec<(Box<[u8]>, HashSet<u64>)>,
    asked: Option<Instant>,
}

impl Counting {
    pub(super) fn new(peers: usize, wanted: Wanted, bar: ProgressBar) -> Self {
        let peers = std::iter::repeat_with(Peer::default).take(peers).collect();
        Self { wanted, peers, hasher: RandomState::new(), bar }
    }

    pub(super) fn count(&self, peer: usize) -> &Count {
        static NOTHING: Count = Count { tables: BTreeMap::new(), finished: None };
        self.peers.get(peer).map_or(&NOTHING, |peer| &peer.count)
    }

    /// Whether the peer has given a whole answer.
    pub(super) fn has(&self, peer: usize) -> bool {
        self.count(peer).finished.is_some()
    }

    pub(super) fn is_reference(&self, peer: usize) -> bool {
        self.wanted == Wanted::Like(peer)
    }

    pub(super) fn wants_anything(&self) -> bool {
        self.wanted == Wanted::Anything
    }

    /// Whether the peer is in sync and holds enough.
    pub(super) fn is_satisfied(&self, peer: usize) -> bool {
        let count = self.count(peer);
        count.finished == Some(true)
            && match self.wanted {
                _ if self.is_reference(peer) => true,
                Wanted::Anything => count.total() > 0,
                Wanted::AtLeast(least) => count.total() >= least,
                Wanted::Like(at) => self.has(at) && self.short(peer, at).is_none(),
            }
    }

    /// The first table of which a peer has too few entries, with what it has and what the other one has.
    fn short(&self, peer: usize, reference: usize) -> Option<(&[u8], u64, u64)> {
        let own = &self.count(peer).tables;
        self.count(reference).tables.iter().find_map(|(table, other)| {
            let held = own.get(table).copied().unwrap_or(0);
            let enough = u128::from(held) * 100 >= u128::from(*other) * u128::from(ENOUGH_PERCENT);
            (!enough).then_some((&**table, held, *other))
        })
    }

    /// What a peer lacks, for people.
    pub(super) fn lack(&self, peer: usize) -> String {
        let total = self.count(peer).total();
        match self.wanted {
            Wanted::Anything => "empty".to_owned(),
            Wanted::AtLeast(least) => format!("it holds {total} entries, not {least}"),
            Wanted::Like(at) => match self.short(peer, at) {
                Some((table, held, other)) => {
                    let table = crate::escape::name(table);
                    format!("it holds {held} entries of `{table}`, and the other one {other}")
                }
                None => "the peer to be like gave no answer".to_owned(),
            },
        }
    }

    /// Whether a peer has to be asked again. One that is in sync and empty stays empty.
    fn is_settled(&self, peer: usize) -> bool {
        let finished = self.count(peer).finished == Some(true);
        self.is_satisfied(peer) || finished && self.wants_anything()
    }
}

impl Pupil for Counting {
    fn table(&mut self, peer: PeerIndex, table: &RemoteTable) {
        let Some(at) = self.peers.get_mut(peer.0) else { return };
        at.coming.truncate(table.index);
        at.coming.push((table.definition.name.clone(), HashSet::new()));
    }

    fn entry(&mut self, peer: PeerIndex, _now: Instant, update: &Update<'_>) {
        let hash = self.hasher.hash_one(update.key);
        let coming = self.peers.get_mut(peer.0).and_then(|at| at.coming.get_mut(update.table.index));
        if let Some((_, keys)) = coming {
            keys.insert(hash);
        }
    }

    fn session(&mut self, peer: PeerIndex, now: Instant, event: SessionEvent, _detail: Option<&str>) {
        let Some(at) = self.peers.get_mut(peer.0).filter(|_| event == SessionEvent::Established) else { return };
        at.coming.clear();
        at.asked = Some(now);
    }

    fn pause(&mut self, _now: Instant) -> bool {
        let coming = |peer: &Peer| peer.coming.iter().map(|(_, keys)| keys.len() as u64).sum::<u64>();
        self.bar.set_position(self.peers.iter().map(coming).sum());
        let mut waited_for = (0..self.peers.len()).filter(|peer| !self.is_reference(*peer));
        !waited_for.all(|peer| self.is_settled(peer))
    }

    fn learned(&mut self, peer: PeerIndex, now: Instant, complete: bool) -> Option<Instant> {
        let at = self.peers.get_mut(peer.0)?;
        let mut tables = BTreeMap::new();
        for (name, keys) in &mut at.coming {
            // A table that is defined anew has the entries of both definitions.
            *tables.entry(name.clone()).or_default() += keys.len() as u64;
            keys.clear();
        }
        at.count = Count { tables, finished: Some(complete) };
        let took = at.asked.map_or(Duration::ZERO, |asked| now.saturating_duration_since(asked));
        let again = now + took.saturating_mul(2).clamp(PAUSE.0, PAUSE.1);
        at.asked = Some(again);
        (!self.is_settled(peer.0) || self.is_reference(peer.0)).then_some(again)
    }
}
