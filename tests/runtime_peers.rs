//! `show peers` is read and explained: printed live by each version in every state of a peer, and as it was recorded.

use std::{fs, thread};

use peerctl::runtime::{
    Advice, PeersSection, Severity, ShownTable, explain,
    peers::{self, Peer, Status, Timer},
};

mod recorded;
mod support;

use recorded::{lines, record, recorded};
use support::{
    Authority, Haproxy, Live, Network, Setup,
    fake_peer::FakePeer,
    frames::{self, HEARTBEAT, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST},
    live::GUEST_PORT,
    wait_until,
};

const TABLE: &str = "type string size 1k expire 10m store gpc0,server_key";

/// What `show peers` answers in a case.
fn show_peers(haproxy: &Haproxy, case: &str) -> String {
    let network = Network::reachable();
    let setup = Setup::new(haproxy, &network).table("t", TABLE);
    match case {
        "refused" => until(&setup.start(), |section| guest(section).new_conn > 1),
        "300" | "501" | "502" | "503" | "504" | "silent" | "closed" | "asked" => answered(&setup, &network, case),
        "taught" | "announced" | "malformed" | "taken-over" => called(setup, &network, case),
        _ => between_two(&setup, case),
    }
}

/// `show peers` as soon as its first section is as wanted.
fn until(lb1: &Live<'_>, done: impl Fn(&PeersSection) -> bool) -> String {
    wait_until("the peers are as wanted", || {
        let answer = lb1.cli("show peers");
        let sections = peers::parse(answer.as_bytes()).expect("peers");
        sections.first().is_some_and(&done).then_some(answer)
    })
}

/// The peer that isn't HAProxy itself.
fn guest(section: &PeersSection) -> &Peer {
    section.peers.iter().find(|peer| !peer.local).expect("a guest")
}

/// HAProxy calls its guest, which answers as the case says.
fn answered(setup: &Setup<'_>, network: &Network, case: &str) -> String {
    let listener = network.listen(GUEST_PORT);
    let lb1 = setup.clone().start();
    let peer = FakePeer::accept(&listener);
    peer.wait_for_line();
    match case {
        "silent" => until(&lb1, |section| guest(section).is_connected()),
        "closed" => {
            drop((peer, listener));
            until(&lb1, |section| !guest(section).active)
        }
        "asked" => {
            peer.send(b"200\n");
            peer.wait_for(RESYNC_REQUEST, 1);
            until(&lb1, |section| guest(section).is_established())
        }
        _ => {
            peer.send(format!("{case}\n").as_bytes());
            until(&lb1, |section| guest(section).status.refusal().is_some())
        }
    }
}

/// The guest calls HAProxy.
fn called(setup: Setup<'_>, network: &Network, case: &str) -> String {
    let lb1 = setup.backend("shop", "type ip size 1k expire 1m store gpc0").start();
    lb1.set_entry("mesh/t", "a", "data.gpc0 1");
    lb1.set_entry("mesh/t", "b", "data.gpc0 1");
    let call = || FakePeer::call(network, lb1.port(), "lb1", "peerctl");
    let peer = call();
    peer.send(&frames::message(HEARTBEAT, &[]));
    peer.wait_for(RESYNC_REQUEST, 1);
    match case {
        "taught" => {
            peer.send(&frames::message(RESYNC_REQUEST, &[]));
            peer.wait_for(RESYNC_PARTIAL, 1);
            lb1.cli("show peers")
        }
        "announced" => {
            peer.send(&frames::message(RESYNC_FINISHED, &[]));
            let definition = peer.wait_for(frames::DEFINITION, 1);
            peer.wait_for(frames::INCREMENTAL, 1);
            peer.send(&frames::ack(definition.payload[0].into(), 1));
            peer.send(&frames::definition(5, "/t", (6, 32), 1 << 2, 600_000, &[]));
            peer.send(&frames::update(7, &frames::string_key(b"x"), &[4]));
            peer.wait_for(frames::ACK, 1);
            until(&lb1, |section| guest(section).tables.iter().any(|table| table.last_acked == 7))
        }
        "malformed" => {
            peer.send(&[255, 0]);
            until(&lb1, |section| guest(section).proto_err == 1)
        }
        _ => {
            let calls: Vec<FakePeer> = (0..12).map(|_| call()).collect();
            for peer in &calls {
                peer.wait_for_line();
            }
            until(&lb1, |section| guest(section).coll >= 11)
        }
    }
}

