//! The handler of those who learn.

use std::time::{Duration, Instant};

use super::{BORROWED, Lesson, Pupil, Stage};
use crate::cli::target::{Identity, Target};
use crate::node::{Control, Handler, LinkError, LinkState, Next, PeerIndex};
use crate::proto::Session;
use crate::proto::hello::{Status, Version};
use crate::proto::session::{Closed, Event};
use crate::proto::update::ServerKey;
use crate::record::SessionEvent;

/// Learns from each peer.
pub(super) struct Learner<P> {
    pupil: Option<P>,
    control: Control,
    began: Instant,
    who: Identity,
    /// A session that is lost isn't the end: another one will come.
    patient: bool,
    peers: Vec<Peer>,
}

struct Peer {
    lesson: Lesson,
    version: Version,
    /// When the session began; `None` without one.
    since: Option<Instant>,
    /// When to ask.
    ask: Option<Instant>,
    /// Nothing more is to be had.
    over: bool,
}

impl<P: Pupil> Learner<P> {
    pub(super) fn new(
        pupil: P,
        targets: &[Target],
        control: Control,
        began: Instant,
        who: Identity,
        patient: bool,
    ) -> Self {
        let peer = |target: &Target| Peer {
            lesson: Lesson {
                name: target.shown(),
                stage: Stage::Waiting,
                entries: 0,
                unexplained: 0,
                took: Duration::ZERO,
            },
            version: Version::V2_1,
            since: None,
            ask: None,
            over: false,
        };
        let peers = targets.iter().map(peer).collect();
        Self { pupil: Some(pupil), control, began, who, patient, peers }
    }

    /// What became of it.
    pub(super) fn end(&mut self, now: Instant) -> (Option<P>, Vec<Lesson>) {
        // What came last may still wait for a pause.
        if let Some(pupil) = &mut self.pupil {
            pupil.pause(now);
        }
        (self.pupil.take(), self.peers.drain(..).map(|peer| peer.lesson).collect())
    }

    fn learned(&mut self, peer: PeerIndex, now: Instant, complete: bool) {
        let (Some(at), Some(pupil)) = (self.peers.get_mut(peer.0), &mut self.pupil) else { return };
        at.lesson.stage = Stage::Learned { complete };
        at.lesson.took = now.saturating_duration_since(self.began);
        let event = if complete { SessionEvent::ResyncFinished } else { SessionEvent::ResyncPartial };
        pupil.session(peer, now, event, None);
        at.ask = pupil.learned(peer, now, complete);
        if at.ask.is_none() {
            at.over = true;
            self.control.stop(peer);
        }
        if pupil.pause(now) {
            self.stop_at_the_end();
        } else {
            self.control.stop_all();
        }
    }

    fn failed(&mut self, peer: PeerIndex, now: Instant, error: &LinkError, for_good: bool) {
        let (Some(at), Some(pupil)) = (self.peers.get_mut(peer.0), &mut self.pupil) else { return };
        let refused = matches!(error, LinkError::Session(Closed::Refused(_)));
        let event = if refused { SessionEvent::Refused } else { SessionEvent::Closed };
        let why = error.to_string();
        pupil.session(peer, now, event, Some(&why));
        let help = help(error, &at.lesson.name);
        at.lesson.stage = Stage::Failed { why, help };
        at.over = for_good;
        self.stop_at_the_end();
    }

    /// Nobody else is to be waited for: a listener closes, too.
    fn stop_at_the_end(&self) {
        if self.peers.iter().all(|peer| peer.over) {
            self.control.stop_all();
        }
    }
}

impl<P: Pupil> Handler for Learner<P> {
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>) {
        let (Some(at), Some(pupil)) = (self.peers.get_mut(peer.0), &mut self.pupil) else { return };
        match event {
            Event::Established { version, .. } => {
                (at.version, at.since) = (version, Some(now));
                at.ask = Some(at.ask.map_or(now, |at| at.max(now)));
                pupil.session(peer, now, SessionEvent::Established, None);
            }
            Event::Table(table) => pupil.table(peer, table),
            // What isn't timed came before the pass, or comes a second time: a change while the pass is on its way is in it.
            // Peers of version 2.0 never time.
            Event::Update(update)
                if at.lesson.stage == Stage::Learning
                    && update.resync
                    && (update.life_ms.is_some() || at.version < Version::V2_1) =>
            {
                at.lesson.entries += 1;
                at.lesson.unexplained += u64::from(update.server_key == ServerKey::Unexplained);
                pupil.entry(peer, now, &update);
            }
            Event::ResyncEnded { complete } if at.lesson.stage == Stage::Learning => self.learned(peer, now, complete),
            _ => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        let (Some(at), Some(pupil)) = (self.peers.get_mut(peer.0), &mut self.pupil) else { return Next::Stop };
        if !pupil.pause(now) {
            self.control.stop_all();
            return Next::Stop;
        }
        // The name of HAProxy is given back between two lessons.
        let end = at.since.filter(|_| self.who == Identity::Borrowed).map(|since| since + BORROWED);
        let idle = at.lesson.stage != Stage::Learning && at.ask.is_some_and(|ask| ask > now);
        if end.is_some_and(|end| idle || now >= end) {
            session.close();
            return Next::Wait;
        }
        match at.ask {
            Some(ask) if ask <= now => {
                at.ask = None;
                (at.lesson.stage, at.lesson.entries, at.lesson.unexplained) = (Stage::Learning, 0, 0);
                session.request_resync();
                end.map_or(Next::Wait, Next::At)
            }
            Some(ask) => Next::At(ask),
            None => end.map_or(Next::Wait, Next::At),
        }
    }

    fn link(&mut self, peer: PeerIndex, now: Instant, state: &LinkState<'_>) {
        let LinkState::Closed { why, next_try } = state else { return };
        let Some(at) = self.peers.get_mut(peer.0) else { return };
        at.since = None;
        // We ended it ourselves: time was up, somebody wanted us to, or there was nothing more to learn for now.
        let ours = matches!(why, LinkError::Stopped | LinkError::Session(Closed::Here));
        // Of the calls that HAProxy had under way when another session began one reaches us, too, and ends at once.
        let again = self.patient && at.lesson.entries == 0 || next_try.is_some();
        if !at.over && !ours {
            self.failed(peer, now, why, !again);
        }
    }
}

/// What to do about a failure.
pub(in crate::cli) fn help(error: &LinkError, name: &str) -> String {
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
