//! One HAProxy process: its files read in order, its local peer, its peers sections, tables and proxies.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    peers::PeersSection,
    proxy::Proxy,
    reading::{self, Facts, Known, Place, Remark, Statement},
    stick_table::StickTable,
    table_use::{Collector, TableUse},
};
use crate::{
    config::{LineNo, Source},
    grammar::{Version, keywords::SectionKind},
    span::Span,
};

/// How an instance may come to its local peer's name, apart from what its files say.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// `-L`.
    pub option: Option<Vec<u8>>,
    /// An explicit NAME of the instance.
    pub instance: Option<Vec<u8>>,
    /// The file's stem and its folder's name, in this order: taken if a peer is called so.
    pub candidates: Vec<Vec<u8>>,
    /// The host name, where the files are this machine's own.
    pub host: Option<Vec<u8>>,
}

/// The local peer's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalPeer {
    /// The name; `None` if nothing says it.
    pub name: Option<Vec<u8>>,
    /// Where it came from.
    pub source: LocalPeerSource,
}

/// Where a local peer's name came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalPeerSource {
    /// `-L`.
    Option,
    /// `localpeer` in `global`, at this place.
    Localpeer(Place),
    /// The explicit NAME of the instance.
    Instance,
    /// The file's or folder's name, which is that of a peer.
    File,
    /// The host name.
    Host,
    /// Nothing says it.
    Unknown,
}

impl LocalPeerSource {
    /// The word for JSON and for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Option => "-L",
            Self::Localpeer(_) => "localpeer",
            Self::Instance => "instance",
            Self::File => "file",
            Self::Host => "hostname",
            Self::Unknown => "unknown",
        }
    }
}

/// What the files of one process say.
#[derive(Debug)]
pub struct Instance<'d> {
    /// The files, in the order HAProxy reads them.
    pub files: &'d [Source],
    /// The version it was read as.
    pub version: Version,
    /// The local peer.
    pub local: LocalPeer,
    /// The peers sections, in order.
    pub peers: Vec<PeersSection>,
    /// The proxies, in order.
    pub proxies: Vec<Proxy<'d>>,
    /// The headers of `global` sections, in order.
    pub globals: Vec<Place>,
    /// `localpeer` lines that HAProxy reads, in order, with their names.
    pub localpeers: Vec<(Place, Vec<u8>)>,
    /// Names that this instance's own would be if a peer were called so: its file's and its folder's.
    pub candidates: Vec<Vec<u8>>,
    /// Who refers to which table, in the order of the lines.
    pub table_uses: Vec<TableUse>,
    /// What was remarkable.
    pub remarks: Vec<Remark>,
    /// What the files were read with.
    facts: Facts,
    /// Whether `-L` gave the local name.
    named: bool,
}

impl<'d> Instance<'d> {
    /// Reads the files of an instance.
    #[must_use]
    pub fn read(files: &'d [Source], naming: &Naming, facts: &Facts) -> Self {
        let mut facts = facts.clone();
        if let Some(name) = naming.option.as_ref().or(naming.instance.as_ref()).or(naming.host.as_ref()) {
            facts.environment.set(reading::LOCALPEER, name.clone());
        }
        if facts.version >= Version::new(2, 8) {
            facts.environment.set("HAPROXY_BRANCH", facts.version.to_string());
        }
        let mut builder = Builder::new(files, facts.version);
        let remarks =
            reading::read_briefly(files, &facts, naming.option.is_some(), |statement| builder.statement(statement));
        builder.finish(naming, remarks, facts)
    }

    /// Reads all statements once more, for questions that few ask.
    pub fn statements(&self, visit: impl FnMut(&Statement<'_, 'd>)) {
        reading::read(self.files, &self.facts, self.named, visit);
    }

    /// The peers section called `name`.
    #[must_use]
    pub fn section(&self, name: &[u8]) -> Option<&PeersSection> {
        self.peers.iter().find(|s| s.name == name)
    }

    /// All tables, those of peers sections and those of proxies, in the order of the files.
    #[must_use]
    pub fn tables(&self) -> Vec<&StickTable> {
        let mut tables: Vec<_> = self
            .peers
            .iter()
            .flat_map(|s| &s.tables)
            .chain(self.proxies.iter().filter_map(|p| p.table.as_ref()))
            .collect();
        tables.sort_by_key(|t| t.place);
        tables
    }

    /// The tables that travel through a section: its own `table` lines and the proxies' tables that name it, in the order of
    /// the files.
    pub fn tables_of<'i>(&'i self, section: &'i PeersSection) -> impl Iterator<Item = &'i StickTable> {
        self.tables().into_iter().filter(|table| table.peers() == Some(&section.name))
    }

