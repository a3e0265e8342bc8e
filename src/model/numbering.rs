//! Ids that all instances can agree on: which numbers the servers of a backend should have, and which lines must say so.
//!
//! A server that has one written-down id on all instances keeps it. Then one instance decides: its servers keep the ids they
//! have. A server it doesn't know keeps an id it has elsewhere if no other server is to have that number, or only the same machine
//! under another name; else it gets a free one.
//! How few lines have to say it is a question for `few`: the others get their id by position. A server that only one instance
//! has gets another number than it had, if that saves a line (`prune`).

mod few;
mod prune;

use std::collections::{HashMap, HashSet};

use super::{
    proxy::{Proxy, ServerLine},
    reading::Known,
    server_id::{self, Declaration, ExplicitId},
};

/// What has to be written so that a backend's servers have the same ids on all instances.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreement {
    /// The instance whose ids the others take over, as an index into the proxies.
    pub reference: usize,
    /// The lines to change, by instance and line.
    pub pins: Vec<Pin>,
}

/// A line that has to say an id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pin {
    /// The instance, as an index into the proxies.
    pub instance: usize,
    /// The line, as an index into [`Proxy::lines`].
    pub line: usize,
    /// The id of the line's first server.
    pub id: u32,
}

/// Which lines are written to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Extent {
    /// As few as make the ids agree.
    Few,
    /// All that have no id yet.
    All,
}

/// Why the ids of a backend can't be written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why.
    pub why: Why,
    /// The instance, as an index into the proxies.
    pub instance: usize,
    /// The line, as an index into [`Proxy::lines`]; `None` = the backend as a whole.
    pub line: Option<usize>,
}

/// The reasons of a [`Refusal`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Why {
    /// A line may or may not be read.
    #[error("its lines depend on a condition that can't be decided here")]
    Conditional,
    /// An id, or what may be one, is not known.
    #[error("a word that may be an id depends on the environment, or is none")]
    UnknownId,
    /// HAProxy refuses the backend: an id twice.
    #[error("an id is written down twice")]
    DuplicateId,
    /// The same name twice: names can't tell the servers apart.
    #[error("two servers have one name")]
    DuplicateName,
    /// The id that would have to change comes from the environment.
    #[error("the id that would have to change comes from the environment")]
    Referenced,
    /// What is written on the line isn't read.
    #[error("an empty word hides the rest of its line")]
    Hidden,
    /// Only the first server of a template can have an id written down, and the others don't come out right.
    #[error(
        "only the first server of a `server-template` can be given an id, and the others don't get the right ones by position"
    )]
    Template,
}

/// Finds ids for the servers of one backend, whose proxy on each instance is given (`None` = it has none). `reference`
/// decides, if it has the backend; where a `server-template` makes that impossible, the next instance that can.
///
/// # Errors
/// A [`Refusal`] with its place.
pub fn agree(proxies: &[Option<&Proxy<'_>>], reference: usize, extent: Extent) -> Result<Agreement, Refusal> {
    let sides: Vec<Side<'_>> = proxies
        .iter()
        .enumerate()
        .filter_map(|(instance, proxy)| proxy.map(|proxy| Side::new(instance, proxy)))
        .collect::<Result<_, _>>()?;
    let first = sides.iter().position(|side| side.instance == reference).unwrap_or(0);
    let mut refused = None;
    for decider in std::iter::once(first).chain((0..sides.len()).filter(|n| *n != first)) {
        match agree_with(&sides, decider, extent) {
            Ok(pins) => {
                let reference = sides.get(decider).map_or(reference, |side| side.instance);
                check_writable(&sides, &pins)?;
                return Ok(Agreement { reference, pins });
            }
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    refused.map_or(Ok(Agreement { reference, pins: Vec::new() }), Err)
}

/// A backend on one instance.
struct Side<'a> {
    instance: usize,
    proxy: &'a Proxy<'a>,
    /// The servers' ids, in order.
    ids: Vec<u32>,
    /// By name, the index of the server.
    by_name: HashMap<&'a [u8], usize>,
}

impl<'a> Side<'a> {
    fn new(instance: usize, proxy: &'a Proxy<'a>) -> Result<Self, Refusal> {
        let refuse = |why, line| Err(Refusal { why, instance, line });
        if proxy.known != Known::Yes {
            return refuse(Why::Conditional, None);
        }
        let (mut by_name, mut given) = (HashMap::new(), HashSet::new());
        for (number, line) in proxy.lines.iter().enumerate() {
            let servers = proxy.servers_of(line);
            if servers.iter().any(|s| s.known != Known::Yes) {
                return refuse(Why::Conditional, Some(number));
            }
            match line.explicit {
                ExplicitId::Unknown => return refuse(Why::UnknownId, Some(number)),
                _ if line.unset.is_some() => return refuse(Why::UnknownId, Some(number)),
                ExplicitId::Given(id) if !given.insert(id) => return refuse(Why::DuplicateId, Some(number)),
                _ => {}
            }
            for (place, server) in (line.first as usize..).zip(servers) {
                if by_name.insert(&*server.name, place).is_some() {
                    return refuse(Why::DuplicateName, Some(number));
                }
            }
        }
        let ids: Option<Vec<u32>> = proxy.servers.iter().map(|s| s.id).collect();
        match ids {
            Some(ids) => Ok(Self { instance, proxy, ids, by_name }),
            None => refuse(Why::UnknownId, None),
        }
    }

    fn id(&self, server: usize) -> u32 {
        self.ids.get(server).copied().unwrap_or(0)
    }

    fn name(&self, server: usize) -> &'a [u8] {
        self.proxy.servers.get(server).map_or(b"", |s| &*s.name)
    }

    fn address(&self, server: usize) -> &'a [u8] {
        self.proxy.servers.get(server).map_or(b"", |s| &*s.address)
    }

    /// Whether the server's own id is written down.
    fn is_explicit(&self, server: usize) -> bool {
        self.proxy.servers.get(server).is_some_and(|s| s.explicit)
    }
}

