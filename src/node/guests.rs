//! The connections of a listener, and how many there may be.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::limits;
use crate::node::control::{Line, Order};
use crate::node::link::{Refusal, RefusalReason};

/// The connections of a listener, oldest first.
#[derive(Debug, Default)]
pub(super) struct Guests(RefCell<Vec<Guest>>);

#[derive(Debug)]
struct Guest {
    from: Option<IpAddr>,
    line: Rc<Line>,
}

/// Takes a connection off the list when it is over.
#[derive(Debug)]
pub(super) struct Seat {
    guests: Rc<Guests>,
    pub(super) line: Rc<Line>,
}

impl Guests {
    /// A place for a new connection; where there is none, the oldest one without a hello has to go, and it is told whose that
    /// was.
    pub(super) fn seat(self: &Rc<Self>, from: Option<IpAddr>) -> (Option<Seat>, Option<Refusal>) {
        let mut list = self.0.borrow_mut();
        let going = |guest: &&Guest| guest.line.ordered() == Order::Vanish;
        let ungreeted = |guest: &&Guest| !guest.line.is_greeted() && !going(guest);
        let of_one = |guest: &&Guest| ungreeted(guest) && guest.from == from;
        let full = list.iter().filter(|guest| !going(guest)).count() >= limits::CONNECTIONS
            || list.iter().filter(ungreeted).count() >= limits::UNGREETED;
        let oldest = if list.iter().filter(of_one).count() >= limits::UNGREETED_OF_ONE {
            list.iter().find(of_one)
        } else if full {
            list.iter().find(ungreeted)
        } else {
            None
        };
        if let (true, None) = (full, oldest) {
            return (None, Some(Refusal::new(from, RefusalReason::Full)));
        }
        let refusal = oldest.map(|guest| {
            guest.line.order(Order::Vanish);
            Refusal::new(guest.from, RefusalReason::Full)
        });
        let line = Rc::new(Line::default());
        list.push(Guest { from, line: Rc::clone(&line) });
        (Some(Seat { guests: Rc::clone(self), line }), refusal)
    }

    /// Sends the oldest one without a hello away: the system has no room for another connection.
    pub(super) fn make_room(&self) -> Option<Refusal> {
        let list = self.0.borrow();
        let oldest = list.iter().find(|guest| !guest.line.is_greeted() && guest.line.ordered() != Order::Vanish)?;
        oldest.line.order(Order::Vanish);
        Some(Refusal::new(oldest.from, RefusalReason::Full))
    }

    /// Sends all away that have no hello yet.
    pub(super) fn dismiss(&self) {
        for guest in self.0.borrow().iter().filter(|guest| !guest.line.is_greeted()) {
            guest.line.order(Order::Vanish);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.0.borrow_mut().retain(|guest| !Rc::ptr_eq(&guest.line, &self.line));
    }
}

/// The callers that were turned away, counted, and told once in a while.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    counts: RefCell<BTreeMap<&'static str, u64>>,
    sources: RefCell<HashMap<(Option<IpAddr>, &'static str), Source>>,
}

/// What was told of a source, about one reason.
#[derive(Debug)]
struct Source {
    told: Instant,
    untold: Cell<u64>,
}

impl Refusals {
    /// A source is told once in that time for each reason.
    const PAUSE: Duration = Duration::from_secs(10);

    /// The most sources that are remembered; more than that share one.
    const MAX_SOURCES: usize = 1024;

    /// Counts it; returns whether it is to be told, with how many were not.
    pub(super) fn count(&self, now: Instant, refusal: &mut Refusal) -> bool {
        *self.counts.borrow_mut().entry(refusal.reason.label()).or_default() += 1;
        let mut sources = self.sources.borrow_mut();
        let recent = |source: &Source| now.saturating_duration_since(source.told) < Self::PAUSE;
        let label = refusal.reason.label();
        if sources.len() >= Self::MAX_SOURCES && !sources.contains_key(&(refusal.from, label)) {
            sources.retain(|_, source| recent(source));
            sources.shrink_to(Self::MAX_SOURCES);
        }
        let has_room = sources.len() < Self::MAX_SOURCES || sources.contains_key(&(refusal.from, label));
        let key = (refusal.from.filter(|_| has_room), label);
        if let Some(source) = sources.get(&key).filter(|source| recent(source)) {
            source.untold.set(source.untold.get().saturating_add(1));
            return false;
        }
        refusal.is_first = !sources.iter().any(|((from, _), source)| *from == key.0 && recent(source));
        let before = sources.insert(key, Source { told: now, untold: Cell::new(0) });
        refusal.untold = before.map_or(0, |source| source.untold.get());
        true
    }