    /// The table with this full name.
    #[must_use]
    pub fn table(&self, name: &[u8]) -> Option<&StickTable> {
        let own = self.proxies.iter().filter_map(|p| p.table.as_ref());
        let tables = self.peers.iter().flat_map(|s| &s.tables).chain(own);
        tables.filter(|t| t.name == name).min_by_key(|t| t.place)
    }

    /// Whether a `stick` rule names the table with this full name, which adds columns to it.
    #[must_use]
    pub fn is_stuck_on(&self, table: &[u8]) -> bool {
        let names =
            |p: &Proxy<'_>| p.sticks_on.iter().any(|t| if t.is_empty() { *p.name == *table } else { t == table });
        self.proxies.iter().any(names)
    }

    /// The references to the table with this full name.
    pub fn uses_of<'i>(&'i self, table: &'i [u8]) -> impl Iterator<Item = &'i TableUse> {
        self.table_uses.iter().filter(move |found| found.table == table)
    }

    /// Whether some entry of a section is the local peer, without which nothing replicates through it; `None` while the
    /// local name is unknown.
    #[must_use]
    pub fn is_effective(&self, section: &PeersSection) -> Option<bool> {
        self.local.name.as_ref().map(|name| section.is_effective(name))
    }

    /// Whether HAProxy keeps a section, be it a disabled one, which it keeps whoever is in it.
    #[must_use]
    pub fn keeps(&self, section: &PeersSection) -> Option<bool> {
        if section.disabled { Some(true) } else { self.is_effective(section) }
    }

    /// The text of a line.
    #[must_use]
    pub fn line_text(&self, place: Place) -> &'d [u8] {
        self.files.get(place.file).map_or(b"", |f| f.document.line_text(place.line))
    }

    /// A word as it stands there if a reference fills it in, else its value: what the environment has is nobody's business.
    #[must_use]
    pub fn as_written<'v>(&'v self, place: Place, n: usize, value: &'v [u8]) -> &'v [u8] {
        let text = self.files.get(place.file).map_or(&b""[..], |f| f.document.text());
        let raw = self.word_span(place, n).of(text);
        if raw.contains(&b'$') { raw } else { value }
    }

    /// The span of raw word `n` of a line.
    #[must_use]
    pub fn word_span(&self, place: Place, n: usize) -> Span {
        self.files.get(place.file).map_or(Span::at(0), |f| f.word_span(place.line, n))
    }
}

/// Collects the parts of an instance, statement by statement.
struct Builder<'d> {
    files: &'d [Source],
    version: Version,
    current: Current,
    peers: Vec<PeersSection>,
    proxies: Vec<Proxy<'d>>,
    globals: Vec<Place>,
    localpeers: Vec<(Place, Vec<u8>)>,
    defaults: BTreeMap<Vec<u8>, bool>,
    /// Whether the last `defaults` section disables its proxies.
    last_defaults: (Vec<u8>, bool),
    uses: Collector,
}

/// The section that statements belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Current {
    Nothing,
    Global,
    Defaults,
    Proxy,
    Peers,
}

impl<'d> Builder<'d> {
    fn new(files: &'d [Source], version: Version) -> Self {
        Self {
            files,
            version,
            current: Current::Nothing,
            peers: Vec::new(),
            proxies: Vec::new(),
            globals: Vec::new(),
            localpeers: Vec::new(),
            defaults: BTreeMap::new(),
            last_defaults: (Vec::new(), false),
            uses: Collector::default(),
        }
    }

    fn statement(&mut self, statement: &Statement<'_, 'd>) {
        if let Some(kind) = statement.header {
            self.header(kind, statement);
            return;
        }
        match self.current {
            Current::Nothing => {}
            Current::Global => {
                if statement.keyword() == b"localpeer" && statement.known == Known::Yes && self.localpeer_counts() {
                    self.localpeers.push((statement.place, statement.words.get(1).to_vec()));
                }
            }
            Current::Defaults => match statement.keyword() {
                b"disabled" => self.last_defaults.1 = true,
                b"enabled" => self.last_defaults.1 = false,
                _ => self.uses.statement(&self.last_defaults.0, statement),
            },
            Current::Proxy => {
                if let Some(proxy) = self.proxies.last_mut() {
                    proxy.statement(statement, self.version);
                    self.uses.statement(&proxy.name, statement);
                }
            }
            Current::Peers => {
                let comment = comment(self.files, statement);
                if let Some(section) = self.peers.last_mut() {
                    section.statement(statement, comment, self.version);
                }
            }
        }
    }

