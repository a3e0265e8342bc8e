//! The rules of lives, repetitions, texts and limits, one by one.

use peerctl::stick::{Definition, Place, parse};
use peerctl::table::{Applied, Batch, Counters, Full, Limits, ServerKey, Store, StoreError, Update};

/// The definition of a table as the configuration gives it, without `size`.
pub(crate) fn definition(line: &str) -> Definition {
    let line = format!("size 1m {line}");
    let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
    Definition::of_schema(b"t", &schema).expect("a key type")
}

fn store(line: &str) -> Store {
    Store::new(definition(line), Limits::default()).expect("a table of HAProxy")
}

const fn update<'a>(key: &'a [u8], values: &'a [u64], update_id: u32) -> Update<'a> {
    Update { key, values, server_key: ServerKey::Unchanged, update_id, life_ms: None, resync: false }
}

/// The rest of a living entry's life; the largest number if it never ends.
fn rest(store: &Store, key: &[u8], now_ms: u64) -> Option<u32> {
    store.get(key, now_ms).map(|entry| entry.rest_ms().unwrap_or(u32::MAX))
}

const KEY: &[u8] = b"\x0a\0\0\x01";

#[test]
fn an_update_gives_the_whole_life_and_a_timed_one_its_rest() {
    let mut store = store("type ip expire 10s store gpc0");
    assert_eq!(store.apply(1_000, &update(KEY, &[1], 1)), Applied::New);
    assert_eq!(rest(&store, KEY, 1_000), Some(10_000));
    assert_eq!(store.apply(3_000, &update(KEY, &[1], 2)), Applied::Changed, "a later update with the same values");
    assert_eq!(rest(&store, KEY, 4_000), Some(9_000));
    let timed = |rest| Update { life_ms: Some(rest), ..update(KEY, &[2], 3) };
    assert_eq!(store.apply(4_000, &timed(500)), Applied::Changed);
    assert_eq!(rest(&store, KEY, 4_499), Some(1));
    assert_eq!(rest(&store, KEY, 4_500), None);
    assert_eq!(store.apply(4_100, &timed(99_999)), Applied::Same);
    assert_eq!(rest(&store, KEY, 4_100), Some(10_000), "capped to what the table gives");
    assert_eq!(store.apply(4_200, &timed(0)), Applied::Same);
    assert_eq!(rest(&store, KEY, 4_200), None);
    assert_eq!((store.expire(5_000, 10), store.len()), (1, 0));
}

#[test]
fn a_table_without_expire_ignores_rests_and_keeps_entries_for_ever() {
    let mut store = store("type ip store gpc0");
    store.apply(5, &Update { life_ms: Some(0), ..update(KEY, &[7], 1) });
    let late = u64::from(u32::MAX) * 100;
    assert_eq!(store.expire(late, usize::MAX), 0);
    assert_eq!(rest(&store, KEY, late), Some(u32::MAX));
    assert_eq!(store.get(KEY, late).map(|entry| entry.age_ms()), Some(late - 5));
}

#[test]
fn a_repetition_does_not_extend_the_life() {
    let mut store = store("type ip expire 10s store gpc0,http_req_rate(10s)");
    store.apply(0, &Update { life_ms: Some(4_000), ..update(KEY, &[3, 100, 5, 6], 17) });
    assert_eq!(store.apply(2_500, &update(KEY, &[3, 2_612, 5, 6], 17)), Applied::Same);
    assert_eq!(rest(&store, KEY, 2_500), Some(1_500));
    let cases: [(&str, &[u64], u32); 4] = [
        ("another value", &[4, 2_600, 5, 6], 17),
        ("another id", &[3, 2_600, 5, 6], 18),
        ("another count", &[3, 2_600, 6, 6], 17),
        ("another period of the counter", &[3, 0, 5, 6], 17),
    ];
    for (what, values, id) in cases {
        let mut store = self::store("type ip expire 10s store gpc0,http_req_rate(10s)");
        store.apply(0, &Update { life_ms: Some(4_000), ..update(KEY, &[3, 12_600, 5, 6], 17) });
        assert_eq!(store.apply(2_500, &update(KEY, values, id)), Applied::Changed, "{what}");
        assert_eq!(rest(&store, KEY, 2_500), Some(10_000), "{what}");
    }
}

