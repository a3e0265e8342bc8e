//! The loop that feeds a [`Session`] from a stream.
//!
//! Reading never waits for writing, a timer never fires before the bytes that already wait were read, and each turn is short:
//! one read of at most 64 KiB, then other tasks come first.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::futures::Notified;
use tokio::time::{self, Sleep};

use crate::node::clock;
use crate::node::control::{Control, Line, Order};
use crate::node::guests::Refusals;
use crate::node::handler::{Handler, Next, PeerIndex};
use crate::node::link::{Direction, Foreign, LinkError, LinkState, Refusal};
use crate::node::tls::Secured;
use crate::proto::Session;
use crate::proto::session::{Closed, Event};

/// A connection, in plain or in TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Bytes that are read in one turn.
const TURN: usize = 64 * 1024;

/// How long events are handled in one turn before other tasks have theirs.
const TURN_TIME: Duration = Duration::from_millis(5);

/// How long the peer may take nothing of what is sent to it.
const STALL: Duration = Duration::from_secs(5);

/// The most bytes that wait to be sent. Whoever pushes stops far below; only a peer that asks and doesn't read gets there.
const MAX_OUTPUT: usize = 16 << 20;

/// How long the last bytes may take to leave.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What all tasks of a node share.
#[derive(Debug)]
pub(super) struct Shared<H> {
    pub(super) handler: RefCell<H>,
    pub(super) control: Control,
    /// What is read goes from here into the session at once, so one buffer is enough.
    buffer: RefCell<Box<[u8]>>,
    pub(super) refusals: Refusals,
}

impl<H: Handler> Shared<H> {
    pub(super) fn new(handler: H, control: Control) -> Self {
        Self {
            handler: RefCell::new(handler),
            control,
            buffer: RefCell::new(vec![0; TURN].into()),
            refusals: Refusals::default(),
        }
    }

    pub(super) fn tell(&self, peer: PeerIndex, state: &LinkState<'_>) {
        self.handler.borrow_mut().link(peer, clock::now(), state);
    }

    /// A caller is turned away.
    pub(super) fn refuse(&self, mut refusal: Refusal) {
        let now = clock::now();
        if self.refusals.count(now, &mut refusal) {
            self.handler.borrow_mut().refused(now, &refusal);
        }
    }
}

/// A session and its connection.
pub(super) struct Driver<H> {
    shared: Rc<Shared<H>>,
    stream: Box<dyn Stream>,
    session: Session,
    line: Rc<Line>,
    direction: Direction,
    /// Who it is; known from the beginning if we call.
    peer: Option<PeerIndex>,
    established: Option<Instant>,
    /// On its way: everything before `sent` has left.
    out: Vec<u8>,
    sent: usize,
    /// Nothing more can be written; what the peer said before is still read.
    broken: bool,
    /// TLS may have kept something.
    flushing: bool,
    /// Since when the peer takes nothing.
    stalled: Option<Instant>,
    /// The first bytes that came, and when the session began.
    first: Vec<u8>,
    began: Instant,
    closed: Option<Closed>,
    /// What a caller was told by TLS.
    pub(super) secured: Option<Secured>,
}

/// What happened in a turn.
#[derive(Debug, Default)]
struct Turn {
    read: Option<io::Result<usize>>,
    wrote: bool,
    woken: bool,
    due: bool,
}

/// How a session ended: whose it was, and since when it had been established.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) peer: Option<PeerIndex>,
    pub(super) established: Option<Instant>,
    pub(super) why: LinkError,
}

impl<H: Handler> Driver<H> {
    pub(super) fn new(
        shared: Rc<Shared<H>>,
        stream: Box<dyn Stream>,
        session: Session,
        line: Rc<Line>,
        peer: Option<PeerIndex>,
    ) -> Self {
        let direction = if peer.is_some() { Direction::Called } else { Direction::Accepted };
        let (out, first, began) = (Vec::new(), Vec::new(), clock::now());
        Self {
            shared,
            stream,
            session,
            line,
            direction,
            peer,
            established: None,
            out,
            sent: 0,
            broken: false,
            flushing: false,
            stalled: None,
            first,
            began,
            closed: None,
            secured: None,
        }
    }

    /// Drives the session to its end. A mistake of ours ends this session and no other.
    pub(super) async fn guarded(self) -> Ended {
        let (shared, line, peer) = (Rc::clone(&self.shared), Rc::clone(&self.line), self.peer);
        match tokio::task::spawn_local(self.run()).await {
            Ok(ended) => ended,
            Err(error) => {
                let peer = shared.control.leave(&line).or(peer);
                Ended { peer, established: None, why: LinkError::Bug(error.to_string()) }
            }
        }
    }

