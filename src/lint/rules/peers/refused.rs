//! # HAProxy refuses a line of a peers section
//!
//! ## What it does
//! Looks for peers and listeners whose port is missing, 0, an offset, a range or no number from 1 to 65535, for listeners at several
//! addresses or on several `bind` lines, and for words behind the name of a section.
//!
//! ## Why is this bad?
//! A section has one listener, at one address, and a peer is called at one port. From 3.0 on HAProxy refuses all other
//! lines. Up to 2.8 some of them pass without a word: a peer without a port is never reached, of several addresses all but one get
//! no answer, and of `10000x` the digits count. A word behind the name of the section ends HAProxy 2.6 by a signal.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000,10.1.0.1:10000
//!   server lb1
//!   server lb2 10.0.0.2
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    grammar::Version,
    lint::{Context, Finding, Rule, Severity},
    model::{Instance, Known, PeerKeyword, PeersSection, Place},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-refused",
    summary: "HAProxy refuses a line of a peers section: its port, its listeners, or a word too many",
    source: include_str!("refused.rs"),
    check,
};

const REFUSED: &str = "HAProxy refuses the configuration.";

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for section in instance.peers.iter().filter(|section| section.known == Known::Yes) {
            header(context, index, section, found);
            listeners(context, index, section, found);
            addresses(context, index, instance, section, found);
        }
    }
}

/// A word behind the name.
fn header(context: &Context<'_>, index: usize, section: &PeersSection, found: &mut Vec<Finding>) {
    let source = context.instances.get(index).and_then(|one| one.instance.files.get(section.place.file));
    if source.is_some_and(|source| source.document.word_count(section.place.line) > 2) {
        let message = format!("the name of peers section `{}` is followed by a word", escape::name(&section.name));
        let label = context.word(index, section.place, 2, "a word too many");
        found.push(Finding::new(Severity::Error, message, label).happens(REFUSED).help("take it out"));
    }
}

/// A second `bind` line.
fn listeners(context: &Context<'_>, index: usize, section: &PeersSection, found: &mut Vec<Finding>) {
    let mut binds = section.binds.iter().filter(|bind| bind.known == Known::Yes);
    let Some(first) = binds.next() else { return };
    let others: Vec<_> = binds.map(|bind| context.word(index, bind.place, 0, "another one")).collect();
    let Some((second, rest)) = others.split_first() else { return };
    let message = format!("peers section `{}` has several `bind` lines", escape::name(&section.name));
    let finding = Finding::new(Severity::Error, message, second.clone())
        .label(context.word(index, first.place, 0, "the section's listener"))
        .happens("HAProxy refuses the configuration: the peers of a section have one listener.")
        .help("keep one; `bind :PORT` listens at all addresses");
    found.push(rest.iter().cloned().fold(finding, Finding::label));
}

/// An address of a `peer`, `server` or `bind` line.
struct Line<'a> {
    keyword: &'static str,
    address: &'a [u8],
    place: Place,
    /// The place of the address among the words of the line.
    word: usize,
    /// Whether HAProxy listens there itself.
    listens: bool,
}

fn addresses(
    context: &Context<'_>,
    index: usize,
    instance: &Instance<'_>,
    section: &PeersSection,
    found: &mut Vec<Finding>,
) {
    let local = instance.local.name.as_deref();
    let binds =
        section.binds.iter().filter(|bind| bind.known == Known::Yes && !bind.uncertain && !bind.address.is_empty());
    let binds =
        binds.map(|bind| Line { keyword: "bind", address: &bind.address, place: bind.place, word: 1, listens: true });
    let entries = section.entries.iter().filter(|entry| entry.known == Known::Yes && !entry.uncertain);
    let entries = entries.filter_map(|entry| {
        let is_local = Some(entry.name.as_slice()) == local;
        // What stands behind the name of a local server beside a `bind` is taken for a parameter.
        let takes_none = is_local && entry.keyword == PeerKeyword::Server && !section.binds.is_empty();
        let address = entry.address.as_deref().filter(|_| !takes_none)?;
        Some(Line { keyword: entry.keyword.word(), address, place: entry.place, word: 2, listens: is_local })
    });
    for line in binds.chain(entries) {
        let Some(trouble) = Trouble::of(line.address) else { continue };
        let taken = instance.version < Version::new(3, 0) && trouble.was_taken(&line);
        let happens = match (taken, line.listens) {
            (false, _) => REFUSED,
            (true, _) if trouble == Trouble::Rest => {
                "HAProxy says nothing up to 2.8, and reads the digits only; from 3.0 on it refuses the configuration."
            }
            (true, true) => {
                "HAProxy says nothing up to 2.8, and listens at one of them; from 3.0 on it refuses the configuration."
            }
            (true, false) => {
                "HAProxy says nothing up to 2.8, and never reaches this peer; from 3.0 on it refuses the configuration."
            }
        };
        let address = escape::name(instance.as_written(line.place, line.word, line.address));
        found.push(
            Finding::new(
                Severity::Error,
                format!("`{} … {address}` has {}", line.keyword, trouble.what()),
                context.word(index, line.place, line.word, trouble.label()),
            )
            .happens(happens)
            .help("write one address and one port: ADDRESS:PORT"),
        );
    }
}

