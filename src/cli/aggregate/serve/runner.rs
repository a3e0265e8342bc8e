//! Feeds the aggregations with what peers teach, and peers with what is to be published.

use std::time::{Duration, Instant};

use super::outlet::lease_definition;
use super::peer::{Announced, Peer, ToldUs};
use super::state::State;
use crate::aggregate::{self, Aggregator, Limits, PeerNumber, Relation, Restored, TeachCursor};
use crate::cli::aggregate::options::Options;
use crate::cli::collect::kept;
use crate::cli::failure::Failure;
use crate::cli::learn;
use crate::cli::wall::WallClock;
use crate::escape;
use crate::node::{Control, Handler, LinkError, LinkState, Next, OUTPUT_LOW, PeerIndex, Refusal, clock};
use crate::proto::Session;
use crate::proto::session::{Closed, Event, Push, RemoteTable, Update};

/// The most entries sent to one peer in one turn, so that others have theirs.
const TURN: usize = 1024;

/// Entries of each table and source that are looked at in one turn.
const BUDGET: usize = 4096;

/// How often the lease is sent.
const LEASE: Duration = Duration::from_millis(500);

/// The handler.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) us: Box<[u8]>,
    pub(super) sections: Vec<String>,
    pub(super) aggregators: Vec<Aggregator>,
    pub(super) peers: Vec<Peer>,
    pub(super) state: Option<State>,
    pub(super) wall: WallClock,
    control: Control,
    pub(super) dry_run: bool,
    /// Lines for people.
    pub(super) messages: Vec<String>,
    pub(super) stopping: bool,
    values: Vec<u64>,
    /// By section.
    pub(super) pulses: Vec<Pulse>,
}

/// How totals go out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    /// When the last one went.
    pub(super) last: Option<Instant>,
    /// Those of the last whole second.
    pub(super) per_second: u64,
    /// Those of this one, and when it began.
    count: u64,
    since: Option<Instant>,
}

impl Pulse {
    fn note(&mut self, now: Instant, count: u64) {
        self.look(now);
        if count > 0 {
            self.last = Some(now);
            self.count += count;
        }
    }

    fn look(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        if passed >= Duration::from_secs(1) {
            let ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            self.per_second = self.count.saturating_mul(1000) / ms;
            (self.count, self.since) = (0, Some(now));
        }
    }
}

impl Runner {
    /// Milliseconds by the clock of the aggregations.
    pub(super) fn now_ms(&self) -> u64 {
        self.wall.ms(clock::now())
    }

    /// A runner that begins with what the state file has.
    pub(super) fn new(options: &Options) -> Result<Self, Failure> {
        let mut runner = Self::bare(options, WallClock::default())?;
        runner.open_state(options)?;
        Ok(runner)
    }

    /// A runner for other options that goes on with what this one has learned.
    pub(super) fn successor(&mut self, options: &Options) -> Result<Self, Failure> {
        let now = clock::now();
        let mut next = Self::bare(options, self.wall)?;
        let now_ms = next.wall.ms(now);
        for (section, aggregator) in self.sections.iter().zip(&self.aggregators) {
            let Some(at) = next.sections.iter().position(|other| other == section) else { continue };
            let mut values = Vec::new();
            for saved in aggregator.snapshot(now_ms) {
                saved.entry.values(&mut values);
                let age = u32::try_from(saved.entry.age_ms()).unwrap_or(u32::MAX);
                let restored = Restored {
                    peer: saved.peer,
                    definition: saved.definition,
                    key: saved.entry.key(),
                    values: &values,
                    kept: saved.kept,
                    server_key: None,
                    update_id: saved.entry.update_id(),
                    expire_ms: saved.entry.rest_ms().map(|rest| rest.saturating_add(age)),
                    since_ms: age.into(),
                };
                if let Some(next) = next.aggregators.get_mut(at) {
                    next.restore(&restored, now_ms);
                }
            }
        }
        // It may be the same file.
        self.finish(Duration::from_millis(600))?;
        next.open_state(options)?;
        Ok(next)
    }

    fn bare(options: &Options, wall: WallClock) -> Result<Self, Failure> {
        let now_ms = wall.ms(clock::now());
        let (mut sections, mut aggregators, mut peers) = (Vec::new(), Vec::new(), Vec::new());
        for (at, section) in options.sections.iter().enumerate() {
            let aggregation = section.aggregation.clone();
            let name = aggregation.name.clone();
            for (number, peer) in aggregation.peers.iter().enumerate() {
                peers.push(Peer::new(&peer.name, at, PeerNumber(number), peer.relation));
            }
            let aggregator = Aggregator::new(aggregation, &options.us, Limits::default(), now_ms).map_err(|error| {
                Failure::misuse(format!("aggregations {}: {error}", escape::name(name.as_bytes())), "")
            })?;
            sections.push(name);
            aggregators.push(aggregator);
        }
        Ok(Self {
            us: options.us.clone(),
            sections,
            aggregators,
            peers,
            state: None,
            wall,
            control: Control::new(),
            dry_run: options.dry_run,
            messages: Vec::new(),
            stopping: false,
            values: Vec::new(),
            pulses: vec![Pulse::default(); options.sections.len()],
        })
    }

