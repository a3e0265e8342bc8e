//! A program, or a machine, that is put to sleep.

use std::thread;

use super::*;

#[test]
fn after_a_sleep_it_calls_again_and_has_what_changed_meanwhile() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| {
                let network = Network::new();
                let lb1 = setup(haproxy, &network).start();
                for key in 1..=20 {
                    lb1.set_entry("mesh/t", &format!("10.0.0.{key}"), &format!("data.gpc0 {key}"));
                }
                let mut program = watch(&network, &[&peer(&lb1, "lb1")]);
                wait_same(&mut program, &lb1, "lb1", 1);
                program.signal(Signal::STOP);
                wait_until("HAProxy gives the session up", || (!lb1.is_established("peerctl")).then_some(()));
                for key in 15..=30 {
                    lb1.set_entry("mesh/t", &format!("10.0.0.{key}"), &format!("data.gpc0 {}", 1000 + key));
                }
                program.signal(Signal::CONT);
                let woken = Instant::now();
                wait_same(&mut program, &lb1, "lb1", 2);
                println!("{:?}: all is there {:?} after it was woken", haproxy.version, woken.elapsed());
                assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
                interrupt(program);
            });
        }
    });
}
