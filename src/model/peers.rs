//! Peers sections, in both styles: `peer` lines, and `bind` with `server` lines.

use super::{
    reading::{Known, Place, Statement},
    stick_table::StickTable,
};
use crate::{
    config::{Decoded, Words},
    grammar::{ParamTable, Version},
};

/// One `peers` section.
#[derive(Clone, Debug)]
pub struct PeersSection {
    /// Its name.
    pub name: Vec<u8>,
    /// The header's line.
    pub place: Place,
    /// Whether HAProxy reads the header.
    pub known: Known,
    /// Whether the last of `disabled` and `enabled` was `disabled`.
    pub disabled: bool,
    /// `shards`: how many parts keys are dealt out to; `None` if it isn't there or isn't a number.
    pub shards: Option<u32>,
    /// The `bind` lines.
    pub binds: Vec<Bind>,
    /// The words of `default-bind`, all lines one after the other.
    pub default_bind: Vec<Vec<u8>>,
    /// The words of `default-server`, all lines one after the other.
    pub default_server: Vec<Vec<u8>>,
    /// `peer` and `server` lines, in order.
    pub entries: Vec<PeerEntry>,
    /// `table` lines, in order.
    pub tables: Vec<StickTable>,
    /// The last line of the section that holds a statement.
    pub last_line: Place,
}

/// A `bind` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bind {
    /// Its line.
    pub place: Place,
    /// The address, as HAProxy sees the word.
    pub address: Vec<u8>,
    /// Whether the address depends on a variable that isn't set here, or that HAProxy fills in later.
    pub uncertain: bool,
    /// The words behind it.
    pub params: Vec<Vec<u8>>,
    /// Whether HAProxy reads the line.
    pub known: Known,
}

/// The two keywords that make a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerKeyword {
    /// `peer NAME ADDRESS`: for the local peer the address is also the listener's.
    Peer,
    /// `server NAME [ADDRESS]`: the local peer's has none and listens on `bind`.
    Server,
}

impl PeerKeyword {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Server => "server",
        }
    }
}

/// A `peer` or `server` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerEntry {
    /// Which of the two.
    pub keyword: PeerKeyword,
    /// The peer's name.
    pub name: Vec<u8>,
    /// The address, as HAProxy sees the word; `None` for the local `server` and where it is missing.
    pub address: Option<Vec<u8>>,
    /// Whether name or address come from the environment: then an edit must not touch them.
    pub referenced: bool,
    /// Whether they depend on a variable that isn't set here, or that HAProxy fills in later.
    pub uncertain: bool,
    /// The words behind name and address.
    pub params: Vec<Vec<u8>>,
    /// How many words of the section's `default-server` lines stand above this line: only they hold for it.
    pub defaults: usize,
    /// Its line.
    pub place: Place,
    /// Whether HAProxy reads the line.
    pub known: Known,
    /// Whether it stands for a tool such as this one and not for a HAProxy.
    pub guest: bool,
}

impl PeersSection {
    /// Starts a section at its header.
    #[must_use]
    pub fn new(header: &Statement<'_, '_>) -> Self {
        Self {
            name: header.words.get(1).to_vec(),
            place: header.place,
            known: header.known,
            disabled: false,
            shards: None,
            binds: Vec::new(),
            default_bind: Vec::new(),
            default_server: Vec::new(),
            entries: Vec::new(),
            tables: Vec::new(),
            last_line: header.place,
        }
    }

    /// Takes a statement of the section. `comment` is what stands behind its words.
    pub fn statement(&mut self, statement: &Statement<'_, '_>, comment: &[u8], version: Version) {
        self.last_line = statement.place;
        let words = statement.words;
        match statement.keyword() {
            b"peer" => self.entry_line(PeerKeyword::Peer, statement, comment),
            b"server" => self.entry_line(PeerKeyword::Server, statement, comment),
            b"bind" => self.binds.push(Bind::read(statement)),
            b"default-bind" => self.default_bind.extend(owned(words.words.get(1..))),
            b"default-server" => self.default_server.extend(owned(words.words.get(1..))),
            b"table" => self.tables.push(StickTable::of_peers(&self.name, statement, version)),
            b"shards" => self.shards = std::str::from_utf8(words.get(1)).ok().and_then(|n| n.parse().ok()),
            b"disabled" => self.disabled = true,
            b"enabled" => self.disabled = false,
            _ => {}
        }
    }

    fn entry_line(&mut self, keyword: PeerKeyword, statement: &Statement<'_, '_>, comment: &[u8]) {
        self.entries.push(PeerEntry::read(keyword, statement, comment, self.default_server.len()));
    }

    /// The entry called `name`; the last one if there are several, as HAProxy up to 2.8 has it.
    #[must_use]
    pub fn entry(&self, name: &[u8]) -> Option<&PeerEntry> {
        self.entries.iter().rev().find(|e| e.name == name)
    }

    /// Which keyword the section makes peers with: `server` where there is a `bind`, else what its first entry uses.
    #[must_use]
    pub fn style(&self) -> PeerKeyword {
        if !self.binds.is_empty() {
            return PeerKeyword::Server;
        }
        self.entries.first().map_or(PeerKeyword::Peer, |e| e.keyword)
    }

