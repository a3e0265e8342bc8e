//! Several peers, reloads, and what is told by hand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::support::chaos::{Chaos, Plan};
use super::support::frames::{self, ACK, DEFINITION, Frame, INCREMENTAL, UPDATE};
use super::support::live::GUEST_PORT;
use super::support::wire::Initiator;
use super::*;

const PROXY_PORT: u16 = 10_900;

/// The keys of own updates that HAProxy sent on a connection and that were acknowledged there.
fn acknowledged(chaos: &Chaos, connection: usize) -> Vec<Vec<u8>> {
    let mut sent: Vec<(u64, u32, Vec<u8>)> = Vec::new();
    let (mut table, mut id) = (0, 0);
    for Frame { class, kind, payload, .. } in chaos.heard_from_haproxy(connection) {
        match (class, kind) {
            DEFINITION => table = frames::read_varint(&payload).expect("an id").0,
            UPDATE => {
                id = u32::from_be_bytes(payload[..4].try_into().expect("an id"));
                sent.push((table, id, payload[4..8].to_vec()));
            }
            INCREMENTAL => {
                id += 1;
                sent.push((table, id, payload[..4].to_vec()));
            }
            _ => {}
        }
    }
    let mut last: BTreeMap<u64, u32> = BTreeMap::new();
    for frame in chaos.heard_by_haproxy(connection).into_iter().filter(|frame| frame.is(ACK)) {
        let (table, id) = frames::read_varint(&frame.payload).expect("a table");
        last.insert(table, u32::from_be_bytes(id.try_into().expect("an id")));
    }
    let is_acked = |(table, id, _): &(u64, u32, Vec<u8>)| last.get(table).is_some_and(|last| id <= last);
    sent.into_iter().filter(is_acked).map(|(_, _, key)| key).collect()
}

#[test]
fn every_entry_that_was_acknowledged_survives_reloads_in_quick_succession() {
    const PACE: Duration = Duration::from_millis(200);
    let reloads: u32 = std::env::var("PEERCTL_HOLD_RELOADS").map_or(20, |times| times.parse().expect("a number"));
    // The long form measures; a machine of CI may be as slow as it likes.
    let limit = if reloads >= 1000 { Duration::from_secs(10) } else { support::DEADLINE };
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = dir.path().join("state.ndjson");
        let mut lb1 = setup(&haproxy, &network).start();
        let chaos = Chaos::start(&network, PROXY_PORT, lb1.port(), Initiator::Observer, |_| Plan::default());
        let mut hold = hold(&network, &state, &[&format!("lb1={}", network.address(PROXY_PORT))], &[]);
        wait_said(&mut hold, "in sync", 1);
        fill(&lb1, 50);
        wait_until("they are acknowledged", || (acknowledged(&chaos, 0).len() >= 50).then_some(()));
        let mut retired = Vec::new();
        let first = Instant::now();
        for number in 1..=reloads {
            let key = std::net::Ipv4Addr::from(0x0a00_0000 + 50 + number);
            lb1.set_entry("mesh/t", &key.to_string(), &format!("data.gpc0 {}", 50 + number));
            // A process that came late has less time to say what it counted.
            std::thread::sleep((first + PACE * number).saturating_duration_since(Instant::now()));
            retired.push(lb1.reload_with(|setup| setup));
        }
        let (pace, last) = (f64::from(reloads) / first.elapsed().as_secs_f64(), Instant::now());
        let keys: std::collections::BTreeSet<Vec<u8>> =
            (0..chaos.connections()).flat_map(|connection| acknowledged(&chaos, connection)).collect();
        let gpc0 = |key: &[u8]| i128::from(u32::from_be_bytes(key.try_into().expect("4 bytes")) - 0x0a00_0000);
        wait_until("all acknowledged entries are there again", || {
            assert!(!hold.has_ended(), "it ended: {}", hold.stderr());
            let shown = shown(&lb1);
            let missing: Vec<_> =
                keys.iter().filter(|key| shown.get(*key).map(|(found, _)| *found) != Some(gpc0(key))).collect();
            let late = last.elapsed() > limit;
            assert!(
                !late || missing.is_empty(),
                "HAProxy {}: missing after {limit:?}: {missing:?} {}",
                haproxy.branch(),
                hold.stderr()
            );
            missing.is_empty().then_some(())
        });
        println!(
            "HAProxy {}: {reloads} reloads at {pace:.1}/s, {} of {} entries acknowledged, all there {} ms after the last one; \
             {} connections",
            haproxy.branch(),
            keys.len(),
            50 + reloads,
            last.elapsed().as_millis(),
            chaos.connections(),
        );
        assert!(!keys.is_empty(), "something was acknowledged");
        assert_eq!(lb1.peer_counter(US, "proto_err"), 0);
    }
}

#[test]
fn one_that_comes_up_empty_while_the_other_one_is_down_gets_everything_and_goes_on_asking() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = dir.path().join("state.ndjson");
        let one = setup(&haproxy, &network).peer("lb2", 10_002);
        let two = setup(&haproxy, &network).named("lb2", 10_002).peer("lb1", 10_001);
        let (mut lb1, mut lb2) = (one.start(), two.start());
        fill(&lb1, 500);
        lb2.set_entry("mesh/t", "10.9.0.1", "data.gpc0 77");
        let mut hold = hold(&network, &state, &[&peer(&lb1, "lb1"), &peer(&lb2, "lb2")], &[]);
        wait_said(&mut hold, "in sync", 2);
        lb2.kill();
        lb1.restart_empty();
        wait_until("everything is there again", || (used(&lb1) == 501).then_some(()));
        assert_eq!(shown(&lb1).get(&[10, 9, 0, 1][..]).map(|(gpc0, _)| *gpc0), Some(77), "what lb2 had, too");
        wait_said(&mut hold, "lb1: it asked for everything and was taught 501 entries (partial)", 1);

        // And so does the other one.
        lb2.start_again();
        wait_until("lb2 has everything", || (used(&lb2) == 501).then_some(()));
    }
}

