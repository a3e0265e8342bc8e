//! One end of a connection between two peers, as a state machine that owns no socket and reads no clock.
//!
//! Feed it with [`Session::handle_bytes`], [`Session::handle_eof`] and [`Session::handle_timeout`], tell it what to do with the
//! other methods, and after each call drain it: [`Session::poll_event`] until there is none, then [`Session::poll_transmit`];
//! call again at [`Session::poll_timeout`]. Times are those of any one monotonic clock.
//!
//! Whatever is done with it, it keeps what a live HAProxy relies on: it answers a resync request (with *partial*, unless asked
//! to leave that to its owner), confirms the end of a resync, sends a sign of life in time, and sends nothing that any version
//! of HAProxy stumbles over.

mod handshake;
mod machine;
mod remote;
mod send;
mod timers;

use std::collections::BTreeMap;
use std::time::Instant;

use crate::limits;
use crate::proto::error::ProtoError;
use crate::proto::hello::{Status, Version};
use crate::proto::update::ServerKey;
use crate::stick::Definition;

use machine::{Machine, Step};
pub use send::{EnvelopeError, LocalTable, MAX_MESSAGE, Push};
pub use timers::Times;

/// What a session is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our name among the peers.
    pub us: Box<[u8]>,
    /// The process id that the hello names; HAProxy doesn't look at it.
    pub pid: u32,
    /// Who calls whom.
    pub role: Role,
    /// Who answers a resync request.
    pub answer: Answer,
    /// The most bytes of a payload that is taken.
    pub max_payload: usize,
    /// The most definitions that are taken, changed ones counted again.
    pub max_tables: usize,
    /// How long what may take.
    pub times: Times,
}

impl Options {
    /// A session of ours, called `us`, with the usual [`limits`].
    #[must_use]
    pub fn new(us: &[u8], role: Role) -> Self {
        Self {
            us: us.into(),
            pid: 1,
            role,
            answer: Answer::Partial,
            max_payload: limits::MESSAGE,
            max_tables: limits::TABLES,
            times: Times::default(),
        }
    }
}

/// Who calls whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// We call the peer of that name: HAProxy compares it with its own.
    Caller(Box<[u8]>),
    /// We are called, by one of these; our own name is refused even then.
    Called(Vec<Box<[u8]>>),
}

/// Who answers a resync request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The session: *partial*, at once. HAProxy then asks another peer.
    Partial,
    /// The owner, with [`Session::end_resync`], after [`Event::ResyncRequested`]. It must, soon: until then HAProxy asks no
    /// other peer and sends us nothing.
    Owner,
}

/// One end of a connection between two peers.
#[derive(Clone, Debug)]
pub struct Session {
    machine: Machine,
    /// What came in; everything before `at` has been handled.
    input: Vec<u8>,
    at: usize,
}

impl Session {
    /// A session on a connection that was established `now`.
    #[must_use]
    pub fn new(options: Options, now: Instant) -> Self {
        Self { machine: Machine::new(options, now), input: Vec::new(), at: 0 }
    }

    /// Takes bytes from the connection. The caller drains all events before it comes with more, so that no more than one
    /// incomplete message is ever kept.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.input.drain(..self.at);
        self.at = 0;
        self.input.extend_from_slice(bytes);
        self.machine.received(now, !bytes.is_empty());
    }

    /// The other side sends no more; all bytes before that have been handled and all events drained.
    pub fn handle_eof(&mut self, now: Instant) {
        self.machine.received(now, false);
        let within = self.input.len() - self.at;
        self.machine.eof(within);
    }

    /// The time of [`Self::poll_timeout`] has come. Reads what the connection holds first: a process that was stopped for a
    /// while finds its timers expired and the bytes waiting.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.machine.timeout(now);
    }

    /// What has happened, in order; `None` when everything that came in is handled.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        let step = loop {
            let bytes = self.input.get(self.at..).unwrap_or_default();
            let (used, step) = self.machine.step(bytes);
            self.at += used;
            match step {
                Step::Again => {}
                Step::Wait => return None,
                step => break step,
            }
        };
        Some(self.machine.event(step))
    }

    /// Appends what is to be sent to `out`; returns whether there was anything.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        self.machine.transmit(out)
    }

    /// When [`Self::handle_timeout`] is to be called; `None` once the session is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.machine.next_timeout()
    }

    /// Bytes that wait to be sent. Whoever pushes stops at some amount until they are gone.
    #[must_use]
    pub fn pending_output(&self) -> usize {
        self.machine.pending_output()
    }

    /// Asks for everything the peer holds. The entries come as [`Event::Update`] with `resync` set, the end as
    /// [`Event::ResyncEnded`], which is confirmed at once. Before the session is established it is sent as soon as it is.
    pub fn request_resync(&mut self) {
        self.machine.request_resync();
    }

    /// Acknowledges the entries of a table of the peer up to that id: an optimisation for its next session, so for what is
    /// durable only. Sent with the next output; during a resync, when HAProxy ignores it, afterwards.
    pub fn acknowledge(&mut self, table: usize, id: u32) {
        self.machine.acknowledge(table, id);
    }

    /// Announces a table of ours, with its first entry. A peer ignores it without a word unless it has a table of that
    /// name, key type and key length.
    ///
    /// # Errors
    /// If some version of HAProxy could not take the definition.
    pub fn define(&mut self, definition: Definition) -> Result<LocalTable, EnvelopeError> {
        self.machine.define(definition)
    }

    /// Sends an entry; returns its update id, for [`Event::Acked`].
    ///
    /// # Errors
    /// If the entry doesn't fit its table, or some version of HAProxy could not take it.
    pub fn push(&mut self, table: LocalTable, entry: &Push<'_>) -> Result<u32, EnvelopeError> {
        self.machine.push(table, entry)
    }

    /// Ends what [`Event::ResyncRequested`] began. After `complete` the peer asks nobody else; it is for a node that
    /// really holds everything.
    pub fn end_resync(&mut self, complete: bool) {
        self.machine.end_resync(complete);
    }

    /// Closes the connection from our side.
    pub fn close(&mut self) {
        self.machine.close(Closed::Here);
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        self.machine.counters()
    }

    /// How the peer has numbered the entries of each table, by its name: it tells one process from another, because each
    /// begins anew. `None` until a resync of ours has ended.
    #[must_use]
    pub fn numbers(&self) -> Option<BTreeMap<Box<[u8]>, Numbers>> {
        Some(self.machine.numbers()?.map(|(name, numbers)| (name.into(), numbers)).collect())
    }

    /// Whether a resync was asked for whose end hasn't come.
    #[must_use]
    pub const fn is_learning(&self) -> bool {
        self.machine.is_learning()
    }
}

