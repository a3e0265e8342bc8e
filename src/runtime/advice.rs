//! What the state of each peer means, and what to do next.

use std::borrow::Cow;

use crate::escape;
use crate::runtime::ShownTable;
use crate::runtime::peers::{Peer, PeersSection, Status, Timer};

/// One thing to know about a section or a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advice {
    /// The peers section.
    pub section: Box<[u8]>,
    /// The peer; `None` if it is about the section.
    pub peer: Option<Box<[u8]>>,
    /// How bad it is.
    pub severity: Severity,
    /// What is the case, for people.
    pub state: String,
    /// What to do; `None` if nothing is wrong.
    pub next: Option<String>,
}

/// How bad something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// It may pass, or be meant so.
    Note,
    /// Entries don't replicate.
    Problem,
}

/// Says what `show peers` means: each remote peer of each section, then the section itself where there is something to say.
///
/// `earlier` is an earlier reading of the same process, against which counters are seen to grow; `tables` is the answer to
/// `show table`, which names sections that aren't in use. The order is that of the sections and peers.
#[must_use]
pub fn explain(sections: &[PeersSection], earlier: &[PeersSection], tables: &[ShownTable]) -> Vec<Advice> {
    let mut advice = Vec::new();
    for section in sections {
        let before = earlier.iter().find(|before| before.name == section.name);
        for peer in section.peers.iter().filter(|peer| !peer.local) {
            let before = before.and_then(|before| before.peers.iter().find(|before| before.name == peer.name));
            let about = About { section, peer };
            advice.push(about.session());
            advice.extend(about.learning());
            advice.extend(about.teaching());
            advice.extend(about.malformed(before));
            advice.extend(about.collisions(before));
            advice.extend(about.not_announced());
        }
        advice.extend(of_section(section));
    }
    let mut unused: Vec<&[u8]> = tables.iter().filter_map(ShownTable::section).collect();
    unused.dedup();
    unused.retain(|name| sections.iter().all(|section| *section.name != **name));
    advice.extend(unused.into_iter().map(not_in_use));
    advice
}

const NO_ANSWER: &str = "see that the port is that of a peers section and not of something else, and that both sides use TLS or \
                         neither does (`ssl` on our `server` line for it, on the `bind` line there)";

/// A peer of a section.
#[derive(Clone, Copy)]
struct About<'a> {
    section: &'a PeersSection,
    peer: &'a Peer,
}

