//! peerctl: for people who run HAProxy *peers*, the replication of stick tables between HAProxy instances.
//!
//! This library is what the `peerctl` program is made of. It reads `haproxy.cfg` without losing a byte, knows what
//! HAProxy makes of it, and edits it without touching a byte it wasn't asked to touch. It speaks the peers protocol, keeps what
//! peers teach, and adds it up.
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
//!     hold/     tables that outlive the processes they belong to: who may be taught what
//! L2  model/    what the files of one process say: peers, tables, servers with their ids
//!     config/   lossless syntax: the text is the truth, an index lies on top
//!     proto/    the peers protocol as a state machine without sockets and clocks
//!     runtime/  what HAProxy prints on its runtime socket: tables, entries, the state of its peers
//! L1  stick/    what both worlds say of a stick table: its definition, keys, values, frequency counters
//! L0  span  units  limits  escape  grammar/ (tables of facts, compiled in from the top-level grammar/)
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
//!
//! # The live world
//! A session is a state machine without sockets: bytes go in, events and bytes come out. What a peer teaches goes into a store.
//! ```
//! use std::time::Instant;
//! use peerctl::proto::session::{Event, Options, Push, Role, Session};
//! use peerctl::stick::{Definition, Place, parse};
//! use peerctl::table::{Limits, Store};
//!
//! let schema = parse(&["type", "ip", "size", "1k", "expire", "1m", "store", "gpc0"], Place::Proxy, None).schema;
//! let definition = Definition::of_schema(b"st_src", &schema).expect("it has a type");
//! let now = Instant::now();
//! let mut lb1 = Session::new(Options::new(b"lb1", Role::Caller((*b"obs").into())), now);
//! let mut obs = Session::new(Options::new(b"obs", Role::Called(vec![(*b"lb1").into()])), now);
//! let table = lb1.define(definition.clone())?;
//! lb1.push(table, &Push { key: &[203, 0, 113, 77], values: &[3], server_key: None, life_ms: Some(30_000) })?;
//!
//! let mut store = Store::new(definition, Limits::default())?;
//! for _ in 0..4 {
//!     let mut wire = Vec::new();
//!     lb1.poll_transmit(&mut wire);
//!     obs.handle_bytes(now, &wire);
//!     while let Some(event) = obs.poll_event() {
//!         if let Event::Update(update) = event {
//!             store.apply(0, &(&update).into());
//!         }
//!     }
//!     wire.clear();
//!     obs.poll_transmit(&mut wire);
//!     lb1.handle_bytes(now, &wire);
//!     while lb1.poll_event().is_some() {}
//! }
//! let entry = store.get(&[203, 0, 113, 77], 10_000).expect("it was taught, and lives");
//! assert_eq!((entry.value(&store.definition().layout.fields()[0], 0), entry.rest_ms()), (3, Some(20_000)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Adding up
//! The engine of `peerctl aggregate` is told what sources teach, and asked what destinations are to be told.
//! ```
//! use peerctl::aggregate::{
//!     Aggregation, Aggregator, Limits, Naming, Peer, PeerNumber, Policy, Publish, Relation, Stale,
//! };
//! use peerctl::stick::{Definition, Place, parse};
//! use peerctl::table::{ServerKey, Update};
//!
//! let peers = ["lb1", "lb2"].map(|name| Peer { name: name.as_bytes().into(), relation: Relation::Node });
//! let options = Aggregation {
//!     name: "web".into(),
//!     naming: Naming::Suffix { from: None, to: b".agg".as_slice().into() },
//!     peers: peers.into(),
//!     policy: Policy::default(),
//!     publish: Publish::default(),
//!     stale: Stale::Keep,
//!     start_grace_ms: 0,
//!     refresh_ms: None,
//!     teach_back: false,
//!     lease: None,
//! };
//! let mut aggregator = Aggregator::new(options, b"agg1", Limits::default(), 0)?;
//! let schema = parse(&["type", "ip", "size", "1k", "expire", "1m", "store", "gpc0"], Place::Proxy, None).schema;
//! let definition = Definition::of_schema(b"st_src", &schema).expect("it has a type");
//! for (peer, count) in [(PeerNumber(0), 60), (PeerNumber(1), 61)] {
//!     aggregator.link_up(peer, 0);
//!     aggregator.table(peer, 0, &definition, 0);
//!     let server_key = ServerKey::Unchanged;
//!     let update =
//!         Update { key: &[203, 0, 113, 77], values: &[count], server_key, update_id: 1, life_ms: None, resync: false };
//!     aggregator.update(peer, 0, &update, 0);
//! }
//! let (values, rest_ms) = aggregator.total(b"st_src.agg", &[203, 0, 113, 77], 1_000).expect("both have it");
//! assert_eq!((values, rest_ms), ([121].as_slice(), Some(59_000)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod aggregate;
pub mod cli;
pub mod config;
pub mod escape;
pub mod grammar;
pub mod hold;
pub mod limits;
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
