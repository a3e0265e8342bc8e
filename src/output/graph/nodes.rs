//! The boxes: instances with their local names and listeners, and peers that nobody given is.

use super::Node;
use crate::output::redact;
use crate::{
    escape,
    grammar::ParamTable,
    model::{Instance, PeerEntry, PeersSection, Place},
};

/// The node of an instance. `others` are all instances.
pub(super) fn instance(name: &str, instance: &Instance<'_>, others: &[(&str, &Instance<'_>)]) -> Node {
    let shown = escape::name(name.as_bytes()).into_owned();
    let local = instance.local.name.as_deref();
    let twin = others.iter().find(|(other, i)| *other != name && local.is_some() && i.local.name.as_deref() == local);
    let remark = match (local, twin) {
        (Some(local), Some((other, _))) => {
            let other = escape::name(other.as_bytes());
            Some(format!("local peer {}, like {other}", escape::name(local)))
        }
        (Some(local), None) if local != name.as_bytes() => Some(format!("local peer {}", escape::name(local))),
        (Some(_), None) => None,
        (None, _) => Some("local peer unknown".to_owned()),
    };
    let mut addresses: Vec<String> = instance.peers.iter().filter_map(|s| listens(instance, s)).collect();
    addresses.dedup();
    Node { name: shown, remark, addresses, ghost: false }
}

/// A peer that none of the instances is.
pub(super) fn ghost(name: &[u8]) -> Node {
    Node { name: escape::name(name).into_owned(), remark: None, addresses: Vec::new(), ghost: true }
}

/// The local entry of a section.
pub(super) fn local_entry<'s>(instance: &Instance<'_>, section: &'s PeersSection) -> Option<&'s PeerEntry> {
    section.entry(instance.local.name.as_deref()?)
}

/// Where an instance listens for a section, as HAProxy sees it.
pub(super) fn listener<'s>(instance: &Instance<'_>, section: &'s PeersSection) -> Option<&'s [u8]> {
    let bind = section.binds.first().map(|bind| bind.address.as_slice());
    bind.or_else(|| section.address(local_entry(instance, section)?))
}

/// Whether that listener speaks TLS. Only `bind … ssl` makes it.
pub(super) fn listens_with_tls(section: &PeersSection) -> bool {
    section.binds.iter().any(|bind| {
        let words: Vec<&[u8]> = section.bind_params(bind).collect();
        let params = ParamTable::Bind.scan(&words, None);
        params.iter().any(|param| param.info.is_some_and(|info| info.keyword == "ssl"))
    })
}

/// The same for people: the source text where the environment took part.
fn listens(instance: &Instance<'_>, section: &PeersSection) -> Option<String> {
    match section.binds.first() {
        Some(bind) => Some(shown(instance, bind.place, 1, &bind.address)),
        None => called_at(instance, local_entry(instance, section)?),
    }
}

/// The address of a peer's line for people.
pub(super) fn called_at(instance: &Instance<'_>, entry: &PeerEntry) -> Option<String> {
    entry.address.as_deref().map(|address| shown(instance, entry.place, 2, address))
}

/// A word of a line as it stands there: what a reference is filled in with stays where it is.
fn shown(instance: &Instance<'_>, place: Place, word: usize, value: &[u8]) -> String {
    if redact::is_secret(instance, place, word) {
        return "‹redacted›".to_owned();
    }
    escape::name(instance.as_written(place, word, value)).into_owned()
}
