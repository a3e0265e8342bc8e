//! # An id is given twice
//!
//! ## What it does
//! Looks for two servers of one backend with the same `id`.
//!
//! ## Why is this bad?
//! HAProxy refuses the file.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 id 1
//!   server web2 10.0.1.12:8080 id 1
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 id 1
//!   server web2 10.0.1.12:8080 id 2
//! ```
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use std::collections::HashMap;

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::{Known, Proxy, ServerLine, server_id::ExplicitId},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-id-duplicate",
    summary: "two servers of a backend have one id: HAProxy refuses the file",
    source: include_str!("id_duplicate.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for proxy in instance.proxies.iter().filter(|proxy| proxy.known == Known::Yes) {
            for (first, second, id) in duplicates(proxy) {
                let label = |line: &ServerLine, text: &str| {
                    let server = proxy.servers.get(line.first as usize)?;
                    let word = line.id.map_or(1, |(first, _)| usize::from(first));
                    Some((server, context.word(index, server.place, word, text)))
                };
                let (Some((a, at_first)), Some((b, at_second))) =
                    (label(first, "here already"), label(second, "again"))
                else {
                    continue;
                };
                let message = format!(
                    "servers `{}` and `{}` of backend `{}` both have id {id}",
                    escape::name(&a.name),
                    escape::name(&b.name),
                    escape::name(&proxy.name)
                );
                found.push(
                    Finding::new(Severity::Error, message, at_second)
                        .label(at_first)
                        .happens("HAProxy refuses the configuration.")
                        .backend(&proxy.name)
                        .help("give one of them another id, the same on all instances"),
                );
            }
        }
    }
}

/// Lines that surely count and have the id of an earlier one: that one, the line, the id.
fn duplicates<'p>(proxy: &'p Proxy<'_>) -> Vec<(&'p ServerLine, &'p ServerLine, u32)> {
    let mut seen: HashMap<u32, &ServerLine> = HashMap::new();
    let mut highest = 0;
    let mut found = Vec::new();
    for line in &proxy.lines {
        let ExplicitId::Given(id) = line.explicit else { continue };
        if proxy.servers.get(line.first as usize).is_none_or(|server| server.known != Known::Yes) {
            continue;
        }
        // Ids that rise can't repeat: only files that aren't in order are looked at twice.
        if id > highest && seen.is_empty() {
            highest = id;
            continue;
        }
        if seen.is_empty() {
            let before = proxy.lines.iter().take_while(|other| other.first < line.first);
            seen.extend(before.filter_map(|line| match line.explicit {
                ExplicitId::Given(id) => Some((id, line)),
                _ => None,
            }));
        }
        if let Some(first) = seen.get(&id) {
            found.push((*first, line, id));
        } else {
            seen.insert(id, line);
        }
    }
    found
}