    fn header(&mut self, kind: SectionKind, statement: &Statement<'_, 'd>) {
        self.close();
        self.current = match kind {
            SectionKind::Global => {
                self.globals.push(statement.place);
                Current::Global
            }
            SectionKind::Defaults => {
                let inherited = from(statement).is_some_and(|parent| self.disables(&parent));
                self.last_defaults = (statement.words.get(1).to_vec(), inherited);
                Current::Defaults
            }
            SectionKind::Proxy => {
                let disabled = from(statement).map_or(self.last_defaults.1, |parent| self.disables(&parent));
                self.proxies.push(Proxy::new(statement, disabled));
                Current::Proxy
            }
            SectionKind::Peers => {
                self.peers.push(PeersSection::new(statement));
                Current::Peers
            }
            SectionKind::Other => Current::Nothing,
        };
    }

    /// Ends the current section.
    fn close(&mut self) {
        match self.current {
            Current::Proxy => {
                if let Some(proxy) = self.proxies.last_mut() {
                    proxy.finish();
                }
            }
            Current::Defaults => {
                self.defaults.insert(self.last_defaults.0.clone(), self.last_defaults.1);
            }
            _ => {}
        }
    }

    fn disables(&self, defaults: &[u8]) -> bool {
        self.defaults.get(defaults).copied().unwrap_or(false)
    }

    /// Up to 3.0 a `localpeer` behind the first peers section comes too late: HAProxy warns and ignores it.
    fn localpeer_counts(&self) -> bool {
        self.version >= Version::new(3, 1) || self.peers.is_empty()
    }

    fn finish(mut self, naming: &Naming, remarks: Vec<Remark>, facts: Facts) -> Instance<'d> {
        self.close();
        let local = self.local_peer(naming);
        self.add_implicit_columns();
        let tables =
            self.peers.iter().flat_map(|s| &s.tables).chain(self.proxies.iter().filter_map(|p| p.table.as_ref()));
        let table_uses = self.uses.finish(tables);
        Instance {
            files: self.files,
            version: self.version,
            local,
            peers: self.peers,
            proxies: self.proxies,
            globals: self.globals,
            localpeers: self.localpeers,
            candidates: naming.candidates.clone(),
            table_uses,
            remarks,
            facts,
            named: naming.option.is_some(),
        }
    }

    fn local_peer(&self, naming: &Naming) -> LocalPeer {
        let is_peer = |name: &&Vec<u8>| self.peers.iter().any(|s| s.is_effective(name));
        let found = naming
            .option
            .clone()
            .map(|name| (name, LocalPeerSource::Option))
            .or_else(|| self.localpeers.last().map(|(place, name)| (name.clone(), LocalPeerSource::Localpeer(*place))))
            .or_else(|| naming.instance.clone().map(|name| (name, LocalPeerSource::Instance)))
            .or_else(|| naming.candidates.iter().find(is_peer).map(|name| (name.clone(), LocalPeerSource::File)))
            .or_else(|| naming.host.clone().map(|name| (name, LocalPeerSource::Host)));
        found.map_or(LocalPeer { name: None, source: LocalPeerSource::Unknown }, |(name, source)| LocalPeer {
            name: Some(name),
            source,
        })
    }

    /// A `stick` rule anywhere adds `server_id` and `server_key` to the table it names.
    fn add_implicit_columns(&mut self) {
        let mut named: Vec<Cow<'d, [u8]>> = Vec::new();
        for proxy in &self.proxies {
            for table in &proxy.sticks_on {
                named.push(if table.is_empty() { proxy.name.clone() } else { Cow::Owned(table.clone()) });
            }
        }
        named.sort_unstable();
        let tables = self
            .peers
            .iter_mut()
            .flat_map(|s| &mut s.tables)
            .chain(self.proxies.iter_mut().filter_map(|p| p.table.as_mut()));
        for table in tables.filter(|t| named.binary_search_by(|n| (**n).cmp(&t.name)).is_ok()) {
            table.parsed.schema.add_implicit();
        }
    }
}

/// The name behind `from` on a header line.
fn from(header: &Statement<'_, '_>) -> Option<Vec<u8>> {
    let at = header.arguments().iter().position(|w| *w.bytes == *b"from")?;
    header.arguments().get(at + 1).map(|w| w.bytes.to_vec())
}

/// What stands behind the last word of a statement's line.
fn comment<'d>(files: &'d [Source], statement: &Statement<'_, '_>) -> &'d [u8] {
    let Some(source) = files.get(statement.place.file) else { return b"" };
    let line: LineNo = statement.place.line;
    let end = source.document.raw_words(line).last().map_or(0, |w| w.span.end);
    Span::new(end, source.document.line_span(line).end).of(source.document.text())
}
