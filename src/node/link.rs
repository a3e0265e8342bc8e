//! What becomes of a connection.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::escape;
use crate::node::address::Address;
use crate::node::tls::{Secured, TlsError};
use crate::proto::hello::Status;
use crate::proto::session::{Closed, TurnedAway};

/// A step on the way to a session, or its end.
#[derive(Clone, PartialEq, Debug)]
pub enum LinkState<'a> {
    /// The peer is being called.
    Dialling(&'a Address),
    /// The connection stands; the peer listens.
    Connected {
        /// The address that was reached, of those that the name has.
        to: Option<SocketAddr>,
        /// How long that took.
        after: Duration,
    },
    /// The TLS handshake succeeded, as far as this side can tell: a peer of TLS 1.3 that refuses our certificate says so later.
    Secured(&'a Secured),
    /// The peer sent its first bytes, on a call of ours.
    Answered {
        /// The time from our hello on.
        after: Duration,
    },
    /// The session is established.
    Established(Direction),
    /// It was proved that another client has taken sessions of ours over, so many times so far.
    Contested {
        /// How often.
        count: u64,
    },
    /// The call failed, or the connection is over.
    Closed {
        /// Why.
        why: &'a LinkError,
        /// When the peer is called again; `None` = it isn't.
        next_try: Option<Instant>,
    },
}

/// Who called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// We did.
    Called,
    /// The peer did.
    Accepted,
}

/// Why there is no connection, or no more.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum LinkError {
    /// The name of the host has no address now.
    #[error("`{host}` can't be looked up: {problem}")]
    Lookup {
        /// The name.
        host: String,
        /// What the system says.
        problem: String,
    },
    /// None of the addresses could be reached; this is about the last one.
    #[error("can't connect to {address}: {problem}")]
    Connect {
        /// The address.
        address: String,
        /// What kind of failure.
        kind: io::ErrorKind,
        /// What the system says.
        problem: String,
    },
    /// TLS could not be agreed on.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// What answers a hello in plain speaks another protocol.
    #[error("it doesn't speak the peers protocol there{}", .0.guess())]
    Foreign(Foreign),
    /// The session ended in order, or the protocol did not go on.
    #[error("{}", Said(.0))]
    Session(Closed),
    /// The connection broke.
    #[error("the connection was lost: {problem}")]
    Lost {
        /// What kind of failure.
        kind: io::ErrorKind,
        /// What the system says.
        problem: String,
    },
    /// A TLS connection ended without being closed in TLS: somebody may have cut it.
    #[error("the TLS connection was cut off: it ended without its closing message")]
    CutOff,
    /// The peer takes nothing of what we send.
    #[error("it read nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    /// More waits to be sent than is kept.
    #[error("it asks without reading: {0} bytes wait to be sent")]
    OutputLimit(usize),
    /// A newer session of the same peer took its place.
    #[error("a newer session of the same peer took its place")]
    Replaced,
    /// Another program uses our name, again and again.
    #[error(
        "another client uses our name: it took our session over {times} times within {} s",
        within.as_secs()
    )]
    TakenOver {
        /// How often.
        times: usize,
        /// Within what time.
        within: Duration,
    },
    /// We stopped.
    #[error("closed from this side")]
    Stopped,
    /// A mistake of this program, a panic, ended the connection.
    #[error("a mistake of this program ended the connection; please report it")]
    Bug,
}

/// The first bytes of what is no answer of a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Foreign(pub Box<[u8]>);

impl Foreign {
    /// Whether it is a record of TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(*self.0, [0x14..=0x17, 0x03, ..])
    }

    fn guess(&self) -> String {
        if self.is_tls() {
            return ", but TLS".to_owned();
        }
        if self.0.starts_with(b"HTTP/") {
            return ", but HTTP".to_owned();
        }
        if self.0.is_empty() { String::new() } else { format!(": it said `{}`", escape::name(&self.0)) }
    }
}

/// A caller that was turned away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Where it called from; `None` for a path.
    pub from: Option<IpAddr>,
    /// Why.
    pub reason: RefusalReason,
    /// The name it gave, if it came to that.
    pub name: Option<Box<[u8]>>,
    /// How many callers from there were turned away for that since the last one that was told, this one not counted.
    pub untold: u64,
    /// No other caller from there was told within ten seconds: what writes a log writes those only, so that nobody fills it.
    pub is_first: bool,
}

impl Refusal {
    pub(super) const fn new(from: Option<IpAddr>, reason: RefusalReason) -> Self {
        Self { from, reason, name: None, untold: 0, is_first: true }
    }
}

