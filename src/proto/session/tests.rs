//! A session against itself and against bytes, on a clock that only the tests move.

use std::time::{Duration, Instant};

use super::*;
use crate::stick::{Place, parse};

/// An event without its borrows, as text that is easy to compare.
fn tell(event: &Event<'_>) -> String {
    match event {
        Event::Established { name, version } => format!("established {} {version}", String::from_utf8_lossy(name)),
        Event::Table(table) => {
            let name = String::from_utf8_lossy(&table.definition.name).into_owned();
            format!("table {} {name} {}", table.index, table.definition)
        }
        Event::Update(update) => {
            let Update { table, id, life_ms, key, values, server_key, resync } = update;
            format!("update {} {id} {life_ms:?} {key:?} {values:?} {server_key:?} {resync}", table.index)
        }
        Event::Closed(closed) => format!("closed {closed:?}"),
        Event::ResyncRequested => "resync requested".to_owned(),
        Event::ResyncEnded { complete } => format!("resync ended {complete}"),
        Event::ResyncConfirmed => "resync confirmed".to_owned(),
        Event::Acked { table, id } => format!("acked {} {id}", table.index()),
    }
}

fn events(session: &mut Session) -> Vec<String> {
    std::iter::from_fn(|| session.poll_event().map(|event| tell(&event))).collect()
}

fn output(session: &mut Session) -> Vec<u8> {
    let mut out = Vec::new();
    session.poll_transmit(&mut out);
    out
}

/// Two sessions and the wire between them.
struct Pair {
    now: Instant,
    caller: Session,
    called: Session,
}

impl Pair {
    fn new(answer: Answer) -> Self {
        let now = Instant::now();
        let caller = Session::new(Options::new(b"obs", Role::Caller(b"lb1".as_slice().into())), now);
        let called = Options { answer, ..Options::new(b"lb1", Role::Called(vec![b"obs".as_slice().into()])) };
        Self { now, caller, called: Session::new(called, now) }
    }

    /// Carries everything over until nothing moves any more: the events of the caller and of the called.
    fn run(&mut self) -> (Vec<String>, Vec<String>) {
        let mut told = (events(&mut self.caller), events(&mut self.called));
        loop {
            let (there, back) = (output(&mut self.caller), output(&mut self.called));
            if there.is_empty() && back.is_empty() {
                return told;
            }
            self.called.handle_bytes(self.now, &there);
            told.1.extend(events(&mut self.called));
            self.caller.handle_bytes(self.now, &back);
            told.0.extend(events(&mut self.caller));
        }
    }
}

fn definition(name: &str, line: &str) -> Definition {
    let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
    Definition::of_schema(name.as_bytes(), &schema).expect("a key type")
}

#[test]
fn a_resync_is_asked_for_taught_ended_and_confirmed() {
    let mut pair = Pair::new(Answer::Owner);
    pair.caller.request_resync();
    let (caller, called) = pair.run();
    assert_eq!(caller, ["established lb1 2.1"]);
    assert_eq!(called, ["established obs 2.1", "resync requested"]);

    let table = pair.called.define(definition("t", "type string len 8 expire 1m store gpc0")).expect("a definition");
    for (id, key) in [(1, b"a"), (2, b"b")] {
        let entry = Push { key, values: &[u64::from(id) - 1], server_key: None, life_ms: Some(5000) };
        assert_eq!(pair.called.push(table, &entry), Ok(id));
    }
    pair.called.end_resync(true);
    let (caller, called) = pair.run();
    assert_eq!(
        caller,
        [
            "table 0 t type string len 8 expire 1m store gpc0",
            "update 0 1 Some(5000) [97] [0] Unchanged true",
            "update 0 2 Some(5000) [98] [1] Unchanged true",
            "resync ended true",
        ]
    );
    assert_eq!(called, ["resync confirmed"]);
}

#[test]
fn an_acknowledgement_waits_for_the_end_of_a_resync() {
    let mut pair = Pair::new(Answer::Owner);
    pair.run();
    let table = pair.called.define(definition("t", "type integer store gpc0")).expect("a definition");
    let entry = Push { key: &[0, 0, 0, 7], values: &[1], server_key: None, life_ms: None };
    pair.called.push(table, &entry).expect("an entry");
    pair.caller.request_resync();
    pair.run();
    pair.caller.acknowledge(0, 1);
    assert_eq!(pair.run().1, [""; 0]);
    pair.called.end_resync(false);
    assert_eq!(
        pair.run(),
        (vec!["resync ended false".to_owned()], vec!["resync confirmed".into(), "acked 0 1".into()])
    );
    // The same again is no news.
    pair.caller.acknowledge(0, 1);
    assert_eq!(output(&mut pair.caller), b"");
}

