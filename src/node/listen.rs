//! The task that is called: accepts connections, keeps the caps, and answers 200 or closes silently. A HAProxy that got an
//! error code would not call again.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::fs::{FileType, lstat, unlink};
use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use crate::node::Options;
use crate::node::address::Address;
use crate::node::clock;
use crate::node::connect;
use crate::node::control::{Line, Order};
use crate::node::driver::{Driver, Ended, Shared};
use crate::node::guests::{Guests, Seat};
use crate::node::handler::Handler;
use crate::node::link::{LinkError, LinkState, Refusal, RefusalReason};
use crate::node::rewind::Rewind;
use crate::node::tls::{Secured, ServerTls, TlsError};
use crate::node::wire::Stream;
use crate::proto::Session;
use crate::proto::hello::ProxyHeader;
use crate::proto::session::{Closed, Role, TurnedAway};

/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Where.
    pub address: Address,
    /// With what; `None` = in plain.
    pub tls: Option<ServerTls>,
    /// Whether plain is fine where others than this machine can connect.
    pub insecure_plaintext: bool,
    /// Who may call; nobody in particular = anybody.
    pub allow: Vec<IpAddr>,
}

/// Why nothing listens.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ListenError {
    /// Plain where others can connect.
    #[error(
        "{address} can be reached from other machines, and without TLS anybody there can read and write the tables under the \
         name of a peer; use TLS, listen on 127.0.0.1, or say --insecure-plaintext"
    )]
    Plaintext {
        /// Where.
        address: String,
    },
    /// The address can't be used.
    #[error("can't listen on {address}: {problem}")]
    Bind {
        /// Where.
        address: String,
        /// What the system says.
        problem: String,
    },
}

/// A socket that listens; nobody is answered until [`super::Node::listen`].
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: Socket,
    tls: Option<ServerTls>,
    allow: Vec<IpAddr>,
}

/// The socket. That of a path is removed with it.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, Option<Rc<OwnPath>>),
}

/// The path of a socket, which goes with the last one that listens there.
#[derive(Debug)]
pub(super) struct OwnPath(PathBuf);

impl Listener {
    /// Listens. To be called within [`super::run`].
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn bind(options: ListenOptions) -> Result<Self, ListenError> {
        let ListenOptions { address, tls, insecure_plaintext, allow } = options;
        let failed =
            |error: &io::Error| ListenError::Bind { address: address.to_string(), problem: connect::text(error) };
        let found = match &address {
            Address::Unix(path) => {
                let socket = bind_path(path).await.map_err(|error| failed(&error))?;
                let path = Some(Rc::new(OwnPath(path.clone())));
                return Ok(Self { socket: Socket::Unix(socket, path), tls, allow });
            }
            Address::Abstract { name, padded } => {
                let socket =
                    UnixListener::bind(connect::abstract_path(name, *padded)).map_err(|error| failed(&error))?;
                return Ok(Self { socket: Socket::Unix(socket, None), tls, allow });
            }
            Address::Ip(address) => vec![*address],
            Address::Host { name, port, family } => {
                let found = lookup_host((name.as_str(), *port)).await.map_err(|error| failed(&error))?;
                found.filter(|to| family.is_none_or(|family| family.has(to))).collect()
            }
        };
        if tls.is_none() && !insecure_plaintext && !found.iter().all(|to| to.ip().to_canonical().is_loopback()) {
            return Err(ListenError::Plaintext { address: address.to_string() });
        }
        let socket = Socket::Tcp(TcpListener::bind(found.as_slice()).await.map_err(|error| failed(&error))?);
        Ok(Self { socket, tls, allow })
    }

    /// Another one at the same socket, whose callers are answered by `options`, the address aside. Of several, any may
    /// answer; nobody is turned away while one takes the place of another.
    ///
    /// # Errors
    /// If the system has no room for it.
    pub fn again(&self, options: ListenOptions) -> Result<Self, ListenError> {
        let socket = self.socket.again().map_err(|error| ListenError::Bind {
            address: options.address.to_string(),
            problem: connect::text(&error),
        })?;
        Ok(Self { socket, tls: options.tls, allow: options.allow })
    }

    /// Where it listens, with the port that the system chose for port 0; `None` for a path.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Whether anybody on another machine can use the name of a peer.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.takes_any_name() && self.address().is_some_and(|address| !address.ip().to_canonical().is_loopback())
    }

    /// Whether callers can't prove who they are: there is no TLS, or it asks for no certificates.
    #[must_use]
    pub fn takes_any_name(&self) -> bool {
        !self.tls.as_ref().is_some_and(|tls| tls.binds_names)
    }
}

