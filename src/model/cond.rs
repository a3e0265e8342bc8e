//! Conditions of `.if` and `.elif`.
//!
//! ```text
//! condition  = [ or ]                          nothing at all, not even a blank, is false
//! or         = and *( "||" and )
//! and        = term *( "&&" term )
//! term       = *"!" ( integer / "(" or ")" / predicate )
//! predicate  = name [ "(" argument *( "," argument ) ")" ]
//! ```
//! Blanks (space and tab) may stand between all of these, except in front of the parenthesis of a predicate. The whole text is
//! read, also where the first half decides. As `cfg_eval_condition` in HAProxy's `src/cfgcond.c` (2.6, 3.0 and 3.2);
//! `tests/conditions.rs` compares with them.

mod arguments;
mod version;

use std::ops::Not;

use thiserror::Error;

use crate::escape;
use crate::grammar::keywords::{Predicate, PredicateFacts, predicates};
use crate::grammar::{Release, Version};
use crate::units::number;

/// Whether a condition holds, as far as that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It depends on something that is not known.
    Unknown,
}

impl Truth {
    /// Both hold; false wins over unknown.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// At least one holds; true wins over unknown.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What conditions may ask about.
pub struct Facts<'a> {
    /// The release of HAProxy; `None` if unknown.
    pub release: Option<Release>,
    /// Whether an environment variable is set.
    pub defined: &'a dyn Fn(&[u8]) -> Truth,
    /// The answer of a predicate about the program itself (`feature`, `enabled`, `openssl_version_atleast` …): name, argument.
    pub build: &'a dyn Fn(&str, &[u8]) -> Truth,
}

/// Evaluates `text`, the words behind `.if` joined by single blanks.
///
/// # Errors
/// What HAProxy refuses, with the offset in `text`.
pub fn eval(text: &[u8], facts: &Facts<'_>) -> Result<Truth, CondError> {
    if text.is_empty() {
        return Ok(Truth::False);
    }
    let mut reader = Reader { text, at: 0, facts };
    let truth = reader.or(MAX_DEPTH)?;
    reader.skip_blanks();
    if reader.rest().is_empty() { Ok(truth) } else { Err(reader.error(CondErrorKind::TrailingText)) }
}

/// HAProxy's limit of nested calls; each of `or`, `and`, term and each operator on the way down takes one.
const MAX_DEPTH: usize = 1024;

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    facts: &'a Facts<'a>,
}

impl<'a> Reader<'a> {
    fn or(&mut self, depth: usize) -> Result<Truth, CondError> {
        let left = self.and(self.deeper(depth)?)?;
        self.skip_blanks();
        if self.take(b"||") { Ok(left.or(self.or(self.deeper(depth)?)?)) } else { Ok(left) }
    }

    fn and(&mut self, depth: usize) -> Result<Truth, CondError> {
        let left = self.term(self.deeper(depth)?)?;
        self.skip_blanks();
        if self.take(b"&&") { Ok(left.and(self.and(self.deeper(depth)?)?)) } else { Ok(left) }
    }

    fn term(&mut self, depth: usize) -> Result<Truth, CondError> {
        let mut negated = false;
        self.skip_blanks();
        while self.take(b"!") {
            negated = !negated;
            self.skip_blanks();
        }
        let truth = self.plain_term(depth)?;
        Ok(if negated { !truth } else { truth })
    }

    /// A term without its `!`.
    fn plain_term(&mut self, depth: usize) -> Result<Truth, CondError> {
        if let Some((value, length)) = number::any_base(self.rest()) {
            self.at += length;
            return Ok((value != 0).into());
        }
        let open = self.at;
        if self.take(b"(") {
            let truth = self.or(self.deeper(depth)?)?;
            self.skip_blanks();
            return if self.take(b")") {
                Ok(truth)
            } else {
                Err(CondError { offset: open, kind: CondErrorKind::OpenParenthesis })
            };
        }
        self.predicate()
    }

    fn predicate(&mut self) -> Result<Truth, CondError> {
        let start = self.at;
        let name = self.rest().split(|byte| matches!(byte, b' ' | b'(')).next().unwrap_or_default();
        let error = |kind| CondError { offset: start, kind };
        let Some(predicate) = predicates().iter().find(|predicate| predicate.name.as_bytes() == name) else {
            return Err(error(CondErrorKind::NoTerm { found: escape::name(name).into_owned() }));
        };
        let release = self.facts.release.map(|release| release.version);
        if let Some(version) = release.filter(|version| !predicate.lifetime.contains(Some(*version))) {
            let since = predicate.lifetime.since;
            return Err(error(CondErrorKind::PredicateTooNew { name: predicate.name, since, version }));
        }
        self.at += name.len();
        let arguments = match arguments::read(self.rest(), predicate.arguments) {
            Ok((arguments, length)) => {
                self.at += length;
                arguments
            }
            Err(problem) => return Err(error(CondErrorKind::Arguments { name: predicate.name, problem })),
        };
        Ok(self.answer(predicate, &arguments))
    }