#[test]
fn update_ids_wrap_and_restart_without_being_compared() {
    let mut store = store("type ip expire 10s store gpc0");
    for (n, id) in [u32::MAX - 1, u32::MAX, 0, 1, 0x8000_0001, 5, 1].into_iter().enumerate() {
        let applied = store.apply(n as u64, &update(KEY, &[9], id));
        assert_eq!(applied, if n == 0 { Applied::New } else { Applied::Changed }, "id {id}");
        assert_eq!(
            store.get(KEY, n as u64).map(|entry| (entry.update_id(), entry.rest_ms())),
            Some((id, Some(10_000)))
        );
    }
}

#[test]
fn an_expired_entry_comes_back_as_a_new_one() {
    let mut store = store("type ip expire 10s store server_key,gpc0");
    let known = ServerKey::Known(b"srv1");
    store.apply(0, &Update { server_key: known, ..update(KEY, &[1, 0], 1) });
    assert_eq!(store.apply(10_000, &update(KEY, &[2, 0], 2)), Applied::New);
    assert_eq!(store.get(KEY, 10_000).map(|entry| entry.server_key().is_some()), Some(false), "the old text is gone");
    assert_eq!(store.len(), 1);
    assert_eq!(store.counters().expired, 1);
}

#[test]
fn values_are_cut_to_their_width_and_read_back() {
    let line = "type ip store server_id,gpc_rate(2,1m),server_key,bytes_in_cnt,gpt(3)";
    let mut store = store(line);
    let mut values: Vec<u64> = vec![u64::MAX - 6, u64::MAX, 0];
    values.splice(1..1, [4_294_947_564, 1, 2, 3, (1 << 33) + 7, 5, 8, 9, 10]);
    let layout = store.definition().layout.clone();
    values.resize(layout.slots(), 11);
    store.apply(1, &update(KEY, &values, 1));
    let entry = store.get(KEY, 1).expect("it is there");
    let mut read = Vec::new();
    entry.values(&mut read);
    for field in layout.fields() {
        for n in 0..field.values() {
            if field.period_ms.is_some() {
                let slots: Vec<u64> = entry.counter(field, n).slots().into();
                assert_eq!(slots, field.of(&read)[3 * n..3 * n + 3]);
            } else {
                assert_eq!(entry.value(field, n), field.of(&read)[n], "{field}");
            }
        }
        assert_eq!(entry.value(field, field.values()), 0, "past the end");
    }
    let cut = |value: u64| value & 0xffff_ffff;
    let is_wide =
        |slot: usize| layout.fields().iter().any(|f| f.data_type.to_string() == "bytes_in_cnt" && f.slot == slot);
    let is_text =
        |slot: usize| layout.fields().iter().any(|f| f.data_type.to_string() == "server_key" && f.slot == slot);
    for (slot, value) in values.iter().enumerate() {
        let expected = if is_text(slot) {
            0
        } else if is_wide(slot) {
            *value
        } else {
            cut(*value)
        };
        assert_eq!(read[slot], expected, "slot {slot}");
    }
}

