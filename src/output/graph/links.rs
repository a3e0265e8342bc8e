//! The lines between the boxes: who lists whom, and whether the two can talk.

use std::collections::BTreeMap;

use super::{Link, Node, State, nodes};
use crate::{
    escape,
    model::{Instance, PeerEntry, PeersSection, peers},
};

/// An instance by index, with one of its peers sections by index.
pub(super) type Member = (usize, usize);

/// Nodes, links, and the pairs of sections that links connect.
pub(super) struct Found {
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    pub(super) pairs: Vec<[Member; 2]>,
}

/// One end of a link: a node, and the section if the node is an instance that has one for it.
type End = (usize, Option<usize>);

/// A line of one instance that stands for another node.
struct Call<'i> {
    from: &'i str,
    instance: &'i Instance<'i>,
    section: &'i PeersSection,
    entry: &'i PeerEntry,
}

type Instances<'i> = [(&'i str, &'i Instance<'i>)];

/// Finds who is called by whom.
pub(super) fn find(instances: &Instances<'_>) -> Found {
    let mut nodes: Vec<Node> = instances.iter().map(|(name, i)| nodes::instance(name, i, instances)).collect();
    let calls = calls(instances);
    let mut ghosts: Vec<&[u8]> =
        calls.iter().filter(|(_, _, target)| target.is_none()).map(|(_, call, _)| call.entry.name.as_slice()).collect();
    ghosts.sort_unstable();
    ghosts.dedup();
    nodes.extend(ghosts.iter().map(|name| nodes::ghost(name)));

    let mut pairs: BTreeMap<[End; 2], [Option<Call<'_>>; 2]> = BTreeMap::new();
    for ((index, section), call, target) in calls {
        let own = (index, Some(section));
        let other = target.unwrap_or_else(|| {
            let ghost = ghosts.iter().position(|name| *name == call.entry.name).unwrap_or(0);
            (instances.len() + ghost, None)
        });
        if let (None, Some(address)) = (target, nodes::called_at(call.instance, call.entry))
            && let Some(node) = nodes.get_mut(other.0).filter(|node| !node.addresses.contains(&address))
        {
            node.addresses.push(address);
        }
        let (key, direction) = if own < other { ([own, other], 0) } else { ([other, own], 1) };
        if let Some(place) = pairs.entry(key).or_default().get_mut(direction) {
            *place = Some(call);
        }
    }
    let member = |end: End| end.1.map(|section| (end.0, section));
    Found {
        links: pairs.iter().map(|(ends, calls)| link(instances, *ends, calls)).collect(),
        pairs: pairs.keys().filter_map(|[a, b]| Some([member(*a)?, member(*b)?])).collect(),
        nodes,
    }
}

/// All calls with the end they come from and the end they go to; `None` if that is none of the instances.
fn calls<'i>(instances: &'i Instances<'i>) -> Vec<(Member, Call<'i>, Option<End>)> {
    let mut calls = Vec::new();
    for (index, (from, instance)) in instances.iter().enumerate() {
        for (number, section) in instance.peers.iter().enumerate() {
            let local = instance.local.name.as_deref();
            // Of two lines with one name the last one counts.
            let counts = |e: &&PeerEntry| section.entry(&e.name).is_some_and(|last| last.place == e.place);
            // Where HAProxy drops the section, the line with the instance's own name is most likely meant for itself.
            let dropped = instance.is_effective(section) == Some(false);
            let own = |e: &PeerEntry| Some(e.name.as_slice()) == local || dropped && e.name == from.as_bytes();
            for entry in section.entries.iter().filter(|e| !e.guest && !own(e)).filter(counts) {
                let target = target(instances, index, section, entry);
                calls.push(((index, number), Call { from, instance, section, entry }, target));
            }
        }
    }
    calls
}

/// Which instance a line means: the one that calls itself so, else the one that listens there, else the one whose file is
/// called so.
fn target(instances: &Instances<'_>, own: usize, section: &PeersSection, entry: &PeerEntry) -> Option<End> {
    let others = || instances.iter().enumerate().filter(|(index, _)| *index != own);
    let listens = |i: &Instance<'_>| {
        entry.address.is_some() && i.peers.iter().any(|s| nodes::listener(i, s) == entry.address.as_deref())
    };
    let named = || others().filter(|(_, (_, i))| i.local.name.as_ref() == Some(&entry.name));
    let found = named().find(|(_, (_, i))| listens(i)).or_else(|| named().next());
    let found = found.or_else(|| others().find(|(_, (_, i))| listens(i)));
    let (index, (_, instance)) = found.or_else(|| others().find(|(_, (name, _))| name.as_bytes() == entry.name))?;

    // The names of sections mean nothing to the other side: the listener decides which one answers.
    let port = entry.address.as_deref().and_then(peers::port);
    let answers: [&dyn Fn(&&PeersSection) -> bool; 4] = [
        &|s| entry.address.is_some() && nodes::listener(instance, s) == entry.address.as_deref(),
        &|s| port.is_some() && nodes::listener(instance, s).and_then(peers::port) == port,
        &|s| s.name == section.name,
        &|s| instance.is_effective(s) != Some(false),
    ];
    let position = answers.iter().find_map(|answer| instance.peers.iter().position(|s| answer(&s)));
    Some((index, position))
}

