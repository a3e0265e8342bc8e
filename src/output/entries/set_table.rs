//! Entries as commands of HAProxy's runtime socket: `set table mesh/t1 key 10.0.0.1 data.gpc0 3`.
//!
//! What such a command takes was found by giving it to HAProxy 2.6, 3.0 and 3.2: blanks, `;` and `\` of a key need a `\`; it
//! takes no binary keys, no `server_key`, of an array the first element only (3.2 takes the others, too), and no number above
//! 2^63 - 1. An entry made by it begins its life anew. `conn_cur` isn't set: nothing would count it down again.

use std::fmt;
use std::io::{self, Write};

use super::Listed;
use crate::escape;
use crate::grammar::{DataType, KeyType};
use crate::stick::{Definition, Field, ValueKind, key};
use crate::table::{Column, EntryRef};

/// What no command could say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unsaid {
    /// Entries with a key that can't be given: binary, empty, or with control characters or what isn't UTF-8.
    pub keys: u64,
    /// Entries of `table` lines, whose section isn't known.
    pub sections: u64,
    /// Values of `server_key`.
    pub texts: u64,
    /// Elements of arrays, but the first, that aren't 0.
    pub elements: u64,
    /// Numbers above 2^63 - 1.
    pub numbers: u64,
}

/// Prints a command for each entry. `section` is the name of the peers section, which tables of a `table` line need.
///
/// # Errors
/// If `out` fails.
pub fn print(tables: &[Listed<'_>], section: Option<&[u8]>, out: &mut dyn Write) -> io::Result<Unsaid> {
    let mut unsaid = Unsaid::default();
    for listed in tables {
        let Some(table) = full_name(listed.definition, section) else {
            unsaid.sections += listed.entries.len() as u64;
            continue;
        };
        for entry in &listed.entries {
            match key_word(listed.definition, entry.key()) {
                Some(key) => {
                    write!(out, "set table {table} key {key}")?;
                    values(listed.definition, entry, &mut unsaid, out)?;
                    writeln!(out)?;
                }
                None => unsaid.keys += 1,
            }
        }
    }
    Ok(unsaid)
}

/// The table's name on the socket.
fn full_name(definition: &Definition, section: Option<&[u8]>) -> Option<String> {
    let name = match definition.name.strip_prefix(b"/") {
        Some(name) => [section?, b"/", name].concat(),
        None => definition.name.to_vec(),
    };
    word(str::from_utf8(&name).ok()?)
}

fn key_word(definition: &Definition, bytes: &[u8]) -> Option<String> {
    if definition.key_type == KeyType::BINARY {
        return None;
    }
    word(&key::readable(definition.key_type, bytes)?.to_string())
}

/// A text as one word of a command; `None` if it can't be one.
fn word(text: &str) -> Option<String> {
    if text.is_empty() || text.chars().any(|c| c.is_control() || escape::is_unsafe(c)) {
        return None;
    }
    let mut word = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ' ' | ';' | '\\') {
            word.push('\\');
        }
        word.push(c);
    }
    Some(word)
}

fn values(definition: &Definition, entry: &EntryRef<'_>, unsaid: &mut Unsaid, out: &mut dyn Write) -> io::Result<()> {
    for field in definition.layout.fields() {
        if field.kind == ValueKind::Text {
            unsaid.texts += u64::from(entry.server_key().is_some());
            continue;
        }
        if field.data_type == DataType::CONN_CUR {
            continue;
        }
        let number = |element| Column::Value { field: *field, element }.number(entry).unwrap_or_default();
        unsaid.elements += (1..field.values()).filter(|element| number(*element) != 0).count() as u64;
        let Ok(first) = i64::try_from(number(0)) else {
            unsaid.numbers += 1;
            continue;
        };
        write!(out, " data.{} {first}", field_name(field))?;
    }
    Ok(())
}

fn field_name(field: &Field) -> String {
    field.data_type.to_string()
}

/// One line for people; empty if everything could be said.
impl fmt::Display for Unsaid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, sections, texts, elements, numbers } = *self;
        let parts = [
            (keys, "entries with keys that `set table` doesn't take"),
            (sections, "entries of `table` lines, whose section isn't known (give -f)"),
            (texts, "server names"),
            (elements, "elements of arrays"),
            (numbers, "numbers above 2^63 - 1"),
        ];
        let said: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if said.is_empty() { Ok(()) } else { write!(out, "not expressible as `set table`: {}", said.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_word_or_none() {
        assert_eq!(word("a b;c\\d\"e'"), Some("a\\ b\\;c\\\\d\"e'".to_owned()));
        for text in ["", "a\nb", "\u{1b}[0m", "\u{202e}x", "a\tb"] {
            assert_eq!(word(text), None, "{text:?}");
        }
    }
}