/// HAProxy and another one, which may have TLS, or certificates of an authority of its own.
fn between_two(setup: &Setup<'_>, case: &str) -> String {
    let (one, other) = (Authority::new(), Authority::new());
    let (here, there) = match case {
        "pair" => (None, None),
        "pair-tls" => (Some(&one), Some(&one)),
        "tls-here-only" => (Some(&one), None),
        "tls-there-only" => (None, Some(&one)),
        "tls-other-authority" => (Some(&one), Some(&other)),
        _ => panic!("no case {case}"),
    };
    let secure = |setup, authority| Option::into_iter(authority).fold(setup, Setup::tls);
    let setup = setup.clone().without_guest();
    let lb2 = secure(setup.clone().named("lb2", 10_002).peer("lb1", 10_001), there).start();
    let lb1 = secure(setup.peer("lb2", 10_002), here).start();
    if here.is_some() != there.is_some() || case == "tls-other-authority" {
        // Between two calls HAProxy doesn't always tell how the last one ended.
        let state = CASES.iter().find(|known| known.0 == case).map_or("", |known| known.2);
        return until(&lb1, |section| {
            let advice = explain(std::slice::from_ref(section), &[], &[]);
            guest(section).new_conn > 1 && advice.iter().any(|advice| advice.state.contains(state))
        });
    }
    lb1.wait_established("lb2");
    lb1.set_entry("mesh/t", "a", "data.gpc0 1");
    lb2.set_entry("mesh/t", "b", "data.gpc0 1");
    until(&lb1, |section| {
        section.is_synchronised() && guest(section).tables.iter().all(|table| table.update > 0 && table.last_acked > 0)
    })
}

/// The cases with what is said about the guest (or the other HAProxy): its worst severity, and a part of a state and of a `next`.
const CASES: [(&str, Severity, &str, &str); 18] = [
    ("refused", Severity::Problem, "no connection", "its own entry in the peers section has this address"),
    ("300", Severity::Problem, "refused us with 300", "no other process calls itself `lb1`"),
    ("501", Severity::Problem, "refused us with 501", "the port is that of a peers section"),
    ("502", Severity::Problem, "refused us with 502", "what version runs there"),
    ("503", Severity::Problem, "refused us with 503: it isn't called `peerctl`", "`-L peerctl`"),
    ("504", Severity::Problem, "refused us with 504: its `peers mesh` doesn't list `lb1`", "add a line for `lb1`"),
    ("silent", Severity::Note, "connected, but it hasn't answered the hello", "both sides use TLS or neither"),
    ("closed", Severity::Problem, "ended it without an answer", "both sides use TLS or neither"),
    ("asked", Severity::Note, "asked for all its entries", "doesn't answer resync requests"),
    ("taught", Severity::Note, "hasn't confirmed it", "it is sent no update"),
    ("announced", Severity::Note, "hasn't announced shop", "compare the definitions"),
    ("malformed", Severity::Note, "1 malformed message", "which program and version"),
    (
        "taken-over",
        Severity::Note,
        "sessions taken over by another one of its name",
        "nothing else calls itself `peerctl`",
    ),
    ("pair", Severity::Fine, "a session stands", ""),
    ("pair-tls", Severity::Fine, "a session stands", ""),
    ("tls-here-only", Severity::Problem, "no connection", "whether the port speaks TLS"),
    ("tls-there-only", Severity::Problem, "ended it without an answer", "both sides use TLS or neither"),
    ("tls-other-authority", Severity::Problem, "no connection", "accepts the other's certificate"),
];

fn check_advice(answer: &str, version: &str, (case, severity, state, next): (&str, Severity, &str, &str)) {
    let sections = peers::parse(answer.as_bytes()).expect("peers");
    assert_eq!(sections.len(), 1, "{case} {version}");
    assert_eq!(
        (&*sections[0].name, sections[0].local().map(|peer| &*peer.name)),
        (b"mesh".as_slice(), Some(b"lb1".as_slice()))
    );
    let advice: Vec<Advice> = explain(&sections, &[], &[]).into_iter().filter(|advice| advice.peer.is_some()).collect();
    let worst = advice.iter().map(|advice| advice.severity).max();
    // The old session may still be there when the counter is read, or not.
    assert!(worst == Some(severity) || case == "malformed", "{case} {version}: {advice:#?}");
    let found = advice
        .iter()
        .find(|advice| advice.state.contains(state))
        .unwrap_or_else(|| panic!("{case} {version}: {advice:#?}"));
    assert!(found.next.as_deref().unwrap_or_default().contains(next), "{case} {version}: {found:#?}");
}

#[test]
fn every_state_of_a_peer_is_explained() {
    for haproxy in support::haproxies() {
        // They wait for HAProxy's timers most of the time.
        thread::scope(|scope| {
            for case in CASES {
                let haproxy = &haproxy;
                scope.spawn(move || {
                    let answer = show_peers(haproxy, case.0);
                    record(haproxy, case.0, &answer);
                    check_advice(&answer, &haproxy.branch(), case);
                });
            }
        });
    }
}

