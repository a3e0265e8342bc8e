//! `peerctl hold`: a standby peer, whose tables outlive the processes that they come from.

mod control;
mod keeper;
mod metrics;
mod peer;

use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::args::HoldArgs;
use super::daemon::Manager;
use super::exit::Exit;
use super::failure::Failure;
use super::files;
use super::state::{Health, StateFile};
use super::stderr::tell;
use super::target::{self, Identity, Listen, Targets};
use super::view::View;
use super::wall::WallClock;
use crate::escape;
use crate::hold::{Restored, Standby};
use crate::node::commands::ControlSocket;
use crate::node::shutdown::{Hangups, Signals};
use crate::node::{self, Control, ListenError, Listener, Node, Retry, clock};
use crate::proto::session::Answer;
use crate::record::{Record, Time};

use keeper::Keeper;
use peer::Peer;

/// How often it is looked whether something is to be done.
const TICK: Duration = Duration::from_millis(50);

/// How long the last words to peers may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// How long the last lines may take to become durable.
const LAST_LINES: Duration = Duration::from_millis(600);

/// The longest wait between two calls of a peer: a HAProxy that comes up cold asks within five seconds, and must have us by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Stands by until a signal comes.
///
/// # Errors
/// For misuse, or if the state file can't be used, nothing can be listened on, or nothing more can be written.
pub fn run(view: &View, args: &HoldArgs) -> Result<Exit, Failure> {
    if args.connect.local.is_none() {
        let help = "give the name of our own line in the peers section: -L peerctl-hold; a tool that runs on needs one for itself";
        return Err(Failure::misuse("hold needs a name among the peers", help));
    }
    let targets = target::resolve(view, &args.connect, &args.peers, Identity::Listed)?;
    let guard = files::Guard::note();
    tell(&targets.notes);
    let hold = Hold { args, began: clock::now() };
    let exit = hold.stand_by(&targets);
    drop(guard);
    exit
}

struct Hold<'a> {
    args: &'a HoldArgs,
    began: Instant,
}

/// Why it ends.
enum Ending {
    /// A signal came.
    Signal,
    /// Nothing more can be written.
    Disk,
    /// It can't go on, for another reason.
    Failed(Failure),
}