    fn open_state(&mut self, options: &Options) -> Result<(), Failure> {
        let Some(path) = &options.state_file else { return Ok(()) };
        let (state, notes) = State::open(path, &self.wall, clock::now(), &mut self.aggregators)?;
        self.state = Some(state);
        self.messages.extend(notes);
        Ok(())
    }

    /// The same, with a way to reach its sessions.
    pub(super) fn with(self, control: Control) -> Self {
        Self { control, ..self }
    }

    /// What is to be done again and again; `false` if it can't go on.
    pub(super) fn turn(&mut self, now: Instant) -> bool {
        self.wall.look();
        let now_ms = self.wall.ms(now);
        for aggregator in &mut self.aggregators {
            aggregator.tick(now_ms, BUDGET);
        }
        self.pulses.iter_mut().for_each(|pulse| pulse.look(now));
        self.wake_those_with_output(None);
        let Some(state) = &mut self.state else { return true };
        state.turn(now, &self.wall, &self.aggregators, &mut self.messages)
    }

    /// Closes the state file, which may take that long.
    pub(super) fn finish(&mut self, patience: Duration) -> Result<(), Failure> {
        self.state.take().map_or(Ok(()), |state| state.finish(patience))
    }

    /// Whether acknowledgements wait for the disk.
    pub(super) fn owes(&self) -> bool {
        self.peers.iter().any(|peer| !peer.ledger.is_empty())
    }

    /// Drops a key; returns how many sources had it.
    pub(super) fn forget(&mut self, section: usize, table: &[u8], key: &[u8]) -> usize {
        let now = clock::now();
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(aggregator) = self.aggregators.get_mut(section) else { return 0 };
        let sources: Vec<Box<[u8]>> = aggregator.forget(table, key, now_ms).into_iter().map(Into::into).collect();
        if let Some(state) = &mut self.state {
            for peer in self.peers.iter().filter(|peer| peer.section == section && sources.contains(&peer.name)) {
                for announced in peer.tables.iter().filter(|announced| *announced.definition.name == *table) {
                    if let Some(id) = announced.id {
                        state.gone(id, &announced.definition, time, key);
                    }
                }
            }
        }
        self.wake_those_with_output(None);
        sources.len()
    }

    /// Has those sent to for whom something waits, but for one that is at it already.
    fn wake_those_with_output(&self, at_it: Option<usize>) {
        // One that takes no more for now goes on by itself.
        let waits = |peer: &Peer| peer.up && !peer.is_busy && peer.has_told_tables();
        for (at, peer) in self.peers.iter().enumerate().filter(|(at, peer)| Some(*at) != at_it && waits(peer)) {
            if !self.dry_run && self.aggregators.get(peer.section).is_some_and(|all| all.has_output(peer.number)) {
                self.control.wake(PeerIndex(at));
            }
        }
    }

