//! Sends entries to one peer and waits until it has acknowledged them.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::route::{Fate, How, Route, Tally};
use super::source::{Batch, Recorded, Source};
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::learn::{Ending, attend};
use crate::cli::turned_away::TurnedAway;
use crate::node::{
    self, Control, Handler, LinkError, LinkState, ListenError, ListenOptions, Listener, Next, Node, OUTPUT_LOW,
    PeerIndex, Refusal, clock,
};
use crate::proto::Session;
use crate::proto::session::{EnvelopeError, Event, LocalTable, Push};
use crate::record::RecordError;

/// How long a peer that has everything may take to acknowledge some of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a peer that is to call us may let us wait: HAProxy calls again after five seconds.
const ALONE: Duration = Duration::from_secs(30);

/// How soon to look again for what the reading thread brings.
const SOON: Duration = Duration::from_millis(1);

/// The most entries pushed in one turn, so that heartbeats and acknowledgements have theirs.
const TURN: usize = 2048;

/// How it ended.
#[derive(Debug)]
pub(super) struct Taught {
    /// For each table of the file.
    pub(super) tallies: Vec<Tally>,
    /// Why there is an entry that could not be sent.
    pub(super) unfit: Option<EnvelopeError>,
    pub(super) ending: Ending,
    /// What went wrong.
    pub(super) problem: Option<Problem>,
    /// Who else called, if the peer was to call us.
    pub(super) turned_away: TurnedAway,
}

/// What can go wrong.
#[derive(Debug)]
pub(super) enum Problem {
    /// The file has changed since it was looked through.
    File(RecordError),
    /// The connection ended before everything was acknowledged.
    Link(String),
    /// The peer has been sent everything and acknowledges no more.
    NotAcknowledged,
}

/// How the peer is met.
#[derive(Debug)]
pub(super) enum Meeting {
    /// We call it.
    Call(Box<node::Target>),
    /// It calls us: where, under which name, and with which names in its certificate.
    Wait(ListenOptions, Box<[u8]>, Vec<String>),
}

/// Sends the entries of a file to one peer, on one session: for each table of the file its route, if it has one.
///
/// # Errors
/// If the file can't be read, nothing can be listened on, or the system gives no event queue.
pub(super) fn teach(
    source: &Source,
    meeting: Meeting,
    us: &[u8],
    routes: &[Option<Route>],
    how: How,
    bar: ProgressBar,
) -> Result<Taught, Failure> {
    let batches = source.batches()?;
    let guard = files::Guard::note();
    let ways = routes.iter().map(|route| route.clone().map(Way::new)).collect();
    let taught = node::run(async {
        let control = Control::new();
        let teacher = Teacher::new(batches, ways, how, bar, control.clone());
        let node = Node::new(node::Options::new(us), control.clone(), teacher);
        match meeting {
            Meeting::Call(target) => drop(node.dial(*target)),
            Meeting::Wait(options, name, certificate_names) => {
                node.expect(&name, certificate_names);
                node.listen(Listener::bind(options).await?);
            }
        }
        let late = |teacher: &mut Teacher| teacher.alone_until().is_some_and(|until| clock::now() >= until);
        let ending = attend(&node, &control, late).await;
        let taught = node.handler().taught(ending);
        Ok(taught)
    });
    drop(guard);
    let taught: Result<_, ListenError> = taught.map_err(|error| Failure::events(&error))?;
    Ok(taught?)
}

/// A route on a session.
struct Way {
    route: Route,
    /// For each plan the table of the session, once it was announced.
    tables: Vec<Option<LocalTable>>,
}

impl Way {
    fn new(route: Route) -> Self {
        Self { tables: vec![None; route.plans.len()], route }
    }
}

/// A table of the session: the table of the file that goes there, the last update id sent, and the last acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Announced {
    file_table: usize,
    sent: u32,
    acked: u32,
}

/// The handler.
struct Teacher {
    batches: Receiver<Result<Batch, RecordError>>,
    ways: Vec<Option<Way>>,
    how: How,
    bar: ProgressBar,
    batch: Batch,
    /// The place of the next entry in the batch.
    at: usize,
    /// Everything was sent.
    sent_all: bool,
    tallies: Vec<Tally>,
    announced: Vec<Announced>,
    unfit: Option<EnvelopeError>,
    problem: Option<Problem>,
    /// When something was last sent or acknowledged.
    moved: Instant,
    /// A session was established.
    met: bool,
    turned_away: TurnedAway,
    control: Control,
    values: Vec<u64>,
}

impl Teacher {
    fn new(
        batches: Receiver<Result<Batch, RecordError>>,
        ways: Vec<Option<Way>>,
        how: How,
        bar: ProgressBar,
        control: Control,
    ) -> Self {
        let tallies = vec![Tally::default(); ways.len()];
        Self {
            batches,
            ways,
            how,
            bar,
            batch: Batch::default(),
            at: 0,
            sent_all: false,
            tallies,
            announced: Vec::new(),
            unfit: None,
            problem: None,
            moved: clock::now(),
            met: false,
            turned_away: TurnedAway::default(),
            control,
            values: Vec::new(),
        }
    }

    /// Until when a peer that is to call us may let us wait; `None` once it has.
    fn alone_until(&self) -> Option<Instant> {
        (!self.met).then(|| self.moved + ALONE)
    }

