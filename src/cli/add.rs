//! `peerctl add`.

use std::collections::BTreeMap;

use super::{
    args::{AddArgs, StyleArg, TlsArgs, VerifyArg},
    edit,
    exit::Exit,
    failure::Failure,
    form,
    view::View,
};
use crate::{
    model::PeerKeyword,
    ops::{
        OpError, OpErrorKind,
        add_peers::AddPeers,
        add_star::AddStar,
        attach::{Among, Attach},
        generate::table_words,
        spec::{PeerSpec, Tls, Trust, check_address, check_name},
    },
};

/// The guest's address, if none is given: nobody listens there, and a call to it costs HAProxy next to nothing.
const GUEST_ADDRESS: &str = "127.0.0.1:10999";

/// Runs the command.
///
/// # Errors
/// As [`edit::run`], and for a bad name or address.
pub fn run(view: &View, args: &AddArgs) -> Result<Exit, Failure> {
    if form::is_wanted(args) { form::run(view, args) } else { with_arguments(view, args) }
}

/// Runs the command with what the arguments say, without asking.
///
/// # Errors
/// As [`run`].
pub fn with_arguments(view: &View, args: &AddArgs) -> Result<Exit, Failure> {
    let Some(section) = &args.section else {
        return Err(Failure::misuse("which section?", "peerctl add SECTION INSTANCE… --peer NAME=ADDRESS …"));
    };
    let base = options(args, section)?;
    let aggregators = PeerSpec::parse_all(&args.aggregate)?;
    let sources: Vec<_> =
        args.table.iter().map(|definition| table_words(definition, None)).collect::<Result<_, OpError>>()?;
    edit::run(view, &args.instances, &args.read, &args.write, &|loaded, instance| {
        let mut add = base.clone();
        add.localpeer = match &args.set_localpeer {
            None => None,
            Some(Some(name)) => Some(name.clone()),
            Some(None) => Some(own_name(&loaded.name, &add, instance)?),
        };
        if aggregators.is_empty() {
            return add.plan(instance);
        }
        AddStar { add, aggregators: aggregators.clone(), sources: sources.clone() }.plan(instance)
    })
}

/// `--set-localpeer` without a name: the instance's own, if a peer of the section is called so.
fn own_name(name: &str, add: &AddPeers, instance: &crate::model::Instance<'_>) -> Result<String, OpError> {
    let section = instance.section(add.section.as_bytes());
    let is_peer = add.peers.iter().any(|p| p.name == name) || section.is_some_and(|s| s.is_effective(name.as_bytes()));
    if is_peer {
        return Ok(name.to_owned());
    }
    let kind = OpErrorKind::LocalIsNoPeer { name: name.to_owned(), section: add.section.clone() };
    Err(OpError::new(kind, "name the instance like its peer, lb1=PATH, or give the name: --set-localpeer=NAME"))
}

fn options(args: &AddArgs, section: &str) -> Result<AddPeers, OpError> {
    Ok(AddPeers {
        section: check_name(section)?.to_owned(),
        peers: PeerSpec::parse_all(&args.peer)?,
        style: args.style.map(keyword),
        tls: tls(&args.tls)?,
        localpeer: None,
        attach: match (args.attach_all, args.attach.is_empty()) {
            (true, _) => Attach::All,
            (false, false) => Attach::Tables(args.attach.clone()),
            (false, true) => Attach::Nothing,
        },
        among: Among::Nodes,
        tables: Vec::new(),
        backends: Vec::new(),
        guest: args.guest.as_ref().map(|guest| guest_spec(guest.as_deref())).transpose()?,
    })
}

/// The keyword of a style.
#[must_use]
pub fn keyword(style: StyleArg) -> PeerKeyword {
    match style {
        StyleArg::Peer => PeerKeyword::Peer,
        StyleArg::Server => PeerKeyword::Server,
    }
}

fn guest_spec(text: Option<&str>) -> Result<PeerSpec, OpError> {
    let (name, address) = match text {
        None => ("peerctl", GUEST_ADDRESS),
        Some(text) => text.split_once('=').unwrap_or((text, GUEST_ADDRESS)),
    };
    Ok(PeerSpec { name: check_name(name)?.into(), address: check_address(address)?.into() })
}

/// What the TLS flags ask for.
///
/// # Errors
/// If nothing says how the other side is checked, or two flags say opposites, or a --verifyhost isn't PEER=HOST.
pub fn tls(args: &TlsArgs) -> Result<Option<Tls>, OpError> {
    let Some(crt) = args.crt.as_ref().filter(|_| args.ssl) else { return Ok(None) };
    let trust = match (&args.ca_file, args.verify) {
        (None, Some(VerifyArg::None)) if args.verifyhost.is_empty() => Trust::None,
        (ca, Some(VerifyArg::None)) => {
            let flag = if ca.is_some() { "--ca-file" } else { "--verifyhost" };
            return Err(OpError::new(OpErrorKind::NothingToCheck(flag), "leave one of them out"));
        }
        (Some(ca), _) => Trust::Required(ca.clone()),
        (None, _) => {
            let help = "give --ca-file FILE to check the other side, or say --verify none if anyone may take its place";
            return Err(OpError::new(OpErrorKind::TlsWithoutTrust, help));
        }
    };
    let mut verifyhost = BTreeMap::new();
    for text in &args.verifyhost {
        let Some((peer, host)) = text.split_once('=') else {
            return Err(OpError::new(OpErrorKind::BadPeer(text.clone()), "write --verifyhost lb1=lb1.example"));
        };
        verifyhost.insert(check_name(peer)?.to_owned(), host.to_owned());
    }
    Ok(Some(Tls { crt: crt.clone(), trust, verifyhost }))
}
