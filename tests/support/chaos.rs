//! A network that goes wrong on cue: a TCP proxy between HAProxy and us that knows where messages end.
//!
//! ```ignore
//! // We call port 10901; the connection is reset after the third message HAProxy sends.
//! let plan = |_connection| Plan { from_haproxy: vec![Fault::new(Place::Frame(3), Act::Reset)], ..Plan::default() };
//! let chaos = Chaos::start(&network, 10_901, lb1.port(), Initiator::Observer, plan);
//! ```

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    Network,
    frames::{Frame, Framer, From, INCREMENTAL_TIMED, TIMED},
    wire::Initiator,
};

/// How often a thread that waits looks whether it shall stop.
const TICK: Duration = Duration::from_millis(2);

/// What goes wrong on one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) to_haproxy: Vec<Fault>,
    pub(crate) from_haproxy: Vec<Fault>,
}

/// Something that goes wrong once, at a place of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    at: Place,
    act: Act,
}

/// A place between two bytes of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Behind this many bytes; 0 is the beginning.
    Byte(usize),
    /// Behind this many messages; 0 is the end of the handshake.
    Frame(usize),
    /// Behind this many entries with a life of their own, as a resync has them.
    Timed(usize),
    /// This many bytes into the message behind so many others.
    Within(usize, usize),
}

/// What happens there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// The bytes before and behind leave in two writes.
    Split,
    /// From here on every byte leaves in a write of its own.
    Trickle,
    /// What follows waits that long.
    Delay(Duration),
    /// Nothing more is read of this direction, so that its sender blocks, until [`Chaos::release`].
    Stall,
    /// The next byte changes: exclusive or with this one.
    Corrupt(u8),
    /// Both ends see the end of the stream.
    Close,
    /// Both ends see a reset.
    Reset,
    /// The receiver sees the end of this direction; the other one goes on.
    HalfClose,
    /// All that follows in this direction is read and lost.
    Blackhole,
}

impl Fault {
    pub(crate) const fn new(at: Place, act: Act) -> Self {
        Self { at, act }
    }
}

/// The running proxy; its connections end when it is dropped.
#[derive(Debug)]
pub(crate) struct Chaos {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    released: AtomicBool,
    deaf: AtomicBool,
    accepted: AtomicUsize,
    /// What the connections are made of, to cut them.
    pumps: Mutex<Vec<Cutter>>,
    /// The streams of the connections, in the order they came: to HAProxy, from HAProxy.
    streams: Mutex<Vec<[Stream; 2]>>,
}

/// A connection that can be cut: its two ends, which it doesn't keep open, and whether it is over.
#[derive(Debug)]
struct Cutter {
    ends: [Weak<TcpStream>; 2],
    over: Arc<AtomicBool>,
}

/// What came in one direction.
type Stream = Arc<Mutex<Framer>>;

