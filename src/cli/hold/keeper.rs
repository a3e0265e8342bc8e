//! Keeps what peers teach, in memory and on disk, and teaches those that come up cold.

use std::time::Instant;

use super::peer::{CONFIRM, Peer};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::learn;
use crate::cli::state::{Health, StateFile};
use crate::cli::wall::WallClock;
use crate::escape;
use crate::hold::{Announcement, Progress, Standby, Taken};
use crate::node::{Handler, LinkError, LinkState, Next, OUTPUT_LOW, PeerIndex};
use crate::output::entries::received;
use crate::proto::Session;
use crate::proto::session::{Closed, Event, RemoteTable, Update};
use crate::record::{Entry, TableId};
use crate::stick::Definition;
use crate::table::EntryRef;

/// The most entries taught in one turn, so that others have theirs.
const TURN: usize = 2048;

/// Entries whose end is looked at in one turn.
const EXPIRE: usize = 20_000;

/// Entries of a snapshot that are written in one turn.
const PIECE: usize = 20_000;

/// The handler.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Our own name: whose tables those in the file are.
    us: Box<[u8]>,
    pub(super) peers: Vec<Peer>,
    pub(super) standby: Standby,
    /// `None` once it is closed.
    pub(super) state: Option<StateFile>,
    /// For each table its number in the file.
    numbers: Vec<Option<TableId>>,
    /// How far a snapshot is: which table, and where in it.
    snapshot: (usize, u32),
    pub(super) wall: WallClock,
    values: Vec<u64>,
    /// Lines for people.
    pub(super) messages: Vec<String>,
    pub(super) stopping: bool,
    /// It can't go on, for this reason.
    pub(super) failed: Option<Failure>,
    /// The trouble with the disk that was told last.
    told: Option<String>,
    /// Entries that could not be written.
    pub(super) unwritten: u64,
}

impl Keeper {
    pub(super) fn new(us: &[u8], peers: Vec<Peer>, standby: Standby, state: StateFile, wall: WallClock) -> Self {
        let mut keeper = Self {
            us: us.into(),
            peers,
            standby,
            state: Some(state),
            numbers: Vec::new(),
            snapshot: (0, 0),
            wall,
            values: Vec::new(),
            messages: Vec::new(),
            stopping: false,
            failed: None,
            told: None,
            unwritten: 0,
        };
        keeper.log_tables();
        keeper
    }

    /// What is to be done now and then.
    pub(super) fn tick(&mut self, now: Instant) {
        self.wall.look();
        let now_ms = self.wall.ms(now);
        self.standby.tidy(now_ms, EXPIRE);
        let entries = self.standby.tables().iter().map(|held| held.store().len()).sum();
        let time = self.wall.at(now);
        let Some(state) = &mut self.state else { return };
        state.hand_over();
        self.messages.extend(state.look(now));
        if state.begin_snapshot(now, entries, time) {
            self.snapshot = (0, 0);
        }
        self.write_pieces(now);
    }

    /// What is to be told about the disk, if that is new.
    pub(super) fn trouble(&mut self, health: Option<&Health>) -> Option<String> {
        let trouble = match health {
            Some(Health::Trouble(why)) => Some(why.clone()),
            _ => None,
        };
        if trouble == self.told {
            return None;
        }
        self.told.clone_from(&trouble);
        Some(match trouble {
            Some(why) => format!("the disk takes nothing: {why}; nothing is acknowledged, trying on for 30 s"),
            None if health == Some(&Health::Failed) => "the disk took nothing any more".to_owned(),
            None => "the disk takes the state file again".to_owned(),
        })
    }

    /// Whether acknowledgements wait for the disk.
    pub(super) fn owes(&self) -> bool {
        self.peers.iter().any(|peer| !peer.ledger.is_empty())
    }

    /// Writes on at a snapshot, if there is one.
    fn write_pieces(&mut self, now: Instant) {
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(state) = self.state.as_mut().filter(|state| state.wants_piece()) else { return };
        state.begin_pieces();
        let mut left = PIECE;
        let (mut number, mut place) = self.snapshot;
        while let Some(held) = self.standby.tables().get(number) {
            let id = self.numbers.get(number).copied().flatten();
            let mut entries = held.store().iter_from(now_ms, place);
            while left > 0 {
                let (Some(entry), Some(table)) = (entries.next(), id) else { break };
                left -= 1;
                let (at, expire_ms) = received(&entry, time);
                let written = with_record(&mut self.values, table, &entry, |record| {
                    state.piece(&Entry { time: at, expire_ms, ..*record })
                });
                self.unwritten += u64::from(written.is_err());
                place = entries.place();
            }
            if left == 0 {
                break;
            }
            (number, place) = (number + 1, 0);
        }
        self.snapshot = (number, place);
        state.end_pieces();
        if number >= self.standby.tables().len() {
            state.end_snapshot();
        }
    }

    /// Logs the definitions of all tables that have none in the file, or another one.
    fn log_tables(&mut self) {
        for number in 0..self.standby.tables().len() {
            self.log_table(number);
        }
    }

