//! A network that goes wrong between HAProxy and us.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::support::chaos::{Act, Chaos, Fault, Place, Plan};
use super::support::random::Random;
use super::support::wire::Initiator;
use super::*;

const PROXY_PORT: u16 = 10_900;

/// Entries that there are, and bytes that they take on the wire, roughly.
const COUNT: u32 = 2000;
const BYTES: usize = 24 * COUNT as usize;

/// Connections of which each has its fault.
const FAULTY: usize = 8;

/// What goes wrong on a connection: it breaks somewhere, or its bytes come in pieces, late, one by one.
fn random(random: &mut Random) -> Plan {
    let act =
        random.pick(&[Act::Reset, Act::Close, Act::HalfClose, Act::Delay(Duration::from_millis(300)), Act::Trickle]);
    let place = match random.below(3) {
        0 => Place::Byte(random.below(BYTES)),
        1 => Place::Frame(random.below(COUNT as usize)),
        _ => Place::Within(1 + random.below(100), 1 + random.below(5)),
    };
    let mut faults = vec![Fault::new(place, act)];
    faults.extend((0..random.below(20)).map(|_| Fault::new(Place::Byte(random.below(BYTES)), Act::Split)));
    if random.one_in(3) {
        Plan { to_haproxy: faults, ..Plan::default() }
    } else {
        Plan { from_haproxy: faults, ..Plan::default() }
    }
}

#[test]
fn entries_are_the_same_at_the_end_whatever_the_network_did() {
    let seed = std::env::var("PEERCTL_HOLD_SEED").map_or(5, |seed| seed.parse().expect("a number"));
    with_each(|haproxy| {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = dir.path().join("state.ndjson");
        let mut lb1 = setup(haproxy, &network).start();
        fill(&lb1, COUNT);
        // From which connection on nothing goes wrong, and which one is cut while it teaches.
        let cut = Arc::new(AtomicUsize::new(usize::MAX));
        let plan = {
            let cut = Arc::clone(&cut);
            move |connection: usize| {
                let numbers = &mut Random::new(seed * 1000 + connection as u64);
                match connection {
                    _ if connection == cut.load(Ordering::Relaxed) => {
                        let fault = Fault::new(Place::Timed(COUNT as usize / 3), Act::Reset);
                        Plan { to_haproxy: vec![fault], ..Plan::default() }
                    }
                    0..FAULTY => random(numbers),
                    _ => Plan::default(),
                }
            }
        };
        let chaos = Chaos::start(&network, PROXY_PORT, lb1.port(), Initiator::Observer, plan);
        let mut hold = hold(&network, &state, &[&format!("lb1={}", network.address(PROXY_PORT))], &[]);
        let mut change = 0;
        wait_until("each fault had its connection", || {
            assert!(!hold.has_ended(), "it ended: {}", hold.stderr());
            change += 1;
            for number in 0..20 {
                let key = std::net::Ipv4Addr::from(0x0a00_0001 + (change * 37 + number * 101) % COUNT);
                lb1.set_entry("mesh/t", &key.to_string(), &format!("data.gpc0 {}", 10_000 + change));
            }
            // Those that stand although something went wrong on them.
            if change % 10 == 0 && chaos.connections() <= FAULTY {
                chaos.cut(change % 20 == 0);
            }
            (chaos.connections() > FAULTY).then_some(())
        });
        lb1.set_entry("mesh/t", "10.9.9.9", "data.gpc0 99");
        wait_until("the last change is on disk", || {
            let text = std::fs::read_to_string(&state).unwrap_or_default();
            assert!(!hold.has_ended(), "it ended: {}", hold.stderr());
            text.contains("\"10.9.9.9\"").then_some(())
        });
        wait_until("it is in sync", || hold.stderr().trim_end().ends_with("lb1: in sync").then_some(()));
        let before = shown(&lb1);
        lb1.kill();
        cut.store(chaos.connections(), Ordering::Relaxed);
        lb1.start_again();
        wait_same(&lb1, &before);
        assert_eq!(lb1.peer_counter(US, "proto_err"), 0);
        hold.signal(rustix::process::Signal::TERM);
        let ended = hold.wait();
        println!("HAProxy {}: {} connections, {change} rounds of changes", haproxy.branch(), chaos.connections());
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    });
}
