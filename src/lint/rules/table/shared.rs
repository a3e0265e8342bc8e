//! What several rules about tables ask.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    escape,
    grammar::{DataType, TableParam},
    lint::{Context, Finding, Label},
    model::{Instance, Known, PeersSection, StickTable},
};

/// A table that travels over peers.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    /// The index of its instance.
    pub(super) index: usize,
    pub(super) instance: &'a Instance<'a>,
    pub(super) table: &'a StickTable,
    /// The section through which it travels.
    pub(super) section: &'a PeersSection,
}

/// Whether nothing unknown takes part in a definition: no condition, no variable.
pub(super) fn certain(table: &StickTable) -> bool {
    table.known == Known::Yes && table.hidden_from.is_none() && !table.raw.iter().any(|raw| raw.referenced)
}

/// The tables of all instances that travel and whose definitions are certain.
pub(super) fn travelling<'a>(context: &Context<'a>) -> Vec<Shared<'a>> {
    let mut found = Vec::new();
    for (index, instance) in context.each() {
        for table in instance.tables().into_iter().filter(|table| certain(table)) {
            if let Some(section) = context.travels_through(instance, table).filter(|s| s.known == Known::Yes) {
                found.push(Shared { index, instance, table, section });
            }
        }
    }
    found
}

/// What the name of a table ends in that an aggregator fills.
const TOTAL: &[u8] = b".agg";

/// A table that an aggregator fills.
#[derive(Clone, Copy)]
pub(super) struct Total<'a> {
    /// The index of its instance.
    pub(super) index: usize,
    pub(super) table: &'a StickTable,
    /// The section through which it comes.
    pub(super) section: &'a PeersSection,
    /// The table whose values are added up, if its definition is certain.
    pub(super) source: Option<&'a StickTable>,
}

/// All of them, in the order of instances and files.
pub(super) fn totals<'a>(context: &Context<'a>) -> Vec<Total<'a>> {
    let shared = travelling(context).into_iter().filter(|shared| shared.table.name.ends_with(TOTAL));
    let total = |Shared { index, table, section, .. }: Shared<'a>| {
        let source = context.table(index, base_of_total(&table.name)).filter(|source| certain(source));
        Total { index, table, section, source }
    };
    shared.map(total).collect()
}

/// The name of the table whose values a total adds up.
pub(super) fn base_of_total(name: &[u8]) -> &[u8] {
    name.strip_suffix(TOTAL).unwrap_or(name)
}

/// Tables that HAProxy takes for the same one: each group has one name on the wire and instances that list each other.
/// Groups are sorted by name, their members by instance; each has at least two.
pub(super) fn groups<'a>(context: &Context<'a>) -> Vec<Vec<Shared<'a>>> {
    let mut by_name: BTreeMap<Vec<u8>, Vec<Vec<Shared<'a>>>> = BTreeMap::new();
    for shared in travelling(context) {
        let groups = by_name.entry(shared.table.wire_name()).or_default();
        let connected = |group: &mut Vec<Shared<'a>>| {
            group.iter().any(|member| member.connected(context, shared.instance, shared.section))
        };
        // One that connects two groups makes one of them.
        let (joined, rest): (Vec<_>, Vec<_>) =
            std::mem::take(groups).into_iter().partition(|g| connected(&mut g.clone()));
        *groups = rest;
        groups.push(joined.into_iter().flatten().chain([shared]).collect());
    }
    by_name.into_values().flatten().filter(|group| group.len() > 1).collect()
}

