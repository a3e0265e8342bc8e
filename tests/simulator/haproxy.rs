//! A HAProxy, as its peers see it: written from what the real ones do, without the library's own code.

mod receiver;
mod table;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::history::{History, Values};
use crate::support::frames::{
    self, HEARTBEAT, INCREMENTAL, INCREMENTAL_TIMED, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST,
    TIMED, UPDATE, message, varint,
};
use crate::support::random::Random;
use crate::wire::{Socket, Wire};
use receiver::{Message, Receiver, split};

pub(crate) use receiver::LONGER;

pub(crate) use table::{Kind, Shape, TYPES, Table, is_behind};

/// What a HAProxy has to do with the world.
pub(crate) struct Around<'a> {
    pub(crate) now: u64,
    pub(crate) wire: &'a mut Wire,
    pub(crate) history: &'a mut History,
    pub(crate) random: &'a mut Random,
    /// How many instances there are.
    pub(crate) haproxies: usize,
}

/// A process, and the configuration of the next one.
#[derive(Debug)]
pub(crate) struct Haproxy {
    pub(crate) name: String,
    pub(crate) number: usize,
    pub(crate) tables: Vec<Table>,
    pub(crate) peers: Vec<Peer>,
    /// It runs.
    pub(crate) is_up: bool,
    sync: Sync,
    pub(crate) sessions: Vec<Session>,
    /// What each process before it had counted and a standby has acknowledged, by key, until it gives up waiting for it.
    pub(crate) owed: BTreeMap<u32, u64>,
    /// The peer that has just taught it everything it has.
    pub(crate) taught: Option<usize>,
    /// It acknowledges what it is taught in a resync.
    acks_lessons: bool,
}

/// A peer of its configuration.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// The tables of that section.
    pub(crate) tables: Vec<usize>,
    /// What the peer may teach: entries that it was asked for.
    pub(crate) teaches: bool,
    /// Whether HAProxy calls, too, and when it does so next.
    pub(crate) calls: bool,
    pub(crate) call_at: u64,
    /// The last acknowledged change of each table.
    pub(crate) acked: BTreeMap<usize, u32>,
}

/// Whether it has everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sync {
    Done,
    /// A peer was asked, or will be; else it gives up then.
    Wanted {
        until: u64,
        asked: Option<Socket>,
    },
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) socket: Socket,
    /// Known from the beginning if it calls.
    pub(crate) peer: Option<usize>,
    phase: Phase,
    input: Vec<u8>,
    heard_at: u64,
    said_at: u64,
    receiver: Receiver,
    /// What is to be acknowledged, and was.
    acks: BTreeMap<u64, (u32, Option<u32>)>,
    /// It didn't have everything when it was asked.
    was_partial: bool,
    // What it is told.
    defined: Option<usize>,
    told: BTreeMap<usize, Told>,
    lesson: Lesson,
}

/// How far a table was told.
#[derive(Debug, Default)]
struct Told {
    /// The last id on the wire.
    last: Option<u32>,
    /// All of them, as far as they may be acknowledged.
    ids: BTreeSet<u32>,
    pushed: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Status,
    Hello,
    Open,
}

/// A resync that was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Lesson {
    None,
    /// These entries are still to be told.
    Telling(VecDeque<(usize, u32)>),
    /// The end was told and isn't confirmed.
    Told,
}

/// Silence that ends a session, in milliseconds; and how long a resync is waited for.
const PATIENCE: u64 = 5_000;

/// The longest time without a word from a peer that is well.
const LATEST_WORD: u64 = 2_600;

/// Its own silence before a heartbeat.
const HEARTBEAT_AFTER: u64 = 3_000;

/// Ids on the wire for its tables begin behind this one.
const FIRST_TABLE: u64 = 1;

impl Haproxy {
    /// Not running yet.
    pub(crate) fn new(number: usize, peers: Vec<Peer>, random: &mut Random) -> Self {
        Self {
            name: format!("lb{}", number + 1),
            number,
            tables: Vec::new(),
            peers,
            is_up: false,
            sync: Sync::Done,
            sessions: Vec::new(),
            owed: BTreeMap::new(),
            taught: None,
            acks_lessons: random.one_in(2),
        }
    }

