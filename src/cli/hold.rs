//! `peerctl hold`: a standby peer, whose tables outlive the processes that they come from.

mod control;
mod disk;
mod keeper;
mod learning;
mod load;
mod metrics;
mod peer;
mod restore;
mod roster;
mod status;

use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::time::Instant;

use super::args::{HoldArgs, HoldCommand};
use super::daemon::{self, LAST_LINES, Manager, TICK};
use super::exit::Exit;
use super::failure::Failure;
use super::files;
use super::state::{Health, StateFile};
use super::stderr::tell;
use super::target::{self, Identity, Listen, Targets};
use super::view::View;
use super::wall::WallClock;
use crate::node::commands::ControlSocket;
use crate::node::{self, Control, Node, clock};
use crate::proto::session::Answer;

use keeper::Keeper;
use peer::Peer;
use roster::Roster;

/// Stands by until a signal comes; SIGHUP has configuration and certificates read again.
///
/// # Errors
/// For misuse, or if the state file can't be used, nothing can be listened on, or nothing more can be written.
pub fn run(view: &View, args: &HoldArgs) -> Result<Exit, Failure> {
    if let Some(HoldCommand::Status(args)) = &args.command {
        return status::run(args);
    }
    if args.connect.local.is_none() {
        let help = "give the name of our own line in the peers section: -L peerctl-hold; a tool that runs on needs one for itself";
        return Err(Failure::misuse("hold needs a name among the peers", help));
    }
    let hold = Hold { view, args, began: clock::now() };
    let (targets, listen) = hold.peers()?;
    let guard = files::Guard::note();
    let exit = hold.stand_by(&targets, listen);
    drop(guard);
    exit
}

struct Hold<'a> {
    view: &'a View,
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
    fn stand_by(&self, targets: &Targets, listen: Option<Listen>) -> Result<Exit, Failure> {
        let us = targets.peers.first().map(|target| target.us.clone()).unwrap_or_default();
        let mut manager = Manager::find(self.began);
        let wall = WallClock::default();
        let (standby, state) = restore::restore(self.args, &wall)?;
        let keeper = Keeper::new(&us, standby, state, wall);
        let ended = node::run(async {
            let (mut signals, mut hangups) = daemon::signals()?;
            let control = Control::new();
            let options = node::Options { answer: Answer::Owner, ..node::Options::new(&us) };
            let node = Rc::new(Node::new(options, control.clone(), keeper));
            let _control = self.control(&node).await?;
            let _metrics = self.metrics(&node).await?;
            let mut roster = Roster::default();
            roster.change(&node, &control, targets, listen).await?;
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
                    if daemon::hung_up(&mut hangups).await {
                        tell(&[self.reread(&mut roster, &node, &control).await]);
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
            node.handler().stopping = true;
            daemon::goodbye(&node, &control, &mut signals).await;
            let mut keeper = node.handler();
            tell(std::mem::take(&mut keeper.messages));
            Ok::<_, Failure>((ending, keeper.state.take(), summary(&keeper, self.began)))
        });
        let (ending, state, summary) = ended.map_err(|error| Failure::events(&error))??;
        let finished = state.map_or(Ok(()), |state| state.finish(LAST_LINES));
        tell(&[summary]);
        match (ending, finished) {
            (Ending::Failed(failure), _) | (_, Err(failure)) => Err(failure),
            (Ending::Disk, Ok(())) => Err(Failure::new(Exit::Io, "the state file can't be written any more", "")),
            (Ending::Signal, Ok(())) => Ok(Exit::Done),
        }
    }

    /// Whom to call, and where they call us.
    fn peers(&self) -> Result<(Targets, Option<Listen>), Failure> {
        let targets = target::resolve(self.view, &self.args.connect, &self.args.peers, Identity::Listed)?;
        tell(&targets.notes);
        if targets.listen.is_some() {
            let listen = targets.listen.clone();
            return Ok((targets, listen));
        }
        let listen = target::own_listener(&self.args.connect, &targets).unwrap_or_else(|failure| {
            // It isn't needed: we call them.
            tell(&[format!("nothing listens: {}; the peers are called", failure.message())]);
            None
        });
        Ok((targets, listen))
    }

    /// Reads configuration and certificates again; what can't be used changes nothing. Says what became of it.
    async fn reread(&self, roster: &mut Roster, node: &Node<Keeper>, control: &Control) -> String {
        let changed = match self.peers() {
            Ok((targets, listen)) => roster.change(node, control, &targets, listen).await,
            Err(failure) => Err(failure),
        };
        match changed {
            Ok(changes) => format!("SIGHUP: read again; {changes}"),
            Err(failure) => format!("SIGHUP: nothing changes: {}", failure.message()),
        }
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
    let (health, news) = keeper.state.as_mut().map(StateFile::news).unzip();
    messages.extend(news.flatten());
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
    let peers: Vec<String> = keeper.current().map(|(_, at)| peer(at)).collect();
    let entries: usize = keeper.standby.tables().iter().map(|held| held.store().len()).sum();
    let lost = keeper.standby.lost() + keeper.unwritten;
    let lost = if lost > 0 { format!("; for {lost} entries there was no room") } else { String::new() };
    format!("{entries} entries held; {} in {seconds:.1} s{lost}", peers.join(", "))
}
