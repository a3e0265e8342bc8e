//! From a comparison to a test for entries of one table.

use std::net::IpAddr;

use regex::bytes::{Regex, RegexBuilder};

use crate::grammar::KeyType;
use crate::stick::{Definition, key};
use crate::table::Column;

use super::error::{WhereError, WhereErrorKind as Kind};
use super::test::Test;
use super::value::{Comparison, Relation, Value, With};

/// Bytes that a regular expression may take, compiled, and once more while it runs.
const PATTERN: usize = 1 << 20;

/// The test for entries of the table.
pub(super) fn test(comparison: &Comparison, definition: &Definition) -> Result<Test, WhereError> {
    let element = comparison.element.map(|element| usize::try_from(element).unwrap_or(usize::MAX));
    let column = Column::named(&comparison.name, element, definition);
    let column = column.map_err(|error| Kind::from(error).at(comparison.column))?;
    let compiled = match (&comparison.with, column) {
        (With::Value(relation, value), Column::Key) => key_test(*relation, value, definition),
        (With::Value(relation, Value::Text(text)), Column::ServerKey) => {
            Ok(Test::Bytes(column, *relation, text.clone()))
        }
        (With::Value(relation, Value::Number(number)), Column::Value { .. }) => {
            Ok(Test::Number(column, *relation, *number))
        }
        (With::Regex(pattern), Column::Key) => key_pattern(pattern, definition),
        (With::Regex(pattern), Column::ServerKey) => regex(pattern).map(|regex| Test::Pattern(column, regex)),
        (With::Network(network), Column::Key) => match (definition.key_type, network.is_ipv4) {
            (KeyType::IP, true) | (KeyType::IPV6, _) => Ok(Test::Network(*network)),
            (KeyType::IP, false) => Err(mismatch("key", "an IPv4 address", "no key is in a network of IPv6")),
            _ => Err(mismatch("key", "no address", "networks are for tables of type ip and ipv6")),
        },
        (_, Column::ServerKey) => Err(mismatch(&comparison.name, "a text", "compare it with one in quotes")),
        (_, Column::Value { .. }) => Err(mismatch(&comparison.name, "a number", "compare it with one, such as 10")),
    };
    compiled.map_err(|kind| kind.at(comparison.place))
}

fn key_test(relation: Relation, value: &Value, definition: &Definition) -> Result<Test, Kind> {
    let (key_type, key_len) = (definition.key_type, definition.key_len);
    let bytes: Box<[u8]> = match (key_type, value) {
        (KeyType::INTEGER, Value::Number(number)) => {
            let range = "a number from 0 to 4294967295";
            let number = u32::try_from(*number).map_err(|_| mismatch("key", range, "no key is outside of that"))?;
            number.to_be_bytes().into()
        }
        (KeyType::IP, Value::Address(IpAddr::V4(address))) => address.octets().into(),
        (KeyType::IPV6, Value::Address(IpAddr::V4(address))) => address.to_ipv6_mapped().octets().into(),
        (KeyType::IPV6, Value::Address(IpAddr::V6(address))) => address.octets().into(),
        (KeyType::STRING, Value::Text(text)) => {
            key::check(key_type, key_len, text)?;
            text.clone()
        }
        (KeyType::INTEGER | KeyType::IP | KeyType::IPV6, Value::Text(text)) => {
            key::parse(key_type, key_len, &String::from_utf8_lossy(text))?
        }
        (KeyType::INTEGER, _) => return Err(mismatch("key", "a number", "compare it with one, such as 10")),
        (KeyType::IP, _) => return Err(mismatch("key", "an IPv4 address", "compare it with one, such as 10.0.0.1")),
        (KeyType::IPV6, _) => return Err(mismatch("key", "an IPv6 address", "compare it with one, such as ::1")),
        (KeyType::STRING, _) => return Err(mismatch("key", "a text", "put the value into quotes")),
        (_, Value::Text(text)) => {
            let next = "compare it with hexadecimal digits in quotes, such as \"0AFF\"";
            let bytes = key::unhex(text).ok_or_else(|| mismatch("key", "binary", next))?;
            key::check(key_type, key_len, &bytes)?;
            bytes
        }
        _ => return Err(mismatch("key", "binary", "compare it with hexadecimal digits in quotes, such as \"0AFF\"")),
    };
    Ok(Test::Bytes(Column::Key, relation, bytes))
}

fn key_pattern(pattern: &str, definition: &Definition) -> Result<Test, Kind> {
    match definition.key_type {
        KeyType::STRING => Ok(Test::Pattern(Column::Key, regex(pattern)?)),
        key_type @ (KeyType::INTEGER | KeyType::IP | KeyType::IPV6) => Ok(Test::KeyPattern(key_type, regex(pattern)?)),
        _ => Err(mismatch("key", "binary", "a pattern needs text; compare it with hexadecimal digits by =")),
    }
}

fn regex(pattern: &str) -> Result<Regex, Kind> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN).dfa_size_limit(PATTERN).build();
    built.map_err(|error| Kind::Regex(error.to_string()))
}

fn mismatch(column: &str, is: &'static str, next: &'static str) -> Kind {
    Kind::Mismatch { column: column.to_owned(), is, next }
}
