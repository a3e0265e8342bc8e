//! Who peers with whom, which tables travel, and what doesn't match: what `dot`, `mermaid` and `svg` draw.

mod compare;
pub mod dot;
mod links;
pub mod mermaid;
mod nodes;
pub mod svg;
mod tables;

use crate::model::Instance;

/// Everything there is to draw. All texts are escaped for a terminal; each format escapes what means something to itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Graph {
    /// The instances in the order given, then the peers that are none of them, by name.
    pub nodes: Vec<Node>,
    /// By nodes and sections.
    pub links: Vec<Link>,
    /// Tables that travel through a peers section somewhere, by name.
    pub tables: Vec<Table>,
}

/// An instance, or a peer that none of the given instances is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// The instance's name, or the peer's.
    pub name: String,
    /// What isn't clear from the name: another local name, or that there is none.
    pub remark: Option<String>,
    /// Where it listens; for a ghost, where it is called.
    pub addresses: Vec<String>,
    /// Whether none of the given instances is it.
    pub ghost: bool,
}

/// Two nodes of which at least one calls the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The nodes, the smaller index first.
    pub ends: [usize; 2],
    /// The peers section on either end, as far as there is one.
    pub sections: [Option<String>; 2],
    /// Whether the first end calls the second, and the second the first.
    pub calls: [bool; 2],
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Whether it works.
    pub state: State,
    /// Why it doesn't; or that an end is called at an address it doesn't listen on.
    pub reasons: Vec<String>,
}

/// Whether a link works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Both ends list each other and can talk.
    Works,
    /// The other end isn't among the instances.
    Unknown,
    /// Only one end lists the other: HAProxy refuses the session.
    OneSided,
    /// No session comes about.
    Broken,
}

/// A table under the name it has on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// The name; tables of a peers section begin with a slash.
    pub name: String,
    /// What it is on most instances, else where it was seen first: `ip · gpc0, http_req_rate(10s)`.
    pub definition: String,
    /// The sections it travels through, each once.
    pub sections: Vec<String>,
    /// By instance, in the order of the nodes: what the table is there.
    pub at: Vec<Presence>,
    /// What doesn't match.
    pub reasons: Vec<String>,
}

/// What a table is on an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// The instance isn't connected to those that have it.
    Elsewhere,
    /// It isn't there.
    Missing,
    /// It is there, but doesn't travel.
    Kept,
    /// It travels, with a definition that isn't that of most.
    Differs,
    /// It travels.
    Travels,
}

impl Graph {
    /// The graph of these instances.
    #[must_use]
    pub fn new(instances: &[(&str, &Instance<'_>)]) -> Self {
        let found = links::find(instances);
        let tables = tables::find(instances, &found.pairs);
        Self { nodes: found.nodes, links: found.links, tables }
    }

    /// Tables that are drawn as one: those that match and travel between the same instances; every other one is alone.
    fn shelves(&self) -> Vec<Vec<&Table>> {
        let mut shelves: Vec<Vec<&Table>> = Vec::new();
        for table in &self.tables {
            let alike = |shelf: &&mut Vec<&Table>| {
                let together = |other: &Table| {
                    other.reasons.is_empty() && other.at == table.at && other.sections == table.sections
                };
                table.reasons.is_empty() && shelf.first().is_some_and(|first| together(first))
            };
            match shelves.iter_mut().find(alike) {
                Some(shelf) => shelf.push(table),
                None => shelves.push(vec![table]),
            }
        }
        shelves
    }
}

/// The lines that stand in the cylinder of a shelf: names, and what doesn't match.
fn shelf_lines(shelf: &[&Table]) -> Vec<String> {
    const MOST: usize = 12;
    let line = |table: &&Table| format!("{}: {}", table.name, table.definition);
    let mut lines: Vec<String> = shelf.iter().take(MOST).map(line).collect();
    if shelf.len() > MOST {
        lines.push(format!("and {} more", shelf.len() - MOST));
    }
    if let Some(table) = shelf.first() {
        lines.push(format!("through {}", table.sections.join(", ")));
        lines.extend(table.reasons.iter().cloned());
    }
    lines
}

impl Link {
    /// The section's name, or both where they differ.
    #[must_use]
    pub fn section(&self) -> String {
        match &self.sections {
            [Some(a), Some(b)] if a != b => format!("{a} / {b}"),
            [Some(name), _] | [None, Some(name)] => name.clone(),
            [None, None] => String::new(),
        }
    }

    /// What stands on the line: section, security, and what is wrong.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}, {}", self.section(), self.security())];
        lines.extend(self.reasons.iter().cloned());
        lines
    }

    /// `TLS` or `plain`.
    #[must_use]
    pub const fn security(&self) -> &'static str {
        if self.tls { "TLS" } else { "plain" }
    }
}

impl Node {
    /// What stands in the box.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.name.clone()];
        lines.extend(self.remark.clone());
        lines.extend(self.addresses.iter().cloned());
        if self.ghost {
            lines.push("not among the instances".to_owned());
        }
        lines
    }
}

impl Table {
    /// The instances on which it travels, and whether it matches there.
    pub fn holders(&self) -> impl Iterator<Item = (usize, bool)> {
        self.at.iter().enumerate().filter_map(|(index, presence)| match presence {
            Presence::Travels => Some((index, true)),
            Presence::Differs => Some((index, false)),
            Presence::Kept | Presence::Missing | Presence::Elsewhere => None,
        })
    }
}