#[test]
fn a_rate_fades_as_the_clock_goes_on_and_stays_away() {
    let mut store = store("type ip store http_req_rate(60s)");
    store.apply(0, &update(KEY, &[0, 6, 60], 1));
    let field = store.definition().layout.fields()[0];
    // As HAProxy shows them, see `stick::FreqCtr`; the last one is where 32 bits of milliseconds have wrapped.
    for (now, rate) in [(250, 65), (30_250, 35), (90_250, 2), (130_250, 0), (1 << 32, 0), ((1 << 32) + 250, 0)] {
        assert_eq!(store.get(KEY, now).map(|entry| entry.rate(&field, 0)), Some(rate), "at {now}");
    }
    // A counter whose period started after it was sent, as a clock that never ticked makes them.
    store.apply(0, &update(KEY, &[u64::from(u32::MAX - 999), 6, 60], 2));
    assert_eq!(store.get(KEY, 1 << 32).map(|entry| entry.rate(&field, 0)), Some(0));
}

#[test]
fn texts_stay_until_another_comes() {
    let mut store = store("type ip store server_key,gpc0");
    let known = |text| ServerKey::Known(text);
    store.apply(0, &Update { server_key: known(b"srv1"), ..update(KEY, &[1, 0], 1) });
    let text = |store: &Store| store.get(KEY, 0).and_then(|entry| entry.server_key().map(<[u8]>::to_vec));
    store.apply(0, &update(KEY, &[2, 0], 2));
    assert_eq!(text(&store).as_deref(), Some(&b"srv1"[..]));
    assert_eq!(store.apply(0, &Update { server_key: known(b"srv1"), ..update(KEY, &[2, 0], 2) }), Applied::Same);
    assert_eq!(store.apply(0, &Update { server_key: known(b"srv2"), ..update(KEY, &[2, 0], 2) }), Applied::Changed);
    assert_eq!(text(&store).as_deref(), Some(&b"srv2"[..]));
    // A table that has no such column doesn't keep one.
    let mut store = self::store("type ip store gpc0");
    store.apply(0, &Update { server_key: known(b"srv1"), ..update(KEY, &[1], 1) });
    assert_eq!(store.get(KEY, 0).map(|entry| entry.server_key().is_some()), Some(false));
}

#[test]
fn a_finished_resync_sweeps_what_was_not_taught_again() {
    let mut store = store("type ip expire 1h store gpc0");
    let key = |n: u8| [10, 0, 0, n];
    for n in 0..6 {
        store.apply(0, &update(&key(n), &[n.into()], n.into()));
    }
    for round in 0..600_u32 {
        store.begin_generation();
        // Seen: a repetition, a timed repetition, a change, one that is new.
        store.apply(1, &update(&key(0), &[0], 0));
        store.apply(1, &Update { life_ms: Some(900_000), ..update(&key(1), &[1], 1) });
        store.apply(1, &update(&key(2), &[2], 1_000 + round));
        if round < 300 {
            continue;
        }
        store.apply(1, &update(&key(7), &[7], 7));
        let mut gone = Vec::new();
        let swept = store.sweep_older_with(1, |entry| gone.push(entry.key()[3]));
        gone.sort_unstable();
        assert_eq!(gone, if round == 300 { vec![3, 4, 5] } else { vec![] }, "round {round}");
        assert_eq!(swept, gone.len());
    }
    assert_eq!(store.counters(), Counters { swept: 3, ..Counters::default() });
    assert_eq!(store.len(), 4);
}

#[test]
fn a_full_store_evicts_what_would_expire_first_or_stops() {
    let fill = |full| {
        let limits = Limits { entries: 100, full, ..Limits::default() };
        let mut store = Store::new(definition("type integer expire 1h store gpc0"), limits).expect("small");
        for n in 0..150_u32 {
            // The later an entry comes, the sooner it goes.
            let life_ms = Some(3_600_000 - n * 20_000);
            let applied = store.apply(0, &Update { life_ms, ..update(&n.to_be_bytes(), &[1], n) });
            assert_eq!(applied == Applied::Dropped, full == Full::Stop && n >= 100, "{n}");
        }
        store
    };
    let store = fill(Full::EvictOldest);
    assert_eq!((store.len(), store.counters().evicted), (100, 50));
    let mut left: Vec<u32> = store.iter(0).map(|entry| entry.update_id()).collect();
    left.sort_unstable();
    assert_eq!(left, (0..99).chain([149]).collect::<Vec<_>>());
    let mut store = fill(Full::Stop);
    assert_eq!((store.len(), store.counters().dropped), (100, 50));
    assert_eq!(store.apply(0, &update(&5_u32.to_be_bytes(), &[2], 200)), Applied::Changed, "known entries go on");
    let one_is_gone = 3_600_000 - 99 * 20_000 + 2_000;
    assert_eq!(store.apply(one_is_gone, &update(&500_u32.to_be_bytes(), &[2], 201)), Applied::New);
}

