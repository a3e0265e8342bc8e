//! Sorted and limited views.

use peerctl::table::{Column, EntryRef, Limits, ServerKey, Sort, Store, Update};

use crate::rules::definition;

/// 300 entries: key n, gpc0 = n squared mod 101, a rate of n mod 7 that ends at different times, servers of three names.
fn store() -> Store {
    let line = "type integer expire 1h store server_id,gpc0,http_req_rate(10s),server_key,gpt(2)";
    let mut store = Store::new(definition(line), Limits::default()).expect("narrow");
    for n in 0..300_u32 {
        let server = format!("srv{}", n % 3);
        let count = u64::from(n);
        let id = if n == 200 { u64::from(u32::MAX) } else { count };
        let values = [id, count * count % 101, 0, count % 7, 0, 0, count, 1_000 - count];
        let server_key = ServerKey::Known(server.as_bytes());
        let key = (n ^ 0x5a).to_be_bytes();
        store.apply(
            count * 40,
            &Update { key: &key, values: &values, server_key, update_id: n, life_ms: None, resync: true },
        );
    }
    store
}

const NOW: u64 = 300 * 40;

#[test]
fn a_snapshot_has_the_order_of_a_full_sort_and_its_first_entries() {
    let store = store();
    for text in
        ["gpc0", "gpc0:asc", "http_req_rate", "http_req_rate:asc", "server_key", "server_id:asc", "gpt[1]", "key"]
    {
        let sort = Sort::parse(text, store.definition()).expect(text);
        let rank = |n: &u32| -> (i128, String) {
            let entry = store.get(&n.to_be_bytes(), NOW).expect("it is there");
            let text = entry.server_key().filter(|_| text.starts_with("server_key")).unwrap_or_default();
            let number = if text.is_empty() { sort.column.number(&entry).unwrap_or((*n).into()) } else { 0 };
            (number, String::from_utf8_lossy(text).into_owned())
        };
        let mut expected: Vec<u32> = (0..300).map(|n| n ^ 0x5a).collect();
        expected.sort_unstable();
        if text.ends_with(":asc") {
            expected.sort_by_key(rank);
        } else {
            expected.sort_by_key(|n| std::cmp::Reverse(rank(n)));
        }
        for limit in [None, Some(0), Some(1), Some(10), Some(31), Some(150), Some(300), Some(1000)] {
            let found = store.sorted(NOW, &sort, limit, |_| true);
            let found: Vec<u32> = found.iter().map(|e| u32::from_be_bytes(e.key().try_into().expect("4"))).collect();
            assert_eq!(found, expected[..limit.unwrap_or(300).min(300)], "{text} {limit:?}");
        }
    }
}

#[test]
fn server_ids_are_signed_and_rates_are_those_of_now() {
    let store = store();
    let first = |text: &str, now| {
        let sort = Sort::parse(text, store.definition()).expect(text);
        store.sorted(now, &sort, Some(1), |_| true).first().and_then(|entry| sort.column.number(entry))
    };
    assert_eq!(first("server_id:asc", NOW), Some(-1));
    assert_eq!(first("http_req_rate", NOW), Some(6));
    assert_eq!(first("http_req_rate", NOW + 20_001), Some(0));
}

#[test]
fn only_what_is_wanted_and_alive_is_in_it() {
    let store = store();
    let server_key = Column::parse("server_key", store.definition()).expect("a column");
    let found = store.sorted(NOW, &Sort::BY_KEY, None, |entry| server_key.text(entry) == Some(b"srv1"));
    assert_eq!(found.len(), 100);
    assert!(found.is_sorted_by_key(EntryRef::key));
    // Entries with n < 100 were updated before 4000.
    assert_eq!(store.sorted_by_key(3_600_000 + 99 * 40).len(), 200);
    assert_eq!(store.sorted_by_key(2 * 3_600_000).len(), 0);
}

#[test]
fn unknown_columns_are_answered_with_those_of_the_table() {
    let definition = definition("type ip store gpc0,gpt(3),http_req_rate(10s)");
    let error = |text: &str| Sort::parse(text, &definition).expect_err(text).to_string();
    let has = "table `t` has no `http_req_cnt`; it has key, gpc0, http_req_rate, gpt[0..2]";
    assert_eq!(error("http_req_cnt"), has);
    assert_eq!(error("gpt"), "`gpt` has 3 elements: name one, from `gpt[0]` to `gpt[2]`");
    assert_eq!(error("gpt[3]"), error("gpt"));
    assert_eq!(error("gpc0[0]"), "`gpc0` is a single value: write it without brackets");
    for text in ["gpc0:down", "nonsense", "gpt[", "gpt[-1]", "gpt[99999999999999999999]", "key[0]", ""] {
        assert!(error(text).contains("it has key, gpc0"), "{text}");
    }
}
