//! A node of ours: the handlers of the program, driven as its own event loop drives them, on connections in memory.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use crate::aggregate::Aggregation;
use crate::cli::aggregate::serve::Totals;
use crate::cli::hold::Hold;
use crate::cli::watch::Watch;
use crate::node::{Control, Handler, LinkError, LinkState, Next, OUTPUT_LOW, PeerIndex, clock};
use crate::proto::Session;
use crate::proto::session::{Answer, Closed, Event, Options, Role};
use crate::support::random::Random;
use crate::wire::{Socket, Wire};

/// A process, and how the next one is started.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) name: String,
    pub(crate) what: What,
    pub(crate) peers: Vec<Remote>,
    /// `None` while it doesn't run.
    pub(crate) program: Option<Program>,
    pub(crate) sessions: Vec<Driven>,
    control: Control,
    tick_at: u64,
    /// The longest output that waited in a session.
    pub(crate) most_output: usize,
}

/// Which program it is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Hold,
    Totals(Aggregation),
    Watch,
}

/// A program that runs.
#[derive(Debug)]
pub(crate) enum Program {
    Hold(Hold),
    Totals(Totals),
    Watch(Watch),
}

/// A peer: the HAProxy with the same number.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) name: Box<[u8]>,
    /// When it is called next.
    pub(crate) call_at: u64,
    tries: u32,
}

/// A session and its connection.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) socket: Socket,
    session: Session,
    pub(crate) peer: Option<usize>,
    pub(crate) is_established: bool,
    next: Next,
    closed: Option<Closed>,
}

/// How often it is looked whether something is to be done that no session asks for, in milliseconds.
const TICK: u64 = 500;

/// How often that is while acknowledgements wait.
const TICK_OWING: u64 = 50;

/// The longest wait between two calls.
const PATIENCE: u64 = 2_000;

/// How long a peer may take nothing of what is sent to it.
const STALL: u64 = 5_000;

/// The most that waits in a session: what is pushed in one turn comes on top of what is enough.
const MOST_OUTPUT: usize = OUTPUT_LOW + (16 << 10);

impl Ours {
    pub(crate) fn new(name: &str, what: What, peers: &[Box<[u8]>]) -> Self {
        let remote = |name| Remote { name, call_at: u64::MAX, tries: 0 };
        Self {
            name: name.into(),
            what,
            peers: peers.iter().cloned().map(remote).collect(),
            program: None,
            sessions: Vec::new(),
            control: Control::new(),
            tick_at: u64::MAX,
            most_output: 0,
        }
    }

