//! Notices that another client uses our name: HAProxy lets the newest session of a name win, so two clients that call again
//! throw each other out for ever.
//!
//! What the one sees that is thrown out (HAProxy 2.6, 3.0 and 3.2): the stream ends between two messages, in order, even while
//! it is sending; the next call is accepted at once; and it is the same process, which numbers its entries as before. A
//! network that ends connections can look like that too. So there is a second proof, as soon as there is a first suspicion: a
//! *witness*, a connection on which nothing is said, which HAProxy keeps for 5 s. While another client takes our sessions over it
//! stands; what goes wrong on the way, or with HAProxy, ends it too.
//!
//! A HAProxy that is reloaded again and again shows in the numbers of its entries, as long as clients change some of them.
//!
//! No proof against it: something on the way that ends each connection in order, and always 4 to 15 s after its beginning.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::proto::session::Numbers;

/// How a process numbers the entries of its tables, by their names.
pub(super) type Numbering = BTreeMap<Box<[u8]>, Numbers>;

/// Tells takeovers from other ends of sessions.
#[derive(Debug, Default)]
pub(super) struct Takeovers {
    /// The last session ended like one that was taken over, and the next one isn't established.
    suspected: Option<Instant>,
    /// Sessions that ended so while HAProxy was there, the oldest first.
    ends: VecDeque<End>,
    /// What was seen last of HAProxy's numbers.
    numbers: Option<Numbering>,
    /// Since when a witness has been standing.
    witness: Option<Instant>,
    /// Those that stood, from when till when, the oldest first.
    stood: VecDeque<(Instant, Instant)>,
    /// How many takeovers were proved.
    proved: u64,
}

/// A session that ended as if another one had taken it over.
#[derive(Debug)]
struct End {
    at: Instant,
    /// The session after it was one with the same process for sure.
    same_process: bool,
    proved: bool,
}

/// How a session was.
#[derive(Debug)]
pub(super) struct Was {
    pub(super) established: Instant,
    /// The peer ended it in order, between two messages.
    pub(super) in_order: bool,
    pub(super) numbers: Option<Numbering>,
}

impl Takeovers {
    /// That many takeovers …
    pub(super) const TIMES: usize = 3;
    /// … within that time are a fight.
    pub(super) const WITHIN: Duration = Duration::from_mins(1);
    /// As many if it isn't sure that HAProxy was not reloaded each time, because its tables are empty.
    const UNSURE_TIMES: usize = 6;
    /// A session that lasted longer was not taken over by a client that calls again by itself.
    const SOON: Duration = Duration::from_secs(15);
    /// Within that time the next call is answered if the peer was there all the time.
    const AT_ONCE: Duration = Duration::from_secs(2);
    /// How long a witness stands: HAProxy ends it after 5 s.
    pub(super) const STAND: Duration = Duration::from_secs(4);
    /// So many witnesses, one after the other, so that luck is no proof.
    const WITNESSES: usize = 2;

    /// A call failed: the peer wasn't there.
    pub(super) fn failed(&mut self) {
        self.suspected = None;
    }

    /// A session is over; returns whether that is one takeover too many.
    pub(super) fn closed(&mut self, now: Instant, was: Was) -> bool {
        let Was { established, in_order, numbers } = was;
        self.forget(now);
        let process = Process::of(self.numbers.as_ref(), numbers.as_ref());
        let suspected = self.suspected.take();
        if process == Process::Other {
            // Somebody reloads it, perhaps again and again.
            self.ends.clear();
        } else if let Some(at) = suspected.filter(|at| established.saturating_duration_since(*at) < Self::AT_ONCE) {
            self.ends.push_back(End { at, same_process: process == Process::Same, proved: false });
            self.prove();
        }
        self.numbers = numbers.or(self.numbers.take());
        let like_a_takeover = in_order && now.saturating_duration_since(established) < Self::SOON;
        self.suspected = like_a_takeover.then_some(now);
        like_a_takeover && self.is_fight()
    }

    /// Whether sessions ended again and again as if another client had taken them over.
    pub(super) fn is_contested(&self) -> bool {
        self.ends.len() + usize::from(self.suspected.is_some()) >= 2
    }

    /// Whether a witness is wanted that isn't there.
    pub(super) fn wants_witness(&self, now: Instant) -> bool {
        let last = self.suspected.or_else(|| self.ends.back().map(|end| end.at));
        self.witness.is_none() && last.is_some_and(|last| now.saturating_duration_since(last) < Self::SOON)
    }

    /// The witness is connected.
    pub(super) fn witness(&mut self, now: Instant) {
        self.witness = Some(now);
    }

    /// How many takeovers were proved so far.
    pub(super) const fn proved(&self) -> u64 {
        self.proved
    }