/// The ids that the servers are to have.
#[derive(Default)]
struct Targets<'a> {
    by_name: HashMap<&'a [u8], u32>,
    /// By id, the servers that are to have it: several only if they are one machine.
    by_id: HashMap<u32, Vec<&'a [u8]>>,
}

impl<'a> Targets<'a> {
    fn set(&mut self, name: &'a [u8], id: u32) {
        self.by_name.insert(name, id);
        self.by_id.entry(id).or_default().push(name);
    }

    /// The servers that are to have this id.
    fn with(&self, id: u32) -> &[&'a [u8]] {
        self.by_id.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    fn of(&self, side: &Side<'_>) -> Vec<u32> {
        (0..side.ids.len()).map(|server| self.by_name.get(side.name(server)).copied().unwrap_or(0)).collect()
    }
}

fn agree_with(sides: &[Side<'_>], decider: usize, extent: Extent) -> Result<Vec<Pin>, Refusal> {
    let mut targets = choose(sides, decider);
    let mut pins = Vec::new();
    for side in sides {
        let wanted = targets.of(side);
        let lines = few::lines(side.proxy, &wanted, extent)
            .filter(|lines| comes_out(side, lines, &wanted))
            .or_else(|| bend(sides, side, &mut targets, extent));
        let Some(lines) = lines else {
            let line = side.proxy.lines.iter().position(|line| line.count > 1);
            return Err(Refusal { why: Why::Template, instance: side.instance, line });
        };
        pins.extend(lines.into_iter().map(|(line, id)| Pin { instance: side.instance, line, id }));
    }
    if extent == Extent::Few {
        prune::prune(sides, &targets, &mut pins);
    }
    Ok(pins)
}

/// The ids that the servers of all instances should have.
fn choose<'a>(sides: &[Side<'a>], decider: usize) -> Targets<'a> {
    let mut targets = Targets::default();
    for (server, id) in sides.first().into_iter().flat_map(|side| side.ids.iter().enumerate()) {
        let Some(name) = sides.first().map(|side| side.name(server)) else { continue };
        let keeps =
            |side: &Side<'_>| side.by_name.get(name).is_some_and(|n| side.is_explicit(*n) && side.id(*n) == *id);
        if sides.len() > 1 && sides.iter().all(keeps) {
            targets.set(name, *id);
        }
    }
    let highest = sides.iter().flat_map(|side| &side.ids).max().copied().unwrap_or(0);
    let mut free = Free { next: highest.checked_add(1).filter(|id| *id <= server_id::MAX_OLD), low: 1 };
    let twins = Twins::new(sides);
    let order = || {
        let others = sides.iter().enumerate().filter(|(n, _)| *n != decider).map(|(_, side)| side);
        sides.get(decider).into_iter().chain(others)
    };
    for side in order() {
        for server in 0..side.ids.len() {
            let name = side.name(server);
            if targets.by_name.contains_key(name) {
                continue;
            }
            let mut had = order().filter_map(|side| Some(side.id(*side.by_name.get(name)?)));
            let is_fine = |id: &u32| targets.with(*id).iter().all(|other| is_same_machine(sides, other, name));
            let renamed = || twins.of(name).filter_map(|twin| targets.by_name.get(twin).copied()).find(is_fine);
            let id = had.find(is_fine).or_else(renamed).unwrap_or_else(|| free.take(&targets, sides));
            targets.set(name, id);
        }
    }
    targets
}

/// Numbers that no server of any instance has.
struct Free {
    /// Above all of them; `None` = there is nothing above.
    next: Option<u32>,
    /// Below this, everything is taken.
    low: u32,
}

impl Free {
    fn take(&mut self, targets: &Targets<'_>, sides: &[Side<'_>]) -> u32 {
        if let Some(id) = self.next {
            self.next = id.checked_add(1).filter(|id| *id <= server_id::MAX_OLD);
            return id;
        }
        let is_taken = |id: &u32| targets.by_id.contains_key(id) || sides.iter().any(|side| side.ids.contains(id));
        let id = (self.low..=server_id::MAX_OLD).find(|id| !is_taken(id)).unwrap_or(self.low);
        self.low = id.saturating_add(1);
        id
    }
}