    /// Its file.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/{}", self.name))
    }

    /// Starts it, with what its file says.
    pub(crate) fn start(&mut self) {
        let names: Vec<Box<[u8]>> = self.peers.iter().map(|peer| peer.name.clone()).collect();
        let (us, path) = (self.name.as_bytes(), self.path());
        self.control = Control::new();
        self.program = Some(match &self.what {
            What::Hold => Program::Hold(Hold::start(us, &names, &path)),
            What::Totals(aggregation) => {
                Program::Totals(Totals::start(us, aggregation.clone(), &path, self.control.clone()))
            }
            What::Watch => Program::Watch(Watch::start(&names, &path)),
        });
        let now = clock::now_ms();
        self.tick_at = now;
        for peer in &mut self.peers {
            (peer.call_at, peer.tries) = (now, 0);
        }
    }

    /// It is killed; gives its connections.
    pub(crate) fn kill(&mut self) -> Vec<Socket> {
        self.program = None;
        self.sessions.drain(..).map(|driven| driven.socket).collect()
    }

    /// It ends in order, with a last word to everybody; gives its connections.
    pub(crate) fn stop(&mut self, wire: &mut Wire) -> Vec<Socket> {
        for at in 0..self.sessions.len() {
            self.ready(at);
            self.transmit(at, wire);
        }
        if let Some(program) = &mut self.program {
            program.stop();
        }
        self.kill()
    }

    /// It calls a peer, or is called.
    pub(crate) fn connect(&mut self, socket: Socket, peer: Option<usize>, wire: &mut Wire) {
        let names = || self.peers.iter().map(|peer| peer.name.clone()).collect();
        let role = peer.map_or_else(|| Role::Called(names()), |peer| Role::Caller(self.peers[peer].name.clone()));
        let answer = if matches!(self.what, What::Watch) { Answer::Partial } else { Answer::Owner };
        let options = Options { answer, ..Options::new(self.name.as_bytes(), role) };
        let session = Session::new(options, clock::now());
        let driven = Driven { socket, session, peer, is_established: false, next: Next::Wait, closed: None };
        self.sessions.push(driven);
        if let Some(peer) = peer {
            self.peers[peer].call_at = u64::MAX;
        }
        self.transmit(self.sessions.len() - 1, wire);
    }

    /// Bytes come.
    pub(crate) fn bytes(&mut self, socket: Socket, bytes: &[u8], wire: &mut Wire, random: &mut Random) {
        let Some(at) = self.at(socket) else { return };
        self.sessions[at].session.handle_bytes(clock::now(), bytes);
        self.go_on(socket, wire, random);
    }

    /// The other side has let go of the connection, or it broke.
    pub(crate) fn lost(&mut self, socket: Socket, reset: bool, wire: &mut Wire, random: &mut Random) {
        let Some(at) = self.at(socket) else { return };
        if reset {
            let problem = "reset".to_owned();
            return self.end(at, &LinkError::Lost { kind: ErrorKind::ConnectionReset, problem }, wire, random);
        }
        self.sessions[at].session.handle_eof(clock::now());
        self.go_on(socket, wire, random);
    }

    /// When it has something to do.
    pub(crate) fn due(&self, wire: &Wire) -> u64 {
        if self.program.is_none() {
            return u64::MAX;
        }
        let calls = self.peers.iter().map(|peer| peer.call_at);
        let sessions = self.sessions.iter().map(|driven| driven.due(wire));
        calls.chain(sessions).min().unwrap_or(u64::MAX).min(self.tick_at)
    }

    /// Does what is due but calls.
    pub(crate) fn turn(&mut self, wire: &mut Wire, random: &mut Random) {
        let (now, now_ms) = (clock::now(), clock::now_ms());
        let due: Vec<Socket> =
            self.sessions.iter().filter(|driven| driven.due(wire) <= now_ms).map(|driven| driven.socket).collect();
        for socket in due {
            let Some(at) = self.at(socket) else { continue };
            if wire.stalled(socket).is_some_and(|since| since + STALL <= now_ms) {
                self.end(at, &LinkError::Stalled(Duration::from_millis(STALL)), wire, random);
                continue;
            }
            let driven = &mut self.sessions[at];
            let wanted = matches!(driven.next, Next::At(at) if at <= now) || driven.next == Next::Again;
            if driven.session.poll_timeout().is_some_and(|due| due <= now) {
                driven.session.handle_timeout(now);
            }
            if wanted && driven.is_established {
                self.ready(at);
            }
            self.go_on(socket, wire, random);
        }
        if self.tick_at <= now_ms
            && let Some(program) = &mut self.program
        {
            let owes = program.tick();
            self.tick_at = now_ms + if owes { TICK_OWING } else { TICK };
            if owes {
                self.wake_all(wire, random);
            }
        }
        self.wake(wire, random);
    }

    /// What was sent has left: there is room for more.
    pub(crate) fn has_room(&mut self, socket: Socket, wire: &mut Wire, random: &mut Random) {
        if let Some(at) = self.at(socket)
            && self.sessions[at].is_established
            && wire.pending(socket) == 0
        {
            self.ready(at);
            self.go_on(socket, wire, random);
            self.wake(wire, random);
        }
    }

    fn at(&self, socket: Socket) -> Option<usize> {
        self.sessions.iter().position(|driven| driven.socket == socket)
    }

    fn wake(&mut self, wire: &mut Wire, random: &mut Random) {
        for peer in self.control.woken() {
            let current = self.sessions.iter().find(|driven| driven.peer == Some(peer.0) && driven.is_established);
            if let Some(socket) = current.map(|driven| driven.socket) {
                let at = self.at(socket).expect("it was found");
                self.ready(at);
                self.go_on(socket, wire, random);
            }
        }
    }

    fn wake_all(&mut self, wire: &mut Wire, random: &mut Random) {
        let sockets: Vec<Socket> =
            self.sessions.iter().filter(|driven| driven.is_established).map(|driven| driven.socket).collect();
        for socket in sockets {
            if let Some(at) = self.at(socket) {
                self.ready(at);
                self.go_on(socket, wire, random);
            }
        }
    }

    /// Hands events out, asks the handler, and sends what there is to send.
    fn go_on(&mut self, socket: Socket, wire: &mut Wire, random: &mut Random) {
        let Some(at) = self.at(socket) else { return };
        let any = self.drain(at, wire);
        let Some(at) = self.at(socket) else { return };
        if any && self.sessions[at].is_established {
            self.ready(at);
            self.drain(at, wire);
        }
        let Some(at) = self.at(socket) else { return };
        self.transmit(at, wire);
        if let Some(closed) = self.sessions[at].closed.take() {
            self.end(at, &LinkError::Session(closed), wire, random);
        }
        self.wake(wire, random);
    }

    /// Hands out all events; returns whether there were any.
    fn drain(&mut self, at: usize, wire: &mut Wire) -> bool {
        let now = clock::now();
        let mut any = false;
        let mut replaced = None;
        let Self { sessions, program, peers, .. } = self;
        let Some(program) = program else { return false };
        let handler = program.handler();
        let others: Vec<(Socket, Option<usize>)> =
            sessions.iter().filter(|driven| driven.is_established).map(|driven| (driven.socket, driven.peer)).collect();
        let driven = &mut sessions[at];
        while let Some(event) = driven.session.poll_event() {
            any = true;
            match &event {
                Event::Established { name, .. } => {
                    let peer = driven.peer.or_else(|| peers.iter().position(|peer| *peer.name == **name));
                    let Some(at) = peer else { continue };
                    (driven.peer, driven.is_established) = (peer, true);
                    (peers[at].call_at, peers[at].tries) = (u64::MAX, 0);
                    let older = others.iter().find(|(socket, other)| *other == peer && *socket != driven.socket);
                    if let Some((socket, _)) = older {
                        handler.link(PeerIndex(at), now, &closed(&LinkError::Replaced));
                        replaced = Some(*socket);
                    }
                }
                Event::Closed(why) => driven.closed = Some((*why).clone()),
                _ => {}
            }
            if let Some(peer) = driven.peer {
                handler.event(PeerIndex(peer), now, event);
            }
        }
        if let Some(socket) = replaced {
            wire.spoil(socket.conn);
            self.sessions.retain(|driven| driven.socket != socket);
            wire.close(socket, clock::now_ms());
        }
        any
    }

    fn ready(&mut self, at: usize) {
        let Self { sessions, program, .. } = self;
        let driven = &mut sessions[at];
        if let (Some(program), Some(peer), true) = (program, driven.peer, driven.is_established) {
            driven.next = program.handler().ready(PeerIndex(peer), clock::now(), &mut driven.session);
            assert!(driven.next != Next::Stop, "I8: nothing asked it to stop");
        }
    }

    fn transmit(&mut self, at: usize, wire: &mut Wire) {
        let driven = &mut self.sessions[at];
        let waiting = driven.session.pending_output();
        self.most_output = self.most_output.max(waiting);
        assert!(waiting <= MOST_OUTPUT, "I5 bounded: {waiting} bytes wait for one peer");
        if wire.has_room(driven.socket) {
            let mut out = Vec::new();
            driven.session.poll_transmit(&mut out);
            wire.send(driven.socket, clock::now_ms(), &out);
        }
    }

    /// A connection is over.
    fn end(&mut self, at: usize, why: &LinkError, wire: &mut Wire, random: &mut Random) {
        let driven = self.sessions.remove(at);
        wire.close(driven.socket, clock::now_ms());
        let Some(peer) = driven.peer else { return };
        let current = self.sessions.iter().any(|other| other.peer == Some(peer) && other.is_established);
        if let Some(program) = self.program.as_mut().filter(|_| !current) {
            program.handler().link(PeerIndex(peer), clock::now(), &closed(why));
            self.call_again(peer, random);
        }
    }

    /// A peer is called again later.
    pub(crate) fn call_again(&mut self, peer: usize, random: &mut Random) {
        let remote = &mut self.peers[peer];
        let pause = (500 << remote.tries.min(3)).min(PATIENCE);
        remote.tries += 1;
        remote.call_at = clock::now_ms() + pause / 2 + random.next() % (pause / 2);
    }
}

