//! Why an edit is not made.

use crate::{model::Place, span::Span};

/// An edit that is refused: nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct OpError {
    /// What is wrong.
    pub kind: OpErrorKind,
    /// The places to show.
    pub labels: Vec<Label>,
    /// What to do next.
    pub help: String,
}

/// A place in one of the instance's files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The line.
    pub place: Place,
    /// The bytes.
    pub span: Span,
    /// What they are.
    pub text: String,
}

/// The kinds of refused edits. Names are shown as they stand in the files, escaped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
#[non_exhaustive]
pub enum OpErrorKind {
    #[error("`{0}` is not a valid name")]
    BadName(String),
    #[error("`{0}` is not NAME=ADDRESS")]
    BadPeer(String),
    #[error("`{0}` is not an address with a port")]
    BadAddress(String),
    #[error("`{0}` is given twice")]
    Twice(String),
    #[error("{shards} shards for {peers} peers")]
    BadShards { shards: u32, peers: usize },
    #[error("bad table definition: {0}")]
    BadTable(String),
    #[error("TLS can't be had with `peer` lines")]
    TlsOnPeerLines,
    #[error("--ssl says nothing about certificates of the other side")]
    TlsWithoutTrust,
    #[error("--verify none checks nothing, and {0} says what to check")]
    NothingToCheck(&'static str),
    #[error("section `{section}` has `{found}` lines, not `{wanted}` lines")]
    OtherStyle { section: String, found: &'static str, wanted: &'static str },
    #[error("section `{0}` is plain TCP: TLS can't be added to it peer by peer")]
    PlainSection(String),
    #[error("the local peer's name is not known")]
    UnknownLocal,
    #[error("the local peer `{name}` would be no peer of section `{section}`: HAProxy would drop the section")]
    LocalIsNoPeer { name: String, section: String },
    #[error("no peers section `{0}`")]
    UnknownSection(String),
    #[error("no stick table `{0}`")]
    UnknownTable(String),
    #[error("section `{section}` has no peer `{peer}`")]
    UnknownPeer { section: String, peer: String },
    #[error("`{peer}` is the local peer of this instance: without it section `{section}` is switched off")]
    RemovesLocal { section: String, peer: String },
    #[error("table `{0}` of the section is used")]
    TableInUse(String),
    #[error("table `{table}` already replicates through `{section}`")]
    OtherSection { table: String, section: String },
    #[error("{0} is a `table` line: its section is the one it stands in")]
    PeersTable(String),
    #[error("{0} stands in a block whose condition can't be decided here")]
    Conditional(String),
    #[error("{0} is built from the environment")]
    Referenced(String),
    #[error("{0} can't be read: {1}")]
    Unreadable(String, String),
    #[error("a `.if` block crosses the border of section `{0}`")]
    BlockAcross(String),
    #[error("{option}: {problem}")]
    BadOption { option: String, problem: String },
    #[error("HAProxy would refuse table `{table}`: {problem}")]
    WouldBreak { table: String, problem: String },
    #[error("table `{table}` has keys without a length (type {key_type})")]
    NoLength { table: String, key_type: String },
    #[error("section `{section}` lists another node, `{peer}`: what nodes replicate among each other counts twice")]
    Mesh { section: String, peer: String },
    #[error("section `{0}` carries no table that could be added up")]
    NoSource(String),
    #[error("peers section `{0}` has no peer")]
    EmptySection(String),
    #[error("table `{table}` can't have `write-to {target}`: {why}")]
    WriteTo { table: String, target: String, why: &'static str },
    #[error("the line would have more than 64 words")]
    TooManyWords,
    #[error("two edits touch the same bytes")]
    Overlap,
}

impl OpError {
    /// An error without a place.
    #[must_use]
    pub fn new(kind: OpErrorKind, help: impl Into<String>) -> Self {
        Self { kind, labels: Vec::new(), help: help.into() }
    }

    /// The same, with one more place.
    #[must_use]
    pub fn at(mut self, place: Place, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { place, span, text: text.into() });
        self
    }
}
