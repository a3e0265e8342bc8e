//! The calls themselves: a hello, and a resync of which the entries are counted and not kept.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::cli::files;
use crate::node::tls::Secured;
use crate::node::{self, Control, Handler, LinkError, LinkState, Next, Node, PeerIndex, clock};
use crate::proto::Session;
use crate::proto::hello::Version;
use crate::proto::session::Event;
use crate::stick::Definition;

/// How often it is looked whether a signal has come.
const TICK: Duration = Duration::from_millis(50);

/// What happened on a call.
#[derive(Debug, Default)]
pub(super) struct Visit {
    /// How long the connection took.
    pub(super) connected: Option<Duration>,
    /// What TLS agreed on.
    pub(super) secured: Option<Secured>,
    /// How long the answer to the hello took.
    pub(super) answered: Option<Duration>,
    /// The version of the session.
    pub(super) established: Option<Version>,
    /// The tables that were announced, by name: the last definition of each.
    pub(super) tables: BTreeMap<Box<[u8]>, Definition>,
    /// Whether the resync was complete, once it ended.
    pub(super) resync: Option<bool>,
    /// Why the call ended; `None` if there was no time for it.
    pub(super) end: Option<LinkError>,
}

/// Calls all targets once, at the same time, for as long as `timeout`, or until a signal comes. Without `learns`, nothing is asked for.
///
/// # Errors
/// If the system gives no event queue.
pub(super) fn call(
    targets: Vec<node::Target>,
    us: &[u8],
    learns: bool,
    timeout: Duration,
) -> std::io::Result<Vec<Visit>> {
    node::run(async {
        let control = Control::new();
        let visits = targets.iter().map(|_| Visit::default()).collect();
        let visitor = Visitor { control: control.clone(), learns, visits };
        let node = Node::new(node::Options::new(us), control.clone(), visitor);
        for target in targets {
            node.dial(target);
        }
        let end = clock::now() + timeout;
        let mut finished = pin!(node.finished());
        while clock::now() < end && files::interrupted().is_none() {
            let tick = end.min(clock::now() + TICK);
            if clock::until(tick, finished.as_mut()).await.is_some() {
                break;
            }
        }
        std::mem::take(&mut node.handler().visits)
    })
}

struct Visitor {
    control: Control,
    learns: bool,
    visits: Vec<Visit>,
}

impl Visit {
    /// Whether no more would have come.
    pub(super) const fn is_over(&self) -> bool {
        self.end.is_some() || self.resync.is_some()
    }
}

impl Visitor {
    fn with(&mut self, peer: PeerIndex, change: impl FnOnce(&mut Visit)) {
        if let Some(visit) = self.visits.get_mut(peer.0) {
            change(visit);
        }
    }
}

impl Handler for Visitor {
    fn event(&mut self, peer: PeerIndex, _now: Instant, event: Event<'_>) {
        match event {
            Event::Established { version, .. } => self.with(peer, |visit| visit.established = Some(version)),
            Event::Table(table) if self.learns => self.with(peer, |visit| {
                visit.tables.insert(table.definition.name.clone(), table.definition.clone());
            }),
            Event::ResyncEnded { complete } => {
                self.with(peer, |visit| visit.resync = Some(complete));
                self.control.stop(peer);
            }
            _ => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, _now: Instant, session: &mut Session) -> Next {
        if !self.learns {
            return Next::Stop;
        }
        let ended = self.visits.get(peer.0).is_none_or(|visit| visit.resync.is_some());
        if !ended && !session.is_learning() {
            session.request_resync();
        }
        Next::Wait
    }

    fn link(&mut self, peer: PeerIndex, _now: Instant, state: &LinkState<'_>) {
        self.with(peer, |visit| match state {
            LinkState::Connected { after, .. } => visit.connected = Some(*after),
            LinkState::Secured(secured) => visit.secured = Some((*secured).clone()),
            LinkState::Answered { after } => visit.answered = Some(*after),
            LinkState::Closed { why, .. } => visit.end = Some((*why).clone()),
            LinkState::Dialling(_) | LinkState::Established(_) | LinkState::Contested { .. } => {}
        });
    }
}