    fn taught(&mut self, ending: Ending) -> Taught {
        let (tallies, unfit, problem) = (std::mem::take(&mut self.tallies), self.unfit.take(), self.problem.take());
        let turned_away = std::mem::take(&mut self.turned_away);
        Taught { tallies, unfit, ending, problem, turned_away }
    }

    /// Whether everything that was sent is acknowledged.
    fn is_acknowledged(&self) -> bool {
        self.announced.iter().all(|table| table.acked == table.sent)
    }

    /// Pushes entries until the session has enough; says when it wants more.
    fn push(&mut self, now: Instant, session: &mut Session) -> Next {
        for _ in 0..TURN {
            if session.pending_output() >= OUTPUT_LOW {
                return Next::Wait;
            }
            if self.at >= self.batch.len() {
                match self.batches.try_recv() {
                    Ok(Ok(batch)) => (self.batch, self.at) = (batch, 0),
                    Ok(Err(error)) => {
                        self.problem = Some(Problem::File(error));
                        return Next::Stop;
                    }
                    Err(TryRecvError::Empty) => return Next::At(now + SOON),
                    Err(TryRecvError::Disconnected) => {
                        self.sent_all = true;
                        return Next::At(now + PATIENCE);
                    }
                }
                continue;
            }
            let batch = std::mem::take(&mut self.batch);
            let next = batch.get(self.at).and_then(|entry| self.entry(now, session, &entry));
            self.batch = batch;
            if let Some(later) = next {
                return Next::At(later);
            }
            self.at += 1;
        }
        Next::Again
    }

    /// Sends an entry, or doesn't; `Some` if its time hasn't come.
    fn entry(&mut self, now: Instant, session: &mut Session, entry: &Recorded<'_>) -> Option<Instant> {
        let Some(Some(way)) = self.ways.get_mut(entry.table) else { return None };
        let (Some(tally), Some(plan)) = (self.tallies.get_mut(entry.table), way.route.plans.get(entry.definition))
        else {
            return None;
        };
        if let (Some(pace), Some(first)) = (self.how.pace, self.how.first) {
            let since = entry.time.unix_ms().saturating_sub(first.unix_ms());
            let due = self.how.began + Duration::from_millis(since / u64::from(pace));
            if due > now {
                return Some(due);
            }
        }
        tally.read += 1;
        self.bar.inc(1);
        let (passed, left) = match way.route.fate(&self.how, entry) {
            Fate::Existing => {
                tally.existing += 1;
                return None;
            }
            Fate::Dead => {
                tally.dead += 1;
                return None;
            }
            Fate::Sent { passed_ms, left_ms } => (passed_ms, left_ms),
        };
        // A table that never expires shows `exp=0` for ever after a timed update; the others in versions up to 3.0 would take
        // a longer life than theirs.
        let there = plan.definition.expire_ms;
        let life_ms = left.filter(|_| there > 0).map(|life| life.min(there));
        self.values.clear();
        plan.convert(entry.values, &mut self.values);
        plan.definition.layout.age(&mut self.values, passed);
        let table = way.tables.get_mut(entry.definition)?;
        let local = match *table {
            Some(local) => Ok(local),
            None => session.define(plan.definition.clone()).inspect(|local| {
                *table = Some(*local);
                self.announced.push(Announced { file_table: entry.table, ..Announced::default() });
            }),
        };
        let push = Push { key: entry.key, values: &self.values, server_key: entry.server_key, life_ms };
        match local.and_then(|local| Ok((local, session.push(local, &push)?))) {
            Ok((local, id)) => {
                tally.sent += 1;
                if let Some(announced) = self.announced.get_mut(local.index()) {
                    announced.sent = id;
                }
            }
            Err(error) => {
                tally.unfit += 1;
                self.unfit = Some(error);
            }
        }
        self.moved = now;
        None
    }
}

impl Handler for Teacher {
    fn event(&mut self, _peer: PeerIndex, now: Instant, event: Event<'_>) {
        match event {
            Event::Established { .. } => (self.moved, self.met) = (now, true),
            Event::Acked { table, id } => {
                let Some(announced) = self.announced.get_mut(table.index()) else { return };
                // Update ids count the entries. One that is none of those sent since the last is nonsense.
                let (more, sent) = (id.wrapping_sub(announced.acked), announced.sent.wrapping_sub(announced.acked));
                if more > sent {
                    return;
                }
                announced.acked = id;
                if let Some(tally) = self.tallies.get_mut(announced.file_table) {
                    tally.acked += u64::from(more);
                }
                self.moved = now;
            }
            _ => {}
        }
    }

    fn ready(&mut self, _peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        if !self.sent_all {
            let next = self.push(now, session);
            if !self.sent_all {
                return next;
            }
        }
        if self.is_acknowledged() {
            return Next::Stop;
        }
        let until = self.moved + PATIENCE;
        if now >= until {
            self.problem = Some(Problem::NotAcknowledged);
            return Next::Stop;
        }
        Next::At(until)
    }

    fn link(&mut self, _peer: PeerIndex, _now: Instant, state: &LinkState<'_>) {
        if let LinkState::Closed { why, .. } = state {
            if !matches!(why, LinkError::Stopped) && self.problem.is_none() {
                self.problem = Some(Problem::Link(why.to_string()));
            }
            // One session at a time; a listener would stay open.
            self.control.stop_all();
        }
    }

    fn refused(&mut self, _now: Instant, refusal: &Refusal) {
        self.turned_away.note(refusal);
    }
}