impl Chaos {
    /// Listens at `port` and calls `to` for each connection; `plan` says what goes wrong on the first (0), the second, ….
    /// `initiator` is the side that calls.
    pub(crate) fn start(
        network: &Network,
        port: u16,
        to: u16,
        initiator: Initiator,
        plan: impl Fn(usize) -> Plan + Send + 'static,
    ) -> Self {
        let shared = Arc::<Shared>::default();
        let listener = network.listen(port);
        listener.set_nonblocking(true).expect("a socket");
        // A thread keeps the network it was started in.
        network.within(|| {
            let shared = Arc::clone(&shared);
            let to = network.address(to);
            thread::spawn(move || accept(&listener, &to, initiator, &plan, &shared))
        });
        Self { shared }
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Ends all stalls.
    pub(crate) fn release(&self) {
        self.shared.released.store(true, Ordering::Relaxed);
    }

    /// Cuts all connections there are, with a reset or in order; returns how many there were.
    pub(crate) fn cut(&self, reset: bool) -> usize {
        let pumps = std::mem::take(&mut *self.shared.pumps.lock().expect("nobody panics with it"));
        let alive = pumps.into_iter().filter(|pump| !pump.over.load(Ordering::Relaxed));
        alive.map(|pump| pump.cut(reset)).count()
    }

    /// From now on new connections are closed at once, or not.
    pub(crate) fn turn_away(&self, all: bool) {
        self.shared.deaf.store(all, Ordering::Relaxed);
    }

    /// The messages that came from HAProxy on a connection, whether they were passed on or not.
    pub(crate) fn heard_from_haproxy(&self, connection: usize) -> Vec<Frame> {
        self.frames(connection, 1)
    }

    /// The messages that were sent to HAProxy on a connection, from 0, whether they were passed on or not.
    pub(crate) fn heard_by_haproxy(&self, connection: usize) -> Vec<Frame> {
        self.frames(connection, 0)
    }

    fn frames(&self, connection: usize, direction: usize) -> Vec<Frame> {
        let streams = self.shared.streams.lock().expect("nobody panics with it");
        let frames = |both: &[Stream; 2]| both[direction].lock().expect("nobody panics with it").frames.clone();
        streams.get(connection).map_or_else(Vec::new, frames)
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, to: &str, initiator: Initiator, plan: &impl Fn(usize) -> Plan, shared: &Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let Ok((caller, _)) = listener.accept() else {
            thread::sleep(TICK);
            continue;
        };
        if shared.deaf.load(Ordering::Relaxed) {
            continue;
        }
        let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
        let Ok(called) = TcpStream::connect(to) else { continue };
        let (caller, called) = (Arc::new(caller), Arc::new(called));
        for stream in [&caller, &called] {
            stream.set_nonblocking(false).expect("a socket");
            stream.set_nodelay(true).expect("a socket");
            stream.set_read_timeout(Some(TICK)).expect("a socket");
            stream.set_write_timeout(Some(TICK)).expect("a socket");
        }
        let over = Arc::new(AtomicBool::new(false));
        let [there, back] = [From::Caller, From::Called].map(|from| Arc::new(Mutex::new(Framer::new(from))));
        let Plan { to_haproxy, from_haproxy } = plan(number);
        let (streams, faults) = match initiator {
            Initiator::Observer => ([Arc::clone(&there), Arc::clone(&back)], (to_haproxy, from_haproxy)),
            Initiator::Haproxy => ([Arc::clone(&back), Arc::clone(&there)], (from_haproxy, to_haproxy)),
        };
        shared.streams.lock().expect("nobody panics with it").push(streams);
        let cutter = Cutter { ends: [Arc::downgrade(&caller), Arc::downgrade(&called)], over: Arc::clone(&over) };
        shared.pumps.lock().expect("nobody panics with it").push(cutter);
        let pumps = [(Arc::clone(&caller), Arc::clone(&called), there, faults.0), (called, caller, back, faults.1)];
        for (source, target, framer, faults) in pumps {
            let (shared, over) = (Arc::clone(shared), Arc::clone(&over));
            let pump = Pump { source, target, framer, faults, shared, over, passed: 0, trickle: false, lost: false };
            thread::spawn(move || pump.run());
        }
    }
}

impl Cutter {
    fn cut(&self, reset: bool) {
        let ends: Vec<Arc<TcpStream>> = self.ends.iter().filter_map(Weak::upgrade).collect();
        if reset {
            return shut(&ends, &self.over);
        }
        self.over.store(true, Ordering::Relaxed);
        for stream in &ends {
            let _may_be_closed = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Both sockets are closed with a reset as soon as both directions let go of them.
fn shut(streams: &[Arc<TcpStream>], over: &AtomicBool) {
    for stream in streams {
        let _may_be_closed = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        let _wakes_the_other_direction = stream.shutdown(Shutdown::Read);
    }
    over.store(true, Ordering::Relaxed);
}

/// One direction of a connection.
struct Pump {
    source: Arc<TcpStream>,
    target: Arc<TcpStream>,
    framer: Stream,
    /// Those to come.
    faults: Vec<Fault>,
    shared: Arc<Shared>,
    /// Both directions have ended.
    over: Arc<AtomicBool>,
    /// Bytes of the stream that are behind us.
    passed: usize,
    trickle: bool,
    lost: bool,
}

impl Pump {
    fn run(mut self) {
        let mut buffer = vec![0; 1 << 16];
        // What has to happen before anything comes.
        let mut goes_on = self.pass(&mut []);
        while goes_on && !self.is_over() {
            match (&*self.source).read(&mut buffer) {
                Ok(0) => {
                    let _may_be_closed = self.target.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) => {
                    self.framer.lock().expect("nobody panics with it").feed(&buffer[..count]);
                    goes_on = self.pass(&mut buffer[..count]);
                }
                Err(error) if is_timeout(&error) => {}
                Err(_) => return self.reset(),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.shared.stop.load(Ordering::Relaxed)
    }

    /// Passes bytes on, with the faults that lie within; `false` if this direction has ended.
    fn pass(&mut self, mut bytes: &mut [u8]) -> bool {
        loop {
            let end = self.passed + bytes.len();
            let next = (self.faults.iter().enumerate())
                .filter_map(|(number, fault)| Some((self.offset(fault.at)?, number)))
                .filter(|(at, _)| *at <= end)
                .min();
            let Some((at, number)) = next else { return self.write(bytes) };
            let Fault { act, .. } = self.faults[number];
            let (before, behind) = bytes.split_at_mut(at.saturating_sub(self.passed));
            if matches!(act, Act::Corrupt(_)) && behind.is_empty() {
                return self.write(before);
            }
            if !self.write(before) {
                return false;
            }
            self.faults.remove(number);
            if !self.act(act, behind) {
                return false;
            }
            bytes = behind;
        }
    }

    /// Where a place is; `None` if it isn't known yet.
    fn offset(&self, place: Place) -> Option<usize> {
        let framer = self.framer.lock().expect("nobody panics with it");
        let behind = |count: usize| match count.checked_sub(1) {
            None => framer.begin,
            Some(last) => framer.frames.get(last).map(|frame| frame.range.end),
        };
        match place {
            Place::Byte(at) => Some(at),
            Place::Frame(count) => behind(count),
            Place::Timed(count) => {
                let is_timed = |frame: &&Frame| frame.is(TIMED) || frame.is(INCREMENTAL_TIMED);
                framer.frames.iter().filter(is_timed).nth(count - 1).map(|frame| frame.range.end)
            }
            Place::Within(count, bytes) => Some(behind(count)? + bytes),
        }
    }

    fn act(&mut self, act: Act, behind: &mut [u8]) -> bool {
        match act {
            Act::Split => {}
            Act::Trickle => self.trickle = true,
            Act::Delay(time) => thread::sleep(time),
            Act::Blackhole => self.lost = true,
            Act::Corrupt(change) => {
                if let Some(byte) = behind.first_mut() {
                    *byte ^= change;
                }
            }
            Act::Stall => {
                while !self.is_over() && !self.shared.released.load(Ordering::Relaxed) {
                    thread::sleep(TICK);
                }
            }
            Act::HalfClose => {
                let _may_be_closed = self.target.shutdown(Shutdown::Write);
                self.lost = true;
            }
            Act::Close => {
                self.over.store(true, Ordering::Relaxed);
                for stream in [&self.source, &self.target] {
                    let _may_be_closed = stream.shutdown(Shutdown::Both);
                }
                return false;
            }
            Act::Reset => {
                self.reset();
                return false;
            }
        }
        true
    }

    fn reset(&self) {
        shut(&[Arc::clone(&self.source), Arc::clone(&self.target)], &self.over);
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        self.passed += bytes.len();
        if self.lost {
            return true;
        }
        let most = if self.trickle { 1 } else { bytes.len().max(1) };
        bytes.chunks(most).all(|chunk| self.write_at_once(chunk))
    }

    fn write_at_once(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match (&*self.target).write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_timeout(&error) && !self.is_over() => {}
                Err(_) => {
                    self.reset();
                    return false;
                }
            }
        }
        true
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
