//! Nodes, their faults, and an aggregator among them, on a clock of their own.

use std::collections::{BTreeMap, BTreeSet};

use peerctl::aggregate::{
    Aggregation, Aggregator, Announced, DataPolicy, Limits, Naming, OnReset, Peer, PeerNumber, Policy, Publish,
    Relation, Restored, Stale,
};
use peerctl::grammar::DataType;
use peerctl::stick::{Definition, FreqCtr, Place, ValueKind, parse};
use peerctl::table::{ServerKey, Update};

use crate::model::{Expected, Model, Source, Values};
use crate::support::random::Random;
use peerctl::aggregate::DataPolicy::{And, Last, Max, Min, Or, Sum};

/// How large a world is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) sources: usize,
    pub(crate) keys: usize,
    pub(crate) steps: usize,
    /// Updates of one step, at most.
    pub(crate) burst: usize,
    /// Keys looked at in a check; all, if there are fewer.
    pub(crate) looked_at: usize,
    /// The longest time that passes at once, in milliseconds: in it, all that has a rate is sent again to all.
    pub(crate) longest: u64,
    /// The most time between two updates of a key, in milliseconds.
    pub(crate) repeats: u64,
    /// One of so many totals that are sent is compared.
    pub(crate) one_of: u32,
    /// The test that has such worlds.
    pub(crate) test: &'static str,
}

/// A HAProxy.
#[derive(Debug)]
struct Node {
    /// Its own entries: values when they changed last, and when.
    entries: BTreeMap<u32, (Vec<u64>, u64, u32)>,
    /// What it was taught of the totals: values, when, and until when it keeps them.
    totals: BTreeMap<u32, (Vec<u64>, u64, u64)>,
    /// Keys whose totals it has from an aggregator that has ended; the one that goes on may not know that.
    orphans: BTreeSet<u32>,
    next_id: u32,
    is_up: bool,
    /// Which of the definitions its table has.
    variant: usize,
    /// The keys a resync has still to teach.
    teaching: Option<Vec<u32>>,
    /// When it went.
    away: u64,
}

pub(crate) struct World {
    seed: u64,
    random: Random,
    size: Size,
    now: u64,
    /// What the aggregator's clock is ahead.
    base: u64,
    /// When the aggregator was started.
    start: u64,
    options: Aggregation,
    definitions: Vec<Vec<Definition>>,
    aggregator: Aggregator,
    model: Model,
    variant: usize,
    nodes: Vec<Node>,
    pub(crate) pushed: u64,
    pub(crate) compared: u64,
}

const COLUMNS: [&str; 2] = [
    "gpt0,gpc0,conn_cnt,conn_cur,http_req_rate(1s),bytes_in_cnt,bytes_in_rate(10s)",
    "gpt0,gpc0,conn_cnt,conn_cur,http_req_rate(2s),bytes_in_cnt,bytes_in_rate(10s)",
];

const TOTAL: &[u8] = b"t.agg";

fn definition(name: &[u8], columns: &str, expire: u32) -> Definition {
    let expire = if expire == 0 { String::new() } else { format!(" expire {expire}ms") };
    let line = format!("type integer size 1m{expire} store {columns}");
    let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
    Definition::of_schema(name, &schema).expect("a key type")
}

