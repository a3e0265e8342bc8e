//! Learns what peers hold: a full resync from each, of which the timed pass is the whole truth. Nothing is acknowledged.

mod learner;

use std::pin::pin;
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::failure::Failure;
use super::files;
use super::target::{Identity, Listen, Targets};
use super::turned_away::TurnedAway;
use crate::node::{self, Control, Handler, ListenError, Listener, Node, PeerIndex, Retry, clock};
use crate::proto::session::{RemoteTable, Update};
use crate::record::SessionEvent;

use learner::Learner;
pub(super) use learner::help;

/// The longest that HAProxy's own name is borrowed: a process that reloads meanwhile must wait for us.
pub const BORROWED: Duration = Duration::from_secs(5);

/// How often it is looked whether time is up, or somebody wants us to end.
const TICK: Duration = Duration::from_millis(50);

/// How long the last words to peers may take.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Takes what peers teach. It is called in the thread that keeps the connections, and returns soon.
pub trait Pupil: 'static {
    /// A peer announces a table, or announces it anew in another way, with an index of its own.
    fn table(&mut self, peer: PeerIndex, table: &RemoteTable);

    /// A peer teaches an entry of a table that it announced.
    fn entry(&mut self, peer: PeerIndex, now: Instant, update: &Update<'_>);

    /// Something happened to the session with a peer.
    fn session(&mut self, peer: PeerIndex, now: Instant, event: SessionEvent, detail: Option<&str>);

    /// Some entries have been taught; `false` if no more are wanted from anybody. Also called when all is over.
    fn pause(&mut self, now: Instant) -> bool;

    /// A peer has taught all it has, `complete` if it considers itself in sync. Says when to ask it again, in a [`Course`]
    /// that does; `None` if it isn't needed any more.
    fn learned(&mut self, peer: PeerIndex, now: Instant, complete: bool) -> Option<Instant> {
        let (_, _, _) = (peer, now, complete);
        None
    }
}

/// How it is learned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Course {
    /// As whom.
    pub who: Identity,
    /// For how long at most.
    pub timeout: Duration,
    /// Whether peers are called until they have taught, and asked again until [`Pupil::learned`] needs no more.
    pub again: bool,
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
    /// Those of them whose server the peer gave by a number that it never explained.
    pub unexplained: u64,
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
    /// Whether the peers were to call us.
    listened: bool,
    turned_away: TurnedAway,
}

/// Learns from all peers at the same time.
///
/// # Errors
/// If a target can't be called at all, or the system gives no event queue.
pub fn learn<P: Pupil>(targets: &Targets, course: Course, pupil: P) -> Result<Learned<P>, Failure> {
    let guard = files::Guard::note();
    let began = clock::now();
    let Course { who, timeout, again } = course;
    let timeout = if who == Identity::Borrowed && !again { timeout.min(BORROWED) } else { timeout };
    let retry = if again { Retry::Always } else { Retry::Never };
    let us = targets.peers.first().map(|target| target.us.clone()).unwrap_or_default();
    let calls = targets.peers.iter().filter(|_| targets.listen.is_none()).map(|target| target.call(retry));
    let calls = calls.collect::<Result<Vec<_>, _>>()?;
    let listen = targets.listen.as_ref().map(Listen::options).transpose()?;
    let listened = listen.is_some();
    let learned = node::run(async {
        let control = Control::new();
        let patient = again || listened;
        let learner = Learner::new(pupil, &targets.peers, control.clone(), began, who, patient);
        let node = Node::new(node::Options::new(&us), control.clone(), learner);
        for call in calls {
            node.dial(call);
        }
        if let Some(options) = listen {
            for target in &targets.peers {
                node.expect(target.name.as_deref().unwrap_or_default(), target.certificate_names());
            }
            node.listen(Listener::bind(options).await?);
            crate::cli::target::warn_if_insecure(&node);
        }
        let ending = attend(&node, &control, |_| clock::now() >= began + timeout).await;
        let mut learner = node.handler();
        let (pupil, lessons, turned_away) = learner.end(clock::now());
        Ok((pupil, lessons, turned_away, ending))
    });
    drop(guard);
    let learned: Result<_, ListenError> = learned.map_err(|error| Failure::events(&error))?;
    let (pupil, lessons, turned_away, ending) = learned?;
    match pupil {
        Some(pupil) => Ok(Learned { pupil, lessons, ending, listened, turned_away }),
        None => Err(Failure::new(Exit::Io, "what was learned is lost", "please report it")),
    }
}

/// Waits until all is done, a signal comes, or `time_is_up`, which is asked now and then; what is on its way then still leaves.
pub(super) async fn attend<H: Handler>(
    node: &Node<H>,
    control: &Control,
    mut time_is_up: impl FnMut(&mut H) -> bool,
) -> Ending {
    let mut finished = pin!(node.finished());
    let ending = loop {
        let done = clock::until(clock::now() + TICK, finished.as_mut()).await.is_some();
        let signal = files::interrupted();
        if done {
            return signal.map_or(Ending::Done, Ending::Interrupted);
        }
        if let Some(signal) = signal {
            break Ending::Interrupted(signal);
        }
        if time_is_up(&mut node.handler()) {
            break Ending::TimedOut;
        }
    };
    control.stop_all();
    clock::until(clock::now() + LAST_WORDS, finished).await;
    ending
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
        if let Ending::Interrupted(signal) = self.ending {
            return Exit::of_signal(signal);
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
                // A pupil that wants no more says why.
                (Stage::Learned { complete: true }, _) | (Stage::Waiting | Stage::Learning, Ending::Done) => None,
                (Stage::Learned { complete: false }, _) => Some(format!(
                    "{name}: it says that it doesn't have everything itself (resync partial): a HAProxy that started less \
                     than 10 s ago, or one that found no peer to learn from, says so"
                )),
                (Stage::Failed { why, help }, _) if help.is_empty() => Some(format!("{name}: {why}")),
                (Stage::Failed { why, help }, _) => Some(format!("{name}: {why}; {help}")),
                (_, Ending::Interrupted(_)) => Some(cut("interrupted")),
                (Stage::Waiting, _) if self.listened => Some(format!(
                    "{name}: it didn't call; HAProxy does so every 5 s if its line for us has the address that we listen on"
                )),
                (Stage::Waiting, _) => Some(format!("{name}: no session in time")),
                (Stage::Learning, _) => Some(cut("time ran out")),
            }
        };
        let unexplained = |lesson: &Lesson| {
            let Lesson { name, unexplained, .. } = lesson;
            (*unexplained > 0).then(|| {
                format!(
                    "{name}: `server_key` is missing in {unexplained} entries: HAProxy gave a number instead of the name and \
                     never said which name it stands for, as it does when its output buffer is full; other peers lack them, too"
                )
            })
        };
        let problems = self.lessons.iter().flat_map(|lesson| [problem(lesson), unexplained(lesson)]).flatten();
        problems.chain(self.strangers().iter().cloned()).collect()
    }

    /// Who else called, a line for each, where somebody didn't call.
    #[must_use]
    pub fn strangers(&self) -> &[String] {
        let waits = self.lessons.iter().any(|lesson| lesson.stage == Stage::Waiting);
        if waits { self.turned_away.lines() } else { &[] }
    }
}
