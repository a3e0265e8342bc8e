//! Many entries go at once: that is looked at piece by piece, and nobody waits for it.

use peerctl::aggregate::{Change, DataPolicy, OnReset, PeerNumber, Restored, Stale};
use peerctl::grammar::DataType;
use peerctl::table::{ServerKey, Update};

use crate::setup::{World, definition, nodes};

const KEYS: u32 = 50_000;

/// The most that is looked at in one call.
const BUDGET: usize = 4_096;

/// Does what is left in pieces; returns in how many. No call may look at more than [`BUDGET`] entries.
fn pieces(world: &mut World, mut done: u64) -> usize {
    let mut count = 0;
    loop {
        let steps = world.aggregator.steps();
        assert!(steps - done <= BUDGET as u64, "{} entries in one call", steps - done);
        done = steps;
        if !world.aggregator.has_work() {
            return count;
        }
        assert_eq!(world.aggregator.next_due(world.now), Some(world.now), "it is to be called again at once");
        world.aggregator.tick(world.now, BUDGET);
        count += 1;
    }
}

#[test]
fn what_a_source_has_lost_goes_piece_by_piece_and_the_source_is_in_sync_then() {
    let mut world = World::ready(nodes(2));
    for key in 0..KEYS {
        world.teach(0, key, &[3, 0, 0, 0]);
        world.teach(1, key, &[4, 0, 0, 0]);
    }
    world.leave(0);
    world.aggregator.link_up(PeerNumber(0), world.now);
    world.announce(0, 0, &crate::setup::table());
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
    world.teach(0, 7, &[5, 0, 0, 0]);
    let done = world.aggregator.steps();
    world.aggregator.resync_ended(PeerNumber(0), true, world.now);
    assert!(!world.aggregator.lease(world.now).is_valid, "as long as totals have what it has lost");
    world.aggregator.ask(PeerNumber(0), world.now);
    assert!(!world.aggregator.wants_resync(PeerNumber(0), world.now), "one after the other");
    // What is taught meanwhile stays.
    world.teach(0, KEYS - 1, &[6, 0, 0, 0]);
    assert!(pieces(&mut world, done) > 5);
    assert!(world.aggregator.lease(world.now).is_valid);
    for key in 0..KEYS {
        let sum = 4 + u64::from(key == 7) * 5 + u64::from(key == KEYS - 1) * 6;
        assert_eq!(world.total(key), Some(vec![sum, 0, 0, 0]));
    }
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
}

#[test]
fn the_session_may_end_before_the_last_piece() {
    let mut world = World::ready(nodes(1));
    (0..KEYS).for_each(|key| {
        world.teach(0, key, &[3, 0, 0, 0]);
    });
    world.aggregator.ask(PeerNumber(0), world.now);
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
    let done = world.aggregator.steps();
    world.aggregator.resync_ended(PeerNumber(0), true, world.now);
    world.leave(0);
    assert!(!world.aggregator.may_finish(PeerNumber(0)), "it wasn't in sync");
    world.aggregator.link_up(PeerNumber(0), world.now);
    assert!(!world.aggregator.wants_resync(PeerNumber(0), world.now), "one after the other");
    pieces(&mut world, done);
    assert!(!world.aggregator.status(world.now).peers[0].is_fresh, "that was the last session's");
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
    assert_eq!(world.aggregator.records(), 0);
}

#[test]
fn entries_of_a_source_that_stays_away_count_no_more_at_once_and_their_keys_go_piece_by_piece() {
    let mut peers = nodes(2);
    peers.stale = Stale::DropAfter(5_000);
    let mut world = World::ready(peers);
    for key in 0..KEYS {
        world.teach(0, key, &[3, 0, 0, 0]);
        world.teach(1, key, &[4, 0, 0, 0]);
    }
    assert_eq!(world.sent(0).len(), KEYS as usize);
    world.leave(1);
    world.now += 5_000;
    world.aggregator.tick(world.now, BUDGET / 2);
    assert!((0..KEYS).all(|key| world.total(key) == Some(vec![3, 0, 0, 0])));
    // It comes again, and teaches some of it, before that is over.
    world.join(1);
    world.teach(1, KEYS - 1, &[9, 0, 0, 0]);
    let done = world.aggregator.steps();
    assert!(pieces(&mut world, done) > 5);
    assert_eq!(world.total(KEYS - 1), Some(vec![12, 0, 0, 0]));
    world.wait(20);
    let sent = world.counts(0);
    assert_eq!(sent.len(), KEYS as usize, "all are told");
    assert!(sent.iter().all(|(key, count)| *count == if *key == KEYS - 1 { 12 } else { 3 }));
}

