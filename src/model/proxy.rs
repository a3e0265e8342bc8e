//! Proxies (`frontend`, `backend`, `listen`): their servers with the ids HAProxy will give them, their table, and the
//! tables they stick on.

use std::borrow::Cow;

use super::{
    peers::Bind,
    reading::{Known, Place, Statement},
    server_id::{self, Declaration, ExplicitId},
    stick_table::StickTable,
};
use crate::{
    config::Decoded,
    grammar::{ParamTable, Version},
};

/// The three kinds of proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyKind {
    /// `frontend`: has no servers.
    Frontend,
    /// `backend`.
    Backend,
    /// `listen`: both in one.
    Listen,
}

/// A proxy.
#[derive(Debug)]
pub struct Proxy<'d> {
    /// What it is.
    pub kind: ProxyKind,
    /// Its name, which is also its table's.
    pub name: Cow<'d, [u8]>,
    /// The header's line.
    pub place: Place,
    /// Whether HAProxy reads the header.
    pub known: Known,
    /// Whether it is disabled, by itself or by its defaults: its servers get no id.
    pub disabled: bool,
    /// Its servers in order, templates unrolled.
    pub servers: Vec<Server<'d>>,
    /// Its `stick-table`; the last one if there are several, which HAProxy refuses.
    pub table: Option<StickTable>,
    /// The `stick-table` lines before that.
    pub earlier_tables: Vec<StickTable>,
    /// Its `bind` lines.
    pub binds: Vec<Bind>,
    /// The backends that `default_backend` and `use_backend` send clients to, as HAProxy sees the words; one with a `%` is a
    /// log format, which may mean any.
    pub backends: Vec<Cow<'d, [u8]>>,
    /// The tables named by its `stick on|match|store-…` rules; an empty name means its own.
    pub sticks_on: Vec<Vec<u8>>,
    declarations: Vec<Declaration>,
}

/// A server of a proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server<'d> {
    /// Its name: that of the line, or prefix and number of a `server-template`.
    pub name: Cow<'d, [u8]>,
    /// The address, as HAProxy sees the word.
    pub address: Cow<'d, [u8]>,
    /// The id HAProxy gives it (0 in a disabled proxy); `None` if that depends on something unknown.
    pub id: Option<u32>,
    /// Whether the id is written down on its line.
    pub explicit: bool,
    /// Its line.
    pub place: Place,
    /// Whether HAProxy reads the line.
    pub known: Known,
}

impl<'d> Proxy<'d> {
    /// Starts a proxy at its header.
    #[must_use]
    pub fn new(header: &Statement<'_, 'd>, disabled_by_defaults: bool) -> Self {
        Self {
            kind: match header.keyword() {
                b"frontend" => ProxyKind::Frontend,
                b"backend" => ProxyKind::Backend,
                _ => ProxyKind::Listen,
            },
            name: header.words.take(1),
            place: header.place,
            known: header.known,
            disabled: disabled_by_defaults,
            servers: Vec::new(),
            table: None,
            earlier_tables: Vec::new(),
            binds: Vec::new(),
            backends: Vec::new(),
            sticks_on: Vec::new(),
            declarations: Vec::new(),
        }
    }

    /// Takes a statement of the proxy.
    pub fn statement(&mut self, statement: &Statement<'_, 'd>, version: Version) {
        match statement.keyword() {
            b"server" if self.kind != ProxyKind::Frontend => self.server(statement, version),
            b"server-template" if self.kind != ProxyKind::Frontend => self.template(statement, version),
            b"stick-table" => {
                let table = StickTable::of_proxy(&self.name, statement, version);
                self.earlier_tables.extend(self.table.replace(table));
            }
            b"bind" => self.binds.push(Bind::read(statement)),
            b"default_backend" | b"use_backend" => self.backends.push(statement.words.take(1)),
            b"stick" => self.stick(statement),
            b"disabled" => self.disabled = true,
            b"enabled" => self.disabled = false,
            _ => {}
        }
    }

    /// Gives the servers their ids; called when the proxy is complete.
    pub fn finish(&mut self) {
        let declarations = std::mem::take(&mut self.declarations);
        if self.disabled {
            self.servers.iter_mut().for_each(|s| s.id = Some(0));
            return;
        }
        let ids = server_id::assign(&declarations);
        for (server, id) in self.servers.iter_mut().zip(ids.iter().flat_map(server_id::Ids::iter)) {
            server.id = id;
        }
        self.servers.shrink_to_fit();
    }

    fn server(&mut self, statement: &Statement<'_, 'd>, version: Version) {
        let words = statement.words;
        let declaration = declaration(words.words.get(3..), 1, statement.known, version);
        self.push(statement, words.take(1), words.take(2), is_explicit(declaration));
        self.declarations.push(declaration);
    }

    /// `server-template PREFIX COUNT|FROM-TO ADDRESS …`: only the first instance gets an explicit id.
    fn template(&mut self, statement: &Statement<'_, 'd>, version: Version) {
        let words = statement.words;
        let Ok(range) = server_id::parse_template(words.get(2)) else { return };
        let (from, to) = range.into_inner();
        if to - from >= MAX_TEMPLATE {
            return;
        }
        let declaration = declaration(words.words.get(4..), to - from + 1, statement.known, version);
        for number in from..=to {
            let name = [words.get(1), number.to_string().as_bytes()].concat();
            self.push(statement, name.into(), words.take(3), number == from && is_explicit(declaration));
        }
        self.declarations.push(declaration);
    }

    fn push(&mut self, statement: &Statement<'_, 'd>, name: Cow<'d, [u8]>, address: Cow<'d, [u8]>, explicit: bool) {
        let (place, known) = (statement.place, statement.known);
        self.servers.push(Server { name, address, id: None, explicit, place, known });
    }

    /// `stick on|match|store-request|store-response PATTERN [table NAME]`.
    fn stick(&mut self, statement: &Statement<'_, 'd>) {
        let words: Vec<&[u8]> = statement.arguments().iter().map(|w| &*w.bytes).collect();
        if !matches!(words.first(), Some(&(b"on" | b"match" | b"store-request" | b"store-response"))) {
            return;
        }
        let named = words.windows(2).find(|pair| pair.first() == Some(&&b"table"[..]));
        let table = named.and_then(|pair| pair.get(1)).map(|name| name.to_vec()).unwrap_or_default();
        if !self.sticks_on.contains(&table) {
            self.sticks_on.push(table);
        }
    }
}

/// What a server line says about ids.
fn declaration(params: Option<&[Decoded<'_>]>, count: u32, known: Known, version: Version) -> Declaration {
    let params = params.unwrap_or_default();
    let words: Vec<&[u8]> = params.iter().map(|w| &*w.bytes).collect();
    let scanned = ParamTable::Server.scan(&words, Some(version));
    // The last `id` of a line wins.
    let id = scanned.iter().rev().find(|p| p.info.is_some_and(|info| info.keyword == "id"));
    let value = id.and_then(|p| words.get(p.values.start));
    let explicit = value.map_or(ExplicitId::Automatic, |value| {
        server_id::parse_id(value, Some(version)).map_or(ExplicitId::Unknown, ExplicitId::Given)
    });
    Declaration { explicit, count: Some(count), certain: known == Known::Yes }
}

/// Whether the line says anything about an id.
fn is_explicit(declaration: Declaration) -> bool {
    declaration.explicit != ExplicitId::Automatic
}

/// The most instances of one template that are unrolled: HAProxy's own limit is the range of `int`; a larger
/// template than this is a mistake, and is left out.
const MAX_TEMPLATE: u32 = 1_000_000;
