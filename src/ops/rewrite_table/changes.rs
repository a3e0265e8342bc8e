//! What is to be different about a table.

use super::store::StoreChange;
use crate::{
    grammar::{KeyType, TableParam},
    ops::{OpError, OpErrorKind},
    stick::{self, ProblemKind, Schema, SrvKey},
    units::{Delay, Size},
};

/// What is to be different about a table; everything else stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Whether and where the table travels.
    pub peers: Option<Travel>,
    /// The type of the keys.
    pub key_type: Option<Value<KeyType>>,
    /// Characters of string keys, bytes of binary ones.
    pub len: Option<Value<u32>>,
    /// The most entries.
    pub size: Option<Value<Size>>,
    /// How long an unused entry lives.
    pub expire: Option<Value<Delay>>,
    /// What is stored.
    pub store: StoreChange,
    /// What identifies a server in `server_key`.
    pub srvkey: Option<SrvKey>,
    /// The table that learns what this one counts: its name, as [`find_table`](crate::ops::attach::find_table) takes it.
    pub write_to: Option<String>,
    /// Whether the table only learns.
    pub recv_only: Option<bool>,
    /// Whether a full table refuses new entries.
    pub nopurge: Option<bool>,
}

/// Whether and where a table travels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Travel {
    /// Through the peers section of this name.
    Through(String),
    /// Not at all.
    Nowhere,
}

/// A value and how it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value<T> {
    text: String,
    value: T,
}

impl<T: Copy> Value<T> {
    /// The text for the configuration.
    pub(super) fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// What it means.
    pub(super) const fn get(&self) -> T {
        self.value
    }

    fn read(
        option: &str,
        param: TableParam,
        text: &str,
        value: impl Fn(&Schema) -> Option<T>,
    ) -> Result<Self, OpError> {
        let schema = check(option, param, text)?;
        let value = value(&schema).ok_or_else(|| bad(option, format!("`{text}` is no value of `{param}`"), ""))?;
        Ok(Self { text: text.into(), value })
    }
}

impl Value<KeyType> {
    /// Reads what was given with `option`.
    ///
    /// # Errors
    /// If no version of HAProxy knows the type.
    pub fn key_type(option: &str, text: &str) -> Result<Self, OpError> {
        Self::read(option, TableParam::Type, text, |schema| schema.key_type).map_err(|error| {
            match text.split_once(' ') {
                Some((word, _)) => {
                    OpError { help: format!("a length is an option of its own: {option} {word} --len N"), ..error }
                }
                None => error,
            }
        })
    }
}

impl Value<u32> {
    /// Reads a key length that was given with `option`.
    ///
    /// # Errors
    /// If it is no number from 1 to 2147483647.
    pub fn len(option: &str, text: &str) -> Result<Self, OpError> {
        Self::read(option, TableParam::Len, text, |schema| schema.len)
    }
}

impl Value<Size> {
    /// Reads what was given with `option`.
    ///
    /// # Errors
    /// If HAProxy doesn't take it as a table's size.
    pub fn size(option: &str, text: &str) -> Result<Self, OpError> {
        Self::read(option, TableParam::Size, text, |schema| schema.size)
    }
}

impl Value<Delay> {
    /// Reads what was given with `option`.
    ///
    /// # Errors
    /// If HAProxy refuses it, or drops a part of it, as of `1h30m`.
    pub fn expire(option: &str, text: &str) -> Result<Self, OpError> {
        Self::read(option, TableParam::Expire, text, |schema| schema.expire)
    }
}

/// Reads `text` as the value of `param`, as HAProxy would on a line of its own.
pub(super) fn check(option: &str, param: TableParam, text: &str) -> Result<Schema, OpError> {
    let words: &[&str] = match param {
        TableParam::Len => &["type", "string", "len", text],
        _ => &[param.keyword(), text],
    };
    let parsed = stick::parse(words, stick::Place::Proxy, None);
    let wrong = parsed.problems.iter().find(|p| !matches!(p.kind, ProblemKind::MissingParam { .. }));
    wrong.map_or(Ok(parsed.schema.clone()), |problem| Err(bad(option, problem.to_string(), "")))
}

fn bad(option: &str, problem: String, help: &str) -> OpError {
    OpError::new(OpErrorKind::BadOption { option: option.into(), problem }, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_haproxy_takes_without_a_warning() {
        assert_eq!(Value::size("--size", "10k").map(|v| v.get()), Ok(Size::new(10_240)));
        assert_eq!(Value::expire("--expire", "0").map(|v| v.get().ms()), Ok(0));
        assert_eq!(Value::len("--len", "64").map(|v| v.get()), Ok(64));
        assert_eq!(Value::key_type("--type", "ipv4").map(|v| v.get()), Ok(KeyType::IP));
        for text in ["", "0", "10kb", "4g", "1 k", "-1"] {
            assert!(Value::size("--size", text).is_err(), "{text}");
        }
        for text in ["", "1h30m", "25d", "5 m", "m"] {
            assert!(Value::expire("--expire", text).is_err(), "{text}");
        }
        for text in ["", "0", "-5", "64x", "3000000000"] {
            assert!(Value::len("--len", text).is_err(), "{text}");
        }
        for text in ["", "str", "string len 64", "IP"] {
            assert!(Value::key_type("--type", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_length_with_the_type_is_answered_with_the_option_for_it() {
        let error = Value::key_type("--type", "string len 64").expect_err("two words");
        assert_eq!(error.help, "a length is an option of its own: --type string --len N");
    }
}