#[test]
fn an_observer_answers_partial_at_once() {
    let mut pair = Pair::new(Answer::Partial);
    pair.caller.request_resync();
    assert_eq!(pair.run().0, ["established lb1 2.1", "resync ended false"]);
    assert!(!pair.caller.is_learning());
}

#[test]
fn a_flood_of_resync_requests_has_one_answer() {
    let mut pair = Pair::new(Answer::Owner);
    pair.run();
    for _ in 0..1000 {
        pair.caller.request_resync();
    }
    assert_eq!(pair.run().1, ["resync requested"]);
    pair.called.end_resync(false);
    pair.called.end_resync(false);
    assert_eq!(output(&mut pair.called), b"\0\x02");
    assert_eq!(pair.called.counters().resync_requests, 1000);
}

#[test]
fn heartbeats_fill_silence_and_silence_ends_the_session() {
    let mut pair = Pair::new(Answer::Partial);
    pair.run();
    let start = pair.now;
    for second in 1..60_u64 {
        pair.now = start + Duration::from_millis(500 * second);
        for session in [&mut pair.caller, &mut pair.called] {
            if session.poll_timeout().expect("it runs") <= pair.now {
                session.handle_timeout(pair.now);
            }
        }
        assert_eq!(pair.run(), (vec![], vec![]));
    }
    // Nothing is carried over any more.
    let lost = pair.now;
    while let Some(at) = pair.caller.poll_timeout() {
        assert!(at <= lost + Duration::from_secs(5));
        pair.caller.handle_timeout(at);
    }
    assert_eq!(events(&mut pair.caller), ["closed Silence"]);
    assert_eq!(events(&mut pair.caller), [""; 0]);
}

#[test]
fn a_handshake_or_a_message_that_drips_is_ended_in_time() {
    let start = Instant::now();
    let callers = vec![b"obs".as_slice().into()];
    let mut session = Session::new(Options::new(b"lb1", Role::Called(callers)), start);
    for (second, byte) in (0..).zip(b"HAProxyS") {
        session.handle_bytes(start + Duration::from_secs(second), &[*byte]);
        session.handle_timeout(start + Duration::from_secs(second));
        let expected = if second < 5 { vec![] } else { vec!["closed HandshakeTimeout".to_owned()] };
        assert_eq!(events(&mut session), expected);
        if second == 5 {
            break;
        }
    }

    let mut pair = Pair::new(Answer::Partial);
    pair.run();
    for second in 0..=5 {
        let now = pair.now + Duration::from_secs(second);
        pair.called.handle_bytes(now, if second == 0 { b"\x0a\x80\x30" } else { b"x" });
        events(&mut pair.called);
        pair.called.handle_timeout(now);
    }
    assert_eq!(events(&mut pair.called), ["closed MessageTimeout"]);
}

#[test]
fn callers_that_must_not_come_in_get_no_answer() {
    for (hello, status, reason) in [
        ("GET / HTTP/1.1\n", Status::PROTOCOL, TurnedAway::NotAHello),
        ("HAProxyS 3.0\n", Status::VERSION, TurnedAway::Version),
        ("HAProxyS 2.1\nlb2\n", Status::HOST, TurnedAway::OtherHost),
        ("HAProxyS 2.1\nlb1\nnobody 1 1\n", Status::PEER, TurnedAway::Unknown),
        ("HAProxyS 2.1\nlb1\nlb1 1 1\n", Status::PEER, TurnedAway::OurName),
        ("HAProxyS 2.1\nlb1\nobs\n", Status::PROTOCOL, TurnedAway::NotAHello),
        (&"x".repeat(300), Status::PROTOCOL, TurnedAway::LineTooLong),
    ] {
        let now = Instant::now();
        let callers = ["obs", "lb1"].map(|name| name.as_bytes().into()).to_vec();
        let mut session = Session::new(Options::new(b"lb1", Role::Called(callers)), now);
        session.handle_bytes(now, hello.as_bytes());
        match session.poll_event() {
            Some(Event::Closed(Closed::TurnedAway { status: given, reason: why, .. })) => {
                assert_eq!((*given, *why), (status, reason), "{hello}");
            }
            other => panic!("{hello}: {other:?}"),
        }
        assert_eq!(output(&mut session), b"", "{hello}");
    }
}

