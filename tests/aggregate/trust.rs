//! When totals are published, and when nodes may trust them.

use peerctl::aggregate::{Aggregator, Announced, Limits, PeerNumber, Relation, Stale};
use peerctl::stick::Definition;
use peerctl::table::{ServerKey, Update};

use crate::setup::{World, definition, nodes, options, table};

#[test]
fn nothing_is_published_before_all_sources_have_taught_everything() {
    let mut world = World::new(nodes(2));
    world.join(0);
    world.teach(0, 7, &[1, 0, 0, 0]);
    assert_eq!(world.sent(0), []);
    world.join(1);
    assert_eq!(world.counts(0), [(7, 1)]);
    assert!(world.aggregator.lease(world.now).is_valid);
    world.leave(1);
    world.wait(20);
    world.teach(0, 7, &[2, 0, 0, 0]);
    assert_eq!(world.counts(0), [(7, 2)], "a source that goes later doesn't stop it");
    let lease = world.aggregator.lease(world.now);
    assert_eq!((lease.fresh, lease.sources, lease.is_valid), (1, 2, false));
}

#[test]
fn after_the_grace_totals_are_published_without_a_lease() {
    let mut world = World::new(nodes(2));
    world.join(0);
    world.teach(0, 7, &[1, 0, 0, 0]);
    assert!(world.aggregator.next_due(world.now).is_some_and(|due| due <= 16_000));
    world.wait(14_999);
    assert_eq!(world.sent(0), []);
    world.wait(1);
    assert_eq!(world.counts(0), [(7, 1)]);
    assert!(!world.aggregator.lease(world.now).is_valid);
}

#[test]
fn a_reconnect_costs_the_lease_until_its_resync_has_finished() {
    let mut world = World::ready(nodes(2));
    world.leave(1);
    world.aggregator.link_up(PeerNumber(1), world.now);
    world.announce(1, 0, &table());
    assert!(world.aggregator.wants_resync(PeerNumber(1), world.now));
    assert!(!world.aggregator.lease(world.now).is_valid);
    world.aggregator.resync_ended(PeerNumber(1), false, world.now);
    assert!(!world.aggregator.lease(world.now).is_valid, "it hadn't everything itself");
    world.wait(1_000);
    assert!(world.aggregator.wants_resync(PeerNumber(1), world.now));
    world.aggregator.resync_ended(PeerNumber(1), true, world.now);
    assert!(world.aggregator.lease(world.now).is_valid);
}

#[test]
fn with_stale_stop_nothing_is_published_while_a_source_is_away() {
    let mut peers = nodes(2);
    peers.stale = Stale::Stop;
    let mut world = World::ready(peers);
    world.leave(1);
    world.teach(0, 7, &[1, 0, 0, 0]);
    assert_eq!(world.sent(0), []);
    world.join(1);
    assert_eq!((world.counts(0), world.counts(1)), (vec![(7, 1)], vec![(7, 1)]));
}

#[test]
fn a_destination_without_the_table_of_totals_is_shown() {
    let mut world = World::ready(nodes(3));
    world.announce(0, 1, &Definition { name: b"t.agg".as_slice().into(), ..table() });
    world.announce(1, 1, &definition("t.agg", "type integer store gpc0"));
    let problems = &world.aggregator.status(world.now).tables[0].problems;
    let shown: Vec<_> = problems.iter().map(|problem| (&*problem.peer, problem.differs.is_some())).collect();
    assert_eq!(shown, [(b"lb1".as_slice(), true), (b"lb2".as_slice(), false)]);
}

/// Two aggregators of two nodes, `agg1` and `agg2`, who know each other.
struct Pair {
    aggregators: [Aggregator; 2],
    now: u64,
}

const STANDBY: PeerNumber = PeerNumber(2);

impl Pair {
    fn new() -> Self {
        let aggregator = |us: &str, other: &str| {
            let peers = options(&[("lb0", Relation::Node), ("lb1", Relation::Node), (other, Relation::Standby)]);
            let mut aggregator = Aggregator::new(peers, us.as_bytes(), Limits::default(), 1_000).expect("few peers");
            for peer in 0..2 {
                up(&mut aggregator, peer, 1_000);
            }
            aggregator.link_up(STANDBY, 1_000);
            let lease = definition("/lease", "type string len 31 store gpc0");
            assert_eq!(aggregator.table(STANDBY, 0, &lease, 1_000), Announced::NotOurs);
            aggregator
        };
        Self { aggregators: [aggregator("agg1", "agg2"), aggregator("agg2", "agg1")], now: 1_000 }
    }

