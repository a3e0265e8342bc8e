//! # A peer has no address
//!
//! ## What it does
//! Looks for remote peers without an address, and for local `peer` lines without one.
//!
//! ## Why is this bad?
//! HAProxy leaves out such a line and starts all the same: for `server` lines it never says so, for `peer` lines only from
//! 3.0 on, as a warning. Nothing is replicated to that peer. Where it is the local `peer` line, the section has no local
//! peer any more, and HAProxy drops all of it.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000
//!   server lb1
//!   server lb2
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
    grammar::Version,
    lint::{Context, Finding, Rule, Severity},
    model::{Known, PeerKeyword},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-no-address",
    summary: "a peer without an address: HAProxy leaves it out",
    source: include_str!("no_address.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let Some(local) = &instance.local.name else { continue };
        for section in instance.peers.iter().filter(|section| section.is_effective(local)) {
            let bare = section.entries.iter().filter(|e| e.address.is_none() && e.known == Known::Yes && !e.referenced);
            for entry in bare {
                let (is_local, is_peer) = (entry.name == *local, entry.keyword == PeerKeyword::Peer);
                let says =
                    if is_peer && instance.version >= Version::new(3, 0) { "with a warning" } else { "silently" };
                let happens = match (is_local, is_peer) {
                    (true, false) => continue,
                    (true, true) => format!(
                        "HAProxy leaves the line out, {says}: the section has no local peer and replicates nothing."
                    ),
                    (false, _) => format!("HAProxy leaves the line out, {says}: this peer gets nothing from here."),
                };
                let name = escape::name(&entry.name);
                let (label, help) = match context.empty_word(index, entry.place) {
                    Some(label) => (label, "give the variable a value; for this check with --env VAR=VALUE".to_owned()),
                    None => (
                        context.word(index, entry.place, 1, "no address follows"),
                        format!(
                            "write address and port behind the name: `{} {name} ADDRESS:PORT`",
                            entry.keyword.word()
                        ),
                    ),
                };
                let message = format!("peer `{name}` of section `{}` has no address", escape::name(&section.name));
                found.push(Finding::new(Severity::Error, message, label).happens(happens).help(help));
            }
        }
    }
}
