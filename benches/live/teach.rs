//! Entries from memory, sent as `replay` sends those of a file.

use std::{sync::Arc, time::Instant};

use peerctl::{
    node::{self, Address, Control, Handler, LinkState, Next, Node, OUTPUT_LOW, Options, PeerIndex, Target},
    proto::{
        Session,
        session::{Event, LocalTable, Push},
    },
};

use crate::{entries, support::Network};

/// Key and values.
pub(crate) type Entry = ([u8; 4], [u64; 7]);

/// The most entries pushed in one turn.
const TURN: usize = 2048;

struct Teacher {
    entries: Arc<[Entry]>,
    at: usize,
    table: Option<LocalTable>,
    /// The update id of the last entry.
    last: u32,
    acknowledged: bool,
    control: Control,
}

/// Sends all entries to the peer `name`, and waits until it has acknowledged the last one.
pub(crate) fn teach(network: &Network, name: String, address: String, entries: &[Entry]) {
    let entries: Arc<[Entry]> = entries.into();
    let taught = network.within(move || {
        node::run(async {
            let control = Control::new();
            let teacher =
                Teacher { entries, at: 0, table: None, last: 0, acknowledged: false, control: control.clone() };
            let node = Node::new(Options::new(b"peerctl"), control, teacher);
            node.dial(Target::new(name.as_bytes(), Address::parse(&address).expect("an address")));
            node.finished().await;
            node.handler().acknowledged
        })
    });
    assert!(taught.expect("an event queue"), "all is acknowledged");
}

impl Handler for Teacher {
    fn event(&mut self, peer: PeerIndex, _now: Instant, event: Event<'_>) {
        match event {
            Event::Acked { id, .. } if self.at == self.entries.len() && id == self.last => {
                self.acknowledged = true;
                self.control.stop(peer);
            }
            _ => {}
        }
    }

    fn ready(&mut self, _peer: PeerIndex, _now: Instant, session: &mut Session) -> Next {
        let table = *self.table.get_or_insert_with(|| session.define(entries::definition(b"/t")).expect("any table"));
        for (key, values) in self.entries.get(self.at..).unwrap_or_default().iter().take(TURN) {
            if session.pending_output() >= OUTPUT_LOW {
                return Next::Wait;
            }
            let push = Push { key, values, server_key: None, life_ms: Some(entries::EXPIRE_MS) };
            self.last = session.push(table, &push).expect("it fits");
            self.at += 1;
        }
        if self.at < self.entries.len() { Next::Again } else { Next::Wait }
    }

    fn link(&mut self, _peer: PeerIndex, _now: Instant, _state: &LinkState<'_>) {}
}
