//! # A server has different ids
//!
//! ## What it does
//! Compares the ids that servers of the same backend and name get on all instances: those written down, and those HAProxy
//! gives by position.
//!
//! ## Why is this bad?
//! A stick entry names its server by `server_key` (its name) and by `server_id`. While the name exists on both sides,
//! stickiness follows the name. Once a server is renamed or missing on one side, the id decides, and clients land on
//! whichever server has that id there. Nobody is told. The column `server_id` of the table is wrong already.
//!
//! ## Example
//! ```haproxy
//! backend shop                        # lb1.cfg
//!   server web1 10.0.1.11:8080        # id 1
//!   server web2 10.0.1.12:8080        # id 2
//! ```
//! ```haproxy
//! backend shop                        # lb2.cfg
//!   server web2 10.0.1.12:8080        # id 1
//!   server web1 10.0.1.11:8080        # id 2
//! ```
//!
//! ## Use instead
//! Ids that are written down, the same everywhere: `peerctl check-ids --fix lb1.cfg lb2.cfg`.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4

use crate::{
    escape,
    lint::{Context, Finding, Rule, ServerIds, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-id-mismatch",
    summary: "a server of one name has different ids on the instances",
    source: include_str!("id_mismatch.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for backend in context.backends() {
        let travels = context.each().zip(&backend.proxies).any(|((_, instance), proxy)| {
            proxy.is_some_and(|p| {
                context.sticks_on(instance, p).iter().any(|t| context.travels_through(instance, t).is_some())
            })
        });
        let names: Vec<&[u8]> =
            backend.proxies.iter().flatten().take(1).flat_map(|p| p.servers.iter().map(|s| &*s.name)).collect();
        for name in names {
            let servers: Vec<_> =
                backend.proxies.iter().map(|p| p.and_then(|p| p.servers.iter().find(|s| s.name == name))).collect();
            let ids: Vec<Option<u32>> = servers.iter().map(|s| s.and_then(|s| s.id)).collect();
            let mut known = ids.iter().flatten();
            let Some(first) = known.next() else { continue };
            if known.all(|id| id == first) {
                continue;
            }
            let severity = if travels { Severity::Error } else { Severity::Warning };
            let (server, name_of_backend) = (escape::name(name), escape::name(backend.name));
            let message = format!("server `{server}` of backend `{name_of_backend}` has different ids");
            let labels: Vec<_> = servers
                .iter()
                .enumerate()
                .filter_map(|(index, server)| {
                    let server = (*server)?;
                    let how = if server.explicit { "" } else { ", by position" };
                    let id = server.id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
                    Some(context.word(index, server.place, 1, format!("id {id}{how}")))
                })
                .collect();
            let mut labels = labels.into_iter();
            let Some(first) = labels.next() else { continue };
            let mut finding = labels.fold(Finding::new(severity, message, first), Finding::label);
            finding.fixable = true;
            finding.server = Some(ServerIds { backend: backend.name.to_vec(), server: name.to_vec(), ids });
            found.push(finding);
        }
    }
}
