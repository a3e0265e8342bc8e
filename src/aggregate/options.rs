//! What one `aggregations` section asks for.

use std::collections::BTreeMap;

use crate::grammar::DataType;
use crate::stick::ValueKind;

/// One section: the same tables of several nodes, added up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aggregation {
    /// Its name.
    pub name: String,
    /// Which tables are read, and which are written.
    pub naming: Naming,
    /// The peers, in the order of the file. Ourselves are not among them.
    pub peers: Vec<Peer>,
    /// How states become a total.
    pub policy: Policy,
    /// When a total is sent.
    pub publish: Publish,
    /// What becomes of the states of a source that is away.
    pub stale: Stale,
    /// How long after the start totals wait for sources that didn't finish a resync yet, in milliseconds.
    pub start_grace_ms: u64,
    /// How often each source is asked for everything again, in milliseconds; `None` = never.
    pub refresh_ms: Option<u64>,
    /// Whether a node that comes up cold is taught its own entries.
    pub teach_back: bool,
    /// The wire name of the table that tells nodes whether the totals can be trusted.
    pub lease: Option<Box<[u8]>>,
}

/// A peer of an aggregation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its name among the peers.
    pub name: Box<[u8]>,
    /// What it is to us.
    pub relation: Relation,
}

/// What a peer is to an aggregation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// A node: its tables are read, and the totals are written to it.
    Node,
    /// The other aggregator of the same nodes.
    Standby,
    /// An aggregator of a higher level: our totals are its source.
    Up,
    /// An aggregator of a lower level: its totals are a source of ours.
    Down,
}

/// Which tables are added up, by their names on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Naming {
    /// All whose name ends in `from` (`None` = in none of the suffixes of totals); the total has `to` in its place.
    Suffix {
        /// The suffix of a source.
        from: Option<Box<[u8]>>,
        /// The suffix of a total.
        to: Box<[u8]>,
    },
    /// These.
    Tables(Vec<TableName>),
}

/// A table and its total. Names without a slash also mean the tables of a peers section, which have one in front of theirs on
/// the wire; then the total has one, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableName {
    /// The name of the source.
    pub from: Box<[u8]>,
    /// The name of the total.
    pub to: Box<[u8]>,
}

impl Naming {
    /// The name of the total of a source's table; `None` if it isn't one.
    #[must_use]
    pub fn total_of(&self, table: &[u8]) -> Option<Box<[u8]>> {
        match self {
            Self::Suffix { from: Some(from), to } => Some([table.strip_suffix(&**from)?, to].concat().into()),
            Self::Suffix { from: None, to } => (!table.ends_with(to)).then(|| [table, to].concat().into()),
            Self::Tables(tables) => {
                let exactly = tables.iter().find(|pair| *pair.from == *table).map(|pair| pair.to.clone());
                let in_section = || {
                    let bare = table.strip_prefix(b"/")?;
                    let pair = tables.iter().find(|pair| *pair.from == *bare && pair.is_bare())?;
                    Some([b"/", &*pair.to].concat().into())
                };
                exactly.or_else(in_section)
            }
        }
    }

    /// Whether a table is one that totals are written to.
    #[must_use]
    pub fn is_total(&self, table: &[u8]) -> bool {
        match self {
            Self::Suffix { to, .. } => table.ends_with(to),
            Self::Tables(tables) => {
                let bare = table.strip_prefix(b"/");
                tables
                    .iter()
                    .any(|pair| *pair.to == *table || bare.is_some_and(|bare| *pair.to == *bare && pair.is_bare()))
            }
        }
    }
}

impl TableName {
    /// Whether the names may be those of tables of a peers section or of others.
    fn is_bare(&self) -> bool {
        !self.from.contains(&b'/') && !self.to.contains(&b'/')
    }
}

/// How the states of the sources become one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataPolicy {
    /// Their sum, saturating at the largest number of the data type.
    Sum,
    /// The largest.
    Max,
    /// The smallest of those that have the key.
    Min,
    /// That of the source where the entry was used last: whose rest of a life has lost least. In tables that never expire, the one
    /// that was taught last.
    Last,
    /// All bits that are set in one of them.
    Or,
    /// The bits that are set in all that have the key.
    And,
    /// 0: the data type isn't aggregated.
    None,
}

/// What a counter that starts again at a source does to the total.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnReset {
    /// The total falls: it is the sum of what the sources have now.
    #[default]
    Current,
    /// The total keeps what the source had counted, until the entry expires.
    Monotonic,
}

/// The policies of the data types that have one of their own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// By data type.
    pub of: BTreeMap<DataType, (DataPolicy, OnReset)>,
}

impl Policy {
    /// The policy of a data type: what was said of it, else the sum for counters, gauges and rates, the largest for tags, and
    /// none for servers, whose ids and names mean something else on each node.
    #[must_use]
    pub fn get(&self, data_type: DataType) -> (DataPolicy, OnReset) {
        let usual = match data_type {
            DataType::GPT0 | DataType::GPT => DataPolicy::Max,
            DataType::SERVER_ID => DataPolicy::None,
            _ if ValueKind::of(data_type) == Some(ValueKind::Text) => DataPolicy::None,
            _ => DataPolicy::Sum,
        };
        self.of.get(&data_type).copied().unwrap_or((usual, OnReset::Current))
    }
}

/// When a total is sent, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publish {
    /// The least time between two updates of one key: what changes in between is one update.
    pub min_interval_ms: u64,
    /// The most time between two updates of a key whose rates aren't zero.
    pub max_interval_ms: u64,
}

impl Default for Publish {
    fn default() -> Self {
        Self { min_interval_ms: 10, max_interval_ms: 1_000 }
    }
}

/// What becomes of the states of a source that is away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stale {
    /// They count on until they expire; only the lease is withdrawn.
    Keep,
    /// They are forgotten after that many milliseconds.
    DropAfter(u64),
    /// Nothing is published until it is back.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(naming: &Naming, table: &str) -> Option<String> {
        naming.total_of(table.as_bytes()).map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    #[test]
    fn a_bare_name_means_a_table_of_a_peers_section_too() {
        let pair = |from: &str, to: &str| TableName { from: from.as_bytes().into(), to: to.as_bytes().into() };
        let naming = Naming::Tables(vec![pair("src", "src.agg"), pair("/a", "b")]);
        assert_eq!(total(&naming, "src").as_deref(), Some("src.agg"));
        assert_eq!(total(&naming, "/src").as_deref(), Some("/src.agg"));
        assert_eq!(total(&naming, "/a").as_deref(), Some("b"), "names with a slash are taken as they are");
        assert_eq!(total(&naming, "a"), None);
        assert!(naming.is_total(b"src.agg") && naming.is_total(b"/src.agg") && naming.is_total(b"b"));
        assert!(!naming.is_total(b"/b") && !naming.is_total(b"src"));
    }
}