    /// A process starts, with nothing in its tables.
    pub(crate) fn start(&mut self, shapes: &[Shape], counter: u32, around: &mut Around<'_>) {
        self.tables = shapes.iter().map(|shape| Table::new(shape.clone(), counter)).collect();
        self.is_up = true;
        self.sync = Sync::Wanted { until: around.now + PATIENCE, asked: None };
        for peer in &mut self.peers {
            // No change was acknowledged: the process begins to count.
            peer.acked = peer.tables.iter().map(|table| (*table, counter)).collect();
            if peer.calls {
                peer.call_at = around.now;
            }
        }
    }

    /// The process is killed; gives its connections.
    pub(crate) fn kill(&mut self) -> Vec<Socket> {
        self.is_up = false;
        self.sessions.drain(..).map(|session| session.socket).collect()
    }

    /// The peer it has a session with over that connection.
    pub(crate) fn session(&self, peer: usize) -> Option<&Session> {
        self.sessions.iter().find(|session| session.peer == Some(peer) && session.phase == Phase::Open)
    }

    /// It calls a peer, or is called.
    pub(crate) fn connect(&mut self, socket: Socket, peer: Option<usize>, around: &mut Around<'_>) {
        let now = around.now;
        let phase = if peer.is_some() { Phase::Status } else { Phase::Hello };
        if let Some(peer) = peer {
            let hello = frames::hello("2.1", &self.peers[peer].name, &self.name);
            around.wire.send(socket, now, &hello);
        }
        self.sessions.push(Session {
            socket,
            peer,
            phase,
            input: Vec::new(),
            heard_at: now,
            said_at: now,
            receiver: Receiver::default(),
            acks: BTreeMap::new(),
            was_partial: false,
            defined: None,
            told: BTreeMap::new(),
            lesson: Lesson::None,
        });
    }

    /// Bytes come.
    pub(crate) fn bytes(&mut self, socket: Socket, bytes: &[u8], around: &mut Around<'_>) {
        let Some(at) = self.at(socket) else { return };
        let session = &mut self.sessions[at];
        session.input.extend_from_slice(bytes);
        if around.wire.is_clean(socket.conn) && session.phase == Phase::Open {
            let silence = around.now - session.heard_at;
            assert!(silence <= LATEST_WORD, "I6 isolation: no word for {silence} ms on a connection that is well");
        }
        session.heard_at = around.now;
        while let Some(at) = self.at(socket) {
            let more = match self.sessions[at].phase {
                Phase::Open => self.message(at, around),
                phase => self.handshake(at, phase, around),
            };
            if !more {
                break;
            }
        }
        if let Some(at) = self.at(socket) {
            self.acknowledge(at, around);
            self.tell(at, around);
        }
    }

    /// The other side has let go of the connection.
    pub(crate) fn lost(&mut self, socket: Socket, around: &mut Around<'_>) {
        around.wire.close(socket, around.now);
        let Some(at) = self.at(socket) else { return };
        let session = self.sessions.remove(at);
        if let Sync::Wanted { asked: Some(asked), .. } = self.sync
            && asked == socket
        {
            self.sync = Sync::Wanted { until: around.now + PATIENCE, asked: None };
        }
        if let Some(peer) = session.peer.filter(|peer| self.peers[*peer].calls) {
            self.peers[peer].call_at = around.now + 50 + around.random.next() % 2_000;
        }
    }

    /// When it has something to do.
    pub(crate) fn due(&self) -> u64 {
        if !self.is_up {
            return u64::MAX;
        }
        let sessions = self.sessions.iter().map(|session| {
            let beat = if session.is_mute() { u64::MAX } else { session.said_at + HEARTBEAT_AFTER };
            beat.min(session.heard_at + PATIENCE)
        });
        let sync = if let Sync::Wanted { until, asked: None } = self.sync { until } else { u64::MAX };
        sessions.chain([sync]).min().unwrap_or(u64::MAX)
    }

