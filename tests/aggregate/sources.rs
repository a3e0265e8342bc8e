//! What sources say, and which of it counts.

use peerctl::aggregate::{
    Aggregator, Announced, DataPolicy, Limits, Mismatch, OnReset, PeerNumber, Relation, Restored, Stale, StartError,
    TeachCursor,
};
use peerctl::grammar::{DataType, KeyType};
use peerctl::table::{ServerKey, Update};

use crate::setup::{World, definition, nodes, options, table};

#[test]
fn states_are_replaced_and_never_added_to() {
    let mut world = World::ready(nodes(3));
    for _ in 0..5 {
        (0..3).for_each(|peer| {
            world.teach(peer, 7, &[10, 0, 0, 0]);
        });
    }
    assert_eq!(world.total(7), Some(vec![30, 0, 0, 0]));
    world.teach(1, 7, &[2, 0, 0, 0]);
    assert_eq!(world.total(7), Some(vec![22, 0, 0, 0]), "a source that starts again makes it fall");
    (0..3).for_each(|peer| {
        world.teach(peer, 7, &[u64::from(u32::MAX) - 1, 0, 0, 0]);
    });
    assert_eq!(world.total(7), Some(vec![u32::MAX.into(), 0, 0, 0]), "it saturates");
}

#[test]
fn a_monotonic_counter_never_falls_until_its_entry_ends() {
    let mut peers = nodes(2);
    peers.policy.of.insert(DataType::GPC0, (DataPolicy::Sum, OnReset::Monotonic));
    let mut world = World::ready(peers);
    world.teach(0, 7, &[100, 0, 0, 0]);
    world.teach(1, 7, &[20, 0, 0, 0]);
    world.teach(0, 7, &[5, 0, 0, 0]);
    assert_eq!(world.total(7), Some(vec![125, 0, 0, 0]));
    // The node comes again, empty.
    world.leave(0);
    world.join(0);
    assert_eq!(world.total(7), Some(vec![125, 0, 0, 0]));
    world.teach(0, 7, &[1, 0, 0, 0]);
    assert_eq!(world.total(7), Some(vec![126, 0, 0, 0]));
    world.wait(30_000);
    world.teach(1, 7, &[21, 0, 0, 0]);
    world.wait(30_100);
    assert_eq!(world.total(7), Some(vec![21, 0, 0, 0]), "the entry of the first has ended");
}

#[test]
fn gauges_count_only_while_their_source_is_connected() {
    let mut world = World::ready(nodes(2));
    for peer in 0..2 {
        world.announce(peer, 0, &definition("c", "type integer expire 60s store gpc0,conn_cur"));
        world.teach(peer, 7, &[5, 3]);
    }
    assert_eq!((world.sent(0).len(), world.sent(1).len()), (1, 1));
    world.wait(20);
    world.leave(1);
    assert_eq!(world.sent(0), [(7, vec![10, 3], Some(59_980))], "counters stay");
}

#[test]
fn tags_have_their_own_policies() {
    for (policy, total) in [
        (DataPolicy::Max, 12),
        (DataPolicy::Min, 6),
        (DataPolicy::Last, 10),
        (DataPolicy::Or, 14),
        (DataPolicy::And, 0),
        (DataPolicy::Sum, 28),
    ] {
        let mut peers = nodes(4);
        peers.policy.of.insert(DataType::GPT, (policy, OnReset::Current));
        let mut world = World::ready(peers);
        for (peer, tag) in [(0, 12), (2, 6), (1, 10)] {
            world.announce(peer, 0, &definition("g", "type integer expire 60s store gpt(2)"));
            world.teach(peer, 7, &[tag, 1]);
            world.now += 1;
        }
        let values = world.aggregator.total(b"g", &7_u32.to_be_bytes(), world.now).expect("it is there").0.to_vec();
        assert_eq!(values, [total, if policy == DataPolicy::Sum { 3 } else { 1 }], "{policy:?}");
    }
}

