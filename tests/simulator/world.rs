//! instances of HAProxy, nodes of ours, the connections between them, and what goes wrong.

mod checks;
mod faults;

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregate::{Aggregation, Naming, Peer as AggregationPeer, Policy, Publish, Relation, Stale, TableName};
use crate::cli::recorder as disk;
use crate::haproxy::{Around, Haproxy, Kind, LONGER, Peer, Shape, TYPES};
use crate::history::History;
use crate::node::clock;
use crate::ours::{Ours, Program, What};
use crate::support::random::Random;
use crate::wire::{Arrival, End, Socket, Wire};

/// A world, made from a seed and nothing else.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: u64,
    epoch: u64,
    wire: Wire,
    history: History,
    haproxies: Vec<Haproxy>,
    ours: Vec<Ours>,
    /// What the tables of each HAProxy are like.
    shapes: Vec<Vec<Shape>>,
    /// How the tables can be defined.
    variants: Vec<Vec<Shape>>,
    /// Whose tables were defined in another way before: a standby goes by the last definition that it was told.
    redefined: Vec<bool>,
    frozen: Frozen,
    /// What will happen: when, a number that keeps the order, what.
    plan: BTreeSet<(u64, usize, Happening)>,
    planned: usize,
    keys: u32,
    pub(crate) counts: Counts,
    pub(crate) trace: bool,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    /// Changes of entries.
    pub(crate) changes: usize,
    pub(crate) faults: usize,
    /// instances of HAProxy that were killed, nodes of ours that were killed.
    pub(crate) killed: [usize; 2],
    /// Acknowledged changes that were looked for on a disk.
    pub(crate) durable: usize,
    /// Entries that were compared at the end.
    pub(crate) compared: usize,
    /// Entries that a HAProxy was taught when it came up cold.
    pub(crate) taught: usize,
    /// Acknowledged changes of a process that the next one was given back.
    pub(crate) given_back: usize,
    pub(crate) deliveries: usize,
    /// Until when it had converged, in milliseconds after the last fault.
    pub(crate) converged: u64,
}

/// Until when who takes nothing and does nothing.
#[derive(Debug)]
struct Frozen {
    haproxies: Vec<u64>,
    ours: Vec<u64>,
}

impl Frozen {
    fn until(&self, end: End) -> u64 {
        match end {
            End::Haproxy(at) => self.haproxies[at],
            End::Ours(at) => self.ours[at],
        }
    }
}

/// What happens by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Happening {
    /// Events are counted at a HAProxy.
    Count(usize),
    Fault,
    StartHaproxy(usize),
    StartOurs(usize),
}

/// How long after the last fault everything has settled, in milliseconds.
const CONVERGENCE: u64 = 10_000;

/// The same for totals when a HAProxy was killed: what its process had counted is part of them until the next one says that it has
/// told everything. As long as it says that it hasn't, it is asked less and less often.
const FORGETTING: u64 = 30_000;

