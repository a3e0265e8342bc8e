//! # `ssl` on the local `peer` line
//!
//! ## What it does
//! Looks for local `peer` lines with `ssl`, their own or through `default-server`.
//!
//! ## Why is this bad?
//! On a `peer` line `ssl` holds for calls to that peer, not for the listener, which stays plain. Calls with TLS from the
//! others are refused, and so is the call of the old process at a reload: the tables aren't handed over. HAProxy warns of
//! "a non-SSL listener and a SSL server".
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   default-server ssl crt lb1.pem ca-file mesh-ca.pem
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000 ssl crt lb1.pem ca-file mesh-ca.pem verify required
//!   default-server ssl crt lb1.pem ca-file mesh-ca.pem
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::PeerKeyword,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-ssl-on-peer-line",
    summary: "`ssl` on the local `peer` line: its listener stays plain",
    source: include_str!("ssl_on_peer_line.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for member in mesh::running(context) {
        let Some(own) = member.own().filter(|own| own.keyword == PeerKeyword::Peer) else { continue };
        if !member.call(own).uses_tls() || member.listener().uses_tls() {
            continue;
        }
        let name = escape::name(&own.name);
        found.push(
            Finding::new(
                Severity::Error,
                format!("the local peer `{name}` has `ssl`, and its listener stays plain"),
                context.param(&member, own, "ssl", "holds for calls, not for the listener"),
            )
            .label(context.word(member.index, own.place, 2, "listens in plain"))
            .happens("Calls with TLS are refused, that of the old process at a reload among them: it can't hand over the tables.")
            .help(format!(
                "write `bind ADDRESS:PORT ssl crt …`, `server {name}` without an address, and `server` for the other peers"
            )),
        );
    }
}