#[test]
fn a_caller_of_version_2_0_gets_no_timed_entries() {
    let now = Instant::now();
    let mut session = Session::new(Options::new(b"lb1", Role::Called(vec![b"old".as_slice().into()])), now);
    session.handle_bytes(now, b"PROXY UNKNOWN\r\nHAProxyS 2.0\r\nlb1\r\nold 7 1\r\n");
    assert_eq!(events(&mut session), ["established old 2.0"]);
    let table = session.define(definition("t", "type integer")).expect("a definition");
    let entry = Push { key: &[0, 0, 0, 7], values: &[], server_key: None, life_ms: Some(9) };
    session.push(table, &entry).expect("an entry");
    let out = output(&mut session);
    assert!(out.starts_with(b"200\n\0\x04\x0a\x82"), "{out:?}");
    assert!(out.ends_with(b"\x0a\x80\x08\0\0\0\x01\0\0\0\x07"), "{out:?}");
}

#[test]
fn a_refusal_names_its_status() {
    for (answer, closed) in [
        ("503\n", "closed Refused(Status(503))"),
        ("300\r\n", "closed Refused(Status(300))"),
        ("HTTP/1.1 400\n", "closed NoStatus"),
        (&"2".repeat(100), "closed NoStatus"),
    ] {
        let now = Instant::now();
        let mut session = Session::new(Options::new(b"obs", Role::Caller(b"lb1".as_slice().into())), now);
        assert!(output(&mut session).starts_with(b"HAProxyS 2.1\nlb1\nobs "));
        session.handle_bytes(now, answer.as_bytes());
        assert_eq!(events(&mut session), [closed]);
    }
}

#[test]
fn incremental_ids_count_on_and_wrap() {
    let mut pair = Pair::new(Answer::Partial);
    pair.run();
    let define = b"\x0a\x82\x07\x01\x01t\x02\x04\0\0";
    let explicit = b"\x0a\x80\x08\xff\xff\xff\xfe\0\0\0\x07";
    let incremental = b"\x0a\x81\x04\0\0\0\x07";
    let bytes = [define.as_slice(), incremental, explicit, incremental, incremental, define, incremental].concat();
    pair.caller.handle_bytes(pair.now, &bytes);
    let ids: Vec<_> = events(&mut pair.caller)
        .iter()
        .filter_map(|event| event.strip_prefix("update 0 ")?.split(' ').next().map(str::to_owned))
        .collect();
    assert_eq!(ids, ["1", "4294967294", "4294967295", "0", "1"]);
}

#[test]
fn what_is_not_known_is_skipped_and_counted() {
    let mut pair = Pair::new(Answer::Partial);
    pair.run();
    let skipped: [&[u8]; 8] = [
        b"\x03\x05",
        b"\x03\x85\x03abc",
        b"\x00\x77",
        b"\x0a\x90\x01x",
        b"\x0a\x81\x04\0\0\0\x07",
        b"\x0a\x83\x01\x09",
        b"\x0a\x84\x05\x09\0\0\0\x01",
        b"\x0a\x82\x07\x01\x01t\x08\x04\0\0",
    ];
    pair.caller.handle_bytes(pair.now, &skipped.concat());
    assert_eq!(events(&mut pair.caller), [""; 0]);
    // A switch to a table that was never defined is as silent as the rest, but not counted: nothing was lost by it.
    assert_eq!(pair.caller.counters().ignored, 7);
}

#[test]
fn nonsense_is_answered_and_ends_the_session() {
    for (bytes, answer) in [
        (b"\xff\x00".as_slice(), b"\x01\x00".as_slice()),
        (b"\x0a\x82\x01\x01", b"\x01\x00"),
        (b"\x0a\x84\x02\x01\x01", b"\x01\x00"),
        (b"\x0a\x80\xff\xf0\xfe\xfe\x7e", b"\x01\x01"),
        (b"\x0a\x80\xff\xff\xff\xff\xff\x01", b"\x01\x00"),
    ] {
        let mut pair = Pair::new(Answer::Partial);
        pair.run();
        pair.caller.handle_bytes(pair.now, bytes);
        let told = events(&mut pair.caller);
        assert!(told.len() == 1 && told[0].starts_with("closed Protocol"), "{told:?}");
        assert_eq!(output(&mut pair.caller), answer);
        assert_eq!(pair.caller.poll_timeout(), None);
    }
}

