//! The only sockets, tasks, TLS and clocks: what makes a [`crate::proto::Session`] a peer.
//!
//! A [`Node`] has peers; it calls them, or is called by them, and hands what happens to its [`Handler`]. Everything runs in one
//! thread, within [`run`]:
//!
//! ```text
//! main future      the command: makes the Node, waits for Node::finished or a signal
//! dial task        one for each peer that is called: look-up, connection, TLS, then a connection task, a pause, again;
//!                  a silent connection beside it while another client may be using our name (takeover.rs)
//! listen task      one for each listener: accepts and keeps the caps; a greeting task for each caller (TLS)
//! connection task  one for each connection: owns the socket and its Session, calls the Handler (driver.rs)
//! ```
//!
//! The handler is called in the connection tasks, never across an await, so entries are not copied into channels. Tasks reach
//! each other through [`Control`]: a wake-up, an order to stop, the newest session of a peer taking the place of the one before.
//!
//! ```no_run
//! use std::{cell::RefCell, time::Instant};
//! use peerctl::node::{self, Address, Control, Handler, LinkState, Next, Node, Options, PeerIndex, Target};
//! use peerctl::proto::{Session, session::Event};
//!
//! struct Count { entries: u64, control: Control }
//!
//! impl Handler for Count {
//!     fn event(&mut self, peer: PeerIndex, _now: Instant, event: Event<'_>) {
//!         match event {
//!             Event::Update(_) => self.entries += 1,
//!             Event::ResyncEnded { .. } => self.control.stop(peer),
//!             _ => {}
//!         }
//!     }
//!     fn ready(&mut self, _peer: PeerIndex, _now: Instant, session: &mut Session) -> Next {
//!         if session.counters().messages == 0 && !session.is_learning() {
//!             session.request_resync();
//!         }
//!         Next::Wait
//!     }
//!     fn link(&mut self, _peer: PeerIndex, _now: Instant, state: &LinkState<'_>) {
//!         eprintln!("{state:?}");
//!     }
//! }
//!
//! let entries = node::run(async {
//!     let control = Control::new();
//!     let node = Node::new(Options::new(b"peerctl"), control.clone(), Count { entries: 0, control });
//!     node.dial(Target::new(b"lb1", Address::parse("10.0.0.1:10000")?));
//!     node.finished().await;
//!     Ok::<u64, node::AddressError>(node.handler().entries)
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod backoff;
pub mod clock;
pub mod commands;
mod connect;
mod control;
mod dial;
mod driver;
mod guests;
mod handler;
mod host;
mod link;
mod listen;
pub mod metrics;
pub mod notify;
mod rewind;
pub mod runtime_socket;
pub mod shutdown;
mod takeover;
mod target;
pub mod tls;
mod wire;

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::{AbortHandle, LocalSet};

use crate::proto::session::{self, Answer, Role, Times};
use control::Slot;
use dial::Dialler;
use driver::Shared;
use host::Host;

pub use address::{Address, AddressError, Family};
pub use control::Control;
pub use handler::{Handler, Next, OUTPUT_LOW, PeerIndex};
pub use link::{Direction, Foreign, LinkError, LinkState, Refusal, RefusalReason, listed};
pub use listen::{ListenError, ListenOptions, Listener, Listening};
pub use target::{Retry, Target};

/// Runs `future` with everything that tasks of a node need.
///
/// # Errors
/// If the system gives no event queue.
pub fn run<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = LocalSet::new().block_on(&runtime, future);
    // A look-up may still hang; nobody waits for it.
    runtime.shutdown_background();
    Ok(result)
}

/// What all sessions of a node have in common.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our name among the peers.
    pub us: Box<[u8]>,
    /// Who answers a resync request.
    pub answer: Answer,
    /// The most bytes of a payload that is taken.
    pub max_payload: usize,
    /// The most definitions that are taken on a session.
    pub max_tables: usize,
    /// How long what may take.
    pub times: Times,
}