impl World {
    pub(crate) fn new(seed: u64, size: Size) -> Self {
        let mut random = Random::new(seed);
        let mut policy = Policy::default();
        let reset = random.pick(&[OnReset::Current, OnReset::Current, OnReset::Monotonic]);
        policy.of.insert(DataType::GPC0, (random.pick(&[Sum, Sum, Max, Min, Last, Or, And]), reset));
        if random.one_in(4) {
            policy.of.insert(data_type("bytes_in_rate"), (random.pick(&[Max, Min, Last]), OnReset::Current));
        }
        let min_interval_ms = random.pick(&[0, 1, 10, 10, 40]);
        let max_interval_ms = random.pick(&[size.repeats / 10, size.repeats]);
        let options = Aggregation {
            name: "web".into(),
            naming: Naming::Suffix { from: None, to: b".agg".as_slice().into() },
            peers: (0..size.sources)
                .map(|n| Peer { name: format!("lb{n}").into_bytes().into(), relation: Relation::Node })
                .collect(),
            policy: policy.clone(),
            publish: Publish { min_interval_ms, max_interval_ms },
            stale: random.pick(&[Stale::Keep, Stale::Keep, Stale::DropAfter(700), Stale::Stop]),
            start_grace_ms: random.pick(&[0, 500]),
            refresh_ms: random.pick(&[None, Some(900), Some(5_000)]),
            teach_back: false,
            lease: None,
        };
        let (now, base) = (1_000, random.next() % (1 << 33));
        let expires = [0, 1_500, 2_000, 60_000];
        let one = random.pick(&expires);
        let definitions: Vec<Vec<Definition>> = (0..size.sources)
            .map(|_| {
                let expire = if random.one_in(4) { random.pick(&expires) } else { one };
                COLUMNS.iter().map(|columns| definition(b"t", columns, expire)).collect()
            })
            .collect();
        let aggregator = Aggregator::new(options.clone(), b"agg1", Limits::default(), base + now).expect("it can be");
        let sources =
            definitions.iter().map(|definition| Source { expire: definition[0].expire_ms, ..Source::default() });
        let model = Model { sources: sources.collect(), policy, definition: definitions[0][0].clone() };
        let nodes = (0..size.sources).map(|_| Node {
            entries: BTreeMap::new(),
            totals: BTreeMap::new(),
            orphans: BTreeSet::new(),
            next_id: 1,
            is_up: false,
            variant: 0,
            teaching: None,
            away: 0,
        });
        let nodes = nodes.collect();
        Self {
            seed,
            random,
            size,
            now,
            base,
            start: now,
            options,
            definitions,
            aggregator,
            model,
            variant: 0,
            nodes,
            pushed: 0,
            compared: 0,
        }
    }

    pub(crate) fn run(&mut self) {
        for node in 0..self.size.sources {
            if !self.random.one_in(4) {
                self.connect(node);
            }
        }
        for _ in 0..self.size.steps {
            self.step();
        }
        // In the end everybody is there, and everything is sent.
        for node in 0..self.size.sources {
            self.connect(node);
        }
        self.advance(self.size.longest.min(5_000));
        (0..20).for_each(|_| self.resyncs(usize::MAX));
        self.advance(100);
        self.check(true);
        let status = self.aggregator.status(self.clock());
        let is_just_over = |deadline: u64| deadline <= self.now && self.now - deadline <= 32;
        let mut entries = self.model.sources.iter().flat_map(|source| source.entries.values());
        if let [table] = status.tables.as_slice()
            && !entries.any(|entry| is_just_over(entry.deadline))
        {
            let keys = self.model.keys(self.now).len();
            assert_eq!((table.keys, table.gone), (keys, 0), "keys, and those that are gone: {}", self.place());
        }
    }

    fn step(&mut self) {
        let node = self.random.below(self.size.sources);
        match self.random.below(40) {
            0 => self.restart(node),
            1 => self.disconnect(node),
            2..=4 => self.connect(node),
            5 => self.clear(node),
            6 => self.aggregator.ask(PeerNumber(node), self.clock()),
            7 if self.random.one_in(4) => self.restart_aggregator(),
            8 if node > 0 && self.random.one_in(3) => self.redefine(node),
            9 => self.forget(),
            10 => {
                let wait = self.random.pick(&[300, 1_000, 2_500, 12_000]);
                self.advance(wait.min(self.size.longest));
                self.check(true);
            }
            11..=14 => {
                let wait = self.random.below(30) as u64;
                self.advance(wait);
                self.check(false);
            }
            15..=20 => {
                let wait = self.random.below(60) as u64;
                self.lazily(wait);
            }
            _ => {
                for _ in 0..=self.random.below(self.size.burst) {
                    let node = self.random.below(self.size.sources);
                    self.hit(node);
                }
            }
        }
        let chunk = self.random.below(self.size.burst * 2) + 1;
        self.resyncs(chunk);
    }