impl About<'_> {
    fn say(self, severity: Severity, state: String, next: Option<String>) -> Advice {
        let (section, peer) = (self.section.name.clone(), Some(self.peer.name.clone()));
        Advice { section, peer, severity, state, next }
    }

    /// `lb2 (10.0.0.2:10000)`.
    fn name(self) -> String {
        format!("{} ({})", text(&self.peer.name), text(&self.peer.address))
    }

    /// Whether there is a session, and why not.
    fn session(self) -> Advice {
        let (name, peer) = (self.name(), self.peer);
        if let Some(code) = peer.status.refusal() {
            return self.refused(code);
        }
        if peer.is_established() {
            let way = match (&peer.source, &peer.transport) {
                (Some(source), Some(transport)) => format!("it called from {} ({})", text(source), text(transport)),
                _ => "called from here".to_owned(),
            };
            return self.say(Severity::Fine, format!("{name}: a session stands, {way}"), None);
        }
        let again = again(peer.reconnect);
        if peer.is_connected() {
            let state = format!("{name}: connected, but it hasn't answered the hello yet");
            return self.say(Severity::Note, state, Some(NO_ANSWER.into()));
        }
        match peer.status {
            Status::NONE => {
                let state = format!("{name}: not called yet{again}");
                self.say(Severity::Note, state, Some("look again in some seconds".into()))
            }
            Status::ESTABLISHED => {
                let state = format!("{name}: the session has ended{again}");
                let next = "look again in some seconds; if it keeps ending, look into the log of the other side, and for \
                            another process that uses the same peer name";
                self.say(Severity::Problem, state, Some(next.into()))
            }
            Status::HANDSHAKE => {
                let state = format!("{name}: it took the connection and ended it without an answer{again}");
                self.say(Severity::Problem, state, Some(NO_ANSWER.into()))
            }
            _ => {
                let state = format!("{name}: no connection ({} attempts){again}", peer.new_conn);
                let next = "HAProxy doesn't say whether it was refused or TLS failed: see that HAProxy runs there and that its own \
                            entry in the peers section has this address and port; then look for a firewall, and with `ssl` \
                            whether the port speaks TLS and each side accepts the other's certificate";
                self.say(Severity::Problem, state, Some(next.into()))
            }
        }
    }

    fn refused(self, code: u16) -> Advice {
        let (section, peer) = (text(&self.section.name), text(&self.peer.name));
        let own = self.section.local().map_or(Cow::Borrowed("this HAProxy"), |local| text(&local.name));
        let (what, next) = match code {
            300 => (
                "it has a session with another process of our name".to_owned(),
                format!("see that no other process calls itself `{own}`"),
            ),
            502 => ("it doesn't take our version of the protocol".to_owned(), "see what version runs there".to_owned()),
            503 => (
                format!("it isn't called `{peer}`"),
                format!(
                    "give both sides the same names: start HAProxy there with `-L {peer}` or set `localpeer {peer}` in its \
                     `global`, or rename `{peer}` here"
                ),
            ),
            504 => (
                format!("its `peers {section}` doesn't list `{own}`, which is us"),
                format!("add a line for `{own}` to `peers {section}` there and reload it"),
            ),
            _ => (
                "it didn't understand our hello".to_owned(),
                "see that the port is that of a peers section of HAProxy".to_owned(),
            ),
        };
        let next = format!("{next}; this HAProxy doesn't call again after such an answer, so reload it, too");
        self.say(Severity::Problem, format!("{}: refused us with {code}: {what}", self.name()), Some(next))
    }

    fn learning(self) -> Option<Advice> {
        if self.section.is_synchronised() || !self.peer.is_established() || !self.peer.is_asked() {
            return None;
        }
        let state = format!("{}: asked for all its entries, and hasn't come to an end", self.name());
        let next = "normal for some seconds after the start; if it lasts, it doesn't answer resync requests: until it does, \
                    nothing is sent to it and no other peer is asked";
        let severity = if self.section.resync_timeout == Timer::Past { Severity::Problem } else { Severity::Note };
        Some(self.say(severity, state, Some(next.into())))
    }

    fn teaching(self) -> Option<Advice> {
        if !self.peer.is_established() || !self.peer.owes_confirm() {
            return None;
        }
        let state = format!("{}: has all our entries, but hasn't confirmed it", self.name());
        let next = "until it confirms, it is sent no update; normal only for a moment, or for a tool that takes one dump and goes";
        Some(self.say(Severity::Note, state, Some(next.into())))
    }

    fn malformed(self, before: Option<&Peer>) -> Option<Advice> {
        let (name, count) = (self.name(), self.peer.proto_err);
        let more = count.wrapping_sub(before.map_or(count, |before| before.proto_err));
        let grows = if more > 0 { format!(", {more} of them just now") } else { String::new() };
        let next = "something at that address speaks the protocol wrongly: see which program and version it is, and that nothing \
                    between the two changes the data";
        let severity = if more > 0 { Severity::Problem } else { Severity::Note };
        let messages = if count == 1 { "message" } else { "messages" };
        (count > 0)
            .then(|| self.say(severity, format!("{name}: {count} malformed {messages}{grows}"), Some(next.into())))
    }

    fn collisions(self, before: Option<&Peer>) -> Option<Advice> {
        // Two HAProxy processes that call each other at the same moment collide now and then.
        const MANY: u32 = 10;
        let (name, count) = (self.name(), self.peer.coll);
        let more = count.wrapping_sub(before.map_or(count, |before| before.coll));
        let next = format!(
            "the newest session of a name ends the older one: see that nothing else calls itself `{}`, such as a second tool or a \
             copied machine",
            text(&self.peer.name)
        );
        if more > 1 {
            let state =
                format!("{name}: {more} sessions taken over by another one of its name just now, {count} in all");
            return Some(self.say(Severity::Problem, state, Some(next)));
        }
        let state = format!("{name}: {count} sessions taken over by another one of its name since the start");
        (count >= MANY).then(|| self.say(Severity::Note, state, Some(next)))
    }

    /// Tables that a peer which has announced others hasn't announced.
    fn not_announced(self) -> Option<Advice> {
        let (announced, missing): (Vec<_>, Vec<_>) = self.peer.tables.iter().partition(|table| table.remote_id != 0);
        if announced.is_empty() || missing.is_empty() || !self.peer.is_established() {
            return None;
        }
        let names: Vec<_> = missing.iter().map(|table| text(&table.name)).collect();
        let state = format!("{}: hasn't announced {}", self.name(), names.join(", "));
        let next = "normal for tables in which nothing has changed there; else compare the definitions: name, type and length of \
                    the key must be the same, or the table is ignored without a word";
        Some(self.say(Severity::Note, state, Some(next.into())))
    }
}

fn of_section(section: &PeersSection) -> Option<Advice> {
    let name = text(&section.name);
    let remote = section.peers.iter().filter(|peer| !peer.local);
    let (severity, state, next) = if section.disabled {
        (Severity::Problem, format!("peers {name}: disabled"), "take `disabled` out of the section".to_owned())
    } else if section.peers.iter().all(|peer| peer.local) {
        let next = "with no other peer it only hands tables over at a reload; add the others".to_owned();
        (Severity::Note, format!("peers {name}: has no other peer"), next)
    } else if section.is_synchronised() {
        return None;
    } else if remote.clone().any(Peer::is_established) {
        let next = "normal for some seconds after the start".to_owned();
        (Severity::Note, format!("peers {name}: still learning"), next)
    } else {
        let next = "no peer is connected; after 5 s it takes what it has for all there is".to_owned();
        (Severity::Note, format!("peers {name}: waits for a peer to learn from"), next)
    };
    Some(Advice { section: section.name.clone(), peer: None, severity, state, next: Some(next) })
}

fn not_in_use(name: &[u8]) -> Advice {
    let shown = text(name);
    Advice {
        section: name.into(),
        peer: None,
        severity: Severity::Problem,
        state: format!("peers {shown}: not in use: HAProxy has its tables, but doesn't replicate them"),
        next: Some(format!(
            "none of its peers has HAProxy's own name, or it says `disabled`: give HAProxy the name of one of them (`-L NAME` or \
             `localpeer NAME` in `global`); at its start it says \"Removing incomplete section 'peers {shown}'\""
        )),
    }
}

fn again(reconnect: Timer) -> String {
    match reconnect {
        Timer::Never | Timer::Past => String::new(),
        Timer::Seconds(seconds) => format!("; the next call is in {seconds} s"),
    }
}

fn text(name: &[u8]) -> Cow<'_, str> {
    escape::name(name)
}
