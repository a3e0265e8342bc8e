//! The loop that feeds a [`Session`] from a stream.
//!
//! Reading never waits for writing, a timer never fires before the bytes that already wait were read, and each turn is short:
//! one read of at most 64 KiB, then other tasks come first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::futures::Notified;
use tokio::task::JoinHandle;
use tokio::time::{self, Sleep};

use crate::limits;
use crate::node::clock;
use crate::node::control::{Control, Line, Order};
use crate::node::guests::Refusals;
use crate::node::handler::{Handler, Next, PeerIndex};
use crate::node::link::{Direction, Foreign, LinkError, LinkState, Refusal};
use crate::node::tls::Secured;
use crate::node::wire::{Stream, Wire};
use crate::proto::Session;
use crate::proto::session::{Closed, Event, Numbers};

/// Bytes that are read in one turn.
const TURN: usize = 64 * 1024;

/// How long events are handled in one turn before other tasks have theirs.
const TURN_TIME: Duration = Duration::from_millis(5);

/// First bytes that are kept, to guess what is spoken where no peer is.
const FIRST: usize = 16;

/// How long the peer may take nothing of what is sent to it.
const STALL: Duration = Duration::from_secs(5);

/// The most bytes that wait to be sent. Whoever pushes stops far below; only a peer that asks and doesn't read gets there.
const MAX_OUTPUT: usize = limits::OUTPUT;

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
    wire: Wire,
    session: Session,
    line: Rc<Line>,
    direction: Direction,
    /// Who it is; known from the beginning if we call.
    peer: Option<PeerIndex>,
    established: Option<Instant>,
    /// When the handler wants to be called again.
    next: Next,
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

/// How a session ended: whose it was, since when it had been established, and how the peer numbers its entries.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) peer: Option<PeerIndex>,
    pub(super) established: Option<Instant>,
    pub(super) why: LinkError,
    pub(super) numbers: Option<BTreeMap<Box<[u8]>, Numbers>>,
}

