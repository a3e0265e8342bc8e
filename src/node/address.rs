//! Addresses to call and to listen on, as HAProxy writes them.

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use thiserror::Error;

use crate::escape;

/// An address that can be called or listened on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// An address and a port.
    Ip(SocketAddr),
    /// A host name and a port: it is looked up with every call.
    Host {
        /// The name.
        name: String,
        /// The port.
        port: u16,
        /// The only family that will do, if one was named.
        family: Option<Family>,
    },
    /// A socket in the file system.
    Unix(PathBuf),
    /// A name in Linux's own space, without the NUL in front.
    Abstract {
        /// The name.
        name: Vec<u8>,
        /// Whether the name is filled up with NULs to the full length (`abns@`) or not (`abnsz@`).
        padded: bool,
    },
}

/// A family of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Whether an address belongs to it.
    #[must_use]
    pub const fn has(self, address: &SocketAddr) -> bool {
        matches!((self, address), (Self::V4, SocketAddr::V4(_)) | (Self::V6, SocketAddr::V6(_)))
    }
}

/// A text that is no address of that use.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AddressError {
    /// Nothing that can be called.
    #[error("`{0}` can't be called; write it as 10.0.0.1:10000, [2001:db8::1]:10000, lb1.example:10000 or unix@/path")]
    Call(String),
    /// Nothing that can be listened on.
    #[error(
        "`{0}` can't be listened on; write it as on a `bind` line: 127.0.0.1:10999, :10999, [::1]:10999 or unix@/path"
    )]
    Listen(String),
}

impl Address {
    /// Reads the address of a peer; a call to a wildcard goes to the loopback.
    ///
    /// # Errors
    /// If it can't be called: there is no port, or it is of another kind than TCP and local sockets.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let address = Self::read(text.as_bytes()).map(Self::called).filter(|address| address.port() != Some(0));
        address.ok_or_else(|| AddressError::Call(escape::name(text.as_bytes()).into_owned()))
    }

    /// Reads an address to listen on, of which port 0 is one that the system chooses.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_listening(text: &str) -> Result<Self, AddressError> {
        Self::read(text.as_bytes()).ok_or_else(|| AddressError::Listen(escape::name(text.as_bytes()).into_owned()))
    }

    /// Reads an address of one connection, wildcards included: of a list the first, of a range none.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let text = text.split(|byte| *byte == b',').next().unwrap_or_default();
        let (prefix, rest) = match text.iter().position(|byte| *byte == b'@') {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?),
            None if text.starts_with(b"/") => (&b"unix"[..], text),
            None => (&b""[..], text),
        };
        let family = match prefix {
            b"" | b"tcp" | b"stream" => None,
            b"ipv4" | b"tcp4" | b"stream+ipv4" => Some(Family::V4),
            b"ipv6" | b"tcp6" | b"stream+ipv6" => Some(Family::V6),
            b"unix" | b"uxst" | b"stream+unix" if !rest.is_empty() => {
                return Some(Self::Unix(OsString::from_vec(rest.to_vec()).into()));
            }
            b"abns" | b"abnsz" if !rest.is_empty() => {
                return Some(Self::Abstract { name: rest.to_vec(), padded: prefix == b"abns" });
            }
            _ => return None,
        };
        Self::host(str::from_utf8(rest).ok()?, family)
    }

    /// `HOST:PORT`.
    fn host(text: &str, family: Option<Family>) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())??;
        let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        let ip = match (bare, family) {
            ("" | "*", Some(Family::V6)) => Some(Ipv6Addr::UNSPECIFIED.into()),
            ("" | "*", _) => Some(Ipv4Addr::UNSPECIFIED.into()),
            _ => bare.parse::<IpAddr>().ok(),
        };
        match (ip, family) {
            (Some(IpAddr::V6(_)), Some(Family::V4)) | (Some(IpAddr::V4(_)), Some(Family::V6)) => None,
            (Some(ip), _) => Some(Self::Ip(SocketAddr::new(ip, port))),
            (None, _) if port == 0 || bare.contains(['/', ' ', '[', ']', '*']) => None,
            (None, _) => Some(Self::Host { name: bare.to_owned(), port, family }),
        }
    }

    /// Where a call to a listener on this address goes: that to a wildcard to the loopback.
    #[must_use]
    pub fn called(self) -> Self {
        match self {
            Self::Ip(address) if address.ip().is_unspecified() => {
                let loopback = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
                Self::Ip(SocketAddr::new(loopback, address.port()))
            }
            other => other,
        }
    }

    /// The port; `None` for a local socket.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Host { port, .. } => Some(*port),
            Self::Unix(_) | Self::Abstract { .. } => None,
        }
    }

    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Self::Ip(address) => address.ip().to_canonical().is_loopback(),
            Self::Host { name, .. } => name.eq_ignore_ascii_case("localhost"),
            Self::Unix(_) | Self::Abstract { .. } => true,
        }
    }
}

