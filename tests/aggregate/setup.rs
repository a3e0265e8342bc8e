//! An aggregation of a few nodes, told what a test wants.

use peerctl::aggregate::{
    Aggregation, Aggregator, Announced, Limits, Naming, Peer, PeerNumber, Policy, Publish, Relation, Stale,
};
use peerctl::stick::{Definition, Place, parse};
use peerctl::table::{Applied, ServerKey, Update};

/// What a test sends for the table `t`, and gets for `t.agg`.
pub(crate) const COLUMNS: &str = "gpc0,http_req_rate(10s)";

pub(crate) fn definition(name: &str, line: &str) -> Definition {
    let line = format!("size 1m {line}");
    let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
    Definition::of_schema(name.as_bytes(), &schema).expect("a key type")
}

pub(crate) fn table() -> Definition {
    definition("t", &format!("type integer expire 60s store {COLUMNS}"))
}

pub(crate) fn options(peers: &[(&str, Relation)]) -> Aggregation {
    Aggregation {
        name: "web".into(),
        naming: Naming::Suffix { from: None, to: b".agg".as_slice().into() },
        peers: peers
            .iter()
            .map(|(name, relation)| Peer { name: name.as_bytes().into(), relation: *relation })
            .collect(),
        policy: Policy::default(),
        publish: Publish::default(),
        stale: Stale::Keep,
        start_grace_ms: 15_000,
        refresh_ms: None,
        teach_back: false,
        lease: Some(b"/lease".as_slice().into()),
    }
}

pub(crate) fn nodes(count: usize) -> Aggregation {
    let names: Vec<String> = (0..count).map(|n| format!("lb{n}")).collect();
    options(&names.iter().map(|name| (name.as_str(), Relation::Node)).collect::<Vec<_>>())
}

/// An aggregation, and what it sent.
pub(crate) struct World {
    pub(crate) aggregator: Aggregator,
    pub(crate) now: u64,
    next_id: u32,
}

/// A total as it was sent: key, values, rest of the life.
pub(crate) type Sent = (u32, Vec<u64>, Option<u32>);

impl World {
    /// An aggregation that nobody has connected to yet.
    pub(crate) fn new(options: Aggregation) -> Self {
        let aggregator = Aggregator::new(options, b"agg1", Limits::default(), 1_000).expect("a few peers");
        Self { aggregator, now: 1_000, next_id: 1 }
    }

    /// All peers are there, and have taught everything.
    pub(crate) fn ready(options: Aggregation) -> Self {
        let mut world = Self::new(options);
        (0..world.aggregator.options().peers.len()).for_each(|peer| world.join(peer));
        world
    }

    /// A peer connects, has the usual table, and teaches everything it has: nothing.
    pub(crate) fn join(&mut self, peer: usize) {
        self.aggregator.link_up(PeerNumber(peer), self.now);
        self.announce(peer, 0, &table());
        if self.aggregator.wants_resync(PeerNumber(peer), self.now) {
            self.aggregator.resync_ended(PeerNumber(peer), true, self.now);
        }
    }

    pub(crate) fn leave(&mut self, peer: usize) {
        self.aggregator.link_down(PeerNumber(peer), true, self.now);
    }

    pub(crate) fn announce(&mut self, peer: usize, table: usize, definition: &Definition) -> Announced {
        self.aggregator.table(PeerNumber(peer), table, definition, self.now)
    }

    /// A peer teaches an entry of its first table.
    pub(crate) fn teach(&mut self, peer: usize, key: u32, values: &[u64]) -> Option<Applied> {
        self.next_id += 1;
        let (key, update_id) = (key.to_be_bytes(), self.next_id);
        let server_key = ServerKey::Unchanged;
        let update = Update { key: &key, values, server_key, update_id, life_ms: None, resync: false };
        self.aggregator.update(PeerNumber(peer), 0, &update, self.now)
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.aggregator.tick(self.now, usize::MAX);
    }

    /// What a destination is sent now, all of it.
    pub(crate) fn sent(&mut self, to: usize) -> Vec<Sent> {
        let mut sent = Vec::new();
        while self.aggregator.publish(PeerNumber(to), self.now, usize::MAX, |_, definition, push| {
            assert!(definition.name.ends_with(b".agg"));
            let key = u32::from_be_bytes(push.key.try_into().expect("4 bytes"));
            sent.push((key, push.values.to_vec(), push.life_ms));
            true
        }) {}
        sent
    }

    /// The values of a total now.
    pub(crate) fn total(&mut self, key: u32) -> Option<Vec<u64>> {
        self.aggregator.total(b"t", &key.to_be_bytes(), self.now).map(|(values, _)| values.to_vec())
    }

    /// The first value of each total that a destination is sent now.
    pub(crate) fn counts(&mut self, to: usize) -> Vec<(u32, u64)> {
        self.sent(to).into_iter().map(|(key, values, _)| (key, values[0])).collect()
    }
}
