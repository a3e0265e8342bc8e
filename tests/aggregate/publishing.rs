//! What is sent to whom, and when.

use peerctl::aggregate::{Announced, DataPolicy, OnReset, PeerNumber, Publish, Relation};
use peerctl::grammar::DataType;

use crate::setup::{COLUMNS, World, definition, nodes, options, table};

#[test]
fn a_change_is_sent_at_once_and_those_that_follow_together() {
    let mut world = World::ready(nodes(2));
    world.teach(0, 7, &[3, 0, 0, 0]);
    world.teach(1, 7, &[4, 0, 0, 0]);
    assert_eq!(world.sent(0), [(7, vec![7, 0, 0, 0], Some(60_000))], "one update with both");
    world.wait(4);
    world.teach(0, 7, &[5, 0, 0, 0]);
    world.teach(0, 7, &[6, 0, 0, 0]);
    assert_eq!(world.sent(0), [], "the least interval isn't over");
    assert_eq!(world.sent(1), [(7, vec![10, 0, 0, 0], Some(60_000))], "who has nothing yet gets what is now");
    assert_eq!(world.aggregator.next_due(world.now), Some(world.now + 6));
    world.wait(6);
    assert_eq!((world.counts(0), world.counts(1)), (vec![(7, 10)], vec![(7, 10)]));
    world.wait(5_000);
    assert_eq!((world.sent(0).len(), world.sent(1).len()), (0, 0), "no rate, so nothing to repeat");
}

#[test]
fn rates_are_sent_again_until_they_are_zero_and_once_as_zero() {
    let mut world = World::ready(nodes(1));
    world.teach(0, 7, &[1, 2_500, 40, 80]);
    assert_eq!(world.sent(0), [(7, vec![1, 2_500, 40, 80], Some(60_000))]);
    let mut all = Vec::new();
    for _ in 0..30_000 {
        world.wait(1);
        all.extend(world.sent(0).into_iter().map(|sent| (world.now - 1_000, sent)));
    }
    let at = |ms: u64| all.iter().find(|(at, _)| *at == ms).map(|(_, (_, values, life))| (values.clone(), *life));
    assert_eq!(at(1_000), Some((vec![1, 3_500, 40, 80], Some(59_000))));
    assert_eq!(at(7_500), Some((vec![1, 0, 0, 40], Some(52_500))), "the window has ended");
    assert_eq!(at(17_500), Some((vec![1, 0, 0, 0], Some(42_500))), "all is over");
    assert_eq!(all.last().map(|(at, _)| *at), Some(17_500), "nothing is said of what stays zero");
    assert_eq!(all.len(), 18, "each second, and where windows end");
}

#[test]
fn a_destination_that_comes_again_is_sent_everything_once() {
    let mut world = World::ready(nodes(2));
    (0..1_000).for_each(|key| {
        world.teach(1, key, &[u64::from(key) + 1, 0, 0, 0]);
    });
    assert_eq!((world.sent(0).len(), world.sent(1).len()), (1_000, 1_000));
    world.leave(0);
    world.wait(20);
    world.teach(1, 5, &[77, 0, 0, 0]);
    assert!(!world.aggregator.has_output(PeerNumber(0)));
    world.join(0);
    let mut sent = world.counts(0);
    sent.sort_unstable();
    assert_eq!(sent.len(), 1_000);
    assert_eq!(sent[5], (5, 77));
    assert_eq!(world.counts(1), [(5, 77)]);
    assert_eq!(world.sent(0), []);
}

#[test]
fn fresh_changes_do_not_wait_for_all_that_a_new_destination_is_sent() {
    let mut world = World::ready(nodes(2));
    (0..10_000).for_each(|key| {
        world.teach(1, key, &[1, 0, 0, 0]);
    });
    world.leave(0);
    world.join(0);
    let mut sent = Vec::new();
    let mut some = |world: &mut World| {
        world.aggregator.publish(PeerNumber(0), world.now, 100, |_, _, push| {
            sent.push(u32::from_be_bytes(push.key.try_into().expect("4 bytes")));
            true
        });
        sent.len()
    };
    assert_eq!(some(&mut world), 100);
    world.wait(20);
    world.teach(1, 9_999, &[2, 0, 0, 0]);
    assert_eq!(some(&mut world), 200);
    assert!(sent[100..102].contains(&9_999), "it is among the next");
}