#[test]
fn every_recorded_state_of_a_peer_is_explained() {
    for case in CASES {
        for (branch, answer) in recorded(case.0) {
            check_advice(&answer, &branch, case);
        }
    }
}

#[test]
fn counters_and_ids_of_peers_are_read() {
    for (branch, answer) in recorded("announced") {
        let sections = peers::parse(answer.as_bytes()).expect("peers");
        let [section] = &*sections else { panic!("one section: {sections:?}") };
        let guest = section.peers.iter().find(|peer| !peer.local).expect("a guest");
        assert_eq!(
            (guest.active, guest.status, guest.proto_err, &*guest.address),
            (true, Status::ESTABLISHED, 0, b"127.0.0.1:10999".as_slice())
        );
        assert_eq!(
            (guest.transport.as_deref(), guest.connection.as_deref()),
            (Some(b"RAW".as_slice()), Some(b"EST".as_slice()))
        );
        assert!(guest.source.as_ref().is_some_and(|source| source.starts_with(b"127.0.0.1:")));
        assert!(
            matches!((guest.reconnect, guest.heartbeat), (Timer::Seconds(0..=5), Timer::Seconds(0..=3))),
            "{guest:?}"
        );
        assert_eq!(guest.learn_state.is_some(), branch != "2.6");
        let [shop, t] = &*guest.tables else { panic!("two tables: {:?}", guest.tables) };
        assert_eq!((&*shop.name, shop.local_id, shop.remote_id, shop.unsent()), (b"shop".as_slice(), 2, 0, 0));
        assert_eq!((&*t.name, t.local_id, t.remote_id, t.remote_data), (b"mesh/t".as_slice(), 1, 5, 1 << 2));
        assert_eq!(
            (t.last_acked, t.last_get, t.update, t.last_pushed, t.local_update),
            (7, 7, 1, 2, 2),
            "{branch}: {t:?}"
        );
        assert_eq!((t.unacknowledged(), t.unsent(), t.table_update, t.is_being_taught()), (1, 0, 3, false));
        assert!(section.is_synchronised() && !guest.owes_confirm() && !guest.is_asked());
    }
    for (branch, answer) in recorded("taught") {
        let sections = peers::parse(answer.as_bytes()).expect("peers");
        let guest = sections[0].peers.iter().find(|peer| !peer.local).expect("a guest");
        assert!(guest.owes_confirm() && guest.is_asked() && !sections[0].is_synchronised(), "{branch}");
        assert!(guest.tables.iter().all(peers::SharedTable::is_being_taught), "{branch}");
    }
}

#[test]
fn what_grows_between_two_readings_is_a_problem() {
    for (_, answer) in recorded("taken-over") {
        let before = peers::parse(answer.as_bytes()).expect("peers");
        let mut after = before.clone();
        for peer in &mut after[0].peers {
            (peer.coll, peer.proto_err) = (peer.coll + 3, 2);
        }
        let problems: Vec<String> = (explain(&after, &before, &[]).into_iter())
            .filter(|advice| advice.severity == Severity::Problem)
            .map(|advice| advice.state)
            .collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].contains("2 malformed messages, 2 of them just now")
                && problems[1].contains("3 sessions taken over")
        );
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_is_read_or_refused_but_never_a_panic() {
    for (_, answer) in recorded("announced") {
        for end in 0..answer.len() {
            if let Ok(sections) = peers::parse(&answer.as_bytes()[..end]) {
                let advice = explain(&sections, &[], &[]);
                assert!(advice.iter().all(|advice| !advice.state.is_empty()));
            }
        }
    }
    assert!(peers::parse(b"Unknown command: 'show'").is_err());
    assert_eq!(peers::parse(b"\n").expect("no section"), []);
}

#[test]
fn a_section_that_haproxy_dropped_is_named() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let setup = Setup::new(&haproxy, &network).table("t", TABLE);
        // The section says nothing of `lb9`, so HAProxy of that name drops it.
        let text = setup.configuration();
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("haproxy.cfg"), text.replace("server lb1\n", "server lb1 127.0.0.1:10003\n"))
            .expect("written");
        let lb9 = haproxy.start(&network, dir.path(), &["haproxy.cfg"], Some("lb9"));
        let (peers, tables) = (lb9.cli("show peers"), lb9.cli("show table"));
        record(&haproxy, "dropped", &tables);
        let sections = peers::parse(peers.as_bytes()).expect("peers");
        let tables: Vec<ShownTable> = lines(&tables).map(|line| ShownTable::parse(line).expect("a table")).collect();
        let advice = explain(&sections, &[], &tables);
        let [only] = &*advice else { panic!("{advice:?}") };
        assert!(only.severity == Severity::Problem && only.state.starts_with("peers mesh: not in use"), "{only:?}");
    }
}