    /// Something happens at a node.
    fn hit(&mut self, node: usize) {
        let key = u32::try_from(self.random.below(self.size.keys)).expect("small");
        let state = &mut self.nodes[node];
        let layout = &self.definitions[node][0].layout;
        let old = state.entries.get(&key).map(|(values, ..)| values.clone());
        let mut values = old.unwrap_or_else(|| vec![0; layout.slots()]);
        for field in layout.fields() {
            let slots = &mut values[field.slot..field.slot + field.slots()];
            if let [elapsed, current, previous] = slots {
                let period = u64::from(field.period_ms.expect("a rate"));
                *elapsed = self.random.next() % (if self.random.one_in(3) { period * 3 } else { period });
                let most = self.random.pick(&[1, 3, 1_000, 1_000, 50_000_000]);
                (*current, *previous) = (self.random.next() % most, self.random.next() % most);
                if self.random.one_in(8) {
                    (*elapsed, *current, *previous) = (self.random.next() & 0xffff_ffff, 0, 0);
                }
            } else {
                let most = if field.kind == ValueKind::Unsigned64 { u64::MAX } else { u32::MAX.into() };
                let add = self.random.pick(&[0, 1, 1, 7, 300, most / 3]);
                slots[0] = if self.random.one_in(30) { 0 } else { slots[0].saturating_add(add).min(most) };
            }
        }
        state.next_id += 1;
        let id = state.next_id;
        state.entries.insert(key, (values.clone(), self.now, id));
        if state.is_up && state.teaching.is_none() {
            self.teach(node, key, &values, id, None);
        }
    }

    /// An update arrives at the aggregator.
    fn teach(&mut self, node: usize, key: u32, values: &[u64], id: u32, life_ms: Option<u32>) {
        let bytes = key.to_be_bytes();
        let resync = life_ms.is_some();
        let update = Update { key: &bytes, values, server_key: ServerKey::Unchanged, update_id: id, life_ms, resync };
        let taken = self.aggregator.update(PeerNumber(node), 3, &update, self.clock());
        assert_eq!(taken.is_some(), self.model.sources[node].is_accepted, "{}", self.place());
        if self.model.sources[node].is_accepted {
            self.model.teach(node, key, values, id, life_ms, self.now);
        }
        if self.random.one_in(4) {
            // What it was taught of the totals comes back to the aggregator.
            let echo = Update { values: &vec![1 << 20; values.len()], ..update };
            assert_eq!(self.aggregator.update(PeerNumber(node), 7, &echo, self.clock()), None, "{}", self.place());
        }
    }

    fn connect(&mut self, node: usize) {
        if self.nodes[node].is_up {
            return;
        }
        self.nodes[node].is_up = true;
        self.model.sources[node].is_up = true;
        self.aggregator.link_up(PeerNumber(node), self.clock());
        self.announce(node);
        self.work();
        self.resyncs(1);
    }

    /// What is done piece by piece is done.
    fn work(&mut self) {
        if self.aggregator.has_work() {
            self.tick(0);
        }
    }

    /// A node says what its tables are.
    fn announce(&mut self, node: usize) {
        let variant = self.nodes[node].variant;
        let definition = self.definitions[node][variant].clone();
        let answer = self.aggregator.table(PeerNumber(node), 3, &definition, self.clock());
        let total = Definition { name: TOTAL.into(), ..definition };
        assert_eq!(self.aggregator.table(PeerNumber(node), 7, &total, self.clock()), Announced::Echo);
        let now = self.now;
        let has_say = |source: &Source| {
            source.is_accepted && (source.is_up || source.entries.values().any(|entry| entry.deadline > now))
        };
        let mut others = self.model.sources.iter().enumerate().filter(|(other, _)| *other != node);
        let is_free = !others.any(|(_, source)| has_say(source));
        if variant == self.variant {
            assert_eq!(answer, Announced::Accepted, "{}", self.place());
            self.model.sources[node].is_accepted = true;
        } else if answer == Announced::Accepted {
            assert!(is_free, "{}", self.place());
            self.variant = variant;
            self.model.definition = self.definitions[0][variant].clone();
            for (source, node) in self.model.sources.iter_mut().zip(&self.nodes) {
                source.entries.clear();
                source.is_accepted = node.variant == variant && node.is_up;
            }
            for node in &mut self.nodes {
                // The aggregator asks for everything again.
                node.teaching = None;
                node.orphans.extend(node.totals.keys());
            }
        } else {
            assert!(matches!(answer, Announced::Rejected(_)), "{}", self.place());
            self.model.sources[node].entries.clear();
            self.model.sources[node].is_accepted = false;
        }
    }

    fn disconnect(&mut self, node: usize) {
        if self.nodes[node].is_up {
            self.nodes[node].is_up = false;
            self.nodes[node].teaching = None;
            self.model.sources[node].is_up = false;
            self.aggregator.link_down(PeerNumber(node), true, self.clock());
            self.nodes[node].away = self.now;
            self.work();
        }
    }