/// Why a caller is turned away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefusalReason {
    /// Its hello.
    Hello(TurnedAway),
    /// It gave no hello in time.
    Silent,
    /// It left before its hello was complete.
    Left,
    /// TLS failed.
    Tls(TlsError),
    /// Its certificate isn't for the name it gave.
    CertificateName {
        /// The names that the certificate has.
        certificate: Vec<String>,
    },
    /// It isn't one of the addresses that may call.
    Address,
    /// Too many callers at a time.
    Full,
}

impl RefusalReason {
    /// A short word for it, for counters.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Hello(TurnedAway::NotAHello) => "not_a_hello",
            Self::Hello(TurnedAway::LineTooLong) => "line_too_long",
            Self::Hello(TurnedAway::Version) => "version",
            Self::Hello(TurnedAway::OtherHost) => "other_host",
            Self::Hello(TurnedAway::Unknown) => "unknown_peer",
            Self::Hello(TurnedAway::OurName) => "our_name",
            Self::Silent => "silent",
            Self::Left => "left",
            Self::Tls(_) => "tls",
            Self::CertificateName { .. } => "certificate_name",
            Self::Address => "address",
            Self::Full => "full",
        }
    }

    /// The status that HAProxy would have given; we give none, because a HAProxy that got one doesn't call again.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        match self {
            Self::Hello(TurnedAway::NotAHello | TurnedAway::LineTooLong) => Some(Status::PROTOCOL),
            Self::Hello(TurnedAway::Version) => Some(Status::VERSION),
            Self::Hello(TurnedAway::OtherHost) => Some(Status::HOST),
            Self::Hello(TurnedAway::Unknown | TurnedAway::OurName) | Self::CertificateName { .. } => Some(Status::PEER),
            _ => None,
        }
    }
}

/// One line, whatever the caller sent.
impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(ip) => write!(out, "turned away a caller from {ip}: ")?,
            None => write!(out, "turned away a caller: ")?,
        }
        let name = escape::name(self.name.as_deref().unwrap_or_default());
        match &self.reason {
            RefusalReason::Hello(TurnedAway::NotAHello) => write!(out, "what it says is no hello of a peer"),
            RefusalReason::Hello(TurnedAway::LineTooLong) => write!(out, "a line of its hello is too long"),
            RefusalReason::Hello(TurnedAway::Version) => write!(out, "its version of the protocol isn't known"),
            RefusalReason::Hello(TurnedAway::OtherHost) => write!(out, "it wants a peer `{name}`, which isn't us"),
            RefusalReason::Hello(TurnedAway::Unknown) => write!(out, "`{name}` isn't one of our peers"),
            RefusalReason::Hello(TurnedAway::OurName) => write!(out, "it calls itself `{name}`, which is our own name"),
            RefusalReason::Silent => write!(out, "no complete hello in time"),
            RefusalReason::Left => write!(out, "it left before its hello was complete"),
            RefusalReason::Tls(error) => write!(out, "TLS: {error}"),
            RefusalReason::CertificateName { certificate } => {
                write!(out, "it calls itself `{name}`, but its certificate is for {}", listed(certificate))
            }
            RefusalReason::Address => write!(out, "no peer has that address"),
            RefusalReason::Full => write!(out, "too many callers at a time"),
        }?;
        if let Some(status) = self.reason.status() {
            write!(out, " (HAProxy would say {status})")?;
        }
        if self.untold > 0 {
            write!(out, "; {} more since the last line about it", self.untold)?;
        }
        Ok(())
    }
}

/// Names of a certificate, as a text shows them.
#[must_use]
pub fn listed(names: &[String]) -> String {
    match names {
        [] => "no name at all".to_owned(),
        names => names.iter().map(|name| format!("`{}`", escape::name(name.as_bytes()))).collect::<Vec<_>>().join(", "),
    }
}

/// What the end of a session means.
struct Said<'a>(&'a Closed);

impl fmt::Display for Said<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Closed::Here => write!(out, "closed from this side"),
            Closed::Eof { within: 0 } => write!(out, "the peer closed the connection"),
            Closed::Eof { within } => write!(out, "the peer closed the connection {within} bytes into a message"),
            Closed::Refused(status) => write!(out, "the peer refused our hello: {status}"),
            Closed::NoStatus => write!(out, "the peer's answer to our hello is no status"),
            Closed::TurnedAway { .. } => write!(out, "the caller was turned away"),
            Closed::Protocol(error) => write!(out, "the peer sent what can't be read: {error}"),
            Closed::PeerError(kind) => write!(out, "the peer couldn't read what we sent (error {kind})"),
            Closed::HandshakeTimeout => write!(out, "no answer to our hello in time"),
            Closed::MessageTimeout => write!(out, "a message of the peer didn't end in time"),
            Closed::Silence => write!(out, "the peer has been silent for too long"),
        }
    }
}