    /// Does what is due.
    pub(crate) fn turn(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        if let Sync::Wanted { until, asked: None } = self.sync
            && until <= now
        {
            self.sync = Sync::Done;
            self.owed.clear();
        }
        let silent = |session: &&Session| session.heard_at + PATIENCE <= now;
        let silent: Vec<(Socket, Phase)> =
            self.sessions.iter().filter(silent).map(|session| (session.socket, session.phase)).collect();
        for (socket, phase) in silent {
            let is_well = phase == Phase::Open && around.wire.is_clean(socket.conn);
            assert!(!is_well, "I6 isolation: no word at all on a connection that is well");
            self.lost(socket, around);
        }
        for at in 0..self.sessions.len() {
            let session = &self.sessions[at];
            if session.phase == Phase::Open && !session.is_mute() && session.said_at + HEARTBEAT_AFTER <= now {
                self.sessions[at].send(&message(HEARTBEAT, &[]), around);
            }
        }
        self.ask(around);
    }

    /// An event is counted.
    pub(crate) fn count(&mut self, table: usize, key: u32, around: &mut Around<'_>) {
        self.tables[table].count(self.number, key, around.now, around.history);
    }

    /// Tells all peers what is new.
    pub(crate) fn tell_all(&mut self, around: &mut Around<'_>) {
        for at in 0..self.sessions.len() {
            self.tell(at, around);
        }
    }

    fn at(&self, socket: Socket) -> Option<usize> {
        self.sessions.iter().position(|session| session.socket == socket)
    }

    /// A line of the handshake; whether there may be more.
    fn handshake(&mut self, at: usize, phase: Phase, around: &mut Around<'_>) -> bool {
        let session = &mut self.sessions[at];
        let lines = if phase == Phase::Hello { 3 } else { 1 };
        let ends: Vec<usize> =
            session.input.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        let Some(end) = ends.get(lines - 1) else { return false };
        let text = String::from_utf8(session.input.drain(..=*end).collect()).expect("I7 no harm: a hello is text");
        if phase == Phase::Status {
            assert_eq!(text, "200\n", "I7 no harm: any other status keeps HAProxy from calling again");
        } else {
            let name = text.lines().nth(2).and_then(|line| line.split(' ').next()).unwrap_or_default();
            let peer = self.peers.iter().position(|peer| peer.name == name);
            let expected = format!("HAProxyS 2.1\n{}\n{name} 1 1\n", self.name);
            assert_eq!((&text, peer.is_some()), (&expected, true), "I7 no harm: a hello");
            self.sessions[at].peer = peer;
            self.sessions[at].send(b"200\n", around);
        }
        self.establish(at, around);
        true
    }

    /// The newest session of a peer is the one that counts.
    fn establish(&mut self, at: usize, around: &mut Around<'_>) {
        let (socket, peer) = (self.sessions[at].socket, self.sessions[at].peer);
        let session = &mut self.sessions[at];
        (session.phase, session.heard_at) = (Phase::Open, around.now);
        let older = |other: &&Session| other.peer == peer && other.socket != socket;
        let older: Vec<Socket> = self.sessions.iter().filter(older).map(|session| session.socket).collect();
        for socket in older {
            around.wire.spoil(socket.conn);
            self.lost(socket, around);
        }
        let peer = peer.expect("it is known by now");
        self.peers[peer].call_at = u64::MAX;
        let tables = &self.tables;
        let told = self.peers[peer].acked.iter().map(|(table, acked)| {
            (*table, Told { last: None, ids: BTreeSet::new(), pushed: tables[*table].begin(*acked) })
        });
        let told = told.collect();
        let at = self.at(socket).expect("it is the newest");
        self.sessions[at].told = told;
        self.ask(around);
    }

