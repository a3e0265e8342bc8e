//! A new peers section as text.

use super::{
    OpError, OpErrorKind,
    spec::{PeerSpec, Tls, check_name},
};
use crate::{
    config::{Document, LineStyle, draft},
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
    /// How many shards the peers share the keys out over.
    pub shards: Option<u32>,
    /// Tables: name and parameters.
    pub tables: Vec<Vec<Vec<u8>>>,
}

impl SectionSpec {
    /// The section's lines, header first, in the style of its new neighbours.
    ///
    /// # Errors
    /// For a bad name, TLS on `peer` lines, `server` style without a local name, a local name that is no peer.
    pub fn lines(&self, style: &LineStyle) -> Result<Vec<u8>, OpError> {
        check_name(&self.name)?;
        self.check_local()?;
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
            None if self.style == PeerKeyword::Server => {
                let help = "`server` style differs from instance to instance: say which peer this one is with -L NAME";
                Err(OpError::new(OpErrorKind::UnknownLocal, help))
            }
            _ => Ok(()),
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
            // Dealt out by position, the local peer counted, so that all instances agree.
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
/// If it is more than one line, can't be cut into words, or HAProxy `version` would refuse it.
pub fn table_words(definition: &str, version: Option<Version>) -> Result<Vec<Vec<u8>>, OpError> {
    let help = "write it as in a peers section: 'NAME type ip size 1m expire 10m store gpc0'";
    let bad = |why: String| OpError::new(OpErrorKind::BadTable(why), help);
    let text = [definition.as_bytes(), b"\n"].concat();
    let document = Document::parse(text).map_err(|e| bad(e.to_string()))?;
    if let Some(error) = document.errors().first() {
        return Err(bad(error.kind.to_string()));
    }
    let line = document.lines().find(|line| document.word_count(*line) > 0);
    let Some(line) = line.filter(|_| document.lines().filter(|l| document.word_count(*l) > 0).count() == 1) else {
        return Err(bad("it must be one line".into()));
    };
    let words: Vec<Vec<u8>> =
        document.raw_words(line).map(|w| crate::config::decode::keyword(document.text(), w).into_owned()).collect();
    let parsed = stick::parse(words.get(1..).unwrap_or_default(), stick::Place::Peers, version);
    match parsed.problems.iter().find(|p| p.severity() == stick::Severity::Error) {
        Some(problem) => Err(bad(problem.to_string())),
        None => Ok(words),
    }
}
