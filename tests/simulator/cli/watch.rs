//! `peerctl watch --record` without its process.

use std::path::Path;

use super::follower::{Follower, Selection};
use super::peer::Peer;
use super::recording;
use crate::node::{Handler, clock};
use crate::stick::Definition;
use crate::table::EntryRef;

/// A watch that records.
#[derive(Debug)]
pub(crate) struct Watch(Follower);

impl Watch {
    /// Goes on behind what the file says.
    pub(crate) fn start(peers: &[Box<[u8]>], path: &Path) -> Self {
        let shown = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let peers = peers.iter().map(|name| Peer::new(name.clone(), shown(name), clock::now())).collect();
        let mut follower = Follower::new(peers, Selection::default(), Vec::new());
        recording::begin(&mut follower, path, clock::now()).expect("I8: its own file is readable");
        Self(follower)
    }

    pub(crate) fn handler(&mut self) -> &mut impl Handler {
        &mut self.0
    }

    /// What is done now and then; returns whether acknowledgements wait.
    pub(crate) fn tick(&mut self) -> bool {
        self.0.tick(clock::now());
        self.0.messages.clear();
        assert!(self.0.failed.is_none() && self.0.dropped == 0, "I8: it can't go on: {:?}", self.0.failed);
        self.0.owes()
    }

    /// Ends in order.
    pub(crate) fn stop(&mut self) {
        self.0.stopping = true;
        for outlet in self.0.outlets.drain(..) {
            let (channel, counts) = outlet.end(true);
            assert_eq!(counts.lost, 0, "I8: all became lines");
            channel.finish(None).expect("I8: its file is finished");
        }
    }

    /// Looks at an entry of a peer.
    pub(crate) fn with<T>(
        &self,
        peer: usize,
        table: &[u8],
        key: &[u8],
        look: impl FnOnce(&EntryRef<'_>, &Definition) -> T,
    ) -> Option<T> {
        let held = self.0.tables.iter().find(|held| held.peer == peer && *held.name() == *table)?;
        Some(look(&held.store.get(key, self.0.wall.ms(clock::now()))?, held.store.definition()))
    }
}
