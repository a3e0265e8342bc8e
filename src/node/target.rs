//! Whom to call, and where.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use thiserror::Error;

use crate::escape;
use crate::node::tls::ClientTls;

/// A peer to be called.
#[derive(Clone, Debug)]
pub struct Target {
    /// The name it has among the peers: HAProxy compares it with its own.
    pub name: Box<[u8]>,
    /// Where it listens.
    pub address: Address,
    /// With what to call in TLS; `None` = in plain.
    pub tls: Option<Rc<ClientTls>>,
    /// The name to call under, if it isn't that of the node.
    pub us: Option<Box<[u8]>>,
    /// The names that the certificate of a caller may have who says it is this peer; none = the peer's own name.
    pub certificate_names: Vec<String>,
    /// Whether to call again.
    pub retry: Retry,
}

impl Target {
    /// A peer that is called in plain, under the node's name, again and again.
    #[must_use]
    pub fn new(name: &[u8], address: Address) -> Self {
        let (tls, us, certificate_names, retry) = (None, None, Vec::new(), Retry::Always);
        Self { name: name.into(), address, tls, us, certificate_names, retry }
    }
}

/// Whether to call again after a call failed or its session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// One call.
    Never,
    /// Until it is stopped.
    Always,
}

/// An address of a peer, as HAProxy writes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// A host name or an address without brackets, and a port. Names are looked up at each call.
    Tcp {
        /// The host.
        host: String,
        /// The port; not 0.
        port: u16,
    },
    /// The path of a socket.
    Unix(String),
}

/// Why a text is no address.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AddressError {
    /// There is no port, or none that can be.
    #[error("`{0}` has no port; an address is like 10.0.0.1:10000, [2001:db8::1]:10000 or unix@/path")]
    Port(String),
    /// There is no host.
    #[error("`{0}` names no host to connect to")]
    Host(String),
    /// A kind of address that isn't one of a socket of this machine or of TCP.
    #[error("`{0}` is of a kind that can't be connected to; give host:port or unix@/path")]
    Kind(String),
}

/// All addresses of this machine.
const ANY_IPV4: &str = "0.0.0.0";
const ANY_IPV6: &str = "::";

impl Address {
    /// Reads `10.0.0.1:10000`, `[::1]:10000`, `ipv6@::1:10000`, `host:10000`, `unix@/path` or `/path`.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address = Self::parse_listening(text)?;
        let shown = || escape::name(text.as_bytes()).into_owned();
        match &address {
            Self::Tcp { port: 0, .. } => Err(AddressError::Port(shown())),
            Self::Tcp { host, .. } if host == ANY_IPV4 || host == ANY_IPV6 => Err(AddressError::Host(shown())),
            _ => Ok(address),
        }
    }

    /// Reads an address to listen on: as [`Self::parse`], and `:10000`, `*:10000` and port 0, which the system chooses.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse_listening(text: &str) -> Result<Self, AddressError> {
        let shown = || escape::name(text.as_bytes()).into_owned();
        let (kind, rest) = text.split_once('@').unwrap_or(("", text));
        match kind {
            "unix" | "" if rest.starts_with('/') => return Ok(Self::Unix(rest.to_owned())),
            "" | "ipv4" | "ipv6" | "tcp" | "tcp4" | "tcp6" => {}
            _ => return Err(AddressError::Kind(shown())),
        }
        let (host, port) = rest.rsplit_once(':').ok_or_else(|| AddressError::Port(shown()))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = digits.then(|| port.parse().ok()).flatten();
        let port = port.ok_or_else(|| AddressError::Port(shown()))?;
        let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        let host = match host {
            "" | "*" if matches!(kind, "ipv6" | "tcp6") => ANY_IPV6,
            "" | "*" => ANY_IPV4,
            host => host,
        };
        if host.contains(['/', ' ', '[', ']', '*']) {
            return Err(AddressError::Host(shown()));
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }

    /// The address in numbers, if it needs no look-up.
    #[must_use]
    pub fn socket_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { host, port } => host.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, *port)),
            Self::Unix(_) => None,
        }
    }

    /// Whether what goes there stays on this machine: `127.0.0.0/8`, `::1`, `localhost`, a path.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
            }
            Self::Unix(_) => true,
        }
    }
}

/// As HAProxy reads it.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.parse::<Ipv6Addr>().is_ok() => write!(out, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(out, "{}:{port}", escape::name(host.as_bytes())),
            Self::Unix(path) => write!(out, "unix@{}", escape::name(path.as_bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_are_read() {
        for (text, shown, local) in [
            ("10.0.0.1:10000", "10.0.0.1:10000", false),
            ("ipv4@127.0.0.9:1", "127.0.0.9:1", true),
            ("[::1]:10000", "[::1]:10000", true),
            ("::1:10000", "[::1]:10000", true),
            ("ipv6@2001:db8::1:10000", "[2001:db8::1]:10000", false),
            ("lb1.example:10000", "lb1.example:10000", false),
            ("localhost:65535", "localhost:65535", true),
            ("unix@/run/peers", "unix@/run/peers", true),
            ("/run/peers", "unix@/run/peers", true),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!((address.to_string().as_str(), address.is_local()), (shown, local), "{text}");
            assert_eq!(Address::parse(shown), Ok(address));
        }
    }

    #[test]
    fn what_cannot_be_called_is_no_address() {
        for text in ["", "10.0.0.1", "10.0.0.1:", "10.0.0.1:0", "a:65536", "a:+1", ":10000", "*:10000", "a/b:1"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        assert!(matches!(Address::parse("fd@3"), Err(AddressError::Kind(_))));
        assert!(matches!(Address::parse("quic4@10.0.0.1:1"), Err(AddressError::Kind(_))));
    }
}
