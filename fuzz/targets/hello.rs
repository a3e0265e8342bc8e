//! The handshake: who is let in, as whom, and who isn't, is the same however the bytes come, and as the description says it.
//!
//! The first two bytes of an input say who calls and how many bytes come first.

#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use peerctl::proto::{
    Session,
    hello::{MAX_LINE, MAX_STATUS, ProxyHeader, Status, Version},
    session::{Closed, Event, Options, Role, TurnedAway},
};

fuzz_target!(|data: &[u8]| {
    let Some(([how, first], bytes)) = data.split_first_chunk() else { return };
    let is_caller = how & 1 == 0;
    let expected = if is_caller { status(bytes) } else { hello(bytes) };
    let first = bytes.len().min(usize::from(*first) + usize::from(how & 2) * 64);
    assert_eq!(session(is_caller, &[bytes]), expected);
    if first > 0 {
        let (first, rest) = bytes.split_at(first);
        assert_eq!(session(is_caller, &[first, rest]), expected, "pieces of {} and {} bytes", first.len(), rest.len());
    }
});

/// What becomes of a handshake.
#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    Waits,
    In { name: Vec<u8>, version: Version },
    Refused(Status),
    NoStatus,
    Away(TurnedAway, Option<Box<[u8]>>),
}

fn session(is_caller: bool, pieces: &[&[u8]]) -> Outcome {
    let now = Instant::now();
    let role = if is_caller { Role::Caller(b"lb1".as_slice().into()) } else { Role::Called(vec![b"lb1".as_slice().into()]) };
    let mut session = Session::new(Options::new(b"us", role), now);
    let (mut outcome, mut sent) = (Outcome::Waits, Vec::new());
    session.poll_transmit(&mut sent);
    assert_eq!(sent, if is_caller { b"HAProxyS 2.1\nlb1\nus 1 1\n".as_slice() } else { b"" });
    for piece in pieces {
        session.handle_bytes(now, piece);
        while let Some(event) = session.poll_event() {
            match event {
                Event::Established { name, version } => outcome = Outcome::In { name: name.to_vec(), version },
                // What came behind a handshake isn't looked at here.
                _ if matches!(outcome, Outcome::In { .. }) => {}
                Event::Closed(Closed::Refused(status)) => outcome = Outcome::Refused(*status),
                Event::Closed(Closed::NoStatus) => outcome = Outcome::NoStatus,
                Event::Closed(Closed::TurnedAway { reason, name, .. }) => outcome = Outcome::Away(*reason, name.clone()),
                event => panic!("{event:?} without a handshake"),
            }
        }
    }
    sent.clear();
    session.poll_transmit(&mut sent);
    match outcome {
        Outcome::In { .. } if is_caller => assert!(sent.starts_with(b"\0\x04"), "the first message is sent at once"),
        Outcome::In { .. } => assert!(sent.starts_with(b"200\n\0\x04")),
        _ => assert_eq!(sent, b"", "nobody is answered who isn't let in"),
    }
    outcome
}

/// A line without its end, and what follows: `Err(true)` if it is too long, `Err(false)` if it hasn't ended.
fn line(bytes: &[u8], limit: usize) -> Result<(&[u8], &[u8]), bool> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Err(bytes.len() > limit + 1) };
    let text = &bytes[..end];
    let text = if text.ends_with(b"\r") { &text[..end - 1] } else { text };
    if text.len() > limit { Err(true) } else { Ok((text, &bytes[end + 1..])) }
}

fn status(bytes: &[u8]) -> Outcome {
    match line(bytes, MAX_STATUS) {
        Err(false) => Outcome::Waits,
        Err(true) => Outcome::NoStatus,
        Ok((line, _)) => {
            let digits: String = line.iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_digit).collect();
            match digits.parse::<u128>().map(u16::try_from) {
                Ok(Ok(200)) => Outcome::In { name: b"lb1".to_vec(), version: Version::V2_1 },
                Ok(Ok(number)) => Outcome::Refused(Status(number)),
                _ => Outcome::NoStatus,
            }
        }
    }
}

fn hello(bytes: &[u8]) -> Outcome {
    hello_lines(bytes).unwrap_or_else(|outcome| outcome)
}

fn hello_lines(bytes: &[u8]) -> Result<Outcome, Outcome> {
    let away = |reason| Outcome::Away(reason, None);
    let next = |bytes| line(bytes, MAX_LINE).map_err(|long| if long { away(TurnedAway::LineTooLong) } else { Outcome::Waits });
    let rest = &bytes[proxy(bytes)?..];
    let (first, rest) = next(rest)?;
    let version = first.strip_prefix(b"HAProxyS ").ok_or(away(TurnedAway::NotAHello))?;
    let version = std::str::from_utf8(version).ok().and_then(|text| text.split_once('.'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let version = version.filter(|(major, minor)| is_number(major) && is_number(minor));
    let version = match version.map(|(major, minor)| (major.trim_start_matches('0'), minor.trim_start_matches('0'))) {
        Some(("2", "")) => Version::V2_0,
        Some(("2", "1")) => Version::V2_1,
        _ => return Err(away(TurnedAway::Version)),
    };
    let (host, rest) = next(rest)?;
    if host != b"us" {
        return Err(Outcome::Away(TurnedAway::OtherHost, Some(host.into())));
    }
    let (caller, _) = next(rest)?;
    let mut words = caller.splitn(2, |byte| *byte == b' ');
    match (words.next().unwrap_or_default(), words.next()) {
        (_, None) => Err(away(TurnedAway::NotAHello)),
        (b"lb1", _) => Ok(Outcome::In { name: b"lb1".to_vec(), version }),
        (b"us", _) => Err(Outcome::Away(TurnedAway::OurName, Some(b"us".as_slice().into()))),
        (name, _) => Err(Outcome::Away(TurnedAway::Unknown, Some(name.into()))),
    }
}

/// The length of a header of the PROXY protocol.
fn proxy(bytes: &[u8]) -> Result<usize, Outcome> {
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let expected = if bytes.starts_with(b"PROXY ") {
        match line(bytes, 107) {
            Ok((_, rest)) => ProxyHeader::Whole(bytes.len() - rest.len()),
            Err(true) => ProxyHeader::Bad,
            Err(false) => ProxyHeader::Incomplete,
        }
    } else if bytes.starts_with(signature) {
        match bytes.get(14..16) {
            None => ProxyHeader::Incomplete,
            Some(len) => match usize::from(len[0]) << 8 | usize::from(len[1]) {
                513.. => ProxyHeader::Bad,
                len if bytes.len() < 16 + len => ProxyHeader::Incomplete,
                len => ProxyHeader::Whole(16 + len),
            },
        }
    } else if b"PROXY ".starts_with(bytes) || signature.starts_with(bytes) {
        ProxyHeader::Incomplete
    } else {
        ProxyHeader::None
    };
    assert_eq!(ProxyHeader::find(bytes), expected);
    match expected {
        ProxyHeader::None => Ok(0),
        ProxyHeader::Whole(len) => Ok(len),
        ProxyHeader::Incomplete => Err(Outcome::Waits),
        ProxyHeader::Bad => Err(Outcome::Away(TurnedAway::NotAHello, None)),
    }
}
