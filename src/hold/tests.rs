use super::*;
use crate::grammar::{DataType, KeyType};
use crate::proto::session::{RemoteTable, Update};
use crate::proto::update::ServerKey;
use crate::stick::{Definition, Layout};

/// Ids from here on are of entries that the sender has learned itself.
const LEARNED: u32 = 1 << 31;

const LB1: usize = 0;
const LB2: usize = 1;

fn definition() -> Definition {
    let rate = DataType::by_name(b"http_req_rate").expect("a data type");
    Definition {
        name: (*b"t").into(),
        key_type: KeyType::INTEGER,
        key_len: 4,
        expire_ms: 60_000,
        layout: Layout::new([(DataType::GPC0, None, None), (rate, None, Some(10_000))]),
    }
}

fn table(definition: Definition) -> RemoteTable {
    RemoteTable { index: 0, id: 1, data_types: 0, definition }
}

/// A standby of two peers that are both in sync, and their table.
fn both() -> (Standby, RemoteTable) {
    let (mut standby, table) = (Standby::new(2, 64 << 20), table(definition()));
    for peer in [LB1, LB2] {
        meet(&mut standby, peer, &table);
        standby.learned(peer, true);
    }
    (standby, table)
}

fn meet(standby: &mut Standby, peer: usize, table: &RemoteTable) {
    standby.begin(peer);
    standby.announce(peer, 0, table);
    standby.ask(peer);
}

/// An update of key 7: its count, its id, and, in a resync, the rest of its life.
fn tell(
    standby: &mut Standby,
    table: &RemoteTable,
    peer: usize,
    at: u64,
    (count, id, life_ms): (u64, u32, Option<u32>),
) -> Taken {
    let update = Update {
        table,
        id,
        life_ms,
        key: &[0, 0, 0, 7],
        values: &[count, 0, 0, 0],
        server_key: ServerKey::Unchanged,
        resync: life_ms.is_some(),
    };
    standby.update(peer, at, &update)
}

/// Count and life of key 7.
fn held(standby: &Standby, now_ms: u64) -> Option<(u64, u32)> {
    let held = standby.tables().first()?;
    let entry = held.store().get(&[0, 0, 0, 7], now_ms)?;
    let gpc0 = held.definition().layout.field(DataType::GPC0)?;
    Some((entry.value(gpc0, 0), entry.rest_ms()?))
}

#[test]
fn the_last_writer_wins() {
    let (mut standby, table) = both();
    assert_eq!(tell(&mut standby, &table, LB1, 0, (5, 1, None)), Taken::Kept(0));
    assert_eq!(tell(&mut standby, &table, LB2, 1000, (3, 1, None)), Taken::Kept(0));
    assert_eq!(held(&standby, 2000), Some((3, 59_000)));
}

#[test]
fn the_same_number_and_values_from_another_peer_prolong_the_life() {
    let (mut standby, table) = both();
    tell(&mut standby, &table, LB1, 0, (5, 1, None));
    assert_eq!(tell(&mut standby, &table, LB2, 30_000, (5, 1, None)), Taken::Kept(0));
    assert_eq!(held(&standby, 30_000), Some((5, 60_000)));
    assert_eq!(tell(&mut standby, &table, LB2, 40_000, (5, 1, None)), Taken::Known, "a repetition doesn't");
    assert_eq!(held(&standby, 40_000), Some((5, 50_000)));
}

#[test]
fn a_copy_in_a_resync_never_replaces_what_is_newer() {
    let (mut standby, table) = both();
    tell(&mut standby, &table, LB1, 0, (5, 1, None));
    standby.ask(LB2);
    let copy = (4, LEARNED + 9, Some(50_000));
    assert_eq!(tell(&mut standby, &table, LB2, 1000, copy), Taken::Known);
    let own = (4, 9, Some(50_000));
    assert_eq!(tell(&mut standby, &table, LB2, 1000, own), Taken::Known);
    assert_eq!(held(&standby, 1000), Some((5, 59_000)));
    // Behind the resync it says its own entries once more, without their age.
    standby.learned(LB2, true);
    assert_eq!(tell(&mut standby, &table, LB2, 1100, (4, 9, None)), Taken::Known);
    assert_eq!(held(&standby, 1100), Some((5, 58_900)));
    assert_eq!(tell(&mut standby, &table, LB2, 1200, (6, 10, None)), Taken::Kept(0), "what changes then is new");
    // And one that is newer does.
    standby.ask(LB1);
    assert_eq!(tell(&mut standby, &table, LB1, 20_000, (7, LEARNED + 1, Some(58_000))), Taken::Kept(0));
    assert_eq!(held(&standby, 20_000), Some((7, 58_000)));
}

