//! What a standby knows of one peer's connection.

use std::time::{Duration, Instant};

use crate::cli::complaints::Complaints;
use crate::cli::ledger::Ledger;
use crate::hold::{Course, Lesson};
use crate::proto::hello::Status;

/// A HAProxy that comes up cold asks for everything at once. It is given that time to, before it is asked, so that it needn't tell
/// what it has twice.
pub(super) const FIRST: Duration = Duration::from_millis(30);

/// How long to wait for a peer to confirm what it was taught.
pub(super) const CONFIRM: Duration = Duration::from_secs(2);

/// How soon a session may ask for everything again.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// How long to wait before a peer is asked again that didn't have everything. Twice as long each time.
const PARTIAL: Duration = Duration::from_secs(1);

/// The longest of these waits.
const PARTIAL_AT_MOST: Duration = Duration::from_mins(1);

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    /// The name, escaped.
    pub(super) shown: String,
    /// When everything is to be asked for.
    pub(super) ask: Option<Instant>,
    /// What it is being taught.
    pub(super) lesson: Option<Lesson>,
    /// When it had been taught everything, in this session.
    pub(super) taught_at: Option<Instant>,
    /// It asks again too soon, and gets no more than an answer.
    pub(super) too_soon: bool,
    pub(super) ledger: Ledger,
    /// When it was heard last, heartbeats counted in, and the messages of this session by then.
    pub(super) heard: Option<Instant>,
    pub(super) messages: u64,
    /// How often a resync ended partial in a row.
    pub(super) partials: u32,
    /// There is a session.
    pub(super) up: bool,
    /// The last answer to a hello of ours.
    pub(super) status: u16,
    /// What is wrong with it.
    pub(super) complaints: Complaints,
    /// It was a peer, and is none any more.
    pub(super) retired: bool,
    pub(super) counts: Counts,
}

/// What is counted of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Entries received.
    pub(super) updates: u64,
    pub(super) sessions: u64,
    /// Sessions that another client of our name took over.
    pub(super) takeovers: u64,
    /// Entries taught, and how often everything was: *finished*, *partial*.
    pub(super) taught: u64,
    pub(super) finished: u64,
    pub(super) partial: u64,
}

impl Peer {
    pub(super) fn new(shown: String) -> Self {
        Self {
            shown,
            ask: None,
            lesson: None,
            taught_at: None,
            too_soon: false,
            ledger: Ledger::default(),
            heard: None,
            messages: 0,
            partials: 0,
            up: false,
            status: 0,
            complaints: Complaints::default(),
            retired: false,
            counts: Counts::default(),
        }
    }

    /// A session is established.
    pub(super) fn begin(&mut self, now: Instant) {
        self.ask = Some(now + FIRST);
        (self.lesson, self.taught_at, self.too_soon) = (None, None, false);
        self.ledger = Ledger::default();
        (self.heard, self.messages) = (Some(now), 0);
        (self.partials, self.up, self.status) = (0, true, Status::OK.0);
        self.complaints.established(now);
        self.counts.sessions += 1;
    }

    /// It wants everything.
    pub(super) fn wants_all(&mut self, now: Instant) {
        self.too_soon = self.taught_at.is_some_and(|then| now < then + AGAIN);
        if !self.too_soon && self.lesson.is_none() {
            self.lesson = Some(Lesson::default());
        }
    }

    /// It has what it is taught: now it may be asked.
    pub(super) fn confirms(&mut self, now: Instant) {
        self.ask = self.ask.map(|then| then.min(now));
    }

    /// It has said what it has.
    pub(super) fn learned(&mut self, now: Instant, complete: bool) {
        if complete {
            (self.partials, self.ask) = (0, None);
        } else {
            let wait = PARTIAL * 2_u32.pow(self.partials.min(6));
            self.ask = Some(now + wait.min(PARTIAL_AT_MOST));
            self.partials += 1;
        }
    }
}

/// The word for how far it is with a peer.
pub(super) const fn word(up: bool, course: Course) -> &'static str {
    match course {
        _ if !up => "down",
        Course::Away | Course::Learning => "learning",
        Course::InSync => "finished",
        Course::Partial => "partial",
    }
}