    /// A node starts again, without its tables.
    fn restart(&mut self, node: usize) {
        self.disconnect(node);
        let next_id = self.nodes[node].next_id + 1_000_000;
        let Node { variant, away, .. } = self.nodes[node];
        self.nodes[node] = Node {
            entries: BTreeMap::new(),
            totals: BTreeMap::new(),
            orphans: BTreeSet::new(),
            next_id,
            is_up: false,
            variant,
            teaching: None,
            away,
        };
        if self.random.one_in(2) {
            self.connect(node);
        }
    }

    /// A node's table has another definition from now on: HAProxy needs a restart for that.
    fn redefine(&mut self, node: usize) {
        self.nodes[node].variant ^= 1;
        self.restart(node);
        self.connect(node);
    }

    /// A key is cleared at a node, which tells nobody.
    fn clear(&mut self, node: usize) {
        let keys: Vec<u32> = self.nodes[node].entries.keys().copied().take(3).collect();
        for key in keys {
            self.nodes[node].entries.remove(&key);
        }
    }

    fn forget(&mut self) {
        let key = u32::try_from(self.random.below(self.size.keys)).expect("small");
        let had = self.aggregator.forget(b"t", &key.to_be_bytes(), self.clock()).len();
        let now = self.now;
        let removed = self.model.sources.iter_mut().filter_map(|source| source.entries.remove(&key));
        let alive = removed.filter(|entry| entry.deadline > now).count();
        assert!(had >= alive, "{had} of {alive}: {}", self.place());
    }

    /// The aggregator ends, and another one goes on with its file. Its clock begins anywhere.
    fn restart_aggregator(&mut self) {
        let has_last = self.options.policy.of.values().any(|(policy, _)| *policy == DataPolicy::Last);
        if has_last && self.definitions.iter().any(|definitions| definitions[0].expire_ms == 0) {
            // Nothing says which source was the last one to teach what never expires.
            return;
        }
        (0..self.size.sources).for_each(|node| self.disconnect(node));
        let file: Vec<_> = self
            .aggregator
            .snapshot(self.clock())
            .map(|saved| {
                let kept = saved.kept.map(<[u64]>::to_vec);
                (saved.peer.to_vec(), saved.definition.clone(), saved.entry.to_entry(), kept)
            })
            .collect();
        let away = self.random.pick(&[0_u32, 5, 700, 1_900]);
        self.now += u64::from(away);
        self.start = self.now;
        self.base = self.random.next() % (1 << 33);
        let clock = self.clock();
        self.aggregator =
            Aggregator::new(self.options.clone(), b"agg1", Limits::default(), clock).expect("it could be before");
        for (peer, definition, entry, kept) in &file {
            let age = u32::try_from(entry.age_ms).expect("short");
            let restored = Restored {
                peer,
                definition,
                key: &entry.key,
                values: &entry.values,
                kept: kept.as_deref(),
                server_key: None,
                update_id: entry.update_id,
                expire_ms: entry.rest_ms.map(|rest| rest + age),
                since_ms: i64::from(age + away),
            };
            self.aggregator.restore(&restored, clock);
        }
        for node in &mut self.nodes {
            // Who isn't sent such a total again before it ends may not be told that it is zero then: HAProxy would teach it back,
            // these nodes don't.
            node.orphans.extend(node.totals.keys());
            node.away = 0;
        }
        self.model.sources.iter_mut().for_each(|source| source.is_accepted = false);
        self.tick(usize::MAX);
        self.check(false);
    }

    /// The aggregator's clock.
    fn clock(&self) -> u64 {
        self.base + self.now
    }

    /// Resyncs begin, go on by so many keys, and end.
    fn resyncs(&mut self, chunk: usize) {
        for node in 0..self.size.sources {
            if !self.nodes[node].is_up {
                continue;
            }
            if self.nodes[node].teaching.is_none() && self.aggregator.wants_resync(PeerNumber(node), self.clock()) {
                self.model.sources[node].generation += 1;
                self.nodes[node].teaching = Some(self.nodes[node].entries.keys().copied().collect());
            }
            let Some(mut keys) = self.nodes[node].teaching.take() else { continue };
            for _ in 0..chunk.min(keys.len()) {
                let key = keys.pop().expect("there are so many");
                self.teach_again(node, key, true);
            }
            if !keys.is_empty() {
                self.nodes[node].teaching = Some(keys);
                continue;
            }
            let complete = !self.random.one_in(5);
            self.aggregator.resync_ended(PeerNumber(node), complete, self.clock());
            if complete {
                self.model.sweep(node, self.now);
                self.work();
            }
            // HAProxy sends again what was not acknowledged.
            let again: Vec<u32> = self.nodes[node].entries.keys().copied().take(3).collect();
            for key in again {
                self.teach_again(node, key, false);
            }
        }
    }