#[test]
fn a_full_store_that_never_expires_evicts_what_was_not_updated_for_long() {
    let limits = Limits { entries: 10, ..Limits::default() };
    let mut store = Store::new(definition("type integer store gpc0"), limits).expect("small");
    for n in 0..10_u32 {
        store.apply(n.into(), &update(&n.to_be_bytes(), &[1], n));
    }
    for n in [0_u32, 1, 2, 5] {
        store.apply(20, &update(&n.to_be_bytes(), &[2], 20));
    }
    for n in 10..16_u32 {
        store.apply(30, &update(&n.to_be_bytes(), &[1], n));
    }
    let mut left: Vec<u32> = store.iter(0).map(|entry| entry.key()[3].into()).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 5, 10, 11, 12, 13, 14, 15]);
}

#[test]
fn what_is_none_of_the_table_is_dropped() {
    let mut fixed = store("type ip expire 1m store gpc0");
    let mut short = store("type string len 10 expire 1m store gpc0");
    let mut long = store("type string len 300 expire 1m store gpc0");
    let mut binary = store("type binary len 64 expire 1m store gpc0");
    for len in [0, 3, 5, 16, 100_000] {
        let key = vec![b'x'; len];
        assert_eq!(fixed.apply(0, &update(&key, &[1], 1)), Applied::Dropped);
        let expected = |most| if len <= most { Applied::New } else { Applied::Dropped };
        assert_eq!(short.apply(0, &update(&key, &[1], 1)), expected(10), "{len}");
        assert_eq!(long.apply(0, &update(&key, &[1], 1)), expected(300), "{len}");
        assert_eq!(binary.apply(0, &update(&key, &[1], 1)), Applied::Dropped, "{len}");
    }
    assert_eq!(binary.apply(0, &update(&[7; 64], &[1], 1)), Applied::New);
    for values in [&[][..], &[1, 2], &[0; 1000]] {
        assert_eq!(fixed.apply(0, &update(KEY, values, 1)), Applied::Dropped);
    }
    assert_eq!((fixed.len(), fixed.counters().dropped), (0, 8));
}

#[test]
fn a_definition_of_absurd_width_is_refused() {
    use peerctl::grammar::DataType;
    use peerctl::stick::Layout;
    for count in [10_000, u32::MAX / 4, u32::MAX] {
        let mut definition = definition("type ip store gpt(3)");
        definition.layout =
            Layout::new([(DataType::GPC, Some(count), None), (DataType::GPC_RATE, Some(count), Some(1))]);
        let refused = Store::new(definition, Limits::default());
        assert!(matches!(refused, Err(StoreError::TooWide { .. })), "{count} elements");
    }
    for key_len in [0, 1, u32::MAX] {
        for line in ["type string store gpc0", "type binary len 4 store gpc0"] {
            let mut store = Store::new(Definition { key_len, ..definition(line) }, Limits::default()).expect("narrow");
            let applied = store.apply(0, &update(b"", &[1], 1));
            let fits = key_len == 0 || line.contains("string");
            assert_eq!(applied == Applied::New, fits, "{line} of length {key_len}");
        }
    }
}