impl Driven {
    fn due(&self, wire: &Wire) -> u64 {
        let session = self.session.poll_timeout().map_or(u64::MAX, clock::ms);
        let wanted = match self.next {
            Next::At(at) => clock::ms(at),
            Next::Again => 0,
            Next::Wait | Next::Stop => u64::MAX,
        };
        let stall = wire.stalled(self.socket).map_or(u64::MAX, |since| since + STALL);
        session.min(wanted).min(stall)
    }
}

impl Program {
    pub(crate) fn handler(&mut self) -> &mut dyn Handler {
        match self {
            Self::Hold(hold) => hold.handler(),
            Self::Totals(totals) => totals.handler(),
            Self::Watch(watch) => watch.handler(),
        }
    }

    fn tick(&mut self) -> bool {
        match self {
            Self::Hold(hold) => hold.tick(),
            Self::Totals(totals) => totals.tick(),
            Self::Watch(watch) => watch.tick(),
        }
    }

    fn stop(&mut self) {
        match self {
            Self::Hold(hold) => hold.stop(),
            Self::Totals(totals) => totals.stop(),
            Self::Watch(watch) => watch.stop(),
        }
    }
}

const fn closed(why: &LinkError) -> LinkState<'_> {
    LinkState::Closed { why, next_try: None }
}