/// As HAProxy writes it, escaped.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(out),
            Self::Host { name, port, family } => {
                let family = match family {
                    None => "",
                    Some(Family::V4) => "ipv4@",
                    Some(Family::V6) => "ipv6@",
                };
                write!(out, "{family}{}:{port}", escape::name(name.as_bytes()))
            }
            Self::Unix(path) => write!(out, "unix@{}", escape::name(path.as_os_str().as_bytes())),
            Self::Abstract { name, padded } => {
                write!(out, "{}@{}", if *padded { "abns" } else { "abnsz" }, escape::name(name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_haproxy_calls_is_read_and_printed() {
        for (text, shown) in [
            ("10.0.0.1:10000", "10.0.0.1:10000"),
            ("ipv4@10.0.0.1:10000", "10.0.0.1:10000"),
            ("[::1]:10000", "[::1]:10000"),
            ("::1:10000", "[::1]:10000"),
            ("ipv6@[2001:db8::1]:1", "[2001:db8::1]:1"),
            ("ipv6@:10000", "[::]:10000"),
            (":10000", "0.0.0.0:10000"),
            ("*:10000,:10001", "0.0.0.0:10000"),
            ("lb1.example:10000", "lb1.example:10000"),
            ("ipv6@lb1.example:10000", "ipv6@lb1.example:10000"),
            ("unix@/run/p.sock", "unix@/run/p.sock"),
            ("/run/p.sock", "unix@/run/p.sock"),
            ("abns@peers", "abns@peers"),
            ("abnsz@peers", "abnsz@peers"),
        ] {
            assert_eq!(Address::read(text.as_bytes()).map(|a| a.to_string()).as_deref(), Some(shown), "{text}");
        }
        for text in
            ["", "10.0.0.1", "10.0.0.1:1-2", "10.0.0.1:+5", "fd@3", "ipv4@[::1]:1", "unix@", "lb1:0", "udp@1.2.3.4:5"]
        {
            assert_eq!(Address::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_wildcard_is_called_on_the_loopback() {
        let called = |text: &str| Address::parse(text).map(|address| address.to_string()).ok();
        assert_eq!(called(":7").as_deref(), Some("127.0.0.1:7"));
        assert_eq!(called("ipv6@*:7").as_deref(), Some("[::1]:7"));
        assert_eq!(called("10.0.0.1:7").as_deref(), Some("10.0.0.1:7"));
        assert_eq!(called("10.0.0.1:0"), None, "nobody has port 0");
        assert_eq!(Address::parse_listening("127.0.0.1:0").map(|address| address.port()), Ok(Some(0)));
    }

    #[test]
    fn only_loopback_and_local_sockets_are_private() {
        let private = |text: &str| Address::parse_listening(text).map(|address| address.is_private());
        for text in ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix@/p", "abns@p", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(private(text), Ok(true), "{text}");
        }
        for text in [":1", "10.0.0.1:1", "[::]:1", "lb1:1", "localhost.example:1"] {
            assert_eq!(private(text), Ok(false), "{text}");
        }
    }
}