    fn table(&mut self, peer: usize, now: Instant, table: &RemoteTable) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        let definition = &table.definition;
        at.outlets.redefined(&definition.name);
        let (mut id, mut rejected) = (None, None);
        let name = escape::name(&definition.name);
        match aggregator.table(at.number, table.index, definition, now_ms) {
            aggregate::Announced::Accepted => {
                if let Some(state) = &mut self.state {
                    match state.table(&at.name, definition) {
                        Ok(number) => id = Some(number),
                        Err(why) => self.messages.push(format!("table {name}: it isn't kept on disk: {why}")),
                    }
                }
            }
            aggregate::Announced::Rejected(why) => {
                self.messages.push(format!("{}: table {name} is not added up: {why}", at.shown));
                rejected = Some(why.to_string());
            }
            aggregate::Announced::Echo | aggregate::Announced::NotOurs => {}
        }
        at.tables.push(Announced { definition: definition.clone(), id, rejected });
    }

    #[inline]
    fn update(&mut self, peer: usize, now: Instant, update: &Update<'_>) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.counts.updates += 1;
        if !update.resync {
            at.ledger.note(update.table.index, update.id);
        }
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        let taken = aggregator.update(at.number, update.table.index, &kept(update), now_ms).is_some();
        let id = at.tables.get(update.table.index).and_then(|announced| announced.id).filter(|_| taken);
        if let (Some(state), Some(id)) = (&mut self.state, id) {
            state.update(id, update.table.definition.expire_ms, self.wall.at(now), update);
        }
    }

    fn learned(&mut self, peer: usize, now: Instant, complete: bool) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        aggregator.resync_ended(at.number, complete, now_ms);
        let told = if complete { ToldUs::All } else { ToldUs::Tables };
        let first = at.told_us == ToldUs::Little;
        if told > at.told_us {
            at.told_us = told;
            let what = if complete { "in sync" } else { "it doesn't have everything itself (resync partial)" };
            self.messages.push(format!("{}: {what}", at.shown));
        }
        if !(first && at.is_node()) {
            return;
        }
        let (naming, lease) = (&aggregator.options().naming, &aggregator.options().lease);
        let added_up =
            |announced: &&Announced| announced.rejected.is_none() && lease.as_ref() != Some(&announced.definition.name);
        for announced in at.tables.iter().filter(added_up) {
            let total = naming.total_of(&announced.definition.name).filter(|total| at.table(total).is_none());
            if let Some(total) = total {
                self.messages.push(format!(
                    "{}: it has no table `{}`, so nobody reads the totals there; add it to its peers section as `{}`",
                    at.shown,
                    escape::name(&total),
                    announced.definition
                ));
            }
        }
        let lease = lease.as_ref().filter(|lease| at.table(lease).is_none());
        if let Some(lease) = lease {
            self.messages.push(format!(
                "{}: it has no table `{}`, so it can't see whether the totals can be trusted; add it as `{}`",
                at.shown,
                escape::name(lease),
                lease_definition(lease)
            ));
        }
    }

    fn closed(&mut self, peer: usize, now: Instant, why: &LinkError) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        let was_up = std::mem::replace(&mut at.up, false);
        if let (true, Some(aggregator)) = (was_up, self.aggregators.get_mut(at.section)) {
            // What was sent before an end in order has arrived.
            let in_order = matches!(why, LinkError::Session(Closed::Eof { within: 0 }));
            aggregator.link_down(at.number, in_order, now_ms);
        }
        at.lesson = None;
        if self.stopping || matches!(why, LinkError::Stopped | LinkError::Replaced) {
            return;
        }
        if let LinkError::Session(Closed::Refused(status)) = why {
            at.status = status.0;
        }
        if let LinkError::TakenOver { times, .. } = why {
            at.counts.takeovers += *times as u64;
        }
        let text = why.to_string();
        // What goes wrong in the same way with each call is told once.
        if !was_up && at.told.as_ref() == Some(&text) {
            return;
        }
        let help = learn::help(why, &at.shown);
        let help = if help.is_empty() { help } else { format!("; {help}") };
        self.messages.push(format!("{}: {text}{help}", at.shown));
        at.told = Some(text);
    }

    /// Teaches a peer its own entries, if it wants everything; says when to come back.
    fn teach(&mut self, peer: usize, now: Instant, session: &mut Session) -> Option<Next> {
        let now_ms = self.wall.ms(now);
        let at = self.peers.get_mut(peer)?;
        let mut cursor: TeachCursor = at.lesson.filter(|_| at.relation != Relation::Up)?;
        let aggregator = self.aggregators.get_mut(at.section)?;
        let Peer { outlets, counts, tables, .. } = at;
        let all = aggregator.teach_back(at.number, &mut cursor, now_ms, TURN, |_, definition, push| {
            let theirs = tables.iter().rev().map(|table| &table.definition).find(|there| there.name == definition.name);
            // It may not have announced anything yet: it is the definition that it had.
            let sent = outlets.push(session, definition, Some(theirs.unwrap_or(definition)), push);
            counts.taught += u64::from(sent);
            session.pending_output() < OUTPUT_LOW
        });
        if !all {
            at.lesson = Some(cursor);
            return Some(if session.pending_output() < OUTPUT_LOW { Next::Again } else { Next::Wait });
        }
        let whole = aggregator.may_finish(at.number);
        session.end_resync(whole);
        (at.lesson, at.taught_at) = (None, Some(now));
        None
    }

    /// A level above that wanted all totals has them. They are all that there is as long as all sources are fresh.
    fn told_all(&mut self, peer: usize, now: Instant, session: &mut Session) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer).filter(|at| at.relation == Relation::Up) else { return };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        if at.lesson.take().is_some() {
            session.end_resync(aggregator.lease(now_ms).is_valid && !self.dry_run);
            at.taught_at = Some(now);
        }
    }

    /// Sends a peer what waits for it; says whether more does.
    fn publish(&mut self, peer: usize, now: Instant, session: &mut Session) -> bool {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return false };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return false };
        // What a node has is known when it has told everything.
        let is_node = at.is_node();
        if !at.has_told_tables() {
            return false;
        }
        if session.pending_output() >= OUTPUT_LOW {
            return true;
        }
        let before = at.counts.published;
        let Peer { outlets, counts, tables, .. } = at;
        let more = aggregator.publish(at.number, now_ms, TURN, |_, definition, push| {
            let theirs = tables.iter().rev().map(|table| &table.definition).find(|there| there.name == definition.name);
            let theirs = if is_node { theirs } else { Some(definition) };
            counts.published += u64::from(outlets.push(session, definition, theirs, push));
            session.pending_output() < OUTPUT_LOW
        });
        at.is_busy = more;
        let sent = at.counts.published - before;
        if let Some(pulse) = self.pulses.get_mut(at.section) {
            pulse.note(now, sent);
        }
        more
    }

    /// Says how many sources are fresh: to nodes as long as all are, to the other aggregator always. Says when to say it again.
    fn lease(&mut self, peer: usize, now: Instant, session: &mut Session) -> Option<Instant> {
        let now_ms = self.wall.ms(now);
        let at = self.peers.get_mut(peer)?;
        let due = at.lease_at?;
        if due > now {
            return Some(due);
        }
        at.lease_at = Some(now + LEASE);
        let aggregator = self.aggregators.get_mut(at.section)?;
        let name = aggregator.options().lease.clone()?;
        let lease = aggregator.lease(now_ms);
        let ours = lease_definition(&name);
        let theirs = match at.relation {
            Relation::Node if lease.is_valid => at.table(&name).cloned(),
            Relation::Standby => Some(ours.clone()),
            Relation::Node | Relation::Up | Relation::Down => None,
        };
        if let Some(theirs) = theirs {
            self.values.clear();
            self.values.push(lease.fresh as u64);
            let push = Push { key: &self.us, values: &self.values, server_key: None, life_ms: None };
            at.outlets.push(session, &ours, Some(&theirs), &push);
        }
        at.lease_at
    }
}

