//! TLS: by hand, or from the words of a `server` line.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::globals::Globals;
use crate::cli::args::{ConnectTlsArgs, VerifyArg};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::instances::shown;
use crate::escape;
use crate::grammar::ParamTable;
use crate::node::tls::{ClientTlsOptions, Expected, Pem, ServerTlsOptions};

/// The name of the machine's own certificates in place of a file.
const SYSTEM: &[u8] = b"@system-ca";

/// Where they stand: Debian and Alpine, Fedora, older Red Hats, SUSE, BSDs. OpenSSL looks at the variable first.
const SYSTEM_FILES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const SYSTEM_VARIABLE: &str = "SSL_CERT_FILE";

/// TLS flags: what holds for all peers, and names that hold for one.
#[derive(Clone, Debug)]
pub(super) struct ByHand {
    all: ClientTlsOptions,
    /// The name that certificates must carry.
    host: Option<String>,
    hosts: BTreeMap<Vec<u8>, String>,
}

impl ByHand {
    /// How the peer of that name is called.
    pub(super) fn of(&self, peer: Option<&[u8]>) -> ClientTlsOptions {
        match peer.and_then(|peer| self.hosts.get(peer)).or(self.host.as_ref()) {
            Some(host) => ClientTlsOptions {
                expected: Expected::OneOf(vec![host.clone()]),
                sni: host.parse::<IpAddr>().is_err().then(|| host.clone()),
                ..self.all.clone()
            },
            None => self.all.clone(),
        }
    }
}

/// What the TLS flags say; `None` without `--ssl`.
pub(super) fn by_hand<'a>(
    args: &ConnectTlsArgs,
    listens: bool,
    names: &(impl Iterator<Item = &'a [u8]> + Clone),
) -> Result<Option<ByHand>, Failure> {
    if !args.ssl {
        return Ok(None);
    }
    let trust = match (&args.ca_file, args.verify) {
        (None, Some(VerifyArg::None)) if args.verifyhost.is_empty() => None,
        (ca, Some(VerifyArg::None)) => {
            let flag = if ca.is_some() { "--ca-file" } else { "--verifyhost" };
            let message = format!("--verify none checks nothing, and {flag} says what to check");
            return Err(Failure::misuse(message, "leave one of them out"));
        }
        (Some(file), _) if file.as_os_str().as_encoded_bytes() == SYSTEM => Some(system()?),
        (Some(file), _) => Some(pem(file)?),
        // A listener may take whoever has a name that is listed.
        (None, None) if listens && args.verifyhost.is_empty() => None,
        (None, _) => {
            let help = "give --ca-file FILE to check the other side, or say --verify none if anyone may take its place";
            return Err(Failure::misuse("--ssl says nothing about certificates of the other side", help));
        }
    };
    let certificate = args.crt.as_ref().map(|crt| certificate(crt)).transpose()?;
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
    let all = ClientTlsOptions { trust, revoked: None, expected: Expected::Anything, certificate, sni: None };
    Ok(Some(ByHand { all, host, hosts }))
}

/// What the words of a `server` line in the file `config` say; `None` for plain TCP.
pub(super) fn of_words(words: &[&[u8]], globals: &Globals, config: &Path) -> Result<Option<ClientTlsOptions>, Failure> {
    let mut ssl = false;
    let (mut ca, mut crl, mut crt, mut host, mut sni) = (None, None, None, None, None);
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
            "crl-file" => crl = Some(value),
            _ => {}
        }
    }
    if !ssl {
        return Ok(None);
    }
    let trust = match ca {
        _ if !verifies => None,
        Some(SYSTEM) => Some(system()?),
        Some(name) => Some(read(&globals.ca_file(config, name), "ca-base")?),
        None => {
            let help = "HAProxy refuses such a line: add `ca-file FILE` to it, or give --ssl --ca-file FILE";
            return Err(Failure::misuse("TLS with `verify required`, and no `ca-file` to check with", help));
        }
    };
    let revoked = crl.filter(|_| verifies).map(|name| read(&globals.ca_file(config, name), "ca-base")).transpose()?;
    let certificate = crt.map(|name| certificate(&globals.crt(config, name))).transpose()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let sni = sni.map(text);
    // HAProxy compares the certificate with the name it called, if it gave one.
    let host = sni.clone().or_else(|| host.map(text)).filter(|_| verifies);
    let expected = host.map_or(Expected::Anything, |host| Expected::OneOf(vec![host]));
    Ok(Some(ClientTlsOptions { trust, revoked, expected, certificate, sni }))
}