fn link(instances: &Instances<'_>, ends: [End; 2], calls: &[Option<Call<'_>>; 2]) -> Link {
    let side = |end: End| {
        let (name, instance) = instances.get(end.0)?;
        Some((*name, *instance, end.1.and_then(|section| instance.peers.get(section))))
    };
    let sides = ends.map(side);
    let tls = calls.iter().flatten().any(|call| call.section.uses_tls(call.entry));
    let mut link = Link {
        ends: ends.map(|end| end.0),
        sections: sides.map(|s| s.and_then(|(_, _, section)| section).map(|s| escape::name(&s.name).into_owned())),
        calls: [calls[0].is_some(), calls[1].is_some()],
        tls,
        state: State::Works,
        reasons: Vec::new(),
    };
    let mut broken: Vec<String> = sides.iter().flatten().filter_map(|s| out_of_service(*s)).collect();
    let [Some(first), Some(second)] = sides else {
        link.state = if broken.is_empty() { State::Unknown } else { State::Broken };
        link.reasons = broken;
        return link;
    };
    let mut one_sided = Vec::new();
    let mut refused = Vec::new();
    for (call, (name, instance, section), (caller, ..)) in [(&calls[0], second, first), (&calls[1], first, second)] {
        let Some(call) = call else {
            let (name, caller) = (escape::name(name.as_bytes()), escape::name(caller.as_bytes()));
            one_sided.push(format!("{caller} doesn't list {name}"));
            continue;
        };
        broken.extend(wrong_name(call, name, instance));
        refused.extend(other_security(call, name, section));
        link.reasons.extend(other_address(call, name, instance, section));
    }
    // A session needs one call that comes through; either direction will do.
    let reached = link.calls.iter().filter(|call| **call).count() > refused.len();
    link.state = match (broken.is_empty() && reached, one_sided.is_empty()) {
        (false, _) => State::Broken,
        (true, false) => State::OneSided,
        (true, true) => State::Works,
    };
    link.reasons = [broken, one_sided, refused, link.reasons].concat();
    link
}

/// Why a section of an instance answers nobody.
fn out_of_service((name, instance, section): (&str, &Instance<'_>, Option<&PeersSection>)) -> Option<String> {
    let name = escape::name(name.as_bytes());
    let Some(section) = section else { return Some(format!("{name} has no peers section for it")) };
    let shown = escape::name(&section.name);
    if section.disabled {
        return Some(format!("section {shown} of {name} is disabled"));
    }
    let local = escape::name(instance.local.name.as_deref()?);
    let dropped = instance.is_effective(section) == Some(false);
    dropped.then(|| format!("{name} drops section {shown}: no peer in it is called {local}"))
}

fn wrong_name(call: &Call<'_>, name: &str, instance: &Instance<'_>) -> Option<String> {
    let local = instance.local.name.as_ref().filter(|local| **local != call.entry.name)?;
    let (name, from) = (escape::name(name.as_bytes()), escape::name(call.from.as_bytes()));
    let (called, local) = (escape::name(&call.entry.name), escape::name(local));
    Some(format!("{from} calls {name} `{called}`, its own name is `{local}`"))
}

fn other_security(call: &Call<'_>, name: &str, section: Option<&PeersSection>) -> Option<String> {
    let (calls, listens) = (call.section.uses_tls(call.entry), nodes::listens_with_tls(section?));
    let word = |tls: bool| if tls { "with TLS" } else { "in plain text" };
    let (name, from) = (escape::name(name.as_bytes()), escape::name(call.from.as_bytes()));
    (calls != listens).then(|| format!("{from} calls {}, {name} listens {}", word(calls), word(listens)))
}

/// No mistake by itself: a wildcard, a name, or a translated address.
fn other_address(
    call: &Call<'_>,
    name: &str,
    instance: &Instance<'_>,
    section: Option<&PeersSection>,
) -> Option<String> {
    let listener = nodes::listener(instance, section?)?;
    let (called, name) = (nodes::called_at(call.instance, call.entry)?, escape::name(name.as_bytes()));
    let from = escape::name(call.from.as_bytes());
    (Some(listener) != call.entry.address.as_deref()).then(|| format!("{from} calls {name} at {called}"))
}