impl Hold<'_> {
    fn stand_by(&self, targets: &Targets) -> Result<Exit, Failure> {
        let calls = targets.peers.iter().filter(|target| target.address.is_some());
        let calls = calls.map(|target| Ok(node::Target { patience: PATIENCE, ..target.call(Retry::Always)? }));
        let calls = calls.collect::<Result<Vec<_>, Failure>>()?;
        let listen = self.listener(targets)?;
        let us = targets.peers.first().map(|target| target.us.clone()).unwrap_or_default();
        let mut manager = Manager::find(self.began);
        let keeper = self.keeper(&us, targets)?;
        let ended = node::run(async {
            let (mut signals, mut hangups) = match (Signals::new(), Hangups::new()) {
                (Ok(signals), Ok(hangups)) => (signals, hangups),
                (Err(error), _) | (_, Err(error)) => return Err(Failure::io("sigaction", "", &error)),
            };
            let control = Control::new();
            let options = node::Options { answer: Answer::Owner, ..node::Options::new(&us) };
            let node = Rc::new(Node::new(options, control.clone(), keeper));
            let listener = match listen {
                Some(options) => Some(
                    Listener::bind(options)
                        .await
                        .map_err(|error: ListenError| Failure::new(Exit::Io, error.to_string(), ""))?,
                ),
                None => None,
            };
            let _control = self.control(&node).await?;
            let _metrics = self.metrics(&node).await?;
            let mut calls = calls.into_iter();
            for target in &targets.peers {
                match target.address.as_ref().and_then(|_| calls.next()) {
                    Some(call) => node.dial(call),
                    None => node.expect(target.name.as_deref().unwrap_or_default(), target.certificate_names()),
                };
            }
            if let Some(listener) = listener {
                node.listen(listener);
                target::warn_if_insecure(&node);
            }
            if let Some(manager) = &manager {
                manager.tell("READY=1");
            }
            let ending = {
                let mut ended = pin!(signals.next());
                loop {
                    let then = clock::now() + TICK;
                    if clock::until(then, ended.as_mut()).await.is_some() {
                        break Ending::Signal;
                    }
                    while clock::until(clock::now(), hangups.next()).await.is_some() {
                        tell(&["SIGHUP: nothing is read anew; restart to change the peers".to_owned()]);
                    }
                    if !turn(&node, &control) {
                        break Ending::Disk;
                    }
                    if let Some(failure) = node.handler().failed.take() {
                        break Ending::Failed(failure);
                    }
                    if let Some(manager) = &mut manager {
                        manager.pulse(clock::now());
                    }
                }
            };
            if let Some(manager) = &manager {
                manager.tell("STOPPING=1");
            }
            // Once more, so that what is durable by now is acknowledged.
            node.handler().stopping = true;
            control.wake_all();
            let _said = clock::until(clock::now() + TICK, signals.next()).await;
            control.stop_all();
            let _gone = clock::until(clock::now() + GOODBYE, node.finished()).await;
            let mut keeper = node.handler();
            tell(std::mem::take(&mut keeper.messages));
            Ok((ending, keeper.state.take(), summary(&keeper, self.began)))
        });
        let (ending, state, summary) = ended.map_err(|error| Failure::io("epoll", "", &error))??;
        let finished = state.map_or(Ok(()), |state| state.finish(LAST_LINES));
        tell(&[summary]);
        match (ending, finished) {
            (Ending::Failed(failure), _) | (_, Err(failure)) => Err(failure),
            (Ending::Disk, Ok(())) => Err(Failure::new(Exit::Io, "the state file can't be written any more", "")),
            (Ending::Signal, Ok(())) => Ok(Exit::Done),
        }
    }

    fn listener(&self, targets: &Targets) -> Result<Option<node::ListenOptions>, Failure> {
        if let Some(listen) = &targets.listen {
            return listen.options().map(Some);
        }
        match target::own_listener(&self.args.connect, targets) {
            Ok(listen) => listen.as_ref().map(Listen::options).transpose(),
            // It isn't needed: we call them.
            Err(failure) => {
                tell(&[format!("nothing listens: {}; the peers are called", failure.message())]);
                Ok(None)
            }
        }
    }

    /// Reads the state file.
    fn keeper(&self, us: &[u8], targets: &Targets) -> Result<Keeper, Failure> {
        let wall = WallClock::default();
        let now = clock::now();
        let (now_ms, time) = (wall.ms(now), wall.at(now));
        let mut standby = Standby::new(targets.peers.len(), self.args.max_memory);
        let mut load = Load { standby: &mut standby, now_ms, time, numbers: Vec::new(), problems: Vec::new() };
        let (state, found) = StateFile::open(&self.args.state, time, |record| load.take(record))?;
        let mut notes = std::mem::take(&mut load.problems);
        let held: usize = standby.tables().iter().map(|held| held.store().len()).sum();
        let name = escape::name(state.name().as_bytes()).into_owned();
        if found.entries > 0 {
            let ms = clock::now().saturating_duration_since(now).as_millis();
            notes.push(format!("{name}: {held} entries of {} tables, read in {ms} ms", standby.tables().len()));
        }
        if found.cut > 0 {
            notes.push(format!("{name}: {} bytes of a torn end were cut off", found.cut));
        }
        if let (1.., Some(first)) = &found.damaged {
            notes.push(format!("{name}: {} damaged lines were passed over, the first one: {first}", found.damaged.0));
        }
        tell(&notes);
        let peers = targets.peers.iter().map(|target| Peer::new(target.shown()));
        Ok(Keeper::new(us, peers.collect(), standby, state, wall))
    }

    async fn control(&self, node: &Rc<Node<Keeper>>) -> Result<Option<ControlSocket>, Failure> {
        let Some(path) = &self.args.control else { return Ok(None) };
        let weak = Rc::downgrade(node);
        let socket = ControlSocket::start(path, 0o600, move |line| control::answer(&weak, line)).await;
        let shown = |path: &Path| super::instances::shown(path);
        socket.map(Some).map_err(|error| Failure::io("--control", &shown(path), &error))
    }

    async fn metrics(&self, node: &Rc<Node<Keeper>>) -> Result<Option<node::metrics::Server>, Failure> {
        let Some(address) = &self.args.metrics else { return Ok(None) };
        let server = metrics::serve(address, node).await?;
        if let Some(address) = server.address() {
            tell(&[format!("metrics: http://{address}/metrics")]);
        }
        Ok(Some(server))
    }
}

