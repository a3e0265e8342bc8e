//! Entries from memory, sent as `replay` sends those of a file.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
    began: Option<Instant>,
    acknowledged: Option<Instant>,
    control: Control,
}

/// Sends all entries to the peer `name`; returns how long it took from the first one until the last one was acknowledged.
pub(crate) fn teach(network: &Network, name: String, address: String, entries: &[Entry]) -> Duration {
    let entries: Arc<[Entry]> = entries.into();
    let taught = network.within(move || {
        node::run(async {
            let control = Control::new();
            let teacher = Teacher {
                entries,
                at: 0,
                table: None,
                last: 0,
                began: None,
                acknowledged: None,
                control: control.clone(),
            };
            let node = Node::new(Options::new(b"peerctl"), control, teacher);
            node.dial(Target::new(name.as_bytes(), Address::parse(&address).expect("an address")));
            node.finished().await;
            let teacher = node.handler();
            teacher.acknowledged.zip(teacher.began).map(|(end, began)| end - began)
        })
    });
    taught.expect("an event queue").expect("it acknowledges all")
}

impl Handler for Teacher {
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>) {
        match event {
            Event::Acked { id, .. } if self.at == self.entries.len() && id == self.last => {
                self.acknowledged = Some(now);
                self.control.stop(peer);
            }
            _ => {}
        }
    }

    fn ready(&mut self, _peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        self.began.get_or_insert(now);
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
