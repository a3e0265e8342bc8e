//! A network that goes wrong on cue: a TCP proxy between HAProxy and us that knows where messages end.
//!
//! ```ignore
//! // We call port 10901; the connection is reset after the third message HAProxy sends.
//! let plan = |_connection| Plan { from_haproxy: vec![Fault::new(Place::Frame(3), Act::Reset)], ..Plan::default() };
//! let chaos = Chaos::start(&network, 10_901, lb1.port(), Initiator::Observer, plan);
//! ```

mod pump;

use std::{
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
    frames::{Frame, Framer, From},
    wire::Initiator,
};
use pump::Pump;

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
    /// Behind this many lines of the handshake; 0 is the first line.
    Line(usize),
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
    /// So many bytes are lost; what follows is passed on.
    Omit(usize),
    /// The next message comes twice.
    Duplicate,
    /// The next two messages change places.
    Swap,
    /// The next line of the handshake is another one.
    Rewrite(&'static str),
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
    /// What goes wrong in both directions from now on: to HAProxy, from HAProxy.
    orders: [Orders; 2],
}

/// What goes wrong in one direction as soon as it is seen.
type Orders = Arc<Mutex<Vec<Act>>>;

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

    /// Something goes wrong now on all connections there are: in the direction to HAProxy, or in that from it.
    pub(crate) fn strike(&self, to_haproxy: bool, act: Act) {
        self.shared.released.store(false, Ordering::Relaxed);
        let pumps = self.shared.pumps.lock().expect("nobody panics with it");
        for pump in pumps.iter().filter(|pump| !pump.over.load(Ordering::Relaxed)) {
            pump.orders[usize::from(!to_haproxy)].lock().expect("nobody panics with it").push(act);
        }
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
        let orders = [Orders::default(), Orders::default()];
        let (ends, of_ends) = ([Arc::downgrade(&caller), Arc::downgrade(&called)], orders.clone());
        let cutter = Cutter { ends, over: Arc::clone(&over), orders };
        shared.pumps.lock().expect("nobody panics with it").push(cutter);
        let [to_haproxy, from_haproxy] = of_ends;
        let (there_orders, back_orders) = match initiator {
            Initiator::Observer => (to_haproxy, from_haproxy),
            Initiator::Haproxy => (from_haproxy, to_haproxy),
        };
        let pumps = [
            (Arc::clone(&caller), Arc::clone(&called), there, faults.0, there_orders),
            (called, caller, back, faults.1, back_orders),
        ];
        for (source, target, framer, faults, orders) in pumps {
            let (shared, over) = (Arc::clone(shared), Arc::clone(&over));
            let pump = Pump::new((source, target), framer, (faults, orders), shared, over);
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