impl Handler for Runner {
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>) {
        match event {
            Event::Update(update) => self.update(peer.0, now, &update),
            Event::Established { .. } => {
                let now_ms = self.wall.ms(now);
                let Some(at) = self.peers.get_mut(peer.0) else { return };
                at.begin(now);
                if let Some(aggregator) = self.aggregators.get_mut(at.section) {
                    aggregator.link_up(at.number, now_ms);
                }
            }
            Event::Table(table) => self.table(peer.0, now, table),
            Event::ResyncEnded { complete } => self.learned(peer.0, now, complete),
            Event::ResyncRequested => {
                let Some(at) = self.peers.get_mut(peer.0) else { return };
                at.wants_all(now);
                if let (Relation::Up, Some(_), Some(aggregator)) =
                    (at.relation, at.lesson, self.aggregators.get_mut(at.section))
                {
                    aggregator.refill(at.number);
                }
            }
            Event::ResyncConfirmed | Event::Acked { .. } | Event::Closed(_) => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer.0) else { return Next::Stop };
        let (section, number) = (at.section, at.number);
        // Without a file what is known here is what counts.
        let (mark, durable) = match &mut self.state {
            Some(state) => (state.hand_over(), state.durable()),
            None => (Some(0), 0),
        };
        if let Some(mark) = mark {
            at.ledger.mark(&[mark]);
        }
        at.ledger.due(&[durable], |table, id| session.acknowledge(table, id));
        if std::mem::take(&mut at.too_soon) {
            session.end_resync(false);
        }
        if let Some(next) = self.teach(peer.0, now, session) {
            return next;
        }
        let Some(aggregator) = self.aggregators.get_mut(section) else { return Next::Stop };
        if aggregator.wants_resync(number, now_ms) {
            session.request_resync();
        }
        aggregator.tick(now_ms, BUDGET);
        let lease = if self.dry_run { None } else { self.lease(peer.0, now, session) };
        let more = !self.dry_run && self.publish(peer.0, now, session);
        if !more {
            self.told_all(peer.0, now, session);
        }
        self.wake_those_with_output(Some(peer.0));
        if more {
            // If enough waits to be sent, it is called again when that has gone.
            return if session.pending_output() < OUTPUT_LOW { Next::Again } else { Next::Wait };
        }
        let due = self.aggregators.get(section).and_then(|aggregator| aggregator.next_due(now_ms));
        let due = due.map(|due| now + Duration::from_millis(due.saturating_sub(now_ms).max(1)));
        due.into_iter().chain(lease).min().map_or(Next::Wait, Next::At)
    }

    fn link(&mut self, peer: PeerIndex, now: Instant, state: &LinkState<'_>) {
        if let LinkState::Closed { why, .. } = state {
            self.closed(peer.0, now, why);
        }
    }

    fn refused(&mut self, _now: Instant, refusal: &Refusal) {
        if refusal.is_first {
            self.messages.push(refusal.to_string());
        }
    }
}
