//! `peerctl watch`: follows peers, and shows or records what changes.

mod channel;
mod follower;
mod held;
mod ledger;
mod lines;
mod outlet;
mod peer;
mod wall;

use std::future::{Future as _, poll_fn};
use std::io::IsTerminal as _;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::args::{WatchArgs, WatchFormat};
use super::dump::tell;
use super::exit::Exit;
use super::failure::Failure;
use super::files::{self, Recording};
use super::recorder::{Patience, Recorder};
use super::spool::{Destination, LAST_WORDS, Spool};
use super::target::{self, Identity, Listen, Tables, Targets};
use super::view::View;
use crate::node::{self, Control, ListenError, Listener, Node, Retry, clock};
use crate::record::Checksum;

use channel::Channel;
use follower::Follower;
use lines::Lines;
use outlet::{Counts, Outlet};
use peer::Peer;
use wall::WallClock;

/// How often it is looked whether something is to be done.
const TICK: Duration = Duration::from_millis(50);

/// How often peers are looked at that say nothing but that they are there.
const LOOK: Duration = Duration::from_millis(500);

/// How long the last words to peers may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// Follows peers until a signal comes, time is up, or there is nobody left to show anything to.
///
/// # Errors
/// For misuse, a table that nobody has, a name that is taken over again and again, or if nothing can be written.
pub fn run(view: &View, args: &WatchArgs) -> Result<Exit, Failure> {
    let targets = target::resolve(view, &args.connect, &args.peers, Identity::Listed)?;
    let guard = files::Guard::note();
    tell(&targets.notes);
    let watch = Watch { args, tables: Tables::parse(&args.select.table)?, began: clock::now() };
    let exit = watch.follow(&targets);
    drop(guard);
    exit
}

struct Watch<'a> {
    args: &'a WatchArgs,
    tables: Tables,
    began: Instant,
}

/// Why following ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// Time was up, or there were as many entries as were wanted.
    Enough,
    /// Nobody reads any more, or nothing more can be written.
    Gone,
    /// Nobody is left to follow.
    Alone,
    /// It can't go on.
    Failed,
    /// A signal came: its number.
    Interrupted(i32),
}

