//! Reads the text of a grammar.

use std::collections::BTreeMap;

use super::{Expr, Grammar, Unit};

impl Grammar {
    /// # Panics
    /// If `text` isn't W3C EBNF, or names a rule it doesn't have.
    pub(crate) fn read(text: &str, unit: Unit) -> Self {
        assert!(text.starts_with("/*"), "a grammar says first what its notation is");
        let bare = without_comments(text);
        let mut rules = BTreeMap::new();
        let mut reader = Reader { rest: bare.trim_start() };
        while !reader.rest.is_empty() {
            let name = reader.name().unwrap_or_else(|| panic!("a rule starts at {:?}", reader.rest));
            assert!(reader.eat("::="), "`::=` follows {name}");
            let expr = reader.choice();
            let twice = rules.insert(name, expr);
            assert!(twice.is_none(), "a rule is defined once, not also as {twice:?}");
        }
        let mut used: Vec<&str> = Vec::new();
        for rule in rules.values() {
            rule.rules_used(&mut used);
        }
        for name in used {
            let given = unit == Unit::Word && ["Word", "LF"].contains(&name);
            assert!(given != rules.contains_key(name), "{name} is either a rule or a kind of symbol");
        }
        let mut grammar = Self { unit, rules, heights: BTreeMap::new() };
        grammar.measure();
        grammar
    }
}

impl Expr {
    fn rules_used<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Literal(_) | Self::Class(_) => {}
            Self::Rule(name) => found.push(name),
            Self::Sequence(parts) | Self::Choice(parts) => parts.iter().for_each(|p| p.rules_used(found)),
            Self::Repeat(part, ..) => part.rules_used(found),
            Self::Except(one, other) => [one, other].iter().for_each(|p| p.rules_used(found)),
        }
    }
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| bare + part.split_once("*/").expect("a comment ends").1)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest).trim_start();
        found.is_some()
    }

    fn name(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn choice(&mut self) -> Expr {
        let mut choices = vec![self.sequence()];
        while self.eat("|") {
            choices.push(self.sequence());
        }
        one_or(choices, Expr::Choice)
    }

    fn sequence(&mut self) -> Expr {
        let mut parts = Vec::new();
        while let Some(part) = self.except() {
            parts.push(part);
        }
        assert!(!parts.is_empty(), "an expression stands at {:?}", self.rest);
        one_or(parts, Expr::Sequence)
    }

    fn except(&mut self) -> Option<Expr> {
        let part = self.repeat()?;
        if !self.eat("-") {
            return Some(part);
        }
        let but = self.repeat().unwrap_or_else(|| panic!("an expression stands at {:?}", self.rest));
        Some(Expr::Except(Box::new(part), Box::new(but)))
    }

    fn repeat(&mut self) -> Option<Expr> {
        let part = self.primary()?;
        let (from, to) = match () {
            () if self.eat("?") => (0, Some(1)),
            () if self.eat("*") => (0, None),
            () if self.eat("+") => (1, None),
            () => return Some(part),
        };
        Some(Expr::Repeat(Box::new(part), from, to))
    }

    fn primary(&mut self) -> Option<Expr> {
        match self.rest.as_bytes().first()? {
            b'(' => {
                self.eat("(");
                let inner = self.choice();
                assert!(self.eat(")"), "`)` stands at {:?}", self.rest);
                Some(inner)
            }
            quote @ (b'"' | b'\'') => {
                let (text, rest) = self.rest[1..].split_once(char::from(*quote)).expect("a literal ends");
                self.rest = rest.trim_start();
                Some(Expr::Literal(text.as_bytes().to_vec()))
            }
            b'[' => Some(self.class()),
            b'#' => Some(Expr::Class(vec![self.number()])),
            _ => {
                let before = self.rest;
                let name = self.name()?;
                // A name before `::=` is the next rule.
                if self.rest.starts_with("::=") {
                    self.rest = before;
                    return None;
                }
                Some(Expr::Rule(name))
            }
        }
    }

    /// `[a-z#x09]` or `[^…]`. Blanks in it count; `]` can't be in it.
    fn class(&mut self) -> Expr {
        let (inside, rest) = self.rest[1..].split_once(']').expect("a class ends");
        let (negated, inside) = inside.strip_prefix('^').map_or((false, inside), |inside| (true, inside));
        let mut listed = [false; 256];
        let mut members = Reader { rest: inside };
        while let Some(first) = members.member() {
            let last = if members.rest.len() > 1 && members.rest.starts_with('-') {
                members.rest = &members.rest[1..];
                members.member().expect("a range ends")
            } else {
                first
            };
            listed[usize::from(first)..=usize::from(last)].fill(true);
        }
        self.rest = rest.trim_start();
        Expr::Class((0..=255).filter(|b| listed[usize::from(*b)] != negated).collect())
    }

    fn member(&mut self) -> Option<u8> {
        if let Some(number) = self.rest.strip_prefix("#x") {
            let (digits, rest) = number.split_at(2);
            self.rest = rest;
            return Some(u8::from_str_radix(digits, 16).expect("two digits follow #x"));
        }
        let member = self.rest.bytes().next()?;
        assert!(member.is_ascii(), "a class is written in ASCII");
        self.rest = &self.rest[1..];
        Some(member)
    }

    fn number(&mut self) -> u8 {
        let member = self.member().expect("a number stands here");
        self.rest = self.rest.trim_start();
        member
    }
}

fn one_or(mut parts: Vec<Expr>, many: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}
