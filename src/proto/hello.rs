//! The handshake: three lines from the side that calls, a status line from the side that is called.
//!
//! ```text
//! HAProxyS 2.1\n
//! <name of the peer called>\n
//! <own name> <pid> <relative pid>\n          ─►
//!                                            ◄─  200\n
//! ```

use std::fmt;

use crate::limits;

/// The longest line of a hello this side takes, in bytes without its end.
pub const MAX_LINE: usize = limits::HELLO_LINE;

/// The longest status line this side takes, in bytes.
pub const MAX_STATUS: usize = 64;

/// What a hello line or status line can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line<'a> {
    /// The line without its end, and its length with it.
    Whole(&'a [u8], usize),
    /// It hasn't ended yet.
    Incomplete,
    /// It is longer than allowed.
    TooLong,
}

/// The line that `bytes` begin with; CR LF ends it as LF does.
pub(super) fn line(bytes: &[u8], limit: usize) -> Line<'_> {
    let head = bytes.get(..limit + 2).unwrap_or(bytes);
    match memchr::memchr(b'\n', head) {
        Some(end) => {
            let text = head.get(..end).unwrap_or_default();
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.len() > limit { Line::TooLong } else { Line::Whole(text, end + 1) }
        }
        None if head.len() > limit + 1 => Line::TooLong,
        None => Line::Incomplete,
    }
}

/// A version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// 2 for all that exist.
    pub major: u32,
    /// 0 or 1.
    pub minor: u32,
}

impl Version {
    /// The oldest this side speaks; without timed entries.
    pub const V2_0: Self = Self { major: 2, minor: 0 };
    /// The current one.
    pub const V2_1: Self = Self { major: 2, minor: 1 };

