//! What rules look at: all instances, and the questions several rules ask about them.

use std::{borrow::Cow, collections::HashMap};

use super::{
    finding::Label,
    servers::{self, Group},
};
use crate::{
    escape,
    grammar::Release,
    model::{Instance, PeerEntry, PeersSection, Place, Proxy, Server, StickTable, reading::RemarkKind},
    span::Span,
};

/// An instance under the name it is reported by.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The name.
    pub name: &'a str,
    /// What its files say.
    pub instance: &'a Instance<'a>,
}

/// Everything a rule may look at.
#[derive(Debug)]
pub struct Context<'a> {
    /// The instances, in the order they were given.
    pub instances: Vec<Subject<'a>>,
    /// The release whose behaviour is described.
    pub release: Release,
    /// By instance, its tables by full name.
    tables: Vec<HashMap<&'a [u8], &'a StickTable>>,
    groups: Vec<Group<'a>>,
}

impl<'a> Context<'a> {
    /// A context over these instances.
    #[must_use]
    pub fn new(instances: Vec<Subject<'a>>, release: Release) -> Self {
        let tables = |subject: &Subject<'a>| {
            let mut tables = HashMap::new();
            for table in subject.instance.tables() {
                tables.entry(table.name.as_slice()).or_insert(table);
            }
            tables
        };
        let tables = instances.iter().map(tables).collect();
        let mut context = Self { instances, release, tables, groups: Vec::new() };
        context.groups = servers::groups(&context);
        context
    }

    /// The table of an instance with this full name.
    #[must_use]
    pub fn table(&self, instance: usize, name: &[u8]) -> Option<&'a StickTable> {
        self.tables.get(instance)?.get(name).copied()
    }

    /// The name of an instance, escaped.
    #[must_use]
    pub fn instance_name(&self, instance: usize) -> Cow<'a, str> {
        self.instances.get(instance).map_or(Cow::Borrowed(""), |subject| escape::name(subject.name.as_bytes()))
    }

    /// The address of a server for people; a reference stays one.
    #[must_use]
    pub fn address(&self, instance: usize, server: &Server<'_>) -> String {
        let written = self.instances.get(instance).map_or(&*server.address, |subject| {
            subject.instance.as_written(server.place, server.address_word.into(), &server.address)
        });
        escape::name(written).into_owned()
    }

    /// The backends that have servers, those of one name side by side, by name.
    #[must_use]
    pub fn groups(&self) -> &[Group<'a>] {
        &self.groups
    }

    /// All instances with their indexes.
    pub fn each(&self) -> impl Iterator<Item = (usize, &'a Instance<'a>)> {
        self.instances.iter().enumerate().map(|(index, subject)| (index, subject.instance))
    }

    /// The tables a proxy sticks on: its own, or those its `stick` rules name.
    #[must_use]
    pub fn sticks_on(&self, instance: &'a Instance<'a>, proxy: &Proxy<'_>) -> Vec<&'a StickTable> {
        let Some(index) = self.instances.iter().position(|s| std::ptr::eq(s.instance, instance)) else {
            return Vec::new();
        };
        let name = |table: &'_ Vec<u8>| if table.is_empty() { proxy.name.to_vec() } else { table.clone() };
        proxy.sticks_on.iter().filter_map(|table| self.table(index, &name(table))).collect()
    }

    /// The section over which a table really travels: HAProxy keeps it, it isn't disabled, and somebody else is in it.
    #[must_use]
    pub fn travels_through(&self, instance: &'a Instance<'a>, table: &StickTable) -> Option<&'a PeersSection> {
        let section = instance.section(table.peers()?)?;
        let works = !section.disabled && instance.is_effective(section) != Some(false);
        (works && self.remotes(instance, section).next().is_some()).then_some(section)
    }

    /// The other HAProxy instances of a section: neither the local peer nor guests.
    pub fn remotes<'s>(
        &self,
        instance: &'s Instance<'_>,
        section: &'s PeersSection,
    ) -> impl Iterator<Item = &'s PeerEntry> {
        let local = instance.local.name.as_deref();
        section.entries.iter().filter(move |e| !e.guest && Some(e.name.as_slice()) != local)
    }

    /// A label on raw word `word` of a line.
    #[must_use]
    pub fn word(&self, instance: usize, place: Place, word: usize, text: impl Into<String>) -> Label {
        let span = self.instances.get(instance).map_or(Span::at(0), |s| s.instance.word_span(place, word));
        Label { instance, place, span, text: text.into() }
    }

    /// A label on a line's empty word: a variable that isn't set, or has no value.
    #[must_use]
    pub fn empty_word(&self, instance: usize, place: Place) -> Option<Label> {
        let remarks = &self.instances.get(instance)?.instance.remarks;
        let remark = remarks.iter().find(|r| r.place == place && r.kind == RemarkKind::RestIgnored)?;
        Some(Label { instance, place, span: remark.span, text: "empty".to_owned() })
    }
}
