//! Calls of real HAProxy processes.

use std::time::Instant;

use peerctl::node::{self, Address, Control, Handler, LinkState, Next, Node, Options, PeerIndex, Retry, Target};
use peerctl::proto::Session;
use peerctl::proto::session::Event;

mod support;

use support::{Network, Setup};

/// Asks for a resync, notes what it hears, and stops at the end.
struct Learner {
    control: Control,
    heard: Vec<String>,
    asked: bool,
}

impl Handler for Learner {
    fn event(&mut self, peer: PeerIndex, _now: Instant, event: Event<'_>) {
        match event {
            Event::Update(update) => {
                let (table, key) = (String::from_utf8_lossy(&update.table.definition.name), update.key);
                self.heard.push(format!("{table} {key:?} {:?} {}", update.values, update.resync));
            }
            Event::ResyncEnded { complete } => {
                self.heard.push(format!("end {complete}"));
                self.control.stop(peer);
            }
            other => self.heard.push(format!("{other:?}")),
        }
    }

    fn ready(&mut self, _peer: PeerIndex, _now: Instant, session: &mut Session) -> Next {
        if !std::mem::replace(&mut self.asked, true) {
            session.request_resync();
        }
        Next::Wait
    }

    fn link(&mut self, _peer: PeerIndex, _now: Instant, state: &LinkState<'_>) {
        self.heard.push(format!("{state:?}"));
    }
}

#[test]
fn a_call_learns_what_haproxy_holds() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
        let address = Address::parse(&lb1.address()).expect("an address");
        let heard = network.within(|| {
            node::run(async {
                let control = Control::new();
                let learner = Learner { control: control.clone(), heard: Vec::new(), asked: false };
                let node = Node::new(Options::new(b"peerctl"), control, learner);
                node.dial(Target { retry: Retry::Never, ..Target::new(b"lb1", address) });
                node.finished().await;
                std::mem::take(&mut node.handler().heard)
            })
        });
        let heard = heard.expect("a runtime");
        assert!(heard.contains(&"/t [10, 0, 0, 1] [7] true".to_owned()), "{:?}: {heard:#?}", haproxy.version);
        assert!(heard.iter().any(|line| line.starts_with("end ")), "{heard:#?}");
    }
}
