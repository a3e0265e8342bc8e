//! `--listen`: where peers call us.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Address, Target};
use crate::cli::{args::ConnectArgs, failure::Failure, stderr::tell};
use crate::escape;
use crate::node::tls::{ClientTlsOptions, ServerTls, ServerTlsOptions};
use crate::node::{self, AddressError};

/// Where peers call us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    /// The address.
    pub address: Address,
    /// The TLS that callers must use, with a certificate of ours; `None` for plain TCP.
    pub tls: Option<ServerTlsOptions>,
    /// From where peers may call; nothing in particular = from anywhere.
    pub allow: Vec<IpAddr>,
}

impl Listen {
    /// A listener for calls of the peers that have these addresses; `None` for one without. In plain, off this machine, only these
    /// may call.
    pub fn new<'a>(
        address: Address,
        tls: Option<ServerTlsOptions>,
        peers: impl IntoIterator<Item = Option<&'a Address>>,
    ) -> Self {
        let allow = if tls.is_none() && !address.is_private() { addresses(peers) } else { Vec::new() };
        Self { address, tls, allow }
    }

    /// The listener to open.
    ///
    /// # Errors
    /// If the certificate can't be used.
    pub fn options(&self) -> Result<node::ListenOptions, Failure> {
        let tls = self.tls.as_ref().map(ServerTls::new).transpose().map_err(|error| super::unusable(&error))?;
        // Whether plain will do was decided before.
        Ok(node::ListenOptions {
            address: self.address.clone(),
            tls,
            insecure_plaintext: true,
            allow: self.allow.clone(),
        })
    }
}

/// Says that anybody can call, if that is so.
pub fn warn_if_insecure<H: node::Handler>(node: &node::Node<H>) {
    if node.is_insecure() {
        tell(["insecure: whoever reaches this listener can read and write the tables under the name of a peer; \
               TLS with certificates of the peers keeps others out"]);
    }
}

/// The address of `--metrics` and its like; a port alone is one of the loopback.
///
/// # Errors
/// If nothing can listen there.
pub fn metrics_address(text: &str) -> Result<Address, AddressError> {
    match text.strip_prefix(':').unwrap_or(text) {
        port if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Address::parse_listening(&format!("127.0.0.1:{port}"))
        }
        _ => Address::parse_listening(text),
    }
}

/// The listener that the options ask for, where these peers call.
pub(super) fn listen(args: &ConnectArgs, text: &str, peers: &[Target]) -> Result<Listen, Failure> {
    let tls = peers.iter().find_map(|target| target.tls.as_ref());
    let shown = escape::name(text.as_bytes());
    let Some(address) = Address::read(text.as_bytes()) else {
        let help = "write it as on a `bind` line: 127.0.0.1:10999, :10999, [::1]:10999 or unix@/path";
        return Err(Failure::misuse(format!("--listen {shown}: no address to listen on"), help));
    };
    let tls = match tls {
        None => None,
        Some(ClientTlsOptions { certificate: Some(certificate), trust, revoked, .. }) => {
            Some(ServerTlsOptions { certificate: certificate.clone(), trust: trust.clone(), revoked: revoked.clone() })
        }
        Some(_) => return Err(Failure::misuse("a listener with TLS needs a certificate", "give --ssl --crt FILE")),
    };
    if tls.is_none() && !args.insecure_plaintext && !address.is_private() {
        let help = "use TLS with --ssl --crt FILE --ca-file FILE; or, if nobody else can reach that address, say \
                    --insecure-plaintext";
        return Err(Failure::misuse(format!("--listen {shown} would take plain calls from other machines"), help));
    }
    Ok(Listen::new(address, tls, peers.iter().map(|target| target.address.as_ref())))
}

/// Where peers call from that can't prove who they are: the addresses they are called at, and this machine, if all of them are
/// numbers.
fn addresses<'a>(peers: impl IntoIterator<Item = Option<&'a Address>>) -> Vec<IpAddr> {
    let number = |address: Option<&Address>| match address {
        Some(Address::Ip(address)) if !address.ip().is_unspecified() => Some(address.ip().to_canonical()),
        _ => None,
    };
    let numbers: Option<Vec<IpAddr>> = peers.into_iter().map(number).collect();
    let ours = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    numbers.map(|numbers| numbers.into_iter().chain(ours).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_calls_come_from_where_the_peers_are_if_that_is_known() {
        let of = |texts: &[&str]| {
            let peers: Vec<Option<Address>> = texts.iter().map(|text| Address::read(text.as_bytes())).collect();
            addresses(peers.iter().map(Option::as_ref))
        };
        let allowed = of(&["10.0.0.1:1", "[2001:db8::1]:1"]);
        let named = |ip: &str| allowed.contains(&ip.parse().expect("an address"));
        assert!(["10.0.0.1", "2001:db8::1", "127.0.0.1", "::1"].into_iter().all(named), "{allowed:?}");
        assert!(!named("10.0.0.2"));
        for unknown in ["lb2.example:1", "0.0.0.0:1", "unix@/run/peers"] {
            assert!(of(&["10.0.0.1:1", unknown]).is_empty(), "{unknown}");
        }
    }
}