    /// Asks a peer for everything, if that is wanted.
    fn ask(&mut self, around: &mut Around<'_>) {
        let Sync::Wanted { until, asked: None } = self.sync else { return };
        let willing = |session: &&mut Session| session.phase == Phase::Open && !session.was_partial;
        let Some(session) = self.sessions.iter_mut().find(willing) else { return };
        session.send(&message(RESYNC_REQUEST, &[]), around);
        self.sync = Sync::Wanted { until, asked: Some(session.socket) };
    }

    /// A message; whether there may be more.
    fn message(&mut self, at: usize, around: &mut Around<'_>) -> bool {
        let Self { sessions, peers, tables, sync, taught, .. } = self;
        let session = &mut sessions[at];
        let peer = session.peer.expect("it is established");
        let Some((kind, payload, len)) = split(&session.input) else { return false };
        let shapes: Vec<_> = peers[peer].tables.iter().map(|table| (*table, &tables[*table].shape)).collect();
        let found = session.receiver.read(kind, payload, &shapes);
        session.input.drain(..len);
        let socket = session.socket;
        let asked = matches!(sync, Sync::Wanted { asked: Some(asked), .. } if *asked == socket);
        match found {
            Message::Heartbeat | Message::Definition { .. } => {}
            Message::ResyncRequest => {
                assert_eq!(session.lesson, Lesson::None, "I7 no harm: a resync is asked for while one is on its way");
                let keys = session
                    .told
                    .iter()
                    .flat_map(|(table, told)| tables[*table].all(told.pushed).into_iter().map(|key| (*table, key)));
                session.lesson = Lesson::Telling(keys.collect());
            }
            Message::ResyncEnd { complete } => {
                assert!(asked, "I7 no harm: a resync ends that wasn't asked for");
                session.send(&message(RESYNC_CONFIRM, &[]), around);
                *taught = Some(peer);
                if complete {
                    *sync = Sync::Done;
                } else {
                    session.was_partial = true;
                    *sync = Sync::Wanted { until: around.now + PATIENCE, asked: None };
                    self.ask(around);
                }
            }
            Message::ResyncConfirm => {
                assert_eq!(session.lesson, Lesson::Told, "I7 no harm: a confirmation of nothing");
                session.lesson = Lesson::None;
            }
            Message::Ack { table, id } => {
                let ours = usize::try_from(table.wrapping_sub(FIRST_TABLE)).ok();
                let told = ours.and_then(|ours| Some((ours, session.told.get(&ours)?)));
                let (ours, told) = told.unwrap_or_else(|| panic!("I7 no harm: an ack for table {table}"));
                assert!(told.ids.contains(&id), "I7 no harm: id {id} of {} was never sent", tables[ours].shape.name);
                if session.lesson == Lesson::None {
                    peers[peer].acked.insert(ours, id);
                }
            }
            Message::Entry { table, sender_table, id, life, key, values } => {
                let kind = tables[table].shape.kind;
                let may = kind != Kind::Own || peers[peer].teaches && asked;
                assert!(may, "I7 no harm: {} teaches {} unasked", peers[peer].name, tables[table].shape.name);
                if let Some(key) = key {
                    let whole = |values: [Option<u64>; 4]| values.map(Option::unwrap_or_default);
                    if kind == Kind::Own {
                        around.history.check(key, &whole(values), &self.name);
                    } else {
                        around.history.check_total(key, &whole(values), around.haproxies);
                    }
                    let has = |at: usize| tables[table].shape.types & 1 << TYPES[at] != 0;
                    let values = std::array::from_fn(|at| values[at].filter(|_| has(at)));
                    tables[table].learn(key, values, life, around.now);
                }
                if self.acks_lessons || !asked {
                    session.acks.entry(sender_table).or_insert((0, None)).0 = id;
                }
            }
        }
        true
    }

    fn acknowledge(&mut self, at: usize, around: &mut Around<'_>) {
        let session = &mut self.sessions[at];
        let mut out = Vec::new();
        for (table, (id, acked)) in &mut session.acks {
            if *acked != Some(*id) {
                out.extend(frames::ack(*table, *id));
                *acked = Some(*id);
            }
        }
        session.send(&out, around);
    }

