//! Nodes that replicate a table to each other, too: a copy tells on itself.

use peerctl::aggregate::{Mesh, PeerNumber};
use peerctl::table::{ServerKey, Update};

use crate::setup::{World, definition, nodes};

/// What a node has of a key: the key, its values, and for how long it was not used.
type Has = (u32, [u64; 4], u32);

/// A node teaches in a resync all it has.
fn resync(world: &mut World, peer: usize, has: &[Has]) {
    world.aggregator.ask(PeerNumber(peer), world.now);
    assert!(world.aggregator.wants_resync(PeerNumber(peer), world.now));
    for (key, values, idle) in has {
        let (key, server_key, life_ms) = (key.to_be_bytes(), ServerKey::Unchanged, Some(60_000 - idle));
        let update = Update { key: &key, values, server_key, update_id: 1, life_ms, resync: true };
        world.aggregator.update(PeerNumber(peer), 0, &update, world.now);
    }
    world.aggregator.resync_ended(PeerNumber(peer), true, world.now);
}

fn keys(count: u32, values: impl Fn(u32) -> [u64; 4], idle: impl Fn(u32) -> u32) -> Vec<Has> {
    (0..count).map(|key| (key, values(key), idle(key))).collect()
}

/// Whether, after both have taught what they have, a mesh is seen.
fn is_seen(one: &[Has], other: &[Has]) -> bool {
    let mut world = World::ready(nodes(2));
    resync(&mut world, 0, one);
    resync(&mut world, 1, other);
    let found = world.aggregator.next_mesh();
    let is_seen = found.is_some();
    assert!(found.is_none_or(|found| {
        found == Mesh { table: b"t".as_slice().into(), peers: [b"lb1".as_slice().into(), b"lb0".as_slice().into()] }
    }));
    let status = world.aggregator.status(world.now);
    assert_eq!(status.tables[0].sources[1].alike.is_some(), is_seen);
    assert_eq!(world.aggregator.next_mesh(), None, "told once");
    is_seen
}

#[test]
fn copies_with_the_same_counts_windows_and_times_of_use_are_a_mesh() {
    let values = |key: u32| [u64::from(key) + 1, 3_000 + u64::from(key), 2, u64::from(key)];
    let idle = |key: u32| 1_500 + 700 * key;
    let one = keys(20, values, idle);
    let late = |key: u32| idle(key) - 40;
    assert!(is_seen(&one, &one));
    assert!(
        is_seen(
            &one,
            &keys(
                20,
                |key| {
                    let [a, b, c, d] = values(key);
                    [a, b - 40, c, d]
                },
                late
            )
        ),
        "a moment later"
    );
    assert!(!is_seen(&one[..7], &one[..7]), "too few to say so");
    assert!(
        !is_seen(
            &one,
            &keys(
                20,
                |key| {
                    let [a, b, c, d] = values(key);
                    [a + 1, b, c, d]
                },
                idle
            )
        ),
        "other counts"
    );
    assert!(
        !is_seen(
            &one,
            &keys(
                20,
                |key| {
                    let [a, b, c, d] = values(key);
                    [a, b + 900, c, d]
                },
                idle
            )
        ),
        "other windows"
    );
    assert!(!is_seen(&one, &keys(20, values, |key| idle(key) + 400)), "other times");
    assert!(!is_seen(&keys(20, values, |_| 100), &keys(20, values, |_| 100)), "they are in use");
    assert!(!is_seen(&keys(20, |_| [0; 4], idle), &keys(20, |_| [0; 4], idle)), "nothing is like nothing");
    let few: Vec<Has> = (100..200).map(|key| (key, [1, 5_000, 0, 1], 5_000)).chain(one.clone()).collect();
    assert!(!is_seen(&one, &few), "most of what it has is its own");
}

#[test]
fn a_mesh_that_is_taken_apart_is_one_no_more() {
    let mut world = World::ready(nodes(2));
    let has = keys(20, |key| [u64::from(key) + 1, 0, 0, 0], |key| 1_500 + 700 * key);
    resync(&mut world, 0, &has);
    resync(&mut world, 1, &has);
    assert!(world.aggregator.next_mesh().is_some());
    resync(&mut world, 1, &has);
    assert_eq!(world.aggregator.next_mesh(), None, "that isn't new");
    let other = keys(20, |key| [u64::from(key) + 3, 0, 0, 0], |key| 2_500 + 100 * key);
    resync(&mut world, 1, &other);
    assert_eq!(world.aggregator.status(world.now).tables[0].sources[1].alike, None);
}

#[test]
fn without_an_end_of_life_nothing_can_be_said() {
    let mut world = World::ready(nodes(2));
    for peer in 0..2 {
        world.announce(peer, 0, &definition("e", "type integer store gpc0"));
        world.aggregator.ask(PeerNumber(peer), world.now);
        assert!(world.aggregator.wants_resync(PeerNumber(peer), world.now));
        (0..20).for_each(|key| {
            world.teach(peer, key, &[5]);
        });
        world.aggregator.resync_ended(PeerNumber(peer), true, world.now);
    }
    assert_eq!(world.aggregator.next_mesh(), None);
}