#[test]
fn a_stalled_destination_has_each_key_once_and_delays_nobody() {
    let mut world = World::ready(nodes(2));
    for round in 1..=50 {
        (0..100).for_each(|key| {
            world.teach(0, key, &[round, 0, 0, 0]);
        });
        assert_eq!(world.sent(0).len(), 100, "the other one has all at once");
        world.wait(10);
    }
    let status = world.aggregator.status(world.now);
    assert_eq!((status.peers[1].queued, status.peers[1].lag_ms), (100, 500));
    assert!(world.counts(1).into_iter().eq((0..100).map(|key| (key, 50))), "the values of the moment of sending");
}

#[test]
fn the_sink_ends_a_turn_and_nothing_is_lost() {
    let mut world = World::ready(nodes(1));
    (0..10).for_each(|key| {
        world.teach(0, key, &[1, 0, 0, 0]);
    });
    let mut sent = 0;
    let more = world.aggregator.publish(PeerNumber(0), world.now, 100, |_, _, _| {
        sent += 1;
        sent < 4
    });
    assert_eq!((more, sent), (true, 4));
    assert_eq!(world.sent(0).len(), 6);
}

#[test]
fn a_key_that_all_sources_have_lost_is_zero_once() {
    let mut world = World::ready(nodes(2));
    world.teach(0, 7, &[3, 0, 0, 0]);
    world.teach(1, 7, &[4, 0, 0, 0]);
    world.teach(0, 8, &[0, 0, 0, 0]);
    assert_eq!((world.sent(0).len(), world.sent(1).len()), (2, 2));
    world.wait(60_100);
    assert_eq!(world.sent(0), [(7, vec![0, 0, 0, 0], Some(1))], "8 was zero already");
    assert_eq!(world.sent(1), [(7, vec![0, 0, 0, 0], Some(1))]);
    let status = world.aggregator.status(world.now);
    assert_eq!((status.tables[0].keys, status.tables[0].gone), (0, 0), "all know, so it is forgotten");
    world.teach(1, 7, &[1, 0, 0, 0]);
    assert_eq!(world.counts(0), [(7, 1)]);
}

#[test]
fn a_key_whose_life_ends_unseen_just_before_its_source_is_asked_again_or_has_another_expire_is_zero_once() {
    for change in ["a resync", "another expire"] {
        let mut world = World::ready(nodes(2));
        world.teach(0, 7, &[3, 0, 0, 0]);
        assert_eq!((world.sent(0).len(), world.sent(1).len()), (1, 1));
        // Its life is over, but nobody has looked since.
        world.now += 60_000;
        if change == "a resync" {
            world.aggregator.ask(PeerNumber(0), world.now);
            assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
            world.aggregator.resync_ended(PeerNumber(0), true, world.now);
        } else {
            let other = definition("t", &format!("type integer expire 90s store {COLUMNS}"));
            assert_eq!(world.announce(0, 0, &other), Announced::Accepted);
        }
        world.wait(100);
        assert_eq!(world.sent(1), [(7, vec![0, 0, 0, 0], Some(1))], "after {change}");
        assert_eq!(world.sent(0).len(), 1, "after {change}");
        let status = world.aggregator.status(world.now);
        assert_eq!((status.tables[0].keys, status.tables[0].gone), (0, 0), "after {change}");
    }
}

#[test]
fn what_is_gone_is_remembered_for_as_long_as_any_node_may_have_it() {
    let mut world = World::ready(nodes(3));
    let long = definition("t", &format!("type integer expire 10m store {COLUMNS}"));
    assert_eq!(world.announce(1, 0, &long), Announced::Accepted);
    world.teach(1, 7, &[3, 0, 0, 0]);
    assert_eq!(world.sent(2), [(7, vec![3, 0, 0, 0], Some(600_000))]);
    world.leave(2);
    world.aggregator.forget(b"t", &7_u32.to_be_bytes(), world.now);
    assert_eq!((world.counts(0), world.counts(1)), (vec![(7, 0)], vec![(7, 0)]));
    world.wait(300_000);
    world.join(2);
    assert_eq!(world.counts(2), [(7, 0)]);
}

#[test]
fn the_smallest_rate_is_chosen_anew_for_each_destination() {
    let rate = DataType::by_name(b"http_req_rate").expect("it is known");
    for (policy, first, then) in [
        (DataPolicy::Min, [0, 600, 0], [5_000, 0, 1_000]),
        (DataPolicy::Max, [0, 0, 1_000], [5_000, 600, 0]),
        (DataPolicy::Sum, [0, 600, 1_000], [5_000, 600, 1_000]),
    ] {
        let mut options = nodes(2);
        options.policy.of.insert(rate, (policy, OnReset::Current));
        let mut world = World::ready(options);
        // One falls from 1,000 to 0 within its period of 10 s, the other one stays at 600.
        world.teach(0, 7, &[1, 0, 0, 1_000]);
        world.teach(1, 7, &[1, 0, 600, 0]);
        assert_eq!(world.sent(0)[0].1[1..], first, "{policy:?}");
        world.now += 5_000;
        assert_eq!(world.sent(1)[0].1[1..], then, "{policy:?}");
    }
}