#[test]
fn updates_in_batches_do_what_they_do_one_by_one() {
    for line in
        ["type string len 20 expire 10s store server_key,gpc0", "type string len 90 expire 10s store server_key,gpc0"]
    {
        let limits = Limits { entries: 150, ..Limits::default() };
        let store = || Store::new(definition(line), limits).expect("narrow");
        let (mut one_by_one, mut batches, mut copies) = (store(), store(), store());
        let mut batch = Batch::default();
        let texts: Vec<String> = (0..500_u32).map(|n| format!("key {}", n * 7 % 220)).collect();
        for (now, texts) in (0_u64..).step_by(700).zip(texts.chunks(75)) {
            let values: Vec<[u64; 2]> = (0..75).map(|n| [n, 0]).collect();
            let updates = texts.iter().zip(&values).map(|(text, values)| {
                let update_id = u32::try_from(now + values[0]).expect("small");
                let server_key = ServerKey::Known(&text.as_bytes()[..5]);
                Update { server_key, ..update(text.as_bytes(), values, update_id) }
            });
            let updates: Vec<Update<'_>> = updates.collect();
            let expected: Vec<Applied> = updates.iter().map(|update| one_by_one.apply(now, update)).collect();
            let mut found = Vec::new();
            batches.apply_all(now, &updates, |update, applied| found.push((update.update_id, applied)));
            let ids = updates.iter().map(|update| update.update_id);
            let expected: Vec<(u32, Applied)> = ids.zip(expected).collect();
            assert_eq!(found, expected);
            found.clear();
            for update in &updates {
                batch.push(update);
            }
            batch.apply(&mut copies, now, |store, update, applied| {
                let there = store.get(update.key, now).and_then(|entry| entry.server_key());
                assert_eq!(there, update.key.get(..5), "it is there already");
                found.push((update.update_id, applied));
            });
            assert_eq!(found, expected);
            assert!(batch.is_empty());
            let all = |store: &Store| {
                store.sorted_by_key(now).iter().map(peerctl::table::EntryRef::to_entry).collect::<Vec<_>>()
            };
            for other in [&batches, &copies] {
                assert_eq!(all(other), all(&one_by_one));
                assert_eq!(other.counters(), one_by_one.counters());
            }
        }
        assert!(batches.counters().evicted > 50, "the limit was reached");
    }
}

#[test]
fn memory_stays_while_keys_and_texts_come_and_go() {
    for line in ["type string len 200 expire 1s store server_key,gpc0", "type string len 200 store server_key,gpc0"] {
        let limits = Limits { entries: 50, ..Limits::default() };
        let mut store = Store::new(definition(line), limits).expect("narrow");
        let mut most = 0;
        for n in 0..40_000_u32 {
            let key = format!("{:0len$}", n % 60, len = 1 + (n % 200) as usize);
            let text = format!("{n:0200}");
            let server_key = if n.is_multiple_of(3) { ServerKey::Unchanged } else { ServerKey::Known(text.as_bytes()) };
            store.apply(u64::from(n) * 100, &Update { server_key, ..update(key.as_bytes(), &[1, 0], n) });
            if n.is_multiple_of(97) {
                store.expire(u64::from(n) * 100, 10);
            }
            if n == 20_000 {
                most = store.memory();
            }
        }
        assert!(store.memory() <= most + 500, "{line}: {} bytes after {most}", store.memory());
    }
}

#[test]
fn an_entry_that_comes_back_leaves_its_old_text() {
    let mut store = store("type ip expire 1s store server_key,gpc0");
    let mut first = 0;
    for n in 0..2_000_u64 {
        let text = format!("{n:0200}");
        let server_key = if n.is_multiple_of(2) { ServerKey::Known(text.as_bytes()) } else { ServerKey::Unchanged };
        let applied = store.apply(n * 1_000, &Update { server_key, ..update(KEY, &[1, 0], 1) });
        assert_eq!(applied, Applied::New);
        first = if n == 1 { store.memory() } else { first };
    }
    assert!(store.memory() < first + 1_000, "{} bytes, {first} at first", store.memory());
}