#[test]
fn a_table_unlike_that_of_the_first_source_is_rejected_with_a_reason() {
    let mut world = World::ready(nodes(2));
    world.teach(0, 7, &[1, 0, 0, 0]);
    let mut announce = |line: &str| match world.announce(1, 0, &definition("t", line)) {
        Announced::Rejected(mismatch) => mismatch,
        other => panic!("{line}: {other:?}"),
    };
    let expire = "expire 60s store gpc0";
    assert_eq!(announce("type ip store gpc0"), Mismatch::KeyType { found: KeyType::IP, expected: KeyType::INTEGER });
    assert_eq!(announce(&format!("type integer {expire}")), Mismatch::Lacks(DataType(10)));
    let more = announce(&format!("type integer {expire},conn_cnt,http_req_rate(10s)"));
    assert_eq!(more, Mismatch::Has(DataType(4)));
    let period = announce(&format!("type integer {expire},http_req_rate(20s)"));
    assert_eq!(
        period.to_string(),
        "it stores http_req_rate(20s), the other sources http_req_rate(10s); give the table the same data types on all \
         nodes"
    );
    assert_eq!(world.teach(1, 7, &[50, 0, 0, 0]), None);
    assert_eq!(world.total(7), Some(vec![1, 0, 0, 0]));
    let status = world.aggregator.status(world.now);
    assert_eq!(status.tables[0].sources[1].rejected, Some(period));
    assert!(!status.lease.is_valid, "a total that lacks a source isn't to be trusted");
    assert_eq!(world.announce(1, 0, &table()), Announced::Accepted);
    world.teach(1, 7, &[50, 0, 0, 0]);
    assert_eq!(world.total(7), Some(vec![51, 0, 0, 0]));
}

#[test]
fn a_table_that_changes_on_all_nodes_one_after_another_is_taken_in_the_end() {
    let mut world = World::ready(nodes(3));
    (0..3).for_each(|peer| {
        world.teach(peer, 7, &[10, 0, 0, 0]);
    });
    let new = definition("t", "type integer expire 60s store gpc0,http_req_rate(20s)");
    for peer in 0..2 {
        assert!(matches!(world.announce(peer, 0, &new), Announced::Rejected(_)));
        assert_eq!(world.total(7), Some(vec![20 - 10 * peer as u64, 0, 0, 0]));
    }
    assert_eq!(world.announce(2, 0, &new), Announced::Accepted);
    assert_eq!(world.total(7), None);
    for peer in 0..3 {
        assert!(world.aggregator.wants_resync(PeerNumber(peer), world.now), "what lb{peer} taught was thrown away");
        world.teach(peer, 7, &[4, 0, 0, 0]);
        world.aggregator.resync_ended(PeerNumber(peer), true, world.now);
    }
    assert_eq!(world.total(7), Some(vec![12, 0, 0, 0]));
    assert!(world.aggregator.lease(world.now).is_valid);
}

#[test]
fn what_a_finished_resync_did_not_teach_is_gone_and_a_partial_one_is_repeated() {
    let mut world = World::ready(nodes(1));
    let peer = PeerNumber(0);
    world.teach(0, 7, &[1, 0, 0, 0]);
    world.teach(0, 8, &[1, 0, 0, 0]);
    world.aggregator.ask(peer, world.now);
    for wait in [1_000, 2_000, 4_000] {
        assert!(world.aggregator.wants_resync(peer, world.now));
        assert!(!world.aggregator.wants_resync(peer, world.now), "one at a time");
        world.aggregator.resync_ended(peer, false, world.now);
        assert_eq!(world.total(8), Some(vec![1, 0, 0, 0]), "nothing is swept");
        assert!(!world.aggregator.wants_resync(peer, world.now + wait - 1));
        assert!(world.aggregator.next_due(world.now).is_some_and(|due| due <= world.now + wait));
        world.wait(wait);
    }
    assert!(world.aggregator.wants_resync(peer, world.now));
    world.teach(0, 7, &[1, 0, 0, 0]);
    world.aggregator.resync_ended(peer, true, world.now);
    assert_eq!((world.total(7), world.total(8)), (Some(vec![1, 0, 0, 0]), None));
}

