//! # Ids leave a gap
//!
//! ## What it does
//! Looks for numbers that no server has, between the smallest and the largest id written down in a backend. (Ids in even
//! steps, such as 10, 20, 30, are meant so.)
//!
//! ## Why is this bad?
//! Perhaps it isn't: a server that was taken out leaves a gap, and that is better than to give its id to another one while
//! entries still name it. But a server that is added at run time takes the lowest free number, and with it those entries.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 id 1
//!   server web3 10.0.1.13:8080 id 3
//! ```
//!
//! ## Use instead
//! Nothing else, if the gap is meant. Close it when no entry names the id any more.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, Side},
    model::{Proxy, server_id::ExplicitId},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-id-gap",
    summary: "numbers between the ids of a backend belong to no server",
    source: include_str!("id_gap.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups() {
        let mut finding: Option<Finding> = None;
        for (instance, proxy) in group.sides.iter().enumerate().filter_map(|(n, side)| match side {
            Side::There(there) => Some((n, there.proxy)),
            _ => None,
        }) {
            let gaps = gaps(proxy);
            let Some((after, _)) = gaps.first() else { continue };
            let text = free(&gaps);
            let label = proxy
                .servers
                .iter()
                .find(|server| server.id == Some(*after))
                .map(|server| context.word(instance, server.place, 1, format!("id {after}; behind it {text}")));
            let Some(label) = label else { continue };
            finding = Some(if let Some(finding) = finding {
                finding.label(label)
            } else {
                let message = format!("the ids of backend `{}` leave a gap: {text}", escape::name(group.name));
                Finding::new(Severity::Note, message, label)
            });
        }
        let Some(finding) = finding else { continue };
        found.push(
            finding
                .happens("A server that is added at run time takes the lowest free id, and entries that still name it.")
                .backend(group.name)
                .help("nothing, if the server that had it was taken out not long ago"),
        );
    }
}

/// The runs of numbers that no server has, between the smallest and the largest id written down: the id before each run and
/// the one behind it.
fn gaps(proxy: &Proxy<'_>) -> Vec<(u32, u32)> {
    let (mut low, mut high, mut written) = (u32::MAX, 0, 0_u32);
    for line in &proxy.lines {
        if let ExplicitId::Given(id) = line.explicit {
            (low, high, written) = (low.min(id), high.max(id), written + 1);
        }
    }
    // As many ids as numbers: no gap. Most backends end here.
    if written < 2 || u64::from(high) - u64::from(low) + 1 == u64::from(written) {
        return Vec::new();
    }
    let Some(mut ids) = proxy.servers.iter().map(|s| s.id).collect::<Option<Vec<u32>>>() else { return Vec::new() };
    ids.retain(|id| (low..=high).contains(id));
    ids.sort_unstable();
    let steps: Vec<u32> = ids.windows(2).filter_map(|w| w.get(1)?.checked_sub(*w.first()?)).collect();
    if steps.len() > 1 && steps.iter().all(|step| Some(step) == steps.first()) {
        return Vec::new();
    }
    let gap = |w: &[u32]| {
        let (a, b) = (*w.first()?, *w.get(1)?);
        (b > a.saturating_add(1)).then_some((a, b))
    };
    ids.windows(2).filter_map(gap).collect()
}

/// `nobody has 3, 5 to 9`.
fn free(gaps: &[(u32, u32)]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = gaps
        .iter()
        .take(SHOWN)
        .map(|(before, behind)| match (before.saturating_add(1), behind.saturating_sub(1)) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first} to {last}"),
        })
        .collect();
    let more = if gaps.len() > SHOWN { " …" } else { "" };
    format!("nobody has {}{more}", shown.join(", "))
}
