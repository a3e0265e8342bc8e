//! What a session does with what comes in.

use std::collections::HashMap;
use std::time::Instant;

use crate::proto::dictionary::Received;
use crate::proto::error::ProtoError;
use crate::proto::frame::{Class, Frame, FrameError, Type};
use crate::proto::hello::Version;
use crate::proto::reader::Reader;
use crate::proto::session::handshake::{HelloLine, Phase};
use crate::proto::session::remote::Remote;
use crate::proto::session::send::{LocalTable, Sender};
use crate::proto::session::timers::{Due, Timers};
use crate::proto::session::{Answer, Closed, Counters, Event, Numbers, Options, Role, Update};
use crate::proto::update::ServerKey;

/// The state of a session; the bytes that came in are kept beside it, so that an event can borrow from both.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) options: Options,
    pub(super) phase: Phase,
    timers: Timers,
    pub(super) counters: Counters,
    pub(super) sender: Sender,
    /// The peer's name, once it is known.
    pub(super) peer: Box<[u8]>,
    pub(super) version: Version,
    pub(super) tables: Vec<Remote>,
    /// The table that each number of the peer stands for; `None` for one whose entries can't be read.
    pub(super) ids: HashMap<u64, Option<usize>>,
    /// The table that entries belong to.
    pub(super) current: Option<usize>,
    pub(super) texts: Received,
    pub(super) resync: Resync,
    /// A resync of ours has ended, so the numbers of all tables are known.
    numbered: bool,
    /// The entry that was read last. A step that carried it would be copied around, at a quarter of the cost of an entry.
    pub(super) taught: Taught,
    /// The peer waits for our end of its resync.
    pub(super) asked: bool,
    /// The peer says that it can't read something; it closes behind that.
    complaint: Option<Type>,
    closed: Option<Closed>,
    told: bool,
}

/// The resync that we asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resync {
    None,
    /// To be asked for as soon as the session is established.
    Wanted,
    /// Asked for.
    Running,
}

/// What is told of an entry beside its key and its values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taught {
    pub(super) id: u32,
    pub(super) life_ms: Option<u32>,
    /// The number of its text in the dictionary; 0 = none.
    pub(super) text: usize,
    pub(super) resync: bool,
}

/// What became of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// Nothing to tell; go on with the next bytes.
    Again,
    /// More bytes are needed.
    Wait,
    Established,
    Table(usize),
    /// The rest is in [`Machine::taught`].
    Update {
        table: usize,
        key: &'a [u8],
    },
    ResyncRequested,
    ResyncEnded {
        complete: bool,
    },
    ResyncConfirmed,
    Acked {
        table: LocalTable,
        id: u32,
    },
    Closed,
}

impl Machine {
    pub(super) fn new(options: Options, now: Instant) -> Self {
        let mut sender = Sender::default();
        let (phase, peer) = match &options.role {
            Role::Caller(them) => {
                sender.hello(them, &options.us, options.pid);
                (Phase::Status, them.clone())
            }
            Role::Called(_) => (Phase::Hello(HelloLine::Proxy), Box::default()),
        };
        Self {
            phase,
            timers: Timers::new(options.times, now),
            counters: Counters::default(),
            sender,
            peer,
            version: Version::V2_1,
            tables: Vec::new(),
            ids: HashMap::new(),
            current: None,
            texts: Received::default(),
            resync: Resync::None,
            numbered: false,
            taught: Taught::default(),
            asked: false,
            complaint: None,
            closed: None,
            told: false,
            options,
        }
    }

    pub(super) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The numbers of each table, by its name; `None` unless everything was learned.
    pub(super) fn numbers(&self) -> Option<impl Iterator<Item = (&[u8], Numbers)>> {
        let tables = self.numbered.then(|| self.tables.iter())?;
        Some(tables.map(|remote| (&*remote.table.definition.name, remote.numbers)))
    }

    pub(super) const fn is_learning(&self) -> bool {
        !matches!(self.resync, Resync::None)
    }

    pub(super) fn pending_output(&self) -> usize {
        self.sender.pending()
    }

    pub(super) fn received(&mut self, now: Instant, any: bool) {
        self.timers.received(now, any);
    }