#[test]
fn a_destination_that_was_away_learns_what_is_gone() {
    let mut world = World::ready(nodes(2));
    world.teach(0, 7, &[3, 0, 0, 0]);
    assert_eq!((world.sent(0).len(), world.sent(1).len()), (1, 1));
    world.leave(1);
    assert_eq!(world.aggregator.forget(b"t", &7_u32.to_be_bytes(), world.now), [b"lb0"]);
    assert_eq!(world.counts(0), [(7, 0)]);
    world.wait(3_000);
    world.join(1);
    assert_eq!(world.counts(1), [(7, 0)]);
    assert_eq!(world.aggregator.status(world.now).tables[0].gone, 0);
    assert_eq!(world.aggregator.forget(b"t.agg", &7_u32.to_be_bytes(), world.now), [b""; 0]);
}

#[test]
fn tables_without_expire_are_sent_untimed() {
    let mut world = World::new(nodes(1));
    world.aggregator.link_up(PeerNumber(0), world.now);
    world.announce(0, 0, &definition("t", "type integer store gpc0,http_req_rate(10s)"));
    assert!(world.aggregator.wants_resync(PeerNumber(0), world.now));
    world.aggregator.resync_ended(PeerNumber(0), true, world.now);
    world.teach(0, 7, &[3, 0, 0, 0]);
    world.wait(1_000_000);
    assert_eq!(world.sent(0), [(7, vec![3, 0, 0, 0], None)]);
}

#[test]
fn servers_and_what_has_no_policy_are_no_part_of_totals() {
    let mut peers = nodes(1);
    peers.policy.of.insert(DataType::GPC1, (DataPolicy::None, OnReset::Current));
    let mut world = World::new(peers);
    world.aggregator.link_up(PeerNumber(0), world.now);
    world.announce(0, 0, &definition("t", "type integer store server_id,gpc0,gpc1,server_key"));
    world.aggregator.wants_resync(PeerNumber(0), world.now);
    world.aggregator.resync_ended(PeerNumber(0), true, world.now);
    world.teach(0, 7, &[9, 3, 4, 0]);
    assert_eq!(world.sent(0), [(7, vec![3], None)]);
    assert_eq!(world.aggregator.status(world.now).tables[0].total.to_string(), "type integer store gpc0");
}

#[test]
fn a_higher_level_is_sent_totals_and_a_lower_one_is_a_source() {
    let mut world = World::ready(options(&[("lb0", Relation::Node), ("top", Relation::Up)]));
    world.teach(0, 7, &[3, 0, 0, 0]);
    assert_eq!(world.teach(1, 7, &[100, 0, 0, 0]), None, "what comes from above is no input");
    assert_eq!((world.counts(0), world.counts(1)), (vec![(7, 3)], vec![(7, 3)]));

    let mut peers = options(&[("agg1", Relation::Down), ("agg2", Relation::Down)]);
    let suffix = |text: &[u8]| Box::from(text);
    peers.naming = peerctl::aggregate::Naming::Suffix { from: Some(suffix(b".agg")), to: suffix(b".all") };
    let mut world = World::new(peers);
    for peer in 0..2 {
        world.join(peer);
        world.announce(peer, 0, &peerctl::stick::Definition { name: suffix(b"t.agg"), ..table() });
        world.teach(peer, 7, &[5, 0, 0, 0]);
    }
    let key = 7_u32.to_be_bytes();
    assert_eq!(world.aggregator.total(b"t.all", &key, world.now).map(|(values, _)| values[0]), Some(10));
    assert_eq!(world.sent(0), [], "a lower level isn't sent totals");
}

#[test]
fn without_a_least_interval_each_change_is_sent() {
    let mut peers = nodes(1);
    peers.publish = Publish { min_interval_ms: 0, max_interval_ms: 1_000 };
    let mut world = World::ready(peers);
    for n in 1..5 {
        world.teach(0, 7, &[n, 0, 0, 0]);
        assert_eq!(world.counts(0), [(7, n)]);
    }
}
