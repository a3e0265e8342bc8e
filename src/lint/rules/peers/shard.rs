//! # A `shard` without its part
//!
//! ## What it does
//! Compares `shard N` on peers with the section's `shards`.
//!
//! ## Why is this bad?
//! `shards N` deals the keys out to N parts, and `shard K` gives a peer part K. HAProxy ignores a `shard` above `shards`, or
//! one in a section without `shards`, with a warning: that peer gets all keys. A part that no peer has travels to those
//! peers only that have no `shard`; if all have one, it travels nowhere.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   shards 2
//!   peer lb1 10.0.0.1:10000
//!   peer store1 10.0.0.11:10000 shard 1
//!   peer store2 10.0.0.12:10000 shard 3
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   shards 2
//!   peer lb1 10.0.0.1:10000
//!   peer store1 10.0.0.11:10000 shard 1
//!   peer store2 10.0.0.12:10000 shard 2
//! ```
//!
//! ## Seen on
//! 3.0, 3.2 (2.6 knows neither word)

use crate::{
    escape,
    grammar::ParamTable,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::{PeerEntry, PeersSection},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-shard",
    summary: "a peer's `shard` is no part of the section's `shards`, or a part has no peer",
    source: include_str!("shard.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for member in mesh::running(context) {
        let section = member.section;
        let name = escape::name(&section.name);
        let header = mesh::lines(member.instance, section, "shards").last().copied();
        if header.is_some() && section.shards.is_none() {
            continue;
        }
        let shards = section.shards.unwrap_or(0);
        let parts: Vec<_> = member.remotes().map(|entry| (entry, part(section, entry))).collect();
        for (entry, part) in
            parts.iter().filter_map(|(entry, part)| Some((entry, (*part)?))).filter(|(_, p)| *p > shards)
        {
            let peer = escape::name(&entry.name);
            let message = match shards {
                0 => format!("peer `{peer}` has `shard {part}`, and section `{name}` has no `shards`"),
                _ => format!("peer `{peer}` has `shard {part}`, and section `{name}` has only {shards} shards"),
            };
            let finding = Finding::new(Severity::Error, message, context.param(&member, entry, "shard", "ignored"))
                .happens("HAProxy ignores it with a warning: the peer gets all keys.")
                .help("raise `shards`, or give the peer a number from 1 to that of `shards`");
            let label = header.map(|place| context.word(member.index, place, 1, "the number of parts"));
            found.push(label.into_iter().fold(finding, Finding::label));
        }
        let all_have_one = !parts.is_empty() && parts.iter().all(|(_, part)| part.is_some_and(|part| part <= shards));
        let Some(header) = header.filter(|_| all_have_one) else { continue };
        let missing = (1..=shards.min(MOST)).filter(|n| !parts.iter().any(|(_, part)| *part == Some(*n)));
        let missing: Vec<String> = missing.map(|part| part.to_string()).collect();
        if !missing.is_empty() {
            found.push(
                Finding::new(
                    Severity::Warning,
                    format!("no peer of section `{name}` has shard {}", missing.join(", ")),
                    context.word(member.index, header, 1, "the number of parts"),
                )
                .happens("The keys of that part are replicated to nobody.")
                .help("give a peer that part, or lower `shards`"),
            );
        }
    }
}

/// More parts than this are not looked at one by one.
const MOST: u32 = 64;

/// The part of the keys that a peer gets; `None` for all of them.
fn part(section: &PeersSection, entry: &PeerEntry) -> Option<u32> {
    let words: Vec<&[u8]> = section.params(entry).collect();
    let params = ParamTable::Server.scan(&words, None);
    let last = params.iter().rev().find(|param| param.info.is_some_and(|info| info.keyword == "shard"))?;
    str::from_utf8(words.get(last.values.start)?).ok()?.parse().ok().filter(|part| *part > 0)
}
