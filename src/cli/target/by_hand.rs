//! PEERs on the command line: `NAME=ADDRESS`, or an address alone.

use super::{Address, Identity, Target};
use crate::cli::{args::ConnectArgs, failure::Failure};
use crate::escape;
use crate::ops::spec::{PeerSpec, check_address, check_name};

/// Our name where nothing says another.
pub(super) const US: &str = "peerctl";

/// The peers of these words.
pub(super) fn targets(args: &ConnectArgs, words: &[String], who: Identity) -> Result<Vec<Target>, Failure> {
    let mut targets: Vec<Target> = Vec::new();
    for word in words {
        let target = one(args, word, who)?;
        if target.name.is_some() && targets.iter().any(|known| known.name == target.name) {
            return Err(Failure::misuse(format!("peer `{}` is given twice", target.shown()), "give each once"));
        }
        targets.push(target);
    }
    Ok(targets)
}

fn one(args: &ConnectArgs, word: &str, who: Identity) -> Result<Target, Failure> {
    let (name, address) = match split(word) {
        (Some(name), Some(address)) => {
            let spec = PeerSpec::parse(&format!("{name}={address}"))?;
            (Some(spec.name), Some(spec.address))
        }
        (None, Some(address)) if who == Identity::Anybody => (None, Some(address.to_owned())),
        (None, Some(address)) => {
            let help =
                format!("HAProxy takes only calls that give its name: NAME={}", escape::name(address.as_bytes()));
            return Err(Failure::misuse("an address without a name", help));
        }
        (name, None) => {
            let name = check_name(name.unwrap_or_default())?;
            if args.listen.is_none() {
                let help =
                    format!("write {name}=10.0.0.1:10000, or name the configuration that has it: -f haproxy.cfg");
                return Err(Failure::misuse(format!("`{name}` has no address"), help));
            }
            (Some(name.to_owned()), None)
        }
    };
    let address = address.map(|address| {
        let parsed = Address::read(address.as_bytes()).map(Address::called);
        let help = "write it as HAProxy does: 10.0.0.1:10000, [2001:db8::1]:10000, lb1.example:10000 or unix@/path";
        parsed.ok_or_else(|| Failure::misuse(format!("`{}` can't be called", escape::name(address.as_bytes())), help))
    });
    let us = us(args, name.as_deref(), who)?;
    let name = name.map(|name| name.into_bytes().into());
    Ok(Target { name, us, address: address.transpose()?, proxy_header: false, tls: None })
}

/// Name and address. What can't be a name belongs to the address: paths may hold a `=`.
pub(super) fn split(word: &str) -> (Option<&str>, Option<&str>) {
    match word.split_once('=') {
        Some((name, address)) if !name.contains(['/', '@']) => (Some(name), Some(address)),
        None if check_address(word).is_err() && check_name(word).is_ok() => (Some(word), None),
        _ => (None, Some(word)),
    }
}

/// Our name towards a peer.
fn us(args: &ConnectArgs, peer: Option<&str>, who: Identity) -> Result<Box<[u8]>, Failure> {
    let name = match (who, peer) {
        (Identity::Borrowed, Some(peer)) => peer,
        _ => args.local.as_deref().unwrap_or(US),
    };
    check_name(name)?;
    if who != Identity::Borrowed && peer == Some(name) {
        let help = "give a name of our own with -L; dump, compare and wait-sync can use HAProxy's for a moment: \
                    --borrow-local";
        return Err(Failure::misuse(format!("`{name}` would be both HAProxy's name and ours"), help));
    }
    Ok(name.as_bytes().into())
}
