//! Follows peers: keeps what they teach, and passes it on.

use std::time::{Duration, Instant};

use super::held::{Entries, Held};
use super::outlet::Outlet;
use super::peer::{Ask, Peer, Phase, SessionTable};
use super::wall::WallClock;
use crate::cli::collect::kept;
use crate::cli::failure::Failure;
use crate::cli::learn;
use crate::cli::target::{Meant, Tables};
use crate::escape;
use crate::node::{Handler, LinkError, LinkState, Next, PeerIndex, clock};
use crate::output::entries::lines::State;
use crate::proto::Session;
use crate::proto::hello::Status;
use crate::proto::session::{Closed, Event, RemoteTable, Update};
use crate::record::{self, SessionEvent};
use crate::table::{Applied, Batch, ServerKey, Where, WhereError};

/// How long to wait before a resync that ended partial is asked for again: a HAProxy that found nobody to learn from considers
/// itself in sync after 5 s. Twice as long each time.
const AGAIN: Duration = Duration::from_secs(5);

/// The longest of these waits.
const AGAIN_AT_MOST: Duration = Duration::from_mins(1);

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
            wall: WallClock::new(),
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

    /// The session of a peer has something to tell.
    fn tell(&mut self, peer: usize, now: Instant, event: SessionEvent, detail: Option<&str>) {
        let Some(at) = self.peers.get(peer) else { return };
        let time = self.wall.at(now);
        for outlet in &mut self.outlets {
            outlet.session(record::Session { time, peer: (&*at.name).into(), event, detail: detail.map(Into::into) });
        }
    }

    fn establish(&mut self, peer: usize, now: Instant) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.enter(Phase::Learning, now);
        at.tables.clear();
        at.ledger = super::ledger::Ledger::default();
        at.ask = Ask::Now;
        at.messages = 0;
        at.heard = Some(now);
        at.sessions += 1;
        at.told = None;
        at.status = Status::OK.0;
        self.tell(peer, now, SessionEvent::Established, None);
    }

    /// A table is announced, or announced anew in another way.
    fn table(&mut self, peer: usize, now: Instant, table: &RemoteTable) {
        let name = &table.definition.name;
        let meant = self.choice.meant(name);
        let Some(at) = self.peers.get_mut(peer) else { return };
        // `t1` is `/t1` only if there is no `t1`.
        let bare = name.strip_prefix(b"/").unwrap_or_default();
        let wanted = match meant {
            Meant::No => false,
            Meant::Unless => !at.tables.iter().any(|other| *other.name == *bare),
            Meant::Yes => {
                for other in &mut at.tables {
                    if other.name.strip_prefix(b"/") == Some(&**name) && self.choice.meant(&other.name) == Meant::Unless
                    {
                        let left = other.held.take().and_then(|number| self.tables.get_mut(number));
                        if let Some(held) = left {
                            held.announced = false;
                        }
                    }
                }
                true
            }
        };
        let number = if wanted { self.hold(peer, now, table) } else { None };
        let Some(at) = self.peers.get_mut(peer) else { return };
        let none = || SessionTable { name: Box::default(), held: None };
        at.tables.resize_with(table.index.max(at.tables.len()), none);
        at.tables.push(SessionTable { name: name.clone(), held: number });
    }

    /// Makes a place for a table, or finds that of a table that is the same as before.
    fn hold(&mut self, peer: usize, now: Instant, table: &RemoteTable) -> Option<usize> {
        let definition = &table.definition;
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let known = self.tables.iter().position(|held| held.peer == peer && *held.name() == *definition.name);
        let number = known.unwrap_or(self.tables.len());
        let before = self.tables.get_mut(number);
        if let Some(held) = before.filter(|held| held.store.definition() == definition) {
            held.announced = true;
            return Some(number);
        }
        let meant = match self.filter.as_ref().map(|filter| filter.compile(definition)) {
            None => Entries::All,
            Some(Ok(filter)) => Entries::Those(filter),
            Some(Err(error)) => {
                self.misfit = Some((escape::name(&definition.name).into_owned(), error));
                Entries::None
            }
        };
        let held = match Held::new(peer, definition, meant) {
            Ok(held) => held,
            Err(error) => {
                let text = format!("table {}: {error}", escape::name(&definition.name));
                self.messages.push(Message { text, shown: false });
                return None;
            }
        };
        let name = self.peers.get(peer).map(|at| at.name.clone()).unwrap_or_default();
        for outlet in &mut self.outlets {
            if let Some(old) = self.tables.get(number) {
                outlet.retire_all(number, old, now_ms, time);
            }
            outlet.table(number, &name, definition, time);
        }
        match self.tables.get_mut(number) {
            Some(place) => *place = held,
            None => self.tables.push(held),
        }
        Some(number)
    }

    #[inline]
    fn update(&mut self, peer: usize, now: Instant, update: &Update<'_>) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.updates += 1;
        if !update.resync {
            at.ledger.note(update.table.index, update.id);
        }
        let Some(number) = at.tables.get(update.table.index).and_then(|table| table.held) else { return };
        if (number, now) != (self.waiting_for, self.waiting_since) || self.waiting.is_full() {
            self.settle();
            (self.waiting_for, self.waiting_since) = (number, now);
        }
        self.waiting.push(&kept(update));
    }

    /// Deals with the entries that came: each goes into its store and is passed on.
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let (number, now) = (self.waiting_for, self.waiting_since);
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(held) = self.tables.get_mut(number) else { return self.waiting.clear() };
        let (expire_ms, has_text) = {
            let definition = held.store.definition();
            (definition.expire_ms, definition.layout.has_text())
        };
        self.waiting.apply(&mut held.store, now_ms, |store, update, applied| {
            if self.left == Some(0) {
                return;
            }
            // After a resync HAProxy says once more what it said during it.
            if applied == Applied::Same && !update.resync {
                return;
            }
            self.dropped += u64::from(applied == Applied::Dropped);
            let is_meant = match &held.meant {
                Entries::All => true,
                Entries::Those(filter) => store.get(update.key, now_ms).is_some_and(|entry| filter.matches(&entry)),
                Entries::None => false,
            };
            if let Some(left) = self.left.as_mut().filter(|_| is_meant) {
                *left -= 1;
            }
            let server_key = match update.server_key {
                ServerKey::Known(text) => Some(text),
                // Nothing new is said of it: it is what it was.
                ServerKey::Unchanged if has_text => store.get(update.key, now_ms).and_then(|entry| entry.server_key()),
                ServerKey::Unchanged => None,
            };
            let state = State {
                time,
                key: update.key,
                expire_ms: (expire_ms > 0).then(|| update.life_ms.unwrap_or(expire_ms)),
                resync: update.resync,
                update_id: Some(update.update_id),
                values: update.values,
                server_key,
            };
            for outlet in &mut self.outlets {
                outlet.entry(number, &state, is_meant);
            }
        });
    }

    fn resync_ended(&mut self, peer: usize, now: Instant, complete: bool) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        if complete {
            at.enter(Phase::InSync, now);
            (at.finished, at.partials, at.ask) = (true, 0, Ask::Never);
            self.sweep(peer, now);
            self.tell(peer, now, SessionEvent::ResyncFinished, None);
            self.check_tables();
        } else {
            at.enter(Phase::Partial, now);
            at.ask = Ask::At(now + (AGAIN * 2_u32.pow(at.partials.min(4))).min(AGAIN_AT_MOST));
            at.partials += 1;
            self.tell(peer, now, SessionEvent::ResyncPartial, None);
        }
    }

    /// Forgets what a finished resync did not teach again: the peer has lost it.
    fn sweep(&mut self, peer: usize, now: Instant) {
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(at) = self.peers.get(peer) else { return };
        for (number, held) in self.tables.iter_mut().enumerate().filter(|(_, held)| held.peer == peer) {
            held.announced = at.tables.iter().any(|table| table.held == Some(number));
            held.store.sweep_older_with(now_ms, |entry| {
                self.outlets.iter_mut().for_each(|outlet| outlet.retire(number, &entry, time));
            });
        }
    }

    /// When all peers have said what they have, a table that nobody has is a wrong name.
    fn check_tables(&mut self) {
        if !self.has_all() {
            return;
        }
        let announced = self.peers.iter().flat_map(|peer| peer.tables.iter().map(|table| &*table.name));
        if let Err(failure) = self.choice.choose(announced) {
            self.failed.get_or_insert(failure);
        }
        let fits = self.tables.iter().any(|held| !matches!(held.meant, Entries::None));
        if let Some((table, error)) = self.misfit.take().filter(|_| !fits) {
            let message = format!("--where: {error}");
            let help =
                format!("that is about table `{table}`; choose another one with --table, or write it differently");
            self.failed.get_or_insert(Failure::misuse(message, help));
        }
    }

    fn closed(&mut self, peer: usize, now: Instant, why: &LinkError, next_try: Option<Instant>) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        let had_session = at.has_session();
        if had_session {
            at.without = now;
        }
        let text = why.to_string();
        at.enter(Phase::Down { why: text.clone(), next_try }, now);
        at.tables.clear();
        at.ask = Ask::Never;
        if self.stopping || matches!(why, LinkError::Stopped) {
            return;
        }
        if let LinkError::Session(Closed::Refused(status)) = why {
            at.status = status.0;
        }
        if let LinkError::TakenOver { times, .. } = why {
            at.takeovers += *times as u64;
        }
        // What goes wrong in the same way with each call is told once.
        if !had_session && at.told.as_ref() == Some(&text) {
            return;
        }
        at.told = Some(text.clone());
        let (shown, help) = (at.shown.clone(), learn::help(why, &at.shown));
        let event = match why {
            LinkError::Session(Closed::Refused(_)) => SessionEvent::Refused,
            _ => SessionEvent::Closed,
        };
        self.tell(peer, now, event, Some(&text));
        let help = if help.is_empty() { help } else { format!("; {help}") };
        self.messages.push(Message { text: format!("{shown}: {text}{help}"), shown: true });
        if let LinkError::TakenOver { .. } = why {
            let message = format!("{shown}: {text}");
            let help = "stop the other one, or give this one a `server` or `peer` line of its own and its name in -L";
            self.failed.get_or_insert(Failure::new(crate::cli::exit::Exit::Io, message, help));
        }
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
            LinkState::Connected { .. }
            | LinkState::Secured(_)
            | LinkState::Answered { .. }
            | LinkState::Established(_) => {}
        }
    }

    fn refused(&mut self, _now: Instant, refusal: &crate::node::Refusal) {
        self.messages.push(Message { text: refusal.to_string(), shown: false });
    }
}