    fn log_table(&mut self, number: usize) {
        let (Some(held), Some(state)) = (self.standby.tables().get(number), &mut self.state) else { return };
        let id = match state.table(&self.us, held.definition()) {
            Ok(id) => Some(id),
            Err(error) => {
                let name = escape::name(&held.definition().name);
                self.messages.push(format!("table {name}: it isn't kept on disk: {error}"));
                None
            }
        };
        if self.numbers.len() <= number {
            self.numbers.resize(number + 1, None);
        }
        if let Some(place) = self.numbers.get_mut(number) {
            *place = id;
        }
    }

    /// Logs the state of an entry.
    #[inline]
    fn log(&mut self, number: usize, now: Instant, key: &[u8]) {
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(entry) = self.standby.tables().get(number).and_then(|held| held.store().get(key, now_ms)) else {
            return;
        };
        let (Some(state), Some(table)) = (&mut self.state, self.numbers.get(number).copied().flatten()) else {
            self.unwritten += 1;
            return;
        };
        let written = with_record(&mut self.values, table, &entry, |record| state.entry(&Entry { time, ..*record }));
        self.unwritten += u64::from(written.is_err());
    }

    fn log_all(&mut self, now: Instant, entries: &[(usize, Box<[u8]>)]) {
        for (number, key) in entries {
            self.log(*number, now, key);
        }
    }

    /// Forgets an entry, here and on disk. Returns whether it was there.
    pub(super) fn forget(&mut self, number: usize, now: Instant, key: &[u8]) -> bool {
        let time = self.wall.at(now);
        if !self.standby.forget(number, key) {
            return false;
        }
        let slots = self.standby.tables().get(number).map_or(0, |held| held.definition().layout.slots());
        if let (Some(state), Some(table)) = (&mut self.state, self.numbers.get(number).copied().flatten()) {
            let values = vec![0; slots];
            let (expire_ms, update_id) = (Some(0), None);
            let entry =
                Entry { table, time, key, expire_ms, resync: false, update_id, values: &values, server_key: None };
            self.unwritten += u64::from(state.entry(&entry).is_err());
        }
        true
    }

    fn table(&mut self, peer: usize, now: Instant, table: &RemoteTable) {
        let now_ms = self.wall.ms(now);
        let announcement = self.standby.announce(peer, now_ms, table);
        let name = &table.definition.name;
        let (shown, name) = (self.shown(peer).to_owned(), escape::name(name).into_owned());
        match announcement {
            Announcement::Known => {}
            Announcement::Taken => self.log_definition(&table.definition),
            Announcement::Redefined(forgotten, again) => {
                let text = format!(
                    "table {name}: {shown} defines it in another way now ({}); {forgotten} entries are forgotten",
                    table.definition
                );
                self.messages.push(text);
                self.log_definition(&table.definition);
                for peer in again {
                    if let Some(at) = self.peers.get_mut(peer) {
                        at.ask.get_or_insert(now);
                    }
                }
            }
            Announcement::Rejected(ours) => self.messages.push(format!(
                "table {name}: {shown} is not heard about it: it has `{}`, others have `{ours}`; give all the same definition",
                table.definition
            )),
            Announcement::Impossible(error) => self.messages.push(format!("table {name} of {shown}: {error}")),
        }
    }

    fn log_definition(&mut self, definition: &Definition) {
        let named = |held: &crate::hold::Held| held.definition().name == definition.name;
        if let Some(number) = self.standby.tables().iter().position(named) {
            self.log_table(number);
        }
    }

    #[inline]
    fn update(&mut self, peer: usize, now: Instant, update: &Update<'_>) {
        let taken = self.standby.update(peer, self.wall.ms(now), update);
        if let Taken::Kept(number) = taken {
            self.log(number, now, update.key);
        }
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.counts.updates += 1;
        // Some of what a process says that may have come up cold isn't on disk.
        let settled = self.standby.is_settled(peer);
        if settled && !update.resync && matches!(taken, Taken::Kept(_) | Taken::Known) {
            at.ledger.note(update.table.index, update.id);
        }
    }

    /// Teaches on, if there is a lesson; says when to come back.
    fn teach(&mut self, peer: usize, now: Instant, session: &mut Session) -> Option<Next> {
        let now_ms = self.wall.ms(now);
        let at = self.peers.get_mut(peer)?;
        if std::mem::take(&mut at.too_soon) {
            session.end_resync(false);
            at.counts.partial += 1;
        }
        let lesson = at.lesson.as_mut()?;
        match lesson.go_on(&self.standby, peer, now_ms, session, (TURN, OUTPUT_LOW)) {
            Progress::More => return Some(Next::Again),
            Progress::Full => return Some(Next::Wait),
            Progress::Done => {}
        }
        let whole = self.standby.is_whole_for(peer) && lesson.unfit() == 0;
        session.end_resync(whole);
        let (taught, unfit) = (lesson.taught(), lesson.unfit());
        at.counts.taught += taught;
        at.counts.finished += u64::from(whole);
        at.counts.partial += u64::from(!whole);
        at.lesson = None;
        at.taught_at = Some(now);
        at.ask = Some(now + CONFIRM);
        let end = if whole { "finished" } else { "partial" };
        let unfit =
            if unfit == 0 { String::new() } else { format!("; {unfit} can't be sent: no HAProxy could take them") };
        self.messages
            .push(format!("{}: it asked for everything and was taught {taught} entries ({end}){unfit}", at.shown));
        None
    }

