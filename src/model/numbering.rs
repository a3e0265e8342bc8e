//! Ids that all instances can agree on: which numbers the servers of a backend should have, and which lines must say so.
//!
//! `choose` finds the numbers. How few lines have to say them is a question for `few`: the others get their id by position. A server that only one instance
//! has gets another number than it had, if that saves a line (`prune`).

mod choose;
mod few;
mod prune;

use std::collections::{HashMap, HashSet};

use choose::{Targets, choose};

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