#[test]
fn open_connections_of_a_source_that_is_gone_go_piece_by_piece() {
    let mut world = World::ready(nodes(2));
    for peer in 0..2 {
        world.announce(peer, 0, &definition("c", "type integer expire 60s store gpc0,conn_cur"));
        (0..KEYS).for_each(|key| {
            world.teach(peer, key, &[5, 3]);
        });
    }
    assert_eq!(world.sent(0).len(), KEYS as usize);
    world.now += 20;
    let done = world.aggregator.steps();
    world.leave(1);
    assert!(pieces(&mut world, done) > 5);
    world.wait(20);
    let sent = world.sent(0);
    assert_eq!(sent.len(), KEYS as usize);
    assert!(sent.iter().all(|(_, values, _)| *values == [10, 3]));
}

#[test]
fn what_counters_had_before_they_started_again_outlives_the_process() {
    let mut peers = nodes(2);
    peers.policy.of.insert(DataType::GPC0, (DataPolicy::Sum, OnReset::Monotonic));
    let mut world = World::ready(peers.clone());
    world.aggregator.changes(world.now, |_| panic!("nothing has happened"));
    world.teach(0, 7, &[100, 0, 0, 0]);
    world.teach(1, 7, &[20, 0, 0, 0]);
    world.teach(0, 7, &[5, 0, 0, 0]);
    world.leave(1);
    world.join(1);
    let (mut entries, mut kept) = (Vec::new(), Vec::new());
    world.aggregator.changes(world.now, |change| match change {
        Change::Kept(saved) => {
            entries.push((saved.peer.to_vec(), saved.entry.to_entry()));
            kept.push((saved.peer.to_vec(), saved.kept.expect("it is kept").to_vec()));
        }
        Change::Lost { .. } => panic!("it is kept"),
    });
    kept.sort();
    assert_eq!(kept, [(b"lb0".to_vec(), vec![100, 0, 0, 0]), (b"lb1".to_vec(), vec![20, 0, 0, 0])]);
    assert_eq!(world.total(7), Some(vec![125, 0, 0, 0]));

    let mut next = World::new(peers);
    let table = crate::setup::table();
    for (peer, entry) in &entries {
        let restored = Restored {
            peer,
            definition: &table,
            key: &entry.key,
            values: &entry.values,
            kept: None,
            server_key: None,
            update_id: entry.update_id,
            expire_ms: entry.rest_ms,
            since_ms: 0,
        };
        assert!(next.aggregator.restore(&restored, next.now));
    }
    for (peer, kept) in &kept {
        next.aggregator.restore_kept(peer, &table, &7_u32.to_be_bytes(), kept, next.now);
        next.aggregator.restore_kept(peer, &table, &8_u32.to_be_bytes(), kept, next.now);
    }
    assert_eq!((next.total(7), next.total(8)), (Some(vec![125, 0, 0, 0]), None));
    next.aggregator.restore_loss(b"lb0", &table, &7_u32.to_be_bytes(), next.now);
    assert_eq!(next.total(7), Some(vec![20, 0, 0, 0]));
}

#[test]
fn what_a_source_has_lost_is_told_to_who_keeps_a_file() {
    let mut world = World::ready(nodes(1));
    world.aggregator.changes(world.now, |_| panic!("nothing has happened"));
    (0..3).for_each(|key| {
        world.teach(0, key, &[1, 0, 0, 0]);
    });
    world.leave(0);
    world.join(0);
    let mut lost = Vec::new();
    world.aggregator.changes(world.now, |change| match change {
        Change::Lost { peer, definition, key } => {
            assert_eq!((peer, &*definition.name), (b"lb0".as_slice(), b"t".as_slice()));
            lost.push(u32::from_be_bytes(key.try_into().expect("4 bytes")));
        }
        Change::Kept(_) => panic!("nothing is kept"),
    });
    lost.sort_unstable();
    assert_eq!(lost, [0, 1, 2]);
    world.aggregator.changes(world.now, |_| panic!("told once"));
}

