//! What a session does with what comes in.

use std::collections::HashMap;
use std::time::Instant;

use crate::proto::define::Announced;
use crate::proto::dictionary::Received;
use crate::proto::error::ProtoError;
use crate::proto::frame::{Class, Frame, FrameError, Type};
use crate::proto::hello::{self, Line, ProxyHeader, Status, Version};
use crate::proto::reader::Reader;
use crate::proto::session::send::{LocalTable, Sender};
use crate::proto::session::timers::{Due, Timers};
use crate::proto::session::{Answer, Closed, Counters, Event, Options, RemoteTable, Role, TurnedAway, Update};
use crate::proto::update::{Decoder, Reference, ServerKey};

/// The state of a session; the bytes that came in are kept beside it, so that an event can borrow from both.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    options: Options,
    phase: Phase,
    timers: Timers,
    counters: Counters,
    pub(super) sender: Sender,
    /// The peer's name, once it is known.
    peer: Box<[u8]>,
    pub(super) version: Version,
    tables: Vec<Remote>,
    /// The table that each number of the peer stands for; `None` for one whose entries can't be read.
    ids: HashMap<u64, Option<usize>>,
    /// The table that entries belong to.
    current: Option<usize>,
    texts: Received,
    resync: Resync,
    /// The peer waits for our end of its resync.
    pub(super) asked: bool,
    /// The peer says that it can't read something; it closes behind that.
    complaint: Option<Type>,
    closed: Option<Closed>,
    told: bool,
}

#[derive(Clone, Debug)]
struct Remote {
    table: RemoteTable,
    decoder: Decoder,
    /// The payload of the definition: most definitions repeat an earlier one.
    payload: Box<[u8]>,
    last_id: u32,
    /// What is to be acknowledged, and what was last.
    ack: Option<u32>,
    acked: Option<u32>,
}

/// Where the handshake is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// We called and wait for the status.
    Status,
    /// We are called; these lines are still to come.
    Hello(HelloLine),
    /// Messages.
    Open,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HelloLine {
    Proxy,
    Version,
    Host,
    Caller,
}

