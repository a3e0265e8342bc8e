//! Enough of W3C EBNF to hold the parsers to the grammars that `peerctl grammar` prints: reads a grammar, recognises
//! sentences of it and makes random ones.
//!
//! A symbol is a byte string: one byte where a grammar is about bytes, a word where it is about words.

mod generate;
mod read;
mod recognise;

use std::collections::BTreeMap;

/// What one symbol is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// A byte: a literal is as many symbols as it has bytes.
    Byte,
    /// A word: a literal is one symbol. `LF` is the symbol `\n`, `Word` is any other.
    Word,
}

#[derive(Debug)]
pub(crate) struct Grammar {
    unit: Unit,
    /// The rules by name.
    rules: BTreeMap<String, Expr>,
    /// How many rules inside rules each needs, at least.
    heights: BTreeMap<String, usize>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Expr {
    Literal(Vec<u8>),
    /// The bytes in it.
    Class(Vec<u8>),
    Rule(String),
    Sequence(Vec<Expr>),
    Choice(Vec<Expr>),
    /// From so many to so many times.
    Repeat(Box<Expr>, usize, Option<usize>),
    Except(Box<Expr>, Box<Expr>),
}

impl Grammar {
    fn rule(&self, name: &str) -> &Expr {
        self.rules.get(name).unwrap_or_else(|| panic!("{name} isn't a rule"))
    }

    /// The literals that a rule is a choice of.
    pub(crate) fn literals(&self, name: &str) -> Vec<Vec<u8>> {
        let literal = |e: &Expr| if let Expr::Literal(text) = e { text.clone() } else { panic!("{e:?} is a literal") };
        match self.rule(name) {
            Expr::Choice(choices) => choices.iter().map(literal).collect(),
            single => vec![literal(single)],
        }
    }
}

/// A text as symbols of one byte.
pub(crate) fn symbols(text: &[u8]) -> Vec<Vec<u8>> {
    text.iter().map(|b| vec![*b]).collect()
}