#[test]
fn what_a_source_has_taught_again_since_is_no_loss_for_who_keeps_a_file() {
    let mut world = World::ready(nodes(1));
    world.aggregator.changes(world.now, |_| panic!("nothing has happened"));
    (0..2).for_each(|key| {
        world.teach(0, key, &[1, 0, 0, 0]);
    });
    world.leave(0);
    world.join(0);
    world.teach(0, 1, &[2, 0, 0, 0]);
    let mut lost = Vec::new();
    world.aggregator.changes(world.now, |change| match change {
        Change::Lost { key, .. } => lost.push(u32::from_be_bytes(key.try_into().expect("4 bytes"))),
        Change::Kept(_) => panic!("nothing is kept"),
    });
    assert_eq!(lost, [0]);
}

/// A node says what it has of a total.
fn echo(world: &mut World, peer: usize, key: u32, values: &[u64], resync: bool) {
    let key = key.to_be_bytes();
    let update = Update { key: &key, values, server_key: ServerKey::Unchanged, update_id: 1, life_ms: None, resync };
    assert_eq!(world.aggregator.update(PeerNumber(peer), 1, &update, world.now), None);
}

#[test]
fn a_total_that_no_source_has_is_zeroed_where_it_was_left() {
    let mut world = World::new(nodes(2));
    let total = definition("t.agg", "type integer expire 60s store gpc0,http_req_rate(10s)");
    world.aggregator.link_up(PeerNumber(0), world.now);
    world.announce(0, 1, &total);
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
    echo(&mut world, 0, 2, &[7, 0, 0, 0], true);
    world.announce(0, 0, &crate::setup::table());
    world.aggregator.resync_ended(PeerNumber(0), true, world.now);
    world.teach(0, 1, &[5, 0, 0, 0]);
    // Left by an aggregator before us: 2 may be one of the other source.
    world.join(1);
    world.announce(1, 1, &total);
    assert_eq!(world.counts(0), [(1, 5)], "nothing is said of what isn't known");
    assert!(world.aggregator.next_due(world.now).is_some_and(|due| due <= world.now));
    world.wait(0);
    assert_eq!(world.counts(1), [(1, 5)]);
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now), "it is asked once more");
    assert!(!world.aggregator.wants_resync(PeerNumber(1), world.now));
    world.teach(0, 1, &[5, 0, 0, 0]);
    for (key, values) in [(1, [9, 0, 0, 0]), (2, [7, 0, 0, 0]), (3, [0, 12, 0, 0]), (4, [0, 9_000, 0, 1])] {
        echo(&mut world, 0, key, &values, true);
    }
    echo(&mut world, 0, 5, &[7, 0, 0, 0], false);
    world.aggregator.resync_ended(PeerNumber(0), true, world.now);
    world.wait(20);
    let sent = world.sent(0);
    assert!(sent.contains(&(2, vec![0; 4], Some(1))) && sent.contains(&(4, vec![0; 4], Some(1))), "{sent:?}");
    assert!(sent.iter().all(|(key, ..)| [1, 2, 4].contains(key)), "{sent:?}");
    assert!(world.counts(1).iter().all(|(key, _)| *key == 1), "who hasn't got them isn't told");
    let status = world.aggregator.status(world.now);
    assert_eq!((status.tables[0].keys, status.tables[0].gone), (1, 0));
    // One that comes while it is being told counts.
    echo(&mut world, 1, 6, &[7, 0, 0, 0], true);
    world.teach(0, 6, &[2, 0, 0, 0]);
    world.wait(20);
    assert_eq!((world.counts(1), world.total(6)), (vec![(6, 2)], Some(vec![2, 0, 0, 0])));
}

#[test]
fn the_last_one_is_where_the_entry_was_used_last_also_when_sources_teach_again() {
    let mut peers = nodes(2);
    peers.policy.of.insert(DataType::GPC0, (DataPolicy::Last, OnReset::Current));
    let mut world = World::ready(peers);
    world.teach(0, 7, &[100, 0, 0, 0]);
    world.now += 50;
    world.teach(1, 7, &[20, 0, 0, 0]);
    world.now += 50;
    // In a resync the rest of the life comes along.
    world.leave(0);
    world.aggregator.link_up(PeerNumber(0), world.now);
    world.announce(0, 0, &crate::setup::table());
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
    let key = 7_u32.to_be_bytes();
    let (values, server_key) = ([100, 0, 0, 0], ServerKey::Unchanged);
    let update = Update { key: &key, values: &values, server_key, update_id: 1, life_ms: Some(59_900), resync: true };
    world.aggregator.update(PeerNumber(0), 0, &update, world.now);
    world.aggregator.resync_ended(PeerNumber(0), true, world.now);
    assert_eq!(world.total(7), Some(vec![20, 0, 0, 0]));
}