impl<'a> Shared<'a> {
    /// Whether the section of this table and one of another instance are about the same HAProxy instances: each lists the
    /// other's local peer, or one does and the other instance has no better section.
    pub(super) fn connected(&self, context: &Context<'a>, instance: &Instance<'_>, section: &PeersSection) -> bool {
        let (Some(own), Some(other)) = (&self.instance.local.name, &instance.local.name) else {
            // Without names, the same peers on both sides.
            return context.remotes(self.instance, self.section).any(|peer| section.is_effective(&peer.name));
        };
        if own == other {
            return false;
        }
        let nowhere = |instance: &Instance<'_>, name: &[u8]| !instance.peers.iter().any(|s| s.is_effective(name));
        match (self.section.is_effective(other), section.is_effective(own)) {
            (true, true) => true,
            (true, false) => nowhere(instance, own),
            (false, true) => nowhere(self.instance, other),
            (false, false) => false,
        }
    }

    /// The full name, for people.
    pub(super) fn name(&self) -> Cow<'a, str> {
        escape::name(&self.table.name)
    }

    /// The name of the instance.
    pub(super) fn on(&self, context: &Context<'a>) -> &'a str {
        context.instances.get(self.index).map_or("", |subject| subject.name)
    }
}

/// The first member and those that have something else.
pub(super) fn others<'g, 'a, T: PartialEq>(
    group: &'g [Shared<'a>],
    value: impl Fn(&Shared<'a>) -> T,
) -> Option<(&'g Shared<'a>, Vec<&'g Shared<'a>>)> {
    let (first, rest) = group.split_first()?;
    let wanted = value(first);
    let others: Vec<_> = rest.iter().filter(|member| value(member) != wanted).collect();
    (!others.is_empty()).then_some((first, others))
}

/// Adds a label for each of `members`.
pub(super) fn label_all<'g, 'a: 'g>(
    finding: Finding,
    members: impl IntoIterator<Item = &'g &'g Shared<'a>>,
    label: impl Fn(&Shared<'a>) -> Label,
) -> Finding {
    members.into_iter().fold(finding, |finding, member| finding.label(label(member)))
}

/// A label on the value of a parameter, on the parameter if it has none, else on the table's name.
pub(super) fn at_param(
    context: &Context<'_>,
    index: usize,
    table: &StickTable,
    param: TableParam,
    text: impl Into<String>,
) -> Label {
    let Some(argument) = table.parsed.places(param).last() else { return at_name(context, index, table, text) };
    let word = if argument.value.is_empty() { argument.keyword } else { argument.value.start };
    at_word(context, index, table, word, text)
}

/// A label on the `store` that names a column, else on the table's name.
pub(super) fn at_column(
    context: &Context<'_>,
    index: usize,
    table: &StickTable,
    column: DataType,
    text: impl Into<String>,
) -> Label {
    let name = column.to_string();
    let holds = |word: &Vec<u8>| {
        let mut items = word.split(|b| matches!(b, b',' | b'(' | b')'));
        items.any(|item| item == name.as_bytes())
    };
    let stores = table.parsed.places(TableParam::Store);
    let word = stores.map(|argument| argument.value.start).find(|word| table.words.get(*word).is_some_and(holds));
    match word {
        Some(word) => at_word(context, index, table, word, text),
        None => at_name(context, index, table, text),
    }
}

/// A label on word `word` of the parameters.
pub(super) fn at_word(
    context: &Context<'_>,
    index: usize,
    table: &StickTable,
    word: usize,
    text: impl Into<String>,
) -> Label {
    let raw = table.raw.get(word).map_or(0, |raw| usize::from(raw.first));
    context.word(index, table.place, raw, text)
}

/// A label on the name of a `table` line, or on the word `stick-table`.
pub(super) fn at_name(context: &Context<'_>, index: usize, table: &StickTable, text: impl Into<String>) -> Label {
    context.word(index, table.place, usize::from(table.section.is_some()), text)
}

/// What the keys of a table are, as people write it: `string len 32`.
pub(super) fn key_words(table: &StickTable) -> String {
    let schema = table.schema();
    let key = schema.key_type.map_or_else(|| "unknown".to_owned(), |key| key.to_string());
    match schema.len {
        Some(len) => format!("{key} len {len}"),
        None => key,
    }
}

/// `` `a`, `b` and `c` ``.
pub(super) fn list<T: std::fmt::Display>(items: &[T]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
