//! Whom to call, and where.

use std::rc::Rc;
use std::time::Duration;

use crate::node::address::Address;
use crate::node::tls::ClientTls;

/// A peer to be called.
#[derive(Clone, Debug)]
pub struct Target {
    /// The name it has among the peers: HAProxy compares it with its own.
    pub name: Box<[u8]>,
    /// Where it listens.
    pub address: Address,
    /// Whether its listener waits for a PROXY header in front of everything (`accept-proxy`).
    pub proxy_header: bool,
    /// With what to call in TLS; `None` = in plain.
    pub tls: Option<Rc<ClientTls>>,
    /// The name to call under, if it isn't that of the node.
    pub us: Option<Box<[u8]>>,
    /// The names that the certificate of a caller may have who says it is this peer; none = the peer's own name.
    pub certificate_names: Vec<String>,
    /// Whether to call again.
    pub retry: Retry,
    /// The longest wait between two calls.
    pub patience: Duration,
}

impl Target {
    /// A peer that is called in plain, under the node's name, again and again.
    #[must_use]
    pub fn new(name: &[u8], address: Address) -> Self {
        let (tls, us, certificate_names, retry) = (None, None, Vec::new(), Retry::Always);
        let patience = Duration::from_secs(5);
        Self { name: name.into(), address, proxy_header: false, tls, us, certificate_names, retry, patience }
    }
}

/// Whether to call again after a call failed or its session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// One call.
    Never,
    /// Until it is stopped.
    Always,
}