    /// What `predicate` says about `arguments`.
    fn answer(&self, predicate: &Predicate, arguments: &[Vec<u8>]) -> Truth {
        let argument = |index: usize| arguments.get(index).map(Vec::as_slice).unwrap_or_default();
        match (predicate.facts, predicate.name) {
            (PredicateFacts::Text, "streq") => (argument(0) == argument(1)).into(),
            (PredicateFacts::Text, "strneq") => (argument(0) != argument(1)).into(),
            (PredicateFacts::Text, "strstr") => memchr::memmem::find(argument(0), argument(1)).is_some().into(),
            (PredicateFacts::Environment, "defined") => self.defined(argument(0)),
            (PredicateFacts::Version, "version_atleast") => version::at_least(self.facts.release, argument(0)),
            (PredicateFacts::Version, "version_before") => !version::at_least(self.facts.release, argument(0)),
            (PredicateFacts::Build, name) => (self.facts.build)(name, argument(0)),
            _ => Truth::Unknown,
        }
    }

    /// Whether a variable is set; nothing can be set under a name that is empty or contains `=`.
    fn defined(&self, name: &[u8]) -> Truth {
        if name.is_empty() || name.contains(&b'=') { Truth::False } else { (self.facts.defined)(name) }
    }

    fn deeper(&self, depth: usize) -> Result<usize, CondError> {
        let below = depth.saturating_sub(1);
        if below == 0 { Err(self.error(CondErrorKind::TooDeep)) } else { Ok(below) }
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }

    fn take(&mut self, token: &[u8]) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, kind: CondErrorKind) -> CondError {
        CondError { offset: self.at, kind }
    }
}

/// A condition that HAProxy refuses.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{kind}")]
pub struct CondError {
    /// Where, in bytes from the start of the condition.
    pub offset: usize,
    /// What is wrong.
    pub kind: CondErrorKind,
}

/// The kinds of errors in a condition.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum CondErrorKind {
    /// Something else where an integer, a parenthesis or a predicate is expected.
    #[error("`{found}` is no condition; expected an integer, `(`, `!` or a predicate such as defined(NAME)")]
    NoTerm {
        /// The word found, escaped; may be empty.
        found: String,
    },
    /// A predicate of a later version.
    #[error("`{name}` exists since {since}; this is for {version}")]
    PredicateTooNew {
        /// The predicate.
        name: &'static str,
        /// The first version that knows it.
        since: Version,
        /// The version asked for.
        version: Version,
    },
    /// The arguments of a predicate.
    #[error("arguments of `{name}`: {problem}")]
    Arguments {
        /// The predicate.
        name: &'static str,
        /// What is wrong with them.
        problem: ArgumentsError,
    },
    /// `(` without its `)`.
    #[error("this parenthesis is not closed; add `)`")]
    OpenParenthesis,
    /// Text behind a complete condition.
    #[error("the condition is complete before this; expected `&&`, `||` or the end of the line")]
    TrailingText,
    /// More nesting than HAProxy reads.
    #[error("the condition is nested more than HAProxy reads; make it simpler")]
    TooDeep,
}

pub use self::arguments::ArgumentsError;

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(text: &str) -> Result<Truth, CondErrorKind> {
        let facts = Facts {
            release: Release::parse("3.2.26-1").ok(),
            defined: &|name| match name {
                b"SET" => Truth::True,
                b"MAYBE" => Truth::Unknown,
                _ => Truth::False,
            },
            build: &|_, _| Truth::Unknown,
        };
        eval(text.as_bytes(), &facts).map_err(|error| error.kind)
    }

    #[test]
    fn an_error_shows_what_was_found_escaped() {
        let found = |text: &str| truth(text).map_err(|kind| kind.to_string()).expect_err("no condition");
        assert!(
            found("fe\0\u{1b}[31mver").starts_with("`fe\\x00\\x1b[31mver` is no condition"),
            "{}",
            found("fe\0\u{1b}[31mver")
        );
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert_eq!(truth("1 || 0 && 0"), Ok(Truth::True));
        assert_eq!(truth("(1||0)&&0"), Ok(Truth::False));
        assert_eq!(truth("! ( 1 ) || !!0x10"), Ok(Truth::True));
        assert_eq!(truth(""), Ok(Truth::False));
    }

    #[test]
    fn what_decides_wins_over_what_is_unknown() {
        assert_eq!(truth("feature(LUA) && 0"), Ok(Truth::False));
        assert_eq!(truth("defined(MAYBE) || 1"), Ok(Truth::True));
        assert_eq!(truth("!feature(LUA) && defined(SET)"), Ok(Truth::Unknown));
        assert_eq!(truth("feature(LUA) || 0"), Ok(Truth::Unknown));
    }

    #[test]
    fn the_second_half_is_read_even_if_the_first_decides() {
        assert!(matches!(truth("1 || foo(2)"), Err(CondErrorKind::NoTerm { found }) if found == "foo"));
        assert_eq!(truth("0 && (1"), Err(CondErrorKind::OpenParenthesis));
        assert_eq!(truth("1 1"), Err(CondErrorKind::TrailingText));
        assert_eq!(truth(&format!("{}1{}", "(".repeat(341), ")".repeat(341))), Err(CondErrorKind::TooDeep));
    }

    #[test]
    fn offsets_point_at_the_culprit() {
        let facts = Facts { release: None, defined: &|_| Truth::Unknown, build: &|_, _| Truth::Unknown };
        let offset = |text: &str| eval(text.as_bytes(), &facts).map_err(|error| error.offset);
        assert_eq!(offset("1 && foo"), Err(5));
        assert_eq!(offset("1 x"), Err(2));
        assert_eq!(offset("1 && streq(a)"), Err(5));
    }
}
