//! Thousands of small worlds, each made from one seed: instances of HAProxy, `hold`, `aggregate` and `watch --record` on a network, a
//! disk and a clock in memory, and everything that goes wrong among them. A failure names its seed and the command that repeats it.
//!
//! ```text
//! main.rs         the handlers of the program as they are (`src/cli`), around a disk and a clock of their own
//! world.rs        who is there, what happens when; faults.rs what goes wrong; checks.rs what must be true
//! haproxy.rs      an instance of HAProxy, written without the library; receiver.rs judges each byte that it is sent
//! ours.rs         a node: sessions of the library and one handler, driven as `node/driver.rs` drives them
//! wire.rs         connections that split, drip, stall, lose, break and end; history.rs what was ever counted
//! cli/            the parts of the program that are about files and processes, in memory
//! ```
//!
//! What must be true: what was acknowledged is on the disk (I1); nothing is said that no instance ever said (I2); some seconds after
//! the last fault all have the same (I3); totals are exact, and never too high (I4); nothing waits without a bound (I5); a healthy
//! connection never lacks a sign of life (I6); no instance is sent what some version could stumble over, or ignores in silence
//! (I7); files are whole, and every end is clean (I8).
//!
//! `PEERCTL_SEEDS` is the number of worlds (10,000), `PEERCTL_SEEDS_FROM` another beginning, `PEERCTL_SEED` one world, told step by
//! step by the test `one_seed`.

#[path = "../../src/cli"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "the program uses more of it")]
mod cli {
    pub(crate) mod complaints;
    pub(crate) mod exit;
    pub(crate) mod fit;
    pub(crate) mod ledger;
    pub(crate) mod state;
    pub(crate) mod wall;

    #[path = "../../tests/simulator/cli/failure.rs"]
    pub(crate) mod failure;
    #[path = "../../tests/simulator/cli/files.rs"]
    pub(crate) mod files;
    #[path = "../../tests/simulator/cli/others.rs"]
    mod others;
    #[path = "../../tests/simulator/cli/disk.rs"]
    pub(crate) mod recorder;

    pub(crate) use others::{learn, queue, spool};

    pub(crate) mod hold {
        mod disk;
        mod keeper;
        mod learning;
        mod load;
        mod peer;
        #[path = "../../../tests/simulator/cli/hold.rs"]
        mod started;

        pub(crate) use started::Hold;
    }

    pub(crate) mod aggregate {
        #[path = "../../../tests/simulator/cli/options.rs"]
        pub(crate) mod options;

        pub(crate) mod serve {
            mod learning;
            mod outlet;
            mod peer;
            mod runner;
            mod sending;
            #[path = "../../../../tests/simulator/cli/aggregate.rs"]
            mod started;
            mod state;

            pub(crate) use started::Totals;
        }
    }

    pub(crate) mod target {
        mod tables;
        pub(crate) use tables::{Meant, Tables};
    }

    pub(crate) mod watch {
        mod channel;
        mod follower;
        mod held;
        mod lines;
        mod outlet;
        mod peer;
        mod recording;
        #[path = "../../../tests/simulator/cli/watch.rs"]
        mod started;

        pub(crate) use started::Watch;
    }
}
mod haproxy;
mod history;
mod node;
mod ours;
#[path = "../support/mod.rs"]
mod support;
mod wire;
mod world;

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use support::random::Random;
use world::{Counts, World};

use peerctl::{aggregate, escape, grammar, hold, limits, output, proto, record, stick, table};

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs the world of a seed.
fn run(seed: u64, trace: bool) -> Counts {
    let mut world = World::new(seed);
    world.trace = trace;
    let result = panic::catch_unwind(AssertUnwindSafe(|| world.run()));
    if let Err(why) = result {
        println!("at {} ms: PEERCTL_SEED={seed} cargo test --test simulator one_seed\n{:?}", world.now, world.counts);
        panic::resume_unwind(why);
    }
    world.counts
}

#[test]
fn one_seed() {
    if let Some(seed) = number("PEERCTL_SEED") {
        println!("{:?}", run(seed, true));
    }
}

#[test]
fn seeds() {
    let count = number("PEERCTL_SEEDS").unwrap_or(10_000);
    let mut random = Random::new(number("PEERCTL_SEEDS_FROM").unwrap_or(1));
    let began = Instant::now();
    let mut all = Counts::default();
    let mut longest = 0;
    for done in 0..count {
        if done.is_power_of_two() {
            println!("{done} worlds in {:?}", began.elapsed());
        }
        let counts = run(random.next() >> 16, false);
        longest = longest.max(counts.converged);
        all.changes += counts.changes;
        all.faults += counts.faults;
        all.durable += counts.durable;
        all.compared += counts.compared;
        all.taught += counts.taught;
        all.given_back += counts.given_back;
        all.deliveries += counts.deliveries;
        all.killed = [all.killed[0] + counts.killed[0], all.killed[1] + counts.killed[1]];
    }
    println!("{count} worlds in {:?}: {all:?}; converged at most {longest} ms after the last fault", began.elapsed());
    // Each kind of look was made in some worlds at least, or nothing was shown by it.
    let looks = [all.durable, all.compared, all.taught, all.given_back, all.deliveries];
    assert!(count < 1000 || looks.iter().all(|looks| *looks as u64 > count / 100), "{all:?}");
}
