//! The task that calls a peer: one call at a time, again after a while, and not while the peer itself has called us.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use crate::node::address::{Address, Family};
use crate::node::backoff::{Backoff, TakeoverDetector};
use crate::node::clock;
use crate::node::control::{Line, Order, Slot};
use crate::node::driver::{Driver, Ended, Shared, Stream};
use crate::node::handler::{Handler, PeerIndex};
use crate::node::link::{LinkError, LinkState};
use crate::node::target::{Retry, Target};
use crate::node::tls::TlsError;
use crate::proto::Session;
use crate::proto::session::{Closed, Options};

/// How long a connection to one address may take, and a look-up.
const CONNECT: Duration = Duration::from_secs(1);
const LOOKUP: Duration = Duration::from_secs(5);

/// Says that there is nothing to say about who calls, as HAProxy does it itself.
const PROXY_HEADER: &[u8] = b"PROXY UNKNOWN\r\n";

/// How long TLS may take.
const TLS: Duration = Duration::from_secs(5);

/// How long the kernel waits for the acknowledgement of what was sent before it gives a connection up, in milliseconds.
const USER_TIMEOUT_MS: u32 = 10_000;

/// Calls one peer.
pub(super) struct Dialler<H> {
    pub(super) shared: Rc<Shared<H>>,
    pub(super) slot: Rc<Slot>,
    pub(super) peer: PeerIndex,
    pub(super) target: Target,
    /// What a session is to be.
    pub(super) options: Options,
}

impl<H: Handler> Dialler<H> {
    /// Calls until the peer is stopped, or once.
    pub(super) async fn run(self) {
        let (mut backoff, mut takeovers) = (Backoff::default(), TakeoverDetector::default());
        loop {
            while self.slot.current().is_some() && !self.slot.is_stopped() {
                self.slot.changed.notified().await;
            }
            if self.slot.is_stopped() {
                return;
            }
            let line = self.slot.call();
            self.shared.tell(self.peer, &LinkState::Dialling(&self.target.address));
            let Ended { established, mut why, .. } = self.call(&line).await;
            if matches!(why, LinkError::Replaced) {
                continue;
            }
            let now = clock::now();
            let wait = if established.is_some() { backoff.lost() } else { backoff.failed() };
            if self.is_fight(&mut takeovers, established, &why, now) {
                why = LinkError::TakenOver { times: TakeoverDetector::TIMES, within: TakeoverDetector::WITHIN };
                self.slot.stop();
            }
            let again = self.target.retry == Retry::Always && !self.slot.is_stopped();
            let next_try = again.then(|| now + wait);
            self.shared.tell(self.peer, &LinkState::Closed { why: &why, next_try });
            let Some(next_try) = next_try else { return self.slot.stop() };
            self.pause(next_try).await;
        }
    }

    /// Whether that end is one takeover too many.
    fn is_fight(
        &self,
        takeovers: &mut TakeoverDetector,
        established: Option<Instant>,
        why: &LinkError,
        now: Instant,
    ) -> bool {
        let by_peer =
            matches!(why, LinkError::Session(Closed::Eof { .. }) | LinkError::CutOff | LinkError::Lost { .. });
        match established {
            Some(then) => {
                takeovers.established(then);
                by_peer && takeovers.closed(now, now.saturating_duration_since(then))
            }
            None => {
                takeovers.failed();
                false
            }
        }
    }

    /// Waits until then, or until something changes.
    async fn pause(&self, until: Instant) {
        let mut pause = std::pin::pin!(clock::sleep_until(until));
        while !self.slot.is_stopped() && self.slot.current().is_none() {
            tokio::select! {
                () = &mut pause => return,
                () = self.slot.changed.notified() => {}
            }
        }
    }

    /// One call, from the look-up to the end of the session.
    async fn call(&self, line: &Rc<Line>) -> Ended {
        let stopped = async {
            while line.ordered() == Order::Run {
                line.wake.notified().await;
            }
        };
        let stream = tokio::select! {
            stream = self.connect() => stream,
            () = stopped => Err(LinkError::Stopped),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(why) => return Ended { peer: Some(self.peer), established: None, why },
        };
        let session = Session::new(self.options.clone(), clock::now());
        let driver = Driver::new(Rc::clone(&self.shared), stream, session, Rc::clone(line), Some(self.peer));
        driver.guarded().await
    }