    fn learned(&mut self, peer: usize, now: Instant, complete: bool) {
        let settled = self.standby.learned(peer, complete);
        self.log_all(now, &settled);
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.learned(now, complete);
        if complete || at.partials == 1 {
            let what = if complete { "in sync" } else { "it doesn't have everything itself (resync partial)" };
            self.messages.push(format!("{}: {what}", at.shown));
        }
    }

    fn closed(&mut self, peer: usize, now: Instant, why: &LinkError) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        let was_up = std::mem::replace(&mut at.up, false);
        if was_up {
            // What was sent before an end in order has arrived.
            let whole = matches!(why, LinkError::Session(Closed::Eof { within: 0 }));
            let settled = self.standby.end(peer, self.wall.ms(now), whole);
            self.log_all(now, &settled);
        }
        let Some(at) = self.peers.get_mut(peer) else { return };
        (at.ask, at.lesson) = (None, None);
        if self.stopping || matches!(why, LinkError::Stopped | LinkError::Replaced) {
            return;
        }
        if let LinkError::Session(Closed::Refused(status)) = why {
            at.status = status.0;
        }
        let text = why.to_string();
        // What goes wrong in the same way with each call is told once.
        if !was_up && at.told.as_ref() == Some(&text) {
            return;
        }
        let help = learn::help(why, &at.shown);
        let help = if help.is_empty() { help } else { format!("; {help}") };
        self.messages.push(format!("{}: {text}{help}", at.shown));
        if matches!(why, LinkError::TakenOver { .. }) {
            let help = "stop the other one, or give this one a `server` or `peer` line of its own and its name in -L";
            self.failed.get_or_insert(Failure::new(Exit::Io, format!("{}: {text}", at.shown), help));
        }
        at.told = Some(text);
    }

    fn shown(&self, peer: usize) -> &str {
        self.peers.get(peer).map_or("", |peer| &peer.shown)
    }
}

/// An entry of a store as a record, but for its time.
fn with_record<T>(
    values: &mut Vec<u64>,
    table: TableId,
    entry: &EntryRef<'_>,
    write: impl FnOnce(&Entry<'_>) -> T,
) -> T {
    entry.values(values);
    write(&Entry {
        table,
        time: crate::record::Time::default(),
        key: entry.key(),
        expire_ms: entry.rest_ms(),
        resync: entry.resync(),
        update_id: Some(entry.update_id()),
        values,
        server_key: entry.server_key(),
    })
}

impl Handler for Keeper {
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>) {
        match event {
            Event::Update(update) => self.update(peer.0, now, &update),
            Event::Established { .. } => {
                self.standby.begin(peer.0);
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.begin(now);
                }
            }
            Event::Table(table) => self.table(peer.0, now, table),
            Event::ResyncEnded { complete } => self.learned(peer.0, now, complete),
            Event::ResyncRequested => {
                let settled = self.standby.recall(peer.0, self.wall.ms(now));
                self.log_all(now, &settled);
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.wants_all(now);
                }
            }
            Event::ResyncConfirmed => {
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.confirms(now);
                }
            }
            Event::Acked { .. } | Event::Closed(_) => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        let Some(at) = self.peers.get_mut(peer.0) else { return Next::Stop };
        let messages = session.counters().messages;
        if messages != at.messages {
            (at.messages, at.heard) = (messages, Some(now));
        }
        if let Some(state) = &mut self.state {
            let mark = state.hand_over();
            if let Some(mark) = mark {
                at.ledger.mark(&[mark]);
            }
            at.ledger.due(&[state.durable()], |table, id| session.acknowledge(table, id));
        }
        if let Some(next) = self.teach(peer.0, now, session) {
            return next;
        }
        let Some(at) = self.peers.get_mut(peer.0) else { return Next::Stop };
        match at.ask {
            Some(then) if then <= now && !session.is_learning() => {
                at.ask = None;
                self.standby.ask(peer.0);
                session.request_resync();
                Next::Wait
            }
            Some(then) if then > now => Next::At(then),
            _ => Next::Wait,
        }
    }

    fn link(&mut self, peer: PeerIndex, now: Instant, state: &LinkState<'_>) {
        match state {
            LinkState::Closed { why, .. } => self.closed(peer.0, now, why),
            LinkState::Contested { count } => {
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.counts.takeovers = *count;
                }
            }
            LinkState::Established(_)
            | LinkState::Dialling(_)
            | LinkState::Connected { .. }
            | LinkState::Secured(_)
            | LinkState::Answered { .. } => {}
        }
    }

    fn refused(&mut self, _now: Instant, refusal: &crate::node::Refusal) {
        if refusal.is_first {
            self.messages.push(refusal.to_string());
        }
    }
}
