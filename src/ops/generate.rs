//! A new peers section as text.

use super::{
    OpError, OpErrorKind,
    spec::{PeerSpec, Tls, check_name},
};
use crate::{
    config::{
        Document, Environment, LineNo, LineStyle, Words,
        decode::{Decoder, Undefined},
        draft,
    },
    escape,
    grammar::Version,
    model::PeerKeyword,
    stick,
};

/// What a section is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectionSpec {
    /// Its name.
    pub name: String,
    /// Its peers, in order.
    pub peers: Vec<PeerSpec>,
    /// How peers are written.
    pub style: PeerKeyword,
    /// The local peer; `server` style needs it.
    pub local: Option<String>,
    /// TLS; only in `server` style.
    pub tls: Option<Tls>,
    /// How many parts the keys are dealt out to; each peer gets one part, in turn.
    pub shards: Option<u32>,
    /// Tables: name and parameters.
    pub tables: Vec<Vec<Vec<u8>>>,
}

impl SectionSpec {
    /// The section's lines, header first, in the style of its new neighbours.
    ///
    /// # Errors
    /// For a bad name, TLS on `peer` lines, `server` style or shards without a local name, a local name or a name to verify that is no
    /// peer's, parts of the keys that no peer would get, two tables of one name.
    pub fn lines(&self, style: &LineStyle) -> Result<Vec<u8>, OpError> {
        check_name(&self.name)?;
        self.check_local()?;
        self.check_verifyhost()?;
        self.check_shards()?;
        self.check_tables()?;
        let header = LineStyle { indent: Vec::new(), gap: b" ".to_vec(), columns: Vec::new(), newline: style.newline };
        let mut out = draft::line(&header, &["peers", &self.name]);
        for words in self.statements() {
            out.extend(draft::line(style, &words));
        }
        for table in &self.tables {
            let words: Vec<&[u8]> = std::iter::once(&b"table"[..]).chain(table.iter().map(Vec::as_slice)).collect();
            out.extend(draft::line(style, &words));
        }
        Ok(out)
    }

    fn check_local(&self) -> Result<(), OpError> {
        if self.tls.is_some() && self.style == PeerKeyword::Peer {
            let help = "`ssl` on the local `peer` line leaves its listener plain; use --style server";
            return Err(OpError::new(OpErrorKind::TlsOnPeerLines, help));
        }
        match &self.local {
            Some(local) if !self.peers.iter().any(|p| p.name == *local) => {
                let kind = OpErrorKind::LocalIsNoPeer { name: local.clone(), section: self.name.clone() };
                Err(OpError::new(kind, "name the local peer with -L, or add it with --peer"))
            }
            None if self.style == PeerKeyword::Server || self.shards.is_some() => {
                let what = if self.shards.is_some() { "with shards the section" } else { "`server` style" };
                let help = format!("{what} differs from instance to instance: say which peer this one is with -L NAME");
                Err(OpError::new(OpErrorKind::UnknownLocal, help))
            }
            _ => Ok(()),
        }
    }

    fn check_verifyhost(&self) -> Result<(), OpError> {
        let Some(tls) = &self.tls else { return Ok(()) };
        let is_peer = |name: &&String| self.peers.iter().any(|p| p.name == **name);
        if let Some(peer) = tls.verifyhost.keys().find(|name| !is_peer(name)) {
            let kind = OpErrorKind::UnknownPeer { section: self.name.clone(), peer: peer.clone() };
            return Err(OpError::new(kind, "--verifyhost PEER=HOST names one of the peers given with --peer"));
        }
        Ok(())
    }

    /// Keys of a part that belongs to no peer would be replicated nowhere.
    fn check_shards(&self) -> Result<(), OpError> {
        match self.shards.map(usize::try_from) {
            Some(Ok(shards)) if (1..=self.peers.len()).contains(&shards) => Ok(()),
            None => Ok(()),
            Some(_) => {
                let kind = OpErrorKind::BadShards { shards: self.shards.unwrap_or(0), peers: self.peers.len() };
                Err(OpError::new(kind, "give --shards a number from 1 to the number of peers"))
            }
        }
    }