    fn teach_again(&mut self, node: usize, key: u32, timed: bool) {
        let Some((values, at, id)) = self.nodes[node].entries.get(&key).cloned() else { return };
        let variant = self.nodes[node].variant;
        let definition = &self.definitions[node][variant];
        let (age, mut values) = (self.now - at, values);
        let rest = u64::from(definition.expire_ms).saturating_sub(age);
        if definition.expire_ms > 0 && rest == 0 {
            self.nodes[node].entries.remove(&key);
            return;
        }
        for field in definition.layout.fields().iter().filter(|field| field.kind == ValueKind::Rate) {
            let slots = &mut values[field.slot..field.slot + 3];
            slots[0] = (slots[0] + age) & 0xffff_ffff;
        }
        let life = u32::try_from(rest).expect("short");
        self.teach(node, key, &values, id, timed.then_some(life));
    }

    fn tick(&mut self, budget: usize) {
        self.aggregator.tick(self.clock(), budget);
        // What is done piece by piece is done before anything else happens here.
        while self.aggregator.has_work() {
            let budget = 1 + self.random.below(5_000);
            self.aggregator.tick(self.clock(), budget);
        }
        let Stale::DropAfter(after) = self.options.stale else { return };
        for (node, source) in self.nodes.iter_mut().zip(&mut self.model.sources) {
            if !node.is_up && node.away.max(self.start) + after <= self.now {
                source.entries.clear();
            }
        }
    }

    /// Time passes, and the aggregator does all in time.
    fn advance(&mut self, wait: u64) {
        let end = self.now + wait;
        loop {
            self.tick(usize::MAX);
            self.resyncs(0);
            (0..self.size.sources).for_each(|node| while self.send(node, usize::MAX) {});
            let due = self.aggregator.next_due(self.clock()).map_or(u64::MAX, |due| due - self.base);
            assert!(due > self.now, "something is due and not done: {}", self.place());
            if due > end {
                break;
            }
            self.now = due;
        }
        self.now = end;
    }

    /// Time passes, and the aggregator does part of what is due, late.
    fn lazily(&mut self, wait: u64) {
        self.now += wait;
        let budget = self.random.below(20);
        self.tick(budget);
        let node = self.random.below(self.size.sources);
        self.send(node, budget);
    }

    /// Sends to a destination, which takes what HAProxy would take; returns whether there is more.
    fn send(&mut self, node: usize, budget: usize) -> bool {
        let (clock, place, one_of) = (self.clock(), self.place(), self.size.one_of);
        let expire_ms = Some(self.definitions[node][0].expire_ms).filter(|expire| *expire > 0);
        let Self { aggregator, nodes, model, now, pushed, .. } = self;
        let state = &mut nodes[node];
        aggregator.publish(PeerNumber(node), clock, budget, |_, definition, push| {
            assert!(state.is_up, "{place}");
            assert_eq!(&*definition.name, TOTAL);
            let key = u32::from_be_bytes(push.key.try_into().expect("4 bytes"));
            *pushed += 1;
            let ends = |life_ms: Option<u32>| life_ms.map_or(u64::MAX, |life| *now + u64::from(life));
            let until = ends(push.life_ms);
            state.totals.insert(key, (push.values.to_vec(), *now, ends(push.life_ms.or(expire_ms))));
            state.orphans.remove(&key);
            if key % one_of != 0 {
                return true;
            }
            let expected = model.total(key, *now);
            if let Some((_, deadline)) = &expected {
                // That it is taught again with less than a second less to live is no news.
                assert!(
                    (0..1_000).contains(&until.wrapping_sub(*deadline)),
                    "life of {key}: {until}, {deadline}: {place}"
                );
            }
            compare(definition, push.values, 0, expected.map(|(values, _)| values).as_ref(), true)
                .unwrap_or_else(|error| panic!("sent for {key}: {error}: {place}\n{}", model.show(key)));
            true
        })
    }

