//! The servers of backends of one name, side by side: what the `server-*` rules ask about.

use std::collections::{BTreeMap, HashMap};

use super::{
    context::Context,
    finding::{Finding, Label, ServerIds, Severity},
};
use crate::{
    escape,
    model::{
        Instance, Known, PeersSection, Proxy, ProxyKind, Server, StickTable,
        numbering::{self, Agreement, Extent, Refusal},
    },
    stick::SrvKey,
};

/// The backends of one name (`listen` sections, too) on all instances, some of which have servers.
#[derive(Debug)]
pub struct Group<'a> {
    /// The name.
    pub name: &'a [u8],
    /// By instance.
    pub sides: Vec<Side<'a>>,
    /// Whether all that have the backend have the same servers with the same ids in the same order, and nothing is in doubt.
    pub alike: bool,
    /// The servers by name, in the order in which they are found; none if all are alike.
    pub rows: Vec<Row<'a>>,
}

/// A backend on one instance.
#[derive(Debug)]
pub enum Side<'a> {
    /// There is none.
    Missing,
    /// HAProxy may read it, or parts of its servers' names may differ: its servers can't be compared.
    Doubtful(&'a Proxy<'a>),
    /// It is disabled: its servers have no ids.
    Disabled(&'a Proxy<'a>),
    /// It is there.
    There(There<'a>),
}

/// A backend whose servers can be compared.
#[derive(Debug)]
pub struct There<'a> {
    /// The backend.
    pub proxy: &'a Proxy<'a>,
    /// The table it sticks on that travels over peers, with the section; the first one of several.
    pub shared: Option<(&'a StickTable, &'a PeersSection)>,
    /// The servers by id; empty if all sides are alike.
    by_id: HashMap<u32, usize>,
}

/// A server's name with the servers of that name.
#[derive(Debug)]
pub struct Row<'a> {
    /// The name.
    pub name: &'a [u8],
    /// By instance, its index in [`Proxy::servers`].
    pub at: Vec<Option<usize>>,
}

/// The groups of a context that have servers, by name.
pub(super) fn groups<'a>(context: &Context<'a>) -> Vec<Group<'a>> {
    let mut found: BTreeMap<&'a [u8], Vec<Option<&'a Proxy<'a>>>> = BTreeMap::new();
    for (index, instance) in context.each() {
        for proxy in instance.proxies.iter().filter(|p| p.kind != ProxyKind::Frontend) {
            let all = found.entry(&proxy.name).or_insert_with(|| vec![None; context.instances.len()]);
            if let Some(place) = all.get_mut(index) {
                *place = Some(proxy);
            }
        }
    }
    found.retain(|_, proxies| proxies.iter().flatten().any(|p| !p.servers.is_empty()));
    found.into_iter().map(|(name, proxies)| group(context, name, &proxies)).collect()
}

fn group<'a>(context: &Context<'a>, name: &'a [u8], proxies: &[Option<&'a Proxy<'a>>]) -> Group<'a> {
    let mut sides: Vec<Side<'a>> =
        context.each().zip(proxies).map(|((_, instance), proxy)| side(context, instance, *proxy)).collect();
    let alike = are_alike(&sides);
    let rows = if alike { Vec::new() } else { rows(&sides) };
    if !alike {
        for there in sides.iter_mut().filter_map(Side::there_mut) {
            let servers = there.proxy.servers.iter().enumerate();
            there.by_id = servers.filter_map(|(n, server)| Some((server.id?, n))).collect();
        }
    }
    Group { name, sides, alike, rows }
}

fn side<'a>(context: &Context<'a>, instance: &'a Instance<'a>, proxy: Option<&'a Proxy<'a>>) -> Side<'a> {
    let Some(proxy) = proxy else { return Side::Missing };
    let is_doubtful = |proxy: &Proxy<'_>| {
        proxy.known != Known::Yes
            || proxy.servers.iter().any(|s| s.known != Known::Yes)
            || proxy.lines.iter().any(|l| l.unset.is_some())
    };
    if proxy.overview.doubtful && is_doubtful(proxy) {
        return Side::Doubtful(proxy);
    }
    if proxy.disabled {
        return Side::Disabled(proxy);
    }
    let shared = context
        .sticks_on(instance, proxy)
        .into_iter()
        .find_map(|table| context.travels_through(instance, table).map(|section| (table, section)));
    Side::There(There { proxy, shared, by_id: HashMap::new() })
}

