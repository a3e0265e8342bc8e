//! # The local `server` has an address
//!
//! ## What it does
//! Looks for an address on the `server` line of the local peer.
//!
//! ## Why is this bad?
//! In the form with `bind` and `server` the local peer listens where `bind` says, and its line has only a name. HAProxy takes
//! an address there for a parameter that it doesn't know, and refuses the file. The line of the other instances may stay as
//! it is: there this peer is a remote.
//!
//! ## Example
//! ```haproxy
//! global
//!   localpeer lb1
//! peers mesh
//!   bind 10.0.0.1:10000
//!   server lb1 10.0.0.1:10000
//!   server lb2 10.0.0.2:10000
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
    code: "peers-local-server-address",
    summary: "the local `server` has an address: HAProxy refuses it",
    source: include_str!("local_server_address.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let Some(local) = &instance.local.name else { continue };
        for section in &instance.peers {
            let own = section.entries.iter().filter(|entry| entry.name == *local && entry.known == Known::Yes);
            for entry in own.filter(|entry| entry.keyword == PeerKeyword::Server && entry.address.is_some()) {
                let help = match section.binds.first() {
                    Some(_) => "take the address away: `bind` says where this peer listens".to_owned(),
                    None => format!(
                        "write `bind` with this address, and `server {}` without it; or turn all `server` lines into `peer` lines",
                        escape::name(local)
                    ),
                };
                let finding = Finding::new(
                    Severity::Error,
                    format!(
                        "the local server `{}` of peers section `{}` has an address",
                        escape::name(local),
                        escape::name(&section.name)
                    ),
                    context.word(index, entry.place, 2, "no address may stand here"),
                )
                .happens("HAProxy refuses the configuration: it reads the address as a parameter.")
                .help(help);
                let bind =
                    section.binds.first().map(|bind| context.word(index, bind.place, 1, "where this peer listens"));
                found.push(bind.into_iter().fold(finding, Finding::label));
            }
        }
    }
}
