//! The records, typed.

use std::borrow::Cow;

use crate::record::Time;
use crate::stick::Definition;

/// One line of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record<'a> {
    /// What wrote the file, and when.
    Header(Header<'a>),
    /// A table is announced, or its definition changes; entries that follow are of this definition.
    Table(TableId, &'a Table),
    /// An entry and its table.
    Entry(Entry<'a>, &'a Table),
    /// Something happened to the session with a peer.
    Session(Session<'a>),
    /// The writer ended in order.
    End(End),
}

/// The first record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header<'a> {
    /// The version of the format.
    pub version: u32,
    /// The version of the program that wrote the file.
    pub peerctl: Cow<'a, str>,
    /// When it began to.
    pub time: Time,
}

/// A table as one peer announced it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// The peer's name.
    pub peer: Box<[u8]>,
    /// What it said of the table.
    pub definition: Definition,
}

/// The number of a (peer, table) in one file, counted from 0 in the order of their first records; a table that is defined
/// again keeps its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TableId(pub(super) usize);

impl TableId {
    /// The number, for an array with a place for each table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// The state of one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// The peer and the table.
    pub table: TableId,
    /// When the state was received.
    pub time: Time,
    /// The canonical bytes of the key (see [`crate::stick::key`]).
    pub key: &'a [u8],
    /// Remaining life at `time` in milliseconds; `None` = never expires.
    pub expire_ms: Option<u32>,
    /// Whether it came while a resync was under way.
    pub resync: bool,
    /// The number of the update; `None` if there was none, as in a dump through the runtime socket.
    pub update_id: Option<u32>,
    /// The values, by the layout of the definition. A text's slot counts for nothing, see `server_key`; when read it is 0.
    pub values: &'a [u64],
    /// The text of data type `server_key`.
    pub server_key: Option<&'a [u8]>,
}

/// What happened to the session with a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session<'a> {
    /// When.
    pub time: Time,
    /// The peer's name.
    pub peer: Cow<'a, [u8]>,
    /// What.
    pub event: SessionEvent,
    /// More about it, for people.
    pub detail: Option<Cow<'a, str>>,
}

/// What can happen to a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionEvent {
    /// The handshake succeeded.
    Established,
    /// The connection ended.
    Closed,
    /// The handshake was refused.
    Refused,
    /// A resync ended, and the peer has taught all it has.
    ResyncFinished,
    /// A resync ended, and the peer says that it doesn't have everything itself.
    ResyncPartial,
}

impl SessionEvent {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Established, "established"),
        (Self::Closed, "closed"),
        (Self::Refused, "refused"),
        (Self::ResyncFinished, "resync_finished"),
        (Self::ResyncPartial, "resync_partial"),
    ];

    /// The word in a record.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(event, _)| *event == self).map_or("", |(_, word)| word)
    }

    /// The event of a word.
    #[must_use]
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(event, _)| *event)
    }
}

/// The last record of a file whose writer ended in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// The entry records before it.
    pub entries: u64,
    /// Whether everything that was asked for is there.
    pub complete: bool,
}
