//! What a store says of its memory, beside what the process got. It is the only test of its process.

use std::fs;

use peerctl::stick::{Definition, Place, parse};
use peerctl::table::{Limits, ServerKey, Store, Update};

/// Kilobytes of memory in use.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it says so");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn the_memory_of_a_store_is_what_it_says() {
    const ENTRIES: u32 = 250_000;
    type Key = fn(u32) -> Vec<u8>;
    let columns = "store gpc0,conn_cnt,http_req_cnt,http_req_rate(10s),bytes_in_cnt,server_key";
    let tables: [(&str, Key, usize); 3] = [
        ("type ip expire 1h", |n| n.to_be_bytes().into(), 100),
        ("type string len 32 expire 1h", |n| format!("session-{n:016x}").into(), 130),
        ("type string len 128 expire 1h", |n| format!("/a/path/of/some/length/{n:032}").into(), 170),
    ];
    // All are kept until the end, so that none gets what another one gave back.
    let mut stores = Vec::new();
    for (table, key, most) in tables {
        let line = format!("{table} size 1m {columns}");
        let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
        let definition = Definition::of_schema(b"t", &schema).expect("a key type");
        let before = resident();
        let mut store = Store::new(definition, Limits::default()).expect("narrow");
        for n in 0..ENTRIES {
            let text = format!("server{}", n % 1000);
            let server_key = ServerKey::Known(text.as_bytes());
            let key = key(n);
            store.apply(
                0,
                &Update { key: &key, values: &[1; 8], server_key, update_id: n, life_ms: None, resync: true },
            );
        }
        let (said, got) = (store.memory() / 1024, resident() - before);
        assert!(got <= said + said / 10 + 1024, "{table}: the process got {got} kB, the store says {said} kB");
        assert!(said <= got + got / 5 + 1024, "{table}: the process got {got} kB, the store says {said} kB");
        let each = got * 1024 / ENTRIES as usize;
        assert!(each <= most, "{table}: {each} bytes an entry");
        assert_eq!(store.len(), ENTRIES as usize);
        stores.push(store);
    }
}
