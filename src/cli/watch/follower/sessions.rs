//! Sessions begin, learn and end.

use std::time::{Duration, Instant};

use super::super::peer::{Ask, Phase};
use super::{Follower, Message};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::learn;
use crate::cli::ledger::Ledger;
use crate::node::LinkError;
use crate::proto::hello::Status;
use crate::proto::session::Closed;
use crate::record::{self, SessionEvent};

/// How long to wait before a resync that ended partial is asked for again: a HAProxy that found nobody to learn from considers
/// itself in sync after 5 s. Twice as long each time.
const AGAIN: Duration = Duration::from_secs(5);

/// The longest of these waits.
const AGAIN_AT_MOST: Duration = Duration::from_mins(1);

impl Follower {
    /// The session of a peer has something to tell.
    pub(super) fn tell(&mut self, peer: usize, now: Instant, event: SessionEvent, detail: Option<&str>) {
        let Some(at) = self.peers.get(peer) else { return };
        let time = self.wall.at(now);
        for outlet in &mut self.outlets {
            outlet.session(record::Session { time, peer: (&*at.name).into(), event, detail: detail.map(Into::into) });
        }
    }

    pub(super) fn establish(&mut self, peer: usize, now: Instant) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.enter(Phase::Learning, now);
        at.tables.clear();
        at.ledger = Ledger::default();
        at.ask = Ask::Now;
        at.messages = 0;
        at.heard = Some(now);
        at.sessions += 1;
        at.partials = 0;
        at.told = None;
        at.status = Status::OK.0;
        self.tell(peer, now, SessionEvent::Established, None);
    }

    pub(super) fn resync_ended(&mut self, peer: usize, now: Instant, complete: bool) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        if complete {
            at.enter(Phase::InSync, now);
            (at.finished, at.partials, at.ask) = (true, 0, Ask::Never);
            self.sweep(peer, now);
            self.tell(peer, now, SessionEvent::ResyncFinished, None);
            self.check_tables();
        } else {
            at.enter(Phase::Partial, now);
            at.ask = Ask::At(now + (AGAIN * 2_u32.pow(at.partials.min(4))).min(AGAIN_AT_MOST));
            at.partials += 1;
            self.tell(peer, now, SessionEvent::ResyncPartial, None);
        }
    }

    pub(super) fn closed(&mut self, peer: usize, now: Instant, why: &LinkError, next_try: Option<Instant>) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        let had_session = at.has_session();
        if had_session {
            at.without = now;
        }
        let text = why.to_string();
        let (shown, help) = (at.shown.clone(), learn::help(why, &at.shown));
        let refused = matches!(why, LinkError::Session(Closed::Refused(_))) && !help.is_empty();
        // On a screen there is room for one line: what to do counts more than the rest.
        let told = if refused { format!("{text}: {help}") } else { text.clone() };
        at.enter(Phase::Down { why: told.clone(), next_try }, now);
        at.tables.clear();
        at.ask = Ask::Never;
        if self.stopping || matches!(why, LinkError::Stopped) {
            return;
        }
        if let LinkError::Session(Closed::Refused(status)) = why {
            at.status = status.0;
        }
        // What goes wrong in the same way with each call is told once.
        if !had_session && at.told.as_ref() == Some(&told) {
            return;
        }
        at.told = Some(told);
        let event = match why {
            LinkError::Session(Closed::Refused(_)) => SessionEvent::Refused,
            _ => SessionEvent::Closed,
        };
        self.tell(peer, now, event, Some(&text));
        if let LinkError::TakenOver { .. } = why {
            let message = format!("{shown}: {text}");
            let help = "stop the other one, or give this one a `server` or `peer` line of its own in HAProxy's peers \
                        section, and its name in -L";
            self.failed.get_or_insert(Failure::new(Exit::Io, message, help));
            return;
        }
        let help = if help.is_empty() { help } else { format!("; {help}") };
        self.messages.push(Message { text: format!("{shown}: {text}{help}"), shown: true });
    }

    /// Another client takes our sessions over; it is told once.
    pub(super) fn contested(&mut self, peer: usize, count: u64) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        if std::mem::replace(&mut at.takeovers, count) == 0 {
            let text = format!("{}: another client seems to use our name: it takes our sessions over", at.shown);
            self.messages.push(Message { text, shown: false });
        }
    }
}