fn are_alike(sides: &[Side<'_>]) -> bool {
    if sides.iter().any(|side| !matches!(side, Side::There(_) | Side::Missing)) {
        return false;
    }
    let mut there = sides.iter().filter_map(Side::there).map(|there| &there.proxy.servers);
    let Some(first) = there.next() else { return true };
    let same = |(a, b): (&Server<'_>, &Server<'_>)| a.id == b.id && a.id.is_some() && a.name == b.name;
    there.all(|servers| servers.len() == first.len() && servers.iter().zip(first).all(same))
}

fn rows<'a>(sides: &[Side<'a>]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut by_name: HashMap<&'a [u8], usize> = HashMap::new();
    for (instance, there) in sides.iter().enumerate().filter_map(|(n, side)| Some((n, side.there()?))) {
        for (index, server) in there.proxy.servers.iter().enumerate() {
            let row = *by_name.entry(&server.name).or_insert_with(|| {
                rows.push(Row { name: &server.name, at: vec![None; sides.len()] });
                rows.len() - 1
            });
            if let Some(place) = rows.get_mut(row).and_then(|row| row.at.get_mut(instance)) {
                // Of two servers of one name HAProxy finds the first.
                *place = place.or(Some(index));
            }
        }
    }
    rows
}

impl<'a> Side<'a> {
    /// The backend, if its servers can be compared.
    #[must_use]
    pub fn there(&self) -> Option<&There<'a>> {
        match self {
            Self::There(there) => Some(there),
            _ => None,
        }
    }

    fn there_mut(&mut self) -> Option<&mut There<'a>> {
        match self {
            Self::There(there) => Some(there),
            _ => None,
        }
    }

    /// The backend, whatever is known about it.
    #[must_use]
    pub fn proxy(&self) -> Option<&'a Proxy<'a>> {
        match self {
            Self::Missing => None,
            Self::Doubtful(proxy) | Self::Disabled(proxy) => Some(proxy),
            Self::There(there) => Some(there.proxy),
        }
    }
}

impl<'a> There<'a> {
    /// The server at this index.
    #[must_use]
    pub fn server(&self, index: usize) -> Option<&'a Server<'a>> {
        self.proxy.servers.get(index)
    }

    /// The index of the server with this id; only where the sides differ.
    #[must_use]
    pub fn by_id(&self, id: u32) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// What names a server in the table that travels.
    #[must_use]
    pub fn key(&self) -> Option<SrvKey> {
        self.shared.map(|(table, _)| table.schema().srvkey.unwrap_or(SrvKey::Name))
    }
}

impl<'a> Group<'a> {
    /// The backends that can be compared, with their instances.
    pub fn there(&self) -> impl Iterator<Item = (usize, &There<'a>)> {
        self.sides.iter().enumerate().filter_map(|(instance, side)| Some((instance, side.there()?)))
    }

    /// The backends whose table travels, with their instances.
    pub fn sharing(&self) -> impl Iterator<Item = (usize, &There<'a>)> {
        self.there().filter(|(_, there)| there.shared.is_some())
    }

    /// Whether the table that the backend sticks on travels over peers on some instance.
    #[must_use]
    pub fn travels(&self) -> bool {
        self.sharing().next().is_some()
    }

    /// Whether all its ids should be written down: several instances have it, and its table travels.
    #[must_use]
    pub fn needs_ids(&self) -> bool {
        self.travels() && self.there().count() > 1
    }

