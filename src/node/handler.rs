//! Who is told what happens, and decides what is sent.

use std::time::Instant;

use crate::node::link::{LinkState, Refusal};
use crate::proto::Session;
use crate::proto::session::Event;

/// A peer of a node: its place in the order in which peers were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerIndex(pub usize);

/// The consumer of all sessions of a node. It is called in the tasks that own the connections, one call at a time, and must
/// return within a few milliseconds: while it runs no connection is read, and no heartbeat is sent.
pub trait Handler: 'static {
    /// Something happened on the session of a peer. Order: [`Event::Established`] first, [`Event::Closed`] last, unless
    /// the connection is lost; [`LinkState::Closed`] comes after both, always.
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>);

    /// The session is established and may be told something: push entries while [`Session::pending_output`] is below
    /// [`OUTPUT_LOW`], acknowledge, ask for a resync, close. Called after each batch of events, when all output is on its way,
    /// after [`super::Control::wake`], and when [`Next`] says so.
    fn ready(&mut self, peer: PeerIndex, now: Instant, session: &mut Session) -> Next;

    /// Something happened on the way to a session, or to it.
    fn link(&mut self, peer: PeerIndex, now: Instant, state: &LinkState<'_>);

    /// A caller was turned away. Told once in ten seconds for each source and reason.
    fn refused(&mut self, _now: Instant, _refusal: &Refusal) {}
}

/// Bytes of pending output below which it is time to push more.
pub const OUTPUT_LOW: usize = 64 * 1024;

/// When [`Handler::ready`] is to be called again, at the latest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// When something happened.
    Wait,
    /// Soon: there is more to do, and only the time for one turn was up.
    Again,
    /// At that time.
    At(Instant),
    /// Never: what is pending is sent, the session is closed, and the peer isn't called again.
    Stop,
}
