//! What a user asks for, read once and right from then on: names, peers, TLS.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::{OpError, OpErrorKind};
use crate::escape;

/// A peer to make: its name and its address with a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerSpec {
    /// The name: letters, digits, `.` `:` `-` `_`.
    pub name: String,
    /// The address as HAProxy writes it.
    pub address: String,
}

impl PeerSpec {
    /// Reads `NAME=ADDRESS`.
    ///
    /// # Errors
    /// If it has no `=`, or name or address is none that all versions of HAProxy take.
    pub fn parse(text: &str) -> Result<Self, OpError> {
        let Some((name, address)) = text.split_once('=') else {
            return Err(OpError::new(OpErrorKind::BadPeer(text.into()), "write it as lb1=10.0.0.1:10000"));
        };
        Ok(Self { name: check_name(name)?.into(), address: check_address(address)?.into() })
    }

    /// Reads several, each name once.
    ///
    /// # Errors
    /// The first that can't be read, or the second of one name.
    pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<Vec<Self>, OpError> {
        let mut peers: Vec<Self> = Vec::new();
        for text in texts {
            let peer = Self::parse(text)?;
            if peers.iter().any(|p| p.name == peer.name) {
                return Err(OpError::new(OpErrorKind::Twice(peer.name), "give each peer one address"));
            }
            peers.push(peer);
        }
        Ok(peers)
    }
}

/// A name that HAProxy takes for a peers section or a peer.
///
/// # Errors
/// If it is empty or has another character than letters, digits, `.` `:` `-` `_`.
pub fn check_name(name: &str) -> Result<&str, OpError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_');
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(name);
    }
    let help = "HAProxy takes letters, digits, `.`, `:`, `-` and `_` in names";
    Err(OpError::new(OpErrorKind::BadName(escape::name(name.as_bytes()).into_owned()), help))
}

/// An address for a peer: a socket's path, or host and port. Port 0, ranges and offsets are refused: some versions
/// take them, and none connects to them.
///
/// # Errors
/// If there is no port from 1 to 65535, no host, or a character that can't be in an address.
pub fn check_address(address: &str) -> Result<&str, OpError> {
    let (family, rest) = address.split_once('@').map_or((None, address), |(family, rest)| (Some(family), rest));
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '#' | '$' | ',');
    let fits = match family {
        None => rest.starts_with('/') || host_kind(rest).is_some(),
        Some("ipv4") => matches!(host_kind(rest), Some(Host::Name | Host::V4)),
        Some("ipv6") => matches!(host_kind(rest), Some(Host::Name | Host::V6)),
        Some("unix" | "abns" | "abnsz") => !rest.is_empty(),
        Some(_) => false,
    };
    if fits && rest.chars().all(plain) {
        return Ok(address);
    }
    let help = "write it as HAProxy does: 10.0.0.1:10000, [2001:db8::1]:10000, lb1.example:10000 or unix@/path";
    Err(OpError::new(OpErrorKind::BadAddress(escape::name(address.as_bytes()).into_owned()), help))
}

/// What stands before the port.
enum Host {
    /// A name, or `*`.
    Name,
    V4,
    V6,
}

/// The host of `HOST:PORT`; `None` if it is none, or the port isn't one.
fn host_kind(text: &str) -> Option<Host> {
    let (host, port) = text.rsplit_once(':')?;
    let digits = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    if !digits || !port.parse::<u32>().is_ok_and(|n| (1..=65535).contains(&n)) {
        return None;
    }
    let inner = host.strip_prefix('[').map_or(Some(host), |inner| inner.strip_suffix(']'))?;
    if inner.contains(':') {
        return inner.parse::<Ipv6Addr>().ok().map(|_| Host::V6);
    }
    // Digits and dots alone are an IPv4 address, not a name.
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return host.parse::<Ipv4Addr>().ok().map(|_| Host::V4);
    }
    let label = |label: &str| {
        let fits = label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        fits && !label.is_empty() && !label.starts_with('-')
    };
    (host == "*" || host.split('.').all(label)).then_some(Host::Name)
}

/// TLS between the peers of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tls {
    /// Certificate and key of this side.
    pub crt: String,
    /// How the other side's certificate is checked.
    pub trust: Trust,
    /// By peer: the name its certificate must carry.
    pub verifyhost: BTreeMap<String, String>,
}

/// How the other side's certificate is checked, at both ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trust {
    /// Against the certificates of this file.
    Required(String),
    /// Not at all.
    None,
}

impl Tls {
    /// The words on `bind` behind its address.
    #[must_use]
    pub fn bind_words(&self) -> Vec<String> {
        let mut words = vec!["ssl".into(), "crt".into(), self.crt.clone()];
        if let Trust::Required(ca) = &self.trust {
            words.extend(["ca-file".into(), ca.clone(), "verify".into(), "required".into()]);
        }
        words
    }

    /// The words of `default-server`.
    #[must_use]
    pub fn server_words(&self) -> Vec<String> {
        let mut words = vec!["ssl".into(), "crt".into(), self.crt.clone()];
        match &self.trust {
            Trust::Required(ca) => words.extend(["ca-file".into(), ca.clone(), "verify".into(), "required".into()]),
            Trust::None => words.extend(["verify".into(), "none".into()]),
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_a_usable_port_are_refused() {
        for good in [
            "10.0.0.1:1",
            "[::1]:65535",
            "::1:10000",
            "ipv6@[::1]:7",
            "unix@/run/p.sock",
            "/run/p",
            "lb-1.example:10",
            "*:9",
        ] {
            assert_eq!(check_address(good), Ok(good));
        }
        for bad in [
            "",
            "10.0.0.1",
            "10.0.0.1:0",
            "10.0.0.1:65536",
            "10.0.0.1:1-2",
            "10.0.0.1:+5",
            ":10",
            "a b:1",
            "[::1:7",
            "udp@1.2.3.4:5",
            "@1.2.3.4:5",
            "@/run/p",
            "10.0.0:1",
            "h:1#x",
            "\u{e9}:1",
            "ipv4@/run/p",
            "ipv4@[::1]:1",
            "ipv6@10.0.0.1:1",
            "unix@",
            "-x:1",
            "a..b:1",
            "[lb1]:1",
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }
}
