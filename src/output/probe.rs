//! What `probe` found, for people and for programs.

pub mod json;
pub mod text;

use std::time::Duration;

use crate::runtime::Advice;
use crate::stick::Definition;

/// What was found at one peer.
#[derive(Clone, Debug)]
pub struct Report {
    /// The peer's name; `None` if only an address was given.
    pub name: Option<Box<[u8]>>,
    /// Where it was called.
    pub address: String,
    /// How far the call came.
    pub outcome: Outcome,
    /// The same in a few words.
    pub summary: String,
    /// The status it gave.
    pub status: Option<u16>,
    /// The version of the protocol, if a session was established.
    pub protocol: Option<String>,
    /// The time from our hello to its answer.
    pub rtt: Option<Duration>,
    /// How the resync ended; `None` if none was asked for.
    pub resync: Option<Resync>,
    /// The tables it announced, by name.
    pub tables: Vec<Definition>,
    /// What to know and what to change, a paragraph each.
    pub advice: Vec<String>,
}

impl Report {
    /// What people call it: its name, else its address.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => crate::escape::name(name).into_owned(),
            None => self.address.clone(),
        }
    }
}

/// What a HAProxy itself says of its peers, on its runtime socket.
#[derive(Clone, Debug)]
pub struct View {
    /// The socket, as people call it.
    pub socket: String,
    /// What its state means, section by section.
    pub advice: Vec<Advice>,
}

/// How far a call came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// To an established session.
    Established,
    /// To a status that isn't 200.
    Refused,
    /// To a connection that was closed, or on which nothing was said.
    NoAnswer,
    /// To something that isn't a peer.
    Foreign,
    /// To a failure of TLS.
    Tls,
    /// Not to a connection.
    Unreachable,
}

impl Outcome {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Refused => "refused",
            Self::NoAnswer => "no-answer",
            Self::Foreign => "foreign",
            Self::Tls => "tls",
            Self::Unreachable => "unreachable",
        }
    }
}

/// How a resync ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resync {
    /// The peer gave all it had, and considers itself in sync.
    Finished,
    /// The peer gave what it had.
    Partial,
    /// The peer gave no end in time.
    Unfinished,
}

impl Resync {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Partial => "partial",
            Self::Unfinished => "unfinished",
        }
    }
}
