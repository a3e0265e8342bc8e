//! Makes random sentences of a grammar.

use std::collections::BTreeMap;

use super::{Expr, Grammar, Unit};
use crate::random::Random;

/// A sentence and how it came about.
#[derive(Debug, Default)]
pub(crate) struct Sentence {
    pub(crate) symbols: Vec<Vec<u8>>,
    /// The rules that were followed, outer ones first.
    pub(crate) nodes: Vec<Node>,
}

/// A rule and the symbols it became.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) rule: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Sentence {
    /// The symbols as one text.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.symbols.concat()
    }

    /// What `rule` became, place by place.
    pub(crate) fn of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| node.rule == rule)
    }
}

/// Rules inside rules, and symbols, after which the shortest way out is taken.
const DEPTH: usize = 24;
const LENGTH: usize = 60;

/// More rules inside rules than any grammar needs.
const FAR: usize = 1000;

impl Grammar {
    /// A random sentence of `rule`; `words` are what `Word` becomes.
    pub(crate) fn generate(&self, rule: &str, words: &[&[u8]], random: &mut Random) -> Sentence {
        let mut writer = Writer { grammar: self, words, random, sentence: Sentence::default() };
        writer.expr(&Expr::Rule(rule.to_owned()), 0);
        writer.sentence
    }

    /// How many rules inside rules each rule needs, at least.
    pub(super) fn measure(&mut self) {
        loop {
            let heights: BTreeMap<String, usize> =
                self.rules.iter().map(|(name, rule)| (name.clone(), (1 + self.height(rule)).min(FAR))).collect();
            if heights == self.heights {
                return;
            }
            self.heights = heights;
        }
    }

    fn height(&self, expr: &Expr) -> usize {
        match expr {
            Expr::Rule(name) if self.rules.contains_key(name) => self.heights.get(name).copied().unwrap_or(FAR),
            Expr::Literal(_) | Expr::Class(_) | Expr::Repeat(_, 0, _) | Expr::Rule(_) => 0,
            Expr::Sequence(parts) => parts.iter().map(|part| self.height(part)).max().unwrap_or(0),
            Expr::Choice(parts) => parts.iter().map(|part| self.height(part)).min().unwrap_or(0),
            Expr::Repeat(part, ..) | Expr::Except(part, _) => self.height(part),
        }
    }
}

struct Writer<'a, 'r> {
    grammar: &'a Grammar,
    words: &'a [&'a [u8]],
    random: &'r mut Random,
    sentence: Sentence,
}

impl Writer<'_, '_> {
    fn expr(&mut self, expr: &Expr, depth: usize) {
        match expr {
            Expr::Literal(text) if self.grammar.unit == Unit::Byte => {
                self.sentence.symbols.extend(super::symbols(text));
            }
            Expr::Literal(word) => self.sentence.symbols.push(word.clone()),
            Expr::Class(bytes) => {
                let byte = self.byte(bytes);
                self.sentence.symbols.push(vec![byte]);
            }
            Expr::Rule(name) => self.rule(name, depth),
            Expr::Sequence(parts) => {
                for part in parts {
                    self.expr(part, depth);
                }
            }
            Expr::Choice(choices) => {
                let shallow = choices.iter().min_by_key(|choice| self.grammar.height(choice));
                let choice = if self.hurry(depth) { shallow } else { None };
                let choice = choice.cloned().unwrap_or_else(|| self.random.pick(choices));
                self.expr(&choice, depth);
            }
            Expr::Repeat(part, from, to) => {
                let most = if self.hurry(depth) { *from } else { to.unwrap_or(from + 4) };
                let times = from + self.random.below(most - from + 1);
                for _ in 0..times {
                    self.expr(part, depth);
                }
            }
            Expr::Except(part, but) => self.except(part, but, depth),
        }
    }

    fn hurry(&self, depth: usize) -> bool {
        depth > DEPTH || self.sentence.symbols.len() > LENGTH
    }

    fn rule(&mut self, name: &str, depth: usize) {
        let grammar = self.grammar;
        let start = self.sentence.symbols.len();
        let node = self.sentence.nodes.len();
        self.sentence.nodes.push(Node { rule: name.to_owned(), start, end: start });
        match grammar.rules.get(name) {
            Some(expr) => self.expr(expr, depth + 1),
            None if name == "LF" => self.sentence.symbols.push(b"\n".to_vec()),
            None => {
                let word = self.random.pick(self.words).to_vec();
                self.sentence.symbols.push(word);
            }
        }
        self.sentence.nodes[node].end = self.sentence.symbols.len();
    }

    /// Tries until it isn't what was excepted.
    fn except(&mut self, part: &Expr, but: &Expr, depth: usize) {
        let (symbols, nodes) = (self.sentence.symbols.len(), self.sentence.nodes.len());
        for _ in 0..1000 {
            self.expr(part, depth);
            let made = self.sentence.symbols.get(symbols..).unwrap_or_default();
            if !self.grammar.describes(but, made) {
                return;
            }
            self.sentence.symbols.truncate(symbols);
            self.sentence.nodes.truncate(nodes);
        }
        panic!("{part:?} without {but:?} is found by trying");
    }

    /// One of `bytes`; those that mean something somewhere come as often as all others.
    fn byte(&mut self, bytes: &[u8]) -> u8 {
        let tricky: Vec<u8> = bytes.iter().copied().filter(|b| b" \t\r#\"'\\$x{}[*]-A.0\xff".contains(b)).collect();
        if tricky.is_empty() || self.random.one_in(2) { self.random.pick(bytes) } else { self.random.pick(&tricky) }
    }
}