/// Listens at a path, also where a process that is gone has left its socket.
pub(super) async fn bind_path(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let nobody =
                UnixStream::connect(path).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            // A file of another kind is refused in the same way.
            let is_socket = || lstat(path).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket);
            if !nobody || !is_socket() {
                return Err(error);
            }
            unlink(path)?;
            UnixListener::bind(path)
        }
        result => result,
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        let _may_be_gone = unlink(self.0.as_path());
    }
}

impl Socket {
    fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket.as_fd().try_clone_to_owned()?.into())?),
            Self::Unix(socket, path) => {
                Self::Unix(UnixListener::from_std(socket.as_fd().try_clone_to_owned()?.into())?, path.clone())
            }
        })
    }

    async fn accept(&self) -> io::Result<(Accepted, Option<IpAddr>)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, from) = socket.accept().await?;
                connect::prepare(&stream);
                Ok((Accepted::Tcp(stream), Some(from.ip().to_canonical())))
            }
            Self::Unix(socket, _) => Ok((Accepted::Unix(socket.accept().await?.0), None)),
        }
    }
}

/// A way to close a listener; the sessions of those that it has taken go on.
#[derive(Clone, Debug, Default)]
pub struct Listening(Rc<Closing>);

#[derive(Debug, Default)]
struct Closing {
    ordered: Cell<bool>,
    closed: Cell<bool>,
    changed: Notify,
}

impl Listening {
    /// Closes it, and returns when another one may take its address, unless it shares the socket ([`Listener::again`]).
    pub async fn close(&self) {
        self.0.ordered.set(true);
        self.0.changed.notify_waiters();
        while !self.0.closed.get() {
            self.0.changed.notified().await;
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.ordered.get()
    }

    async fn ordered(&self) {
        while !self.0.ordered.get() {
            self.0.changed.notified().await;
        }
    }
}

/// Says that a listener is closed when it is dropped, by a bug of a handler, too.
struct IsClosed(Listening);

impl Drop for IsClosed {
    fn drop(&mut self) {
        self.0.0.closed.set(true);
        self.0.0.changed.notify_waiters();
    }
}

enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Names of peers.
type Names = Vec<Box<[u8]>>;

/// Answers the calls to one listener.
pub(super) struct Host<H> {
    shared: Rc<Shared<H>>,
    options: Rc<Options>,
    tls: Option<ServerTls>,
    takes_any_name: bool,
    allow: Vec<IpAddr>,
}

impl<H: Handler> Host<H> {
    /// Accepts until the node stops or the listener is closed, and ends when all its connections have.
    pub(super) async fn run(shared: Rc<Shared<H>>, options: Rc<Options>, listener: Listener, listening: Listening) {
        let takes_any_name = listener.takes_any_name();
        let Listener { socket, tls, allow } = listener;
        let host = Rc::new(Self { shared, options, tls, takes_any_name, allow });
        let guests = Rc::new(Guests::default());
        let mut tasks = JoinSet::new();
        let closed = IsClosed(listening.clone());
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
                () = host.shared.control.stopping() => break,
                () = listening.ordered() => break,
            };
            let Ok((stream, from)) = accepted else {
                guests.make_room().into_iter().for_each(|refusal| host.shared.refuse(refusal));
                sleep(NO_ROOM).await;
                continue;
            };
            let (seat, refusal) = guests.seat(from);
            if let Some(refusal) = refusal {
                host.shared.refuse(refusal);
            }
            if let Some(seat) = seat {
                tasks.spawn_local(Rc::clone(&host).greet(stream, from, seat));
            }
        }
        drop(socket);
        drop(closed);
        guests.dismiss();
        while tasks.join_next().await.is_some() {}
    }

    /// One connection, from TLS to its end.
    async fn greet(self: Rc<Self>, stream: Accepted, from: Option<IpAddr>, seat: Seat) {
        let began = clock::now();
        if !self.allow.is_empty() && from.is_some_and(|from| !self.allow.contains(&from)) {
            return self.shared.refuse(Refusal::new(from, RefusalReason::Address));
        }
        let secured = match stream {
            Accepted::Tcp(stream) => self.secure(stream, &seat.line, began).await,
            Accepted::Unix(stream) => self.secure(stream, &seat.line, began).await,
        };
        let (stream, secured) = match secured {
            Ok(Some(secured)) => secured,
            Ok(None) => return,
            Err(reason) => return self.shared.refuse(Refusal::new(from, reason)),
        };
        let (known, names) = self.names(secured.as_ref());
        let session = Session::new(self.options.session(None, Role::Called(names)), began);
        let mut driver = Driver::new(Rc::clone(&self.shared), stream, session, Rc::clone(&seat.line), None);
        let certificate = secured.as_ref().map(|secured| secured.names.clone());
        driver.secured = secured;
        let Ended { peer, established, why, .. } = driver.guarded().await;
        if let (Some(peer), Some(_)) = (peer, established) {
            if !matches!(why, LinkError::Replaced) {
                self.shared.tell(peer, &LinkState::Closed { why: &why, next_try: None });
            }
        } else if let Some(refusal) = refusal(from, why, certificate, &known) {
            self.shared.refuse(refusal);
        }
    }

    /// The names of all peers that may call, and those that this certificate may use.
    fn names(&self, secured: Option<&Secured>) -> (Names, Names) {
        let bound = secured.filter(|_| !self.takes_any_name);
        let slots = self.shared.control.slots();
        let callers = slots.iter().filter(|slot| !slot.is_stopped());
        let (mut known, mut allowed) = (Vec::new(), Vec::new());
        for slot in callers {
            known.push(slot.name.clone());
            let own = String::from_utf8_lossy(&slot.name);
            let fits = bound.is_none_or(|secured| match &*slot.certificate_names {
                [] => secured.is_for(&own),
                names => names.iter().any(|name| secured.is_for(name)),
            });
            if fits {
                allowed.push(slot.name.clone());
            }
        }
        (known, allowed)
    }

    /// TLS, if there is any; `None` if the connection has to go.
    async fn secure(
        &self,
        stream: impl Stream + 'static,
        line: &Line,
        began: Instant,
    ) -> Result<Option<(Box<dyn Stream>, Option<Secured>)>, RefusalReason> {
        let Some(tls) = &self.tls else { return Ok(Some((Box::new(stream), None))) };
        let limit = self.options.times.handshake;
        let handshake = async {
            let stream = behind_proxy_header(stream).await?;
            tls.accept(stream).await.map_err(RefusalReason::Tls)
        };
        let sent_away = async {
            while line.ordered() == Order::Run {
                line.wake.notified().await;
            }
        };
        tokio::select! {
            handshake = timeout_at((began + limit).into(), handshake) => {
                let (stream, secured) = handshake.map_err(|_| RefusalReason::Tls(TlsError::Timeout(limit)))??;
                Ok(Some((Box::new(stream), Some(secured))))
            }
            () = sent_away => Ok(None),
        }
    }
}

