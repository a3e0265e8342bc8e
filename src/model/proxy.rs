//! Proxies (`frontend`, `backend`, `listen`): their servers with the ids HAProxy will give them, their table, and the
//! tables they stick on.

use std::borrow::Cow;

use super::{
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
    /// Its `stick-table`.
    pub table: Option<StickTable>,
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
            sticks_on: Vec::new(),
            declarations: Vec::new(),
        }
    }

    /// Takes a statement of the proxy.
    pub fn statement(&mut self, statement: &Statement<'_, 'd>, version: Version) {
        match statement.keyword() {
            b"server" if self.kind != ProxyKind::Frontend => self.server(statement, version),
            b"server-template" if self.kind != ProxyKind::Frontend => self.template(statement, version),
            b"stick-table" => self.table = Some(StickTable::of_proxy(&self.name, statement, version)),
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
        if !matches!(statement.words.get(1), b"on" | b"match" | b"store-request" | b"store-response") {
            return;
        }
        let mut words = statement.arguments().iter().skip_while(|word| *word.bytes != *b"table");
        let table = words.nth(1).map(|name| name.bytes.to_vec()).unwrap_or_default();
        if !self.sticks_on.contains(&table) {
            self.sticks_on.push(table);
        }
    }
}

/// What a server line says about ids.
fn declaration(params: Option<&[Decoded<'_>]>, count: u32, known: Known, version: Version) -> Declaration {
    let params = params.unwrap_or_default();
    let explicit = explicit_id(params, version);
    Declaration { explicit, count: Some(count), certain: known == Known::Yes }
}

fn explicit_id(params: &[Decoded<'_>], version: Version) -> ExplicitId {
    // Most lines say nothing: then it needn't be known which words are values.
    if !params.iter().any(|word| word.bytes.starts_with(b"id")) {
        return ExplicitId::Automatic;
    }
    // The last `id` of a line wins.
    let uses = ParamTable::Server.uses(params, Some(version));
    let id = uses.filter(|param| param.info.is_some_and(|info| info.keyword == "id")).last();
    id.and_then(|param| params.get(param.values.start)).map_or(ExplicitId::Automatic, |value| {
        server_id::parse_id(&value.bytes, Some(version)).map_or(ExplicitId::Unknown, ExplicitId::Given)
    })
}

/// Whether the line says anything about an id.
fn is_explicit(declaration: Declaration) -> bool {
    declaration.explicit != ExplicitId::Automatic
}

/// The most instances of one template that are unrolled: HAProxy's own limit is the range of `int`; a larger
/// template than this is a mistake, and is left out.
const MAX_TEMPLATE: u32 = 1_000_000;
