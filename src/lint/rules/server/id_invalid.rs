//! # An id is no number from 1 on
//!
//! ## What it does
//! Checks the value of `id` on server lines as HAProxy does: it reads the number at its start.
//!
//! ## Why is this bad?
//! HAProxy refuses the file.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 id 0
//!   server web2 10.0.1.12:8080 id two
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

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::{Known, server_id::ExplicitId},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-id-invalid",
    summary: "the value of `id` is no number from 1 on: HAProxy refuses the file",
    source: include_str!("id_invalid.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for proxy in &instance.proxies {
            for line in proxy.lines.iter().filter(|l| l.explicit == ExplicitId::Unknown && !l.id_referenced) {
                let (Some(server), Some((word, _))) = (proxy.servers.get(line.first as usize), line.id) else {
                    continue;
                };
                if server.known != Known::Yes {
                    continue;
                }
                let message = format!(
                    "the id of server `{}` of backend `{}` is none",
                    escape::name(&server.name),
                    escape::name(&proxy.name)
                );
                found.push(
                    Finding::new(
                        Severity::Error,
                        message,
                        context.word(
                            index,
                            server.place,
                            usize::from(word),
                            "expected an integer from 1 to 2147483647",
                        ),
                    )
                    .happens("HAProxy refuses the configuration.")
                    .backend(&proxy.name)
                    .help("give it an id that no other server of the backend has, the same on all instances"),
                );
            }
        }
    }
}