/// What the words of a `bind` line in the file `config` say; `None` for plain TCP.
pub(super) fn of_bind_words(
    words: &[&[u8]],
    globals: &Globals,
    config: &Path,
) -> Result<Option<ServerTlsOptions>, Failure> {
    let (mut ssl, mut verifies) = (false, false);
    let (mut ca, mut crl, mut crt) = (None, None, None);
    for param in ParamTable::Bind.scan(words, None) {
        let value = words.get(param.values.start).copied().unwrap_or_default();
        match param.info.map(|info| info.keyword) {
            Some("ssl") => ssl = true,
            Some("ca-file") => ca = Some(value),
            Some("crl-file") => crl = Some(value),
            Some("crt") => crt = Some(value),
            Some("verify") => verifies = value != b"none",
            _ => {}
        }
    }
    if !ssl {
        return Ok(None);
    }
    let Some(crt) = crt else {
        return Err(Failure::misuse("a listener with TLS needs a certificate", "add `crt FILE` to the line"));
    };
    let trust = match ca {
        _ if !verifies => None,
        Some(SYSTEM) => Some(system()?),
        Some(name) => Some(read(&globals.ca_file(config, name), "ca-base")?),
        None => {
            let message = "callers are to be checked, and no `ca-file` says with what";
            return Err(Failure::misuse(message, "add `ca-file FILE` to the line"));
        }
    };
    let revoked = crl.filter(|_| verifies).map(|name| read(&globals.ca_file(config, name), "ca-base")).transpose()?;
    Ok(Some(ServerTlsOptions { certificate: certificate(&globals.crt(config, crt))?, trust, revoked }))
}

/// The text of `str(…)`. What other expressions give is known with a connection of a client only, and peers have none.
fn constant(expression: &[u8]) -> Option<&[u8]> {
    expression.strip_prefix(b"str(")?.strip_suffix(b")")
}

/// A certificate with its key, which may stand beside it in `FILE.key`.
fn certificate(path: &Path) -> Result<Pem, Failure> {
    let mut pem = read(path, "crt-base")?;
    if memchr::memmem::find(&pem.text, b"PRIVATE KEY-----").is_none() {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".key");
        let beside = PathBuf::from(beside);
        if !beside.exists() {
            let message = format!("{}: a certificate without its key", shown(path));
            let help = format!("append the key to it, or put it into {}", shown(&beside));
            return Err(Failure::misuse(message, help));
        }
        pem.text.push(b'\n');
        pem.text.extend(files::contents(&beside)?);
    }
    Ok(pem)
}

/// The certificates that this machine trusts.
fn system() -> Result<Pem, Failure> {
    let named = std::env::var_os(SYSTEM_VARIABLE).map(PathBuf::from);
    let mut usual = SYSTEM_FILES.iter().map(PathBuf::from);
    let Some(path) = named.or_else(|| usual.find(|path| path.exists())) else {
        let help = format!("install ca-certificates, or name a file in {SYSTEM_VARIABLE} or with --ca-file");
        return Err(Failure::new(
            Exit::Io,
            "no file with the certificates that this machine trusts (@system-ca)",
            help,
        ));
    };
    pem(&path)
}

fn read(path: &Path, base: &str) -> Result<Pem, Failure> {
    if path.is_relative() && !path.exists() {
        let message = format!("no file `{}` here", shown(path));
        let help =
            format!("HAProxy looks for it where it was started: run this there, or write an absolute path or {base}");
        return Err(Failure::new(Exit::Io, message, help));
    }
    pem(path)
}

fn pem(path: &Path) -> Result<Pem, Failure> {
    Ok(Pem { name: shown(path), text: files::contents(path)? })
}
