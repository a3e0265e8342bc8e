//! Addresses of peers and listeners, and who answers a call to one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::grammar::Version;

/// An address of a peer or a listener, spelled one way only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// An address and a port; a wildcard is the unspecified address.
    Ip(IpAddr, u16),
    /// A host name: which address it has is not known here.
    Host(Vec<u8>, u16),
    /// A path of a socket, an abstract name, a descriptor, or a spelling that HAProxy refuses.
    Other(Vec<u8>),
}

impl Address {
    /// Reads an address as HAProxy writes it; what is none is [`Address::Other`].
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let other = || Self::Other(text.strip_prefix(b"unix@").unwrap_or(text).to_vec());
        let (family, rest) = match text.iter().position(|b| *b == b'@') {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            None => (&b""[..], text),
        };
        if rest.starts_with(b"/") || !matches!(family, b"" | b"ipv4" | b"ipv6" | b"tcp" | b"tcp4" | b"tcp6") {
            return other();
        }
        let Some(at) = rest.iter().rposition(|b| *b == b':') else { return other() };
        let (host, port) = (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default());
        let number = str::from_utf8(port).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let Some(port) = number.and_then(|digits| digits.parse().ok()) else { return other() };
        let bare = host.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(host);
        let ip = match bare {
            b"" | b"*" if matches!(family, b"ipv6" | b"tcp6") => Some(Ipv6Addr::UNSPECIFIED.into()),
            b"" | b"*" => Some(Ipv4Addr::UNSPECIFIED.into()),
            _ => str::from_utf8(bare).ok().and_then(|digits| digits.parse().ok()),
        };
        ip.map_or_else(|| Self::Host(bare.to_ascii_lowercase(), port), |ip| Self::Ip(ip, port))
    }

    /// The port; `None` for a path.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(_, port) | Self::Host(_, port) => Some(*port),
            Self::Other(_) => None,
        }
    }

    /// Whether it is on the loopback: `127.0.0.0/8`, `::1`, `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(ip, _) => ip.to_canonical().is_loopback(),
            Self::Host(host, _) => host == b"localhost",
            Self::Other(_) => false,
        }
    }

    /// Whether a listener here takes calls to every address of the machine.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        matches!(self, Self::Ip(ip, _) if ip.is_unspecified())
    }

    /// Whether only this machine or a private network reaches it; `false` where a name or a wildcard leaves that open.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Self::Ip(ip, _) => match ip.to_canonical() {
                IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
                IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
            },
            Self::Host(..) => false,
            Self::Other(_) => true,
        }
    }

    /// Whether both are of the same machine, whatever the ports; `None` where that can't be told: a name beside a number,
    /// a wildcard, a path.
    #[must_use]
    pub fn same_host(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            _ if self.is_wildcard() || other.is_wildcard() => None,
            (Self::Ip(a, _), Self::Ip(b, _)) => Some(a.to_canonical() == b.to_canonical()),
            (Self::Host(a, _), Self::Host(b, _)) => (a == b).then_some(true),
            _ => None,
        }
    }

    /// Whether a listener here gets the call of a process on the same machine whose own address was `before`: at a reload
    /// a process calls itself there, and the one that has taken its place must be listening.
    #[must_use]
    pub fn answers(&self, before: &Self, v6only: bool, version: Version) -> bool {
        match (before.called(), self) {
            // Up to 2.8 two processes can't have the same abstract name. (2.9 was not measured.)
            (Self::Other(name), _) if name.starts_with(b"abns") && version < Version::new(3, 0) => false,
            (Self::Ip(called, port), Self::Ip(own, own_port)) if port == *own_port => {
                let same_family = called.is_ipv4() == own.is_ipv4();
                called == *own || own.is_unspecified() && (same_family || own.is_ipv6() && !v6only)
            }
            // A name may stand for either family.
            (Self::Host(_, port), Self::Ip(IpAddr::V6(own), own_port)) if port == *own_port => {
                own.is_unspecified() && !v6only
            }
            (called, own) => called == *own,
        }
    }

    /// Where a call to this address ends: that to a wildcard on the loopback.
    fn called(&self) -> Self {
        match self {
            Self::Ip(IpAddr::V4(ip), port) if ip.is_unspecified() => Self::Ip(Ipv4Addr::LOCALHOST.into(), *port),
            Self::Ip(IpAddr::V6(ip), port) if ip.is_unspecified() => Self::Ip(Ipv6Addr::LOCALHOST.into(), *port),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(before: &str, after: &str) -> bool {
        Address::parse(after.as_bytes()).answers(&Address::parse(before.as_bytes()), false, Version::new(3, 2))
    }

    #[test]
    fn one_address_has_many_spellings() {
        for (a, b) in [
            ("127.0.0.1:7", "ipv4@127.0.0.1:7"),
            ("[::1]:7", "ipv6@::1:7"),
            ("*:7", ":7"),
            ("0.0.0.0:7", "*:7"),
            ("[::]:7", ":::7"),
            ("/run/p", "unix@/run/p"),
            ("LB1.example:7", "lb1.example:7"),
        ] {
            assert_eq!(Address::parse(a.as_bytes()), Address::parse(b.as_bytes()), "{a} is {b}");
        }
    }

    #[test]
    fn wildcards_answer_for_the_addresses_of_their_family() {
        for (before, after) in [
            ("10.0.0.1:7", "*:7"),
            ("10.0.0.1:7", "[::]:7"),
            ("*:7", "127.0.0.1:7"),
            ("*:7", "[::]:7"),
            ("[::]:7", "[::1]:7"),
            ("lb1.example:7", "[::]:7"),
            ("lb1.example:7", "lb1.example:7"),
        ] {
            assert!(answers(before, after), "{after} gets what is sent to {before}");
        }
        for (before, after) in [
            ("10.0.0.1:7", "10.0.0.1:8"),
            ("*:7", "10.0.0.1:7"),
            ("[::]:7", "*:7"),
            ("[::1]:7", "127.0.0.1:7"),
            ("lb1.example:7", "10.0.0.1:7"),
            ("/run/p", "127.0.0.1:7"),
        ] {
            assert!(!answers(before, after), "{after} doesn't surely get what is sent to {before}");
        }
    }
}
