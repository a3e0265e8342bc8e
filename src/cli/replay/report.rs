//! What is said of a replay, beforehand and afterwards.

use super::Job;
use super::route::{Route, Tally};
use super::teach::{Problem, Taught};
use crate::cli::fit::LeftOut;
use crate::cli::target::Target;
use crate::escape;
use crate::grammar::DataType;

/// What `--check` prints of one peer.
pub(super) fn foreseen(job: &Job<'_>, peer: &Target, routes: &[Option<Route>], tallies: &[Tally]) -> String {
    let mut text = head(peer);
    let tallies: Vec<_> = job.survey.tables.iter().zip(tallies).collect();
    for (table, name, route) in job.sent(routes) {
        let Some((_, tally)) = tallies.iter().find(|(other, _)| std::ptr::eq(*other, table)) else { continue };
        let (count, s) = (tally.sent, if tally.sent == 1 { "y" } else { "ies" });
        text += &format!("  {}  {count} entr{s} would be sent", escape::name(name));
        text += &others(tally, table.entries);
        text += &format!("\n{}", left_out(route));
    }
    text
}

/// What became of the entries for one peer.
pub(super) fn taught(job: &Job<'_>, peer: &Target, routes: &[Option<Route>], taught: &Taught) -> String {
    let mut text = head(peer);
    let tallies: Vec<_> = job.survey.tables.iter().zip(&taught.tallies).collect();
    for (table, name, route) in job.sent(routes) {
        let Some((_, tally)) = tallies.iter().find(|(other, _)| std::ptr::eq(*other, table)) else { continue };
        let sent = match (tally.sent, tally.acked) {
            (0, _) => "nothing sent".to_owned(),
            (sent, acked) if sent == acked => format!("{sent} sent, all acknowledged"),
            (sent, acked) => format!("{sent} sent, {acked} of them acknowledged"),
        };
        text += &format!("  {}  {sent}{}\n{}", escape::name(name), others(tally, table.entries), left_out(route));
    }
    if let Some(error) = &taught.unfit {
        text += &format!("  not sent because HAProxy could not take it: {error}\n");
    }
    match &taught.problem {
        Some(Problem::NotAcknowledged) => {
            text += "  what isn't acknowledged was perhaps not taken: look at `show table` there, and run it again\n";
        }
        Some(Problem::Link(why)) => text += &format!("  given up: {}\n", escape::line(why.as_bytes())),
        Some(Problem::File(error)) => text += &format!("  the file has changed meanwhile: {error}\n"),
        None => {}
    }
    text
}

fn head(peer: &Target) -> String {
    let address = peer.address.as_ref().map_or_else(String::new, |address| format!(" {address}"));
    format!("{}{address}\n", peer.shown())
}

fn left_out(route: &Route) -> String {
    let mut all: Vec<(DataType, LeftOut)> = route.plans.iter().flat_map(|plan| plan.left_out.iter().copied()).collect();
    all.sort_by_key(|(data_type, _)| *data_type);
    all.dedup();
    all.iter().map(|(data_type, why)| format!("    not sent: {data_type} ({why})\n")).collect()
}

/// The entries of a table that aren't sent, and why.
fn others(tally: &Tally, entries: u64) -> String {
    let mut text = String::new();
    for (count, what) in [
        (tally.existing, "left alone because the key is there"),
        (tally.dead, "dead by now"),
        (tally.unfit, "impossible to send"),
        (entries.saturating_sub(tally.read), "not come to"),
    ] {
        if count > 0 {
            text += &format!("; {count} {what}");
        }
    }
    text
}