#[test]
fn nothing_is_sent_behind_the_end_of_a_session() {
    let mut pair = Pair::new(Answer::Owner);
    pair.run();
    let session = &mut pair.called;
    let table = session.define(definition("t", "type ip")).expect("a definition");
    session.handle_bytes(pair.now, b"\x00\x00\xff\x00");
    assert_eq!(events(session).len(), 2, "a resync request, and the end");
    session.request_resync();
    session.end_resync(true);
    session.push(table, &Push { key: &[10, 0, 0, 1], values: &[], server_key: None, life_ms: None }).expect("an entry");
    assert_eq!(session.pending_output(), 2);
    assert_eq!(output(session), b"\x01\x00", "HAProxy closes at an error");
    session.request_resync();
    assert_eq!((session.pending_output(), output(session)), (0, Vec::new()));
}

#[test]
fn a_changed_definition_is_a_table_of_its_own_and_a_repeated_one_is_silent() {
    let mut pair = Pair::new(Answer::Partial);
    pair.run();
    let first = b"\x0a\x82\x07\x01\x01t\x02\x04\0\0";
    let second = b"\x0a\x82\x07\x01\x01t\x02\x04\x04\0";
    pair.caller.handle_bytes(pair.now, &[first.as_slice(), first, second, first].concat());
    assert_eq!(
        events(&mut pair.caller),
        ["table 0 t type integer", "table 1 t type integer store gpc0", "table 2 t type integer"]
    );
    let limit = Options { max_tables: 2, ..Options::new(b"lb1", Role::Called(vec![b"obs".as_slice().into()])) };
    let mut session = Session::new(limit, pair.now);
    session.handle_bytes(pair.now, b"HAProxyS 2.1\nlb1\nobs 1 1\n");
    session.handle_bytes(pair.now, &[first.as_slice(), second, first].concat());
    let told = events(&mut session);
    assert!(told.last().is_some_and(|last| last.contains("number of definitions")), "{told:?}");
}

#[test]
fn a_text_that_was_never_sent_is_told_from_none() {
    let mut pair = Pair::new(Answer::Partial);
    pair.run();
    let message =
        |kind: u8, payload: &[u8]| [&[0x0a, kind, u8::try_from(payload.len()).expect("short")], payload].concat();
    let mut definition = Vec::new();
    crate::proto::define::encode(1, &self::definition("t", "type integer store server_key"), &mut definition);
    let definition = message(0x82, &definition);
    let update = |text: &[u8]| message(0x81, &[b"\0\0\0\x07", text].concat());
    let (none, known, unknown) = (update(b"\0"), update(b"\x04\x01\x02s1"), update(b"\x01\x02"));
    pair.caller.handle_bytes(pair.now, &[definition, none, known, unknown].concat());
    assert_eq!(
        events(&mut pair.caller),
        [
            "table 0 t type integer store server_key",
            "update 0 1 None [0, 0, 0, 7] [0] Unchanged false",
            "update 0 2 None [0, 0, 0, 7] [1] Text([115, 49]) false",
            "update 0 3 None [0, 0, 0, 7] [2] Unexplained false",
        ]
    );
}

#[test]
fn what_would_harm_a_haproxy_is_not_sent() {
    let mut pair = Pair::new(Answer::Partial);
    pair.run();
    let session = &mut pair.called;
    let mut bad = definition("t", "type string len 8 store server_key");
    bad.key_type = crate::grammar::KeyType(8);
    assert!(matches!(session.define(bad), Err(EnvelopeError::KeyType { .. })));
    assert!(matches!(session.define(definition("", "type ip")), Err(EnvelopeError::Name(0))));
    let mut bare = definition("t", "type ip");
    bare.layout = crate::stick::Layout::new([(crate::grammar::DataType::GPC0_RATE, None, None)]);
    assert!(matches!(session.define(bare), Err(EnvelopeError::Parameters(_))));

    let table = session.define(definition("t", "type string len 8 store server_key")).expect("a definition");
    let entry = Push { key: b"abc", values: &[0], server_key: None, life_ms: None };
    assert!(matches!(session.push(table, &Push { key: b"123456789", ..entry }), Err(EnvelopeError::Key(_))));
    assert!(matches!(session.push(table, &Push { key: b"a\0b", ..entry }), Err(EnvelopeError::Key(_))));
    assert!(matches!(session.push(table, &Push { values: &[], ..entry }), Err(EnvelopeError::Values { .. })));
    let text = [b'x'; 3000];
    assert!(matches!(session.push(table, &Push { server_key: Some(&text), ..entry }), Err(EnvelopeError::Text(3000))));
    assert_eq!(session.pending_output(), 0, "nothing of it was sent");
    assert_eq!(session.push(table, &entry), Ok(1), "and no update id was used up");
}
