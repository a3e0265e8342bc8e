//! What instances hold, as JSON: the shape of `show` in the contract of the command line.

use std::{borrow::Cow, io};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{
    json::{self, Each, text},
    redact::Redactor,
    table_json::TableJson,
};
use crate::model::{
    Bind, Instance, LocalPeer, PeerEntry, PeersSection, Place, Proxy, ProxyKind, Server, StickTable, peers::port,
};

/// Prints instances with their names, in their order. Peers sections, peers and tables are sorted by name, backends and
/// their servers stay in the order of the file, which is what ids come from. An element is made when it is its turn, so however many servers there are, few are
/// in memory twice.
///
/// # Errors
/// Those of `out`.
pub fn print(instances: &[(&str, &Instance<'_>)], redactor: &Redactor, out: &mut dyn io::Write) -> io::Result<()> {
    let document = Show {
        version: json::VERSION,
        instances: Each(|| instances.iter().map(|(name, instance)| InstanceJson { name, instance, redactor })),
    };
    json::print(&document, out)
}

#[derive(Serialize)]
struct Show<I> {
    version: u32,
    instances: I,
}

struct InstanceJson<'a> {
    name: &'a str,
    instance: &'a Instance<'a>,
    redactor: &'a Redactor,
}

impl Serialize for InstanceJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, instance, redactor } = self;
        let mut object = serializer.serialize_struct("Instance", 6)?;
        object.serialize_field("name", name)?;
        object.serialize_field("files", &Each(|| instance.files.iter().map(|file| file.name.as_str())))?;
        object.serialize_field("local_peer", &LocalPeerJson::new(&instance.local))?;
        let sections = || sorted(&instance.peers, |section| &section.name);
        object.serialize_field("peers", &Each(|| sections().map(|s| SectionJson::new(instance, s, redactor))))?;
        object.serialize_field("tables", &Each(|| tables(instance, instance.tables())))?;
        let backends = || instance.proxies.iter().filter(|proxy| proxy.kind != ProxyKind::Frontend);
        object
            .serialize_field("backends", &Each(|| backends().map(|proxy| BackendJson { instance, proxy, redactor })))?;
        object.end()
    }
}

#[derive(Serialize)]
struct LocalPeerJson<'a> {
    name: Option<Cow<'a, str>>,
    source: &'static str,
}

impl<'a> LocalPeerJson<'a> {
    fn new(local: &'a LocalPeer) -> Self {
        Self { name: local.name.as_deref().map(text), source: local.source.word() }
    }
}

#[derive(Serialize)]
struct SectionJson<'a> {
    name: Cow<'a, str>,
    file: &'a str,
    line: u32,
    disabled: bool,
    /// Whether HAProxy keeps the section; `null` where the local peer isn't known.
    effective: Option<bool>,
    shards: Option<u32>,
    binds: Vec<BindJson<'a>>,
    peers: Vec<PeerJson<'a>>,
    tables: Vec<TableJson>,
}

impl<'a> SectionJson<'a> {
    fn new(instance: &'a Instance<'a>, section: &'a PeersSection, redactor: &Redactor) -> Self {
        Self {
            name: text(&section.name),
            file: file(instance, section.place),
            line: section.place.line.human(),
            disabled: section.disabled,
            effective: instance.keeps(section),
            shards: section.shards,
            binds: section.binds.iter().map(|bind| BindJson::new(instance, section, bind, redactor)).collect(),
            peers: sorted(&section.entries, |e| &e.name)
                .map(|entry| PeerJson::new(instance, section, entry, redactor))
                .collect(),
            tables: tables(instance, instance.tables_of(section).collect()).collect(),
        }
    }
}

#[derive(Serialize)]
struct BindJson<'a> {
    address: Cow<'a, str>,
    params: Vec<Cow<'a, str>>,
}

