//! The main loop: looks at everything again and again until there is a reason to end.

use std::pin::pin;
use std::time::{Duration, Instant};

use super::ending::Ending;
use super::follower::{Follower, Message};
use super::outlet::Outlet;
use super::recording;
use super::ui::{Ui, Wish};
use crate::cli::args::WatchArgs;
use crate::cli::files;
use crate::cli::stderr::tell;
use crate::node::{Control, Node, clock};

/// How often it is looked whether something is to be done.
const TICK: Duration = Duration::from_millis(50);

/// How often peers are looked at that say nothing but that they are there.
const LOOK: Duration = Duration::from_millis(500);

/// How long the end of a recording may take while peers are followed on.
const PATIENCE: Duration = Duration::from_secs(2);

/// The loop and its screen.
pub(super) struct Rounds<'a> {
    args: &'a WatchArgs,
    ui: Option<Ui>,
    limit: Option<Instant>,
    looked: Instant,
    /// Messages that would spoil the screen.
    said: Vec<String>,
    /// The trouble with the recording that was told last.
    trouble: Option<String>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(args: &'a WatchArgs, ui: Option<Ui>, began: Instant) -> Self {
        let limit = args.duration.map(|duration| began + Duration::from_millis(duration.ms().into()));
        Self { args, ui, limit, looked: began, said: Vec::new(), trouble: None }
    }

    /// Runs until there is a reason to end.
    pub(super) async fn run(&mut self, node: &Node<Follower>, control: &Control) -> Ending {
        let mut finished = pin!(node.finished());
        loop {
            let tick = clock::now() + TICK;
            let tick = self.limit.map_or(tick, |limit| limit.min(tick));
            if clock::until(tick, finished.as_mut()).await.is_some() {
                let failed = node.handler().failed.is_some();
                return if failed { Ending::Failed } else { Ending::Alone };
            }
            if let Some(signal) = files::interrupted() {
                return Ending::Interrupted(signal);
            }
            let now = clock::now();
            let mut follower = node.handler();
            if let Some(ending) = self.round(now, &mut follower) {
                return ending;
            }
            let wake = follower.owes() || now >= self.looked + LOOK;
            drop(follower);
            if wake {
                self.looked = now;
                control.wake_all();
            }
        }
    }

    /// Gives the terminal back; returns what was not said on it.
    pub(super) fn end(self) -> Vec<String> {
        drop(self.ui);
        self.said
    }

    fn round(&mut self, now: Instant, follower: &mut Follower) -> Option<Ending> {
        follower.tick(now);
        self.tell(now, follower);
        if follower.failed.is_some() {
            return Some(Ending::Failed);
        }
        if follower.outlets.iter_mut().any(Outlet::is_gone) {
            return Some(Ending::Gone);
        }
        if follower.has_enough() || self.limit.is_some_and(|limit| now >= limit) {
            return Some(Ending::Enough);
        }
        let ui = self.ui.as_mut()?;
        let recording = follower.outlets.iter().find_map(Outlet::recording);
        match ui.turn(now, follower, recording) {
            Ok(None) => {}
            Ok(Some(Wish::Quit)) => return Some(Ending::Enough),
            Ok(Some(Wish::Interrupt)) => return Some(Ending::Interrupted(2)),
            Ok(Some(Wish::Record)) => self.record(now, follower),
            Err(error) => {
                self.said.push(format!("the terminal: {error}"));
                return Some(Ending::Gone);
            }
        }
        self.ui.as_ref().is_some_and(Ui::is_gone).then_some(Ending::Gone)
    }

    /// Says what is new about peers and the disk.
    fn tell(&mut self, now: Instant, follower: &mut Follower) {
        let mut lines = std::mem::take(&mut follower.messages);
        let trouble = follower.outlets.iter().find_map(Outlet::recording).and_then(|recording| recording.trouble);
        if trouble != self.trouble {
            let text = match &trouble {
                Some(why) => format!("the disk takes nothing: {why}; nothing is acknowledged, trying for 30 s"),
                None => "the disk takes the recording again".to_owned(),
            };
            lines.push(Message { text, shown: true });
            self.trouble = trouble;
        }
        match &mut self.ui {
            None => tell(lines.into_iter().map(|line| line.text).collect::<Vec<_>>()),
            Some(ui) => {
                if let Some(line) = lines.iter().rfind(|line| !line.shown) {
                    ui.notice(now, line.text.clone());
                }
                self.said.extend(lines.into_iter().map(|line| line.text));
                // The last ones count.
                let old = self.said.len().saturating_sub(100);
                self.said.drain(..old);
            }
        }
    }

    /// Begins a recording, or ends it.
    fn record(&mut self, now: Instant, follower: &mut Follower) {
        let running = follower.outlets.iter().position(|outlet| outlet.recording().is_some());
        let text = if let Some(at) = running {
            follower.tick(now);
            let outlet = follower.outlets.remove(at);
            let name = outlet.recording().map(|recording| recording.name).unwrap_or_default();
            let complete = follower.has_all();
            let (channel, counts) = outlet.end(complete);
            match channel.finish(Some(PATIENCE)) {
                Ok(()) => format!("{name}: {} entries recorded", counts.entries),
                Err(failure) => failure.text(&crate::output::diagnostic::Look::default()),
            }
        } else {
            let path = self.args.record.clone().unwrap_or_else(|| recording::path(follower.wall.at(now)));
            match recording::begin(follower, &path, now) {
                Ok(None) => format!("recording into {}", path.display()),
                Ok(Some(cut)) => cut,
                Err(failure) => failure.text(&crate::output::diagnostic::Look::default()),
            }
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.said.push(text.clone());
        if let Some(ui) = &mut self.ui {
            ui.notice(now, text);
        }
    }
}
