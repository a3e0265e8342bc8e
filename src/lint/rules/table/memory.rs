//! # A table may take much memory
//!
//! ## What it does
//! Works out what a table takes when it is full: entries times bytes for one entry. Says so from 64 MiB on.
//!
//! ## Why is this bad?
//! It need not be. HAProxy doesn't reserve the memory: it grows with the entries, on every instance that the table travels
//! to, and isn't given back.
//!
//! An entry is, in bytes: 136 (2.6), 144 (3.0) or 168 (3.2), and key and data, each rounded up to 8; 2.6 rounds the whole up to one of 152, 184, 216 ….
//! A key has 4 bytes (`ip`, `integer`), 16 (`ipv6`), `len` + 1 (`string`) or `len` (`binary`). Counters have 4 bytes, `bytes_*_cnt` and `server_key` 8, rates 12, arrays so many
//! for each element. These are the sizes of HAProxy's pools, which `show pools` prints. With 400,000 entries the process
//! grew by 10 to 26 percent more than that, which the allocator adds.
//!
//! ## Example
//! ```haproxy
//! backend st_src
//!   stick-table type ipv6 size 10m expire 1h store http_req_rate(10s)
//! ```
//!
//! ## Use instead
//! The number of clients that come within `expire`, with some room.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here: 26 definitions on each)

use super::shared::{at_param, certain};
use crate::{
    escape,
    grammar::{DataKind, DataType, KeyType, TableParam, Version},
    lint::{Context, Finding, Rule, Severity},
    stick::{Column, Schema},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-memory",
    summary: "what a large table takes when it is full",
    source: include_str!("memory.rs"),
    check,
};

/// Less isn't worth a word: 64 MiB.
const WORTH_A_WORD: u64 = 64 << 20;

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for table in instance.tables().into_iter().filter(|table| certain(table)) {
            let Some(size) = table.schema().size else { continue };
            let Some(bytes) = entry_bytes(table.schema(), context.release.version) else { continue };
            let full = u64::from(size.get()) * bytes;
            if full < WORTH_A_WORD {
                continue;
            }
            let (name, mebibytes) = (escape::name(&table.name), full >> 20);
            let text = format!("{} entries of {bytes} bytes", size.get());
            let label = at_param(context, index, table, TableParam::Size, text);
            found.push(
                Finding::new(Severity::Note, format!("table `{name}` takes {mebibytes} MiB when it is full"), label)
                    .happens("It grows with its entries; the allocator adds 10 to 26 percent.")
                    .help("fine if the machine has it; else a smaller `size`, on all instances"),
            );
        }
    }
}

/// The bytes of one entry in HAProxy's pool; `None` where a part of the definition isn't known.
fn entry_bytes(schema: &Schema, version: Version) -> Option<u64> {
    if !schema.unknown_columns.is_empty() {
        return None;
    }
    let len = u64::from(schema.len.unwrap_or(0));
    let key = match schema.key_type? {
        KeyType::IP | KeyType::INTEGER => 4,
        KeyType::IPV6 => 16,
        KeyType::STRING => len + 1,
        KeyType::BINARY => len,
        _ => return None,
    };
    let data: u64 = schema.store.iter().map(column_bytes).sum::<Option<u64>>()?;
    let parts = key.next_multiple_of(8) + data.next_multiple_of(8);
    Some(match version {
        // The pool's own pointer behind an entry counts when 2.6 rounds up to 32.
        version if version < Version::new(3, 0) => (136 + parts + 8).next_multiple_of(32) - 8,
        version if version < Version::new(3, 2) => 144 + parts,
        _ => 168 + parts,
    })
}

/// The bytes of a column; there are no gaps between columns.
fn column_bytes(column: &Column) -> Option<u64> {
    let size = match column.data_type.info()?.kind {
        DataKind::Uint => 4,
        DataKind::Ulonglong | DataKind::Dict => 8,
        DataKind::Rate => 12,
    };
    let array = matches!(column.data_type, DataType::GPC | DataType::GPT | DataType::GPC_RATE);
    Some(size * if array { u64::from(column.count?) } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stick::{Place, parse};

    #[test]
    fn entries_have_the_size_of_haproxys_pools() {
        // As `show pools` of 2.6.12, 3.0.11 and 3.2.26 printed them, with `-dMno-merge`.
        for (definition, sizes) in [
            ("type ip", [152, 152, 176]),
            ("type ipv6", [152, 160, 184]),
            ("type string", [184, 176, 200]),
            ("type string len 32", [184, 184, 208]),
            ("type string len 64", [216, 216, 240]),
            ("type string len 1000", [1144, 1152, 1176]),
            ("type binary", [184, 176, 200]),
            ("type binary len 20", [184, 168, 192]),
            ("type ip store gpc0,gpt0,gpc1", [184, 168, 192]),
            ("type ip store http_req_rate(10s),conn_rate(10s)", [184, 176, 200]),
            ("type ip store server_id,server_key", [184, 168, 192]),
            ("type ip store gpc(10)", [184, 192, 216]),
            ("type ip store gpc_rate(3,10s)", [184, 192, 216]),
            ("type ip store gpc0,bytes_in_cnt,gpc1", [184, 168, 192]),
            ("type ip store gpc0,bytes_in_cnt,gpc1,bytes_out_cnt", [184, 176, 200]),
        ] {
            let words: Vec<&str> = definition.split(' ').collect();
            let schema = parse(&words, Place::Proxy, None).schema;
            let versions = [Version::new(2, 6), Version::new(3, 0), Version::new(3, 2)];
            let found = versions.map(|version| entry_bytes(&schema, version));
            assert_eq!(found, sizes.map(Some), "{definition}");
        }
    }
}
