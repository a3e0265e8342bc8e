//! How fast updates are applied to a store, and what an entry costs: figures for one core; nothing is asserted.
//!
//! `cargo bench --bench table` takes 1,000,000 entries; a number as argument makes it fewer.

use std::{fs, hint::black_box};

use peerctl::stick::{Definition, Place, parse};
use peerctl::table::{Applied, Limits, ServerKey, Sort, Store, Update};

/// Updates that a reader hands over at once: as many as fit in some tens of kilobytes.
const BATCH: usize = 512;

const COLUMNS: &str = "store gpc0,conn_cnt,http_req_cnt,http_req_rate(10s),bytes_in_cnt";

/// The key of a number.
type Key = fn(u32) -> Vec<u8>;

fn main() {
    let entries: u32 = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    println!("{entries} entries with {COLUMNS}");
    println!("million updates a second: new ones, all again in the same order, all in another order; bytes an entry\n");
    println!("{:46} {:>7} {:>7} {:>7}   {:>5} {:>5}", "", "new", "again", "other", "store", "RSS");
    let tables: [(&str, Key); 5] = [
        ("type ip expire 1h", |n| n.to_be_bytes().into()),
        ("type ip", |n| n.to_be_bytes().into()),
        ("type ipv6 expire 1h", |n| u128::from(n).to_be_bytes().into()),
        ("type string len 32 expire 1h", |n| format!("session-{n:016x}").into()),
        ("type string len 128 expire 1h", |n| format!("/a/path/of/some/length/{n:032}").into()),
    ];
    for (table, key) in tables {
        // Numbers that look random, each once: products with an odd number.
        let keys = |factor: u32| -> Vec<Vec<u8>> {
            let mut order: Vec<u32> = (0..entries).map(|n| n.wrapping_mul(0x9e37_79b1)).collect();
            order.sort_unstable_by_key(|n| n.wrapping_mul(factor));
            order.into_iter().map(key).collect()
        };
        let (keys, shuffled) = (keys(0x85eb_ca6b), keys(0xc2b2_ae35));
        for batches in [true, false] {
            row(table, &keys, &shuffled, batches);
        }
    }
}

fn row(table: &str, keys: &[Vec<u8>], shuffled: &[Vec<u8>], batches: bool) {
    let limits = Limits { entries: usize::MAX, bytes: usize::MAX, ..Limits::default() };
    let before = resident();
    let mut store = Store::new(definition(&format!("{table} {COLUMNS}")), limits).expect("narrow");
    let new = pass(&mut store, keys, 0, batches);
    let each = |bytes: usize| bytes / keys.len();
    let (memory, resident) = (each(store.memory()), each(resident().saturating_sub(before)));
    let again = pass(&mut store, keys, 1, batches);
    let other = pass(&mut store, shuffled, 2, batches);
    let name = format!("{table}{}", if batches { "" } else { ", one by one" });
    println!("{name:46} {new:>7.2} {again:>7.2} {other:>7.2}   {memory:>5} {resident:>5}");
    if batches {
        let sort = Sort::parse("http_req_rate", store.definition()).expect("a column");
        let start = on_cpu();
        black_box(store.sorted(0, &sort, Some(50), |_| true));
        println!("{:46} {:.0} ms", "  the 50 entries with the highest rate", (on_cpu() - start) * 1e3);
    }
}

/// Applies an update for each key; returns millions a second.
fn pass(store: &mut Store, keys: &[Vec<u8>], round: u32, batches: bool) -> f64 {
    let slots = store.definition().layout.slots();
    let mut values = vec![0; slots * BATCH];
    let (mut update_id, mut taken) = (round << 24, 0);
    let start = on_cpu();
    for keys in keys.chunks(BATCH) {
        for (n, value) in (u64::from(update_id)..).zip(&mut values) {
            *value = n;
        }
        let now_ms = u64::from(round) * 60_000 + u64::from(update_id >> 10);
        let updates = keys.iter().zip(values.chunks(slots)).map(|(key, values)| {
            update_id += 1;
            Update { key, values, server_key: ServerKey::Unchanged, update_id, life_ms: None, resync: false }
        });
        if batches {
            let updates: Vec<Update<'_>> = updates.collect();
            store.apply_all(now_ms, &updates, |_, applied| taken += usize::from(applied != Applied::Dropped));
        } else {
            updates.for_each(|update| taken += usize::from(store.apply(now_ms, &update) != Applied::Dropped));
        }
    }
    let seconds = on_cpu() - start;
    assert_eq!(taken, keys.len());
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let count = keys.len() as f64;
    count / seconds / 1e6
}

fn definition(line: &str) -> Definition {
    let line = format!("size 1m {line}");
    let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
    Definition::of_schema(b"t", &schema).expect("a key type")
}

/// Seconds that this thread was on a core, so that others who share it don't count.
fn on_cpu() -> f64 {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.expect("Linux counts them") / 1e9
}

/// Bytes of memory in use.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0) * 1024
}
