//! Entries of one table for spreadsheets: a line of headings, then `peer,table,key,expire_ms` and the values.
//!
//! A text that a spreadsheet would take for a formula begins with `'`, as does one that begins with `'` itself. Control
//! characters are `\xNN`, a backslash is `\\`. Rates are those of now.

use std::io::{self, Write};

use super::{Listed, columns, name};
use crate::escape;
use crate::stick::key;
use crate::table::Column;

/// Prints the entries of a table that one or several peers have. Where their definitions differ, it has the columns of all.
///
/// # Errors
/// If `out` fails.
pub fn print(tables: &[Listed<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut headings: Vec<String> = Vec::new();
    for column in tables.iter().flat_map(|listed| columns(listed.definition)) {
        let name = name(&column);
        if !headings.contains(&name) {
            headings.push(name);
        }
    }
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["peer", "table", "key", "expire_ms"].into_iter().chain(headings.iter().map(String::as_str)))?;
    for listed in tables {
        let definition = listed.definition;
        let columns = columns(definition);
        let named: Vec<Option<&Column>> =
            headings.iter().map(|heading| columns.iter().find(|column| name(column) == *heading)).collect();
        let (peer, table) = (text(listed.peer), text(&definition.name));
        for entry in &listed.entries {
            let key = defused(key::text(definition.key_type, entry.key()).into_owned());
            let rest = entry.rest_ms().map(|ms| ms.to_string()).unwrap_or_default();
            let value = |column: Option<&Column>| match column {
                None => String::new(),
                Some(column) => match column.number(entry) {
                    Some(number) => number.to_string(),
                    None => text(column.text(entry).unwrap_or_default()),
                },
            };
            csv.write_record(
                [peer.clone(), table.clone(), key, rest].into_iter().chain(named.iter().copied().map(value)),
            )?;
        }
    }
    csv.flush()
}

fn text(bytes: &[u8]) -> String {
    defused(escape::name(bytes).into_owned())
}

/// What doesn't begin like a formula.
fn defused(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\'']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_like_a_formula_and_each_stands_for_one() {
        for (key, shown) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("'=1", "''=1"),
            ("\t=1", "\\x09=1"),
            ("a\r\nb", "a\\x0d\\x0ab"),
            ("plain", "plain"),
        ] {
            assert_eq!(text(key.as_bytes()), shown);
        }
    }
}