    /// How bad it is when ids or names don't match.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.travels() { Severity::Error } else { Severity::Warning }
    }

    /// What names servers between the instances whose tables travel: `None` if they don't agree, or none travels.
    #[must_use]
    pub fn key(&self) -> Option<SrvKey> {
        let mut keys = self.sharing().filter_map(|(_, there)| there.key());
        let first = keys.next()?;
        keys.all(|key| key == first).then_some(first)
    }

    /// The servers of a row, by instance.
    #[must_use]
    pub fn servers(&self, row: &Row<'a>) -> Vec<Option<&'a Server<'a>>> {
        let server = |(side, index): (&Side<'a>, &Option<usize>)| side.there()?.server((*index)?);
        self.sides.iter().zip(&row.at).map(server).collect()
    }

    /// How the backend sticks, as the start of a sentence about consequences.
    #[must_use]
    pub fn how_it_sticks(&self) -> String {
        let name = escape::name(self.name);
        match self.sharing().next().and_then(|(_, there)| there.shared) {
            Some((table, section)) if table.name == self.name => {
                format!("`{name}` sticks on its table, which travels through peers `{}`.", escape::name(&section.name))
            }
            Some((table, section)) => format!(
                "`{name}` sticks on table `{}`, which travels through peers `{}`.",
                escape::name(&table.name),
                escape::name(&section.name)
            ),
            None => format!("No table that `{name}` sticks on travels over peers, so nobody is sent elsewhere yet."),
        }
    }

    /// What would have to be written so that all ids agree.
    ///
    /// # Errors
    /// Why that can't be done.
    pub fn agree(&self, reference: usize, extent: Extent) -> Result<Agreement, Refusal> {
        let proxies: Vec<Option<&Proxy<'_>>> = self.sides.iter().map(Side::proxy).collect();
        let doubtful = |side: &Side<'_>| matches!(side, Side::Disabled(_));
        let proxies: Vec<_> =
            proxies.into_iter().zip(&self.sides).map(|(p, side)| p.filter(|_| !doubtful(side))).collect();
        numbering::agree(&proxies, reference, extent)
    }
}

/// A finding about one server, with a label for each instance that has it: `text` says what is to be said there.
pub(super) fn finding<'a>(
    context: &Context<'a>,
    group: &Group<'a>,
    row: &Row<'a>,
    severity: Severity,
    message: String,
) -> Option<Finding> {
    let servers = group.servers(row);
    let mut labels =
        group.there().filter_map(|(n, there)| label(context, n, there.proxy, row.at.get(n).copied().flatten()?));
    let first = labels.next()?;
    let mut finding = labels.fold(Finding::new(severity, message, first), Finding::label);
    finding.backend = Some(group.name.to_vec());
    finding.server = Some(ServerIds {
        backend: group.name.to_vec(),
        server: row.name.to_vec(),
        ids: servers.iter().map(|server| server.and_then(|s| s.id)).collect(),
    });
    Some(finding)
}

/// A label on the name of the server at `index`: its id, and how it comes by it.
pub(super) fn label(context: &Context<'_>, instance: usize, proxy: &Proxy<'_>, index: usize) -> Option<Label> {
    let server = proxy.servers.get(index)?;
    let text = match server.id {
        None => "id unknown".to_owned(),
        Some(id) if server.explicit => format!("id {id}"),
        Some(id) => format!("id {id}, by position"),
    };
    // The name of a template's server stands nowhere.
    let template = proxy.line_of(index).is_some_and(|line| line.template);
    let text = if template { format!("`{}`: {text}", escape::name(&server.name)) } else { text };
    Some(context.word(instance, server.place, 1, text))
}

/// `2 on lb1, 3 on lb2`: what an instance has, of those that have something; the rest of many is counted.
pub(super) fn by_instance<T: std::fmt::Display>(context: &Context<'_>, values: &[Option<T>]) -> String {
    const SHOWN: usize = 4;
    let known: Vec<String> = values
        .iter()
        .zip(&context.instances)
        .filter_map(|(value, subject)| {
            value.as_ref().map(|v| format!("{v} on {}", escape::name(subject.name.as_bytes())))
        })
        .collect();
    match known.split_at_checked(SHOWN) {
        Some((shown, rest)) if !rest.is_empty() => format!("{} and {} more", shown.join(", "), rest.len()),
        _ => known.join(", "),
    }
}
