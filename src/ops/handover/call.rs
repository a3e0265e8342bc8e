//! Whether a process that is replaced gets through to the one in its place.

use super::cause::Cause;
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

/// How the parameters of the local peer's line make a process call itself.
#[derive(Clone, Debug)]
pub(super) struct Call<'i> {
    manners: Vec<Manner>,
    /// The name that the listener's certificate must carry.
    pub(super) verifies: Option<&'i [u8]>,
}

/// What the listener asks of those who call.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    manners: Vec<Manner>,
    pub(super) v6only: bool,
}

impl<'i> Call<'i> {
    /// Reads the words behind name and address.
    pub(super) fn new(words: &[&'i [u8]], version: Version) -> Self {
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
        Self { manners, verifies: host.filter(|_| tls && verifies) }
    }

    /// Why `listener` doesn't take the call.
    pub(super) fn refusal(&self, listener: &Listener) -> Option<Cause> {
        let (calls, wants) = (|m| self.manners.contains(&m), |m| listener.manners.contains(&m));
        match (calls(Manner::Tls), wants(Manner::Tls)) {
            (false, true) => return Some(Cause::ListenerWantsTls),
            (true, false) => return Some(Cause::ListenerIsPlain),
            _ => {}
        }
        match (calls(Manner::Proxy), wants(Manner::Proxy)) {
            (false, true) => Some(Cause::ListenerWantsProxy),
            (true, false) => Some(Cause::ListenerTakesNoProxy),
            _ if wants(Manner::Certificate) && !calls(Manner::Certificate) => Some(Cause::ListenerWantsCertificate),
            _ if wants(Manner::Sni) && !calls(Manner::Sni) => Some(Cause::ListenerWantsSni),
            _ => None,
        }
    }
}

impl Listener {
    /// Reads the words of `default-bind` and those behind the address of `bind`.
    pub(super) fn new(words: &[&[u8]]) -> Self {
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
