//! From lines that are right by themselves to options that are right together.

use std::path::Path;

use super::draft::{Global, Named, SectionDraft};
use super::file::Draft;
use super::levels;
use super::line::Word;
use super::listeners::{self, Listeners};
use super::options::{MAX_SOURCES, Options, Section};
use super::problems::Problems;
use super::statement::{PeerLine, PeerRole};
use crate::aggregate::{Aggregation, MAX_PEERS, Naming, Peer, Relation};
use crate::cli::target::{Target, of_server_words};
use crate::node::{Address, Retry};
use crate::span::Span;

/// What the file is read for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The file.
    pub(super) file: &'a Path,
    /// Whether a listener in plain is fine where others can reach it.
    pub(super) insecure_plaintext: bool,
}

/// Puts everything together; what doesn't go together is added to `problems`.
pub(super) fn assemble(draft: Draft, wanted: Wanted<'_>, problems: &mut Problems) -> Option<Options> {
    let Draft { global, mut sections } = draft;
    let global = global.finish();
    if sections.is_empty() {
        let help = "add one: `aggregations NAME`, with `from any to .agg` and a `peer` line for each node";
        problems.error(Span::at(0), "nothing is added up: there is no aggregations section", "", help);
    }
    let us = our_name(&global, &sections, problems);
    check_names(&sections, problems);
    if let Some((us, span)) = &us {
        for section in &sections {
            check_ourselves(section, us, *span, problems);
        }
    }
    check_addresses(&sections, problems);
    let mut listeners = Listeners::new(global.bind.as_ref(), wanted);
    let of_sections: Vec<Option<usize>> =
        sections.iter().map(|section| listeners.of_section(section, problems)).collect();
    listeners::check_callers(&sections, &of_sections, problems);
    let named: Vec<Option<Named>> = sections.iter_mut().map(|section| section.naming(problems)).collect();
    let sound: Vec<(&SectionDraft, &Named)> = sections
        .iter()
        .zip(&named)
        .filter_map(|(section, named)| Some((section, named.as_ref()?)))
        .filter(|(_, named)| levels::check_section(named, problems))
        .collect();
    levels::check_cycles(&sound, problems);
    let us: Box<[u8]> = us.map(|(us, _)| us.into_bytes()).unwrap_or_default().into();
    let mut options = Options {
        listeners: listeners.into_options(&sections, &of_sections, problems),
        metrics: global.metrics,
        metrics_top: None,
        control: global.control,
        state_file: global.state_file,
        dry_run: false,
        sections: Vec::new(),
        us,
    };
    for ((mut section, named), listener) in sections.into_iter().zip(named).zip(of_sections) {
        let targets = targets(&section, &options.us, wanted, problems);
        check_sources(&section, problems);
        let aggregation = aggregation(&mut section, named, problems);
        options.sections.extend(aggregation.map(|aggregation| Section { aggregation, targets, listener }));
    }
    (!problems.has_errors()).then_some(options)
}

/// Our name, and where it stands: that of `global`, with which all others must agree.
fn our_name(global: &Global, sections: &[SectionDraft], problems: &mut Problems) -> Option<(String, Span)> {
    let mut us = global.local.clone();
    for (peer, _) in sections.iter().flat_map(SectionDraft::locals) {
        match &us {
            None => us = Some((peer.name.clone(), peer.word.span)),
            Some((name, span)) if *name != peer.name => {
                let message = format!("two names for ourselves: `{name}` and `{}`", peer.name);
                let help = "the nodes list us under one name: give that one in both places";
                problems.clash(message, (*span, "we are called so here"), (peer.word.span, "and so here"), help);
            }
            Some(_) => {}
        }
    }
    let broken = global.broken || sections.iter().any(|section| section.broken);
    if us.is_none() && !broken {
        let help = "the name under which the nodes list this aggregator: `localpeer agg1` in `global`";
        problems.error(Span::at(0), "nothing says our own name", "", help);
    }
    us
}

/// Sections and the peers of each have names of their own.
fn check_names(sections: &[SectionDraft], problems: &mut Problems) {
    for (n, section) in sections.iter().enumerate() {
        if let Some(first) = sections.iter().take(n).find(|other| other.name == section.name && !other.name.is_empty())
        {
            let message = format!("two sections are called `{}`", section.name);
            let help = "give each a name of its own, or put all peers into one";
            problems.clash(message, (first.span, "the first"), (section.span, "the second"), help);
        }
        for (n, peer) in section.peers.iter().enumerate() {
            if let Some(first) = section.peers.iter().take(n).find(|other| other.name == peer.name) {
                let message = format!("two peers are called `{}`", peer.name);
                let help = "a source is known by its name: what both have would overwrite each other";
                problems.clash(message, (first.word.span, "the first"), (peer.word.span, "the second"), help);
            }
        }
    }
}

/// Nobody else has our name.
fn check_ourselves(section: &SectionDraft, us: &str, span: Span, problems: &mut Problems) {
    for (peer, word) in called(section).filter(|(peer, _)| peer.name == us) {
        let message = format!("peer `{us}` is ourselves");
        let help = format!("leave it out, or say so: `peer {us} {} local`", word.shown());
        problems.clash(message, (span, "our name"), (peer.word.span, "a peer to call"), &help);
    }
}