    /// The words that hold for an entry: those of `default-server` lines above it, then its own.
    pub fn params<'a>(&'a self, entry: &'a PeerEntry) -> impl Iterator<Item = &'a [u8]> {
        let inherited = self.default_server.get(..entry.defaults).unwrap_or_default();
        inherited.iter().chain(&entry.params).map(Vec::as_slice)
    }

    /// The words that hold for a `bind` line: those of `default-bind` lines, wherever they stand, then its own.
    pub fn bind_params<'a>(&'a self, bind: &'a Bind) -> impl Iterator<Item = &'a [u8]> {
        self.default_bind.iter().chain(&bind.params).map(Vec::as_slice)
    }

    /// Where a peer listens: the address of its line, or that of `bind` for a `server` without one, which is the local one.
    #[must_use]
    pub fn address<'a>(&'a self, entry: &'a PeerEntry) -> Option<&'a [u8]> {
        let bind = || self.binds.first().filter(|_| entry.keyword == PeerKeyword::Server);
        entry.address.as_ref().or_else(|| bind().map(|bind| &bind.address)).map(Vec::as_slice)
    }

    /// The line and the number of the word that [`Self::address`] stands in.
    #[must_use]
    pub fn address_word(&self, entry: &PeerEntry) -> (Place, usize) {
        match self.binds.first().filter(|_| entry.address.is_none()) {
            Some(bind) => (bind.place, 1),
            None => (entry.place, 2),
        }
    }

    /// Whether connections to an entry use TLS: the last of `ssl` and `no-ssl` says it.
    #[must_use]
    pub fn uses_tls(&self, entry: &PeerEntry) -> bool {
        let words: Vec<&[u8]> = self.params(entry).collect();
        let params = ParamTable::Server.scan(&words, None);
        let mut keywords = params.iter().rev().filter_map(|param| param.info.map(|info| info.keyword));
        keywords.find(|keyword| matches!(*keyword, "ssl" | "no-ssl")) == Some("ssl")
    }

    /// Whether HAProxy keeps the section when its local peer is called `local`: some entry has that name. Otherwise it
    /// drops the section with a warning, and its tables replicate nowhere.
    #[must_use]
    pub fn is_effective(&self, local: &[u8]) -> bool {
        self.entries.iter().any(|e| e.name == local)
    }
}

impl Bind {
    /// Reads a `bind` line.
    #[must_use]
    pub fn read(statement: &Statement<'_, '_>) -> Self {
        let words = statement.words;
        Self {
            place: statement.place,
            address: words.get(1).to_vec(),
            uncertain: is_uncertain(words, 1, words.words.get(1)),
            params: owned(words.words.get(2..)),
            known: statement.known,
        }
    }
}

impl PeerEntry {
    fn read(keyword: PeerKeyword, statement: &Statement<'_, '_>, comment: &[u8], defaults: usize) -> Self {
        let words = statement.words;
        let name = words.get(1).to_vec();
        let guest = name == b"peerctl"
            || name.starts_with(b"peerctl-")
            || comment.windows(GUEST_COMMENT.len()).any(|w| w == GUEST_COMMENT);
        // A local `server` line has no address: then a parameter follows the name, or nothing.
        let third = words.words.get(2);
        let is_address =
            |word: &Decoded<'_>| keyword == PeerKeyword::Peer || ParamTable::Server.find(&word.bytes, None).is_none();
        let address = third.filter(|word| is_address(word));
        let params = if address.is_some() { 3 } else { 2 };
        let referenced = words.words.get(1).is_some_and(|w| w.referenced)
            || address.is_some_and(|w| w.referenced || w.bytes.contains(&b'$'));
        Self {
            keyword,
            name,
            address: address.map(|w| w.bytes.to_vec()),
            referenced,
            uncertain: is_uncertain(words, 2, address),
            params: owned(words.words.get(params..)),
            defaults,
            place: statement.place,
            known: statement.known,
            guest,
        }
    }

    /// The port of the address: the digits behind its last `:`.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        port(self.address.as_deref()?)
    }
}

/// What a line's comment holds if its peer is a guest.
pub const GUEST_COMMENT: &[u8] = b"peerctl: guest";

/// The port of an address: the digits behind its last `:`; `None` for a path.
#[must_use]
pub fn port(address: &[u8]) -> Option<u16> {
    let at = address.iter().rposition(|b| *b == b':')?;
    std::str::from_utf8(address.get(at + 1..)?).ok()?.parse().ok()
}

/// Whether the raw words of a line up to `last` can't be known without another environment. Addresses outside of quotes are
/// expanded when they are read.
fn is_uncertain(words: &Words<'_>, last: u16, address: Option<&Decoded<'_>>) -> bool {
    words.unset.is_some_and(|word| word <= last) || address.is_some_and(|word| word.bytes.contains(&b'$'))
}

fn owned(words: Option<&[Decoded<'_>]>) -> Vec<Vec<u8>> {
    words.unwrap_or_default().iter().map(|w| w.bytes.to_vec()).collect()
}