    fn check_tables(&self) -> Result<(), OpError> {
        let mut names: Vec<_> = self.tables.iter().filter_map(|words| words.first()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair.first() == pair.get(1)).and_then(|pair| pair.first()) {
            Some(name) => {
                let kind = OpErrorKind::Twice(escape::name(name).into_owned());
                Err(OpError::new(kind, "give each table of the section a name of its own"))
            }
            None => Ok(()),
        }
    }

    fn statements(&self) -> Vec<Vec<String>> {
        let mut lines = Vec::new();
        if self.style == PeerKeyword::Server {
            if let Some(local) = self.peers.iter().find(|p| Some(&p.name) == self.local.as_ref()) {
                let tls = self.tls.as_ref().map(Tls::bind_words).unwrap_or_default();
                lines.push([vec!["bind".into(), local.address.clone()], tls].concat());
            }
            if let Some(tls) = &self.tls {
                lines.push([vec!["default-server".into()], tls.server_words()].concat());
            }
        }
        if let Some(shards) = self.shards {
            lines.push(vec!["shards".into(), shards.to_string()]);
        }
        for (number, peer) in (0u32..).zip(&self.peers) {
            let mut words = vec![self.style.word().to_owned(), peer.name.clone()];
            let local = Some(&peer.name) == self.local.as_ref();
            if self.style == PeerKeyword::Peer || !local {
                words.push(peer.address.clone());
            }
            if let Some(host) = self.tls.as_ref().and_then(|tls| tls.verifyhost.get(&peer.name)) {
                words.extend(["verifyhost".into(), host.clone()]);
            }
            // Dealt out by position, the local peer counted, so that all instances agree. HAProxy warns of one on the local
            // line, where it ignores it.
            if let Some(shards) = self.shards.filter(|_| !local) {
                words.extend(["shard".into(), (number % shards.max(1) + 1).to_string()]);
            }
            lines.push(words);
        }
        lines
    }
}

/// Reads a table's definition: the words behind `table`.
///
/// # Errors
/// If it isn't one line, can't be cut into words, depends on the environment, or HAProxy `version` would refuse it.
pub fn table_words(definition: &str, version: Option<Version>) -> Result<Vec<Vec<u8>>, OpError> {
    let help = "write it as in a peers section: 'NAME type ip size 1m expire 10m store gpc0'";
    let bad = |why: &str| OpError::new(OpErrorKind::BadTable(why.into()), help);
    if definition.contains(['\n', '\r']) {
        return Err(bad("it must be one line"));
    }
    // As the line it will be, so that all words count.
    let document = Document::parse(format!("table {definition}\n").into_bytes()).map_err(|e| bad(&e.to_string()))?;
    if let Some(error) = document.errors().first() {
        return Err(bad(&error.kind.to_string()));
    }
    let environment = Environment::default();
    let decoder = Decoder { environment: &environment, undefined: Undefined::Refused, file: b"", section: b"" };
    let mut words = Words::default();
    decoder.line(&document, LineNo(0), &mut words);
    if words.words.iter().any(|word| word.referenced) {
        return Err(bad("a value from the environment can't be checked here"));
    }
    if words.refused.is_some() {
        return Err(bad("it has an empty word"));
    }
    let words: Vec<Vec<u8>> = words.words.into_iter().skip(1).map(|word| word.bytes.into_owned()).collect();
    if words.is_empty() {
        return Err(bad("it is empty"));
    }
    let parsed = stick::parse(words.get(1..).unwrap_or_default(), stick::Place::Peers, version);
    match parsed.problems.iter().find(|p| p.severity() == stick::Severity::Error) {
        Some(problem) => Err(bad(&problem.to_string())),
        None => Ok(words),
    }
}
