//! In what two definitions of one table differ, and what HAProxy makes of it.

use crate::{
    grammar::{DataType, KeyType},
    stick::{Column, Schema, SrvKey},
};

/// What doesn't match between the table of `a` and the table of `b`: nothing if all of it replicates.
pub(super) fn differences(a: (&str, &Schema), b: (&str, &Schema)) -> Vec<String> {
    let ((name_a, schema_a), (name_b, schema_b)) = (a, b);
    if (schema_a.key_type, schema_a.len) != (schema_b.key_type, schema_b.len) {
        let (a, b) = (key(schema_a), key(schema_b));
        return vec![format!("doesn't replicate: {a} on {name_a}, {b} on {name_b}")];
    }
    let mut found = Vec::new();
    for (has, lacks, schema, other) in [(name_a, name_b, schema_a, schema_b), (name_b, name_a, schema_b, schema_a)] {
        let only: Vec<String> =
            schema.store.iter().filter(|c| other.column(c.data_type).is_none()).map(ToString::to_string).collect();
        if !only.is_empty() {
            found.push(format!("{} only on {has}, not on {lacks}", only.join(", ")));
        }
    }
    for column in &schema_a.store {
        let other = schema_b.column(column.data_type);
        if let Some(other) = other.filter(|other| (other.period, other.count) != (column.period, column.count)) {
            found.push(format!("{column} on {name_a}, {other} on {name_b}"));
        }
    }
    let keyed = |schema: &Schema| schema.column(DataType::SERVER_KEY).map(|_| srvkey(schema));
    if let (Some(a), Some(b)) = (keyed(schema_a), keyed(schema_b))
        && a != b
    {
        found.push(format!("srvkey {a} on {name_a}, srvkey {b} on {name_b}"));
    }
    found
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
        differences(("lb1", &schema(a)), ("lb2", &schema(b)))
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
}
