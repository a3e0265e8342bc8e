//! Learns what peers hold: one full resync from each, of which the timed pass is the whole truth. Nothing is acknowledged.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::failure::Failure;
use super::files;
use super::target::{Address, Identity, Targets};
use crate::escape;
use crate::node::{self, Control, Handler, LinkError, LinkState, Next, Node, PeerIndex, Retry, clock};
use crate::proto::Session;
use crate::proto::hello::{Status, Version};
use crate::proto::session::{Closed, Event, RemoteTable, Update};
use crate::record::SessionEvent;

/// The longest that HAProxy's own name is borrowed: a process that reloads meanwhile must wait for us.
pub const BORROWED: Duration = Duration::from_secs(5);

/// How often it is looked whether time is up, or somebody wants us to end.
const TICK: Duration = Duration::from_millis(50);

/// How long the last words to peers may take.
const LAST_WORDS: Duration = Duration::from_millis(600);

/// Takes what peers teach. It is called in the thread that keeps the connections, and returns soon.
pub trait Pupil: 'static {
    /// A peer announces a table, or announces it anew in another way, with an index of its own.
    fn table(&mut self, peer: PeerIndex, table: &RemoteTable);

    /// A peer teaches an entry of a table that it announced.
    fn entry(&mut self, peer: PeerIndex, now: Instant, update: &Update<'_>);

    /// Something happened to the session with a peer.
    fn session(&mut self, peer: PeerIndex, now: Instant, event: SessionEvent, detail: Option<&str>);

    /// Some entries have been taught; `false` if no more are wanted from anybody.
    fn pause(&mut self, now: Instant) -> bool;
}

/// How it went with one peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lesson {
    /// The peer, for people.
    pub name: String,
    /// How far it came.
    pub stage: Stage,
    /// The entries taught.
    pub entries: u64,
    /// How long it took from the beginning to the end of what was taught.
    pub took: Duration,
}

/// How far learning came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stage {
    /// There is no session yet.
    Waiting,
    /// Entries come.
    Learning,
    /// All came.
    Learned {
        /// The peer considers itself in sync; else it has given what it had.
        complete: bool,
    },
    /// There was no session, or it ended too early.
    Failed {
        /// Why.
        why: String,
        /// What to do about it; may be empty.
        help: String,
    },
}

/// Why learning ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Nothing was left to do.
    Done,
    /// Time was up.
    TimedOut,
    /// A signal came: its number.
    Interrupted(i32),
}

/// What was learned.
#[derive(Debug)]
pub struct Learned<P> {
    /// Who took it.
    pub pupil: P,
    /// For each peer how it went, in the order of the targets.
    pub lessons: Vec<Lesson>,
    /// Why it ended.
    pub ending: Ending,
}

/// Learns from all peers at the same time, for `timeout` at most.
///
/// # Errors
/// If a target can't be called at all, or the system gives no event queue.
pub fn learn<P: Pupil>(targets: &Targets, who: Identity, timeout: Duration, pupil: P) -> Result<Learned<P>, Failure> {
    let names: Vec<String> = targets.peers.iter().map(super::target::Target::shown).collect();
    let guard = files::Guard::note();
    let began = clock::now();
    let timeout = if who == Identity::Borrowed { timeout.min(BORROWED) } else { timeout };
    let us = targets.peers.first().map(|target| target.us.clone()).unwrap_or_default();
    let calls = targets.peers.iter().map(|target| target.call(Retry::Never)).collect::<Result<Vec<_>, _>>()?;
    let learned = node::run(async {
        let control = Control::new();
        let learner = Learner::new(pupil, &names, control.clone(), began);
        let node = Node::new(node::Options::new(&us), control.clone(), learner);
        for call in calls {
            node.dial(call);
        }
        let mut finished = pin!(node.finished());
        let mut ending = loop {
            let mut tick = pin!(clock::sleep_until(clock::now() + TICK));
            let done = poll_fn(|cx| match finished.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => tick.as_mut().poll(cx).map(|()| false),
            });
            if done.await {
                break Ending::Done;
            }
            if let Some(signal) = files::interrupted() {
                break Ending::Interrupted(signal);
            }
            if clock::now() >= began + timeout {
                break Ending::TimedOut;
            }
        };
        if ending != Ending::Done {
            control.stop_all();
            let mut limit = pin!(clock::sleep_until(clock::now() + LAST_WORDS));
            poll_fn(|cx| match finished.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => limit.as_mut().poll(cx),
            })
            .await;
        } else if let Some(signal) = files::interrupted() {
            ending = Ending::Interrupted(signal);
        }
        let mut learner = node.handler();
        let (pupil, lessons) = learner.end();
        (pupil, lessons, ending)
    });
    drop(guard);
    let (pupil, lessons, ending) = learned.map_err(|error| Failure::io("epoll", "", &error))?;
    match pupil {
        Some(pupil) => Ok(Learned { pupil, lessons, ending }),
        None => Err(Failure::new(Exit::Io, "what was learned is lost", "please report it")),
    }
}