    /// Drives the session to its end.
    async fn run(mut self) -> Ended {
        let why = self.turns().await;
        self.shared.control.leave(&self.line);
        if !matches!(why, LinkError::Replaced) {
            self.say_goodbye().await;
        }
        Ended { peer: self.peer, established: self.established, why }
    }

    async fn turns(&mut self) -> LinkError {
        let line = Rc::clone(&self.line);
        let mut woken = pin!(line.wake.notified());
        let mut timer = pin!(time::sleep_until(self.began.into()));
        let mut next = Next::Wait;
        let (mut due, mut eof) = (false, false);
        loop {
            match line.ordered() {
                Order::Vanish => return LinkError::Replaced,
                Order::Finish => return LinkError::Stopped,
                Order::Run => {}
            }
            self.fill();
            if self.unsent() + self.session.pending_output() > MAX_OUTPUT {
                return LinkError::OutputLimit(MAX_OUTPUT);
            }
            let wanted = self.deadline(next);
            if wanted < timer.deadline().into_std() || timer.is_elapsed() {
                timer.as_mut().reset(wanted.into());
            }

            let turn = poll_fn(|cx| self.poll(cx, eof, woken.as_mut(), timer.as_mut(), due)).await;
            let now = clock::now();
            let mut ready = turn.woken;
            if turn.woken {
                woken.set(line.wake.notified());
            }
            ready |= turn.wrote && self.unsent() == 0 && self.session.pending_output() == 0;
            match turn.read {
                Some(Ok(0)) => {
                    eof = true;
                    self.session.handle_eof(now);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return self.lost(&error),
                // The first look at the clock may be the first look at anything for a long time: what has come meanwhile
                // is read before it counts.
                None if !due && turn.due && now >= self.deadline(next) => {
                    due = true;
                    tokio::task::yield_now().await;
                    continue;
                }
                None => {}
            }
            ready |= self.drain().await || next == Next::Again;
            due = false;
            if now >= self.deadline(next) {
                if self.stalled.is_some_and(|since| now >= since + STALL) {
                    return LinkError::Stalled(STALL);
                }
                self.session.handle_timeout(now);
                ready |= self.drain().await || matches!(next, Next::At(at) if at <= now);
            }
            if let Some(closed) = self.closed.take() {
                return self.ended(closed);
            }
            if ready
                && self.established.is_some()
                && line.ordered() == Order::Run
                && let Some(peer) = self.peer
            {
                next = self.shared.handler.borrow_mut().ready(peer, clock::now(), &mut self.session);
                if next == Next::Stop {
                    if let Some(slot) = self.shared.control.slot(peer) {
                        slot.stop();
                    }
                    return LinkError::Stopped;
                }
                // The session may have been closed by the handler.
                self.drain().await;
                if let Some(closed) = self.closed.take() {
                    return self.ended(closed);
                }
            }
            if turn.read.is_some() || next == Next::Again {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Reads once, writes once, and looks at the other reasons to go on.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        eof: bool,
        woken: Pin<&mut Notified<'_>>,
        timer: Pin<&mut Sleep>,
        due: bool,
    ) -> Poll<Turn> {
        let mut turn = Turn::default();
        if !eof && let Poll::Ready(read) = self.poll_read(cx) {
            turn.read = Some(read);
        }
        turn.wrote = self.poll_write(cx);
        turn.woken = woken.poll(cx).is_ready();
        turn.due = timer.poll(cx).is_ready();
        let any = turn.read.is_some() || turn.wrote || turn.woken || turn.due || due;
        if any { Poll::Ready(turn) } else { Poll::Pending }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = self.shared.buffer.borrow_mut();
        let mut into = ReadBuf::new(&mut buffer);
        std::task::ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut into))?;
        let bytes = into.filled();
        let now = clock::now();
        if self.first.is_empty() && !bytes.is_empty() {
            self.first.extend(bytes.iter().take(16));
            if let (Direction::Called, Some(peer)) = (self.direction, self.peer) {
                self.shared.tell(peer, &LinkState::Answered { after: now - self.began });
            }
        }
        if !bytes.is_empty() {
            self.session.handle_bytes(now, bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Writes once, and flushes what TLS may have kept; returns whether anything went on.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.broken {
            return false;
        }
        let bytes = self.out.get(self.sent..).unwrap_or_default();
        if bytes.is_empty() && !self.flushing {
            return false;
        }
        let written =
            if bytes.is_empty() { Poll::Ready(Ok(0)) } else { Pin::new(&mut *self.stream).poll_write(cx, bytes) };
        let (mut any, empty) = (false, bytes.is_empty());
        let result = match written {
            Poll::Ready(Ok(count)) if count > 0 || empty => {
                self.sent += count;
                self.flushing = true;
                any = count > 0;
                match Pin::new(&mut *self.stream).poll_flush(cx) {
                    Poll::Ready(Ok(())) => {
                        (self.flushing, any) = (false, true);
                        Ok(())
                    }
                    Poll::Ready(Err(_)) => Err(()),
                    Poll::Pending => Ok(()),
                }
            }
            Poll::Ready(_) => Err(()),
            Poll::Pending => Ok(()),
        };
        self.broken = result.is_err();
        self.stalled = if any || self.broken { None } else { self.stalled.or_else(|| Some(clock::now())) };
        any || self.broken
    }

    /// Bytes that wait to be written; 0 if nothing can be written any more.
    fn unsent(&self) -> usize {
        if self.broken { 0 } else { self.out.len() - self.sent + usize::from(self.flushing) }
    }

    /// Takes what the session has to say, once everything before it has left: so the session knows what is pending.
    fn fill(&mut self) {
        if self.unsent() == 0 {
            self.out.clear();
            self.sent = 0;
            self.session.poll_transmit(&mut self.out);
        }
    }

    /// When something is to be done even if nothing happens.
    fn deadline(&self, next: Next) -> Instant {
        let session = self.session.poll_timeout();
        let stall = self.stalled.map(|since| since + STALL);
        let wanted = if let Next::At(at) = next { Some(at) } else { None };
        let now_and_then = || clock::now() + Duration::from_secs(1);
        [session, stall, wanted].into_iter().flatten().min().unwrap_or_else(now_and_then)
    }

    /// Hands all events out; returns whether there were any.
    async fn drain(&mut self) -> bool {
        let mut any = false;
        while self.hand_out(&mut any) {
            tokio::task::yield_now().await;
        }
        any
    }

    /// Hands out the events of one turn; returns whether there are more.
    fn hand_out(&mut self, any: &mut bool) -> bool {
        let now = clock::now();
        let shared = Rc::clone(&self.shared);
        let mut handler = shared.handler.borrow_mut();
        let mut count = 0_u32;
        while let Some(event) = self.session.poll_event() {
            *any = true;
            match &event {
                Event::Established { name, .. } => {
                    let peer = self.peer.or_else(|| shared.control.find(name));
                    self.peer = peer;
                    let Some((peer, slot)) = peer.and_then(|peer| Some((peer, shared.control.slot(peer)?))) else {
                        continue;
                    };
                    if slot.take(&self.line) {
                        handler.link(peer, now, &LinkState::Closed { why: &LinkError::Replaced, next_try: None });
                    }
                    self.line.greet();
                    self.established = Some(now);
                    if let Some(secured) = self.secured.take() {
                        handler.link(peer, now, &LinkState::Secured(&secured));
                    }
                    handler.link(peer, now, &LinkState::Established(self.direction));
                }
                Event::Closed(closed) => self.closed = Some((*closed).clone()),
                _ => {}
            }
            if let Some(peer) = self.peer.filter(|_| self.line.ordered() != Order::Vanish) {
                handler.event(peer, now, event);
            }
            count += 1;
            if count.is_multiple_of(1024) && now.elapsed() > TURN_TIME {
                return true;
            }
        }
        false
    }

    /// The session has ended, for that reason as far as it knows.
    fn ended(&mut self, closed: Closed) -> LinkError {
        let early = self.established.is_none() && self.direction == Direction::Called;
        let foreign = Foreign(self.first.as_slice().into());
        match closed {
            Closed::NoStatus if early => LinkError::Foreign(foreign),
            Closed::Eof { .. } if early && foreign.is_tls() => LinkError::Foreign(foreign),
            closed => LinkError::Session(closed),
        }
    }

    fn lost(&self, error: &io::Error) -> LinkError {
        let foreign = Foreign(self.first.as_slice().into());
        if self.established.is_none() && self.direction == Direction::Called && foreign.is_tls() {
            return LinkError::Foreign(foreign);
        }
        LinkError::of_io(error)
    }

    /// Sends what is still to be sent, and ends the connection in order.
    async fn say_goodbye(&mut self) {
        let mut rest = self.out.split_off(self.sent.min(self.out.len()));
        if self.broken {
            return;
        }
        self.session.poll_transmit(&mut rest);
        let stream = &mut self.stream;
        let last = async {
            stream.write_all(&rest).await?;
            stream.shutdown().await
        };
        let _the_connection_ends_anyway = time::timeout(LAST_WORDS, last).await;
    }
}

impl LinkError {
    /// A failed read or write of a connection.
    pub(super) fn of_io(error: &io::Error) -> Self {
        if let Some(tls) = crate::node::tls::TlsError::of(error) {
            return Self::Tls(tls);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff,
            kind => Self::Lost { kind, problem: error.to_string() },
        }
    }
}