#[test]
fn sources_are_asked_again_now_and_then() {
    let mut peers = nodes(1);
    peers.refresh_ms = Some(600_000);
    let mut world = World::ready(peers);
    world.wait(599_999);
    assert!(!world.aggregator.wants_resync(PeerNumber(0), world.now));
    world.wait(1);
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
}

#[test]
fn states_of_a_source_that_stays_away_go_after_a_while_if_wanted() {
    let mut peers = nodes(2);
    peers.stale = Stale::DropAfter(30_000);
    let mut world = World::ready(peers);
    (0..2).for_each(|peer| {
        world.teach(peer, 7, &[5, 0, 0, 0]);
    });
    world.leave(1);
    world.wait(29_999);
    assert_eq!(world.total(7), Some(vec![10, 0, 0, 0]));
    world.wait(1);
    assert_eq!(world.total(7), Some(vec![5, 0, 0, 0]));
    assert!(world.aggregator.status(world.now).peers[1].is_dropped);
}

#[test]
fn echoes_are_counted_and_never_an_input() {
    let mut world = World::ready(nodes(1));
    assert_eq!(
        world.announce(0, 0, &definition("t.agg", "type integer store gpc0,http_req_rate(10s)")),
        Announced::Echo
    );
    assert_eq!(world.announce(0, 1, &definition("/lease", "type string len 31 store gpc0")), Announced::NotOurs);
    assert_eq!(world.teach(0, 7, &[1, 0, 0, 0]), None);
    let status = world.aggregator.status(world.now);
    assert_eq!((status.peers[0].echoed, status.tables.len()), (1, 1));
}

#[test]
fn the_entry_that_would_end_first_makes_room() {
    let aggregator = Aggregator::new(nodes(2), b"agg1", Limits { entries: 100 }, 1_000).expect("few peers");
    let mut world = World::ready(nodes(2));
    world.aggregator = aggregator;
    (0..2).for_each(|peer| world.join(peer));
    (0..150).for_each(|key| {
        world.now += 1;
        world.teach(0, key, &[1, 0, 0, 0]);
    });
    world.teach(1, 149, &[1, 0, 0, 0]);
    let status = world.aggregator.status(world.now);
    assert_eq!((status.tables[0].keys, status.tables[0].sources[0].evicted), (100, 50));
    // About the oldest: a store counts in steps of a 2045th of the table's expire.
    assert!(world.total(0).is_none() && world.total(149) == Some(vec![2, 0, 0, 0]));
}

#[test]
fn a_node_that_comes_up_cold_is_taught_its_own_entries() {
    let mut peers = nodes(2);
    peers.teach_back = true;
    let mut world = World::ready(peers);
    (0..300).for_each(|key| {
        world.teach(0, key, &[u64::from(key) + 1, 1_000, 5, 6]);
    });
    (100..400).for_each(|key| {
        world.teach(1, key, &[1_000, 0, 0, 0]);
    });
    assert!(!world.aggregator.may_finish(PeerNumber(0)), "its session goes on");
    world.leave(0);
    world.wait(500);
    assert!(world.aggregator.may_finish(PeerNumber(0)));
    world.aggregator.link_up(PeerNumber(0), world.now);
    let (mut cursor, mut taught, mut turns) = (TeachCursor::default(), Vec::new(), 0);
    while !world.aggregator.teach_back(PeerNumber(0), &mut cursor, world.now, 70, |_, definition, push| {
        assert_eq!(&*definition.name, b"t");
        assert_eq!(push.life_ms, Some(59_500));
        taught.push((u32::from_be_bytes(push.key.try_into().expect("4 bytes")), push.values.to_vec()));
        true
    }) {
        turns += 1;
    }
    assert!(turns >= 4);
    assert!(taught.into_iter().eq((0..300).map(|key| (key, vec![u64::from(key) + 1, 1_500, 5, 6]))));
    assert!(world.aggregator.may_finish(PeerNumber(0)));
    world.leave(1);
    assert!(!world.aggregator.may_finish(PeerNumber(0)), "another one is away");
    world.leave(0);
    world.join(1);
    assert!(!world.aggregator.may_finish(PeerNumber(0)), "it had not taught all in its last session");
}

