//! What a daemon tells about its link with one peer: a trouble that lasts once, and none that passes by itself.
//!
//! Where both sides call each other, HAProxy closes one of the two connections; and a HAProxy that starts or is reloaded closes some
//! before they are sessions. A moment later there is a session, so nothing has to be told.

use std::time::{Duration, Instant};

use super::learn;
use crate::node::LinkError;
use crate::proto::session::Closed;

/// A session that ended sooner may have been the lesser of two.
const YOUNG: Duration = Duration::from_secs(1);

/// Within that time there is another one then.
const PASSES: Duration = Duration::from_millis(1500);

/// So many kinds of trouble are remembered between two sessions.
const KINDS: usize = 8;

/// So often in a row: what ends again and again is trouble.
const OFTEN: u32 = 2;

/// What is wrong with the link to one peer, and what was told about it.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    /// Since when there is a session.
    since: Option<Instant>,
    /// What is wrong, as it was told, or will be.
    problem: Option<String>,
    /// What was told since the last session, without what may differ from call to call.
    told: Vec<String>,
    /// The line about it, and when it is to be told.
    waiting: Option<(Instant, String)>,
    /// How often in a row nothing was told.
    passed: u32,
}

impl Complaints {
    /// There is a session.
    pub(super) fn established(&mut self, now: Instant) {
        self.passed = if self.waiting.take().is_some() { self.passed + 1 } else { self.passed };
        (self.since, self.problem) = (Some(now), None);
        self.told.clear();
    }

    /// A call failed, or the session is over. Returns the line to tell at once, if there is one.
    pub(super) fn closed(&mut self, now: Instant, why: &LinkError, shown: &str) -> Option<String> {
        let lasted = self.since.take().map(|since| now.saturating_duration_since(since));
        if matches!(why, LinkError::Stopped | LinkError::Replaced) {
            return None;
        }
        let text = why.to_string();
        // What goes wrong in the same way with each call is told once, whichever of several addresses was tried last.
        let kind = if let LinkError::Connect { kind, .. } = why { kind.to_string() } else { text.clone() };
        if lasted.is_none() && self.told.contains(&kind) {
            self.problem = Some(text);
            return None;
        }
        // What a peer says to each call may be another text each time.
        if self.told.len() == KINDS {
            self.told.remove(0);
        }
        self.told.push(kind);
        let help = learn::help(why, shown);
        let help = if help.is_empty() { help } else { format!("; {help}") };
        let line = format!("{shown}: {text}{help}");
        let is_short = lasted.is_none_or(|lasted| lasted < YOUNG);
        let cut = matches!(why, LinkError::Session(Closed::Eof { .. }) | LinkError::Lost { .. } | LinkError::CutOff);
        self.passed = if is_short { self.passed } else { 0 };
        self.problem = Some(text);
        if is_short && cut && self.passed < OFTEN {
            self.waiting.get_or_insert((now + PASSES, line));
            return None;
        }
        self.waiting = None;
        Some(line)
    }

    /// What is to be told by now because it didn't pass.
    pub(super) fn due(&mut self, now: Instant) -> Option<String> {
        self.waiting.take_if(|(then, _)| *then <= now).map(|(_, line)| line)
    }

    /// What is wrong, if there is no session; `None` as long as nothing has gone wrong.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link on a virtual clock.
    struct Link {
        now: Instant,
        complaints: Complaints,
        told: Vec<String>,
    }

    impl Link {
        fn new() -> Self {
            Self { now: Instant::now(), complaints: Complaints::default(), told: Vec::new() }
        }

        fn pass(&mut self, ms: u64) {
            self.now += Duration::from_millis(ms);
            self.told.extend(self.complaints.due(self.now));
        }

        fn established(&mut self) {
            self.complaints.established(self.now);
        }

        fn closed(&mut self, why: &LinkError) {
            self.told.extend(self.complaints.closed(self.now, why, "lb1"));
        }
    }

    const EOF: LinkError = LinkError::Session(Closed::Eof { within: 0 });

    fn refused() -> LinkError {
        refused_at("a")
    }

    fn refused_at(address: &str) -> LinkError {
        LinkError::Connect {
            address: address.into(),
            kind: std::io::ErrorKind::ConnectionRefused,
            problem: "no".into(),
        }
    }

    #[test]
    fn the_lesser_of_two_connections_isnt_told() {
        let mut link = Link::new();
        link.closed(&EOF);
        link.pass(200);
        link.established();
        link.pass(5);
        link.closed(&EOF);
        link.pass(1000);
        link.established();
        link.pass(60_000);
        assert_eq!(link.told, [""; 0]);
        assert_eq!(link.complaints.problem(), None);
    }

    #[test]
    fn a_name_with_several_addresses_is_one_trouble() {
        let mut link = Link::new();
        for round in 0..20 {
            link.closed(&refused_at(["10.0.0.1:1", "10.0.0.2:1"][round % 2]));
            link.pass(2000);
        }
        assert_eq!(link.told.len(), 1, "{:?}", link.told);
        assert!(link.complaints.problem().is_some_and(|problem| problem.contains("10.0.0.2")), "the last one");
    }

    #[test]
    fn other_words_each_time_fill_no_memory() {
        let mut link = Link::new();
        for port in 0..100 {
            link.closed(&LinkError::Lost { kind: std::io::ErrorKind::Other, problem: port.to_string() });
            link.pass(2000);
        }
        assert_eq!((link.told.len(), link.complaints.told.len()), (100, KINDS));
    }

    #[test]
    fn what_doesnt_pass_is_told_once() {
        let mut link = Link::new();
        for _ in 0..20 {
            link.closed(&EOF);
            link.pass(200);
        }
        assert_eq!(link.told.len(), 1, "{:?}", link.told);
        assert!(link.told[0].starts_with("lb1: the peer closed the connection; "), "{:?}", link.told);
        assert_eq!(link.complaints.problem(), Some("the peer closed the connection"));
        link.closed(&refused());
        link.closed(&refused());
        assert_eq!(link.told.len(), 2, "another trouble: {:?}", link.told);
    }

    #[test]
    fn sessions_that_end_again_and_again_are_told() {
        let mut link = Link::new();
        for _ in 0..10 {
            link.established();
            link.pass(300);
            link.closed(&EOF);
            link.pass(100);
        }
        assert_eq!(link.told.len(), 8, "{:?}", link.told);
    }

    #[test]
    fn the_end_of_a_session_that_lasted_is_told_at_once() {
        let mut link = Link::new();
        link.established();
        link.pass(5000);
        link.closed(&EOF);
        assert_eq!(link.told.len(), 1);
        link.closed(&refused());
        assert_eq!(link.told.len(), 2);
        link.established();
        link.pass(5000);
        link.closed(&LinkError::Stopped);
        link.pass(5000);
        assert_eq!(link.told.len(), 2, "that was us");
    }
}
