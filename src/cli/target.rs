//! Where live commands connect, as whom, and with which TLS: from PEERs, or from a peers section of a configuration.
//!
//! [`resolve`] reads what a user typed; what comes out is right as far as it can be without calling anybody.

mod by_hand;
mod configured;
mod globals;
mod listening;
mod tables;
mod tls;

use std::path::Path;
use std::rc::Rc;

use super::{args::ConnectArgs, failure::Failure, instances::Loaded, view::View};
use crate::escape;
use crate::node;
use crate::node::tls::{ClientTls, ClientTlsOptions, Expected, ServerTlsOptions, TlsSetupError};

use globals::Globals;

pub use crate::node::{Address, Family};
pub use listening::{Listen, metrics_address, warn_if_insecure};
pub use tables::{Meant, Tables};

/// Whom a command calls, or is called by.
#[derive(Debug)]
pub struct Targets {
    /// The peers, in the order in which they were named, else in that of the section; at least one.
    pub peers: Vec<Target>,
    /// Where to listen; then nobody is called.
    pub listen: Option<Listen>,
    /// The configuration they come from.
    pub configuration: Option<Configuration>,
    /// What is worth knowing about them, a line each.
    pub notes: Vec<String>,
}

/// A peer to call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Its name among the peers: HAProxy takes no call for another one. `None` if the address is all that is known.
    pub name: Option<Box<[u8]>>,
    /// Our name towards it; its own name where that is borrowed.
    pub us: Box<[u8]>,
    /// Where it listens; `None` where it is to call us and nothing says it.
    pub address: Option<Address>,
    /// Whether its listener waits for a PROXY header in front of everything.
    pub proxy_header: bool,
    /// How it is called with TLS; `None` for plain TCP.
    pub tls: Option<ClientTlsOptions>,
}

impl Target {
    /// What people call it: its name, else its address.
    #[must_use]
    pub fn shown(&self) -> String {
        match (&self.name, &self.address) {
            (Some(name), _) => escape::name(name).into_owned(),
            (None, Some(address)) => address.to_string(),
            (None, None) => String::new(),
        }
    }

    /// The call to make.
    ///
    /// # Errors
    /// If nothing can be called there, or the certificates can't be used.
    pub fn call(&self, retry: node::Retry) -> Result<node::Target, Failure> {
        let address = self.address.clone().filter(|address| address.port() != Some(0)).ok_or_else(|| {
            let message = format!("{}: no address that can be called", self.shown());
            Failure::misuse(message, "give one by hand: NAME=ADDRESS")
        })?;
        let tls = self.tls.as_ref().map(ClientTls::new).transpose().map_err(|error| unusable(&error))?;
        let name = self.name.as_deref().unwrap_or_default();
        Ok(node::Target {
            tls: tls.map(Rc::new),
            us: Some(self.us.clone()),
            proxy_header: self.proxy_header,
            certificate_names: self.certificate_names(),
            retry,
            ..node::Target::new(name, address)
        })
    }

    /// The names that its certificate may have if it calls us; none = its own.
    #[must_use]
    pub fn certificate_names(&self) -> Vec<String> {
        match self.tls.as_ref().map(|tls| &tls.expected) {
            Some(Expected::OneOf(names)) => names.clone(),
            _ => Vec::new(),
        }
    }
}

/// A configuration and the section of it that is meant.
#[derive(Debug)]
pub struct Configuration {
    /// The instance.
    pub loaded: Loaded,
    /// The section's name.
    pub section: Vec<u8>,
}

/// As whom a command connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Identity {
    /// As a peer that HAProxy lists: with a configuration only a guest of the section will do.
    Listed,
    /// As anybody: being unknown is an answer, too.
    Anybody,
    /// Under the name of the HAProxy that is called.
    Borrowed,
}

/// Reads PEERs and the options that go with them.
///
/// # Errors
/// If a PEER, an address or a TLS option is wrong, a file can't be read, the section isn't there or lists no peer, or we
/// have no name in it.
pub fn resolve(view: &View, args: &ConnectArgs, peers: &[String], who: Identity) -> Result<Targets, Failure> {
    let by_config = args.config.is_some() || args.section.is_some() || peers.is_empty();
    let mut targets = if by_config {
        configured::targets(view, args, peers, who)?
    } else {
        Targets { peers: by_hand::targets(args, peers, who)?, listen: None, configuration: None, notes: Vec::new() }
    };
    let names = targets.peers.iter().filter_map(|target| target.name.as_deref());
    if let Some(tls) = tls::by_hand(&args.tls, args.listen.is_some(), &names)? {
        for target in &mut targets.peers {
            target.tls = Some(tls.of(target.name.as_deref()));
        }
    }
    if let Some(text) = &args.listen {
        targets.listen = Some(listening::listen(args, text, &targets.peers)?);
    }
    Ok(targets)
}

/// How a peer is called whose line has these words behind its address: whether with a PROXY header, and with which TLS. `file`
/// is where the line stands.
///
/// # Errors
/// If a certificate is missing or can't be read.
pub fn of_server_words(words: &[&[u8]], file: &Path) -> Result<(bool, Option<ClientTlsOptions>), Failure> {
    let tls = tls::of_words(words, &Globals::default(), file)?;
    Ok((configured::sends_proxy(words), tls))
}

/// The TLS of a listener whose line has these words behind its address; `None` for plain TCP.
///
/// # Errors
/// If a certificate is missing or can't be read.
pub fn of_bind_words(words: &[&[u8]], file: &Path) -> Result<Option<ServerTlsOptions>, Failure> {
    tls::of_bind_words(words, &Globals::default(), file)
}

/// Where the configuration says that the peers call us.
///
/// # Errors
/// If the certificate can't be used, or others than this machine can call there in plain and that isn't allowed.
pub fn own_listener(args: &ConnectArgs, targets: &Targets) -> Result<Option<Listen>, Failure> {
    let Some(configuration) = &targets.configuration else { return Ok(None) };
    let instance = configuration.loaded.instance();
    let us = targets.peers.first().map(|target| &target.us);
    let address = instance.section(&configuration.section).zip(us).and_then(|(section, us)| {
        let address = section.address(section.entry(us)?)?;
        Some(String::from_utf8_lossy(address).into_owned())
    });
    address.map(|address| listening::listen(args, &address, &targets.peers)).transpose()
}

/// The configuration that the options name.
///
/// # Errors
/// If a file can't be read.
pub fn load(args: &ConnectArgs) -> Result<Loaded, Failure> {
    configured::load(args)
}

/// Why files of TLS can't be used.
fn unusable(error: &TlsSetupError) -> Failure {
    Failure::misuse(format!("TLS: {error}"), "")
}
