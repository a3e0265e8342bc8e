//! The running aggregator: learns from all sources, adds up and publishes, until a signal comes.

mod control;
mod learning;
mod metrics;
mod outlet;
mod peer;
mod runner;
mod sending;
mod state;
pub(in crate::cli) mod status;

use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::options::Options;
use crate::cli::args::AggregateArgs;
use crate::cli::daemon::Manager;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::instances::shown;
use crate::cli::stderr::tell;
use crate::cli::stdout;
use crate::cli::target::Listen;
use crate::cli::view::View;
use crate::node::commands::ControlSocket;
use crate::node::shutdown::{Hangups, Signals};
use crate::node::{self, Control, ListenError, Listener, Node, Retry, clock};
use crate::proto::session::Answer;

use runner::Runner;

/// How often it is looked whether something is to be done that no session asks for.
const TICK: Duration = Duration::from_millis(50);

/// How often `--dry-run` shows how it goes.
const SHOW: Duration = Duration::from_secs(5);

/// How long the last words to peers may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// How long the last lines may take to become durable.
const LAST_LINES: Duration = Duration::from_millis(600);

/// The longest wait between two calls of a node: one that comes up cold asks within five seconds, and must have us by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs until a signal comes; SIGHUP has the options read again.
///
/// # Errors
/// If a listener, the state file or a socket can't be used, or nothing more can be written.
pub fn run(view: &View, args: &AggregateArgs, options: Options) -> Result<Exit, Failure> {
    let guard = files::Guard::note();
    let mut manager = Manager::find(clock::now());
    let (mut options, mut runner) = (options, None);
    let exit = loop {
        let next = match runner.take() {
            Some(runner) => runner,
            None => Runner::new(&options)?,
        };
        let mut round = Round { options: &options, manager: manager.as_mut(), began: clock::now() };
        let again = || super::options(view, args).map_err(|failure| failure.text(&view.messages()));
        match round.run(next, again)? {
            Ended::Over(exit) => break exit,
            Ended::Reload(new, next) => (options, runner) = (*new, Some(*next)),
        }
    };
    drop(guard);
    Ok(exit)
}

/// How a round ended.
enum Ended {
    Over(Exit),
    /// Others are meant from now on; what was learned is kept.
    Reload(Box<Options>, Box<Runner>),
}

/// Why the sessions of a round end.
enum Why {
    Signal,
    Disk,
    Reload(Box<Options>),
}

/// From one reading of the options to the next.
struct Round<'a> {
    options: &'a Options,
    manager: Option<&'a mut Manager>,
    began: Instant,
}

impl Round<'_> {
    fn run(&mut self, runner: Runner, again: impl Fn() -> Result<Options, String>) -> Result<Ended, Failure> {
        let options = self.options;
        let mut calls = Vec::new();
        for target in options.sections.iter().flat_map(|section| &section.targets) {
            let call = target.address.as_ref().map(|_| target.call(Retry::Always)).transpose()?;
            let call = call.map(|call| node::Target { patience: PATIENCE, ..call });
            calls.push((target.name.clone().unwrap_or_default(), target.certificate_names(), call));
        }
        let listen = options.listeners.iter().map(Listen::options).collect::<Result<Vec<_>, _>>()?;
        let ended = node::run(async {
            let (mut signals, mut hangups) = match (Signals::new(), Hangups::new()) {
                (Ok(signals), Ok(hangups)) => (signals, hangups),
                (Err(error), _) | (_, Err(error)) => return Err(Failure::io("sigaction", "", &error)),
            };
            let control = Control::new();
            let node_options = node::Options { answer: Answer::Owner, ..node::Options::new(&options.us) };
            let node = Rc::new(Node::new(node_options, control.clone(), runner.with(control.clone())));
            for listen in listen {
                let failed = |error: ListenError| Failure::new(Exit::Io, error.to_string(), "");
                node.listen(Listener::bind(listen).await.map_err(failed)?);
            }
            crate::cli::target::warn_if_insecure(&node);
            let _control = self.control(&node).await?;
            let _metrics = metrics::serve(options, &node).await?;
            for (name, certificate_names, call) in calls {
                match call {
                    Some(call) => node.dial(call),
                    None => node.expect(&name, certificate_names),
                };
            }
            if let Some(manager) = &self.manager {
                manager.tell("READY=1");
            }
            let mut shown_at = clock::now();
            let why = {
                let mut ended = pin!(signals.next());
                loop {
                    let then = clock::now() + TICK;
                    if clock::until(then, ended.as_mut()).await.is_some() {
                        break Why::Signal;
                    }
                    let mut reload = false;
                    while clock::until(clock::now(), hangups.next()).await.is_some() {
                        reload = true;
                    }
                    if reload {
                        match again() {
                            Ok(new) => break Why::Reload(Box::new(new)),
                            Err(text) => tell(&[format!("SIGHUP: nothing changes: {text}")]),
                        }
                    }
                    if !turn(&node, &control) {
                        break Why::Disk;
                    }
                    if options.dry_run && clock::now() >= shown_at + SHOW {
                        shown_at = clock::now();
                        show(&node)?;
                    }
                    if let Some(manager) = &mut self.manager {
                        manager.pulse(clock::now());
                    }
                }
            };
            if let (Some(manager), false) = (&self.manager, matches!(why, Why::Reload(_))) {
                manager.tell("STOPPING=1");
            }
            node.handler().stopping = true;
            control.wake_all();
            let _said = clock::until(clock::now() + TICK, signals.next()).await;
            control.stop_all();
            let _gone = clock::until(clock::now() + GOODBYE, node.finished()).await;
            let next = match why {
                Why::Reload(new) => match node.handler().successor(&new) {
                    Ok(next) => {
                        tell(&["SIGHUP: the options were read again".to_owned()]);
                        return Ok(Ended::Reload(new, Box::new(next)));
                    }
                    // What was learned is gone with the sessions; so the old options can't go on either.
                    Err(failure) => return Err(failure),
                },
                why => why,
            };
            if options.dry_run {
                show(&node)?;
            }
            let mut runner = node.handler();
            tell(std::mem::take(&mut runner.messages));
            let finished = runner.finish(LAST_LINES);
            tell(&[status::summary(&runner, self.began)]);
            finished?;
            Ok(Ended::Over(match next {
                Why::Disk => Exit::Io,
                Why::Signal | Why::Reload(_) => Exit::Done,
            }))
        });
        ended.map_err(|error| Failure::io("epoll", "", &error))?
    }

    async fn control(&self, node: &Rc<Node<Runner>>) -> Result<Option<ControlSocket>, Failure> {
        let Some(control) = &self.options.control else { return Ok(None) };
        let weak = Rc::downgrade(node);
        let socket = ControlSocket::start(&control.path, control.mode, move |line| control::answer(&weak, line)).await;
        socket.map(Some).map_err(|error| Failure::io("can't listen at", &shown(&control.path), &error))
    }
}

/// Shows how it goes.
fn show(node: &Node<Runner>) -> Result<(), Failure> {
    let text = status::of(&mut node.handler()).human();
    Ok(stdout::print(|out| std::io::Write::write_all(out, text.as_bytes()))?)
}

/// What is done again and again; `false` if it can't go on.
fn turn(node: &Node<Runner>, control: &Control) -> bool {
    let mut runner = node.handler();
    let goes_on = runner.turn(clock::now());
    tell(std::mem::take(&mut runner.messages));
    let owes = runner.owes();
    drop(runner);
    if owes {
        control.wake_all();
    }
    goes_on
}
