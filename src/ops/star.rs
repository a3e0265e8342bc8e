//! What an aggregator and its nodes need, as text: a section for each node that lists itself and the aggregators, never another
//! node; its tables; rules to begin with; and the aggregator's own file.

mod file;
pub(super) mod rules;

use super::{
    OpError, OpErrorKind,
    generate::SectionSpec,
    spec::{PeerSpec, Tls},
};
use crate::{config::LineStyle, escape, model::PeerKeyword};

/// What the name of a total ends in.
pub const TOTAL: &str = ".agg";

/// The table by which nodes know that totals can be trusted, as behind `table`. The aggregator refreshes its own name in it; an
/// entry that isn't refreshed is gone after about two seconds.
pub const LEASE: &str = "lease type string len 31 size 16 expire 1500ms store gpc0";

/// The longest name of an aggregator, which is a key of [`LEASE`].
const LONGEST: usize = 31;

/// How many sources an aggregator takes.
const MOST: usize = 64;

/// Nodes around one or two aggregators, seen from one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StarSpec {
    /// The peers section's name, and that of the aggregator's section.
    pub section: String,
    /// The nodes.
    pub nodes: Vec<PeerSpec>,
    /// The aggregators.
    pub aggregators: Vec<PeerSpec>,
    /// Whose side is wanted: the name of one of them.
    pub local: Option<String>,
    /// How peers are written.
    pub style: PeerKeyword,
    /// TLS.
    pub tls: Option<Tls>,
    /// The tables that are added up: name and parameters.
    pub sources: Vec<Vec<Vec<u8>>>,
}

impl StarSpec {
    /// The section of a node with rules to begin with, or the aggregator's file.
    ///
    /// # Errors
    /// If it isn't clear whose side is wanted, a name is used twice, there are too many nodes, or a name of a table is taken; and as
    /// [`SectionSpec::lines`].
    pub fn text(&self, style: &LineStyle) -> Result<Vec<u8>, OpError> {
        self.check()?;
        let local = self.local.as_deref().unwrap_or_default();
        if let Some(us) = self.aggregators.iter().find(|peer| peer.name == local) {
            return Ok(file::file(self, us, style));
        }
        let section = self.section_of(local);
        let mut text = rules::rules(self, local).into_bytes();
        text.extend(section.lines(style)?);
        Ok(text)
    }

    fn check(&self) -> Result<(), OpError> {
        let all = || self.nodes.iter().chain(&self.aggregators);
        let twice = |peer: &&PeerSpec| all().filter(|other| other.name == peer.name).count() > 1;
        if let Some(peer) = all().find(twice) {
            return Err(OpError::new(
                OpErrorKind::Twice(peer.name.clone()),
                "--peer names nodes, --aggregate aggregators",
            ));
        }
        if let Some(peer) = self.aggregators.iter().find(|peer| peer.name.len() > LONGEST) {
            let help = format!("an aggregator's name is a key of the lease table: at most {LONGEST} letters");
            return Err(OpError::new(OpErrorKind::BadName(peer.name.clone()), help));
        }
        if self.nodes.len() > MOST {
            let kind = OpErrorKind::BadPeer(format!("{} nodes", self.nodes.len()));
            return Err(OpError::new(
                kind,
                format!("an aggregator takes {MOST}: put some of them under one of their own"),
            ));
        }
        match &self.local {
            Some(local) if all().any(|peer| peer.name == *local) => {}
            Some(local) => {
                let kind = OpErrorKind::LocalIsNoPeer { name: local.clone(), section: self.section.clone() };
                return Err(OpError::new(kind, "name a node or an aggregator with -L"));
            }
            None => {
                let help = "each machine has a text of its own: say which with -L NAME, a node or an aggregator";
                return Err(OpError::new(OpErrorKind::UnknownLocal, help));
            }
        }
        let known = |name: &&String| all().any(|peer| peer.name == **name);
        if let Some(peer) = self.tls.iter().flat_map(|tls| tls.verifyhost.keys()).find(|name| !known(name)) {
            let kind = OpErrorKind::UnknownPeer { section: self.section.clone(), peer: peer.clone() };
            return Err(OpError::new(kind, "--verifyhost PEER=HOST names a node or an aggregator"));
        }
        let taken = |words: &&Vec<Vec<u8>>| words.first().is_some_and(|name| name == b"lease" || is_total(name));
        if let Some(name) = self.sources.iter().find(taken).and_then(|words| words.first()) {
            let kind = OpErrorKind::BadTable(format!("the name `{}` is taken", escape::name(name)));
            return Err(OpError::new(kind, "give sources only: totals and the lease table are added to them"));
        }
        Ok(())
    }

    /// A node's section.
    fn section_of(&self, local: &str) -> SectionSpec {
        let own = self.nodes.iter().filter(|peer| peer.name == local);
        let peers: Vec<PeerSpec> = own.chain(&self.aggregators).cloned().collect();
        let tls = self.tls.clone().map(|mut tls| {
            tls.verifyhost.retain(|name, _| peers.iter().any(|peer| peer.name == *name));
            tls
        });
        SectionSpec {
            name: self.section.clone(),
            peers,
            style: self.style,
            local: Some(local.to_owned()),
            tls,
            shards: None,
            tables: tables(&self.sources),
        }
    }
}

/// Sources, their totals, and the lease.
fn tables(sources: &[Vec<Vec<u8>>]) -> Vec<Vec<Vec<u8>>> {
    let totals = sources.iter().map(|words| total_of(words));
    let lease = LEASE.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    sources.iter().cloned().chain(totals).chain([lease]).collect()
}

/// The definition of a source's total: the same under another name.
pub(super) fn total_of(source: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut words = source.to_vec();
    if let Some(name) = words.first_mut() {
        name.extend(TOTAL.as_bytes());
    }
    words
}

/// Whether a name is that of a total.
#[must_use]
pub fn is_total(name: &[u8]) -> bool {
    name.ends_with(TOTAL.as_bytes())
}