impl Ended {
    /// Before there was a session.
    pub(super) const fn early(peer: Option<PeerIndex>, why: LinkError) -> Self {
        Self { peer, established: None, why, numbers: None }
    }
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
        Self {
            shared,
            wire: Wire::new(stream),
            session,
            line,
            direction,
            peer,
            established: None,
            next: Next::Wait,
            first: Vec::new(),
            began: clock::now(),
            closed: None,
            secured: None,
        }
    }

    /// Drives the session to its end. A mistake of ours ends this session and no other.
    pub(super) async fn guarded(self) -> Ended {
        let (shared, line, peer) = (Rc::clone(&self.shared), Rc::clone(&self.line), self.peer);
        let mut task = Task(tokio::task::spawn_local(self.run()));
        if let Ok(ended) = (&mut task.0).await {
            return ended;
        }
        Ended::early(shared.control.leave(&line).or(peer), LinkError::Bug)
    }

    /// Drives the session to its end.
    async fn run(mut self) -> Ended {
        let why = self.turns().await;
        self.shared.control.leave(&self.line);
        let numbers = self.session.numbers();
        if !matches!(why, LinkError::Replaced) {
            self.wire.finish(&mut self.session).await;
        }
        Ended { peer: self.peer, established: self.established, why, numbers }
    }

    /// Turn by turn, until there is a reason to end.
    async fn turns(&mut self) -> LinkError {
        let line = Rc::clone(&self.line);
        let mut woken = pin!(line.wake.notified());
        let mut timer = pin!(time::sleep_until(self.began.into()));
        loop {
            self.wire.fill(&mut self.session);
            let wanted = self.deadline();
            if wanted < timer.deadline().into_std() || timer.is_elapsed() {
                timer.as_mut().reset(wanted.into());
            }
            let mut turn = poll_fn(|cx| self.poll(cx, woken.as_mut(), timer.as_mut())).await;
            if turn.due && turn.read.is_none() {
                // The first look at the clock may be the first look at anything for a long time: what has come meanwhile is
                // read before it counts.
                tokio::task::yield_now().await;
                turn.read = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
            }
            if turn.woken {
                woken.set(line.wake.notified());
            }
            if let ControlFlow::Break(why) = self.turn(turn).await {
                return why;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Deals with what has happened.
    async fn turn(&mut self, turn: Turn) -> ControlFlow<LinkError> {
        match self.line.ordered() {
            Order::Vanish => return ControlFlow::Break(LinkError::Replaced),
            Order::Finish => return ControlFlow::Break(LinkError::Stopped),
            Order::Run => {}
        }
        let now = clock::now();
        let mut ready = turn.woken || self.next == Next::Again;
        ready |= turn.wrote && self.wire.unsent() == 0 && self.session.pending_output() == 0;
        match turn.read {
            Some(Ok(0)) => self.session.handle_eof(now),
            Some(Err(error)) => return ControlFlow::Break(self.lost(&error)),
            Some(Ok(_)) | None => {}
        }
        ready |= self.drain().await?;
        if now >= self.deadline() {
            if self.wire.stalled().is_some_and(|since| now >= since + STALL) {
                return ControlFlow::Break(LinkError::Stalled(STALL));
            }
            self.session.handle_timeout(now);
            ready |= self.drain().await? || matches!(self.next, Next::At(at) if at <= now);
        }
        if let (true, Some(_), Some(peer)) = (ready, self.established, self.peer) {
            self.next = self.shared.handler.borrow_mut().ready(peer, clock::now(), &mut self.session);
            if self.next == Next::Stop {
                if let Some(slot) = self.shared.control.slot(peer) {
                    slot.stop();
                }
                return ControlFlow::Break(LinkError::Stopped);
            }
            // The handler may have closed the session.
            self.drain().await?;
        }
        if self.wire.unsent() + self.session.pending_output() > MAX_OUTPUT {
            return ControlFlow::Break(LinkError::OutputLimit(MAX_OUTPUT));
        }
        ControlFlow::Continue(())
    }

    /// Reads once, writes once, and looks at the other reasons to go on.
    fn poll(&mut self, cx: &mut Context<'_>, woken: Pin<&mut Notified<'_>>, timer: Pin<&mut Sleep>) -> Poll<Turn> {
        let turn = Turn {
            read: self.poll_read(cx),
            wrote: self.wire.poll_write(cx),
            woken: woken.poll(cx).is_ready(),
            due: timer.poll(cx).is_ready(),
        };
        let any = turn.read.is_some() || turn.wrote || turn.woken || turn.due || self.next == Next::Again;
        if any { Poll::Ready(turn) } else { Poll::Pending }
    }

    /// Reads once, into the session; `None` if there is nothing.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Option<io::Result<usize>> {
        let mut buffer = self.shared.buffer.borrow_mut();
        let bytes = match self.wire.poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(count)) => buffer.get(..count).unwrap_or_default(),
            Poll::Ready(Err(error)) => return Some(Err(error)),
            Poll::Pending => return None,
        };
        let now = clock::now();
        if self.first.is_empty() && !bytes.is_empty() {
            self.first.extend(bytes.iter().take(FIRST));
            if let (Direction::Called, Some(peer)) = (self.direction, self.peer) {
                let after = now.saturating_duration_since(self.began);
                self.shared.tell(peer, &LinkState::Answered { after });
            }
        }
        if !bytes.is_empty() {
            self.session.handle_bytes(now, bytes);
        }
        Some(Ok(bytes.len()))
    }

    /// When something is to be done even if nothing happens.
    fn deadline(&self) -> Instant {
        let session = self.session.poll_timeout();
        let stall = self.wire.stalled().map(|since| since + STALL);
        let wanted = if let Next::At(at) = self.next { Some(at) } else { None };
        let now_and_then = || clock::now() + Duration::from_secs(1);
        [session, stall, wanted].into_iter().flatten().min().unwrap_or_else(now_and_then)
    }

    /// Hands all events out; says whether there were any, or why the session is over.
    async fn drain(&mut self) -> ControlFlow<LinkError, bool> {
        let mut any = false;
        while self.hand_out(&mut any) {
            tokio::task::yield_now().await;
        }
        match self.closed.take() {
            Some(closed) => ControlFlow::Break(self.ended(closed)),
            None => ControlFlow::Continue(any),
        }
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
}

/// A task that ends with whoever waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
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
