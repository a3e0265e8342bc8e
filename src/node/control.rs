//! Commands to the tasks of a node from outside of them, and which session of a peer is the current one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;

use crate::node::handler::PeerIndex;

/// Commands to the tasks of a node. Clones stand for the same node; a [`super::Handler`] may keep one and use it at any time.
#[derive(Clone, Debug, Default)]
pub struct Control(Rc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    slots: RefCell<Vec<Rc<Slot>>>,
    stopping: Cell<bool>,
    /// Somebody waits for [`Shared::stopping`].
    stop: Notify,
}

impl Control {
    /// For a node that is to be made with it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has [`super::Handler::ready`] called for the session of that peer, if it has one.
    pub fn wake(&self, peer: PeerIndex) {
        if let Some(line) = self.slot(peer).and_then(|slot| slot.current()) {
            line.wake.notify_one();
        }
    }

    /// The same for all peers.
    pub fn wake_all(&self) {
        for slot in &*self.0.slots.borrow() {
            if let Some(line) = slot.current() {
                line.wake.notify_one();
            }
        }
    }

    /// Ends the session of that peer, after what waits to be sent, and calls it no more.
    pub fn stop(&self, peer: PeerIndex) {
        if let Some(slot) = self.slot(peer) {
            slot.stop();
        }
    }

    /// The same for all peers; listeners close.
    pub fn stop_all(&self) {
        self.0.stopping.set(true);
        self.0.stop.notify_waiters();
        for slot in &*self.0.slots.borrow() {
            slot.stop();
        }
    }

    /// Whether [`Control::stop_all`] was called.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.get()
    }

    /// Ends when [`Control::stop_all`] is called.
    pub(super) async fn stopping(&self) {
        while !self.is_stopping() {
            self.0.stop.notified().await;
        }
    }

    /// All peers.
    pub(super) fn slots(&self) -> Vec<Rc<Slot>> {
        self.0.slots.borrow().clone()
    }

    pub(super) fn add(&self, slot: Rc<Slot>) -> PeerIndex {
        let mut slots = self.0.slots.borrow_mut();
        if self.is_stopping() {
            slot.stop();
        }
        slots.push(slot);
        PeerIndex(slots.len() - 1)
    }

    pub(super) fn slot(&self, peer: PeerIndex) -> Option<Rc<Slot>> {
        self.0.slots.borrow().get(peer.0).cloned()
    }

    /// The peer of that name; the one that was added last, if others before it had that name.
    pub(super) fn find(&self, name: &[u8]) -> Option<PeerIndex> {
        self.0.slots.borrow().iter().rposition(|slot| *slot.name == *name).map(PeerIndex)
    }

    /// The connection is over; returns whose current session it was.
    pub(super) fn leave(&self, line: &Rc<Line>) -> Option<PeerIndex> {
        self.0.slots.borrow().iter().position(|slot| slot.leave(line)).map(PeerIndex)
    }
}

/// What the tasks of one peer share.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Box<[u8]>,
    pub(super) certificate_names: Vec<String>,
    current: RefCell<Option<Rc<Line>>>,
    /// The call of ours that isn't a session yet.
    calling: RefCell<Option<Rc<Line>>>,
    stopped: Cell<bool>,
    /// The current session has changed, or the peer was stopped.
    pub(super) changed: Notify,
}

/// A way to reach the task of one connection.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) wake: Notify,
    order: Cell<Order>,
    greeted: Cell<bool>,
}

/// What the task of a connection is told to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Order {
    #[default]
    Run,
    /// Send what is to be sent, and close.
    Finish,
    /// Close at once and say nothing more.
    Vanish,
}

impl Slot {
    pub(super) fn new(name: Box<[u8]>, certificate_names: Vec<String>) -> Self {
        let (current, calling, stopped) = (RefCell::default(), RefCell::default(), Cell::default());
        Self { name, certificate_names, current, calling, stopped, changed: Notify::new() }
    }

    /// A line for a call of ours.
    pub(super) fn call(&self) -> Rc<Line> {
        let line = Rc::new(Line::default());
        self.calling.replace(Some(Rc::clone(&line)));
        line
    }

    pub(super) fn current(&self) -> Option<Rc<Line>> {
        self.current.borrow().clone()
    }

    /// The newest session takes the place of the one before; `true` if there was one.
    pub(super) fn take(&self, line: &Rc<Line>) -> bool {
        let before = self.current.replace(Some(Rc::clone(line)));
        if let Some(before) = &before {
            before.order(Order::Vanish);
        }
        if self.is_stopped() {
            line.order(Order::Finish);
        }
        self.changed.notify_one();
        before.is_some()
    }

    /// The connection is over; returns whether it was the current session.
    fn leave(&self, line: &Rc<Line>) -> bool {
        let mut current = self.current.borrow_mut();
        let was_current = current.as_ref().is_some_and(|current| Rc::ptr_eq(current, line));
        if was_current {
            *current = None;
            self.changed.notify_one();
        }
        was_current
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    pub(super) fn stop(&self) {
        self.stopped.set(true);
        for line in [&self.current, &self.calling].into_iter().filter_map(|line| line.borrow().clone()) {
            line.order(Order::Finish);
        }
        self.changed.notify_one();
    }
}

impl Line {
    pub(super) fn order(&self, order: Order) {
        self.order.set(order.max(self.order.get()));
        self.wake.notify_one();
    }

    /// The handshake is complete.
    pub(super) fn greet(&self) {
        self.greeted.set(true);
    }

    pub(super) fn is_greeted(&self) -> bool {
        self.greeted.get()
    }

    pub(super) fn ordered(&self) -> Order {
        self.order.get()
    }
}
