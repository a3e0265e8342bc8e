//! The faults that tests make on a connection are those they ask for: tried between HAProxy and a peer of the tests.

use std::time::{Duration, Instant};

mod support;

use support::{
    Live, Network, Setup, Stopwatch,
    chaos::{Act, Chaos, Fault, Place, Plan},
    fake_peer::{End, FakePeer},
    frames::{self, DEFINITION, HEARTBEAT, RESYNC_CONFIRM, RESYNC_PARTIAL, RESYNC_REQUEST},
    live::GUEST_PORT,
    wait_until,
    wire::Initiator,
};

const PROXY_PORT: u16 = 10_901;

/// HAProxy with ten entries, a proxy before it with `plan` for the first connection, and what a guest gets through it.
fn learn(plan: &Plan, check: impl Fn(&Live<'_>, &Chaos, &FakePeer)) {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
        for number in 1..=10 {
            lb1.set_entry("mesh/t", &format!("10.0.0.{number}"), &format!("data.gpc0 {number}"));
        }
        let plan = plan.clone();
        let chaos = Chaos::start(&network, PROXY_PORT, lb1.port(), Initiator::Observer, move |_| plan.clone());
        let peer = FakePeer::call(&network, PROXY_PORT, "lb1", "peerctl");
        peer.send(&[frames::message(RESYNC_PARTIAL, &[]), frames::message(RESYNC_REQUEST, &[])].concat());
        check(&lb1, &chaos, &peer);
    }
}

fn from_haproxy(at: Place, act: Act) -> Plan {
    Plan { from_haproxy: vec![Fault::new(at, act)], ..Plan::default() }
}

/// Messages that are entries.
fn entries(peer: &FakePeer) -> usize {
    peer.frames().iter().filter(|frame| frame.class == 10 && frame.kind != DEFINITION.1).count()
}

#[test]
fn nothing_goes_wrong_without_a_plan() {
    learn(&Plan::default(), |lb1, chaos, peer| {
        wait_until("all entries are there", || (entries(peer) >= 10).then_some(()));
        assert_eq!(peer.wait_for_line(), "200");
        peer.send(&frames::message(RESYNC_CONFIRM, &[]));
        assert_eq!(
            chaos.heard_from_haproxy(0)[..5],
            peer.frames()[..5],
            "the proxy and the peer see the same messages"
        );
        assert!(chaos.heard_by_haproxy(0)[1].is(RESYNC_REQUEST) && chaos.connections() == 1);
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
    });
}

#[test]
fn a_cut_behind_a_message_lets_exactly_the_messages_before_it_through() {
    for (act, end) in [(Act::Close, End::Closed), (Act::Reset, End::Reset)] {
        for count in [0, 1, 4] {
            learn(&from_haproxy(Place::Frame(count), act), |_, chaos, peer| {
                let (ended, _) = peer.wait_for_end();
                // A reset may take what was not read yet.
                let heard = peer.frames();
                assert_eq!(ended, end);
                assert!(heard.len() == count || (end == End::Reset && heard.len() < count), "{heard:?}");
                let sent = chaos.heard_from_haproxy(0);
                assert!(sent.len() >= count, "the cut came too early: {sent:?}");
                assert_eq!(heard, sent[..heard.len()]);
            });
        }
    }
}

#[test]
fn a_message_can_be_cut_in_its_middle() {
    learn(&from_haproxy(Place::Within(2, 3), Act::Close), |_, chaos, peer| {
        peer.wait_for_end();
        assert_eq!(peer.heard().len(), chaos.heard_from_haproxy(0)[1].range.end + 3);
    });
}

#[test]
fn bytes_arrive_whole_however_they_are_split() {
    let split = |byte| Fault::new(Place::Byte(byte), Act::Split);
    let plans = [
        Plan { from_haproxy: (1..60).map(split).collect(), to_haproxy: (1..20).map(split).collect() },
        Plan {
            from_haproxy: vec![Fault::new(Place::Byte(0), Act::Trickle)],
            to_haproxy: vec![Fault::new(Place::Byte(0), Act::Split)],
        },
    ];
    for plan in plans {
        learn(&plan, |_, _, peer| wait_until("all entries are there", || (entries(peer) >= 10).then_some(())));
    }
}

#[test]
fn what_follows_a_delay_comes_later() {
    const DELAY: Duration = Duration::from_millis(500);
    learn(&from_haproxy(Place::Frame(0), Act::Delay(DELAY)), |_, _, peer| {
        let watch = Stopwatch::start();
        peer.wait_for_line();
        let begin = Instant::now();
        peer.wait_for(DEFINITION, 1);
        // While the machine stood still the delay went on, perhaps before the line was seen.
        assert!(begin.elapsed() + watch.stood() > DELAY / 2, "{:?}", begin.elapsed());
    });
}

#[test]
fn a_changed_byte_is_one_byte() {
    // The class of the second message to HAProxy, a resync request: 255 is a protocol error.
    let plan = Plan { to_haproxy: vec![Fault::new(Place::Frame(1), Act::Corrupt(0xff))], ..Plan::default() };
    learn(&plan, |lb1, _, peer| {
        assert_eq!(peer.wait_for_end().0, End::Closed);
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 1);
    });
}

#[test]
fn a_stalled_direction_goes_on_when_it_is_released() {
    learn(&from_haproxy(Place::Frame(2), Act::Stall), |_, chaos, peer| {
        wait_until("two messages came", || (peer.frames().len() == 2).then_some(()));
        chaos.release();
        wait_until("all entries are there", || (entries(peer) >= 10).then_some(()));
    });
}

