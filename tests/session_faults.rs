//! Sessions that meet what is not meant to happen, on a clock that only the tests move: streams that end or change anywhere,
//! messages out of turn, tables that nobody knows, and fifty days of life.

mod support;

use std::time::{Duration, Instant};

use peerctl::proto::Session;
use peerctl::proto::session::{Answer, Closed, Event, LocalTable, Options, Push, Role};
use peerctl::stick::{self, Definition, Place};
use support::frames::{self, ACK, HEARTBEAT, INCREMENTAL, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_PARTIAL, SWITCH};
use support::wire::{Capture, Initiator, Stream, captures};

/// What is told of an event, without an entry's texts: those of later entries may have been changed with it.
fn tell(event: &Event<'_>) -> String {
    match event {
        Event::Update(update) => format!("{:?} {:?} {:?}", update.table.definition.name, update.key, update.values),
        event => format!("{event:?}"),
    }
}

fn told(session: &mut Session) -> Vec<String> {
    std::iter::from_fn(|| session.poll_event().map(|event| tell(&event))).collect()
}

fn sent(session: &mut Session) -> Vec<u8> {
    let mut out = Vec::new();
    session.poll_transmit(&mut out);
    out
}

/// A session of ours as the side that a captured stream was meant for.
fn receiver(capture: &Capture, to_haproxy: bool, now: Instant) -> Session {
    let (us, them) = if to_haproxy {
        (&capture.local_peer, &capture.remote_peer)
    } else {
        (&capture.remote_peer, &capture.local_peer)
    };
    let them = them.as_bytes().into();
    let is_called = to_haproxy == (capture.initiator == Initiator::Observer);
    let role = if is_called { Role::Called(vec![them]) } else { Role::Caller(them) };
    let mut session = Session::new(Options::new(us.as_bytes(), role), now);
    sent(&mut session);
    session
}

/// Each stream of the captures that is a conversation, with the session it was meant for.
fn conversations(now: Instant) -> Vec<(String, Stream, Session)> {
    let talks = captures().into_iter().filter(|capture| !capture.name.contains("reject"));
    talks
        .flat_map(|capture| {
            let sessions = [true, false].map(|to_haproxy| receiver(&capture, to_haproxy, now));
            let Capture { name, to_haproxy, from_haproxy, .. } = capture;
            [to_haproxy, from_haproxy]
                .into_iter()
                .zip(sessions)
                .map(move |(stream, session)| (name.clone(), stream, session))
        })
        .collect()
}

#[test]
fn a_stream_that_ends_anywhere_ends_its_session_at_once() {
    let now = Instant::now();
    let mut ends = 0_u32;
    for (name, stream, mut session) in conversations(now) {
        for message in &stream.messages {
            let bytes = &stream.bytes[message.range.clone()];
            for end in 0..bytes.len() {
                let mut cut = session.clone();
                cut.handle_bytes(now, &bytes[..end]);
                let before = told(&mut cut);
                assert!(before.is_empty(), "{name}: {end} bytes of {message:?} tell {before:?}");
                cut.handle_eof(now);
                let after = told(&mut cut);
                assert_eq!(after, [format!("Closed(Eof {{ within: {end} }})")], "{name}: {message:?}");
                assert_eq!(cut.poll_timeout(), None, "nothing is left to wait for");
                ends += 1;
            }
            if message.name.starts_with("error") {
                // Behind its complaint a peer closes, and that is the reason then.
                break;
            }
            session.handle_bytes(now, bytes);
            told(&mut session);
            sent(&mut session);
        }
    }
    assert!(ends > 50_000, "{ends}");
}

#[test]
fn a_changed_bit_of_an_entry_changes_no_other_entry_or_ends_the_session() {
    let now = Instant::now();
    let (mut same, mut changed, mut closed) = (0, 0, 0);
    for (name, stream, mut session) in conversations(now).into_iter().filter(|(name, ..)| name.contains("full")) {
        for messages in stream.messages.windows(3) {
            let [first, .., last] = messages else { continue };
            let bytes = &stream.bytes[first.range.start..last.range.end];
            let mut whole = session.clone();
            whole.handle_bytes(now, bytes);
            let expected = told(&mut whole);
            // Only the first of the three is changed, behind its class, its type and its length.
            let head = if first.range.len() > 240 { 4 } else { 3 };
            let bits = if first.name.starts_with("entry") { head * 8..first.range.len() * 8 } else { 0..0 };
            for bit in bits {
                let mut flipped = bytes.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let mut other = session.clone();
                other.handle_bytes(now, &flipped);
                let found = told(&mut other);
                let is_closed = found.last().is_some_and(|last| last.starts_with("Closed(Protocol"));
                match found.split_first() {
                    _ if found == expected => same += 1,
                    _ if is_closed => closed += 1,
                    Some((_, rest)) if Some(rest) == expected.get(1..) => changed += 1,
                    _ => panic!("{name}: bit {bit} of {first:?}: {found:?}, not {expected:?}"),
                }
            }
            session.handle_bytes(now, &stream.bytes[first.range.clone()]);
            told(&mut session);
            sent(&mut session);
        }
    }
    println!("{same} changed bits tell nothing else, {changed} another entry, {closed} end the session");
    assert!(changed > 10_000 && closed > 1_000, "{changed}, {closed}");
}