    /// Compares totals with the model: as the aggregator has them, and, if all was done in time, as the nodes have them.
    fn check(&mut self, all: bool) {
        if all {
            // What was put off is sent by then.
            self.advance(self.options.publish.min_interval_ms + 40);
        }
        let keys = self.size.keys;
        let count = keys.min(self.size.looked_at);
        let first = self.random.below(keys);
        for key in (0..count).map(|n| u32::try_from((first + n) % keys).expect("small")) {
            let expected = self.model.total(key, self.now);
            let (clock, place) = (self.clock(), self.place());
            let definition = Definition { name: TOTAL.into(), ..self.model.definition.clone() };
            let found = self.aggregator.total(b"t", &key.to_be_bytes(), clock);
            self.compared += 1;
            match (found, &expected) {
                (None, None) => {}
                (Some((values, _)), Some((expected, _))) => compare(&definition, values, 0, Some(expected), true)
                    .unwrap_or_else(|error| panic!("total of {key}: {error}: {place}\n{}", self.model.show(key))),
                (found, expected) => {
                    panic!("total of {key}: {found:?}, but {expected:?}: {place}\n{}", self.model.show(key))
                }
            }
            if all && self.aggregator.is_open() {
                self.check_nodes(key, expected.as_ref());
            }
        }
    }

    fn check_nodes(&mut self, key: u32, expected: Option<&(Values, u64)>) {
        // Entries that have just expired may be part of totals for a 2000th of their life, and so may those of a source that has
        // just been given up; then until the total may be sent again.
        let waits = self.options.publish.min_interval_ms;
        let is_just_over = |at: u64, late: u64| at <= self.now && self.now - at <= late + waits;
        let mut deadlines = self.model.sources.iter().filter_map(|source| Some(source.entries.get(&key)?.deadline));
        if deadlines.any(|deadline| is_just_over(deadline, 32)) {
            return;
        }
        if let Stale::DropAfter(after) = self.options.stale {
            let mut away = self.nodes.iter().filter(|node| !node.is_up);
            if away.any(|node| is_just_over(node.away.max(self.start) + after, 0)) {
                return;
            }
        }
        let sum = self.options.policy.get(data_type("bytes_in_rate")).0 == DataPolicy::Sum;
        let place = self.place();
        for (at, node) in self.nodes.iter_mut().enumerate().filter(|(_, node)| node.is_up) {
            if expected.is_some() {
                node.orphans.remove(&key);
            } else if node.orphans.contains(&key) {
                continue;
            }
            let has = node.totals.get(&key).filter(|(.., until)| *until > self.now);
            let error = match has {
                Some((values, since, _)) => {
                    let expected = expected.map(|(values, _)| values);
                    compare(&self.model.definition, values, self.now - since, expected, sum)
                }
                // What never expires elsewhere does here, where the table's definition says so.
                None if expected
                    .is_some_and(|(_, until)| *until < u64::MAX || self.definitions[at][0].expire_ms == 0) =>
                {
                    Err("it has none".into())
                }
                None => Ok(()),
            };
            error.unwrap_or_else(|error| panic!("lb{at} has of {key}: {error}: {place}\n{}", self.model.show(key)));
        }
    }

    fn place(&self) -> String {
        format!("at {} ms; AGGREGATE_SEED={} cargo test --test aggregate_sim {}", self.now, self.seed, self.size.test)
    }
}

/// Compares values of a table of totals that are so old with what they must be: zero if it is `None`.
fn compare(
    definition: &Definition,
    values: &[u64],
    age: u64,
    expected: Option<&Values>,
    all_rates: bool,
) -> Result<(), String> {
    for field in definition.layout.fields() {
        let slots = &values[field.slot..field.slot + field.slots()];
        let expected = expected.and_then(|expected| expected.get(&(field.data_type, 0)));
        if let Some(period) = field.period_ms {
            let rate = i128::from(FreqCtr::from_slots(slots).rate(period, u32::try_from(age).expect("short")));
            let period = i128::from(period);
            let exact = if let Some(Expected::Rate(exact, _)) = expected { *exact } else { 0 };
            let known = all_rates || field.data_type != data_type("bytes_in_rate");
            if known && (rate * period - exact).abs() > period {
                return Err(format!("{field}: {rate} by {slots:?} {age} ms ago, not {exact}/{period}"));
            }
        } else {
            let number = if let Some(Expected::Number(number)) = expected { *number } else { 0 };
            if slots[0] != number {
                return Err(format!("{field}: {}, not {number}", slots[0]));
            }
        }
    }
    Ok(())
}

fn data_type(name: &str) -> DataType {
    DataType::by_name(name.as_bytes()).expect("it is known")
}
