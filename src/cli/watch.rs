//! `peerctl watch`: follows peers, and shows or records what changes.

mod channel;
mod ending;
mod follower;
mod held;
mod lines;
mod metrics;
mod outlet;
mod peer;
mod recording;
mod rounds;
mod terminal;
mod ui;
mod view;
pub(in crate::cli) use view::usual_sort;

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::args::{WatchArgs, WatchFormat};
use super::exit::Exit;
use super::failure::Failure;
use super::files;
use super::spool::{Destination, Spool};
use super::stderr::tell;
use super::target::{self, Identity, Listen, Tables, Targets};
use super::view::View;
use super::wall::WallClock;
use crate::escape;
use crate::node::metrics::Server;
use crate::node::{self, Control, Listener, Node, Retry, clock};
use crate::output::screen::Look;
use crate::record::Checksum;
use crate::table::Where;

use channel::Channel;

use follower::{Follower, Selection};
use lines::Lines;
use metrics::Top;
use outlet::Outlet;
use peer::Peer;
use rounds::Rounds;
use ui::{Chosen, Ui};

/// How long the last words to peers may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// Follows peers until a signal comes, time is up, or there is nobody left to show anything to.
///
/// # Errors
/// For misuse, a table that nobody has, a name that is taken over again and again, or if nothing can be written.
pub fn run(view: &View, args: &WatchArgs) -> Result<Exit, Failure> {
    let format = match args.format {
        Some(WatchFormat::Tui) if !terminal::is_there() => {
            return Err(Failure::misuse("--format tui needs a terminal", "use --format text or ndjson"));
        }
        Some(format) => format,
        None if terminal::is_there() => WatchFormat::Tui,
        None => WatchFormat::Ndjson,
    };
    refuse_idle(args, format)?;
    let filter = match args.select.filter.as_deref() {
        None => None,
        Some(text) => Some(Where::parse(text).map_err(|error| {
            let at = error.span.start + 1;
            Failure::misuse(format!("--where: {error}, at column {at}"), "the grammar: peerctl grammar where")
        })?),
    };
    let targets = target::resolve(view, &args.connect, &args.peers, Identity::Listed)?;
    let guard = files::Guard::note();
    tell(&targets.notes);
    let watch = Watch { view, args, format, filter, tables: Tables::parse(&args.select.table)?, began: clock::now() };
    let exit = watch.follow(&targets);
    drop(guard);
    exit
}

/// Refuses what only a screen, or a list of the largest values, has a use for.
fn refuse_idle(args: &WatchArgs, format: WatchFormat) -> Result<(), Failure> {
    if format == WatchFormat::Tui {
        return Ok(());
    }
    let top = args.metrics_top.is_some();
    let list =
        "on a terminal, --format tui; for a list of the largest values now, `peerctl dump --sort TYPE --limit N`";
    let sums = "on a terminal, --format tui; for monitoring, `--metrics :9199 --metrics-top 20 --sum`";
    let idle = [
        ("--sum", args.sum && !top, sums),
        ("--sort", args.select.sort.is_some() && !top, list),
        ("--limit", args.select.limit.is_some(), list),
    ];
    match idle.iter().find(|(_, given, _)| *given) {
        None => Ok(()),
        Some((flag, _, help)) => Err(Failure::misuse(
            format!("{flag} is about a screen: lines are printed one by one as changes come"),
            *help,
        )),
    }
}

struct Watch<'a> {
    view: &'a View,
    args: &'a WatchArgs,
    format: WatchFormat,
    filter: Option<Where>,
    tables: Tables,
    began: Instant,
}