impl<P> Learned<P> {
    /// Whether all of them taught everything and consider themselves in sync.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lessons.iter().all(|lesson| lesson.stage == Stage::Learned { complete: true })
    }

    /// The exit code: that of a signal; else the worst of all peers.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.ending {
            Ending::Interrupted(15) => return Exit::Terminated,
            Ending::Interrupted(_) => return Exit::Interrupted,
            Ending::Done | Ending::TimedOut => {}
        }
        let failed = |lesson: &Lesson| matches!(lesson.stage, Stage::Failed { .. });
        match () {
            () if self.lessons.iter().any(failed) => Exit::Io,
            () if !self.is_complete() => Exit::Incomplete,
            () => Exit::Done,
        }
    }

    /// What went wrong, a paragraph for each peer; empty if nothing did.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let problem = |lesson: &Lesson| {
            let Lesson { name, stage, entries, .. } = lesson;
            let cut = |what: &str| format!("{name}: {what}: {entries} entries came, not all");
            match (stage, self.ending) {
                (Stage::Learned { complete: true }, _) => None,
                (Stage::Learned { complete: false }, _) => Some(format!(
                    "{name}: it says that it doesn't have everything itself (resync partial): a HAProxy that started less \
                     than 10 s ago, or one that found no peer to learn from, says so"
                )),
                (Stage::Failed { why, help }, _) if help.is_empty() => Some(format!("{name}: {why}")),
                (Stage::Failed { why, help }, _) => Some(format!("{name}: {why}; {help}")),
                (_, Ending::Interrupted(_)) => Some(cut("interrupted")),
                (Stage::Waiting, _) => Some(format!("{name}: no session in time")),
                (Stage::Learning, _) => Some(cut("time ran out")),
            }
        };
        self.lessons.iter().filter_map(problem).collect()
    }
}

/// The handler.
struct Learner<P> {
    pupil: Option<P>,
    control: Control,
    began: Instant,
    peers: Vec<Peer>,
}

struct Peer {
    lesson: Lesson,
    version: Version,
    asked: bool,
}

impl<P: Pupil> Learner<P> {
    fn new(pupil: P, names: &[String], control: Control, began: Instant) -> Self {
        let peer = |name: &String| Peer {
            lesson: Lesson { name: name.clone(), stage: Stage::Waiting, entries: 0, took: Duration::ZERO },
            version: Version::V2_1,
            asked: false,
        };
        Self { pupil: Some(pupil), control, began, peers: names.iter().map(peer).collect() }
    }

    fn end(&mut self) -> (Option<P>, Vec<Lesson>) {
        (self.pupil.take(), self.peers.drain(..).map(|peer| peer.lesson).collect())
    }

    fn fail(&mut self, peer: PeerIndex, now: Instant, error: &LinkError) {
        let (Some(at), Some(pupil)) = (self.peers.get_mut(peer.0), &mut self.pupil) else { return };
        let refused = matches!(error, LinkError::Session(Closed::Refused(_)));
        let event = if refused { SessionEvent::Refused } else { SessionEvent::Closed };
        let why = error.to_string();
        pupil.session(peer, now, event, Some(&why));
        at.lesson.stage = Stage::Failed { why, help: help(error, &at.lesson.name) };
    }
}

