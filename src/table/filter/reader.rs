//! Reads expressions, as `grammar/where.ebnf` has them; `tests/grammar.rs` holds the two to each other.

mod text;

use std::net::IpAddr;

use crate::span::Span;

use super::error::{WhereError, WhereErrorKind as Kind};
use super::tree::Tree;
use super::value::{Comparison, Network, Relation, Value, With};

/// How deep parentheses and `not` nest.
const DEPTH: usize = 64;

const KEYWORDS: [&str; 4] = ["and", "or", "not", "in"];

pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The whole text.
    pub(super) fn read(mut self) -> Result<Tree<Comparison>, WhereError> {
        self.blanks();
        let tree = self.any(DEPTH)?;
        self.blanks();
        if self.rest().is_empty() { Ok(tree) } else { Err(self.expected("`and`, `or` or the end")) }
    }

    fn any(&mut self, depth: usize) -> Result<Tree<Comparison>, WhereError> {
        self.chain("or", Tree::Any, |reader| reader.chain("and", Tree::All, |reader| reader.operand(depth)))
    }

    /// One part or several with `word` between them.
    fn chain(
        &mut self,
        word: &'static str,
        many: impl FnOnce(Vec<Tree<Comparison>>) -> Tree<Comparison>,
        mut part: impl FnMut(&mut Self) -> Result<Tree<Comparison>, WhereError>,
    ) -> Result<Tree<Comparison>, WhereError> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.joined_by(word)? {
            parts.push(part(self)?);
        }
        if parts.len() > 1 { Ok(many(parts)) } else { Ok(parts.remove(0)) }
    }

    /// Takes `word` and the blanks around it, if it comes next.
    fn joined_by(&mut self, word: &'static str) -> Result<bool, WhereError> {
        let before = self.at;
        let has_blank = self.blanks();
        let start = self.at;
        if !self.keyword(word) {
            self.at = before;
            return Ok(false);
        }
        if !has_blank {
            return Err(Kind::Touching { word }.at(self.since(start)));
        }
        self.blanks();
        Ok(true)
    }

    fn operand(&mut self, depth: usize) -> Result<Tree<Comparison>, WhereError> {
        let start = self.at;
        let is_not = self.keyword("not");
        if !is_not && !self.take("(") {
            return self.comparison().map(Tree::One);
        }
        let deeper = depth.checked_sub(1).ok_or_else(|| Kind::TooDeep { most: DEPTH }.at(self.since(start)))?;
        self.blanks();
        if is_not {
            return Ok(Tree::Not(Box::new(self.operand(deeper)?)));
        }
        let inside = self.any(deeper)?;
        self.blanks();
        if self.take(")") { Ok(inside) } else { Err(self.expected("`and`, `or` or `)`")) }
    }

    fn comparison(&mut self) -> Result<Comparison, WhereError> {
        let start = self.at;
        let name = self.word();
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || KEYWORDS.contains(&name) {
            return Err(self.expected("a comparison, such as `http_req_rate > 100`"));
        }
        self.at += name.len();
        let element = self.element()?;
        let column = self.since(start);
        let has_blank = self.blanks();
        let relation = Relation::ALL.iter().find(|(operator, _)| self.rest().starts_with(operator));
        let (place, with) = if self.take("=~") {
            self.blanks();
            let start = self.at;
            let pattern = self.regex()?;
            (self.since(start), With::Regex(pattern))
        } else if let Some((operator, relation)) = relation {
            self.at += operator.len();
            self.blanks();
            let start = self.at;
            let value = self.value()?;
            (self.since(start), With::Value(*relation, value))
        } else if has_blank && self.keyword("in") {
            if !self.blanks() {
                return Err(self.expected("a blank behind `in`"));
            }
            let start = self.at;
            let network = self.network()?;
            (self.since(start), With::Network(network))
        } else {
            return Err(self.expected("one of < <= > >= = == != =~, or `in`"));
        };
        Ok(Comparison { name: name.into(), element, column, with, place })
    }

    /// `[3]`, if it comes next.
    fn element(&mut self) -> Result<Option<u32>, WhereError> {
        if !self.take("[") {
            return Ok(None);
        }
        let digits = self.run(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.expected("the number of an element, such as `gpc[1]`"));
        }
        self.at += digits.len();
        if !self.take("]") {
            return Err(self.expected("`]`"));
        }
        Ok(Some(digits.parse().unwrap_or(u32::MAX)))
    }

    fn value(&mut self) -> Result<Value, WhereError> {
        if self.rest().starts_with(['"', '\'']) {
            return self.string().map(Value::Text);
        }
        let start = self.at;
        let found = self.run(is_plain);
        let value = match found.parse::<IpAddr>() {
            Ok(address) => Some(Value::Address(address)),
            Err(_) => number(found).map_err(|kind| kind.at(Span::new(offset(start), offset(start + found.len()))))?,
        };
        let value = value.ok_or_else(|| self.expected("a number, an address, or a text in quotes"))?;
        self.at += found.len();
        Ok(value)
    }

    fn network(&mut self) -> Result<Network, WhereError> {
        let found = self.run(|c| is_plain(c) || c == '/');
        let (address, prefix) =
            found.split_once('/').map_or((found, None), |(address, prefix)| (address, Some(prefix)));
        let network = || {
            let is_number = |prefix: &str| {
                let plain = prefix == "0" || !prefix.starts_with('0');
                plain && prefix.bytes().all(|byte| byte.is_ascii_digit())
            };
            let prefix = match prefix {
                Some(prefix) => Some(prefix.parse().ok().filter(|_| is_number(prefix))?),
                None => None,
            };
            Network::new(address.parse().ok()?, prefix)
        };
        let network = network().ok_or_else(|| self.expected("a network, such as 10.0.0.0/8 or 2001:db8::/32"))?;
        self.at += found.len();
        Ok(network)
    }

    /// Takes blanks; returns whether there were some.
    fn blanks(&mut self) -> bool {
        let blanks = self.run(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).len();
        self.at += blanks;
        blanks > 0
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    /// Takes `word`, unless it is a part of a longer one.
    fn keyword(&mut self, word: &str) -> bool {
        self.word() == word && self.take(word)
    }

    fn word(&self) -> &'a str {
        self.run(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    }

    fn run(&self, part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> Span {
        Span::new(offset(start), offset(self.at))
    }

    /// An error about what comes next: a word, or one character of something else.
    fn expected(&self, expected: &'static str) -> WhereError {
        let word = self.run(|c| is_plain(c) || c == '/');
        let character = || self.rest().chars().next().map_or(0, char::len_utf8);
        let len = if word.is_empty() { character() } else { word.len() };
        let found = self.rest().get(..len).unwrap_or_default();
        Kind::expected(expected, found).at(Span::new(offset(self.at), offset(self.at + len)))
    }
}

/// What numbers, addresses and words are made of.
const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '-')
}

/// A number such as `-1` or `10k`; `None` if it is none.
fn number(text: &str) -> Result<Option<Value>, Kind> {
    let units = [('k', 10), ('m', 20), ('g', 30)];
    let with_unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(*unit)?, *shift)));
    let (text, shift) = with_unit.unwrap_or((text, 0));
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let too_large = || Kind::TooLarge { found: text.to_owned() };
    let value: u64 = digits.parse().map_err(|_| too_large())?;
    let value = i128::from(value) << shift;
    if value > u64::MAX.into() {
        return Err(too_large());
    }
    Ok(Some(Value::Number(if text.starts_with('-') { -value } else { value })))
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