    /// A connection, with TLS if that is wanted.
    async fn connect(&self) -> Result<Box<dyn Stream>, LinkError> {
        let began = clock::now();
        let connected = |to| {
            let after = clock::now().saturating_duration_since(began);
            self.shared.tell(self.peer, &LinkState::Connected { to, after });
        };
        let address = &self.target.address;
        match address {
            Address::Ip(to) => {
                let stream = connect_tcp(*to).await?;
                connected(Some(*to));
                self.secure(stream).await
            }
            Address::Host { name, port, family } => {
                let (stream, to) = connect_host(name, *port, *family).await?;
                connected(Some(to));
                self.secure(stream).await
            }
            Address::Unix(path) => {
                let stream = limited(&address.to_string(), UnixStream::connect(path)).await?;
                connected(None);
                self.secure(stream).await
            }
            Address::Abstract { name, padded } => {
                let stream = limited(&address.to_string(), UnixStream::connect(abstract_path(name, *padded))).await?;
                connected(None);
                self.secure(stream).await
            }
        }
    }

    async fn secure(&self, mut stream: impl Stream + 'static) -> Result<Box<dyn Stream>, LinkError> {
        if self.target.proxy_header {
            stream.write_all(PROXY_HEADER).await.map_err(|error| LinkError::of_io(&error))?;
        }
        let Some(tls) = &self.target.tls else { return Ok(Box::new(stream)) };
        let handshake = timeout(TLS, tls.connect(stream)).await;
        let (stream, secured) = handshake.map_err(|_| TlsError::Timeout(TLS))??;
        self.shared.tell(self.peer, &LinkState::Secured(&secured));
        Ok(Box::new(stream))
    }
}

/// Tries all addresses that the host has now, in their order.
async fn connect_host(name: &str, port: u16, family: Option<Family>) -> Result<(TcpStream, SocketAddr), LinkError> {
    let found = look_up(name, port).await?;
    let mut failed = LinkError::Lookup { host: name.to_owned(), problem: "it has no address of that kind".to_owned() };
    for to in found.into_iter().filter(|to| family.is_none_or(|family| family.has(to))) {
        match connect_tcp(to).await {
            Ok(stream) => return Ok((stream, to)),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn connect_tcp(to: SocketAddr) -> Result<TcpStream, LinkError> {
    let stream = limited(&to.to_string(), TcpStream::connect(to)).await?;
    prepare(&stream);
    Ok(stream)
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, LinkError> {
    let failed = |problem: String| LinkError::Lookup { host: host.to_owned(), problem };
    match timeout(LOOKUP, lookup_host((host, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", LOOKUP.as_secs()))),
    }
}

/// Connects within [`CONNECT`].
async fn limited<S>(address: &str, connect: impl Future<Output = io::Result<S>>) -> Result<S, LinkError> {
    let failed = |kind, problem| LinkError::Connect { address: address.to_owned(), kind, problem };
    match timeout(CONNECT, connect).await {
        Ok(result) => result.map_err(|error| failed(error.kind(), text(&error))),
        Err(_) => Err(failed(io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

/// How the library takes the name of a socket in Linux's own space.
pub(super) fn abstract_path(name: &[u8], padded: bool) -> OsString {
    const FULL: usize = 107;
    let mut path = [b"\0".as_slice(), name].concat();
    if padded {
        path.resize(path.len().max(FULL + 1), 0);
    }
    OsString::from_vec(path)
}

/// What the system says, without the number of the error.
pub(super) fn text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Sets what every connection over TCP has. What can't be set makes it slower to notice that a peer is gone, no more.
pub(super) fn prepare(stream: &TcpStream) {
    let _at_once_is_better = stream.set_nodelay(true);
    let _sooner_is_better = rustix::net::sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT_MS);
}