/// What is done again and again; `false` if it can't go on.
fn turn(node: &Node<Keeper>, control: &Control) -> bool {
    let mut keeper = node.handler();
    keeper.tick(clock::now());
    let mut messages = std::mem::take(&mut keeper.messages);
    let health = keeper.state.as_ref().map(StateFile::health);
    if let Some(text) = keeper.trouble(health.as_ref()) {
        messages.push(text);
    }
    tell(&messages);
    let owes = keeper.owes();
    drop(keeper);
    if owes {
        control.wake_all();
    }
    health != Some(Health::Failed)
}

/// One line about everything.
fn summary(keeper: &Keeper, began: Instant) -> String {
    let seconds = clock::now().saturating_duration_since(began).as_secs_f64();
    let peer = |peer: &Peer| {
        let counts = peer.counts;
        let sessions = if counts.sessions == 1 { "session" } else { "sessions" };
        let taught = if counts.taught > 0 { format!(", taught {}", counts.taught) } else { String::new() };
        format!("{}: {} updates in {} {sessions}{taught}", peer.shown, counts.updates, counts.sessions)
    };
    let peers: Vec<String> = keeper.peers.iter().map(peer).collect();
    let entries: usize = keeper.standby.tables().iter().map(|held| held.store().len()).sum();
    let lost = keeper.standby.lost() + keeper.unwritten;
    let lost = if lost > 0 { format!("; for {lost} entries there was no room") } else { String::new() };
    format!("{entries} entries held; {} in {seconds:.1} s{lost}", peers.join(", "))
}

/// Takes the records of a state file.
struct Load<'a> {
    standby: &'a mut Standby,
    now_ms: u64,
    time: Time,
    /// For each table of the file its number.
    numbers: Vec<Option<usize>>,
    problems: Vec<String>,
}

impl Load<'_> {
    fn take(&mut self, record: &Record<'_>) {
        match record {
            Record::Table(id, table) => {
                let number = self.standby.define(self.now_ms, &table.definition);
                if let Err(error) = &number {
                    self.problems.push(format!("table {}: {error}", escape::name(&table.definition.name)));
                }
                if self.numbers.len() <= id.index() {
                    self.numbers.resize(id.index() + 1, None);
                }
                if let Some(place) = self.numbers.get_mut(id.index()) {
                    *place = number.ok();
                }
            }
            Record::Entry(entry, _) => {
                let Some(number) = self.numbers.get(entry.table.index()).copied().flatten() else { return };
                let restored = Restored {
                    key: entry.key,
                    values: entry.values,
                    server_key: entry.server_key,
                    update_id: entry.update_id.unwrap_or_default(),
                    life_ms: entry.expire_ms,
                    passed_ms: self.time.unix_ms().saturating_sub(entry.time.unix_ms()),
                };
                self.standby.restore(number, self.now_ms, &restored);
            }
            Record::Header(_) | Record::Session(_) | Record::End(_) => {}
        }
    }
}