#[test]
fn one_direction_can_be_lost_or_ended_alone() {
    learn(&from_haproxy(Place::Frame(1), Act::Blackhole), |_, chaos, peer| {
        wait_until("HAProxy has sent all", || (chaos.heard_from_haproxy(0).len() >= 12).then_some(()));
        wait_until("the first one came", || (!peer.frames().is_empty()).then_some(()));
        assert_eq!((peer.frames().len(), peer.end()), (1, None));
    });
    learn(&from_haproxy(Place::Frame(1), Act::HalfClose), |_, chaos, peer| {
        assert_eq!(peer.wait_for_end().0, End::Closed);
        let sent = chaos.heard_by_haproxy(0).len();
        peer.send(&frames::message(HEARTBEAT, &[]));
        wait_until("the other direction works", || (chaos.heard_by_haproxy(0).len() > sent).then_some(()));
    });
}

#[test]
fn haproxy_calls_through_it() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let listener = network.listen(PROXY_PORT);
        let chaos = Chaos::start(&network, GUEST_PORT, PROXY_PORT, Initiator::Haproxy, |connection| match connection {
            0 => Plan { to_haproxy: vec![Fault::new(Place::Frame(0), Act::Reset)], ..Plan::default() },
            _ => Plan::default(),
        });
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
        let peer = FakePeer::accept(&listener);
        assert_eq!(peer.wait_for_line(), "HAProxyS 2.1");
        peer.send(b"200\n");
        peer.wait_for_end();
        let peer = FakePeer::accept(&listener);
        peer.send(b"200\n");
        peer.send(&frames::definition(1, "/t", (4, 4), 1 << 2, 600_000, &[]));
        peer.send(
            &[frames::update(1, &[10, 0, 0, 1], &[77]), frames::timed_update(2, 5000, &[10, 0, 0, 2], &[300])].concat(),
        );
        assert_eq!(peer.wait_for(frames::ACK, 1).payload, [1, 0, 0, 0, 2]);
        let table = lb1.shown("mesh/t");
        let by_key = table.by_key();
        assert_eq!(by_key[[10, 0, 0, 1].as_slice()].number("gpc0"), 77);
        assert_eq!(by_key[[10, 0, 0, 2].as_slice()].number("gpc0"), 300);
        assert_eq!(chaos.connections(), 2);
        peer.reset();
    }
}

/// A peer that says `text` through a proxy with `plan`, and what the one behind it hears.
fn say(plan: Plan, text: &[u8]) -> FakePeer {
    let network = Network::reachable();
    let listener = network.listen(PROXY_PORT + 1);
    let _chaos = Chaos::start(&network, PROXY_PORT, PROXY_PORT + 1, Initiator::Observer, move |_| plan.clone());
    let caller = FakePeer::call(&network, PROXY_PORT, "lb1", "peerctl");
    let called = FakePeer::accept(&listener);
    for bytes in text.chunks(3) {
        caller.send(bytes);
    }
    caller.half_close();
    called.wait_for_end();
    called
}

fn to_haproxy(at: Place, act: Act) -> Plan {
    Plan { to_haproxy: vec![Fault::new(at, act)], ..Plan::default() }
}

#[test]
fn messages_can_come_twice_in_another_order_or_in_part() {
    let [one, two, three] = [1, 2, 3].map(|id| frames::ack(id, 7));
    let text = [&*one, &two, &three].concat();
    for (act, expected) in [
        (Act::Split, [&*one, &two, &three].concat()),
        (Act::Duplicate, [&*one, &two, &two, &three].concat()),
        (Act::Swap, [&*one, &three, &two].concat()),
        (Act::Omit(2), [&*one, &two[2..], &three].concat()),
    ] {
        let called = say(to_haproxy(Place::Frame(1), act), &text);
        let hello = frames::hello("2.1", "lb1", "peerctl");
        assert_eq!(called.heard(), [hello, expected].concat(), "{act:?}");
    }
}

#[test]
fn a_line_of_the_handshake_can_be_another_one() {
    for (line, text, expected) in [
        (0, "HAProxyS 9.9", "HAProxyS 9.9\nlb1\npeerctl 1 1\n"),
        (1, "lb7", "HAProxyS 2.1\nlb7\npeerctl 1 1\n"),
        (2, "nobody 1 1", "HAProxyS 2.1\nlb1\nnobody 1 1\n"),
    ] {
        let called = say(to_haproxy(Place::Line(line), Act::Rewrite(text)), &frames::message(HEARTBEAT, &[]));
        assert_eq!(called.heard(), [expected.as_bytes(), &frames::message(HEARTBEAT, &[])].concat());
    }
}

#[test]
fn something_can_go_wrong_at_any_time() {
    let network = Network::reachable();
    let listener = network.listen(PROXY_PORT + 1);
    let chaos = Chaos::start(&network, PROXY_PORT, PROXY_PORT + 1, Initiator::Observer, |_| Plan::default());
    let caller = FakePeer::call(&network, PROXY_PORT, "lb1", "peerctl");
    let called = FakePeer::accept(&listener);
    caller.send(&frames::message(HEARTBEAT, &[]));
    called.wait_for(HEARTBEAT, 1);
    chaos.strike(true, Act::Stall);
    caller.send(&frames::message(RESYNC_CONFIRM, &[]));
    called.send(b"200\n");
    assert_eq!(caller.wait_for_line(), "200");
    chaos.release();
    called.wait_for(RESYNC_CONFIRM, 1);
    chaos.strike(true, Act::Close);
    assert_eq!(called.wait_for_end().0, End::Closed);
}