/// What happens on a session.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Event<'a> {
    /// The handshake succeeded.
    Established {
        /// The peer's name: the one we called, or the one that called us.
        name: &'a [u8],
        /// What it announced; as a caller it announces nothing, and it is taken for what we sent.
        version: Version,
    },
    /// A table that is new, or defined anew in another way. Definitions that only repeat an earlier one are not told.
    Table(&'a RemoteTable),
    /// An entry.
    Update(Update<'a>),
    /// The peer wants everything we hold.
    ResyncRequested,
    /// The resync we asked for has ended.
    ResyncEnded {
        /// The peer considers itself in sync; else it has given what it had.
        complete: bool,
    },
    /// The peer saw the end of a resync that it had asked for.
    ResyncConfirmed,
    /// The peer took our entries of a table, up to that update id.
    Acked {
        /// The table.
        table: LocalTable,
        /// The update id.
        id: u32,
    },
    /// The session is over; the last event. What is still to be sent is sent before the connection is closed.
    Closed(&'a Closed),
}

/// A table of the peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteTable {
    /// A small number of ours for it, in the order of the definitions.
    pub index: usize,
    /// The peer's number for it.
    pub id: u64,
    /// All data types that were announced, as bits, unknown ones included.
    pub data_types: u64,
    /// What its entries look like.
    pub definition: Definition,
}

/// An entry of the peer. It is a state: whatever was known of that key is replaced by it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Update<'a> {
    /// The table.
    pub table: &'a RemoteTable,
    /// The update id, announced or counted.
    pub id: u32,
    /// The remaining life in milliseconds; `None` = the full life of the table, from now on.
    pub life_ms: Option<u32>,
    /// The canonical key.
    pub key: &'a [u8],
    /// The slots of the table's layout. That of a text holds its number in the dictionary, which means nothing here.
    pub values: &'a [u64],
    /// The text.
    pub server_key: ServerKey<'a>,
    /// It came between the request of a resync and its end.
    pub resync: bool,
}

/// Why a session is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Closed {
    /// We closed it.
    Here,
    /// The peer closed the connection; that many bytes of an unfinished line or message had come.
    Eof {
        /// The bytes.
        within: usize,
    },
    /// The peer didn't accept our hello.
    Refused(Status),
    /// The peer answered our hello with something that is no status.
    NoStatus,
    /// We didn't accept the hello of a caller. It gets no answer: HAProxy would not call again after one.
    TurnedAway {
        /// The status that HAProxy would have given.
        status: Status,
        /// Why.
        reason: TurnedAway,
        /// The name it gave, if it came to that.
        name: Option<Box<[u8]>>,
    },
    /// The peer sent what can't be read.
    Protocol(ProtoError),
    /// The peer says that it can't read what we sent: a protocol error (0) or a message too long (1).
    PeerError(u8),
    /// The handshake took too long.
    HandshakeTimeout,
    /// A message that had begun didn't end in time.
    MessageTimeout,
    /// Nothing came for too long.
    Silence,
}

/// Why a caller is turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TurnedAway {
    /// The hello isn't one.
    NotAHello,
    /// A line of the hello is too long.
    LineTooLong,
    /// A version that isn't known.
    Version,
    /// It wants a peer of another name.
    OtherHost,
    /// It isn't listed.
    Unknown,
    /// It uses our own name.
    OurName,
}

/// What was counted on a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Messages received.
    pub messages: u64,
    /// Entries received, those of unreadable tables not counted.
    pub updates: u64,
    /// Messages that were skipped: unknown ones, entries of unreadable tables, control messages out of place.
    pub ignored: u64,
    /// Resync requests received.
    pub resync_requests: u64,
}

/// How a process of HAProxy has numbered the entries of a table. It counts the changes of a table from 1 on, and sets the
/// highest bit of the number of what it has learned from a peer, or from the process before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    /// Entries of the last resync.
    pub all: u32,
    /// Those of them that this process has changed itself.
    pub own: u32,
    /// The highest number of such an entry.
    pub newest: u32,
}

impl Numbers {
    /// Entries that it has learned.
    #[must_use]
    pub const fn learned(&self) -> u32 {
        self.all.saturating_sub(self.own)
    }

    #[inline]
    fn count(&mut self, id: u32, resync: bool) {
        self.all = self.all.saturating_add(u32::from(resync));
        if id < 0x8000_0000 {
            self.own = self.own.saturating_add(u32::from(resync));
            self.newest = self.newest.max(id);
        }
    }
}

#[cfg(test)]
mod tests;