    /// Ends the session; the first reason counts.
    pub(super) fn close(&mut self, reason: Closed) {
        if self.closed.is_none() {
            self.closed = Some(reason);
            self.sender.seal();
        }
    }

    /// The peer has closed the connection, with so many bytes of an unfinished message left.
    pub(super) fn eof(&mut self, within: usize) {
        self.close(self.complaint.map_or(Closed::Eof { within }, |kind| Closed::PeerError(kind.0)));
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.closed.is_none().then(|| self.timers.next(self.phase == Phase::Open).1)
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        while self.closed.is_none() {
            match self.timers.due(now, self.phase == Phase::Open) {
                Some(Due::Heartbeat) => {
                    self.sender.control(Type::HEARTBEAT);
                    self.timers.sent();
                }
                Some(Due::Handshake) => self.close(Closed::HandshakeTimeout),
                Some(Due::Message) => self.close(Closed::MessageTimeout),
                Some(Due::Silence) => self.close(Closed::Silence),
                None => return,
            }
        }
    }

    pub(super) fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        // HAProxy ignores acknowledgements between the request of a resync and its end.
        if self.phase == Phase::Open && !self.is_learning() && self.closed.is_none() {
            for remote in &mut self.tables {
                if let Some(id) = remote.ack.take().filter(|id| remote.acked != Some(*id)) {
                    self.sender.ack(remote.table.id, id);
                    remote.acked = Some(id);
                }
            }
        }
        let any = self.sender.transmit(out);
        if any {
            self.timers.sent();
        }
        any
    }

    pub(super) fn request_resync(&mut self) {
        if self.phase == Phase::Open {
            self.sender.control(Type::RESYNC_REQUEST);
            self.resync = Resync::Running;
            self.numbered = false;
            self.tables.iter_mut().for_each(|remote| (remote.numbers.all, remote.numbers.own) = (0, 0));
        } else {
            self.resync = Resync::Wanted;
        }
    }

    pub(super) fn acknowledge(&mut self, table: usize, id: u32) {
        if let Some(remote) = self.tables.get_mut(table) {
            remote.ack = Some(id);
        }
    }

    pub(super) fn end_resync(&mut self, complete: bool) {
        if std::mem::take(&mut self.asked) {
            self.sender.control(if complete { Type::RESYNC_FINISHED } else { Type::RESYNC_PARTIAL });
        }
    }

    /// Handles the front of `bytes`; returns how many were used.
    pub(super) fn step<'a>(&mut self, bytes: &'a [u8]) -> (usize, Step<'a>) {
        if self.closed.is_some() {
            let step = if std::mem::replace(&mut self.told, true) { Step::Wait } else { Step::Closed };
            return (0, step);
        }
        match self.phase {
            Phase::Open => self.message(bytes),
            Phase::Status => self.status(bytes),
            Phase::Hello(line) => self.hello(line, bytes),
        }
    }

    /// The event of a step that has something to tell.
    pub(super) fn event<'a>(&'a self, step: Step<'a>) -> Event<'a> {
        let closed = || Event::Closed(self.closed.as_ref().unwrap_or(&Closed::Here));
        match step {
            Step::Established => Event::Established { name: &self.peer, version: self.version },
            Step::Table(table) => self.tables.get(table).map_or_else(closed, |remote| Event::Table(&remote.table)),
            Step::Update { table, key } => {
                let Some(remote) = self.tables.get(table) else { return closed() };
                let Taught { id, life_ms, text, resync } = self.taught;
                let server_key = match text {
                    0 => ServerKey::Unchanged,
                    text => self.texts.get(text).map_or(ServerKey::Unexplained, ServerKey::Text),
                };
                let values = remote.decoder.values();
                Event::Update(Update { table: &remote.table, id, life_ms, key, values, server_key, resync })
            }
            Step::ResyncRequested => Event::ResyncRequested,
            Step::ResyncEnded { complete } => Event::ResyncEnded { complete },
            Step::ResyncConfirmed => Event::ResyncConfirmed,
            Step::Acked { table, id } => Event::Acked { table, id },
            Step::Closed | Step::Again | Step::Wait => closed(),
        }
    }

    /// Ends the session and lets the next step tell it.
    pub(super) fn end<'a>(&mut self, reason: Closed) -> Step<'a> {
        self.close(reason);
        Step::Again
    }

    /// The next message.
    #[inline]
    fn message<'a>(&mut self, bytes: &'a [u8]) -> (usize, Step<'a>) {
        match Frame::parse(bytes, self.options.max_payload) {
            Ok(Some((frame, used))) => {
                self.timers.message(false);
                self.counters.messages += 1;
                let step = self.handle(&frame).unwrap_or_else(|error| self.fail(error));
                (used, step)
            }
            Ok(None) => {
                self.timers.message(!bytes.is_empty());
                (0, Step::Wait)
            }
            Err(error) => {
                if matches!(error, FrameError::TooLong { .. }) {
                    self.sender.error(Type::SIZE_LIMIT);
                    (0, self.end(Closed::Protocol(error.into())))
                } else {
                    (0, self.fail(error.into()))
                }
            }
        }
    }

    /// Tells the peer that it sent nonsense, as HAProxy does, and ends the session.
    #[cold]
    fn fail<'a>(&mut self, error: ProtoError) -> Step<'a> {
        self.sender.error(Type::PROTOCOL_ERROR);
        self.end(Closed::Protocol(error))
    }

    #[inline]
    fn handle<'a>(&mut self, frame: &Frame<'a>) -> Result<Step<'a>, ProtoError> {
        match (frame.class, frame.kind) {
            (Class::STICK_TABLE, Type::UPDATE | Type::INCREMENTAL | Type::TIMED | Type::TIMED_INCREMENTAL) => {
                self.update(frame.kind, frame.payload)
            }
            (Class::STICK_TABLE, Type::DEFINITION) => self.define_remote(frame.payload),
            (Class::STICK_TABLE, Type::SWITCH) => {
                let mut reader = Reader::new("a table switch", frame.payload);
                let id = reader.varint("table id")?;
                reader.end()?;
                self.current = self.ids.get(&id).copied().flatten();
                Ok(Step::Again)
            }
            (Class::STICK_TABLE, Type::ACK) => {
                let mut reader = Reader::new("an acknowledgement", frame.payload);
                let table = reader.varint("table id")?;
                let id = reader.u32("update id")?;
                reader.end()?;
                let table = self.sender.table(table);
                Ok(table.map_or_else(|| self.ignore(), |table| Step::Acked { table, id }))
            }
            (Class::CONTROL, kind) => Ok(self.control(kind)),
            (Class::ERROR, kind @ (Type::PROTOCOL_ERROR | Type::SIZE_LIMIT)) => {
                self.complaint = Some(kind);
                Ok(Step::Again)
            }
            (Class::RESERVED, _) => Err(ProtoError::ReservedClass),
            _ => Ok(self.ignore()),
        }
    }

    pub(super) fn ignore<'a>(&mut self) -> Step<'a> {
        self.counters.ignored += 1;
        Step::Again
    }

    fn control<'a>(&mut self, kind: Type) -> Step<'a> {
        match kind {
            Type::HEARTBEAT => Step::Again,
            Type::RESYNC_REQUEST => {
                self.counters.resync_requests += 1;
                match self.options.answer {
                    Answer::Partial => {
                        self.sender.control(Type::RESYNC_PARTIAL);
                        Step::ResyncRequested
                    }
                    // One answer at a time: a flood of requests must not make us send everything over and over.
                    Answer::Owner if self.asked => self.ignore(),
                    Answer::Owner => {
                        self.asked = true;
                        Step::ResyncRequested
                    }
                }
            }
            Type::RESYNC_FINISHED | Type::RESYNC_PARTIAL => {
                self.sender.control(Type::RESYNC_CONFIRM);
                if self.resync != Resync::Running {
                    return self.ignore();
                }
                self.resync = Resync::None;
                self.numbered = true;
                Step::ResyncEnded { complete: kind == Type::RESYNC_FINISHED }
            }
            Type::RESYNC_CONFIRM => Step::ResyncConfirmed,
            _ => self.ignore(),
        }
    }
}