const OWN: &str = "/s";
const COUNTED: &str = "/c";
const TOTAL: &str = "/c.agg";
const LEASE: &str = "/lease";

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        disk::format();
        let epoch = 1_790_000_000_000 + random.next() % 1_000_000_000;
        clock::set(0, epoch);
        let count = 1 + random.below(3);
        let what = random.below(10);
        let (has_hold, has_totals) = (what < 4, (4..9).contains(&what));
        let has_watch = !(has_hold || has_totals) || random.one_in(3);
        let expire = random.pick(&[0, 6_000, 30_000, 30_000, 600_000]);
        let bits = |types: &[u32]| types.iter().fold(0, |bits, number| bits | 1 << number);
        let (few, all) = (bits(&[TYPES[0], TYPES[1], TYPES[3]]), bits(&TYPES));
        let variant = |types: u64, expire: u32| {
            let shape = |name, kind| Shape { name, kind, types, expire };
            let mut shapes = Vec::new();
            if has_hold || !has_totals {
                shapes.push(shape(OWN, Kind::Own));
            }
            if has_totals || !has_hold {
                shapes.push(shape(COUNTED, Kind::Own));
            }
            if has_totals {
                shapes.push(shape(TOTAL, Kind::Total));
                shapes.push(Shape { types: 1 << 2, expire: 1_500, ..shape(LEASE, Kind::Lease) });
            }
            shapes
        };
        let variants = vec![
            variant(few, expire),
            variant(all, expire),
            variant(few, if expire == 0 { 0 } else { expire + LONGER }),
        ];
        let names: Vec<Box<[u8]>> = (0..count).map(|number| format!("lb{}", number + 1).into_bytes().into()).collect();
        let mut whats = Vec::new();
        if has_hold {
            whats.push(("hold", What::Hold));
        }
        if has_totals {
            whats.push(("agg", What::Totals(aggregation(&names, &mut random))));
        }
        if has_watch {
            whats.push(("watch", What::Watch));
        }

        let ours: Vec<Ours> = whats.into_iter().map(|(name, what)| Ours::new(name, what, &names)).collect();
        let peers = |random: &mut Random| {
            let peer = |ours: &Ours| {
                let tables = variants[0].iter().enumerate();
                let is_for = |shape: &Shape| match ours.what {
                    What::Hold => shape.name == OWN,
                    What::Totals(_) => shape.name != OWN,
                    What::Watch => shape.kind == Kind::Own,
                };
                Peer {
                    name: ours.name.clone(),
                    tables: tables.filter(|(_, shape)| is_for(shape)).map(|(at, _)| at).collect(),
                    teaches: matches!(ours.what, What::Hold),
                    calls: random.one_in(3),
                    call_at: u64::MAX,
                    acked: BTreeMap::default(),
                }
            };
            ours.iter().map(peer).collect::<Vec<_>>()
        };
        let haproxies: Vec<Haproxy> =
            (0..count).map(|number| Haproxy::new(number, peers(&mut random), &mut random)).collect();
        let mut world = Self {
            now: 0,
            epoch,
            wire: Wire::default(),
            history: History::default(),
            frozen: Frozen { haproxies: vec![0; count], ours: vec![0; ours.len()] },
            shapes: vec![variants[0].clone(); count],
            redefined: vec![false; count],
            haproxies,
            ours,
            variants,
            plan: BTreeSet::new(),
            planned: 0,
            keys: 1 + u32::try_from(random.below(12)).expect("small"),
            counts: Counts::default(),
            trace: false,
            random,
        };
        world.make_plan();
        world
    }

    /// What will happen, up to the last fault.
    fn make_plan(&mut self) {
        for at in 0..self.haproxies.len() {
            let when = self.random.next() % 500;
            self.will(when, Happening::StartHaproxy(at));
        }
        for at in 0..self.ours.len() {
            let when = self.random.next() % 500;
            self.will(when, Happening::StartOurs(at));
        }
        let (length, faults, counts) =
            (500 + self.random.next() % 6_000, 2 + self.random.below(10), 4 + self.random.below(20));
        for _ in 0..counts {
            let (when, at) = (self.random.next() % length, self.random.below(self.haproxies.len()));
            self.will(when, Happening::Count(at));
        }
        for _ in 0..faults {
            let when = 300 + self.random.next() % length;
            self.will(when, Happening::Fault);
        }
    }

    fn will(&mut self, when: u64, happening: Happening) {
        self.planned += 1;
        self.plan.insert((when, self.planned, happening));
    }

    /// Runs it to its end.
    pub(crate) fn run(&mut self) {
        while let Some((when, ..)) = self.plan.first() {
            let when = *when;
            self.run_to(when);
            let (_, _, happening) = self.plan.pop_first().expect("it is there");
            self.happen(happening);
        }
        self.heal();
        let healed = self.now;
        let is_total = |ours: &Ours| matches!(ours.what, What::Totals(_));
        let limit = if self.counts.killed[0] > 0 && self.ours.iter().any(is_total) { FORGETTING } else { CONVERGENCE };
        let mut problem = Err(String::new());
        let mut passed = 0;
        // Once might be by chance.
        while passed < 2 && self.now < healed + limit {
            self.run_to(self.now + 500);
            problem = self.converged();
            passed = if problem.is_ok() { passed + 1 } else { 0 };
        }
        self.counts.converged = self.now - healed;
        problem.unwrap_or_else(|problem| {
            panic!("I3 convergence: {} ms after the last fault: {problem}", self.now - healed)
        });
        self.end();
    }

    /// Everybody does what is due until then.
    fn run_to(&mut self, end: u64) {
        let mut turns = 0_u32;
        loop {
            let delivery = self.wire.next(|end| self.frozen.until(end));
            let (mut when, mut who) = (delivery.map_or(u64::MAX, |(due, _)| due), None);
            for (at, haproxy) in self.haproxies.iter().enumerate() {
                let calls = haproxy.peers.iter().map(|peer| peer.call_at).min().unwrap_or(u64::MAX);
                let calls = if haproxy.is_up { calls } else { u64::MAX };
                let due = haproxy.due().min(calls).max(self.frozen.haproxies[at]);
                if due < when {
                    (when, who) = (due, Some(End::Haproxy(at)));
                }
            }
            for (at, ours) in self.ours.iter().enumerate() {
                let due = ours.due(&self.wire).max(self.frozen.ours[at]);
                if due < when {
                    (when, who) = (due, Some(End::Ours(at)));
                }
            }
            if when > end {
                break;
            }
            turns = if when > self.now { 0 } else { turns + 1 };
            assert!(turns < 20_000, "I5 bounded: no time passes any more");
            self.at(when.max(self.now));
            match who {
                None => self.deliver(delivery.expect("it is due").1),
                Some(End::Haproxy(at)) => self.haproxy_turn(at),
                Some(End::Ours(at)) => self.ours_turn(at),
            }
        }
        self.at(end.max(self.now));
    }

    fn at(&mut self, now: u64) {
        self.now = now;
        clock::set(now, self.epoch);
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>6} {}", self.now, what());
        }
    }

    fn around(&mut self) -> (Around<'_>, &mut Vec<Haproxy>) {
        let Self { now, wire, history, random, haproxies, .. } = self;
        (Around { now: *now, wire, history, random, haproxies: haproxies.len() }, haproxies)
    }

    fn deliver(&mut self, to: Socket) {
        let end = self.wire.end(to);
        let arrival = self.wire.deliver(to, self.now);
        self.counts.deliveries += 1;
        self.say(|| format!("{to:?} {end:?} {arrival:02x?}"));
        if arrival == Arrival::Reset {
            return self.reset(to.conn);
        }
        match (end, &arrival) {
            (End::Haproxy(at), Arrival::Bytes(bytes)) => {
                let (mut around, haproxies) = self.around();
                haproxies[at].bytes(to, bytes, &mut around);
                self.look_at_lessons(at);
            }
            (End::Haproxy(at), _) => {
                let (mut around, haproxies) = self.around();
                haproxies[at].lost(to, &mut around);
            }
            (End::Ours(at), Arrival::Bytes(bytes)) => {
                self.ours[at].bytes(to, bytes, &mut self.wire, &mut self.random);
            }
            (End::Ours(at), _) => self.ours[at].lost(to, false, &mut self.wire, &mut self.random),
        }
        // Whoever sent it has room for more.
        let from = Socket { side: 1 - to.side, ..to };
        match self.wire.end(from) {
            End::Haproxy(at) => {
                let (mut around, haproxies) = self.around();
                haproxies[at].tell_all(&mut around);
            }
            End::Ours(at) => self.ours[at].has_room(from, &mut self.wire, &mut self.random),
        }
    }

    /// A connection breaks.
    fn reset(&mut self, conn: usize) {
        let sockets = self.wire.reset(conn);
        self.broken(sockets);
    }

    fn broken(&mut self, sockets: Vec<Socket>) {
        for socket in sockets {
            match self.wire.end(socket) {
                End::Haproxy(at) => {
                    let (mut around, haproxies) = self.around();
                    haproxies[at].lost(socket, &mut around);
                }
                End::Ours(at) => self.ours[at].lost(socket, true, &mut self.wire, &mut self.random),
            }
        }
    }

    fn haproxy_turn(&mut self, at: usize) {
        let (mut around, haproxies) = self.around();
        haproxies[at].turn(&mut around);
        haproxies[at].tell_all(&mut around);
        for peer in 0..self.haproxies[at].peers.len() {
            if self.haproxies[at].peers[peer].call_at > self.now {
                continue;
            }
            self.haproxies[at].peers[peer].call_at = u64::MAX;
            if self.ours[peer].program.is_none() {
                self.haproxies[at].peers[peer].call_at = self.now + 1_000;
                continue;
            }
            let conn = self.open(End::Haproxy(at), End::Ours(peer));
            self.say(|| format!("lb{} calls {} on {conn}", at + 1, self.ours[peer].name));
            self.ours[peer].connect(Socket { conn, side: 1 }, None, &mut self.wire);
            let (mut around, haproxies) = self.around();
            haproxies[at].connect(Socket { conn, side: 0 }, Some(peer), &mut around);
        }
    }

    fn open(&mut self, caller: End, called: End) -> usize {
        let conn = self.wire.open(caller, called, &mut self.random);
        if [caller, called].iter().any(|end| self.frozen.until(*end) > self.now) {
            self.wire.spoil(conn);
        }
        conn
    }

    fn ours_turn(&mut self, at: usize) {
        self.ours[at].turn(&mut self.wire, &mut self.random);
        for peer in 0..self.ours[at].peers.len() {
            if self.ours[at].peers[peer].call_at <= self.now {
                self.call(at, peer);
            }
        }
    }

    /// A node of ours calls a HAProxy.
    fn call(&mut self, at: usize, peer: usize) {
        self.ours[at].peers[peer].call_at = u64::MAX;
        let calling = |driven: &crate::ours::Driven| driven.peer == Some(peer);
        if self.ours[at].sessions.iter().any(calling) {
            return;
        }
        if !self.haproxies[peer].is_up {
            return self.ours[at].call_again(peer, &mut self.random);
        }
        let conn = self.open(End::Ours(at), End::Haproxy(peer));
        self.say(|| format!("{} calls lb{} on {conn}", self.ours[at].name, peer + 1));
        let (mut around, haproxies) = self.around();
        haproxies[peer].connect(Socket { conn, side: 1 }, None, &mut around);
        self.ours[at].connect(Socket { conn, side: 0 }, Some(peer), &mut self.wire);
    }

    fn happen(&mut self, happening: Happening) {
        self.say(|| format!("{happening:?}"));
        match happening {
            Happening::Count(at) => self.count(at),
            Happening::Fault => self.fault(),
            Happening::StartHaproxy(at) => self.start_haproxy(at),
            Happening::StartOurs(at) => self.start_ours(at),
        }
    }

    /// Events are counted at a HAProxy.
    fn count(&mut self, at: usize) {
        if !self.haproxies[at].is_up || self.frozen.haproxies[at] > self.now {
            return;
        }
        let count = self.haproxies.len();
        for _ in 0..=self.random.below(6) {
            let own: Vec<usize> = (self.shapes[at].iter().enumerate())
                .filter(|(_, shape)| shape.kind == Kind::Own)
                .map(|(at, _)| at)
                .collect();
            let table = self.random.pick(&own);
            let key = u32::try_from(self.random.below(self.keys as usize)).expect("small");
            // Each key of the tables that are held is counted at one HAProxy: else the last word would be anybody's.
            let key = if self.shapes[at][table].name == OWN {
                key * u32::try_from(count).expect("few") + u32::try_from(at).expect("few")
            } else {
                key
            };
            let (mut around, haproxies) = self.around();
            haproxies[at].count(table, key, &mut around);
            self.counts.changes += 1;
        }
        let (mut around, haproxies) = self.around();
        haproxies[at].tell_all(&mut around);
    }

    fn start_haproxy(&mut self, at: usize) {
        if self.haproxies[at].is_up {
            return;
        }
        // Almost all processes are young; an old one is about to count beyond its numbers. A standby knows copies by the highest
        // bit of their ids, which means the opposite in a process that has counted 2^31 changes; so there are none with copies.
        let counter = if self.random.one_in(8) && !self.has_copies() {
            self.random.pick(&[u32::MAX - 5, (1 << 31) - 5])
        } else {
            0
        };
        let shapes = self.shapes[at].clone();
        let (mut around, haproxies) = self.around();
        haproxies[at].start(&shapes, counter, &mut around);
    }

    /// Whether instances of HAProxy are taught what others have counted.
    fn has_copies(&self) -> bool {
        self.haproxies.len() > 1 && self.ours.iter().any(|ours| matches!(ours.what, What::Hold))
    }

    fn start_ours(&mut self, at: usize) {
        if self.ours[at].program.is_none() {
            self.ours[at].start();
            self.check_durable(at, None);
        }
    }
}

/// A sum of [`COUNTED`] over all instances of HAProxy.
fn aggregation(names: &[Box<[u8]>], random: &mut Random) -> Aggregation {
    let name = |name: &str| name.as_bytes().into();
    Aggregation {
        name: "web".into(),
        naming: Naming::Tables(vec![TableName { from: name(COUNTED), to: name(TOTAL) }]),
        peers: names.iter().map(|name| AggregationPeer { name: name.clone(), relation: Relation::Node }).collect(),
        policy: Policy::default(),
        publish: Publish { min_interval_ms: random.pick(&[0, 10, 40]), max_interval_ms: 1_000 },
        stale: random.pick(&[Stale::Keep, Stale::Keep, Stale::Stop]),
        start_grace_ms: random.pick(&[0, 500, 2_000]),
        refresh_ms: random.pick(&[None, Some(5_000)]),
        teach_back: false,
        lease: random.one_in(4).then(|| name(LEASE)),
    }
}

impl Program {
    fn hold(&self) -> Option<&crate::cli::hold::Hold> {
        if let Self::Hold(hold) = self { Some(hold) } else { None }
    }
}
