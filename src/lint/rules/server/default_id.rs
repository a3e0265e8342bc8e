//! # `id` on a `default-server` line
//!
//! ## What it does
//! Looks for `id` among the parameters of `default-server`.
//!
//! ## Why is this bad?
//! It does nothing: HAProxy prints an alert, drops the `id`, starts all the same (`haproxy -c` exits with 0 or 2), and numbers the
//! servers by position.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   default-server check id 10
//!   server web1 10.0.1.11:8080
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   default-server check
//!   server web1 10.0.1.11:8080 id 10
//! ```
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-default-id",
    summary: "`id` on a `default-server` line does nothing",
    source: include_str!("default_id.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for proxy in &instance.proxies {
            for (place, word) in &proxy.default_ids {
                let label = context.word(index, *place, usize::from(*word), "dropped");
                let message =
                    format!("`id` on a `default-server` line of `{}` does nothing", escape::name(&proxy.name));
                found.push(
                    Finding::new(Severity::Warning, message, label)
                        .happens("HAProxy drops it with an alert, starts, and numbers the servers by position.")
                        .backend(&proxy.name)
                        .help("write an id on each server line"),
                );
            }
        }
    }
}
