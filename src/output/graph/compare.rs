//! In what the definitions of one table differ, and what HAProxy makes of it.

use crate::{
    grammar::{DataType, KeyType},
    stick::{Column, Schema, SrvKey},
};

/// What a table is on an instance: the instance's name, and the definition.
pub(super) type Definition<'a> = (&'a str, &'a Schema);

/// What doesn't match between any two of the definitions: nothing if all of them replicate. Who has the same is named together.
pub(super) fn differences(all: &[Definition<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    let keys = by_value(all, |schema| Some((schema.key_type, schema.len)));
    if keys.len() > 1 {
        let words = |(_, same): &(_, Vec<Definition<'_>>)| {
            same.first().map(|(_, schema)| format!("{} on {}", key(schema), names(same)))
        };
        found.push(format!("doesn't replicate: {}", keys.iter().filter_map(words).collect::<Vec<_>>().join(", ")));
    }
    // What has another key doesn't replicate anyway.
    for (_, same) in keys {
        found.extend(only_some(&same));
        let types = DataType::all().map(|info| info.data_type);
        found.extend(types.filter_map(|data_type| {
            let text = |schema: &Schema| schema.column(data_type).map(ToString::to_string);
            let shape = |schema: &Schema| schema.column(data_type).map(|column| (column.period, column.count));
            several(&same, shape, text)
        }));
        let keyed = |schema: &Schema| schema.column(DataType::SERVER_KEY).map(|_| srvkey(schema));
        found.extend(several(&same, keyed, |schema| Some(format!("srvkey {}", srvkey(schema)))));
    }
    found
}

/// The index of the first definition that more than half of them match in all that counts; `None` if there is none.
pub(super) fn usual(all: &[Definition<'_>]) -> Option<usize> {
    let like = |one: &Definition<'_>| all.iter().filter(|other| match_each_other(one, other)).count();
    all.iter().position(|one| 2 * like(one) > all.len())
}

/// Whether all of it replicates between two.
pub(super) fn match_each_other(a: &Definition<'_>, b: &Definition<'_>) -> bool {
    differences(&[*a, *b]).is_empty()
}

/// Columns that some store and others don't: those of the same instances together.
fn only_some(all: &[Definition<'_>]) -> Vec<String> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for column in all.iter().flat_map(|(_, schema)| &schema.store) {
        let (with, without): (Vec<Definition<'_>>, Vec<Definition<'_>>) =
            all.iter().partition(|(_, schema)| schema.column(column.data_type).is_some());
        if without.is_empty() {
            continue;
        }
        let whose = format!("only on {}, not on {}", names(&with), names(&without));
        let shown = with.first().and_then(|(_, schema)| schema.column(column.data_type)).unwrap_or(column).to_string();
        match found.iter_mut().find(|(other, _)| *other == whose) {
            Some((_, columns)) if columns.contains(&shown) => {}
            Some((_, columns)) => columns.push(shown),
            None => found.push((whose, vec![shown])),
        }
    }
    found.into_iter().map(|(whose, columns)| format!("{} {whose}", columns.join(", "))).collect()
}

/// `10s on lb1 and lb3, 1m on lb2`, if not all that have a value have the same.
fn several<T: PartialEq>(
    all: &[Definition<'_>],
    value: impl Fn(&Schema) -> Option<T>,
    text: impl Fn(&Schema) -> Option<String>,
) -> Option<String> {
    let values = by_value(all, value);
    if values.len() < 2 {
        return None;
    }
    let words = |(_, same): &(T, Vec<Definition<'_>>)| Some(format!("{} on {}", text(same.first()?.1)?, names(same)));
    Some(values.iter().filter_map(words).collect::<Vec<_>>().join(", "))
}

/// Those that have a value, by it, in the order in which it is found.
fn by_value<'a, T: PartialEq>(
    all: &[Definition<'a>],
    value: impl Fn(&Schema) -> Option<T>,
) -> Vec<(T, Vec<Definition<'a>>)> {
    let mut found: Vec<(T, Vec<Definition<'a>>)> = Vec::new();
    for one in all {
        let Some(value) = value(one.1) else { continue };
        match found.iter_mut().find(|(other, _)| *other == value) {
            Some((_, same)) => same.push(*one),
            None => found.push((value, vec![*one])),
        }
    }
    found
}

/// `lb1, lb2 and lb3`; of many the first ones.
fn names(of: &[Definition<'_>]) -> String {
    const MOST: usize = 4;
    let shown: Vec<&str> = of.iter().map(|(name, _)| *name).collect();
    match shown.split_at_checked(MOST) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => match shown.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, first)) => format!("{} and {last}", first.join(", ")),
            None => String::new(),
        },
    }
}

/// The definition in short: the key and the columns that were written down.
pub(super) fn definition(schema: &Schema) -> String {
    let columns: Vec<String> = schema.store.iter().filter(|c| !c.implicit).map(Column::to_string).collect();
    if columns.is_empty() { key(schema) } else { format!("{} · {}", key(schema), columns.join(", ")) }
}

fn key(schema: &Schema) -> String {
    let name = schema.key_type.map_or_else(|| "no type".to_owned(), |key_type| key_type.to_string());
    let default = schema.key_type.and_then(KeyType::info).and_then(|info| info.default_len);
    match schema.len {
        Some(len) if Some(len) != default => format!("{name} len {len}"),
        _ => name,
    }
}

fn srvkey(schema: &Schema) -> SrvKey {
    schema.srvkey.unwrap_or(SrvKey::Name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stick::{self, Place};

    fn schema(line: &str) -> Schema {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        stick::parse(&words, Place::Proxy, None).schema
    }

    fn compare(a: &str, b: &str) -> Vec<String> {
        differences(&[("lb1", &schema(a)), ("lb2", &schema(b))])
    }

    #[test]
    fn what_replicates_is_no_difference() {
        assert_eq!(compare("type ip size 1m store gpc0,gpt0", "type ip size 2k expire 1m store gpt0,gpc0"), [""; 0]);
        assert_eq!(compare("type string size 1m", "type string len 31 size 1m"), [""; 0]);
    }

    #[test]
    fn another_key_ends_the_comparison() {
        assert_eq!(
            compare("type string size 1m store gpc0", "type string len 32 size 1m"),
            ["doesn't replicate: string on lb1, string len 32 on lb2"]
        );
    }

    #[test]
    fn columns_are_compared_one_by_one() {
        assert_eq!(
            compare("type ip size 1m store gpc0,http_req_rate(10s)", "type ip size 1m store gpc1,http_req_rate(1m)"),
            [
                "gpc0 only on lb1, not on lb2",
                "gpc1 only on lb2, not on lb1",
                "http_req_rate(10s) on lb1, http_req_rate(1m) on lb2"
            ]
        );
    }

    #[test]
    fn each_mismatch_between_any_two_is_told_once() {
        let schemas = [
            "type ip size 1m store gpc0,http_req_rate(10s)",
            "type ip size 1m store gpc0,http_req_rate(1m)",
            "type ip size 1m store gpt0,http_req_rate(10s)",
            "type string size 1m store gpc0",
            "type string size 1m store gpc1",
        ]
        .map(schema);
        let names = ["lb1", "lb2", "lb3", "lb4", "lb5"];
        let all: Vec<Definition<'_>> = names.into_iter().zip(&schemas).collect();
        assert_eq!(
            differences(&all),
            [
                "doesn't replicate: ip on lb1, lb2 and lb3, string on lb4 and lb5",
                "gpc0 only on lb1 and lb2, not on lb3",
                "gpt0 only on lb3, not on lb1 and lb2",
                "http_req_rate(10s) on lb1 and lb3, http_req_rate(1m) on lb2",
                "gpc0 only on lb4, not on lb5",
                "gpc1 only on lb5, not on lb4",
            ]
        );
        assert_eq!(differences(&all[..1]), [""; 0]);
    }
}