impl Options {
    /// The usual: *partial* to whoever wants a resync from us.
    #[must_use]
    pub fn new(us: &[u8]) -> Self {
        let usual = session::Options::new(us, Role::Called(Vec::new()));
        let session::Options { us, answer, max_payload, max_tables, times, .. } = usual;
        Self { us, answer, max_payload, max_tables, times }
    }

    /// Those of a session.
    fn session(&self, us: Option<&[u8]>, role: Role) -> session::Options {
        let (us, pid) = (us.unwrap_or(&self.us).into(), std::process::id());
        let Self { answer, max_payload, max_tables, times, .. } = *self;
        session::Options { us, pid, role, answer, max_payload, max_tables, times }
    }
}

/// Peers and their sessions. Dropping it ends all its tasks at once.
#[derive(Debug)]
pub struct Node<H> {
    options: Rc<Options>,
    shared: Rc<Shared<H>>,
    /// Those that call and those that are called, ended ones included.
    tasks: RefCell<Vec<AbortHandle>>,
    running: Rc<Running>,
    /// Listeners that answer anybody on another machine who uses the name of a peer.
    insecure: RefCell<Vec<Listening>>,
}

/// How many tasks there are.
#[derive(Debug, Default)]
struct Running {
    count: Cell<usize>,
    less: Notify,
}

/// A task that counts.
struct Counted(Rc<Running>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        self.0.less.notify_waiters();
    }
}

impl<H: Handler> Node<H> {
    /// A node without peers. To be made within [`run`].
    #[must_use]
    pub fn new(options: Options, control: Control, handler: H) -> Self {
        let shared = Rc::new(Shared::new(handler, control));
        Self {
            options: Rc::new(options),
            shared,
            tasks: RefCell::default(),
            running: Rc::default(),
            insecure: RefCell::default(),
        }
    }

    /// Adds a peer and begins to call it.
    pub fn dial(&self, target: Target) -> PeerIndex {
        let slot = Rc::new(Slot::new(target.name.clone(), target.certificate_names.clone()));
        let peer = self.shared.control.add(Rc::clone(&slot));
        let options = self.options.session(target.us.as_deref(), Role::Caller(target.name.clone()));
        let dialler = Dialler { shared: Rc::clone(&self.shared), slot, peer, target, options };
        self.spawn(dialler.run());
        peer
    }

    /// Adds a peer that only calls us; see [`Target::certificate_names`].
    pub fn expect(&self, name: &[u8], certificate_names: Vec<String>) -> PeerIndex {
        self.shared.control.add(Rc::new(Slot::new(name.into(), certificate_names)))
    }

    /// Begins to answer calls: of all peers that were added, whether they are called or not.
    pub fn listen(&self, listener: Listener) -> Listening {
        let listening = Listening::default();
        let mut insecure = self.insecure.borrow_mut();
        insecure.retain(|listening| !listening.is_closed());
        insecure.extend(listener.is_insecure().then(|| listening.clone()));
        let (shared, options) = (Rc::clone(&self.shared), Rc::clone(&self.options));
        self.spawn(Host::run(shared, options, listener, listening.clone()));
        listening
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.running.count.set(self.running.count.get() + 1);
        let counted = Counted(Rc::clone(&self.running));
        let task = async move {
            let _until_the_end = counted;
            task.await;
        };
        self.tasks.borrow_mut().push(tokio::task::spawn_local(task).abort_handle());
    }

    /// Whether it answers calls of anybody on another machine who uses the name of a peer.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.insecure.borrow().iter().any(|listening| !listening.is_closed())
    }

    /// How many callers were turned away, by [`RefusalReason::label`].
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.shared.refusals.counts()
    }

    /// The handler. Not to be held across an await.
    ///
    /// # Panics
    /// Within a call of the handler.
    pub fn handler(&self) -> RefMut<'_, H> {
        self.shared.handler.borrow_mut()
    }

    /// Ends when no peer is called any more and no listener is open: all were stopped, or called once.
    pub async fn finished(&self) {
        while self.running.count.get() > 0 {
            self.running.less.notified().await;
        }
    }
}

impl<H> Drop for Node<H> {
    fn drop(&mut self) {
        for task in self.tasks.get_mut() {
            task.abort();
        }
    }
}
