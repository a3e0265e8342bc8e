//! Two sessions that talk to each other while their owners push, ask, acknowledge and close, bytes come in pieces or not at all,
//! time goes by, and strangers meddle.
//!
//! Whatever happens, what a session sends is what `Strict` takes, signs of life are sent in time, and the end is told once.
//! Unless a stranger has meddled, neither finds fault with the other, and every entry arrives as it was pushed, in order.

#![no_main]

mod plan;
mod session_strict;
mod tables;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use libfuzzer_sys::fuzz_target;
use peerctl::{
    grammar::KeyType,
    proto::{
        Session,
        session::{Answer, Closed, Event, LocalTable, Options, Push, Role, Times},
        update::ServerKey,
    },
    stick::{Definition, ValueKind},
};
use plan::Plan;
use session_strict::Strict;
use tables::{Column, definition};

const N: Option<u32> = None;

/// `server_id` is 0, `gpc0` 2, `http_req_rate` 10, `bytes_in_cnt` 13, `server_key` 19, `gpc_rate` 24.
const TABLES: [(KeyType, u32, &[Column]); 4] = [
    (KeyType::INTEGER, 4, &[(0, N, N), (2, N, N), (19, N, N)]),
    (KeyType::STRING, 9, &[(13, N, N), (24, Some(2), Some(1000))]),
    (KeyType::BINARY, 3, &[(10, N, Some(60_000)), (19, N, N)]),
    (KeyType::IP, 4, &[]),
];
const TEXTS: [&[u8]; 4] = [b"", b"srv1", b"srv2", &[b'x'; 300]];
/// The most definitions of one end; a receiver takes 8.
const MOST_TABLES: usize = 6;

thread_local! {
    static DEFINITIONS: Vec<Definition> = TABLES.iter().zip([b"a", b"b", b"c", b"d"])
        .map(|((key_type, key_len, columns), name)| definition(name, *key_type, *key_len, columns))
        .collect();
}

fuzz_target!(|data: &[u8]| {
    DEFINITIONS.with(|definitions| {
        let mut plan = Plan(data);
        let mut pair = Pair::new(plan.number(), definitions);
        while !plan.0.is_empty() {
            pair.act(&mut plan);
        }
        pair.finish();
    });
});

/// An entry on its way.
struct Pushed {
    table: LocalTable,
    id: u32,
    key: Vec<u8>,
    values: Vec<u64>,
    text: &'static [u8],
    life_ms: Option<u32>,
}

/// One session, its owner, and what it has sent that the other one hasn't received.
struct End<'d> {
    session: Session,
    strict: Strict,
    wire: VecDeque<u8>,
    sent: Instant,
    tables: Vec<(LocalTable, &'d Definition)>,
    pushed: VecDeque<Pushed>,
    /// The tables of the other end, as it numbers them, in the order they were told.
    told: Vec<LocalTable>,
    /// What was acknowledged: the other end's table, and the number.
    acknowledged: Vec<(LocalTable, u32)>,
    /// The last entry that came.
    last: Option<(usize, LocalTable, u32)>,
    requests: u32,
    established: bool,
    closed: bool,
}

struct Pair<'d> {
    ends: [End<'d>; 2],
    definitions: &'d [Definition],
    now: Instant,
    times: Times,
    /// A stranger has meddled.
    meddled: bool,
}

impl<'d> Pair<'d> {
    fn new(how: usize, definitions: &'d [Definition]) -> Self {
        let now = Instant::now();
        let names: [Box<[u8]>; 2] = [b"lb1".as_slice().into(), b"lb2".as_slice().into()];
        let answer = |bit: usize| if how & bit == 0 { Answer::Partial } else { Answer::Owner };
        let roles = [Role::Caller(names[1].clone()), Role::Called(vec![b"lb9".as_slice().into(), names[0].clone()])];
        let mut roles = roles.into_iter().zip(&names).zip([answer(1), answer(2)]);
        let ends = [(); 2].map(|()| {
            let ((role, name), answer) = roles.next().expect("two");
            let strict = Strict::new(matches!(role, Role::Caller(_)));
            let options = Options { answer, max_payload: 4096, max_tables: 8, ..Options::new(name, role) };
            End {
                session: Session::new(options, now),
                strict,
                wire: VecDeque::new(),
                sent: now,
                tables: Vec::new(),
                pushed: VecDeque::new(),
                told: Vec::new(),
                acknowledged: Vec::new(),
                last: None,
                requests: 0,
                established: false,
                closed: false,
            }
        });
        let mut pair = Self { ends, definitions, now, times: Times::default(), meddled: false };
        if how & 4 == 0 {
            pair.drain();
            pair.quiet();
        }
        pair
    }

