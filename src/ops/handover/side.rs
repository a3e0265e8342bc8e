//! One side of a reload: which sections are alive, where they listen, how they call, and which tables travel.

use std::collections::{HashMap, HashSet};

use crate::{
    grammar::{ParamTable, Version},
    model::reading::Place,
    model::{Address, Call, Instance, Listener, PeerEntry, PeerKeyword, PeersSection, StickTable},
};

/// An instance whose local peer is called `local`.
pub(super) struct Side<'i> {
    pub(super) local: &'i [u8],
    pub(super) version: Version,
    /// The sections that run: neither disabled nor without a local peer.
    pub(super) sections: Vec<Live<'i>>,
    /// The tables that travel, in the order of the files.
    pub(super) tables: Vec<Travelling<'i>>,
    /// Those of them with a name on the wire, as indices.
    named: HashMap<Vec<u8>, Vec<usize>>,
    /// All tables, the first one of each name on the wire.
    known: HashMap<Vec<u8>, &'i StickTable>,
    /// Where the tables of disabled proxies stand.
    disabled: HashSet<Place>,
    instance: &'i Instance<'i>,
}

/// A section that runs.
pub(super) struct Live<'i> {
    pub(super) section: &'i PeersSection,
    /// The address of the listener, which is also where the process calls itself when it is replaced.
    pub(super) address: Option<&'i [u8]>,
    pub(super) call: Call<'i>,
    pub(super) listener: Listener,
    local: &'i PeerEntry,
}

/// A table and the section it travels through, as an index into [`Side::sections`].
pub(super) struct Travelling<'i> {
    pub(super) table: &'i StickTable,
    pub(super) section: usize,
}

impl<'i> Side<'i> {
    pub(super) fn new(instance: &'i Instance<'i>, local: &'i [u8]) -> Self {
        let live = |section| Live::new(section, local, instance.version);
        let disabled = instance.proxies.iter().filter(|proxy| proxy.disabled);
        let mut side = Self {
            local,
            version: instance.version,
            sections: instance.peers.iter().filter_map(live).collect(),
            tables: Vec::new(),
            named: HashMap::new(),
            known: HashMap::new(),
            disabled: disabled.filter_map(|proxy| Some(proxy.table.as_ref()?.place)).collect(),
            instance,
        };
        let travelling = |table: &'i StickTable| {
            let name = table.peers().filter(|_| !side.of_disabled_proxy(table))?;
            let section = side.sections.iter().position(|live| live.section.name == name)?;
            Some(Travelling { table, section })
        };
        let all = instance.tables();
        side.tables = all.iter().copied().filter_map(travelling).collect();
        for (at, travelling) in side.tables.iter().enumerate() {
            side.named.entry(travelling.table.wire_name()).or_default().push(at);
        }
        for table in all {
            side.known.entry(table.wire_name()).or_insert(table);
        }
        side
    }

    /// The section a table travels through.
    pub(super) fn section_of(&self, travelling: &Travelling<'i>) -> Option<&Live<'i>> {
        self.sections.get(travelling.section)
    }

    /// The table with this name on the wire: one that travels, else one that stays.
    pub(super) fn table_on_wire(&self, name: &[u8]) -> Option<&'i StickTable> {
        let travelling = self.travelling(name).next().map(|travelling| travelling.table);
        travelling.or_else(|| self.known.get(name).copied())
    }

    /// The tables with this name on the wire that travel, in the order of the files.
    pub(super) fn travelling(&self, name: &[u8]) -> impl Iterator<Item = &Travelling<'i>> {
        self.named.get(name).into_iter().flatten().filter_map(|at| self.tables.get(*at))
    }

    pub(super) fn section_named(&self, name: &[u8]) -> Option<&'i PeersSection> {
        self.instance.section(name)
    }

    /// Why a table doesn't travel: the proxy, the section, or nothing but the missing argument.
    pub(super) fn obstacle(&self, table: &StickTable) -> Option<Obstacle> {
        if self.of_disabled_proxy(table) {
            return Some(Obstacle::ProxyDisabled);
        }
        let Some(section) = self.section_named(table.peers()?) else { return Some(Obstacle::NoSection) };
        if section.disabled {
            return Some(Obstacle::SectionDisabled);
        }
        Live::new(section, self.local, self.version).is_none().then_some(Obstacle::NoLocalPeer)
    }

    /// HAProxy takes `peers` off the tables of disabled proxies.
    fn of_disabled_proxy(&self, table: &StickTable) -> bool {
        table.section.is_none() && self.disabled.contains(&table.place)
    }
}