#[test]
fn what_a_peer_tells_again_is_nothing_new() {
    let (mut standby, table) = both();
    tell(&mut standby, &table, LB1, 0, (5, 1, None));
    standby.end(LB1, 5000, true);
    meet(&mut standby, LB1, &table);
    assert_eq!(tell(&mut standby, &table, LB1, 10_000, (5, LEARNED + 1, Some(49_990))), Taken::Known);
    assert_eq!(tell(&mut standby, &table, LB1, 10_000, (6, LEARNED + 1, Some(49_990))), Taken::Kept(0));
}

#[test]
fn what_a_cold_process_has_counted_gives_way_to_what_was_held() {
    let (mut standby, table) = both();
    tell(&mut standby, &table, LB1, 0, (500, 1, None));
    standby.end(LB1, 10_000, true);
    meet(&mut standby, LB1, &table);
    assert_eq!(tell(&mut standby, &table, LB1, 20_000, (1, 1, Some(60_000))), Taken::Provisional);
    standby.learned(LB1, false);
    assert_eq!(tell(&mut standby, &table, LB1, 21_000, (2, 2, None)), Taken::Provisional);
    assert!(!standby.is_settled(LB1));
    assert_eq!(held(&standby, 21_000), Some((2, 60_000)));
    let recalled = standby.recall(LB1, 22_000);
    assert_eq!(recalled, [(0, [0, 0, 0, 7].into())]);
    assert_eq!(held(&standby, 22_000), Some((500, 59_000)), "with the life of what it has counted");
    assert!(standby.is_settled(LB1));
    assert_eq!(tell(&mut standby, &table, LB1, 23_000, (501, 3, None)), Taken::Kept(0));
}

#[test]
fn what_a_process_that_has_everything_tells_counts() {
    let (mut standby, table) = both();
    tell(&mut standby, &table, LB1, 0, (500, 1, None));
    standby.end(LB1, 10_000, true);
    meet(&mut standby, LB1, &table);
    // It was cleared there.
    assert_eq!(tell(&mut standby, &table, LB1, 20_000, (1, 1, Some(60_000))), Taken::Provisional);
    assert_eq!(standby.learned(LB1, true), [(0, [0, 0, 0, 7].into())]);
    assert_eq!(held(&standby, 20_000), Some((1, 60_000)));
    // A process that dies before it was taught has lost what it had counted.
    standby.end(LB1, 21_000, true);
    meet(&mut standby, LB1, &table);
    tell(&mut standby, &table, LB1, 22_000, (0, 1, None));
    assert_eq!(standby.end(LB1, 23_000, false), [(0, [0, 0, 0, 7].into())]);
    assert_eq!(held(&standby, 23_000).map(|(count, _)| count), Some(1));
}

#[test]
fn finished_is_said_only_where_nothing_can_be_missing() {
    let (mut standby, table) = both();
    assert!(!standby.is_whole_for(LB1), "we haven't seen its end");
    standby.end(LB1, 0, true);
    meet(&mut standby, LB1, &table);
    assert!(standby.is_whole_for(LB1));
    standby.end(LB2, 0, true);
    assert!(!standby.is_whole_for(LB1), "another one is away");
    meet(&mut standby, LB2, &table);
    assert!(!standby.is_whole_for(LB1), "another one hasn't told everything");
    standby.learned(LB2, true);
    assert!(standby.is_whole_for(LB1));
    standby.learned(LB1, true);
    standby.end(LB1, 0, false);
    meet(&mut standby, LB1, &table);
    assert!(!standby.is_whole_for(LB1), "its last session broke");
    standby.learned(LB1, false);
    standby.end(LB1, 0, true);
    meet(&mut standby, LB1, &table);
    assert!(!standby.is_whole_for(LB1), "its last session was not complete");
}

#[test]
fn nobody_waits_for_a_peer_that_is_none_any_more() {
    let (mut standby, table) = both();
    standby.end(LB1, 0, true);
    meet(&mut standby, LB1, &table);
    let lb3 = standby.add_peer(Some(LB2));
    assert!(!standby.is_whole_for(LB1), "the new one hasn't told anything");
    standby.end(LB2, 0, false);
    standby.retire(lb3);
    assert!(!standby.is_whole_for(LB1), "another one is away");
    standby.retire(LB2);
    assert!(standby.is_whole_for(LB1));
    assert_eq!(tell(&mut standby, &table, LB1, 0, (5, 1, None)), Taken::Kept(0), "and all goes on");
}