    /// How many were turned away, by [`RefusalReason::label`].
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as it is compared")]
    const fn ip(last: u8) -> Option<IpAddr> {
        Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, last)))
    }

    #[test]
    fn the_oldest_without_a_hello_goes_when_there_are_too_many() {
        let guests = Rc::new(Guests::default());
        let seats: Vec<Seat> =
            (0..32).map(|n| guests.seat(ip(n)).0.expect("there is room for thirty-two addresses")).collect();
        seats[0].line.greet();
        let (last, refusal) = guests.seat(ip(99));
        assert!(last.is_some() && refusal.is_none(), "one of them has said hello");
        let (_, refusal) = guests.seat(ip(98));
        assert_eq!(refusal.and_then(|refusal| refusal.from), ip(1), "the oldest of the others goes");
        assert_eq!(seats[1].line.ordered(), Order::Vanish);
        assert_eq!(seats[0].line.ordered(), Order::Run, "whoever has said hello stays");
    }

    #[test]
    fn an_address_has_eight_without_a_hello() {
        let guests = Rc::new(Guests::default());
        let seats: Vec<Seat> = (0..8).map(|_| guests.seat(ip(1)).0.expect("room")).collect();
        assert_eq!(guests.seat(ip(2)).1, None);
        assert_eq!(guests.seat(ip(1)).1.and_then(|refusal| refusal.from), ip(1));
        assert_eq!(seats[0].line.ordered(), Order::Vanish);
        assert_eq!(seats[1].line.ordered(), Order::Run);
    }

    #[test]
    fn nobody_with_a_hello_goes_for_a_newcomer() {
        let guests = Rc::new(Guests::default());
        let seats: Vec<Seat> = (0..128)
            .map(|n| {
                let seat = guests.seat(ip(n)).0.expect("room");
                seat.line.greet();
                seat
            })
            .collect();
        assert!(guests.seat(ip(200)).0.is_none(), "all places are taken");
        drop(seats);
        assert!(guests.seat(ip(200)).0.is_some());
    }

    #[test]
    fn a_source_is_told_once_in_ten_seconds() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let mut refusal = Refusal::new(ip(1), RefusalReason::Silent);
        let tell = |refusal: &mut Refusal, after| refusals.count(now + Duration::from_secs(after), refusal);
        assert!(tell(&mut refusal, 0));
        assert!(!tell(&mut refusal, 1) && !tell(&mut refusal, 9));
        assert!(tell(&mut Refusal::new(ip(2), RefusalReason::Left), 9));
        assert!(tell(&mut refusal, 10));
        assert_eq!(refusal.untold, 2);
        assert!(refusal.is_first);
        let mut other = Refusal::new(ip(1), RefusalReason::Left);
        assert!(tell(&mut other, 10) && !other.is_first, "another reason is told, and not logged");
        let mut later = Refusal::new(ip(1), RefusalReason::Full);
        assert!(tell(&mut later, 21) && later.is_first);
        assert_eq!(refusals.counts(), BTreeMap::from([("full", 1), ("left", 2), ("silent", 4)]));
    }

    #[test]
    fn ten_thousand_sources_take_little_room() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        for n in 0..10_000_u32 {
            refusals.count(now, &mut Refusal::new(Some(IpAddr::from(n.to_be_bytes())), RefusalReason::Silent));
        }
        assert!(refusals.sources.borrow().len() <= Refusals::MAX_SOURCES + 1);
        assert_eq!(refusals.counts().values().sum::<u64>(), 10_000);
    }
}
