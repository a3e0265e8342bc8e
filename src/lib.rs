//! peerctl: for people who run HAProxy *peers*, the replication of stick tables between HAProxy instances.
//!
//! This library is what the `peerctl` program is made of. It reads `haproxy.cfg` without losing a byte, knows what
//! HAProxy makes of it, and edits it without touching a byte it wasn't asked to touch.
//!
//! # Map
//! Imports point down only; `tests/architecture.rs` checks it.
//!
//! ```text
//! L5  cli/      arguments → options → one library call → renderer → exit code; the only files and processes
//! L4  output/   data → text: diagnostics, diffs, JSON
//!     node/     the only tokio, sockets, TLS and clocks: what makes a session a peer
//! L3  ops/      edits: one file each, from a model to edit sets
//!     lint/     rules over several instances: one file each, from models to findings
//!     table/    entries in memory: deadlines, limits, order, filters
//!     record/   dumps and recordings, one JSON object a line: written and read
//!     aggregate/  sums over sources: what counts, what is published when
//! L2  model/    what the files of one process say: peers, tables, servers with their ids
//!     config/   lossless syntax: the text is the truth, an index lies on top
//!     proto/    the peers protocol as a state machine without sockets and clocks
//!     runtime/  what HAProxy prints on its runtime socket: tables, entries, the state of its peers
//! L1  stick/    what both worlds say of a stick table: its definition, keys, values, frequency counters
//! L0  span  units  escape  grammar/ (tables of facts, compiled in from the top-level grammar/)
//! ```
//!
//! # The configuration world
//! ```
//! use peerctl::config::{Document, Environment, Source};
//! use peerctl::grammar::Version;
//! use peerctl::model::{Facts, Instance, Naming};
//! use peerctl::ops::attach::Attach;
//! use peerctl::ops::add_peers::AddPeers;
//! use peerctl::ops::spec::PeerSpec;
//!
//! let text = b"backend shop\n  stick-table type ip size 1m expire 10m store gpc0 # limits\n".to_vec();
//! let files = [Source::new("lb1.cfg", Document::parse(text)?)];
//! let naming = Naming { option: Some(b"lb1".to_vec()), ..Naming::default() };
//! let facts = Facts { version: Version::new(3, 2), environment: Environment::default() };
//! let instance = Instance::read(&files, &naming, &facts);
//!
//! let add = AddPeers {
//!     section: "mesh".into(),
//!     peers: vec![PeerSpec::parse("lb1=10.0.0.1:10000")?, PeerSpec::parse("lb2=10.0.0.2:10000")?],
//!     attach: Attach::All,
//!     ..AddPeers::default()
//! };
//! let plan = add.plan(&instance)?;
//! let text = plan.edits[0].apply(files[0].document.text())?;
//! assert_eq!(
//!     String::from_utf8_lossy(&text),
//!     "backend shop\n  stick-table type ip size 1m expire 10m store gpc0 peers mesh # limits\n\
//!      \n\
//!      peers mesh\n  peer lb1 10.0.0.1:10000\n  peer lb2 10.0.0.2:10000\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod aggregate;
pub mod cli;
pub mod config;
pub mod escape;
pub mod grammar;
pub mod lint;
pub mod model;
pub mod node;
pub mod ops;
pub mod output;
pub mod proto;
pub mod record;
pub mod runtime;
pub mod span;
pub mod stick;
pub mod table;
pub mod units;