#[test]
fn a_haproxy_alone_that_was_in_sync_is_told_that_it_has_everything() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let state = dir.path().join("state.ndjson");
        let mut lb1 = setup(&haproxy, &network).start();
        fill(&lb1, 10);
        let listen = network.address(GUEST_PORT);
        // It only calls us.
        let mut hold = hold(&network, &state, &["lb1"], &["--listen", &listen]);
        wait_said(&mut hold, "in sync", 1);
        lb1.restart_empty();
        wait_said(&mut hold, "lb1: it asked for everything and was taught 10 entries (finished)", 1);
        wait_until("everything is there again", || (used(&lb1) == 10).then_some(()));
        wait_until("it asks nobody else", || lb1.is_synchronised().then_some(()));
        // A second time, after our own start: we can't know what we missed.
        hold.signal(rustix::process::Signal::TERM);
        hold.wait();
        lb1.restart_empty();
        let mut hold = self::hold(&network, &state, &["lb1"], &["--listen", &listen]);
        wait_said(&mut hold, "lb1: it asked for everything and was taught 10 entries (partial)", 1);
    }
}

#[test]
fn a_key_that_is_forgotten_stays_away() {
    let haproxies = support::haproxies();
    let Some(haproxy) = haproxies.last() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let (state, socket) = (dir.path().join("state.ndjson"), dir.path().join("control"));
    let socket = socket.to_str().expect("a path");
    let mut lb1 = setup(haproxy, &network).start();
    fill(&lb1, 3);
    let control = ["--control", socket];
    let mut hold = hold(&network, &state, &[&peer(&lb1, "lb1")], &control);
    wait_said(&mut hold, "in sync", 1);
    lb1.cli("clear table mesh/t key 10.0.0.2");
    let forget = |key: &str, table: &str| {
        let ended = network.peerctl(&["forget", key, "--table", table, "--control", socket]).wait();
        (ended.status.code().expect("no signal"), ended.stderr)
    };
    assert_eq!(forget("10.0.0.2", "mesh/t"), (0, String::new()));
    let (code, said) = forget("10.0.0.2", "t");
    assert!(code == 1 && said.contains("no key `10.0.0.2`"), "{code}: {said}");
    let (code, said) = forget("10.0.0.2", "other");
    assert!(code == 2 && said.contains("other"), "{code}: {said}");
    let (code, said) = forget("here", "t");
    assert!(code == 2 && said.contains("address"), "{code}: {said}");
    lb1.restart_empty();
    wait_until("the others are there again", || (used(&lb1) == 2).then_some(()));
    // Also after a restart of ours.
    hold.signal(rustix::process::Signal::KILL);
    drop(hold);
    lb1.restart_empty();
    let _hold = self::hold(&network, &state, &[&peer(&lb1, "lb1")], &control);
    wait_until("the others are there again", || (used(&lb1) == 2).then_some(()));
    assert!(!shown(&lb1).contains_key(&[10, 0, 0, 2][..]));
    let (code, said) = {
        let ended = network.peerctl(&["forget", "a", "--table", "t", "--control", "/nowhere"]).wait();
        (ended.status.code(), ended.stderr)
    };
    assert!(code == Some(3) && said.contains("/nowhere"), "{said}");
}

#[test]
fn a_table_that_differs_is_rejected_loudly_and_a_new_definition_is_taken_when_nobody_has_the_old_one() {
    let haproxies = support::haproxies();
    let Some(haproxy) = haproxies.last() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let state = dir.path().join("state.ndjson");
    let other = "type ip size 10k expire 10m store gpc0,gpc1";
    let mut lb1 = setup(haproxy, &network).start();
    let lb2 = setup(haproxy, &network).named("lb2", 10_002).table("t", other).start();
    fill(&lb1, 3);
    lb2.set_entry("mesh/t", "10.9.0.1", "data.gpc0 77");
    let mut hold = hold(&network, &state, &[&peer(&lb1, "lb1")], &[]);
    wait_said(&mut hold, "lb1: in sync", 1);
    drop(hold);
    let both = [&*peer(&lb1, "lb1"), &*peer(&lb2, "lb2")];
    let mut hold = self::hold(&network, &state, &both, &[]);
    wait_said(&mut hold, "in sync", 2);
    let said = hold.stderr();
    // Who comes first decides; that is either of them.
    assert!(said.contains("is not heard about it") || said.contains("defines it in another way now"), "{said}");
    drop(lb1.reload_with(|setup| setup.table("t", other)));
    wait_until("both are heard", || {
        lb1.set_entry("mesh/t", "10.0.0.9", "data.gpc1 5");
        let text = std::fs::read_to_string(&state).expect("a file");
        let has = |key: &str, value: &str| text.lines().any(|line| line.contains(key) && line.contains(value));
        (has("10.0.0.9\"", "\"gpc1\":5") && has("10.9.0.1\"", "\"gpc1\":0")).then_some(())
    });
}