/// So many names of one address are looked at.
const MOST_NAMES: usize = 16;

/// Names of one address.
struct Twins<'s, 'a> {
    sides: &'s [Side<'a>],
    by_address: HashMap<&'a [u8], Vec<&'a [u8]>>,
}

impl<'s, 'a> Twins<'s, 'a> {
    fn new(sides: &'s [Side<'a>]) -> Self {
        let mut by_address: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        for (n, side) in sides.iter().enumerate() {
            for server in 0..side.ids.len() {
                let name = side.name(server);
                if !sides.iter().take(n).any(|before| before.by_name.contains_key(name)) {
                    by_address.entry(side.address(server)).or_default().push(name);
                }
            }
        }
        Self { sides, by_address }
    }

    /// The other names that a server has on other instances. If many have its address, they are slots and not renamed.
    fn of(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        let server = self.sides.iter().find_map(|side| Some(side.address(*side.by_name.get(name)?)));
        let names = server.and_then(|address| self.by_address.get(address));
        names
            .into_iter()
            .flatten()
            .take(MOST_NAMES)
            .copied()
            .filter(move |other| is_same_machine(self.sides, other, name))
    }
}

/// Whether two names never meet on an instance and have one address: a renamed server, which keeps its clients through its id.
fn is_same_machine(sides: &[Side<'_>], one: &[u8], other: &[u8]) -> bool {
    let mut addresses = HashSet::new();
    for side in sides {
        match [one, other].map(|name| side.by_name.get(name)) {
            [Some(_), Some(_)] => return false,
            [Some(server), None] | [None, Some(server)] => {
                addresses.insert(side.address(*server));
            }
            [None, None] => {}
        }
    }
    addresses.len() == 1
}

/// Where a template's servers can't have the ids they should, servers that no other instance has take those they get.
fn bend<'a>(
    sides: &[Side<'a>],
    side: &Side<'a>,
    targets: &mut Targets<'a>,
    extent: Extent,
) -> Option<Vec<(usize, u32)>> {
    let wanted = targets.of(side);
    let pinned = |line: &ServerLine| Declaration {
        explicit: wanted.get(line.first as usize).map_or(ExplicitId::Automatic, |id| ExplicitId::Given(*id)),
        ..line.declaration(Known::Yes)
    };
    let ids = numbered(side.proxy.lines.iter().map(pinned));
    for (server, (id, wanted)) in ids.iter().zip(&wanted).enumerate() {
        if id == wanted {
            continue;
        }
        let name = side.name(server);
        let elsewhere = sides.iter().any(|other| other.instance != side.instance && other.by_name.contains_key(name));
        if elsewhere || targets.by_id.contains_key(id) {
            return None;
        }
        targets.set(name, *id);
    }
    let wanted = targets.of(side);
    few::lines(side.proxy, &wanted, extent).filter(|lines| comes_out(side, lines, &wanted))
}

/// Whether the servers have the `wanted` ids once `lines` say what they should.
fn comes_out(side: &Side<'_>, lines: &[(usize, u32)], wanted: &[u32]) -> bool {
    numbered(declared(side, lines).iter().copied()) == wanted
}

/// What a side's lines say once `lines`, which are in order, say these ids.
fn declared(side: &Side<'_>, lines: &[(usize, u32)]) -> Vec<Declaration> {
    let mut written = lines.iter().peekable();
    let declaration = |(number, line): (usize, &ServerLine)| {
        let declared = line.declaration(Known::Yes);
        let id = written.next_if(|(changed, _)| *changed == number);
        id.map_or(declared, |(_, id)| Declaration { explicit: ExplicitId::Given(*id), ..declared })
    };
    side.proxy.lines.iter().enumerate().map(declaration).collect()
}

/// The ids that HAProxy gives; 0 for one that isn't known.
fn numbered(declarations: impl Iterator<Item = Declaration> + Clone) -> Vec<u32> {
    let mut ids = Vec::new();
    server_id::assign_each(declarations, |first, count| {
        ids.extend((0..count).map(|place| first.map_or(0, |first| first.saturating_add(place))));
    });
    ids
}

fn check_writable(sides: &[Side<'_>], pins: &[Pin]) -> Result<(), Refusal> {
    for pin in pins {
        let side = sides.iter().find(|side| side.instance == pin.instance);
        let Some(line) = side.and_then(|side| side.proxy.lines.get(pin.line)) else { continue };
        let refuse = |why| Err(Refusal { why, instance: pin.instance, line: Some(pin.line) });
        if line.hidden_from.is_some() {
            return refuse(Why::Hidden);
        }
        if line.id_referenced {
            return refuse(Why::Referenced);
        }
    }
    Ok(())
}
