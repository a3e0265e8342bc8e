//! What an aggregation shows of itself.

use crate::stick::Definition;

use super::aggregator::{Aggregator, Lease};
use super::mismatch::{Mismatch, difference};
use super::options::Relation;
use super::totals::{InputState, Totals};
use super::wheel::low;

/// An aggregation at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Whether totals are published.
    pub is_open: bool,
    /// Whether the other aggregator publishes, and we wait.
    pub is_standby: bool,
    /// What nodes and the other aggregator are told.
    pub lease: Lease,
    /// In the order of the options.
    pub peers: Vec<PeerStatus>,
    /// In the order in which they were first announced.
    pub tables: Vec<TableStatus>,
    /// Bytes held by entries, keys and queues.
    pub memory: usize,
}

/// A peer.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct PeerStatus {
    /// Its name.
    pub name: Box<[u8]>,
    /// What it is to us.
    pub relation: Relation,
    /// Whether a session is established.
    pub is_up: bool,
    /// Milliseconds since it came or went; `None` if it was never there.
    pub since_ms: Option<u64>,
    /// Whether it is a source that is connected, has taught everything, and whose tables are all taken.
    pub is_fresh: bool,
    /// Whether a resync is under way.
    pub is_learning: bool,
    /// Milliseconds until it is asked for everything again.
    pub next_resync_ms: Option<u64>,
    /// Whether its states were given up because it was away for too long.
    pub is_dropped: bool,
    /// Updates of tables of totals that it has sent; all were thrown away.
    pub echoed: u64,
    /// Sent totals, since we started.
    pub sent: u64,
    /// Totals that wait to be sent to it.
    pub queued: usize,
    /// Whether it was not yet sent everything since it connected.
    pub is_filling: bool,
    /// How long the first of them waits, in milliseconds.
    pub lag_ms: u64,
}

/// A table and its total.
#[derive(Clone, PartialEq, Debug)]
pub struct TableStatus {
    /// What its sources announce.
    pub source: Definition,
    /// What is announced to destinations.
    pub total: Definition,
    /// Keys that a source has.
    pub keys: usize,
    /// Keys that no source has any more, which a destination has yet to be told.
    pub gone: usize,
    /// Changes of states, since the table was first announced.
    pub changes: u64,
    /// By peer: those that have announced it, or whose entries were restored.
    pub sources: Vec<InputStatus>,
    /// By peer: connected destinations without a table for the totals, or with another one.
    pub problems: Vec<DestinationProblem>,
    /// Bytes held.
    pub memory: usize,
}

/// What a source has of a table.
#[derive(Clone, PartialEq, Debug)]
pub struct InputStatus {
    /// The name of the source.
    pub peer: Box<[u8]>,
    /// Why its table isn't part of the total.
    pub rejected: Option<Mismatch>,
    /// The name of another source that seems to have the same table, because both replicate it to each other.
    pub alike: Option<Box<[u8]>>,
    /// Its entries.
    pub entries: usize,
    /// Updates taken.
    pub updates: u64,
    /// Milliseconds since the last update.
    pub newest_ms: Option<u64>,
    /// Entries that went because there was no room.
    pub evicted: u64,
}

/// Why a destination doesn't take the totals of a table: HAProxy says nothing about it.
#[derive(Clone, PartialEq, Debug)]
pub struct DestinationProblem {
    /// The name of the destination.
    pub peer: Box<[u8]>,
    /// How its table differs; `None` if it has none of that name, or its peers section hasn't.
    pub differs: Option<Mismatch>,
}

impl Aggregator {
    /// What there is to see.
    #[must_use]
    pub fn status(&mut self, now_ms: u64) -> Status {
        let lease = self.lease(now_ms);
        let now_ms = self.now_ms;
        Status {
            name: self.options.name.clone(),
            is_open: self.is_open,
            is_standby: self.is_standby(),
            lease,
            peers: (0..self.peers.len()).filter_map(|at| self.peer_status(at, now_ms)).collect(),
            tables: self.totals.iter().map(|totals| self.table_status(totals, now_ms)).collect(),
            memory: self.memory(),
        }
    }

    fn peer_status(&self, at: usize, now_ms: u64) -> Option<PeerStatus> {
        let (peer, option) = (self.peers.get(at)?, self.options.peers.get(at)?);
        let queues = || self.totals.iter().filter_map(|totals| totals.queues.get(at));
        let waits = queues().filter_map(|queue| Some(u64::from(low(now_ms).wrapping_sub(queue.since()?))));
        Some(PeerStatus {
            name: option.name.clone(),
            relation: option.relation,
            is_up: peer.is_up,
            since_ms: peer.since_ms.map(|since| now_ms.saturating_sub(since)),
            is_fresh: peer.is_source() && peer.is_fresh(),
            is_learning: peer.is_learning,
            next_resync_ms: peer.ask_ms.map(|ask| ask.saturating_sub(now_ms)),
            is_dropped: peer.is_dropped,
            echoed: peer.echoed,
            sent: queues().map(|queue| queue.sent).sum(),
            queued: queues().map(super::queue::Queue::len).sum(),
            is_filling: queues().any(|queue| queue.fill.is_some()),
            lag_ms: waits.max().unwrap_or(0),
        })
    }

    fn table_status(&self, totals: &Totals, now_ms: u64) -> TableStatus {
        let inputs = totals.inputs.iter().zip(&self.options.peers);
        let seen = inputs.filter(|(input, _)| input.store.is_some() || input.state != InputState::Unseen);
        let sources = seen.map(|(input, peer)| InputStatus {
            peer: peer.name.clone(),
            rejected: match &input.state {
                InputState::Rejected(rejected) => Some(rejected.1.clone()),
                _ => None,
            },
            alike: input.alike.and_then(|other| Some(self.options.peers.get(other)?.name.clone())),
            entries: input.store.as_ref().map_or(0, crate::table::Store::len),
            updates: input.updates,
            newest_ms: input.newest_ms.map(|newest| now_ms.saturating_sub(newest)),
            evicted: input.store.as_ref().map_or(0, |store| store.counters().evicted),
        });
        let destinations = self.peers.iter().zip(&self.options.peers);
        let known = destinations.filter(|(peer, _)| peer.relation == Relation::Node && peer.is_up && peer.is_synced);
        let problems = known.filter_map(|(peer, option)| {
            let has = peer.has.iter().find(|has| has.name == totals.definition.name);
            let differs = has.map(|has| difference(&totals.definition, has).err());
            let differs = match differs {
                Some(None) => return None,
                Some(differs) => differs,
                None => None,
            };
            Some(DestinationProblem { peer: option.name.clone(), differs })
        });
        TableStatus {
            source: totals.source.clone(),
            total: totals.definition.clone(),
            keys: totals.keys.len() - totals.keys.gone,
            gone: totals.keys.gone,
            changes: totals.changes,
            sources: sources.collect(),
            problems: problems.collect(),
            memory: totals.memory(),
        }
    }
}