#[test]
fn another_definition_is_rejected_until_nobody_has_the_first_one() {
    let (mut standby, first) = both();
    tell(&mut standby, &first, LB1, 0, (5, 1, None));
    let layout = Layout::new([(DataType::GPC0, None, None)]);
    let other = table(Definition { layout, ..definition() });
    standby.end(LB2, 0, true);
    standby.begin(LB2);
    assert!(matches!(standby.announce(LB2, 0, &other), Announcement::Rejected(_)));
    assert_eq!(standby.rejected(LB2).count(), 1);
    let update = Update {
        table: &other,
        id: 1,
        life_ms: None,
        key: &[0; 4],
        values: &[1],
        server_key: ServerKey::Unchanged,
        resync: false,
    };
    assert_eq!(standby.update(LB2, 0, &update), Taken::Unwanted);
    standby.end(LB1, 0, true);
    standby.begin(LB1);
    assert_eq!(standby.announce(LB1, 0, &other), Announcement::Redefined(1, vec![LB2]));
    assert_eq!(standby.update(LB2, 0, &update), Taken::Kept(0));
    assert_eq!(standby.rejected(LB2).count(), 0);
}

#[test]
fn the_longest_expire_counts_and_each_peer_has_its_own() {
    let (mut standby, table) = both();
    tell(&mut standby, &table, LB1, 0, (5, 1, None));
    standby.end(LB2, 0, true);
    let longer = super::tests::table(Definition { expire_ms: 100_000, ..definition() });
    standby.begin(LB2);
    assert_eq!(standby.announce(LB2, 1000, &longer), Announcement::Taken);
    assert_eq!(held(&standby, 1000), Some((5, 59_000)), "what is there stays as it is");
    standby.learned(LB2, true);
    tell(&mut standby, &longer, LB2, 2000, (6, 1, None));
    assert_eq!(held(&standby, 2000), Some((6, 100_000)));
    tell(&mut standby, &table, LB1, 3000, (7, 2, None));
    assert_eq!(held(&standby, 3000), Some((7, 60_000)));
}

#[test]
fn lives_go_on_by_the_clock_and_never_beyond_what_they_were() {
    let mut standby = Standby::new(1, 64 << 20);
    let number = standby.define(0, &definition()).expect("a table");
    let mut restore = |count, life_ms, passed_ms| {
        let values = [count, 5000, 3, 4];
        let restored = Restored {
            key: &[0, 0, 0, 7],
            values: &values,
            server_key: None,
            update_id: 1,
            life_ms: Some(life_ms),
            passed_ms,
        };
        standby.restore(number, 0, &restored);
        let entry = standby.tables()[0].store().get(&[0, 0, 0, 7], 0)?;
        let rate = standby.tables()[0].definition().layout.fields()[1];
        Some((entry.rest_ms()?, entry.counter(&rate, 0).elapsed_ms))
    };
    assert_eq!(restore(1, 60_000, 0), Some((60_000, 5000)));
    assert_eq!(restore(2, 60_000, 10_000), Some((50_000, 15_000)));
    assert_eq!(restore(3, 60_000, 20_000), Some((40_000, 0)), "its rate was over after two periods");
    assert_eq!(restore(3, 90_000, 0), Some((60_000, 5000)), "no more than the table gives");
    assert_eq!(restore(4, 60_000, 60_000), None, "its life has ended");
    assert_eq!(restore(5, 60_000, u64::MAX), None);
    assert_eq!(restore(6, 60_000, 1), Some((59_999, 5001)));
    assert_eq!(restore(7, 0, 0), None, "it was forgotten");
}

#[test]
fn memory_has_a_limit_for_all_tables_together() {
    const LIMIT: usize = 4 << 20;
    let mut standby = Standby::new(1, LIMIT);
    standby.begin(0);
    let tables: Vec<RemoteTable> = (0..4)
        .map(|index| RemoteTable {
            index,
            ..table(Definition { name: [b't', b'0' + u8::try_from(index).expect("few")].into(), ..definition() })
        })
        .collect();
    for table in &tables {
        standby.announce(0, 0, table);
    }
    for n in 0..200_000_u32 {
        let table = &tables[n as usize / 50_000];
        let (key, values) = (n.to_be_bytes(), [1, 0, 0, 0]);
        let update = Update {
            table,
            id: n,
            life_ms: None,
            key: &key,
            values: &values,
            server_key: ServerKey::Unchanged,
            resync: false,
        };
        standby.update(0, u64::from(n / 100), &update);
        if n % 1000 == 0 {
            standby.tidy(u64::from(n / 100), 1000);
        }
    }
    let memory = standby.memory();
    assert!(memory < LIMIT + LIMIT / 2, "{memory}");
    assert!(standby.lost() > 0, "it is said");
    let last = standby.tables()[3].store().len();
    assert!(last > 1000, "the last one has its part: {last}");
}
