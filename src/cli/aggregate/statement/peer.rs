//! `peer` and `bind` lines.

use super::super::line::{Arguments, Word, did_you_mean};
use super::super::problems::Problems;
use crate::aggregate::Relation;
use crate::grammar::{ParamTable, ParamWords};
use crate::node::Address;

/// A listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindLine {
    /// Where.
    pub address: Address,
    /// The address as it was written.
    pub word: Word,
    /// HAProxy's words behind it; all of them are known.
    pub params: Vec<Vec<u8>>,
}

/// A peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerLine {
    /// Its name.
    pub name: String,
    /// The name as it was written.
    pub word: Word,
    /// What it is.
    pub role: PeerRole,
}

/// What a peer is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerRole {
    /// Ourselves: where we listen.
    Local(BindLine),
    /// Another one.
    Other {
        /// What it is to us.
        relation: Relation,
        /// Where it is called.
        address: Address,
        /// The address as it was written.
        word: Word,
        /// HAProxy's words behind it; all of them are known.
        params: Vec<Vec<u8>>,
    },
}

impl Arguments<'_> {
    /// `bind ADDRESS …`
    pub(super) fn bind(mut self, problems: &mut Problems) -> Option<BindLine> {
        let address = self.need(problems)?;
        self.listener(address, problems)
    }

    /// `peer NAME ADDRESS …`
    pub(super) fn peer(mut self, problems: &mut Problems) -> Option<PeerLine> {
        let word = self.need(problems)?;
        let name = word.name(problems)?;
        let address = self.need(problems)?;
        let relation = match self.rest.first().map(|word| word.text.as_slice()) {
            Some(b"local") => {
                self.next();
                let role = PeerRole::Local(self.listener(address, problems)?);
                return Some(PeerLine { name, word: word.clone(), role });
            }
            Some(b"standby") => Some(Relation::Standby),
            Some(b"up") => Some(Relation::Up),
            Some(b"down") => Some(Relation::Down),
            _ => None,
        };
        if relation.is_some() {
            self.next();
        }
        let relation = relation.unwrap_or(Relation::Node);
        let called = address.address(problems);
        let params = self.params(ParamTable::Server, problems);
        let role = PeerRole::Other { relation, address: called?, word: address.clone(), params: params? };
        Some(PeerLine { name, word: word.clone(), role })
    }

    fn listener(&mut self, word: &Word, problems: &mut Problems) -> Option<BindLine> {
        let address = word.listening(problems);
        // Which sections a listener serves: all, here.
        if let [rest @ .., keyword, all] = self.rest
            && keyword.text == b"use_aggrs"
            && all.text == b"all"
        {
            self.rest = rest;
        }
        let params = self.params(ParamTable::Bind, problems);
        Some(BindLine { address: address?, word: word.clone(), params: params? })
    }

    /// The words of HAProxy's that end a line. Known ones that aren't obeyed get a warning.
    fn params(&mut self, table: ParamTable, problems: &mut Problems) -> Option<Vec<Vec<u8>>> {
        let words = std::mem::take(&mut self.rest);
        let texts: Vec<Vec<u8>> = words.iter().map(|word| word.text.clone()).collect();
        let mut sound = true;
        for param in table.scan(&texts, None) {
            let Some(word) = words.get(param.keyword) else { continue };
            let Some(info) = param.info else {
                let near = did_you_mean(&word.text, obeyed(table).iter().copied().chain(RELATIONS));
                let message = format!("`{}` is unknown on a `{}` line", word.shown(), self.info.keyword);
                let help = if word.text == b"use_aggrs" {
                    "give a section a listener of its own in it: `peer NAME ADDRESS local`".to_owned()
                } else {
                    self.usage()
                };
                problems.error(word.span, message, near, help);
                sound = false;
                // What follows may be its values.
                break;
            };
            let missing = matches!(info.words, ParamWords::Fixed(count) if count > param.values.len());
            if missing {
                problems.error(
                    word.span,
                    format!("the line ends too early behind `{}`", info.keyword),
                    "",
                    self.usage(),
                );
                sound = false;
            } else if !obeyed(table).contains(&info.keyword) {
                problems.warning(word.span, format!("`{}` has no meaning here", info.keyword), "");
            } else if info.keyword == "verify" {
                let value = words.get(param.values.start);
                sound &= value.is_none_or(|value| value.choice(problems, &[("required", ()), ("none", ())]).is_some());
            }
        }
        sound.then_some(texts)
    }
}

/// What may stand behind the address of a peer.
const RELATIONS: [&str; 4] = ["local", "standby", "up", "down"];

/// The words of HAProxy's lines that are obeyed.
const fn obeyed(table: ParamTable) -> &'static [&'static str] {
    match table {
        ParamTable::Bind => &["ssl", "crt", "ca-file", "verify"],
        ParamTable::Server => &[
            "ssl",
            "no-ssl",
            "crt",
            "ca-file",
            "crl-file",
            "verify",
            "verifyhost",
            "sni",
            "send-proxy",
            "send-proxy-v2",
            "no-send-proxy",
        ],
    }
}
