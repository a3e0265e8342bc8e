//! Findings about server ids, folded for people: one block for each backend, with the cause first.
//!
//! Two servers in the other order are four findings: two names with another id, two ids with another name. A server that is
//! missing on one side gives another id to each server after it. A person wants to know of the cause once. So with one file that
//! is several instances: what is wrong in it is wrong on each of them.

use std::collections::{BTreeMap, BTreeSet};

use super::lint::Report;
use crate::{
    escape,
    lint::{Finding, Label, ServerIds, Severity},
    span::Span,
};

/// The rules whose findings are two views of one thing.
const SAME_CAUSE: [&str; 2] = ["server-id-mismatch", "server-name-mismatch"];

/// What is shown together.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The worst of its findings.
    pub(super) severity: Severity,
    /// The finding whose code, consequence and help stand for all.
    pub(super) lead: &'a Finding,
    /// What is said instead of the lead's message.
    pub(super) message: Option<String>,
    /// The places to show.
    pub(super) labels: Vec<&'a Label>,
    /// The servers with their ids, if there are several: each name once.
    pub(super) servers: Vec<&'a ServerIds>,
}

/// What is shown, in the order of the first finding of each block.
pub(super) fn blocks<'a>(report: &Report<'a>) -> Vec<Block<'a>> {
    let mut groups: Vec<Vec<&'a Finding>> = Vec::new();
    let mut known: BTreeMap<(&str, &[u8]), usize> = BTreeMap::new();
    let mut told: BTreeMap<Told<'a>, usize> = BTreeMap::new();
    let shares_files = report.files().len() < report.instances.iter().map(|i| i.files.len()).sum();
    for finding in report.findings {
        let Some(server) = &finding.server else {
            let next = groups.len();
            let group = if shares_files { *told.entry(Told::new(finding, report)).or_insert(next) } else { next };
            match groups.get_mut(group) {
                Some(group) => group.push(finding),
                None => groups.push(vec![finding]),
            }
            continue;
        };
        let [first, ..] = SAME_CAUSE;
        let code = if SAME_CAUSE.contains(&finding.rule.code) { first } else { finding.rule.code };
        let group = *known.entry((code, &server.backend)).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups.iter().filter_map(|group| block(group, report)).collect()
}

/// What is said, and where in which files: the same of two instances that are one file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Told<'a> {
    code: &'static str,
    severity: Severity,
    message: &'a str,
    places: Vec<(&'a str, Span)>,
}

impl<'a> Told<'a> {
    fn new(finding: &'a Finding, report: &Report<'a>) -> Self {
        let place = |label: &Label| Some((report.source(label)?.1.name.as_str(), label.span));
        let places = finding.labels.iter().filter_map(place).collect();
        Self { code: finding.rule.code, severity: finding.severity, message: &finding.message, places }
    }
}

fn block<'a>(group: &[&'a Finding], report: &Report<'a>) -> Option<Block<'a>> {
    let severity = group.iter().map(|finding| finding.severity).max()?;
    // The name with another id tells more than the id with another name.
    let lead = *group.iter().find(|f| f.severity == severity && f.rule.code == SAME_CAUSE[0]).or(group.first())?;
    // Without a server they say the same, of instances that are one file.
    let said = if lead.server.is_some() { std::slice::from_ref(&lead) } else { group };
    let labels = said.iter().flat_map(|finding| &finding.labels).collect();
    let alone = Block { severity, lead, message: None, labels, servers: Vec::new() };
    let mut names = BTreeSet::new();
    let servers: Vec<&ServerIds> =
        group.iter().filter_map(|f| f.server.as_ref()).filter(|server| names.insert(&server.server)).collect();
    if servers.len() < 2 {
        return Some(alone);
    }
    let cause = Cause::of(group).unwrap_or(Cause::Several);
    let message = cause.message(lead, servers.len(), report);
    let labels = match &cause {
        Cause::Swapped { first, second, .. } => first.labels.iter().chain(&second.labels).collect(),
        Cause::Moved { first, extra, .. } => {
            // Where the extra server is missing, its finding points at the one that has its id, which is `first`.
            let here = |label: &&Label| extra.is_some_and(|e| has(e, label.instance));
            extra.iter().flat_map(|extra| &extra.labels).filter(here).chain(&first.labels).collect()
        }
        Cause::Several => lead.labels.iter().collect(),
    };
    let mut servers = servers;
    // Those that the message names come first.
    servers.sort_by_key(|server| cause.named().position(|name| name == server.server).unwrap_or(usize::MAX));
    Some(Block { message: Some(message), labels, servers, ..alone })
}

/// Why several servers of a backend have other ids.
enum Cause<'a> {
    /// Two servers have each other's id.
    Swapped { first: &'a Finding, second: &'a Finding, pairs: usize, instances: (usize, usize) },
    /// From one server on, all ids differ by the same number; perhaps because of a server that one instance lacks.
    Moved { first: &'a Finding, extra: Option<&'a Finding>, by: u32, count: usize, instances: (usize, usize) },
    /// No simple one.
    Several,
}

