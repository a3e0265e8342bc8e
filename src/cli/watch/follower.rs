//! Follows peers: keeps what they teach, and passes it on.

mod entries;
mod sessions;

use std::time::Instant;

use super::held::Held;
use super::outlet::Outlet;
use super::peer::{Ask, Peer, Phase};
use crate::cli::failure::Failure;
use crate::cli::target::Tables;
use crate::cli::wall::WallClock;
use crate::node::{Handler, LinkState, Next, PeerIndex, Refusal, clock};
use crate::proto::Session;
use crate::proto::session::Event;
use crate::table::{Batch, Where, WhereError};

/// Entries whose end is looked at in one turn.
const EXPIRE: usize = 20_000;

/// What is wanted of what comes.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) tables: Tables,
    /// Which entries are meant.
    pub(super) filter: Option<Where>,
    /// At most so many entries.
    pub(super) count: Option<u64>,
}

/// A line for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    pub(super) text: String,
    /// It is about a session with a peer, which the screen shows anyway.
    pub(super) shown: bool,
}

/// Follows peers.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) peers: Vec<Peer>,
    pub(super) tables: Vec<Held>,
    pub(super) outlets: Vec<Outlet>,
    pub(super) wall: WallClock,
    choice: Tables,
    filter: Option<Where>,
    /// Why the filter is about none of the tables so far.
    misfit: Option<(String, WhereError)>,
    /// Entries that may still come.
    left: Option<u64>,
    /// Lines for people, about what goes wrong.
    pub(super) messages: Vec<Message>,
    /// It can't go on, for this reason.
    pub(super) failed: Option<Failure>,
    /// Our own end has begun.
    pub(super) stopping: bool,
    /// Entries that no store took.
    pub(super) dropped: u64,
    /// Entries that came in this turn and are in no store yet.
    waiting: Batch,
    /// The number of the table of those, and when they came.
    waiting_for: usize,
    waiting_since: Instant,
}

impl Follower {
    pub(super) fn new(peers: Vec<Peer>, selection: Selection, outlets: Vec<Outlet>) -> Self {
        let Selection { tables: choice, filter, count } = selection;
        Self {
            peers,
            tables: Vec::new(),
            outlets,
            wall: WallClock::default(),
            choice,
            filter,
            misfit: None,
            left: count,
            messages: Vec::new(),
            failed: None,
            stopping: false,
            dropped: 0,
            waiting: Batch::default(),
            waiting_for: 0,
            waiting_since: clock::now(),
        }
    }

    /// Whether as many entries came as were wanted.
    pub(super) fn has_enough(&self) -> bool {
        self.left == Some(0)
    }

    /// What is to be done now and then: entries whose life has ended go, what waits is written.
    pub(super) fn tick(&mut self, now: Instant) {
        self.settle();
        self.wall.look();
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        for (number, held) in self.tables.iter_mut().enumerate() {
            held.store.expire_with(now_ms, EXPIRE, |entry| {
                self.outlets.iter_mut().for_each(|outlet| outlet.retire(number, &entry, time));
            });
        }
        for outlet in &mut self.outlets {
            outlet.drain(&self.tables, now_ms, time);
        }
    }

    /// Entries that made room for others.
    pub(super) fn forgotten(&self) -> u64 {
        self.tables.iter().map(|held| held.store.counters().evicted).sum()
    }

    /// Whether acknowledgements wait for something to be written.
    pub(super) fn owes(&self) -> bool {
        self.peers.iter().any(|peer| !peer.ledger.is_empty())
    }

    /// Whether all peers have finished a resync.
    pub(super) fn has_all(&self) -> bool {
        self.peers.iter().all(|peer| peer.finished)
    }
}

impl Handler for Follower {
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>) {
        if !matches!(event, Event::Update(_)) {
            self.settle();
        }
        match event {
            Event::Update(update) => self.update(peer.0, now, &update),
            Event::Established { .. } => self.establish(peer.0, now),
            Event::Table(table) => self.table(peer.0, now, table),
            Event::ResyncEnded { complete } => self.resync_ended(peer.0, now, complete),
            Event::ResyncRequested | Event::ResyncConfirmed | Event::Acked { .. } | Event::Closed(_) => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        self.settle();
        let Some(at) = self.peers.get_mut(peer.0) else { return Next::Stop };
        let messages = session.counters().messages;
        if messages != at.messages {
            (at.messages, at.heard) = (messages, Some(now));
        }
        let due = match at.ask {
            Ask::Never => false,
            Ask::Now => true,
            Ask::At(then) => then <= now,
        };
        if due && !session.is_learning() {
            at.ask = Ask::Never;
            at.enter(Phase::Learning, now);
            at.before = at.updates;
            for held in self.tables.iter_mut().filter(|held| held.peer == peer.0) {
                held.store.begin_generation();
            }
            session.request_resync();
        }
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        for outlet in &mut self.outlets {
            outlet.drain(&self.tables, now_ms, time);
        }
        if let Some(marks) = self.outlets.iter_mut().map(Outlet::mark).collect::<Option<Vec<_>>>() {
            at.ledger.mark(&marks);
        }
        let durable: Vec<u64> = self.outlets.iter_mut().map(Outlet::durable).collect();
        at.ledger.due(&durable, |table, id| session.acknowledge(table, id));
        match at.ask {
            Ask::At(then) => Next::At(then),
            Ask::Never | Ask::Now => Next::Wait,
        }
    }

    fn link(&mut self, peer: PeerIndex, now: Instant, state: &LinkState<'_>) {
        self.settle();
        match state {
            LinkState::Closed { why, next_try } => self.closed(peer.0, now, why, *next_try),
            LinkState::Dialling(_) => {
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.enter(Phase::Calling, now);
                }
            }
            LinkState::Contested { count } => self.contested(peer.0, *count),
            LinkState::Connected { .. }
            | LinkState::Secured(_)
            | LinkState::Answered { .. }
            | LinkState::Established(_) => {}
        }
    }

    fn refused(&mut self, _now: Instant, refusal: &Refusal) {
        if refusal.is_first {
            self.messages.push(Message { text: refusal.to_string(), shown: false });
        }
    }
}
