//! Totals over faults: sources that restart, reconnect, teach in part, expire, change their tables and lose keys, on a clock
//! of its own, held against a model that adds everything up from scratch.
//!
//! More of it: `AGGREGATE_WORLDS=100000 cargo test --release --test aggregate_sim`.

#[path = "aggregate_sim/model.rs"]
mod model;
mod support;
#[path = "aggregate_sim/world.rs"]
mod world;

use std::env;

use support::random::Random;
use world::{Size, World};

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The seeds of the worlds to run: the one that is asked for, or so many.
fn seeds(usual: u64, salt: u64) -> Vec<u64> {
    let mut random = Random::new(salt);
    let count = number("AGGREGATE_WORLDS").unwrap_or(usual);
    number("AGGREGATE_SEED").map_or_else(|| (0..count).map(|_| random.next() >> 16).collect(), |seed| vec![seed])
}

#[test]
fn totals_of_few_keys_are_what_adding_up_gives() {
    let (mut pushed, mut compared) = (0, 0);
    for seed in seeds(150, 1) {
        let mut random = Random::new(seed);
        let size = Size {
            sources: 1 + random.below(10),
            keys: 1 + random.below(20),
            steps: 120,
            burst: 6,
            looked_at: 20,
            longest: 12_000,
            repeats: 1_000,
            one_of: 1,
            test: "few_keys",
        };
        let mut world = World::new(seed, size);
        world.run();
        pushed += world.pushed;
        compared += world.compared;
    }
    let is_enough = pushed > 10_000 && compared > 10_000;
    assert!(number("AGGREGATE_SEED").is_some() || is_enough, "{pushed} sent, {compared} compared");
}

#[test]
fn totals_of_many_keys_are_what_adding_up_gives() {
    for seed in seeds(200, 2).into_iter().step_by(200) {
        let size = Size {
            sources: 10,
            keys: 100_000,
            steps: 16,
            burst: 20_000,
            looked_at: 3_000,
            longest: 300,
            repeats: 60_000,
            one_of: 20,
            test: "many_keys",
        };
        World::new(seed, size).run();
    }
}