impl<'a> Cause<'a> {
    /// Nothing if they all agree: then the findings are about something else.
    fn of(group: &[&'a Finding]) -> Option<Self> {
        let mut known: BTreeMap<&[u8], (&'a Finding, &'a ServerIds)> = BTreeMap::new();
        for finding in group.iter().filter(|finding| finding.rule.code == SAME_CAUSE[0]) {
            if let Some(server) = &finding.server {
                known.entry(&server.server).or_insert((*finding, server));
            }
        }
        let instances = known.values().find_map(|(_, server)| differing(server))?;
        let mut moved: Vec<(u32, u32, &'a Finding)> = known
            .values()
            .filter_map(|(finding, server)| {
                let (a, b) = (id(server, instances.0)?, id(server, instances.1)?);
                (a != b).then_some((a, b, *finding))
            })
            .collect();
        moved.sort_by_key(|(a, b, _)| (*a, *b));
        let (a, b, first) = *moved.first()?;
        let by_ids: BTreeMap<(u32, u32), &'a Finding> = moved.iter().map(|(a, b, f)| ((*a, *b), *f)).collect();
        let partner = |a: u32, b: u32| by_ids.get(&(b, a)).copied();
        if moved.iter().all(|(a, b, _)| partner(*a, *b).is_some()) {
            let second = partner(a, b)?;
            return Some(Self::Swapped { first, second, pairs: moved.len() / 2, instances });
        }
        let by = a.abs_diff(b);
        if moved.iter().all(|(c, d, _)| (c < d) == (a < b) && c.abs_diff(*d) == by) {
            let extra = extra(group, (a, b), instances);
            return Some(Self::Moved { first, extra, by, count: moved.len(), instances });
        }
        Some(Self::Several)
    }

    /// The servers that the message names.
    fn named(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let findings = match self {
            Self::Swapped { first, second, .. } => [Some(*first), Some(*second)],
            Self::Moved { first, extra, .. } => [*extra, Some(*first)],
            Self::Several => [None, None],
        };
        findings.into_iter().flatten().filter_map(|finding| Some(finding.server.as_ref()?.server.as_slice()))
    }

    fn message(&self, lead: &Finding, count: usize, report: &Report<'_>) -> String {
        let name = |finding: &Finding| {
            finding.server.as_ref().map_or_else(String::new, |server| escape::name(&server.server).into_owned())
        };
        let backend = lead.server.as_ref().map_or_else(String::new, |s| escape::name(&s.backend).into_owned());
        match self {
            Self::Swapped { first, second, pairs, instances } => {
                let how = if reordered(first, second, *instances) {
                    "are in the other order"
                } else {
                    "have each other's id"
                };
                let more = match pairs {
                    1 => String::new(),
                    2 => ", and so are two more".to_owned(),
                    n => format!(", and so are {} more", 2 * (n - 1)),
                };
                let more = if how.starts_with("are") { more } else { more.replace("so are", "so have") };
                format!("`{}` and `{}` of backend `{backend}` {how}{more}", name(first), name(second))
            }
            Self::Moved { extra: Some(extra), by: by @ 1, count, instances, first } => {
                let on = if has(extra, instances.0) { instances.0 } else { instances.1 };
                let (extra, on) = (name(extra), escape::name(report.instance_name(on).as_bytes()));
                let s = if *count == 1 { "s" } else { "" };
                let whose = match count {
                    1 => format!("the id of `{}`", name(first)),
                    n => format!("the ids of {n} servers"),
                };
                format!("`{extra}` of backend `{backend}` is only on {on}: {whose} behind it differ{s} by {by}")
            }
            Self::Moved { first, by, count, instances, .. } => {
                let up = first.server.as_ref().is_some_and(|s| id(s, instances.0) < id(s, instances.1));
                let direction = if up { "higher" } else { "lower" };
                let (from, on) = (name(first), escape::name(report.instance_name(instances.1).as_bytes()));
                format!(
                    "from `{from}` on, {count} servers of backend `{backend}` have ids that are {by} {direction} on {on}"
                )
            }
            Self::Several if lead.rule.code == SAME_CAUSE[0] => {
                format!("{count} servers of backend `{backend}` have different ids")
            }
            Self::Several => {
                let others = count - 1;
                let s = if others == 1 { "" } else { "s" };
                format!("{}, and so for {others} more server{s}", lead.message)
            }
        }
    }
}

/// The first two instances in which a server has different ids.
fn differing(server: &ServerIds) -> Option<(usize, usize)> {
    let mut known = server.ids.iter().enumerate().filter_map(|(index, id)| Some((index, (*id)?)));
    let (first, id) = known.next()?;
    known.find(|(_, other)| *other != id).map(|(second, _)| (first, second))
}

fn id(server: &ServerIds, instance: usize) -> Option<u32> {
    server.ids.get(instance).copied().flatten()
}

/// Whether the server of a finding is on an instance.
fn has(finding: &Finding, instance: usize) -> bool {
    finding.server.as_ref().is_some_and(|server| id(server, instance).is_some())
}

/// The finding about a server that only the instance with the higher ids has, right before the first one that moved.
fn extra<'a>(group: &[&'a Finding], moved: (u32, u32), (first, second): (usize, usize)) -> Option<&'a Finding> {
    let (with, without) = if moved.0 > moved.1 { (first, second) } else { (second, first) };
    let ids = moved.0.min(moved.1)..moved.0.max(moved.1);
    let fits =
        |server: &ServerIds| id(server, without).is_none() && id(server, with).is_some_and(|id| ids.contains(&id));
    group.iter().copied().find(|finding| finding.server.as_ref().is_some_and(fits))
}

/// Whether one of two servers stands first in one instance and second in the other.
fn reordered(first: &Finding, second: &Finding, instances: (usize, usize)) -> bool {
    let place = |finding: &Finding, instance: usize| {
        finding.labels.iter().find(|label| label.instance == instance).map(|label| (label.place, label.span))
    };
    let before = |instance| Some(place(first, instance)? < place(second, instance)?);
    matches!((before(instances.0), before(instances.1)), (Some(a), Some(b)) if a != b)
}