impl<'a> BindJson<'a> {
    fn new(instance: &Instance<'_>, section: &'a PeersSection, bind: &'a Bind, redactor: &Redactor) -> Self {
        let params: Vec<&[u8]> = section.bind_params(bind).collect();
        let address = owned_or_text(redactor.word(instance, bind.place, 1, &bind.address));
        Self { address, params: shown(redactor, &params) }
    }
}

#[derive(Serialize)]
struct PeerJson<'a> {
    name: Cow<'a, str>,
    address: Option<Cow<'a, str>>,
    port: Option<u16>,
    /// `null` where the local peer isn't known.
    local: Option<bool>,
    guest: bool,
    params: Vec<Cow<'a, str>>,
    line: u32,
}

impl<'a> PeerJson<'a> {
    fn new(instance: &Instance<'_>, section: &'a PeersSection, entry: &'a PeerEntry, redactor: &Redactor) -> Self {
        let local = instance.local.name.as_deref();
        let params: Vec<&[u8]> = section.params(entry).collect();
        let (place, word) = section.address_word(entry);
        let address = section.address(entry).map(|address| redactor.word(instance, place, word, address));
        Self {
            name: text(&entry.name),
            // Of an address that is hidden the port is, too.
            port: address
                .as_ref()
                .and_then(|address| if let Cow::Borrowed(address) = address { port(address) } else { None }),
            address: address.map(owned_or_text),
            local: local.map(|local| local == entry.name),
            guest: entry.guest,
            params: shown(redactor, &params),
            line: entry.place.line.human(),
        }
    }
}

struct BackendJson<'a> {
    instance: &'a Instance<'a>,
    proxy: &'a Proxy<'a>,
    redactor: &'a Redactor,
}

impl Serialize for BackendJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { instance, proxy, redactor } = self;
        let mut object = serializer.serialize_struct("Backend", 4)?;
        object.serialize_field("name", &text(&proxy.name))?;
        object.serialize_field("file", file(instance, proxy.place))?;
        object.serialize_field("line", &proxy.place.line.human())?;
        let server = |server| ServerJson::new(instance, server, redactor);
        object.serialize_field("servers", &Each(|| proxy.servers.iter().map(server)))?;
        object.end()
    }
}

#[derive(Serialize)]
struct ServerJson<'a> {
    name: Cow<'a, str>,
    id: Option<u32>,
    explicit: bool,
    address: Cow<'a, str>,
    line: u32,
}

impl<'a> ServerJson<'a> {
    fn new(instance: &Instance<'_>, server: &'a Server<'_>, redactor: &Redactor) -> Self {
        Self {
            name: text(&server.name),
            id: server.id,
            explicit: server.explicit,
            address: owned_or_text(redactor.word(instance, server.place, server.address_word.into(), &server.address)),
            line: server.place.line.human(),
        }
    }
}

fn tables<'a>(instance: &'a Instance<'_>, mut tables: Vec<&'a StickTable>) -> impl Iterator<Item = TableJson> {
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    tables.into_iter().map(|table| TableJson::new(table, instance.files))
}

/// By name; what has the same name stays in the order of the file.
fn sorted<T>(items: &[T], name: impl Fn(&T) -> &[u8]) -> impl Iterator<Item = &T> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_by(|a, b| name(a).cmp(name(b)));
    items.into_iter()
}

fn file<'a>(instance: &'a Instance<'_>, place: Place) -> &'a str {
    instance.files.get(place.file).map_or("", |file| file.name.as_str())
}

/// Parameters of a line, their secrets hidden.
fn shown<'a>(redactor: &Redactor, params: &[&'a [u8]]) -> Vec<Cow<'a, str>> {
    redactor.parameters(params).into_iter().map(owned_or_text).collect()
}

fn owned_or_text(word: Cow<'_, [u8]>) -> Cow<'_, str> {
    match word {
        Cow::Borrowed(word) => text(word),
        Cow::Owned(word) => Cow::Owned(text(&word).into_owned()),
    }
}
