//! The running aggregator: learns from all sources, adds up and publishes, until a signal comes.

mod control;
mod doors;
mod learning;
mod metrics;
mod outlet;
mod peer;
mod runner;
mod sending;
mod state;
pub(in crate::cli) mod status;

use std::rc::Rc;
use std::time::Duration;

use super::options::Options;
use crate::cli::args::AggregateArgs;
use crate::cli::daemon::{self, LAST_LINES, Manager, PATIENCE, TICK};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::stderr::tell;
use crate::cli::stdout;
use crate::cli::view::View;
use crate::node::{self, Control, Listener, Node, Retry, clock};
use crate::proto::session::Answer;

use doors::Doors;
use runner::Runner;

/// How often `--dry-run` shows how it goes.
const SHOW: Duration = Duration::from_secs(5);

/// Runs until a signal comes; SIGHUP has the options read again.
///
/// # Errors
/// If a listener, the state file or a socket can't be used, or nothing more can be written.
pub fn run(view: &View, args: &AggregateArgs, options: Options) -> Result<Exit, Failure> {
    let guard = files::Guard::note();
    let again = || super::options(view, args);
    let said = |failure: &Failure| failure.text(&view.messages());
    let ended = node::run(serve(options, again, said)).map_err(|error| Failure::events(&error))?;
    drop(guard);
    ended
}

async fn serve(
    options: Options,
    again: impl Fn() -> Result<Options, Failure>,
    said: impl Fn(&Failure) -> String,
) -> Result<Exit, Failure> {
    let (mut signals, mut hangups) = daemon::signals()?;
    let mut manager = Manager::find(clock::now());
    let began = clock::now();
    let runner = Runner::new(&options)?;
    let mut round = Round::prepare(options, runner, &Doors::default()).await?;
    loop {
        let Round { options, runner, calls, listeners, doors } = round;
        let control = Control::new();
        let node_options = node::Options { answer: Answer::Owner, ..node::Options::new(&options.us) };
        let node = Rc::new(Node::new(node_options, control.clone(), runner.with(control.clone())));
        doors.lead_to(&node);
        for listener in listeners {
            node.listen(listener);
        }
        crate::cli::target::warn_if_insecure(&node);
        for (name, certificate_names, call) in calls {
            match call {
                Some(call) => node.dial(call),
                None => node.expect(&name, certificate_names),
            };
        }
        if let Some(manager) = &manager {
            manager.tell("READY=1");
        }
        let mut shown_at = clock::now();
        let why = loop {
            let then = clock::now() + TICK;
            if clock::until(then, signals.next()).await.is_some() {
                break Why::Signal;
            }
            if daemon::hung_up(&mut hangups).await {
                match Round::after(&node, &doors, &again).await {
                    Ok(next) => break Why::Reload(Box::new(next)),
                    Err(failure) => tell(&[format!("SIGHUP: nothing changes: {}", said(&failure))]),
                }
            }
            if !turn(&node, &control) {
                break Why::Disk;
            }
            if options.dry_run && clock::now() >= shown_at + SHOW {
                shown_at = clock::now();
                show(&node)?;
            }
            if let Some(manager) = &mut manager {
                manager.pulse(clock::now());
            }
        };
        if let (Some(manager), false) = (&manager, matches!(why, Why::Reload(_))) {
            manager.tell("STOPPING=1");
        }
        node.handler().stopping = true;
        daemon::goodbye(&node, &control, &mut signals).await;
        let exit = match why {
            Why::Reload(mut next) => {
                let mut last = node.handler();
                next.runner.take_over(&mut last, &next.options);
                if let Err(failure) = last.finish(LAST_LINES) {
                    tell(&[failure.message().to_owned()]);
                }
                tell(&["SIGHUP: the options were read again".to_owned()]);
                round = *next;
                continue;
            }
            Why::Disk => Exit::Io,
            Why::Signal => Exit::Done,
        };
        if options.dry_run {
            show(&node)?;
        }
        let mut runner = node.handler();
        tell(std::mem::take(&mut runner.messages));
        let summary = status::summary(&runner, began);
        let finished = runner.finish(LAST_LINES);
        tell(&[summary]);
        return finished.map(|()| exit);
    }
}

/// Why the sessions of a round end.
enum Why {
    Signal,
    Disk,
    /// Others are meant from now on; what was learned is kept.
    Reload(Box<Round>),
}

/// What runs from one reading of the options to the next, with everything opened that may fail.
struct Round {
    options: Options,
    runner: Runner,
    calls: Vec<Call>,
    listeners: Vec<Listener>,
    doors: Doors,
}

/// A peer's name, the names its certificate may have, and how it is called, if it is.
type Call = (Box<[u8]>, Vec<String>, Option<node::Target>);

impl Round {
    async fn prepare(options: Options, runner: Runner, open: &Doors) -> Result<Self, Failure> {
        let mut calls = Vec::new();
        for target in options.sections.iter().flat_map(|section| &section.targets) {
            let call = target.address.as_ref().map(|_| target.call(Retry::Always)).transpose()?;
            let call = call.map(|call| node::Target { patience: PATIENCE, ..call });
            calls.push((target.name.clone().unwrap_or_default(), target.certificate_names(), call));
        }
        let (doors, listeners) = open.open(&options).await?;
        Ok(Self { options, runner, calls, listeners, doors })
    }

    /// The round that may follow, read anew. As long as this can fail nothing of the one that runs has ended.
    async fn after(
        node: &Node<Runner>,
        doors: &Doors,
        again: impl Fn() -> Result<Options, Failure>,
    ) -> Result<Self, Failure> {
        let options = again()?;
        let runner = node.handler().prepare(&options)?;
        Self::prepare(options, runner, doors).await
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
