//! # An id can't be known
//!
//! ## What it does
//! Looks for backends whose servers, or their ids, depend on something the files don't say: a condition of `.if` that only
//! HAProxy can decide, a variable that isn't set here.
//!
//! ## Why is this bad?
//! The servers can't be compared with those of other instances: whether ids agree is not known.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 id "$WEB1_ID"
//! .if feature(QUIC)
//!   server web2 10.0.1.12:8080
//! .endif
//! ```
//!
//! ## Use instead
//! Say what the variables are: `--env WEB1_ID=1`, `--env lb1:WEB1_ID=1` for one instance, `--env-file FILE`.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, Side},
    model::{Known, Place, Proxy, server_id::ExplicitId},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-id-unknown",
    summary: "servers or their ids depend on what the files don't say",
    source: include_str!("id_unknown.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups().iter().filter(|group| group.sides.iter().filter_map(Side::proxy).count() > 1) {
        for (index, side) in group.sides.iter().enumerate() {
            let Some(proxy) = side.proxy().filter(|proxy| proxy.overview.doubtful) else { continue };
            let Some((place, word, why)) = cause(proxy) else { continue };
            let message = format!("servers of backend `{}` can't be compared", escape::name(&proxy.name));
            found.push(
                Finding::new(Severity::Note, message, context.word(index, place, word, why))
                    .happens("Whether their ids agree with those of other instances is not known.")
                    .backend(&proxy.name)
                    .help("say what it depends on: --env VAR=VALUE, or --env INSTANCE:VAR=VALUE"),
            );
        }
    }
}

/// The first line that leaves something open: where, the raw word, and what.
fn cause(proxy: &Proxy<'_>) -> Option<(Place, usize, &'static str)> {
    if proxy.servers.is_empty() {
        return None;
    }
    if proxy.known == Known::Depends {
        return Some((proxy.place, 1, "in a block that may or may not be read"));
    }
    proxy.lines.iter().find_map(|line| {
        let server = proxy.servers.get(line.first as usize)?;
        if server.known == Known::Depends {
            return Some((server.place, 1, "in a block that may or may not be read"));
        }
        if let Some(word) = line.unset {
            return Some((server.place, usize::from(word), "a variable that isn't set here"));
        }
        let (word, _) = line.id.filter(|_| line.explicit == ExplicitId::Unknown && line.id_referenced)?;
        Some((server.place, usize::from(word), "comes from the environment, and is no id here"))
    })
}