/// Two sessions of ours, established.
struct Pair {
    now: Instant,
    caller: Session,
    called: Session,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let options = |us: &[u8], role| Options { answer: Answer::Owner, ..Options::new(us, role) };
        let mut pair = Self {
            now,
            caller: Session::new(options(b"lb1", Role::Caller(b"lb2".as_slice().into())), now),
            called: Session::new(options(b"lb2", Role::Called(vec![b"lb1".as_slice().into()])), now),
        };
        let (caller, called) = pair.run();
        assert!(caller[0].starts_with("Established") && called[0].starts_with("Established"), "{caller:?} {called:?}");
        pair
    }

    /// Carries everything over until nothing moves any more: what the caller tells, and the called one.
    fn run(&mut self) -> (Vec<String>, Vec<String>) {
        let mut all = (told(&mut self.caller), told(&mut self.called));
        loop {
            let (there, back) = (sent(&mut self.caller), sent(&mut self.called));
            if there.is_empty() && back.is_empty() {
                return all;
            }
            self.called.handle_bytes(self.now, &there);
            all.1.extend(told(&mut self.called));
            self.caller.handle_bytes(self.now, &back);
            all.0.extend(told(&mut self.caller));
        }
    }
}

fn definition(name: &str) -> Definition {
    let words = ["type", "integer", "size", "1k", "expire", "1m", "store", "gpc0"];
    Definition::of_schema(name.as_bytes(), &stick::parse(&words, Place::Peers, None).schema).expect("a key type")
}

fn push(session: &mut Session, table: LocalTable, key: u32) -> u32 {
    let entry = Push { key: &key.to_be_bytes(), values: &[key.into()], server_key: None, life_ms: Some(5_000) };
    session.push(table, &entry).expect("a legal entry")
}

#[test]
fn both_sides_may_ask_for_everything_at_once() {
    let mut pair = Pair::new();
    pair.caller.request_resync();
    pair.called.request_resync();
    let (caller, called) = pair.run();
    assert_eq!((caller, called), (vec!["ResyncRequested".to_owned()], vec!["ResyncRequested".to_owned()]));
    for (session, first) in [(&mut pair.caller, 100), (&mut pair.called, 200)] {
        let table = session.define(definition("t")).expect("a definition");
        for n in 0..3 {
            push(session, table, first + n);
        }
        session.end_resync(true);
    }
    let (caller, called) = pair.run();
    for (told, taught) in [(&caller, 200_u32), (&called, 100)] {
        for key in taught..taught + 3 {
            let key = format!("{:?}", key.to_be_bytes());
            assert_eq!(told.iter().filter(|line| line.contains(&key)).count(), 1, "{key}: {told:?}");
        }
        assert!(told.contains(&"ResyncEnded { complete: true }".to_owned()), "{told:?}");
        assert!(told.contains(&"ResyncConfirmed".to_owned()), "{told:?}");
    }
}

#[test]
fn control_messages_out_of_turn_change_nothing() {
    let mut pair = Pair::new();
    let finished = frames::message(RESYNC_FINISHED, &[]);
    let partial = frames::message(RESYNC_PARTIAL, &[]);
    pair.caller.handle_bytes(pair.now, &[finished, partial].concat().repeat(500));
    assert_eq!(told(&mut pair.caller), [""; 0], "nobody had asked");
    assert_eq!(sent(&mut pair.caller), frames::message(RESYNC_CONFIRM, &[]).repeat(1000), "as HAProxy confirms them");
    assert_eq!(pair.caller.counters().ignored, 1000);
    // A confirmation of what was never taught is told, and does nothing.
    pair.caller.handle_bytes(pair.now, &frames::message(RESYNC_CONFIRM, &[]));
    assert_eq!(told(&mut pair.caller), ["ResyncConfirmed"]);
    pair.caller.request_resync();
    assert_eq!(pair.run().1, ["ResyncRequested"], "a resync can be had as before");
    pair.called.end_resync(true);
    assert_eq!(pair.run().0, ["ResyncEnded { complete: true }"]);
}

