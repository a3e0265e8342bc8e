//! Another client of our name, and what only looks like one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::support::chaos::{Chaos, Plan};
use super::support::fake_peer::FakePeer;
use super::support::frames::{RESYNC_PARTIAL, message};
use super::support::wire::Initiator;
use super::*;

/// Runs it with each HAProxy, side by side: most of the time is waiting.
fn with_each(test: impl Fn(&Haproxy) + Sync) {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| test(haproxy));
        }
    });
}

/// Some entries of HAProxy's own, and that it is in sync.
fn fill(lb1: &Live<'_>) {
    for key in 1..=20 {
        lb1.set_entry("mesh/t", &format!("10.0.0.{key}"), &format!("data.gpc0 {key}"));
    }
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
}

/// It gave up, and says why and what to do.
fn assert_gave_up(program: Program) {
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    for part in ["lb1: another client uses our name", "took our session over 3 times within 60 s", "-L"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert!(ended.stderr.lines().count() < 60, "{}", ended.stderr);
    assert_eq!(records(&ended.stdout).pop().expect("records")["type"], "end");
}

#[test]
fn of_two_that_use_one_name_one_gives_up_and_one_stays() {
    for tls in [false, true] {
        with_each(|haproxy| {
            let authority = Authority::new();
            let network = Network::new();
            let setup = setup(haproxy, &network);
            let lb1 = if tls { setup.tls(&authority) } else { setup }.start();
            fill(&lb1);
            let (address, crt, ca) = (peer(&lb1, "lb1"), authority.issue("peerctl"), authority.certificate());
            let (crt, ca) = (crt.display().to_string(), ca.display().to_string());
            let mut words = vec![address.as_str()];
            if tls {
                words.extend(["--ssl", "--crt", &crt, "--ca-file", &ca]);
            }
            let began = Instant::now();
            let mut both = [watch(&network, &words), watch(&network, &words)];
            let loser = wait_until("one gives up", || both.iter_mut().position(Program::has_ended));
            println!("{:?}, tls {tls}: {:.1} s", haproxy.version, began.elapsed().as_secs_f64());
            let [first, second] = both;
            let (loser, mut winner) = if loser == 0 { (first, second) } else { (second, first) };
            assert_gave_up(loser);
            lb1.set_entry("mesh/t", "10.0.0.77", "data.gpc0 77");
            wait_for(&mut winner, "what the other one left", |record| is_entry(record, "10.0.0.77", 77));
            assert!(lb1.peer_counter("peerctl", "proto_err") == 0, "HAProxy has nothing against it");
            interrupt(winner);
        });
    }
}

#[test]
fn a_tool_that_always_calls_again_wins() {
    for pause in [0, 5] {
        with_each(|haproxy| {
            let network = Network::reachable();
            let lb1 = setup(haproxy, &network).start();
            fill(&lb1);
            let stop = AtomicBool::new(false);
            let metrics = network.address(metrics::PORT);
            let mut program = watch(&network, &[&peer(&lb1, "lb1"), "--metrics", &metrics]);
            lb1.wait_established("peerctl");
            let mut counted = 0;
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let rival = FakePeer::call(&network, lb1.port(), "lb1", "peerctl");
                        rival.send(&message(RESYNC_PARTIAL, &[]));
                        wait_until("it is thrown out", || {
                            (rival.end().is_some() || stop.load(Ordering::Relaxed)).then_some(())
                        });
                        let end = Instant::now() + Duration::from_secs(pause);
                        while Instant::now() < end && !stop.load(Ordering::Relaxed) {
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                });
                let began = Instant::now();
                wait_until("it gives up", || {
                    let text = metrics::get(&network, "/metrics");
                    let total = metrics::sample(&text, "peerctl_takeovers_total{peer=\"lb1\"}");
                    counted = total.and_then(|total| total.parse().ok()).unwrap_or(counted);
                    program.has_ended().then_some(())
                });
                println!("{:?}, pause {pause} s: {:.1} s", haproxy.version, began.elapsed().as_secs_f64());
                stop.store(true, Ordering::Relaxed);
            });
            assert!(counted >= 2_u64, "the takeovers are counted: {counted}");
            assert_gave_up(program);
        });
    }
}

#[test]
fn a_network_that_breaks_again_and_again_is_no_other_client() {
    for reset in [true, false] {
        with_each(|haproxy| {
            let network = Network::reachable();
            let lb1 = setup(haproxy, &network).start();
            fill(&lb1);
            let chaos = Chaos::start(&network, 10_901, lb1.port(), Initiator::Observer, |_| Plan::default());
            let mut program = watch(&network, &[&format!("lb1={}", network.address(10_901))]);
            for round in 1..=10 {
                let calls = chaos.connections();
                lb1.set_entry("mesh/t", "10.0.0.99", &format!("data.gpc0 {round}"));
                wait_for(&mut program, "a change", |record| is_entry(record, "10.0.0.99", round));
                // Some break at once, some after seconds.
                thread::sleep(Duration::from_millis(1 + round % 4 * 1300));
                // HAProxy may just have ended the connection itself.
                wait_until("there is something to cut", || (chaos.cut(reset) > 0).then_some(()));
                wait_until("it calls again", || {
                    assert!(!program.has_ended(), "after {round} breaks: {}", program.stderr());
                    (chaos.connections() > calls).then_some(())
                });
            }
            wait_same(&mut program, &lb1, "lb1", 8);
            interrupt(program);
        });
    }
}

#[test]
fn reloads_in_quick_succession_are_no_other_client() {
    for busy in [false, true] {
        with_each(|haproxy| {
            let network = Network::new();
            let mut lb1 = setup(haproxy, &network).start();
            if busy {
                fill(&lb1);
            }
            wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
            let mut program = watch(&network, &[&peer(&lb1, "lb1")]);
            let mut old = Vec::new();
            for round in 1..=5 {
                lb1.wait_established("peerctl");
                if busy {
                    for key in 1..=20 {
                        lb1.set_entry("mesh/t", &format!("10.0.0.{key}"), &format!("data.gpc0 {}", round + key));
                    }
                }
                old.push(lb1.reload_with(|setup| setup));
                assert!(!program.has_ended(), "after {round} reloads: {}", program.stderr());
            }
            lb1.set_entry("mesh/t", "10.0.0.4", "data.gpc0 98");
            wait_same(&mut program, &lb1, "lb1", 4);
            drop(old);
            interrupt(program);
        });
    }
}