    fn act(&mut self, plan: &mut Plan<'_>) {
        let what = plan.number();
        let at = what >> 4 & 1;
        let end = &mut self.ends[at];
        match what % 16 {
            0 | 1 => self.deliver(at, plan.number()),
            2 | 3 => self.deliver(at, usize::MAX),
            4 => self.wait(plan.number() * 16, false),
            5 => self.wait(plan.number() * 64, true),
            6 | 7 | 8 => self.push(at, plan),
            9 if end.tables.len() < MOST_TABLES => {
                let definition = &self.definitions[plan.number() % TABLES.len()];
                let table = end.session.define(definition.clone()).expect("a definition like HAProxy's");
                end.tables.push((table, definition));
            }
            10 => {
                end.session.request_resync();
                end.requests += 1;
            }
            11 => end.session.end_resync(plan.number() & 1 == 0),
            12 => {
                if let Some((index, table, id)) = end.last {
                    end.session.acknowledge(index, id);
                    end.acknowledged.push((table, id));
                }
            }
            13 if what & 0x20 != 0 => {
                self.meddled = true;
                self.deliver(1 - at, usize::MAX);
                self.receive(at, plan.bytes(63));
            }
            14 if what & 0x60 == 0x60 => end.session.close(),
            15 if what & 0x60 == 0x60 => self.end_of_file(at),
            _ => {}
        }
        self.drain();
    }

    /// Delivers what one end has sent, up to so many bytes.
    fn deliver(&mut self, from: usize, most: usize) {
        let wire = &mut self.ends[from].wire;
        let bytes: Vec<u8> = wire.drain(..wire.len().min(most)).collect();
        self.receive(1 - from, &bytes);
    }

    fn receive(&mut self, at: usize, bytes: &[u8]) {
        self.ends[at].session.handle_bytes(self.now, bytes);
        self.events(at, bytes.len());
    }

    /// Time goes by, in steps from one timer to the next.
    fn wait(&mut self, ms: usize, delivers: bool) {
        let until = self.now + Duration::from_millis(ms as u64);
        while let Some(next) =
            self.ends.iter().filter_map(|end| end.session.poll_timeout()).min().filter(|at| *at <= until)
        {
            assert!(next >= self.now, "no timer is overdue after it was handled");
            self.now = next;
            for end in &mut self.ends {
                if end.session.poll_timeout().is_some_and(|at| at <= next) {
                    end.session.handle_timeout(next);
                    assert!(end.session.poll_timeout().is_none_or(|at| at > next), "time goes on");
                }
            }
            self.drain();
            if delivers {
                self.quiet();
            }
        }
        self.now = until;
    }

    /// Delivers until nothing is on its way, which is soon.
    fn quiet(&mut self) {
        for _ in 0..16 {
            if self.ends.iter().all(|end| end.wire.is_empty()) {
                return;
            }
            for from in [0, 1] {
                self.deliver(from, usize::MAX);
            }
            self.drain();
        }
        panic!("two sessions answer each other for ever");
    }

    fn push(&mut self, at: usize, plan: &mut Plan<'_>) {
        let end = &mut self.ends[at];
        let [table, key, value, how] = [(); 4].map(|()| plan.number());
        let Some((table, definition)) = end.tables.get(table % end.tables.len().max(1)).copied() else { return };
        // Before that, the owner has nobody to push to.
        if !end.established || end.closed {
            return;
        }
        let key: Vec<u8> = match definition.key_len {
            9 => vec![b'k'; key % 9],
            3 => vec![0, 1, u8::try_from(key).expect("a byte")],
            _ => vec![10, 0, 0, u8::try_from(key).expect("a byte")],
        };
        let value = [value as u64, u64::MAX - value as u64, u64::from(u32::MAX) - value as u64, 240][how & 3];
        let values = vec![value; definition.layout.slots()];
        let text = TEXTS[how >> 2 & 3];
        let life_ms = [None, Some(0), Some(u32::MAX), Some(1000)][how >> 4 & 3];
        let server_key = (how & 0x40 == 0).then_some(text);

        let before = end.session.pending_output();
        let wrong = [&*key, b"more than any"].concat();
        end.session.push(table, &Push { key: &wrong, values: &values, server_key, life_ms }).expect_err("a long key");
        let more = [&*values, &[0]].concat();
        end.session.push(table, &Push { key: &key, values: &more, server_key, life_ms }).expect_err("more values");
        assert_eq!(end.session.pending_output(), before, "what is refused leaves nothing behind");

        let id = end.session.push(table, &Push { key: &key, values: &values, server_key, life_ms }).expect("an entry");
        let text = if definition.layout.has_text() { server_key.unwrap_or_default() } else { b"" };
        end.pushed.push_back(Pushed { table, id, key, values, text, life_ms });
    }

