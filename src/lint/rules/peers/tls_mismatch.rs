//! # One side speaks TLS, the other one doesn't
//!
//! ## What it does
//! Compares how an instance calls another one with what that one's listener takes: TLS, client certificate, PROXY header,
//! SNI. Where the other instance wasn't handed in, it compares with the own listener, because peers mostly are alike.
//!
//! ## Why is this bad?
//! Such calls are refused without a message that names the reason. While the other direction works, it carries the
//! session, and nobody notices; where neither does, nothing is replicated.
//!
//! ## Example
//! ```haproxy
//! peers mesh                          # lb1.cfg
//!   bind 10.0.0.1:10000 ssl crt lb1.pem
//!   default-server ssl ca-file mesh-ca.pem
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//! ```haproxy
//! peers mesh                          # lb2.cfg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! The same on all instances: `bind … ssl` for the listener, `default-server ssl …` for the calls.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-tls-mismatch",
    summary: "one side calls with TLS and the other one listens without, or the other way round",
    source: include_str!("tls_mismatch.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (a, b) in mesh::pairs(context) {
        for (from, to) in [(&a, &b), (&b, &a)] {
            found.extend(refused(context, from, to));
        }
    }
    for mesh in mesh::meshes(context) {
        for member in mesh.iter().filter(|member| member.local.is_some()) {
            found.extend(unlike(context, member, &mesh));
        }
    }
}

/// A call that the listener doesn't take.
fn refused(context: &Context<'_>, from: &mesh::Member<'_>, to: &mesh::Member<'_>) -> Option<Finding> {
    let refusal = from.refused(to)?;
    let (entry, (place, word)) = (from.lists(to)?, to.listener_word()?);
    let (caller, called) = (from.name(), to.name());
    let (severity, happens) = if to.reaches(from) {
        (
            Severity::Warning,
            format!("Calls of `{caller}` are refused; replication hangs on the calls of `{called}` alone."),
        )
    } else {
        (Severity::Error, "No call gets through in either direction: the two replicate nothing.".to_owned())
    };
    let call = context.param(from, entry, "ssl", format!("how `{caller}` calls it"));
    Some(
        Finding::new(severity, format!("the listener of `{called}` {refusal} by `{caller}`"), call)
            .label(context.word(to.index, place, word, format!("the listener of `{called}`")))
            .happens(happens)
            .help("make the `bind` line there and the `server` lines here agree"),
    )
}

/// Peers that weren't handed in and are called otherwise than they may call this instance.
fn unlike(context: &Context<'_>, member: &mesh::Member<'_>, mesh: &[mesh::Member<'_>]) -> Option<Finding> {
    let (place, word) = member.listener_word()?;
    let listens = member.listener().uses_tls();
    // A local `peer` line with `ssl` is `peers-ssl-on-peer-line`.
    if member.own().is_some_and(|own| own.address.is_some() && member.call(own).uses_tls()) {
        return None;
    }
    let absent = member.remotes().filter(|entry| !mesh.iter().any(|m| m.local == Some(&entry.name)));
    let mut other = absent.filter(|entry| entry.address.is_some() && member.call(entry).uses_tls() != listens);
    let first = other.next()?;
    let (calls, takes) = if listens { ("in plain", "takes only TLS") } else { ("with TLS", "is plain") };
    let label = |entry| context.param(member, entry, "ssl", format!("is called {calls}"));
    let message =
        format!("section `{}` calls peers {calls}, and its own listener {takes}", escape::name(&member.section.name));
    let finding = Finding::new(Severity::Warning, message, label(first))
        .label(context.word(member.index, place, word, "the listener"))
        .happens(
            "If the other peers are set up like this one, none takes the calls of another, and nothing is replicated.",
        )
        .help(
            "use TLS on `bind` and on the peers, or on neither; peerctl check with the files of all instances can tell",
        );
    Some(other.map(label).fold(finding, Finding::label))
}
