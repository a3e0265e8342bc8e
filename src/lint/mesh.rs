//! Peers sections that run, and which of them, on several instances, are one mesh.

use std::{borrow::Cow, collections::BTreeSet};

use super::{context::Context, finding::Label};
use crate::{
    config::decode,
    escape,
    grammar::ParamTable,
    model::{Address, Call, Instance, Known, Listener, PeerEntry, PeersSection, Place, Refusal, StickTable},
};

/// A peers section that runs: HAProxy reads it for sure, keeps it, and it isn't disabled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    /// The instance, as an index into [`Context::instances`].
    pub(super) index: usize,
    pub(super) instance: &'a Instance<'a>,
    pub(super) section: &'a PeersSection,
    /// The local peer's name; `None` if nothing says it.
    pub(super) local: Option<&'a [u8]>,
}

/// Why a call doesn't find the listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Miss {
    /// It listens on another address.
    Host,
    /// It listens on another port.
    Port,
    /// It listens on its loopback.
    Loopback,
}

/// All sections that run, in the order of instances and files.
pub(super) fn running<'a>(context: &Context<'a>) -> Vec<Member<'a>> {
    let members = |(index, instance): (usize, &'a Instance<'a>)| {
        let local = instance.local.name.as_deref();
        let runs = |section: &&PeersSection| {
            is_certain(section) && !section.disabled && instance.is_effective(section) != Some(false)
        };
        instance.peers.iter().filter(runs).map(move |section| Member { index, instance, section, local })
    };
    context.each().flat_map(members).collect()
}

/// Whether HAProxy reads the section and all of its peers, whatever the machine.
pub(super) fn is_certain(section: &PeersSection) -> bool {
    section.known == Known::Yes
        && section.entries.iter().all(|entry| entry.known == Known::Yes)
        && section.binds.iter().all(|bind| bind.known == Known::Yes)
}

/// The sections that run and have somebody to talk to, by mesh. No mesh has two sections of one instance.
pub(super) fn meshes<'a>(context: &Context<'a>) -> Vec<Vec<Member<'a>>> {
    let mut meshes: Vec<Vec<Member<'a>>> = Vec::new();
    for member in running(context).into_iter().filter(|m| m.remotes().next().is_some()) {
        meshes.push(vec![member]);
    }
    // Sections of one name first: a name tells more than equal peers under another one.
    for same_name in [true, false] {
        let mut joined: Vec<Vec<Member<'a>>> = Vec::new();
        for mesh in meshes {
            let is_part =
                |a: &Member<'a>, b: &Member<'a>| (a.section.name == b.section.name) == same_name && a.belongs(b);
            let fits = |known: &&mut Vec<Member<'a>>| {
                known.iter().all(|a| mesh.iter().all(|b| a.index != b.index))
                    && known.iter().any(|a| mesh.iter().any(|b| is_part(a, b)))
            };
            match joined.iter_mut().find(fits) {
                Some(known) => known.extend(mesh),
                None => joined.push(mesh),
            }
        }
        meshes = joined;
    }
    for mesh in &mut meshes {
        mesh.sort_by_key(|member| member.index);
    }
    meshes
}

/// The members of each mesh two by two, those with a known local name only.
pub(super) fn pairs<'a>(context: &Context<'a>) -> Vec<(Member<'a>, Member<'a>)> {
    let mut found = Vec::new();
    for mesh in meshes(context) {
        let named: Vec<_> = mesh.iter().filter(|member| member.local.is_some()).collect();
        for (n, a) in named.iter().enumerate() {
            found.extend(named.iter().skip(n + 1).map(|b| (**a, **b)));
        }
    }
    found
}

impl<'a> Member<'a> {
    /// The lines of other HAProxy instances; of all peers but guests while the local name is unknown.
    pub(super) fn remotes(&self) -> impl Iterator<Item = &'a PeerEntry> + use<'a> {
        let local = self.local;
        self.entries().filter(move |entry| Some(entry.name.as_slice()) != local)
    }

    /// The lines of HAProxy instances.
    pub(super) fn entries(&self) -> impl Iterator<Item = &'a PeerEntry> + use<'a> {
        self.section.entries.iter().filter(|entry| !entry.guest)
    }

