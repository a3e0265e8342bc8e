//! Peers of a section of a configuration: their addresses, their TLS, and our own name among them.

use std::path::Path;

use super::globals::Globals;
use super::{Address, Configuration, Identity, Target, Targets, by_hand, tls};
use crate::cli::args::{ConnectArgs, ReadArgs};
use crate::cli::failure::Failure;
use crate::cli::instances::{self, For, Loaded};
use crate::cli::view::View;
use crate::cli::{exit::Exit, version};
use crate::config::Source;
use crate::escape;
use crate::grammar::ParamTable;
use crate::model::{Instance, Known, PeerEntry, PeerKeyword, PeersSection, Place};
use crate::ops::spec::check_address;
use crate::output::diagnostic::Diagnostic;

/// The peers that `words` select, all that aren't guests if there are none.
pub(super) fn targets(view: &View, args: &ConnectArgs, words: &[String], who: Identity) -> Result<Targets, Failure> {
    let loaded = load(args)?;
    let instance = loaded.instance();
    let reading = Reading { view, args, loaded: &loaded, instance: &instance, globals: Globals::read(&instance) };
    let section = reading.section()?;
    let us = reading.our_name(section, who)?;
    let mut notes = Vec::new();
    let mut peers = Vec::new();
    for (entry, address) in reading.chosen(section, words)? {
        peers.push(reading.target(section, entry, address, &us, who)?);
    }
    if let Some(entry) = section.entry(&us).filter(|entry| has_shard(section, entry)) {
        let name = escape::name(&entry.name);
        notes.push(format!("the line of `{name}` has `shard`: HAProxy sends a part of the entries only"));
    }
    let section = section.name.clone();
    Ok(Targets { peers, listen: None, configuration: Some(Configuration { loaded, section }), notes })
}

pub(super) fn load(args: &ConnectArgs) -> Result<Loaded, Failure> {
    let read = ReadArgs { env: args.env.clone(), env_file: args.env_file.clone(), local: None };
    let arguments: Vec<String> = args.config.iter().cloned().collect();
    let mut loaded = instances::load_each(&arguments, &read, version::of(None, None)?, For::Looking)?;
    match loaded.pop() {
        Some(one) => one,
        None => Err(Failure::misuse("no configuration", "give one with -f FILE")),
    }
}

struct Reading<'a> {
    view: &'a View,
    args: &'a ConnectArgs,
    loaded: &'a Loaded,
    instance: &'a Instance<'a>,
    globals: Globals,
}