    /// Reads `2.1`; leading zeros are fine, anything else is not.
    fn parse(text: &[u8]) -> Option<Self> {
        let (major, minor) = str::from_utf8(text).ok()?.split_once('.')?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

/// The answer to a hello: `200` and so on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(pub u16);

impl Status {
    /// Accepted.
    pub const OK: Self = Self(200);
    /// A session of the local peer's name exists already.
    pub const TRY_AGAIN: Self = Self(300);
    /// The hello doesn't follow the protocol.
    pub const PROTOCOL: Self = Self(501);
    /// The version isn't known.
    pub const VERSION: Self = Self(502);
    /// The peer called has another name.
    pub const HOST: Self = Self(503);
    /// The caller isn't listed.
    pub const PEER: Self = Self(504);

    /// Reads a status line; `None` if it doesn't begin with a number.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        str::from_utf8(line.get(..digits)?).ok()?.parse().ok().map(Self)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Appends a hello.
pub(super) fn encode(called: &[u8], caller: &[u8], pid: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HAProxyS 2.1\n");
    out.extend_from_slice(called);
    out.push(b'\n');
    out.extend_from_slice(caller);
    out.extend_from_slice(format!(" {pid} 1\n").as_bytes());
}

/// Reads the first line of a hello.
///
/// # Errors
/// The status that HAProxy gives it: 501 or 502.
pub(super) fn version(line: &[u8]) -> Result<Version, Status> {
    let version = Version::parse(line.strip_prefix(b"HAProxyS ").ok_or(Status::PROTOCOL)?).ok_or(Status::VERSION)?;
    if (Version::V2_0..=Version::V2_1).contains(&version) { Ok(version) } else { Err(Status::VERSION) }
}

/// Reads the third line of a hello: the caller's name, everything before the first space.
///
/// # Errors
/// 501 if there is no space.
pub(super) fn caller(line: &[u8]) -> Result<&[u8], Status> {
    memchr::memchr(b' ', line).and_then(|end| line.get(..end)).ok_or(Status::PROTOCOL)
}

/// A header of the PROXY protocol at the front of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyHeader {
    /// There is none.
    None,
    /// More bytes are needed to tell.
    Incomplete,
    /// There is one of that many bytes; skip them.
    Whole(usize),
    /// It begins like one and isn't.
    Bad,
}

/// The first bytes of a header of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The most bytes of a header of version 2 behind its first 16; HAProxy's own has none.
const MAX_PROXY: usize = 512;

impl ProxyHeader {
    /// Looks for a header, version 1 or 2, at the front of `bytes`. Nothing in it is used.
    #[must_use]
    pub fn find(bytes: &[u8]) -> Self {
        let begins = |with: &[u8]| bytes.iter().zip(with).all(|(byte, other)| byte == other);
        if begins(b"PROXY ") {
            return match line(bytes, 107) {
                Line::Whole(_, len) => Self::Whole(len),
                Line::Incomplete => Self::Incomplete,
                Line::TooLong => Self::Bad,
            };
        }
        if !begins(SIGNATURE) {
            return Self::None;
        }
        let Some([high, low]) = bytes.get(14..16) else { return Self::Incomplete };
        match usize::from(u16::from_be_bytes([*high, *low])) {
            more if more > MAX_PROXY => Self::Bad,
            more if bytes.len() < 16 + more => Self::Incomplete,
            more => Self::Whole(16 + more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged_as_haproxy_does() {
        for good in ["2.0", "2.1", "2.01"] {
            assert!(version(format!("HAProxyS {good}").as_bytes()).is_ok(), "{good}");
        }
        for bad in ["1.0", "2.2", "3.0", "2", "2.1x", "2.1 ", "+2.1", "-2.1", "2.1.1", "", ".", "99999999999.1"] {
            assert_eq!(version(format!("HAProxyS {bad}").as_bytes()), Err(Status::VERSION), "{bad}");
        }
        for bad in ["HAProxyS2.1", "", "GET / HTTP/1.1", "haproxys 2.1"] {
            assert_eq!(version(bad.as_bytes()), Err(Status::PROTOCOL), "{bad}");
        }
    }

    #[test]
    fn the_caller_is_what_stands_before_the_first_space() {
        assert_eq!(caller(b"lb1 5273 1"), Ok(b"lb1".as_slice()));
        assert_eq!(caller(b"lb1 "), Ok(b"lb1".as_slice()));
        assert_eq!(caller(b"lb1"), Err(Status::PROTOCOL));
    }

    #[test]
    fn lines_end_at_the_limit() {
        assert_eq!(line(b"ab\r\ncd", 2), Line::Whole(b"ab", 4));
        assert_eq!(line(b"ab", 2), Line::Incomplete);
        assert_eq!(line(b"ab\r", 2), Line::Incomplete);
        assert_eq!(line(b"abc\n", 2), Line::TooLong);
        assert_eq!(line(b"abcd", 2), Line::TooLong);
    }

    #[test]
    fn proxy_headers_are_found_at_any_cut() {
        let v2 = [SIGNATURE.as_slice(), b"\x20\x00\x00\x02xy"].concat();
        for header in [b"PROXY UNKNOWN\r\n".as_slice(), b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", &v2] {
            for end in 1..header.len() {
                assert_eq!(ProxyHeader::find(&header[..end]), ProxyHeader::Incomplete, "{end}");
            }
            assert_eq!(ProxyHeader::find(header), ProxyHeader::Whole(header.len()));
            let bytes = [header, b"HAProxyS 2.1\n"].concat();
            assert_eq!(ProxyHeader::find(&bytes), ProxyHeader::Whole(header.len()));
        }
        assert_eq!(ProxyHeader::find(b"HAProxyS 2.1\n"), ProxyHeader::None);
        assert_eq!(ProxyHeader::find(&[b"PROXY ".as_slice(), &[b'x'; 200]].concat()), ProxyHeader::Bad);
        let of_length = |length: u16| {
            ProxyHeader::find(&[SIGNATURE.as_slice(), b"\x20\x00", &length.to_be_bytes(), &[0; 600]].concat())
        };
        assert_eq!((of_length(512), of_length(513)), (ProxyHeader::Whole(528), ProxyHeader::Bad));
    }
}
