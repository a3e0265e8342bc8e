//! What may take how long.

use std::time::{Duration, Instant};

use crate::limits;

/// The timers of a session. HAProxy has 3 s for its own heartbeats and closes after 5 s of silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// The whole handshake, from the connection on.
    pub handshake: Duration,
    /// A message, from its first byte on.
    pub message: Duration,
    /// Silence of the peer.
    pub silence: Duration,
    /// Our own silence, before a heartbeat fills it.
    pub heartbeat: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            handshake: limits::HANDSHAKE,
            message: limits::MESSAGE_TIME,
            silence: Duration::from_secs(5),
            heartbeat: Duration::from_millis(2500),
        }
    }
}

/// When things happened last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timers {
    times: Times,
    /// The time of the last call.
    now: Instant,
    opened: Instant,
    received: Instant,
    sent: Instant,
    /// When the message began that isn't whole yet.
    began: Option<Instant>,
}

/// A timer that has run out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Handshake,
    Message,
    Silence,
    Heartbeat,
}

impl Timers {
    pub(super) const fn new(times: Times, now: Instant) -> Self {
        Self { times, now, opened: now, received: now, sent: now, began: None }
    }

    /// It is `now`; bytes came, or not.
    pub(super) fn received(&mut self, now: Instant, any: bool) {
        self.now = now;
        if any {
            self.received = now;
        }
    }

    pub(super) const fn sent(&mut self) {
        self.sent = self.now;
    }

    /// Whether a message has begun that isn't whole.
    pub(super) const fn message(&mut self, begun: bool) {
        match (begun, self.began) {
            (true, None) => self.began = Some(self.now),
            (false, Some(_)) => self.began = None,
            _ => {}
        }
    }

    /// The next timer to run out: which, and when.
    pub(super) fn next(&self, established: bool) -> (Due, Instant) {
        let times = &self.times;
        if !established {
            return (Due::Handshake, self.opened + times.handshake);
        }
        let silence = (Due::Silence, self.received + times.silence);
        let heartbeat = (Due::Heartbeat, self.sent + times.heartbeat);
        let message = self.began.map(|began| (Due::Message, began + times.message));
        let first = |a: (Due, Instant), b: (Due, Instant)| if b.1 < a.1 { b } else { a };
        message.into_iter().fold(first(silence, heartbeat), first)
    }

    /// The timer that has run out `now`.
    pub(super) fn due(&mut self, now: Instant, established: bool) -> Option<Due> {
        self.now = now;
        let (due, at) = self.next(established);
        (at <= now).then_some(due)
    }
}