impl<'a> Reading<'a> {
    /// The section that is meant.
    fn section(&self) -> Result<&'a PeersSection, Failure> {
        let sections = &self.instance.peers;
        let names = || sections.iter().map(|s| format!("`{}`", escape::name(&s.name))).collect::<Vec<_>>().join(", ");
        let file = self.loaded.files.first().map_or("", |file| file.name.as_str());
        let found = match (&self.args.section, sections.as_slice()) {
            (Some(name), _) => self.instance.section(name.as_bytes()).ok_or_else(|| {
                let message = format!("{file}: no peers section `{}`", escape::name(name.as_bytes()));
                Failure::misuse(
                    message,
                    if sections.is_empty() { String::new() } else { format!("it has {}", names()) },
                )
            })?,
            (None, [only]) => only,
            (None, []) => {
                let help = "make one: peerctl add mesh FILE --peer NAME=ADDRESS …; or give peers: NAME=ADDRESS";
                return Err(Failure::misuse(format!("{file}: no peers section"), help));
            }
            (None, several) => {
                let message = format!("{file}: {} peers sections", several.len());
                return Err(Failure::misuse(message, format!("say which one with --section: {}", names())));
            }
        };
        if found.disabled {
            let message = format!("peers section `{}` is disabled", escape::name(&found.name));
            return Err(self.at(message, found.place, "nobody listens for it", "take `disabled` out of it and reload"));
        }
        Ok(found)
    }

    /// Our name in the section. It is never that of a HAProxy.
    fn our_name(&self, section: &PeersSection, who: Identity) -> Result<Vec<u8>, Failure> {
        let guests = || section.entries.iter().filter(|entry| entry.guest && entry.known == Known::Yes);
        let asked = self.args.local.as_deref().map(str::as_bytes);
        let entry = match asked {
            Some(name) => section.entry(name),
            None => guests().find(|entry| entry.name == by_hand::US.as_bytes()).or_else(|| guests().next()),
        };
        let name = asked.unwrap_or(by_hand::US.as_bytes());
        match (entry, who) {
            (Some(entry), _) if !entry.guest => {
                let message = format!("`{}` is the name of a HAProxy", escape::name(name));
                let help = "take that of a guest: its name is `peerctl` or begins with `peerctl-`, or its line ends with \
                            `# peerctl: guest`";
                Err(self.at(message, entry.place, "HAProxy would drop its session with this one for ours", help))
            }
            (Some(entry), _) => Ok(entry.name.clone()),
            (None, Identity::Listed) => Err(self.no_guest(section, name)),
            (None, Identity::Anybody | Identity::Borrowed) => Ok(name.to_vec()),
        }
    }

    fn no_guest(&self, section: &PeersSection, name: &[u8]) -> Failure {
        let (shown, keyword) = (escape::name(name), section.style().word());
        let files: Vec<&str> = self.loaded.files.iter().map(|file| file.name.as_str()).collect();
        let comment = if name.starts_with(b"peerctl") { "" } else { " # peerctl: guest" };
        let guest = if name == by_hand::US.as_bytes() { String::new() } else { format!("={shown}") };
        let help = format!(
            "add a line for this tool and reload: `{keyword} {shown} 127.0.0.1:10999{comment}`, or let \
             `peerctl add {} {} --guest{guest}` do it; dump, compare and wait-sync can do without: --borrow-local",
            escape::name(&section.name),
            files.join(","),
        );
        let message = match &self.args.local {
            Some(_) => format!("section `{}` has no peer `{shown}`", escape::name(&section.name)),
            None => format!("section `{}` has no guest whose name we could use", escape::name(&section.name)),
        };
        self.at(message, section.place, "this section", help)
    }

    /// The entries that are meant, with an address where one was given by hand.
    fn chosen<'w>(
        &self,
        section: &'a PeersSection,
        words: &'w [String],
    ) -> Result<Vec<(&'a PeerEntry, Option<&'w str>)>, Failure> {
        // Of two lines with one name the last counts.
        let counts = |entry: &&PeerEntry| section.entry(&entry.name).is_some_and(|last| last.place == entry.place);
        let peers = || section.entries.iter().filter(|entry| !entry.guest).filter(counts);
        if words.is_empty() {
            let all: Vec<_> = peers().filter(|entry| entry.known == Known::Yes).map(|entry| (entry, None)).collect();
            if all.is_empty() {
                let message = format!("section `{}` has no peer", escape::name(&section.name));
                return Err(self.at(message, section.place, "guests only", "give peers by hand: NAME=ADDRESS"));
            }
            return Ok(all);
        }
        let mut chosen: Vec<(&PeerEntry, Option<&str>)> = Vec::new();
        for word in words {
            let (name, address) = by_hand::split(word);
            let name = name.unwrap_or(word);
            let Some(entry) = peers().find(|entry| entry.name == name.as_bytes()) else {
                let names: Vec<String> = peers().map(|entry| format!("`{}`", escape::name(&entry.name))).collect();
                let (shown, section) = (escape::name(name.as_bytes()), escape::name(&section.name));
                let message = format!("section `{section}` has no peer `{shown}`");
                return Err(Failure::misuse(message, format!("it has {}", names.join(", "))));
            };
            if chosen.iter().any(|(known, _)| known.place == entry.place) {
                let message = format!("peer `{}` is given twice", escape::name(&entry.name));
                return Err(Failure::misuse(message, "give each once"));
            }
            chosen.push((entry, address));
        }
        Ok(chosen)
    }

    fn target(
        &self,
        section: &PeersSection,
        entry: &PeerEntry,
        by_hand: Option<&str>,
        us: &[u8],
        who: Identity,
    ) -> Result<Target, Failure> {
        let address = match by_hand {
            Some(text) => Address::read(check_address(text)?.as_bytes()).map(Address::called),
            None => self.address(section, entry),
        };
        if address.is_none() && self.args.listen.is_none() {
            let name = escape::name(&entry.name);
            let message = format!("peer `{name}` has no address that can be called");
            return Err(self.at(message, entry.place, "", format!("give one by hand: {name}=10.0.0.1:10000")));
        }
        let words: Vec<&[u8]> = section.params(entry).collect();
        let file = self.loaded.files.get(entry.place.file).map_or("", |file| file.name.as_str());
        let tls = if self.args.tls.ssl { None } else { tls::of_words(&words, &self.globals, Path::new(file))? };
        let us = if who == Identity::Borrowed { &entry.name } else { us };
        let proxy_header = sends_proxy(&words);
        Ok(Target { name: Some(entry.name.as_slice().into()), us: us.into(), address, proxy_header, tls })
    }

    /// Where the peer of an entry listens.
    fn address(&self, section: &PeersSection, entry: &PeerEntry) -> Option<Address> {
        let own = entry.address.is_none() && entry.keyword == PeerKeyword::Server;
        let address = Address::read(section.address(entry)?)?.called();
        match address {
            Address::Unix(path) if own && !self.globals.socket_prefix.is_empty() => {
                let path = path.as_os_str().as_encoded_bytes();
                Address::read(&[b"unix@", self.globals.socket_prefix.as_slice(), path].concat())
            }
            other => Some(other),
        }
    }

    /// Misuse with the line that it is about.
    fn at(&self, message: impl Into<String>, place: Place, what: &str, help: impl Into<String>) -> Failure {
        let span = self.instance.word_span(place, 1);
        let diagnostic = Diagnostic::error(message).label(place.file, span, what).next(help);
        let sources: Vec<&Source> = self.loaded.files.iter().collect();
        Failure::drawn(Exit::Misuse, &diagnostic, &sources, &self.view.messages())
    }
}

/// Whether calls begin with a PROXY header: the last word about it says it.
pub(super) fn sends_proxy(words: &[&[u8]]) -> bool {
    let params = ParamTable::Server.scan(words, None);
    let mut keywords = params.iter().rev().filter_map(|param| param.info.map(|info| info.keyword));
    keywords.find_map(|keyword| match keyword {
        _ if keyword.starts_with("no-send-proxy") => Some(false),
        _ if keyword.starts_with("send-proxy") => Some(true),
        _ => None,
    }) == Some(true)
}

fn has_shard(section: &PeersSection, entry: &PeerEntry) -> bool {
    let words: Vec<&[u8]> = section.params(entry).collect();
    let params = ParamTable::Server.scan(&words, None);
    section.shards.is_some() && params.iter().any(|param| param.info.is_some_and(|info| info.keyword == "shard"))
}

#[cfg(test)]
mod tests;
