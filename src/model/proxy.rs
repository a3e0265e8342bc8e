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
    config::{Decoded, Words},
    grammar::{ParamTable, ParamUse, Version},
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
    /// The lines that declare them, in order.
    pub lines: Vec<ServerLine>,
    /// What there is to know about all of them.
    pub overview: Overview,
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
    /// The `id`s on its `default-server` lines, which HAProxy drops: the line and the raw word of the keyword.
    pub default_ids: Vec<(Place, u16)>,
}

/// The servers of a proxy as a whole, so that nobody has to look at each of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overview {
    /// Whether a line depends on something unknown: a condition, a variable that isn't set, an id that is none.
    pub doubtful: bool,
    /// Whether a line is a `server-template`, or has `resolvers`.
    pub discovered: bool,
    /// How many servers there are on lines that say no id.
    pub automatic: u32,
    /// How many lines say an id.
    pub given: u32,
    /// The smallest and the largest id that a line says.
    pub range: Option<(u32, u32)>,
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
    /// The raw word of the line that is the address.
    pub address_word: u16,
    /// Whether HAProxy reads the line.
    pub known: Known,
}

/// A `server` or `server-template` line; its place is that of its first server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerLine {
    /// Its first server, as an index into [`Proxy::servers`].
    pub first: u32,
    /// How many servers it makes, 1 or more.
    pub count: u32,
    /// Whether it is a `server-template`.
    pub template: bool,
    /// What it says about the id of its first server.
    pub explicit: ExplicitId,
    /// The raw words that are the value of its last `id`, the first and the last one.
    pub id: Option<(u16, u16)>,
    /// Whether that value comes from the environment.
    pub id_referenced: bool,
    /// The first raw word behind the address, if a word there takes something from the environment: what that hides, glues on
    /// or adds depends on it, so new words go in front of all (and not between a keyword and its value).
    pub new_words_before: Option<u16>,
    /// Whether it has `resolvers`: DNS answers at run time change its address.
    pub resolved: bool,
    /// The raw word that is empty and hides what follows it.
    pub hidden_from: Option<u16>,
    /// The first raw word with a variable that isn't set here and has no default: another environment may make another
    /// server of the line.
    pub unset: Option<u16>,
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
            lines: Vec::new(),
            overview: Overview::default(),
            table: None,
            earlier_tables: Vec::new(),
            binds: Vec::new(),
            backends: Vec::new(),
            sticks_on: Vec::new(),
            default_ids: Vec::new(),
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
            b"default-server" => self.default_server(statement, version),
            b"disabled" => self.disabled = true,
            b"enabled" => self.disabled = false,
            _ => {}
        }
    }

    /// Gives the servers their ids; called when the proxy is complete.
    pub fn finish(&mut self) {
        self.servers.shrink_to_fit();
        self.lines.shrink_to_fit();
        self.overview = self.look_over();
        if self.disabled {
            self.servers.iter_mut().for_each(|s| s.id = Some(0));
            return;
        }
        let Self { servers, lines, .. } = self;
        let known: Vec<Known> =
            lines.iter().map(|l| servers.get(l.first as usize).map_or(Known::Yes, |s| s.known)).collect();
        let declarations = lines.iter().zip(&known).map(|(line, known)| line.declaration(*known));
        let mut unnumbered = servers.iter_mut();
        server_id::assign_each(declarations, |first, count| {
            for (place, server) in (0..count).zip(&mut unnumbered) {
                server.id = first.map(|first| first.saturating_add(place));
            }
        });
    }

    fn look_over(&self) -> Overview {
        let mut all = Overview { doubtful: self.known != Known::Yes, ..Overview::default() };
        for line in &self.lines {
            let known = self.servers.get(line.first as usize).map_or(Known::Yes, |server| server.known);
            all.doubtful |= known != Known::Yes || line.unset.is_some() || line.explicit == ExplicitId::Unknown;
            all.discovered |= line.template || line.resolved;
            match line.explicit {
                ExplicitId::Automatic => all.automatic = all.automatic.saturating_add(line.count),
                ExplicitId::Given(id) => {
                    all.given += 1;
                    all.range = Some(all.range.map_or((id, id), |(low, high)| (low.min(id), high.max(id))));
                }
                ExplicitId::Unknown => all.given += 1,
            }
        }
        all
    }

    /// The line that declares a server, by the server's index.
    #[must_use]
    pub fn line_of(&self, server: usize) -> Option<&ServerLine> {
        let after = self.lines.partition_point(|line| line.first as usize <= server);
        self.lines.get(after.checked_sub(1)?)
    }

    /// The servers that a line declares.
    #[must_use]
    pub fn servers_of(&self, line: &ServerLine) -> &[Server<'d>] {
        let first = line.first as usize;
        self.servers.get(first..first + line.count as usize).unwrap_or_default()
    }

    fn server(&mut self, statement: &Statement<'_, 'd>, version: Version) {
        let words = statement.words;
        let line = self.line(statement, 3, version);
        self.push(statement, words.take(1), 2, line.is_explicit());
        self.lines.push(line);
    }

    /// `server-template PREFIX COUNT|FROM-TO ADDRESS …`: only the first instance gets an explicit id.
    fn template(&mut self, statement: &Statement<'_, 'd>, version: Version) {
        let words = statement.words;
        let Ok(range) = server_id::parse_template(words.get(2)) else { return };
        let (from, to) = range.into_inner();
        if to - from >= MAX_TEMPLATE {
            return;
        }
        let line = ServerLine { template: true, count: to - from + 1, ..self.line(statement, 4, version) };
        for number in from..=to {
            let name = [words.get(1), number.to_string().as_bytes()].concat();
            self.push(statement, name.into(), 3, number == from && line.is_explicit());
        }
        self.lines.push(line);
    }

    /// What a line with its parameters from word `first` on says about the id.
    fn line(&self, statement: &Statement<'_, 'd>, first: usize, version: Version) -> ServerLine {
        let words = statement.words;
        let params = words.words.get(first..).unwrap_or_default();
        let mut line = ServerLine {
            first: u32::try_from(self.servers.len()).unwrap_or(u32::MAX),
            count: 1,
            template: false,
            explicit: ExplicitId::Automatic,
            id: None,
            id_referenced: false,
            new_words_before: params.iter().any(|word| word.referenced).then(|| behind(words, first)).flatten(),
            resolved: params.iter().any(|word| *word.bytes == *b"resolvers"),
            hidden_from: words.hidden_from,
            unset: words.unset,
        };
        // The last `id` of a line wins.
        if let Some(value) = ids(params, version).last().and_then(|id| params.get(id.values.start)) {
            line.id = Some((value.first, value.last));
            line.id_referenced = value.referenced;
            line.explicit =
                server_id::parse_id(&value.bytes, Some(version)).map_or(ExplicitId::Unknown, ExplicitId::Given);
        }
        line
    }

    fn default_server(&mut self, statement: &Statement<'_, 'd>, version: Version) {
        let params = statement.arguments();
        let keywords = ids(params, version).into_iter().filter_map(|id| params.get(id.keyword));
        self.default_ids.extend(keywords.map(|word| (statement.place, word.first)));
    }

    fn push(&mut self, statement: &Statement<'_, 'd>, name: Cow<'d, [u8]>, address: usize, explicit: bool) {
        let (place, known, words) = (statement.place, statement.known, statement.words);
        let address_word = words.words.get(address).map_or(0, |word| word.first);
        let address = words.take(address);
        self.servers.push(Server { name, address, id: None, explicit, place, address_word, known });
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

impl ServerLine {
    /// What decides about ids, for a line that is read or may be read.
    #[must_use]
    pub const fn declaration(&self, known: Known) -> Declaration {
        Declaration { explicit: self.explicit, count: Some(self.count), certain: matches!(known, Known::Yes) }
    }

    /// Whether the line says anything about an id.
    fn is_explicit(&self) -> bool {
        self.explicit != ExplicitId::Automatic
    }
}

/// The first raw word behind those that word `first` - 1 and the ones before it were made from.
fn behind(words: &Words<'_>, first: usize) -> Option<u16> {
    let address = words.words.get(first.checked_sub(1)?)?;
    words.words.get(first..)?.iter().map(|word| word.first).find(|raw| *raw > address.last)
}

/// The `id` parameters among the words behind name and address.
fn ids(params: &[Decoded<'_>], version: Version) -> Vec<ParamUse> {
    ParamTable::Server.named("id", params, Some(version))
}

/// The most instances of one template that are unrolled: HAProxy's own limit is the range of `int`; a larger
/// template than this is a mistake, and is left out.
const MAX_TEMPLATE: u32 = 1_000_000;