/// Each address is called once: HAProxy keeps one session for each name that calls it.
fn check_addresses(sections: &[SectionDraft], problems: &mut Problems) {
    let mut known: Vec<(&Address, &PeerLine, &Word, &SectionDraft)> = Vec::new();
    for section in sections {
        for (_, bind) in section.locals() {
            if let Some((.., word, _)) = known.iter().find(|(address, ..)| **address == bind.address) {
                own_address(word, &bind.word, problems);
            }
        }
        for peer in &section.peers {
            let PeerRole::Other { address, word, .. } = &peer.role else { continue };
            if let Some((_, first, place, other)) = known.iter().find(|(known, ..)| *known == address) {
                let message = if std::ptr::eq(*other, section) {
                    format!("peers `{}` and `{}` have one address", first.name, peer.name)
                } else {
                    format!("sections `{}` and `{}` call one address", other.name, section.name)
                };
                let help = "a peer keeps one session for each name that calls it, and the newest wins: give each peers \
                            section of a node an address of its own";
                problems.clash(message, (place.span, "the first"), (word.span, "the second"), help);
            }
            if let Some((_, bind)) = section.locals().find(|(_, bind)| bind.address == *address) {
                own_address(word, &bind.word, problems);
            }
            known.push((address, peer, word, section));
        }
    }
}

fn own_address(peer: &Word, ours: &Word, problems: &mut Problems) {
    let message = format!("`{}` is our own address", peer.shown());
    let help = "give the address on which that peer listens";
    problems.clash(message, (ours.span, "we listen here"), (peer.span, "and would call ourselves"), help);
}

/// Those peers of a section that are called, with their addresses.
fn called(section: &SectionDraft) -> impl Iterator<Item = (&PeerLine, &Word)> {
    section.peers.iter().filter_map(|peer| match &peer.role {
        PeerRole::Other { word, .. } => Some((peer, word)),
        PeerRole::Local(_) => None,
    })
}

/// From 1 to 64 sources.
fn check_sources(section: &SectionDraft, problems: &mut Problems) {
    let is_source =
        |peer: &&PeerLine| matches!(&peer.role, PeerRole::Other { relation: Relation::Node | Relation::Down, .. });
    let sources: Vec<&PeerLine> = section.peers.iter().filter(is_source).collect();
    if sources.is_empty() && !section.broken {
        let message = format!("section `{}` has nobody to learn from", section.name);
        problems.error(section.span, message, "this section", "add a line for each node: `peer lb1 10.0.0.1:10000`");
    }
    if let Some(first) = sources.get(MAX_SOURCES) {
        let message = format!("section `{}` has {} sources; {MAX_SOURCES} are the most", section.name, sources.len());
        let help = "put an aggregator between: each of a lower level has up to 64 nodes, and is one `down` peer here";
        problems.error(first.word.span, message, "the first that is too many", help);
    } else if let Some((first, _)) = called(section).nth(MAX_PEERS) {
        let others = called(section).count();
        let message = format!("section `{}` has {others} peers; {MAX_PEERS} are the most", section.name);
        let help = "give the other aggregators a section with fewer nodes";
        problems.error(first.word.span, message, "the first that is too many", help);
    }
}

/// How the peers are called.
fn targets(section: &SectionDraft, us: &[u8], wanted: Wanted<'_>, problems: &mut Problems) -> Vec<Target> {
    let mut targets = Vec::new();
    for peer in &section.peers {
        let PeerRole::Other { address, word, params, .. } = &peer.role else { continue };
        let words: Vec<&[u8]> = params.iter().map(Vec::as_slice).collect();
        let (proxy_header, tls) = match of_server_words(&words, wanted.file) {
            Ok(read) => read,
            Err(failure) => {
                problems.failure(word.span, failure);
                continue;
            }
        };
        let name = Some(peer.name.as_bytes().into());
        let target = Target { name, us: us.into(), address: Some(address.clone()), proxy_header, tls };
        // What the files hold is looked at now, not when the first call is made.
        if let Err(failure) = target.call(Retry::Always) {
            problems.failure(word.span, failure);
        }
        targets.push(target);
    }
    targets
}

fn aggregation(section: &mut SectionDraft, named: Option<Named>, problems: &mut Problems) -> Option<Aggregation> {
    let peers = section.peers.iter().filter_map(|peer| match &peer.role {
        PeerRole::Other { relation, .. } => Some(Peer { name: peer.name.as_bytes().into(), relation: *relation }),
        PeerRole::Local(_) => None,
    });
    let peers = peers.collect();
    let lease = section.lease();
    let (naming, _) = named?;
    if let Some((name, span)) = &lease
        && naming.is_total(name)
    {
        problems.error(*span, "the lease would be a total", "", "give it a table of its own: `lease lease`");
    }
    if let (Some((name, span)), Naming::Tables(_)) = (&lease, &naming)
        && naming.total_of(name).is_some()
    {
        problems.error(*span, "the lease would be added up", "", "give it a table of its own: `lease lease`");
    }
    Some(Aggregation {
        name: section.name.clone(),
        naming,
        peers,
        policy: section.policy(),
        publish: section.publish(problems),
        stale: section.stale(),
        start_grace_ms: section.start_grace_ms(),
        refresh_ms: section.refresh_ms(problems),
        teach_back: section.teach_back(),
        lease: lease.map(|(name, _)| name),
    })
}
