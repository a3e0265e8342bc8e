//! # A peer isn't known under its name
//!
//! ## What it does
//! Compares the local name of each instance with the names under which the other instances of the mesh list it.
//!
//! ## Why is this bad?
//! The caller says the name of the peer it wants and its own. A process that is called by another name answers 503, one that
//! doesn't list the caller 504; HAProxy doesn't call again then, and prints nothing. The two replicate nothing.
//!
//! ## Example
//! ```haproxy
//! peers mesh                          # lb1.cfg, localpeer lb1
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//! ```haproxy
//! peers mesh                          # lb2.cfg, localpeer lb2
//!   peer edge1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh                          # lb2.cfg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::PeerEntry,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-not-listed",
    summary: "an instance isn't listed by another one, or under another name (503, 504)",
    source: include_str!("not_listed.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (a, b) in mesh::pairs(context).into_iter().filter(|(a, b)| a.local != b.local) {
        match (a.lists(&b), b.lists(&a)) {
            (Some(_), Some(_)) => {}
            (Some(entry), None) => found.push(one_sided(context, &a, entry, &b)),
            (None, Some(entry)) => found.push(one_sided(context, &b, entry, &a)),
            (None, None) => {
                found.extend([(&a, &b), (&b, &a)].into_iter().filter_map(|(from, to)| misnamed(context, from, to)));
            }
        }
    }
}

/// `from` lists `to`, and isn't listed there.
fn one_sided(context: &Context<'_>, from: &mesh::Member<'_>, entry: &PeerEntry, to: &mesh::Member<'_>) -> Finding {
    let (caller, called) = (from.name(), to.name());
    let section = escape::name(&to.section.name);
    let finding = Finding::new(
        Severity::Error,
        format!("`{called}` doesn't list `{caller}`"),
        context.word(to.index, to.section.place, 1, format!("no peer is called `{caller}`")),
    )
    .label(context.word(from.index, entry.place, 1, format!("`{caller}` lists `{called}`")));
    let refuses = format!("`{called}` answers the calls of `{caller}` with 504 (unknown peer)");
    match alias(to, from) {
        Some(alias) => {
            let name = escape::name(&alias.name);
            finding
                .label(context.word(to.index, alias.place, 1, format!("the address of `{caller}` under another name")))
                .happens(format!(
                    "{refuses}, and `{caller}` those of `{called}`, which are for `{name}`, with 503. They replicate nothing."
                ))
                .help(format!("write `{caller}` for `{name}`: the name is that of the local peer there"))
        }
        None => finding
            .happens(format!("{refuses}, and `{called}` never calls. They replicate nothing."))
            .help(format!("add a line for `{caller}` to section `{section}` there")),
    }
}

/// `from` calls `to`, which doesn't have that name.
fn misnamed(context: &Context<'_>, from: &mesh::Member<'_>, to: &mesh::Member<'_>) -> Option<Finding> {
    let entry = alias(from, to)?;
    let (caller, called, name) = (from.name(), to.name(), escape::name(&entry.name));
    let own = to.own()?;
    Some(
        Finding::new(
            Severity::Error,
            format!("`{caller}` calls `{called}` by the name `{name}`"),
            context.word(from.index, entry.place, 1, format!("the peer there is `{called}`")),
        )
        .label(context.word(to.index, own.place, 1, "the local peer's name"))
        .happens(format!("`{called}` answers with 503 (not my name). They replicate nothing."))
        .help(format!("write `{called}` for `{name}`, and list `{caller}` there")),
    )
}

/// The line of `from` with the address of `to` and the name of nobody who is known.
fn alias<'a>(from: &mesh::Member<'a>, to: &mesh::Member<'_>) -> Option<&'a PeerEntry> {
    let own = to.address()?;
    from.remotes().filter(|entry| Some(entry.name.as_slice()) != to.local).find(|entry| {
        mesh::dialled(entry).is_some_and(|called| called.same_host(&own) == Some(true) && called.port() == own.port())
    })
}