/// The resync that we asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resync {
    None,
    /// To be asked for as soon as the session is established.
    Wanted,
    /// Asked for.
    Running,
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
    Update {
        table: usize,
        id: u32,
        life_ms: Option<u32>,
        key: &'a [u8],
        text: Option<Reference<'a>>,
        resync: bool,
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
            Step::Update { table, id, life_ms, key, text, resync } => {
                let Some(remote) = self.tables.get(table) else { return closed() };
                let server_key = match text {
                    None | Some(Reference { id: 0, .. }) => ServerKey::Unchanged,
                    Some(text) => self.texts.get(text.id).map_or(ServerKey::Unexplained, ServerKey::Text),
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

    /// The answer to our hello.
    fn status<'a>(&mut self, bytes: &'a [u8]) -> (usize, Step<'a>) {
        match hello::line(bytes, hello::MAX_STATUS) {
            Line::Incomplete => (0, Step::Wait),
            Line::TooLong => (0, self.end(Closed::NoStatus)),
            Line::Whole(line, used) => match Status::parse(line) {
                Some(Status::OK) => (used, self.establish()),
                Some(status) => (used, self.end(Closed::Refused(status))),
                None => (used, self.end(Closed::NoStatus)),
            },
        }
    }

    /// A line of the hello of a caller. Each is judged as soon as it is complete.
    fn hello<'a>(&mut self, which: HelloLine, bytes: &'a [u8]) -> (usize, Step<'a>) {
        if which == HelloLine::Proxy {
            let used = match ProxyHeader::find(bytes) {
                ProxyHeader::Incomplete => return (0, Step::Wait),
                ProxyHeader::Bad => return (0, self.turn_away(TurnedAway::NotAHello, None)),
                ProxyHeader::Whole(used) => used,
                ProxyHeader::None => 0,
            };
            self.phase = Phase::Hello(HelloLine::Version);
            return (used, Step::Again);
        }
        let (line, used) = match hello::line(bytes, hello::MAX_LINE) {
            Line::Incomplete => return (0, Step::Wait),
            Line::TooLong => return (0, self.turn_away(TurnedAway::LineTooLong, None)),
            Line::Whole(line, used) => (line, used),
        };
        let step = match which {
            HelloLine::Proxy | HelloLine::Version => match hello::version(line) {
                Ok(version) => {
                    self.version = version;
                    self.phase = Phase::Hello(HelloLine::Host);
                    Step::Again
                }
                Err(Status::VERSION) => self.turn_away(TurnedAway::Version, None),
                Err(_) => self.turn_away(TurnedAway::NotAHello, None),
            },
            HelloLine::Host if *line == *self.options.us => {
                self.phase = Phase::Hello(HelloLine::Caller);
                Step::Again
            }
            HelloLine::Host => self.turn_away(TurnedAway::OtherHost, Some(line)),
            HelloLine::Caller => match hello::caller(line) {
                Ok(name) => self.caller(name),
                Err(_) => self.turn_away(TurnedAway::NotAHello, None),
            },
        };
        (used, step)
    }

    /// The name of the caller has come.
    fn caller<'a>(&mut self, name: &[u8]) -> Step<'a> {
        if *name == *self.options.us {
            return self.turn_away(TurnedAway::OurName, Some(name));
        }
        let Role::Called(callers) = &self.options.role else { return Step::Wait };
        if !callers.iter().any(|known| **known == *name) {
            return self.turn_away(TurnedAway::Unknown, Some(name));
        }
        self.peer = name.into();
        self.sender.status(Status::OK);
        self.establish()
    }

    fn establish<'a>(&mut self) -> Step<'a> {
        self.phase = Phase::Open;
        // After a collision of two calls HAProxy closes the session unless something comes soon.
        match self.resync {
            Resync::None => self.sender.control(Type::HEARTBEAT),
            _ => self.request_resync(),
        }
        Step::Established
    }

    fn turn_away<'a>(&mut self, reason: TurnedAway, name: Option<&[u8]>) -> Step<'a> {
        let status = match reason {
            TurnedAway::NotAHello | TurnedAway::LineTooLong => Status::PROTOCOL,
            TurnedAway::Version => Status::VERSION,
            TurnedAway::OtherHost => Status::HOST,
            TurnedAway::Unknown | TurnedAway::OurName => Status::PEER,
        };
        self.end(Closed::TurnedAway { status, reason, name: name.map(Into::into) })
    }

    /// Ends the session and lets the next step tell it.
    fn end<'a>(&mut self, reason: Closed) -> Step<'a> {
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

    fn ignore<'a>(&mut self) -> Step<'a> {
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
                Step::ResyncEnded { complete: kind == Type::RESYNC_FINISHED }
            }
            Type::RESYNC_CONFIRM => Step::ResyncConfirmed,
            _ => self.ignore(),
        }
    }

    fn define_remote<'a>(&mut self, payload: &[u8]) -> Result<Step<'a>, ProtoError> {
        let id = Reader::new("a table definition", payload).varint("table id")?;
        if let Some(Some(known)) = self.ids.get(&id).copied()
            && self.tables.get(known).is_some_and(|remote| *remote.payload == *payload)
        {
            self.current = Some(known);
            return Ok(Step::Again);
        }
        let announced = Announced::decode(payload)?;
        let (index, limit) = (self.tables.len(), self.options.max_tables);
        if index >= limit || self.ids.len() > limit {
            let (message, field) = ("a table definition", "number of definitions");
            return Err(ProtoError::Limit { message, field, found: index as u64 + 1, limit: limit as u64 });
        }
        let Ok(definition) = announced.definition else {
            self.ids.insert(id, None);
            self.current = None;
            return Ok(self.ignore());
        };
        // The ids of a table go on where they were if only its definition changed.
        let before = self.ids.get(&id).copied().flatten().and_then(|before| self.tables.get(before));
        let same = before.filter(|before| before.table.definition.name == definition.name);
        let last_id = same.map_or(0, |before| before.last_id);
        let decoder = Decoder::new(&definition, announced.data_types);
        let table = RemoteTable { index, id, data_types: announced.data_types, definition };
        self.tables.push(Remote { table, decoder, payload: payload.into(), last_id, ack: None, acked: None });
        self.ids.insert(id, Some(index));
        self.current = Some(index);
        Ok(Step::Table(index))
    }

    #[inline]
    fn update<'a>(&mut self, kind: Type, payload: &'a [u8]) -> Result<Step<'a>, ProtoError> {
        let Some((table, remote)) = self.current.and_then(|at| Some((at, self.tables.get_mut(at)?))) else {
            return Ok(self.ignore());
        };
        let (head, key, text) = remote.decoder.decode(kind, payload, &mut self.texts)?;
        let id = head.id.unwrap_or_else(|| remote.last_id.wrapping_add(1));
        remote.last_id = id;
        self.counters.updates += 1;
        let resync = self.resync == Resync::Running;
        Ok(Step::Update { table, id, life_ms: head.life_ms, key, text, resync })
    }
}