    /// The line of the HAProxy called `name`.
    pub(super) fn entry(&self, name: &[u8]) -> Option<&'a PeerEntry> {
        self.section.entry(name).filter(|entry| !entry.guest)
    }

    /// The local peer's line.
    pub(super) fn own(&self) -> Option<&'a PeerEntry> {
        self.section.entry(self.local?)
    }

    /// The line that says where the process listens, and its word that does; `None` if the process doesn't listen.
    pub(super) fn listener_word(&self) -> Option<(Place, usize)> {
        let own = self.own()?;
        if own.address.is_some() {
            return Some((own.place, 2));
        }
        self.section.binds.first().map(|bind| (bind.place, 1))
    }

    /// Where the process listens; `None` if it doesn't or if that isn't known.
    pub(super) fn address(&self) -> Option<Address> {
        let own = self.own()?;
        let text = self.section.address(own)?;
        let by_bind = own.address.is_none() && self.section.binds.first().is_some_and(|bind| bind.uncertain);
        (!own.uncertain && !by_bind).then(|| Address::parse(text))
    }

    /// What the process's listener asks of callers.
    pub(super) fn listener(&self) -> Listener {
        Listener::of(self.section)
    }

    /// How the process calls a peer; itself with its own line.
    pub(super) fn call(&self, entry: &'a PeerEntry) -> Call<'a> {
        Call::of(self.section, entry, self.instance.version)
    }

    /// Whether it is the same section of the same instance.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.index == other.index && self.section.place == other.section.place
    }

    /// The line by which it knows another instance of the mesh.
    pub(super) fn lists(&self, other: &Self) -> Option<&'a PeerEntry> {
        self.entry(other.local?)
    }

    /// Why its calls to another instance of the mesh don't find the listener there; `None` if they do, or if that can't
    /// be told.
    pub(super) fn misses(&self, other: &Self) -> Option<Miss> {
        let (called, own) = (dialled(self.lists(other)?)?, other.address()?);
        // Behind an address on the loopback may be a tunnel.
        if called.is_loopback() {
            return None;
        }
        if own.is_loopback() {
            return called.port().map(|_| Miss::Loopback);
        }
        if own.same_host(&called) == Some(false) {
            return Some(Miss::Host);
        }
        let ports = (called.port()?, own.port()?);
        (ports.0 != ports.1).then_some(Miss::Port)
    }

    /// Why the listener of another instance of the mesh doesn't take its calls.
    pub(super) fn refused(&self, other: &Self) -> Option<Refusal> {
        let entry = self.lists(other)?;
        other.listener_word()?;
        self.call(entry).refusal(&other.listener())
    }

    /// Whether a call to another instance of the mesh gets through, as far as can be told.
    pub(super) fn reaches(&self, other: &Self) -> bool {
        self.lists(other).is_some_and(|entry| entry.address.is_some())
            && other.lists(self).is_some()
            && other.listener_word().is_some()
            && self.misses(other).is_none()
            && self.refused(other).is_none()
    }

    /// Its name for people: that of the local peer, else that of the section.
    pub(super) fn name(&self) -> Cow<'a, str> {
        escape::name(self.local.unwrap_or(&self.section.name))
    }

    /// Whether the other section is the same mesh on another instance.
    fn belongs(&self, other: &Self) -> bool {
        if self.index == other.index {
            return false;
        }
        let common: Vec<_> = self.entries().filter_map(|entry| Some((entry, other.entry(&entry.name)?))).collect();
        let same_host: Vec<bool> = common.iter().filter_map(|(a, b)| dialled(a)?.same_host(&dialled(b)?)).collect();
        // Two clusters whose machines have the same names in each.
        let is_copy = self.local == other.local && !same_host.is_empty() && !same_host.contains(&true);
        let same_address = || {
            let addresses: Vec<Address> = other.entries().filter_map(dialled).collect();
            self.entries().filter_map(dialled).any(|a| !a.is_loopback() && !a.is_wildcard() && addresses.contains(&a))
        };
        if self.section.name == other.section.name {
            return !is_copy && !common.is_empty();
        }
        let has_other = |a: &Self, b: &Self| a.instance.section(&b.section.name).is_some();
        let free = !has_other(self, other) && !has_other(other, self);
        let same_table = || !self.tables().is_disjoint(&other.tables());
        free && !is_copy && common.len() > 1 && (same_address() || same_table())
    }

    /// The names on the wire of the tables that travel through the section.
    fn tables(&self) -> BTreeSet<Vec<u8>> {
        self.instance.tables_of(self.section).map(StickTable::wire_name).collect()
    }
}

/// Where a peer is called; `None` without an address, or if it isn't known.
pub(super) fn dialled(entry: &PeerEntry) -> Option<Address> {
    entry.address.as_ref().filter(|_| !entry.uncertain).map(|text| Address::parse(text))
}

/// The keywords of parameters, in order.
pub(super) fn keywords(words: &[&[u8]]) -> Vec<&'static str> {
    ParamTable::Server.scan(words, None).iter().filter_map(|param| Some(param.info?.keyword)).collect()
}

impl Context<'_> {
    /// A label on the word `keyword` of a peer's line, or of the `default-server` line that gives it to the peer; on the
    /// peer's name if it stands on neither.
    pub(super) fn param(
        &self,
        member: &Member<'_>,
        entry: &PeerEntry,
        keyword: &str,
        text: impl Into<String>,
    ) -> Label {
        let own = find(member.instance, entry.place, keyword).map(|word| (entry.place, word));
        let inherited = || {
            let above = lines(member.instance, member.section, "default-server").into_iter();
            let above = above.take_while(|place| *place < entry.place);
            above.filter_map(|place| Some((place, find(member.instance, place, keyword)?))).last()
        };
        let (place, word) = own.or_else(inherited).unwrap_or((entry.place, 1));
        self.word(member.index, place, word, text)
    }
}

/// The lines of a section that begin with `keyword`.
pub(super) fn lines(instance: &Instance<'_>, section: &PeersSection, keyword: &str) -> Vec<Place> {
    let file = section.place.file;
    let Some(source) = instance.files.get(file) else { return Vec::new() };
    let document = &source.document;
    let lines = document.lines().filter(|line| (section.place.line..=section.last_line.line).contains(line));
    let begins = |line: &_| {
        let first = document.raw_words(*line).next();
        first.is_some_and(|word| *decode::keyword(document.text(), word) == *keyword.as_bytes())
    };
    lines.filter(begins).map(|line| Place { file, line }).collect()
}

/// The raw word of a line that is `keyword`, behind the first one.
fn find(instance: &Instance<'_>, place: Place, keyword: &str) -> Option<usize> {
    let document = &instance.files.get(place.file)?.document;
    document.raw_words(place.line).skip(1).position(|w| w.span.of(document.text()) == keyword.as_bytes()).map(|n| n + 1)
}