#[test]
fn the_number_of_peers_is_limited_and_one_must_be_a_source() {
    let start = |options| Aggregator::new(options, b"agg1", Limits::default(), 0).err();
    assert_eq!(start(nodes(64)), None);
    assert_eq!(start(nodes(65)), Some(StartError::Peers(65)));
    assert_eq!(start(options(&[("top", Relation::Up)])), Some(StartError::NoSource));
}

#[test]
fn fifty_sources_are_added() {
    let mut world = World::ready(nodes(64));
    (0..64).for_each(|peer| {
        world.teach(peer, 7, &[1, 0, 1, 0]);
    });
    assert_eq!(world.total(7), Some(vec![64, 0, 64, 0]));
}

#[test]
fn entries_that_do_not_fit_their_table_are_dropped() {
    let mut world = World::ready(nodes(1));
    let update = Update {
        key: b"longer",
        values: &[1, 0, 0, 0],
        server_key: ServerKey::Unchanged,
        update_id: 1,
        life_ms: None,
        resync: false,
    };
    world.aggregator.update(PeerNumber(0), 0, &update, world.now);
    assert_eq!(world.aggregator.update(PeerNumber(0), 9, &update, world.now), None, "an unknown table");
    assert_eq!(world.aggregator.update(PeerNumber(9), 0, &update, world.now), None, "an unknown peer");
    assert_eq!(world.sent(0), []);
}

#[test]
fn entries_of_a_file_live_on_whatever_became_of_the_clock() {
    let mut world = World::new(nodes(1));
    let known = table();
    let mut restore = |key: u32, expire_ms, since_ms| {
        let restored = Restored {
            peer: b"lb0",
            definition: &known,
            key: &key.to_be_bytes(),
            values: &[1, 2_000, 5, 6],
            kept: None,
            server_key: None,
            update_id: 9,
            expire_ms,
            since_ms,
        };
        let taken = world.aggregator.restore(&restored, 1_000);
        let stranger = Restored { peer: b"lb9", ..restored };
        assert!(!world.aggregator.restore(&stranger, 1_000), "no source of ours");
        let total = world.aggregator.total(b"t", &key.to_be_bytes(), 1_000);
        assert_eq!(taken, total.is_some());
        total.map(|(values, rest)| (values.to_vec(), rest.unwrap_or(0)))
    };
    assert_eq!(restore(1, Some(30_000), 1_000), Some((vec![1, 3_000, 5, 6], 29_000)));
    assert_eq!(restore(2, Some(30_000), 30_000), None, "its time is over");
    assert_eq!(restore(3, Some(30_000), -86_400_000), Some((vec![1, 2_000, 5, 6], 30_000)), "the clock was set back");
    assert_eq!(restore(4, Some(u32::MAX), 50_000), Some((vec![1, 0, 0, 0], 10_000)), "no entry lives longer than that");
    assert_eq!(restore(5, Some(30_000), i64::MAX), None, "the clock was set forward");
    // The node has another table now, and nobody else has a say.
    world.aggregator.link_up(PeerNumber(0), world.now);
    let new = definition("t", "type integer expire 60s store gpc0");
    assert_eq!(world.announce(0, 0, &new), Announced::Accepted);
    assert_eq!(world.total(1), None);
}