    /// The witness has stood for its time.
    pub(super) fn stood(&mut self, now: Instant) {
        if let Some(since) = self.witness.take() {
            self.stood.push_back((since, now));
        }
        self.prove();
    }

    /// The witness was cut, or couldn't be connected: what happened was no takeover.
    pub(super) fn cut(&mut self) {
        self.witness = None;
        self.stood.clear();
        self.ends.clear();
    }

    /// Counts the ends that a witness has seen.
    fn prove(&mut self) {
        for end in self.ends.iter_mut().filter(|end| !end.proved) {
            end.proved = self.stood.iter().any(|(since, until)| (*since..=*until).contains(&end.at));
            self.proved += u64::from(end.proved);
        }
    }

    fn is_fight(&self) -> bool {
        let proved = self.ends.iter().filter(|end| end.proved).count();
        let sure = self.ends.iter().filter(|end| end.proved && end.same_process).count();
        self.stood.len() >= Self::WITNESSES && (sure >= Self::TIMES || proved >= Self::UNSURE_TIMES)
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |then: Instant| now.saturating_duration_since(then) >= Self::WITHIN;
        self.ends.retain(|end| !is_old(end.at));
        self.stood.retain(|(_, until)| !is_old(*until));
    }
}

/// Whether two sessions were with the same process of HAProxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Process {
    Same,
    /// There was nothing to see, or not enough.
    Unknown,
    Other,
}

