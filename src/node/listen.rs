//! Listeners: where peers call us, opened before anybody is answered, and closed while sessions go on.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{FileType, lstat, unlink};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio::sync::Notify;

use crate::node::address::Address;
use crate::node::connect;
use crate::node::tls::ServerTls;

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
    pub(super) tls: Option<ServerTls>,
    pub(super) allow: Vec<IpAddr>,
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

    pub(super) async fn accept(&self) -> io::Result<(Accepted, Option<IpAddr>)> {
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

    pub(super) async fn ordered(&self) {
        while !self.0.ordered.get() {
            self.0.changed.notified().await;
        }
    }
}

/// Says that a listener is closed when it is dropped, by a bug of a handler, too.
pub(super) struct IsClosed(pub(super) Listening);

impl Drop for IsClosed {
    fn drop(&mut self) {
        self.0.0.closed.set(true);
        self.0.0.changed.notify_waiters();
    }
}

/// A connection that was accepted.
pub(super) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}
