//! # `peer` and `bind` in one section
//!
//! ## What it does
//! Looks for `peer` lines in peers sections that have a `bind` line.
//!
//! ## Why is this bad?
//! A peers section has one of two forms: `peer` lines, of which the local one is also the listener; or `bind` for the
//! listener and `server` lines. HAProxy refuses a mixture, also where the `peer` line is that of a remote.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000
//!   server lb1
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::{Known, PeerKeyword},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-bind-and-peer",
    summary: "`peer` and `bind` in one section: HAProxy refuses it",
    source: include_str!("bind_and_peer.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for section in &instance.peers {
            let Some(bind) = section.binds.iter().find(|bind| bind.known == Known::Yes) else { continue };
            let is_peer = |keyword, known| keyword == PeerKeyword::Peer && known == Known::Yes;
            let mut peers = section.entries.iter().filter(|entry| is_peer(entry.keyword, entry.known));
            let Some(first) = peers.next() else { continue };
            let local = instance.local.name.as_deref();
            let is_local = Some(first.name.as_slice()) == local;
            let rest = if is_local { " without its address" } else { "" };
            let finding = Finding::new(
                Severity::Error,
                format!("peers section `{}` has `bind` and `peer` lines", escape::name(&section.name)),
                context.word(index, first.place, 0, "a `peer` line"),
            )
            .label(context.word(index, bind.place, 0, "the section's listener"))
            .happens("HAProxy refuses the configuration: the two don't mix.")
            .help(format!(
                "write `server {}`{rest} instead, and so for the other `peer` lines",
                escape::name(&first.name)
            ));
            let label = |place| context.word(index, place, 0, "a `peer` line");
            found.push(peers.map(|entry| label(entry.place)).fold(finding, Finding::label));
        }
    }
}