impl Watch<'_> {
    fn follow(&self, targets: &Targets) -> Result<Exit, Failure> {
        let calls = targets.peers.iter().filter(|_| targets.listen.is_none());
        let calls = calls.map(|target| target.call(Retry::Always)).collect::<Result<Vec<_>, _>>()?;
        let listen = targets.listen.as_ref().map(Listen::options).transpose()?;
        let us = targets.peers.first().map(|target| target.us.clone()).unwrap_or_default();
        let peer =
            |target: &target::Target| Peer::new(target.name.clone().unwrap_or_default(), target.shown(), self.began);
        let follower = Follower::new(
            targets.peers.iter().map(peer).collect(),
            self.tables.clone(),
            self.outlets()?,
            self.args.count,
        );
        let ended = node::run(async {
            let control = Control::new();
            let node = Node::new(node::Options::new(&us), control.clone(), follower);
            for call in calls {
                node.dial(call);
            }
            if let Some(options) = listen {
                for target in &targets.peers {
                    node.expect(target.name.as_deref().unwrap_or_default(), target.certificate_names());
                }
                node.listen(Listener::bind(options).await?);
            }
            let mut finished = pin!(node.finished());
            let ending = self.rounds(&node, &control, finished.as_mut()).await;
            node.handler().stopping = true;
            control.stop_all();
            until(clock::now() + GOODBYE, finished.as_mut()).await;
            let empty = Follower::new(Vec::new(), Tables::default(), Vec::new(), None);
            let follower = std::mem::replace(&mut *node.handler(), empty);
            Ok((ending, follower))
        });
        let ended: Result<_, ListenError> = ended.map_err(|error| Failure::io("epoll", "", &error))?;
        let (ending, follower) = ended.map_err(|error| Failure::new(Exit::Io, error.to_string(), ""))?;
        self.end(ending, follower)
    }

    fn outlets(&self) -> Result<Vec<Outlet>, Failure> {
        let time = WallClock::new().at(self.began);
        let mut outlets = Vec::new();
        let lines = match self.args.format.unwrap_or(WatchFormat::Ndjson) {
            WatchFormat::Text => Lines::text(),
            _ => Lines::records(Checksum::None),
        };
        outlets.push(Outlet::new(lines, Channel::Stdout(Spool::start(Destination::Stdout)), time)?);
        if let Some(path) = &self.args.record {
            let (recording, found) = Recording::open(path)?;
            let name = recording.shown();
            if found.cut > 0 {
                tell(&[format!("{name}: {} bytes of a torn end were cut off", found.cut)]);
            }
            let channel = Channel::Recording(Recorder::start(recording, name, Patience::default()));
            outlets.push(Outlet::new(Lines::records(Checksum::Crc32c), channel, time)?);
        }
        Ok(outlets)
    }

    /// Looks at everything again and again until there is a reason to end.
    async fn rounds(
        &self,
        node: &Node<Follower>,
        control: &Control,
        mut finished: Pin<&mut impl Future<Output = ()>>,
    ) -> Ending {
        let limit = self.args.duration.map(|duration| self.began + Duration::from_millis(duration.ms().into()));
        let mut looked = self.began;
        loop {
            let tick = clock::now() + TICK;
            let tick = limit.map_or(tick, |limit| limit.min(tick));
            if until(tick, finished.as_mut()).await.is_some() {
                return if node.handler().failed.is_some() { Ending::Failed } else { Ending::Alone };
            }
            if let Some(signal) = files::interrupted() {
                return Ending::Interrupted(signal);
            }
            let now = clock::now();
            let mut follower = node.handler();
            follower.tick(now);
            tell(&std::mem::take(&mut follower.messages));
            if follower.failed.is_some() {
                return Ending::Failed;
            }
            if follower.outlets.iter_mut().any(Outlet::is_gone) {
                return Ending::Gone;
            }
            if follower.has_enough() || limit.is_some_and(|limit| now >= limit) {
                return Ending::Enough;
            }
            let wake = follower.owes() || now >= looked + LOOK;
            drop(follower);
            if wake {
                looked = now;
                control.wake_all();
            }
        }
    }

    /// Writes what is left and says how it went.
    fn end(&self, ending: Ending, mut follower: Follower) -> Result<Exit, Failure> {
        let limit = matches!(ending, Ending::Interrupted(_)).then(|| clock::now() + LAST_WORDS);
        let mut drained = false;
        while !drained {
            follower.tick(clock::now());
            let behind = follower.outlets.iter_mut().any(|outlet| outlet.is_behind() && !outlet.is_gone());
            let late = limit.is_some_and(|limit| clock::now() >= limit) || ending == Ending::Gone;
            drained = !behind || late || limit.is_none() && files::interrupted().is_some();
            if !drained {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let complete = follower.has_all() && follower.dropped == 0;
        let mut counts = Counts::default();
        let mut result = Ok(());
        for outlet in std::mem::take(&mut follower.outlets) {
            let (channel, all) = outlet.end(complete);
            counts = all;
            let patience = limit.map(|limit| limit.saturating_duration_since(clock::now()));
            result = result.and(channel.finish(patience));
        }
        tell(&std::mem::take(&mut follower.messages));
        if let Some(failure) = follower.failed.take() {
            return Err(failure);
        }
        let silent = matches!(&result, Err(failure) if failure.exit == Exit::Done);
        if !silent && (std::io::stderr().is_terminal() || matches!(ending, Ending::Interrupted(_)) || counts.lost > 0) {
            tell(&[self.summary(&follower, counts)]);
        }
        match ending {
            Ending::Interrupted(15) => return Ok(Exit::Terminated),
            Ending::Interrupted(_) => return Ok(Exit::Interrupted),
            _ => result?,
        }
        Ok(match () {
            () if follower.peers.iter().any(|peer| peer.sessions == 0) => Exit::Io,
            () if counts.lost > 0 || follower.dropped > 0 || !follower.has_all() => Exit::Incomplete,
            () => Exit::Done,
        })
    }

    /// One line about everything.
    fn summary(&self, follower: &Follower, counts: Counts) -> String {
        let seconds = clock::now().saturating_duration_since(self.began).as_secs_f64();
        let peers: Vec<String> = follower
            .peers
            .iter()
            .map(|peer| format!("{}: {} updates in {} sessions", peer.shown, peer.updates, peer.sessions))
            .collect();
        let mut text = format!("{} entries written in {seconds:.1} s ({})", counts.entries, peers.join(", "));
        if counts.merged > 0 {
            text.push_str(&format!(
                "; {} more were replaced by later states before they could be written",
                counts.merged
            ));
        }
        let lost = counts.lost + follower.dropped;
        if lost > 0 {
            text.push_str(&format!("; {lost} were lost"));
        }
        text
    }
}

/// What `future` gives, if it ends before that time.
async fn until<F: Future>(then: Instant, mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut limit = pin!(clock::sleep_until(then));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => limit.as_mut().poll(cx).map(|()| None),
    })
    .await
}