    fn end_of_file(&mut self, at: usize) {
        self.ends[at].session.handle_eof(self.now);
        self.events(at, 0);
    }

    /// Takes what sessions have to say, and what they have to send.
    fn drain(&mut self) {
        for at in [0, 1] {
            self.events(at, 0);
            let (end, mut out) = (&mut self.ends[at], Vec::new());
            let pending = end.session.pending_output();
            let learns = end.session.is_learning();
            if end.session.poll_transmit(&mut out) {
                end.sent = self.now;
            }
            assert!(out.len() >= pending && end.session.pending_output() == 0);
            end.strict.take(&out, learns);
            end.wire.extend(&out);
            let is_silent = self.now - end.sent > self.times.heartbeat;
            assert!(
                !is_silent || !end.established || end.closed,
                "a sign of life is due every {:?}",
                self.times.heartbeat
            );
        }
    }

    fn events(&mut self, at: usize, bytes: usize) {
        let (ends, other) = self.ends.split_at_mut(1);
        let (end, other) = if at == 0 { (&mut ends[0], &mut other[0]) } else { (&mut other[0], &mut ends[0]) };
        let learns = end.session.is_learning();
        let mut count = 0;
        while let Some(event) = end.session.poll_event() {
            assert!(!end.closed, "nothing is told after the end");
            count += 1;
            match event {
                Event::Closed(reason) => {
                    end.closed = true;
                    let is_blameless = matches!(
                        reason,
                        Closed::Here
                            | Closed::Eof { .. }
                            | Closed::HandshakeTimeout
                            | Closed::MessageTimeout
                            | Closed::Silence
                    );
                    assert!(is_blameless || self.meddled, "{reason:?}");
                }
                Event::Established { name, .. } => {
                    assert!(!end.established && name.starts_with(b"lb"));
                    end.established = true;
                }
                Event::Update(update) => {
                    assert_eq!(update.values.len(), update.table.definition.layout.slots());
                    if self.meddled {
                        continue;
                    }
                    let pushed = other.pushed.pop_front().expect("what comes was pushed");
                    end.last = Some((update.table.index, pushed.table, pushed.id));
                    let definition = other.tables[pushed.table.index()].1;
                    assert_eq!(
                        (&update.table.definition, update.id, update.key),
                        (definition, pushed.id, &*pushed.key)
                    );
                    assert_eq!(
                        end.told.get(update.table.index),
                        Some(&pushed.table),
                        "tables are told before their entries"
                    );
                    assert_eq!(update.life_ms, pushed.life_ms);
                    let text = if pushed.text.is_empty() { ServerKey::Unchanged } else { ServerKey::Text(pushed.text) };
                    assert_eq!(update.server_key, text);
                    for field in definition.layout.fields() {
                        let most = match field.kind {
                            ValueKind::Text => continue,
                            ValueKind::Unsigned64 => u64::MAX,
                            _ => u32::MAX.into(),
                        };
                        let expected = field.of(&pushed.values).iter().map(|value| value & most);
                        assert!(expected.eq(field.of(update.values).iter().copied()));
                    }
                    assert!(learns || !update.resync);
                }
                Event::Table(table) if !self.meddled => {
                    assert_eq!(table.index, end.told.len());
                    let index = usize::try_from(table.id - 1).expect("a small number");
                    let (local, definition) = other.tables[index];
                    assert_eq!(table.definition, *definition);
                    end.told.push(local);
                }
                Event::Acked { table, id } if !self.meddled => {
                    assert!(other.acknowledged.contains(&(table, id)), "what is acknowledged was received");
                }
                Event::ResyncRequested if !self.meddled => {
                    other.requests = other.requests.checked_sub(1).expect("the other one has asked");
                }
                _ => {}
            }
        }
        assert!(count <= bytes / 2 + 2, "{count} events from {bytes} bytes");
    }

    /// Everything arrives, and the end is told.
    fn finish(mut self) {
        self.drain();
        let is_sound = !self.meddled && self.ends.iter().all(|end| !end.closed);
        if is_sound {
            self.quiet();
            assert!(self.ends.iter().all(|end| end.established && end.pushed.is_empty()));
        }
        for at in [0, 1] {
            self.end_of_file(at);
            let end = &self.ends[at];
            assert!(end.closed && end.session.poll_timeout().is_none());
        }
    }
}