    /// They tell each other.
    fn talk(&mut self) {
        let [one, two] = &mut self.aggregators;
        let said = [one.lease(self.now), two.lease(self.now)];
        for (to, name, said) in [(one, b"agg2", said[1]), (two, b"agg1", said[0])] {
            let values = [said.fresh as u64];
            let server_key = ServerKey::Unchanged;
            let update = Update { key: name, values: &values, server_key, update_id: 1, life_ms: None, resync: false };
            assert_eq!(to.update(STANDBY, 0, &update, self.now), None);
        }
    }

    fn open(&self) -> [bool; 2] {
        [self.aggregators[0].is_open(), self.aggregators[1].is_open()]
    }
}

fn up(aggregator: &mut Aggregator, peer: usize, now: u64) {
    aggregator.link_up(PeerNumber(peer), now);
    aggregator.table(PeerNumber(peer), 0, &table(), now);
    aggregator.wants_resync(PeerNumber(peer), now);
    aggregator.resync_ended(PeerNumber(peer), true, now);
}

#[test]
fn of_two_aggregators_the_one_with_more_fresh_sources_publishes() {
    let mut pair = Pair::new();
    assert_eq!(pair.open(), [true, true], "without contact both do");
    pair.talk();
    assert_eq!(pair.open(), [true, false], "the lower name");
    assert!(!pair.aggregators[1].lease(pair.now).is_valid);
    pair.aggregators[0].link_down(PeerNumber(1), true, pair.now);
    pair.talk();
    assert_eq!(pair.open(), [false, true]);
    up(&mut pair.aggregators[0], 1, pair.now);
    pair.talk();
    assert_eq!(pair.open(), [true, false]);
    pair.now += 2_000;
    for aggregator in &mut pair.aggregators {
        aggregator.tick(pair.now, 100);
    }
    assert_eq!(pair.open(), [true, true], "they lost each other");
    pair.talk();
    pair.aggregators[1].link_down(STANDBY, true, pair.now);
    assert_eq!(pair.open(), [true, true]);
}

#[test]
fn who_takes_over_sends_everything() {
    let mut pair = Pair::new();
    pair.talk();
    let key = 7_u32.to_be_bytes();
    let update = Update {
        key: &key,
        values: &[5, 0, 0, 0],
        server_key: ServerKey::Unchanged,
        update_id: 1,
        life_ms: None,
        resync: false,
    };
    let mut sent = [0; 2];
    for aggregator in &mut pair.aggregators {
        aggregator.update(PeerNumber(0), 0, &update, pair.now);
    }
    let publish = |pair: &mut Pair, sent: &mut [u64; 2]| {
        for (aggregator, sent) in pair.aggregators.iter_mut().zip(sent) {
            aggregator.publish(PeerNumber(1), pair.now, 100, |_, _, push| {
                *sent = push.values[0];
                true
            });
        }
    };
    publish(&mut pair, &mut sent);
    assert_eq!(sent, [5, 0]);
    pair.aggregators[1].link_down(STANDBY, true, pair.now);
    publish(&mut pair, &mut sent);
    assert_eq!(sent, [5, 5]);
}

/// A node keeps what it was taught of totals, and teaches it to whoever asks, as HAProxy does.
#[test]
fn two_aggregators_do_not_feed_each_other() {
    let mut pair = Pair::new();
    for aggregator in &mut pair.aggregators {
        aggregator.link_down(STANDBY, true, 1_000);
    }
    let total = Definition { name: b"t.agg".as_slice().into(), ..table() };
    let key = 7_u32.to_be_bytes();
    let mut held = [[0_u64; 4]; 2];
    for second in 1..=600 {
        pair.now += 1_000;
        for (at, aggregator) in pair.aggregators.iter_mut().enumerate() {
            for (node, held) in held.iter().enumerate() {
                let peer = PeerNumber(node);
                assert_eq!(aggregator.table(peer, 1, &total, pair.now), Announced::Echo);
                aggregator.ask(peer, pair.now);
                assert!(aggregator.wants_resync(peer, pair.now));
                let own = [second, 10, 5, 5];
                for (table, values) in [(0, &own), (1, held)] {
                    let server_key = ServerKey::Unchanged;
                    let (update_id, life_ms) = (u32::try_from(second).expect("small"), Some(60_000));
                    let update = Update { key: &key, values, server_key, update_id, life_ms, resync: true };
                    aggregator.update(peer, table, &update, pair.now);
                }
                aggregator.resync_ended(peer, true, pair.now);
            }
            aggregator.tick(pair.now, 1_000);
            for (node, held) in held.iter_mut().enumerate() {
                aggregator.publish(PeerNumber(node), pair.now, 100, |_, _, push| {
                    held.copy_from_slice(push.values);
                    true
                });
                assert_eq!(*held, [2 * second, 10, 10, 10], "lb{node} by aggregator {at} in second {second}");
            }
        }
    }
    assert_eq!(pair.aggregators[0].status(pair.now).peers[0].echoed, 600);
}
