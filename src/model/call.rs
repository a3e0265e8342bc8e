//! Whether a call gets through: what a peer's line makes the caller do, and what a listener asks for.

use std::fmt;

use super::peers::{PeerEntry, PeersSection};
use crate::grammar::{ParamTable, Version};

/// What callers can do, and listeners can ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Tls,
    /// A PROXY header ahead of everything.
    Proxy,
    /// A certificate of the caller's.
    Certificate,
    /// The name of the host that is called.
    Sni,
}

/// How the parameters of a peer's line make a process call that peer; those of the local peer's line, itself.
#[derive(Clone, Debug)]
pub struct Call<'i> {
    manners: Vec<Manner>,
    /// Whether it looks at the certificate of the listener.
    pub verifies: bool,
    /// The name that this certificate must carry.
    pub host: Option<&'i [u8]>,
}

/// What the listener asks of those who call.
#[derive(Clone, Debug)]
pub struct Listener {
    manners: Vec<Manner>,
    /// Whether an IPv6 wildcard leaves out IPv4.
    pub v6only: bool,
}

/// Why a listener doesn't take a call; as text, what the listener does: `is plain, and is called with TLS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The listener takes only TLS, and the caller has none.
    WantsTls,
    /// The listener is plain, and the caller begins with TLS.
    IsPlain,
    /// The listener waits for a PROXY header.
    WantsProxy,
    /// The listener doesn't understand the PROXY header it gets.
    TakesNoProxy,
    /// The listener wants a client certificate.
    WantsCertificate,
    /// The listener has `strict-sni`.
    WantsSni,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::WantsTls => "takes only TLS, and is called in plain",
            Self::IsPlain => "is plain, and is called with TLS",
            Self::WantsProxy => "waits for a PROXY header, and gets none",
            Self::TakesNoProxy => "takes no PROXY header, and gets one",
            Self::WantsCertificate => "wants a certificate, and gets none",
            Self::WantsSni => "has `strict-sni`, and is called without `sni`",
        })
    }
}

impl<'i> Call<'i> {
    /// How `entry` of `section` is called.
    #[must_use]
    pub fn of(section: &'i PeersSection, entry: &'i PeerEntry, version: Version) -> Self {
        Self::new(&section.params(entry).collect::<Vec<_>>(), version)
    }

    /// Reads the words behind name and address.
    fn new(words: &[&'i [u8]], version: Version) -> Self {
        let mut manners = Vec::new();
        let (mut verifies, mut host) = (true, None);
        for (keyword, value) in params(ParamTable::Server, words) {
            match keyword {
                "ssl" => set(&mut manners, Manner::Tls, true),
                "no-ssl" => set(&mut manners, Manner::Tls, false),
                "crt" => set(&mut manners, Manner::Certificate, true),
                "sni" => set(&mut manners, Manner::Sni, true),
                "verify" => verifies = value != b"none",
                "verifyhost" => host = Some(value),
                _ if keyword.starts_with("send-proxy") => set(&mut manners, Manner::Proxy, true),
                _ if keyword.starts_with("no-send-proxy") => set(&mut manners, Manner::Proxy, false),
                _ => {}
            }
        }
        let tls = manners.contains(&Manner::Tls);
        // Before 3.0 peers without TLS send no PROXY header, whatever their line says (seen in 2.6).
        if !tls && version < Version::new(3, 0) {
            set(&mut manners, Manner::Proxy, false);
        }
        let verifies = tls && verifies;
        Self { manners, verifies, host: host.filter(|_| verifies) }
    }

    /// Whether it uses TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.manners.contains(&Manner::Tls)
    }

    /// Why `listener` doesn't take the call.
    #[must_use]
    pub fn refusal(&self, listener: &Listener) -> Option<Refusal> {
        let (calls, wants) = (|m| self.manners.contains(&m), |m| listener.manners.contains(&m));
        match (calls(Manner::Tls), wants(Manner::Tls)) {
            (false, true) => return Some(Refusal::WantsTls),
            (true, false) => return Some(Refusal::IsPlain),
            _ => {}
        }
        match (calls(Manner::Proxy), wants(Manner::Proxy)) {
            (false, true) => Some(Refusal::WantsProxy),
            (true, false) => Some(Refusal::TakesNoProxy),
            _ if wants(Manner::Certificate) && !calls(Manner::Certificate) => Some(Refusal::WantsCertificate),
            _ if wants(Manner::Sni) && !calls(Manner::Sni) => Some(Refusal::WantsSni),
            _ => None,
        }
    }
}

impl Listener {
    /// The listener of `section`: that of its `bind` line, else that of the local peer's line, which is plain.
    #[must_use]
    pub fn of(section: &PeersSection) -> Self {
        let own = section.binds.first().map(|bind| bind.params.as_slice()).unwrap_or_default();
        let words: Vec<&[u8]> = section.default_bind.iter().chain(own).map(Vec::as_slice).collect();
        Self::new(&words)
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.manners.contains(&Manner::Tls)
    }

    /// Whether it takes only callers with a certificate.
    #[must_use]
    pub fn wants_certificate(&self) -> bool {
        self.manners.contains(&Manner::Certificate)
    }

    /// Reads the words of `default-bind` and those behind the address of `bind`.
    fn new(words: &[&[u8]]) -> Self {
        let (mut manners, mut v6only) = (Vec::new(), false);
        for (keyword, value) in params(ParamTable::Bind, words) {
            match keyword {
                "ssl" => set(&mut manners, Manner::Tls, true),
                "accept-proxy" | "accept-netscaler-cip" => set(&mut manners, Manner::Proxy, true),
                "verify" => set(&mut manners, Manner::Certificate, value == b"required"),
                "strict-sni" => set(&mut manners, Manner::Sni, true),
                "v6only" => v6only = true,
                "v4v6" => v6only = false,
                _ => {}
            }
        }
        if !manners.contains(&Manner::Tls) {
            manners.retain(|manner| *manner == Manner::Proxy);
        }
        Self { manners, v6only }
    }
}

fn set(manners: &mut Vec<Manner>, manner: Manner, on: bool) {
    manners.retain(|known| *known != manner);
    manners.extend(on.then_some(manner));
}

/// The parameters with their first value, in order.
fn params<'i>(table: ParamTable, words: &[&'i [u8]]) -> Vec<(&'static str, &'i [u8])> {
    let known = table.scan(words, None).into_iter().filter_map(|param| Some((param.info?.keyword, param.values.start)));
    known.map(|(keyword, value)| (keyword, words.get(value).copied().unwrap_or_default())).collect()
}