impl Watch<'_> {
    fn follow(&self, targets: &Targets) -> Result<Exit, Failure> {
        let calls = targets.peers.iter().filter(|_| targets.listen.is_none());
        let calls = calls.map(|target| target.call(Retry::Always)).collect::<Result<Vec<_>, _>>()?;
        let listen = targets.listen.as_ref().map(Listen::options).transpose()?;
        let us = targets.peers.first().map(|target| target.us.clone()).unwrap_or_default();
        let follower = self.follower(targets)?;
        let ended = node::run(async {
            let control = Control::new();
            let node = Rc::new(Node::new(node::Options::new(&us), control.clone(), follower));
            let _server = self.metrics(&node).await?;
            if let Some(options) = listen {
                for target in &targets.peers {
                    node.expect(target.name.as_deref().unwrap_or_default(), target.certificate_names());
                }
                node.listen(Listener::bind(options).await?);
                target::warn_if_insecure(&node);
            }
            for call in calls {
                node.dial(call);
            }
            let mut rounds = Rounds::new(self.args, self.ui(targets)?, self.began);
            let ending = rounds.run(&node, &control).await;
            node.handler().stopping = true;
            control.stop_all();
            clock::until(clock::now() + GOODBYE, node.finished()).await;
            let follower =
                std::mem::replace(&mut *node.handler(), Follower::new(Vec::new(), Selection::default(), Vec::new()));
            // The terminal is as it was before anything more is said.
            Ok::<_, Failure>((ending, follower, rounds.end()))
        });
        let (ending, follower, said) = ended.map_err(|error| Failure::events(&error))??;
        tell(&said);
        ending::end(follower, ending, self.began)
    }

    async fn metrics(&self, node: &Rc<Node<Follower>>) -> Result<Option<Server>, Failure> {
        let Some(address) = &self.args.metrics else { return Ok(None) };
        let keys = self.args.metrics_top.map_or(0, usize::from);
        let top = Top { keys, sort: self.args.select.sort.clone(), sum: self.args.sum };
        let server = metrics::serve(address, node, top).await?;
        if let Some(address) = server.address() {
            let reachable =
                if address.ip().is_loopback() { "" } else { "; whoever reaches that address can read them" };
            tell(&[format!("metrics: http://{address}/metrics{reachable}")]);
        }
        Ok(Some(server))
    }

    fn follower(&self, targets: &Targets) -> Result<Follower, Failure> {
        let now = self.began;
        let peer = |target: &target::Target| Peer::new(target.name.clone().unwrap_or_default(), target.shown(), now);
        let mut outlets = Vec::new();
        let lines = match self.format {
            WatchFormat::Tui => None,
            WatchFormat::Text => Some(Lines::text()),
            WatchFormat::Ndjson => Some(Lines::records(Checksum::None)),
        };
        if let Some(lines) = lines {
            let channel = Channel::Stdout(Spool::start(Destination::Stdout));
            outlets.push(Outlet::new(lines, channel, WallClock::default().at(now))?);
        }
        // What the screen shows is chosen there.
        let filter = self.filter.clone().filter(|_| self.format != WatchFormat::Tui);
        let selection = Selection { tables: self.tables.clone(), filter, count: self.args.count };
        let mut follower = Follower::new(targets.peers.iter().map(peer).collect(), selection, outlets);
        if let Some(path) = &self.args.record {
            let cut = recording::begin(&mut follower, path, now)?;
            tell(cut.into_iter().collect::<Vec<_>>());
        }
        Ok(follower)
    }

    fn ui(&self, targets: &Targets) -> Result<Option<Ui>, Failure> {
        if self.format != WatchFormat::Tui {
            return Ok(None);
        }
        let us = targets.peers.first().map(|target| escape::name(&target.us)).unwrap_or_default();
        let section = targets.configuration.as_ref().map(|configuration| escape::name(&configuration.section));
        let select = &self.args.select;
        let chosen = Chosen {
            title: section.map_or_else(|| format!("as {us}"), |section| format!("{section} as {us}")),
            look: Look { color: self.view.color(true), unicode: self.view.messages().unicode },
            sort: select.sort.clone(),
            limit: select.limit,
            sum: self.args.sum,
            filter: select.filter.clone().zip(self.filter.clone()),
        };
        Ui::new(chosen, self.began).map(Some)
    }
}
