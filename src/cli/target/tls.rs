//! TLS: by hand, or from the words of a `server` line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::globals::Globals;
use crate::cli::args::{ConnectTlsArgs, VerifyArg};
use crate::cli::failure::Failure;
use crate::cli::instances::shown;
use crate::escape;
use crate::grammar::ParamTable;

/// How a connection is made with TLS. Files are read, as PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tls {
    /// How the other side is checked.
    pub trust: Trust,
    /// Our certificate, what it was signed with, and its key.
    pub identity: Option<Vec<u8>>,
    /// The name that the other side's certificate must carry; `None`: any that [`Self::trust`] takes will do.
    pub host: Option<String>,
    /// The name that we say we call.
    pub sni: Option<String>,
}

/// How the other side is checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trust {
    /// Not at all.
    Anybody,
    /// With the certificates that this machine trusts.
    System,
    /// With these.
    Certificates(Vec<u8>),
}

/// The name of the machine's own certificates in place of a file.
const SYSTEM: &[u8] = b"@system-ca";

/// TLS flags: what holds for all peers, and names that hold for one.
#[derive(Clone, Debug)]
pub(super) struct ByHand {
    all: Tls,
    hosts: BTreeMap<Vec<u8>, String>,
}

impl ByHand {
    /// How the peer of that name is called.
    pub(super) fn of(&self, peer: Option<&[u8]>) -> Tls {
        let host = peer.and_then(|peer| self.hosts.get(peer)).or(self.all.host.as_ref());
        Tls { host: host.cloned(), sni: host.cloned(), ..self.all.clone() }
    }
}

/// What the TLS flags say; `None` without `--ssl`.
pub(super) fn by_hand<'a>(
    args: &ConnectTlsArgs,
    listens: bool,
    names: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<Option<ByHand>, Failure> {
    if !args.ssl {
        return Ok(None);
    }
    let trust = match (&args.ca_file, args.verify) {
        (None, Some(VerifyArg::None)) if args.verifyhost.is_empty() => Trust::Anybody,
        (ca, Some(VerifyArg::None)) => {
            let flag = if ca.is_some() { "--ca-file" } else { "--verifyhost" };
            let message = format!("--verify none checks nothing, and {flag} says what to check");
            return Err(Failure::misuse(message, "leave one of them out"));
        }
        (Some(file), _) if file.as_os_str().as_encoded_bytes() == SYSTEM => Trust::System,
        (Some(file), _) => Trust::Certificates(super::file(file)?),
        // A listener may take whoever has a name that is listed.
        (None, None) if listens && args.verifyhost.is_empty() => Trust::Anybody,
        (None, _) => {
            let help = "give --ca-file FILE to check the other side, or say --verify none if anyone may take its place";
            return Err(Failure::misuse("--ssl says nothing about certificates of the other side", help));
        }
    };
    let identity = args.crt.as_ref().map(|crt| certificate(crt)).transpose()?;
    let mut hosts = BTreeMap::new();
    let mut host = None;
    for text in &args.verifyhost {
        match text.split_once('=') {
            None => host = Some(text.clone()),
            Some((peer, host)) if names.clone().any(|name| name == peer.as_bytes()) => {
                hosts.insert(peer.as_bytes().to_vec(), host.to_owned());
            }
            Some((peer, _)) => {
                let message = format!("--verifyhost {text}: no peer `{}` is called", escape::name(peer.as_bytes()));
                return Err(Failure::misuse(message, "give the name as it stands in front of the address"));
            }
        }
    }
    Ok(Some(ByHand { all: Tls { trust, identity, host, sni: None }, hosts }))
}

/// What the words of a `server` line in the file `config` say; `None` for plain TCP. What stands there and isn't obeyed is
/// added to `notes`.
pub(super) fn of_words(
    words: &[&[u8]],
    globals: &Globals,
    config: &Path,
    notes: &mut Vec<String>,
) -> Result<Option<Tls>, Failure> {
    let mut ssl = false;
    let (mut ca, mut crt, mut host, mut sni) = (None, None, None, None);
    let mut verifies = !globals.unverified;
    for param in ParamTable::Server.scan(words, None) {
        let Some(info) = param.info else { continue };
        let value = words.get(param.values.start).copied().unwrap_or_default();
        match info.keyword {
            "ssl" => ssl = true,
            "no-ssl" => ssl = false,
            "ca-file" => ca = Some(value),
            "crt" => crt = Some(value),
            "verify" => verifies = value != b"none",
            "verifyhost" => host = Some(value),
            "sni" => sni = constant(value),
            "crl-file" => {
                let file = escape::name(value);
                notes.push(format!("`crl-file {file}` is not looked at: a revoked certificate passes"));
            }
            _ => {}
        }
    }
    if !ssl {
        return Ok(None);
    }
    let trust = match ca {
        _ if !verifies => Trust::Anybody,
        Some(SYSTEM) => Trust::System,
        Some(name) => Trust::Certificates(read(&globals.ca_file(config, name), "ca-base")?),
        None => {
            let help = "HAProxy refuses such a line: add `ca-file FILE` to it, or give --ssl --ca-file FILE";
            return Err(Failure::misuse("TLS with `verify required`, and no `ca-file` to check with", help));
        }
    };
    let identity = crt.map(|name| certificate(&globals.crt(config, name))).transpose()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let sni = sni.map(text);
    // HAProxy compares the certificate with the name it called, if it gave one.
    let host = sni.clone().or_else(|| host.map(text)).filter(|_| verifies);
    Ok(Some(Tls { trust, identity, host, sni }))
}

/// The text of `str(…)`. What other expressions give is known with a connection of a client only, and peers have none.
fn constant(expression: &[u8]) -> Option<&[u8]> {
    expression.strip_prefix(b"str(")?.strip_suffix(b")")
}

/// A certificate with its key, which may stand beside it in `FILE.key`.
fn certificate(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut pem = read(path, "crt-base")?;
    if memchr::memmem::find(&pem, b"PRIVATE KEY-----").is_none() {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".key");
        let beside = PathBuf::from(beside);
        if !beside.exists() {
            let message = format!("{}: a certificate without its key", shown(path));
            let help = format!("append the key to it, or put it into {}", shown(&beside));
            return Err(Failure::misuse(message, help));
        }
        pem.push(b'\n');
        pem.extend(super::file(&beside)?);
    }
    Ok(pem)
}

fn read(path: &Path, base: &str) -> Result<Vec<u8>, Failure> {
    if path.is_relative() && !path.exists() {
        let message = format!("no file `{}` here", shown(path));
        let help = format!("HAProxy looks for it where it was started: run this there, or write an absolute {base}");
        return Err(Failure::new(crate::cli::exit::Exit::Io, message, help));
    }
    super::file(path)
}