/// What is wrong with an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trouble {
    NoPort,
    Zero,
    Offset,
    Range,
    NoNumber,
    /// A number with more behind it.
    Rest,
    Several,
}

impl Trouble {
    /// `None` also for what isn't judged here: paths, abstract names, descriptors, other transports.
    fn of(address: &[u8]) -> Option<Self> {
        let (family, rest) = match address.iter().position(|byte| *byte == b'@') {
            Some(at) => (address.get(..at)?, address.get(at + 1..)?),
            None => (&b""[..], address),
        };
        if rest.starts_with(b"/") || !matches!(family, b"" | b"ipv4" | b"ipv6" | b"tcp" | b"tcp4" | b"tcp6") {
            return None;
        }
        if rest.contains(&b',') {
            return Some(Self::Several);
        }
        let port = rest.iter().rposition(|byte| *byte == b':').and_then(|at| rest.get(at + 1..)).unwrap_or_default();
        match port {
            b"" => Some(Self::NoPort),
            // Behind the brackets of an IPv6 address there may be nothing.
            _ if port.ends_with(b"]") => Some(Self::NoPort),
            [b'+' | b'-', ..] => Some(Self::Offset),
            _ => match port.iter().position(|byte| *byte == b'-').and_then(|at| port.get(at + 1..)) {
                Some(end) => match (number(port), number(end)) {
                    (Some(from @ 1..), Some(to @ 1..=0xffff)) if from <= to => Some(Self::Range),
                    _ => Some(Self::NoNumber),
                },
                None => match number(port) {
                    Some(0) => Some(Self::Zero),
                    Some(1..=0xffff) if port.iter().all(u8::is_ascii_digit) => None,
                    Some(1..=0xffff) => Some(Self::Rest),
                    _ => Some(Self::NoNumber),
                },
            },
        }
    }

    /// Whether HAProxy up to 2.8 takes it on such a line.
    fn was_taken(self, line: &Line<'_>) -> bool {
        match self {
            Self::NoPort | Self::Zero | Self::Offset => !line.listens,
            Self::Range | Self::Several => line.keyword == "bind",
            Self::Rest => true,
            Self::NoNumber => false,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::NoPort => "no port",
            Self::Zero => "port 0",
            Self::Offset => "an offset for a port",
            Self::Range => "a range of ports",
            Self::NoNumber | Self::Rest => "a port that is none",
            Self::Several => "several addresses",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::NoPort => "the port is missing",
            Self::Several => "one address may stand here",
            _ => "one port from 1 to 65535 must stand here",
        }
    }
}

/// The number that digits begin with: HAProxy up to 2.8 doesn't look at what follows them.
fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = text.get(..digits).filter(|digits| !digits.is_empty())?;
    Some(str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_judged_and_what_has_none_is_left_alone() {
        for (address, trouble) in [
            ("10.0.0.1:1", None),
            ("[::1]:65535", None),
            ("::1:5", None),
            ("tcp4@*:1", None),
            ("/run/x.sock", None),
            ("unix@x", None),
            ("abns@x", None),
            ("fd@3", None),
            ("localhost", Some(Trouble::NoPort)),
            ("10.0.0.1:", Some(Trouble::NoPort)),
            ("[::1]", Some(Trouble::NoPort)),
            ("ipv6@[2001:db8::1]", Some(Trouble::NoPort)),
            ("10.0.0.1:0", Some(Trouble::Zero)),
            ("10.0.0.1:+5", Some(Trouble::Offset)),
            ("10.0.0.1:-5", Some(Trouble::Offset)),
            ("10.0.0.1:1-2", Some(Trouble::Range)),
            ("10.0.0.1:1x-2", Some(Trouble::Range)),
            ("10.0.0.1:1-", Some(Trouble::NoNumber)),
            ("10.0.0.1:5-3", Some(Trouble::NoNumber)),
            ("10.0.0.1:0-5", Some(Trouble::NoNumber)),
            ("10.0.0.1:1-70000", Some(Trouble::NoNumber)),
            ("10.0.0.1:x-1", Some(Trouble::NoNumber)),
            ("10.0.0.1:10x", Some(Trouble::Rest)),
            ("10.0.0.1:0x10", Some(Trouble::Zero)),
            ("10.0.0.1:65536", Some(Trouble::NoNumber)),
            ("10.0.0.1:x", Some(Trouble::NoNumber)),
            ("10.0.0.1:1,10.0.0.2:1", Some(Trouble::Several)),
        ] {
            assert_eq!(Trouble::of(address.as_bytes()), trouble, "{address}");
        }
    }
}