/// The stream without the header of the PROXY protocol that may stand before TLS.
async fn behind_proxy_header<S: Stream>(mut stream: S) -> Result<Rewind<S>, RefusalReason> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let found = match stream.read_buf(&mut bytes).await {
            Ok(1..) => ProxyHeader::find(&bytes),
            _ => return Err(RefusalReason::Left),
        };
        match found {
            ProxyHeader::Incomplete => {}
            ProxyHeader::Bad => return Err(RefusalReason::Hello(TurnedAway::NotAHello)),
            ProxyHeader::None => return Ok(Rewind::new(bytes, stream)),
            ProxyHeader::Whole(used) => return Ok(Rewind::new(bytes.split_off(used), stream)),
        }
    }
}

/// Why a caller whose session was never established was turned away; `None` if it was told already, or we stopped.
fn refusal(
    from: Option<IpAddr>,
    why: LinkError,
    certificate: Option<Vec<String>>,
    known: &[Box<[u8]>],
) -> Option<Refusal> {
    let (reason, name) = match why {
        LinkError::Session(Closed::TurnedAway { reason: TurnedAway::Unknown, name: Some(name), .. })
            if known.contains(&name) =>
        {
            (RefusalReason::CertificateName { certificate: certificate.unwrap_or_default() }, Some(name))
        }
        LinkError::Session(Closed::TurnedAway { reason, name, .. }) => (RefusalReason::Hello(reason), name),
        LinkError::Session(Closed::HandshakeTimeout) => (RefusalReason::Silent, None),
        LinkError::Tls(error) => (RefusalReason::Tls(error), None),
        LinkError::Replaced | LinkError::Stopped => return None,
        _ => (RefusalReason::Left, None),
    };
    Some(Refusal { name, ..Refusal::new(from, reason) })
}
