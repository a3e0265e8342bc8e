//! Typed views of a configuration: what the files of one HAProxy process say about peers, tables and servers.

pub mod address;
pub mod call;
pub mod cond;
pub mod instance;
pub mod numbering;
pub mod peers;
pub mod proxy;
pub mod reading;
pub mod server_id;
pub mod stick_table;
pub mod table_use;

pub use address::Address;
pub use call::{Call, Listener, Refusal};
pub use instance::{Instance, LocalPeer, LocalPeerSource, Naming};
pub use peers::{Bind, PeerEntry, PeerKeyword, PeersSection};
pub use proxy::{Proxy, ProxyKind, Server, ServerLine};
pub use reading::{Facts, Known, Place, Statement};
pub use stick_table::{RawRange, StickTable};
pub use table_use::{How, Sample, TableUse};