/// Why a table that names a section doesn't travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Obstacle {
    ProxyDisabled,
    NoSection,
    SectionDisabled,
    NoLocalPeer,
}

impl<'i> Live<'i> {
    fn new(section: &'i PeersSection, local: &[u8], version: Version) -> Option<Self> {
        let entry = section.entry(local).filter(|_| !section.disabled)?;
        let bind = section.binds.first();
        let address = match entry.keyword {
            // A `peer` line without address is dropped.
            PeerKeyword::Peer => Some(entry.address.as_deref()?),
            PeerKeyword::Server => bind.map(|bind| bind.address.as_slice()),
        };
        let call = Call::of(section, entry, version);
        Some(Self { section, address, call, listener: Listener::of(section), local: entry })
    }

    /// The peers, apart from ourselves and from tools, that this section and `after` reach in the same way.
    pub(super) fn common_peers(&self, after: &Live<'i>) -> Vec<&'i PeerEntry> {
        let known = |entry: &&PeerEntry| {
            let same = |other: &PeerEntry| {
                other.name == entry.name
                    && other.address.as_deref().map(Address::parse) == entry.address.as_deref().map(Address::parse)
                    && connection(after.section, other) == connection(self.section, entry)
            };
            after.remote().any(same)
        };
        self.remote().filter(known).collect()
    }

    /// Whether these peers together have all keys: with `shards`, one with a `shard` has only the keys of that part.
    pub(super) fn have_all_keys(&self, peers: &[&PeerEntry]) -> bool {
        let Some(shards) = self.section.shards else { return true };
        let parts: Vec<Option<u32>> = peers.iter().map(|peer| shard(self.section, peer)).collect();
        parts.iter().all(Option::is_none) || (1..=shards).all(|part| parts.contains(&Some(part)))
    }

    fn remote(&self) -> impl Iterator<Item = &'i PeerEntry> + use<'_, 'i> {
        self.section.entries.iter().filter(|e| !e.guest && e.address.is_some() && e.name != self.local.name)
    }

    /// Whether a process that listens like this gets the call of one with the section `before`.
    pub(super) fn answers(&self, before: &Live<'_>, version: Version) -> bool {
        let parsed = |live: &Live<'_>| live.address.map(Address::parse);
        match (parsed(self), parsed(before)) {
            (Some(own), Some(before)) => own.answers(&before, self.listener.v6only, version),
            _ => false,
        }
    }
}

/// The parameters that decide how a peer is reached. Its id and its part of the keys do not.
fn connection<'s>(section: &'s PeersSection, entry: &'s PeerEntry) -> Vec<&'s [u8]> {
    let words: Vec<&[u8]> = section.params(entry).collect();
    let params = ParamTable::Server.scan(&words, None);
    let counts = params.iter().filter(|param| !param.info.is_some_and(|info| matches!(info.keyword, "id" | "shard")));
    counts.flat_map(|param| words.get(param.keyword..param.values.end).unwrap_or_default()).copied().collect()
}

/// The part of the keys that a peer gets; `None` for all.
fn shard(section: &PeersSection, entry: &PeerEntry) -> Option<u32> {
    let words: Vec<&[u8]> = section.params(entry).collect();
    let params = ParamTable::Server.scan(&words, None);
    let last = params.iter().rev().find(|param| param.info.is_some_and(|info| info.keyword == "shard"))?;
    str::from_utf8(words.get(last.values.start)?).ok()?.parse().ok().filter(|part| *part > 0)
}