#[test]
fn acknowledgements_of_ids_that_were_never_sent_are_told_as_they_are() {
    let mut pair = Pair::new();
    let table = pair.caller.define(definition("t")).expect("a definition");
    assert_eq!((push(&mut pair.caller, table, 1), push(&mut pair.caller, table, 2)), (1, 2));
    pair.run();
    let acks = [(1, 7), (1, 1), (1, 0x7fff_ff00), (1, 0), (2, 1), (0, 1), (u64::MAX, 1)];
    let bytes: Vec<u8> = acks.into_iter().flat_map(|(table, id)| frames::ack(table, id)).collect();
    pair.caller.handle_bytes(pair.now, &bytes);
    let acked = |id: u32| format!("Acked {{ table: LocalTable(0), id: {id} }}");
    assert_eq!(told(&mut pair.caller), [7, 1, 0x7fff_ff00, 0].map(acked));
    assert_eq!(pair.caller.counters().ignored, 3, "those of tables that we don't have");
    assert_eq!(push(&mut pair.caller, table, 3), 3, "ids go on where they were");
    pair.run();
    pair.caller.handle_bytes(pair.now, &frames::ack(1, 3).repeat(100_000));
    assert_eq!(told(&mut pair.caller).len(), 100_000);
    assert_eq!(sent(&mut pair.caller), b"", "nobody answers a flood of them");
}

#[test]
fn messages_about_unknown_tables_are_signs_of_life() {
    let mut pair = Pair::new();
    let start = pair.now;
    let switch = frames::message(SWITCH, &frames::varint(77));
    let entry = frames::message(INCREMENTAL, b"\0\0\0\x07\x01");
    let unreadable = frames::definition(9, "odd", (77, 4), 1 << 2, 60_000, &[]);
    let ack = frames::message(ACK, b"\x4d\0\0\0\x01");
    for half_second in 1..=60_u32 {
        let now = start + Duration::from_millis(500) * half_second;
        let bytes = match half_second % 4 {
            0 => &switch,
            1 => &entry,
            2 => &unreadable,
            _ => &ack,
        };
        pair.caller.handle_bytes(now, bytes);
        if pair.caller.poll_timeout().is_some_and(|at| at <= now) {
            pair.caller.handle_timeout(now);
        }
        let events = told(&mut pair.caller);
        assert!(!events.iter().any(|event| event.contains("Closed")), "{half_second}: {events:?}");
        sent(&mut pair.caller);
    }
    assert!(pair.caller.counters().ignored >= 30);
}

#[test]
fn timers_hold_after_fifty_days_and_at_the_end_of_32_bits() {
    for days in [25_u64, 50, 400] {
        // Milliseconds since the start leave 31 bits after 24.8 days and 32 bits after 49.7 days.
        let edge = if days == 400 { u64::from(u32::MAX) * 8 } else { u64::from(u32::MAX) * days / 50 };
        let mut pair = Pair::new();
        let near = pair.now + Duration::from_millis(edge - 10_000);
        for session in [&mut pair.caller, &mut pair.called] {
            session.handle_bytes(near, &frames::message(HEARTBEAT, &[]));
            told(session);
            sent(session);
        }
        let mut heartbeats = 0;
        for tick in 1..=200_u32 {
            pair.now = near + Duration::from_millis(100) * tick;
            for session in [&mut pair.caller, &mut pair.called] {
                if session.poll_timeout().is_some_and(|at| at <= pair.now) {
                    session.handle_timeout(pair.now);
                    heartbeats += 1;
                }
            }
            assert_eq!(pair.run(), (vec![], vec![]), "{tick}");
        }
        assert!((12..=18).contains(&heartbeats), "one in two and a half seconds: {heartbeats}");
        let lost = pair.now;
        while let Some(at) = pair.caller.poll_timeout() {
            assert!(at <= lost + Duration::from_secs(5));
            pair.caller.handle_timeout(at);
            sent(&mut pair.caller);
        }
        assert_eq!(told(&mut pair.caller), [format!("{:?}", Event::Closed(&Closed::Silence))]);
    }
}

#[test]
fn an_empty_server_name_is_none_and_long_ones_have_a_limit() {
    let mut pair = Pair::new();
    let words = ["type", "integer", "size", "1k", "store", "server_key"];
    let schema = stick::parse(&words, Place::Peers, None).schema;
    let table = pair.caller.define(Definition::of_schema(b"t", &schema).expect("a key type")).expect("a definition");
    for (length, expected) in [(0, "Unchanged"), (1, "Text"), (255, "Text"), (2048, "Text"), (2049, ""), (16_384, "")] {
        let name = vec![b's'; length];
        let entry = Push { key: &[0, 0, 0, 7], values: &[0], server_key: Some(&name), life_ms: None };
        let pushed = pair.caller.push(table, &entry);
        assert_eq!(pushed.is_ok(), !expected.is_empty(), "{length} bytes: {pushed:?}");
        pair.called.handle_bytes(pair.now, &sent(&mut pair.caller));
        let mut names = Vec::new();
        while let Some(event) = pair.called.poll_event() {
            if let Event::Update(update) = event {
                names.push(format!("{:?}", update.server_key));
            }
        }
        let whole = names.first().is_none_or(|told| told.matches("115").count() == length);
        assert!(names.len() == usize::from(pushed.is_ok()) && whole, "{length} bytes: {names:?}");
        assert!(names.iter().all(|told| told.starts_with(expected)), "{length} bytes: {names:?}");
    }
}
