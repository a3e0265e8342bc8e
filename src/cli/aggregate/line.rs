//! One line of the aggregator's file: its words with their places, and the values they are read as.

use std::borrow::Cow;

use super::problems::Problems;
use crate::escape;
use crate::grammar::{AggregateKeyword, nearest};
use crate::node::Address;
use crate::ops::spec::{check_address, check_name};
use crate::span::Span;
use crate::units::Delay;

/// A word as the reader sees it, quotes undone and variables filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// Its bytes.
    pub text: Vec<u8>,
    /// Where it stands.
    pub span: Span,
}

impl Word {
    /// Escaped, for messages.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        escape::name(&self.text)
    }

    /// A name of a peer or a section.
    pub(super) fn name(&self, problems: &mut Problems) -> Option<String> {
        let checked = check_name(str::from_utf8(&self.text).unwrap_or_default());
        checked
            .map_err(|error| problems.error(self.span, error.kind.to_string(), "", error.help))
            .ok()
            .map(str::to_owned)
    }

    /// The address of a peer.
    pub(super) fn address(&self, problems: &mut Problems) -> Option<Address> {
        let text = str::from_utf8(&self.text).unwrap_or_default();
        let checked = check_address(text).map_err(|error| (error.kind.to_string(), error.help));
        let read = checked.and_then(|text| Address::parse(text).map_err(|error| (error.to_string(), String::new())));
        read.map_err(|(message, help)| problems.error(self.span, message, "", help)).ok()
    }

    /// An address to listen on: that of a peer, or `:PORT`.
    pub(super) fn listening(&self, problems: &mut Problems) -> Option<Address> {
        let text = String::from_utf8_lossy(&self.text);
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let full = if text.strip_prefix(':').is_some_and(is_port) { format!("*{text}") } else { text.into_owned() };
        let address = check_address(&full).ok().and_then(|text| Address::parse_listening(text).ok());
        if address.is_none() {
            let help = "write it as on a `bind` line: 127.0.0.1:10000, :10000, [::1]:10000 or unix@/path";
            problems.error(self.span, format!("`{}` can't be listened on", self.shown()), "", help);
        }
        address
    }

    /// A time, in milliseconds.
    pub(super) fn delay(&self, problems: &mut Problems) -> Option<u64> {
        match Delay::parse(&self.text) {
            Ok(parsed) => match parsed.ignored {
                None => return Some(parsed.delay.ms().into()),
                Some(rest) => {
                    let message = format!("`{}`: `{rest}` behind the unit", self.shown());
                    problems.error(
                        self.span,
                        message,
                        "",
                        "write a number and one of us, ms, s, m, h, d, such as `90m`",
                    );
                }
            },
            Err(error) => problems.error(self.span, error.to_string(), "", ""),
        }
        None
    }

    /// One of these words.
    pub(super) fn choice<T: Clone>(&self, problems: &mut Problems, choices: &[(&'static str, T)]) -> Option<T> {
        let found = choices.iter().find(|(word, _)| word.as_bytes() == self.text);
        if found.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
            let near = did_you_mean(&self.text, choices.iter().map(|(word, _)| *word));
            let message = format!("`{}` is none of {}", self.shown(), words.join(", "));
            problems.error(self.span, message, near, "");
        }
        found.map(|(_, value)| value.clone())
    }
}

/// `did you mean …?`, if a word is close.
pub(super) fn did_you_mean(word: &[u8], known: impl Iterator<Item = &'static str>) -> String {
    nearest(word, known).map_or_else(String::new, |known| format!("did you mean `{known}`?"))
}

/// The words of a line behind its keyword, taken one after the other.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    pub(super) info: &'static AggregateKeyword,
    pub(super) keyword: &'a Word,
    pub(super) rest: &'a [Word],
}

impl<'a> Arguments<'a> {
    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Option<&'a Word> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next word, which has to be there.
    pub(super) fn need(&mut self, problems: &mut Problems) -> Option<&'a Word> {
        let word = self.next();
        if word.is_none() {
            let message = format!("the line ends too early behind `{}`", self.info.keyword);
            problems.error(self.keyword.span, message, "this line", self.usage());
        }
        word
    }

    /// The next word, which has to be this one.
    pub(super) fn expect(&mut self, expected: &'static str, problems: &mut Problems) -> Option<()> {
        let word = self.need(problems)?;
        if word.text == expected.as_bytes() {
            return Some(());
        }
        let message = format!("`{}` where `{expected}` was expected", word.shown());
        problems.error(word.span, message, "", self.usage());
        None
    }

    /// The end of the line.
    pub(super) fn end(&mut self, problems: &mut Problems) -> Option<()> {
        let Some(word) = self.next() else { return Some(()) };
        let message = format!("`{}` is one word too many behind `{}`", word.shown(), self.info.keyword);
        problems.error(word.span, message, "", self.usage());
        None
    }

    /// How the line is written.
    pub(super) fn usage(&self) -> String {
        format!("write `{}`", self.info.usage)
    }
}
