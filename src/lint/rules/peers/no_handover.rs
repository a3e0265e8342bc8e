//! # A reload can't hand over the tables
//!
//! ## What it does
//! Compares the local peer's line with the section's own listener: TLS, client certificate, PROXY header, SNI.
//!
//! ## Why is this bad?
//! At a reload the old process calls the new one, at its own listener, with the parameters of the local peer's line. With
//! `bind … ssl` and a bare local `server` it calls in plain, and is refused. The new process then learns from another
//! peer, if one is up and knows this one; else the tables start empty, at every reload. HAProxy warns of it in one line.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000 ssl crt lb1.pem
//!   server lb1
//!   server lb2 10.0.0.2:10000 ssl ca-file mesh-ca.pem
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000 ssl crt lb1.pem
//!   default-server ssl ca-file mesh-ca.pem
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::{PeerKeyword, Refusal},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-no-handover",
    summary: "the local peer's line doesn't fit its own listener: every reload loses the tables",
    source: include_str!("no_handover.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for member in mesh::running(context) {
        let (Some(own), Some((place, word))) = (member.own(), member.listener_word()) else { continue };
        let Some(refusal) = member.call(own).refusal(&member.listener()) else { continue };
        // That is `peers-ssl-on-peer-line`.
        if own.keyword == PeerKeyword::Peer && refusal == Refusal::IsPlain {
            continue;
        }
        let alone = member.remotes().next().is_none();
        let (severity, happens) = if alone {
            (Severity::Error, "Every reload loses the tables of this section.")
        } else {
            (
                Severity::Warning,
                "At every reload the tables start empty, and the new process has to learn them from another peer, if one is up.",
            )
        };
        let help = match refusal {
            Refusal::WantsTls => {
                "give the local line the same `ssl`, `ca-file` and `crt` as the others, best in `default-server`"
            }
            Refusal::IsPlain => "take `ssl` off the local line, or add it to `bind`",
            Refusal::WantsProxy => "add `send-proxy` to the local line",
            Refusal::TakesNoProxy => "take `send-proxy` off the local line",
            Refusal::WantsCertificate => "add `crt` to the local line, with a certificate the listener accepts",
            Refusal::WantsSni => "add `sni` to the local line, with a name of the listener's certificate",
        };
        found.push(
            Finding::new(
                severity,
                format!("peers section `{}` refuses its own process at a reload", escape::name(&member.section.name)),
                context.word(member.index, own.place, 1, "the old process calls the new one like this"),
            )
            .label(context.word(member.index, place, word, refusal.to_string()))
            .happens(happens)
            .help(help),
        );
    }
}