    /// Tells a peer what it is to know, as long as there is room.
    fn tell(&mut self, at: usize, around: &mut Around<'_>) {
        let Self { sessions, tables, sync, .. } = self;
        let session = &mut sessions[at];
        let learns = matches!(sync, Sync::Wanted { asked: Some(asked), .. } if *asked == session.socket);
        if session.phase != Phase::Open || session.lesson == Lesson::Told {
            return;
        }
        // A batch begins with an id.
        for told in session.told.values_mut() {
            told.last = told.last.filter(|_| around.random.one_in(2));
        }
        while around.wire.has_room(session.socket) {
            if let Lesson::Telling(keys) = &mut session.lesson {
                if let Some((table, key)) = keys.pop_front() {
                    if let Some(entry) = tables[table].get(key, around.now) {
                        let rest = (entry.deadline != u64::MAX).then(|| entry.deadline - around.now);
                        let life = rest.map_or(0, |rest| u32::try_from(rest).expect("short"));
                        session.entry(table, &tables[table].shape, (entry.id, key, &entry.values), Some(life), around);
                    }
                    continue;
                }
                let end = if *sync == Sync::Done { RESYNC_FINISHED } else { RESYNC_PARTIAL };
                // Empty tables are announced, too.
                for table in session.told.keys().copied().collect::<Vec<_>>() {
                    session.define(table, &tables[table].shape, around);
                }
                session.send(&message(end, &[]), around);
                session.lesson = Lesson::Told;
                return;
            }
            if learns {
                return;
            }
            let next = session.told.iter().find_map(|(table, told)| Some((*table, tables[*table].next(told.pushed)?)));
            let Some((table, (id, key))) = next else { return };
            session.told.get_mut(&table).expect("it is there").pushed = id;
            tables[table].was_pushed(id);
            if let Some(entry) = tables[table].get(key, around.now) {
                session.entry(table, &tables[table].shape, (id, key, &entry.values), None, around);
            }
        }
    }
}

impl Session {
    /// Whether it waits for a confirmation, and says nothing.
    fn is_mute(&self) -> bool {
        self.phase != Phase::Open || self.lesson == Lesson::Told
    }

    fn send(&mut self, bytes: &[u8], around: &mut Around<'_>) {
        if !bytes.is_empty() {
            around.wire.send(self.socket, around.now, bytes);
            self.said_at = around.now;
        }
    }

    fn define(&mut self, table: usize, shape: &Shape, around: &mut Around<'_>) {
        if self.defined.replace(table) != Some(table) {
            let id = FIRST_TABLE + table as u64;
            let definition = frames::definition(id, shape.name, shape.key(), shape.types, shape.expire.into(), &[]);
            self.send(&definition, around);
            if let Some(told) = self.told.get_mut(&table) {
                told.last = None;
            }
        }
    }

    /// Tells an entry; with a life in a resync.
    fn entry(
        &mut self,
        table: usize,
        shape: &Shape,
        (id, key, values): (u32, u32, &Values),
        life: Option<u32>,
        around: &mut Around<'_>,
    ) {
        self.define(table, shape, around);
        let told = self.told.get_mut(&table).expect("it is there");
        let successor = told.last.is_some_and(|last| last.wrapping_add(1) == id);
        told.last = Some(id);
        told.ids.insert(id);
        let mut payload = Vec::with_capacity(24);
        if !successor {
            payload.extend(id.to_be_bytes());
        }
        payload.extend(life.iter().flat_map(|life| life.to_be_bytes()));
        payload.extend(key.to_be_bytes());
        for (value, number) in values.iter().zip(TYPES) {
            if shape.types & 1 << number != 0 {
                payload.extend(varint(*value));
            }
        }
        let kind = match (successor, life.is_some()) {
            (false, false) => UPDATE,
            (true, false) => INCREMENTAL,
            (false, true) => TIMED,
            (true, true) => INCREMENTAL_TIMED,
        };
        self.send(&message(kind, &payload), around);
    }
}