impl Process {
    /// A process that took tables over from another one has learned their entries: none of them is its own, and its own numbers
    /// go on from the number of entries, not from the number of changes.
    fn of(before: Option<&Numbering>, now: Option<&Numbering>) -> Self {
        let (Some(before), Some(now)) = (before, now) else { return Self::Unknown };
        let (mut process, mut taken_over) = (Self::Unknown, false);
        for (name, before) in before {
            let now = now.get(name).copied().unwrap_or_default();
            if now.all == 0 {
                continue;
            }
            // Some may have expired: the oldest ones.
            if before.own > 0 && (now.newest < before.newest || now.own < before.own.div_ceil(2)) {
                return Self::Other;
            }
            // A few of many may have been changed in one process after the other.
            if before.own > 0 && before.own >= before.all.div_ceil(2) {
                process = Self::Same;
            }
            // What the one has changed, the next one has learned. (Where it has changed little, others may have taught as much
            // meanwhile, and a fight goes on unseen.)
            taken_over |= before.own > 0 && now.learned() >= before.all;
        }
        if process == Self::Unknown && taken_over { Self::Other } else { process }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world on a virtual clock, in milliseconds.
    struct World {
        begin: Instant,
        now: u64,
        detector: Takeovers,
        /// When the witness that stands is done.
        due: Option<u64>,
        numbers: Option<Numbering>,
    }

    /// Of a table of ten entries.
    fn numbers(own: u32, newest: u32) -> Numbering {
        Numbering::from([(b"t".as_slice().into(), Numbers { all: 10, own, newest })])
    }

    impl World {
        fn new() -> Self {
            let (begin, detector) = (Instant::now(), Takeovers::default());
            Self { begin, now: 0, detector, due: None, numbers: Some(numbers(10, 40)) }
        }

        fn at(&self, ms: u64) -> Instant {
            self.begin + Duration::from_millis(ms)
        }

        /// Time goes on; witnesses come and stand.
        fn pass(&mut self, ms: u64) {
            let end = self.now + ms;
            loop {
                if self.due.is_none() && self.detector.wants_witness(self.at(self.now)) {
                    self.detector.witness(self.at(self.now));
                    self.due = Some(self.now + 4000);
                }
                let next = self.due.unwrap_or(end).min(end);
                self.now = next;
                if self.due == Some(next) {
                    self.due = None;
                    self.detector.stood(self.at(next));
                }
                if next == end {
                    return;
                }
            }
        }

        fn cut(&mut self) {
            if self.due.take().is_some() {
                self.detector.cut();
            }
        }

        /// A session of that length and the wait before the next one; returns whether it is the last one of a fight.
        fn session(&mut self, lasts: u64, wait: u64, in_order: bool) -> bool {
            let established = self.at(self.now);
            self.pass(lasts);
            let was = Was { established, in_order, numbers: self.numbers.clone() };
            let fight = self.detector.closed(self.at(self.now), was);
            self.pass(wait);
            fight
        }

        /// When it is found that they fight, in milliseconds.
        fn fight(&mut self, lasts: u64, wait: u64) -> Option<u64> {
            (0..300).find_map(|_| self.session(lasts, wait, true).then_some(self.now))
        }
    }

    #[test]
    fn fights_are_found_whatever_the_rhythm() {
        for (lasts, wait) in [(1, 50), (150, 250), (700, 1000), (1000, 100), (5000, 750), (5200, 1000), (10_000, 500)] {
            let found = World::new().fight(lasts, wait);
            assert!(found.is_some_and(|at| (8000..60_000).contains(&at)), "{lasts}+{wait}: {found:?}");
        }
    }

    #[test]
    fn a_fight_about_empty_tables_takes_longer() {
        let mut world = World::new();
        world.numbers = None;
        let found = world.fight(5000, 500);
        assert!(found.is_some_and(|at| (30_000..60_000).contains(&at)), "{found:?}");
        let mut reloads = World::new();
        reloads.numbers = Some(Numbering::new());
        assert!((0..5).all(|_| !reloads.session(1500, 200, true)), "five reloads of a HAProxy without entries");
        reloads.pass(60_000);
        assert!((0..5).all(|_| !reloads.session(1500, 200, true)), "and again");
    }

    #[test]
    fn a_network_that_cuts_the_witness_too_is_no_fight() {
        let mut world = World::new();
        for lasts in [100, 3000, 1500, 3900, 200, 2000, 700, 3000, 3000, 3000, 50, 50, 50] {
            assert!(!world.session(lasts, 0, true), "after {lasts} ms");
            world.cut();
            world.pass(200);
        }
    }

    #[test]
    fn a_connection_that_breaks_is_no_fight() {
        let mut world = World::new();
        assert!((0..50).all(|_| !world.session(1000, 200, false)));
        assert!(!world.detector.is_contested());
    }

    #[test]
    fn reloads_show_in_the_numbers() {
        let mut world = World::new();
        for process in 0..20 {
            // Touched again by clients, sooner or later.
            world.numbers = if process % 2 == 0 {
                Some(numbers(10, 40 + process))
            } else {
                Some(numbers(process % 4, 30 + process))
            };
            assert!(!world.session(2000, 300, true), "process {process}");
        }
    }

    #[test]
    fn a_peer_that_is_away_and_long_sessions_are_no_fight() {
        let mut world = World::new();
        for _ in 0..20 {
            assert!(!world.session(100, 200, true));
            world.detector.failed();
        }
        let mut world = World::new();
        assert!((0..20).all(|_| !world.session(20_000, 200, true)));
        let mut world = World::new();
        assert!((0..20).all(|_| !world.session(5000, 40_000, true)), "less than three in a minute");
    }

    #[test]
    fn the_winner_stays() {
        let mut world = World::new();
        while !world.session(700, 700, true) {}
        assert!(world.detector.proved >= 3);
        let mut winner = World::new();
        for _ in 0..4 {
            assert!(!winner.session(700, 700, true));
        }
        assert!(!winner.session(3_600_000, 200, true), "an hour later it ends for another reason");
        assert!(!winner.detector.is_contested());
    }

    #[test]
    fn processes_are_told_apart_by_their_numbers() {
        let of = |before, now| Process::of(Option::as_ref(&before), Option::as_ref(&now));
        assert_eq!(of(Some(numbers(10, 40)), Some(numbers(10, 40))), Process::Same);
        assert_eq!(of(Some(numbers(10, 40)), Some(numbers(10, 90))), Process::Same);
        assert_eq!(of(Some(numbers(10, 40)), Some(numbers(6, 40))), Process::Same, "some have expired");
        assert_eq!(of(Some(numbers(10, 40)), Some(numbers(0, 0))), Process::Other, "all is learned");
        assert_eq!(
            of(Some(numbers(10, 10)), Some(numbers(2, 12))),
            Process::Other,
            "each was changed once, two again since then"
        );
        assert_eq!(of(Some(numbers(10, 40)), Some(numbers(10, 20))), Process::Other, "all were changed since then");
        assert_eq!(of(Some(numbers(10, 40)), Some(Numbering::new())), Process::Unknown, "all have expired");
        assert_eq!(of(Some(numbers(0, 0)), Some(numbers(0, 0))), Process::Unknown);
        assert_eq!(
            of(Some(numbers(1, 11)), Some(numbers(1, 11))),
            Process::Unknown,
            "one was changed before and after"
        );
        let more = |own| Some(Numbering::from([(b"t".as_slice().into(), Numbers { all: 11, own, newest: 12 })]));
        assert_eq!(of(Some(numbers(1, 11)), more(1)), Process::Other, "what one has changed, the next one has learned");
        assert_eq!(of(Some(numbers(0, 0)), more(0)), Process::Unknown, "another peer may have taught it");
        assert_eq!(of(Some(numbers(3, 11)), more(3)), Process::Unknown, "another peer has taught one more");
        assert_eq!(of(Some(numbers(1, 11)), more(2)), Process::Unknown, "one more was changed");
        assert_eq!(of(Some(numbers(10, 12)), more(10)), Process::Same, "it has changed more than others have");
        assert_eq!(of(Some(numbers(10, 40)), None), Process::Unknown);
        assert_eq!(of(None, Some(numbers(10, 40))), Process::Unknown);
    }
}
