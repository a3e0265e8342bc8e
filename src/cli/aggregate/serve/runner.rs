//! Feeds the aggregations with what peers teach, and peers with what is to be published.

use std::time::{Duration, Instant};

use super::peer::Peer;
use super::state::State;
use crate::aggregate::{Aggregator, Limits, PeerNumber, Relation, Restored};
use crate::cli::aggregate::options::Options;
use crate::cli::failure::Failure;
use crate::cli::wall::WallClock;
use crate::escape;
use crate::node::{Control, Handler, LinkState, Next, OUTPUT_LOW, PeerIndex, Refusal, clock};
use crate::proto::Session;
use crate::proto::session::Event;

/// Entries of each table and source that are looked at in one turn.
const BUDGET: usize = 4096;

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
    /// How many keys of each table have metrics of their own.
    pub(super) metrics_top: usize,
    /// Lines for people.
    pub(super) messages: Vec<String>,
    pub(super) stopping: bool,
    /// The values of an entry, for a moment.
    pub(super) values: Vec<u64>,
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
    pub(super) fn note(&mut self, now: Instant, count: u64) {
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
        Self::after(None, options)
    }

    /// A runner for other options, which has nothing yet of what this one has learned, and not its state file.
    pub(super) fn prepare(&self, options: &Options) -> Result<Self, Failure> {
        Self::after(Some(self), options)
    }

    fn after(before: Option<&Self>, options: &Options) -> Result<Self, Failure> {
        let mut runner = Self::bare(options, before.map_or_else(WallClock::default, |before| before.wall))?;
        let open = before.and_then(|before| before.state.as_ref()).map(State::path);
        if let Some(path) = options.state_file.as_deref().filter(|path| open != Some(path)) {
            let (state, notes) = State::open(path, &runner.wall, clock::now(), &mut runner.aggregators)?;
            runner.state = Some(state);
            runner.messages.extend(notes);
        }
        Ok(runner)
    }

    /// Goes on with what the one before has learned, whose sessions have ended, and with its state file if the options name it;
    /// another one is left to it.
    pub(super) fn take_over(&mut self, before: &mut Self, options: &Options) {
        let now_ms = self.now_ms();
        for (section, aggregator) in before.sections.iter().zip(&before.aggregators) {
            let Some(at) = self.sections.iter().position(|other| other == section) else { continue };
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
                if let Some(next) = self.aggregators.get_mut(at) {
                    next.restore(&restored, now_ms);
                }
            }
        }
        self.messages.append(&mut before.messages);
        let is_other = self.state.is_some();
        if let Some(mut state) = before.state.take_if(|state| options.state_file.as_deref() == Some(state.path())) {
            state.begin_anew();
            self.state = Some(state);
        }
        if let Some(state) = self.state.as_mut().filter(|_| is_other)
            && let Err(why) = state.begin_with(&self.aggregators)
        {
            self.messages.push(format!("state file: {why}"));
        }
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
            metrics_top: options.metrics_top.map_or(0, usize::from),
            messages: Vec::new(),
            stopping: false,
            values: Vec::new(),
            pulses: vec![Pulse::default(); options.sections.len()],
        })
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
        self.note_changes(now);
        self.tell_meshes();
        self.pulses.iter_mut().for_each(|pulse| pulse.look(now));
        self.messages.extend(self.peers.iter_mut().filter_map(|peer| peer.complaints.due(now)));
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
            for source in &sources {
                state.gone(source, table, time, key);
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
        self.note_changes(now);
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
        // The end of one that is on its way would be taken for that of the next one.
        if !session.is_learning() && aggregator.wants_resync(number, now_ms) {
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
