//! Tells sentences from others: all the places at which each part can end, remembered.

use std::{
    collections::{BTreeSet, HashMap},
    ptr,
};

use super::{Expr, Grammar, Unit};

impl Grammar {
    /// Whether `sentence` is one that `rule` describes. No rule may start with itself.
    pub(crate) fn recognises(&self, rule: &str, sentence: &[Vec<u8>]) -> bool {
        self.describes(self.rule(rule), sentence)
    }

    pub(super) fn describes(&self, expr: &Expr, sentence: &[Vec<u8>]) -> bool {
        let mut recogniser = Recogniser { grammar: self, sentence, known: HashMap::new() };
        recogniser.ends(expr, 0).contains(&sentence.len())
    }
}

struct Recogniser<'a> {
    grammar: &'a Grammar,
    sentence: &'a [Vec<u8>],
    /// By expression (its place in the grammar is its name) and start.
    known: HashMap<(*const Expr, usize), BTreeSet<usize>>,
}

impl<'a> Recogniser<'a> {
    /// Where `expr` can end if it starts at `start`.
    fn ends(&mut self, expr: &'a Expr, start: usize) -> BTreeSet<usize> {
        let key = (ptr::from_ref(expr), start);
        if let Some(ends) = self.known.get(&key) {
            return ends.clone();
        }
        let ends = match expr {
            Expr::Literal(text) => self.literal(text, start).into_iter().collect(),
            Expr::Class(bytes) => {
                let fits = |symbol: &Vec<u8>| matches!(symbol[..], [b] if bytes.contains(&b));
                self.one(start, fits).into_iter().collect()
            }
            Expr::Rule(name) if self.grammar.rules.contains_key(name) => self.ends(self.grammar.rule(name), start),
            Expr::Rule(name) => {
                let newline = name == "LF";
                self.one(start, |symbol| (symbol == b"\n") == newline).into_iter().collect()
            }
            Expr::Sequence(parts) => {
                parts.iter().fold(BTreeSet::from([start]), |starts, part| self.ends_from(part, &starts))
            }
            Expr::Choice(choices) => choices.iter().flat_map(|choice| self.ends(choice, start)).collect(),
            Expr::Repeat(part, from, to) => self.repeat(part, *from, *to, start),
            Expr::Except(part, but) => &self.ends(part, start) - &self.ends(but, start),
        };
        self.known.insert(key, ends.clone());
        ends
    }

    fn ends_from(&mut self, expr: &'a Expr, starts: &BTreeSet<usize>) -> BTreeSet<usize> {
        starts.iter().flat_map(|start| self.ends(expr, *start)).collect()
    }

    fn repeat(&mut self, part: &'a Expr, from: usize, to: Option<usize>, start: usize) -> BTreeSet<usize> {
        let mut fresh = BTreeSet::from([start]);
        let mut ends = if from == 0 { fresh.clone() } else { BTreeSet::new() };
        let mut times = 0;
        while !fresh.is_empty() && to.is_none_or(|to| times < to) {
            times += 1;
            fresh = &self.ends_from(part, &fresh) - &ends;
            if times >= from {
                ends.extend(&fresh);
            }
        }
        ends
    }

    fn literal(&self, text: &[u8], start: usize) -> Option<usize> {
        match self.grammar.unit {
            Unit::Word => self.one(start, |symbol| symbol == text),
            Unit::Byte => {
                let end = start + text.len();
                let found = self.sentence.get(start..end)?;
                found.iter().zip(text).all(|(symbol, byte)| symbol[..] == [*byte]).then_some(end)
            }
        }
    }

    fn one(&self, start: usize, fits: impl Fn(&Vec<u8>) -> bool) -> Option<usize> {
        self.sentence.get(start).filter(|symbol| fits(symbol)).map(|_| start + 1)
    }
}
