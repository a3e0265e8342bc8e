//! Which tables travel between instances that are connected, and whether their definitions agree.

use std::collections::{BTreeMap, BTreeSet};

use super::{Presence, Table, compare, links::Member};
use crate::{
    escape,
    model::{Instance, StickTable},
};

/// An instance by index, with its table.
type Holder<'i> = (usize, &'i StickTable);

/// The tables of each group of connected sections. `pairs` says which sections are connected.
pub(super) fn find(instances: &[(&str, &Instance<'_>)], pairs: &[[Member; 2]]) -> Vec<Table> {
    let groups = Groups::new(instances, pairs);
    let mut found: BTreeMap<(Vec<u8>, Member), Vec<Holder<'_>>> = BTreeMap::new();
    for (index, (_, instance)) in instances.iter().enumerate() {
        for (number, section) in instance.peers.iter().enumerate() {
            for table in instance.tables_of(section) {
                found.entry((table.wire_name(), groups.of((index, number)))).or_default().push((index, table));
            }
        }
    }
    found.into_iter().map(|((name, group), holders)| table(instances, &groups, &name, group, &holders)).collect()
}

fn table(
    instances: &[(&str, &Instance<'_>)],
    groups: &Groups,
    name: &[u8],
    group: Member,
    holders: &[Holder<'_>],
) -> Table {
    let instance_name =
        |index: usize| instances.get(index).map_or_else(String::new, |(n, _)| escape::name(n.as_bytes()).into());
    let mut seen = BTreeSet::new();
    let own: Vec<&Holder<'_>> = holders.iter().filter(|(index, _)| seen.insert(*index)).collect();
    let on: Vec<String> = own.iter().map(|(index, _)| instance_name(*index)).collect();
    let definitions: Vec<_> = on.iter().map(String::as_str).zip(own.iter().map(|(_, table)| table.schema())).collect();
    let mut reasons = compare::differences(&definitions);
    let usual = compare::usual(&definitions);
    let matches = |index: usize| {
        let own = own.iter().position(|(holder, _)| *holder == index).and_then(|at| definitions.get(at));
        let usual = usual.and_then(|at| definitions.get(at));
        own.zip(usual).is_some_and(|(own, usual)| compare::match_each_other(own, usual))
    };
    let mut at = Vec::new();
    for (index, (_, instance)) in instances.iter().enumerate() {
        let presence = if holders.iter().any(|(holder, _)| *holder == index) {
            if matches(index) { Presence::Travels } else { Presence::Differs }
        } else if !groups.has(index, group) {
            Presence::Elsewhere
        } else if instance.tables().iter().any(|t| t.wire_name() == name) {
            reasons.push(format!("doesn't travel on {}: no `peers` there, or another section", instance_name(index)));
            Presence::Kept
        } else {
            Presence::Missing
        };
        at.push(presence);
    }
    let mut sections: Vec<String> =
        holders.iter().filter_map(|(_, t)| t.peers()).map(|s| escape::name(s).into_owned()).collect();
    sections.sort();
    sections.dedup();
    let shown = definitions.get(usual.unwrap_or(0));
    let definition = shown.map_or_else(String::new, |(_, schema)| compare::definition(schema));
    Table { name: escape::name(name).into_owned(), definition, sections, at, reasons }
}

/// Sections that are connected, directly or through others, each under its smallest member.
struct Groups(BTreeMap<Member, Member>);

impl Groups {
    fn new(instances: &[(&str, &Instance<'_>)], pairs: &[[Member; 2]]) -> Self {
        let members =
            instances.iter().enumerate().flat_map(|(index, (_, i))| (0..i.peers.len()).map(move |s| (index, s)));
        let mut groups = Self(members.map(|member| (member, member)).collect());
        for [a, b] in pairs {
            let (a, b) = (groups.of(*a), groups.of(*b));
            let (small, large) = (a.min(b), a.max(b));
            groups.0.values_mut().filter(|group| **group == large).for_each(|group| *group = small);
        }
        groups
    }

    fn of(&self, member: Member) -> Member {
        self.0.get(&member).copied().unwrap_or(member)
    }

    /// Whether an instance has a section of a group.
    fn has(&self, instance: usize, group: Member) -> bool {
        self.0.iter().any(|((index, _), own)| *index == instance && *own == group)
    }
}