impl<P: Pupil> Handler for Learner<P> {
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>) {
        let (Some(at), Some(pupil)) = (self.peers.get_mut(peer.0), &mut self.pupil) else { return };
        match event {
            Event::Established { version, .. } => {
                at.version = version;
                at.lesson.stage = Stage::Learning;
                pupil.session(peer, now, SessionEvent::Established, None);
            }
            Event::Table(table) if at.lesson.stage == Stage::Learning => pupil.table(peer, table),
            // What isn't timed came before the pass, or comes a second time: a change while the pass is on its way is in it.
            // Peers of version 2.0 never time.
            Event::Update(update)
                if at.lesson.stage == Stage::Learning
                    && update.resync
                    && (update.life_ms.is_some() || at.version < Version::V2_1) =>
            {
                at.lesson.entries += 1;
                pupil.entry(peer, now, &update);
            }
            Event::ResyncEnded { complete } if at.lesson.stage == Stage::Learning => {
                at.lesson.stage = Stage::Learned { complete };
                at.lesson.took = now.saturating_duration_since(self.began);
                let event = if complete { SessionEvent::ResyncFinished } else { SessionEvent::ResyncPartial };
                pupil.session(peer, now, event, None);
                self.control.stop(peer);
            }
            _ => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        let (Some(at), Some(pupil)) = (self.peers.get_mut(peer.0), &mut self.pupil) else { return Next::Stop };
        if !at.asked {
            at.asked = true;
            session.request_resync();
        }
        if !pupil.pause(now) {
            self.control.stop_all();
            return Next::Stop;
        }
        Next::Wait
    }

    fn link(&mut self, peer: PeerIndex, now: Instant, state: &LinkState<'_>) {
        let LinkState::Closed { why, .. } = state else { return };
        let stage = self.peers.get(peer.0).map(|at| at.lesson.stage.clone());
        let running = matches!(stage, Some(Stage::Waiting | Stage::Learning));
        // We ended it ourselves: time was up, or somebody wanted us to.
        if running && !matches!(why, LinkError::Stopped) {
            self.fail(peer, now, why);
        }
    }
}

/// What to do about a failure.
pub(super) fn help(error: &LinkError, name: &str) -> String {
    match error {
        LinkError::Session(Closed::Refused(status)) => match *status {
            Status::PEER => {
                "it doesn't list us: add a line for this tool to its peers section (`peerctl add SECTION FILE \
                             --guest`) and reload, or give the name of a line it has with -L"
                    .to_owned()
            }
            Status::HOST => format!(
                "the process there isn't `{name}`: look at `localpeer`, `haproxy -L` and the host name of that machine"
            ),
            Status::TRY_AGAIN => {
                "somebody else has a session under that name now: a HAProxy that is reloading, or another tool; \
                              try again in a few seconds"
                    .to_owned()
            }
            _ => String::new(),
        },
        LinkError::Foreign(foreign) if foreign.is_tls() => "call it with --ssl".to_owned(),
        LinkError::Connect { .. } => "is HAProxy running there, with a peers section that has this address?".to_owned(),
        LinkError::Session(Closed::Eof { .. }) | LinkError::Lost { .. } => {
            "it ended, was reloaded, or another tool uses our name (each needs a line of its own)".to_owned()
        }
        _ => String::new(),
    }
}

impl super::target::Target {
    /// The call to make.
    ///
    /// # Errors
    /// If nothing can be called there.
    pub fn call(&self, retry: Retry) -> Result<node::Target, Failure> {
        let unnamed = || Failure::misuse("a peer without a name can't be learned from", "give NAME=ADDRESS");
        let name = self.name.as_deref().ok_or_else(unnamed)?;
        let address = self.address.as_ref().map(Address::to_string).unwrap_or_default();
        let address = node::Address::parse(&address).map_err(|error| {
            let message = format!("{}: {error}", escape::name(name));
            Failure::misuse(message, "give another address by hand: NAME=ADDRESS")
        })?;
        Ok(node::Target { us: Some(self.us.clone()), retry, ..node::Target::new(name, address) })
    }
}
