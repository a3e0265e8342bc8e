//! Streams captured from real HAProxy: read as what they are, written back as they were, however they are cut.

mod support;

use std::{collections::HashMap, time::Instant};

use peerctl::{
    proto::{
        Session,
        define::{self, Announced},
        dictionary::Received,
        frame::{Class, Frame, Type},
        session::{Event, Options, Role},
        update::{self, Decoder, Reference},
        varint,
    },
    stick::{Definition, ValueKind, key},
};
use serde_json::{Value, json};
use support::{
    random::Random,
    wire::{Capture, Initiator, Stream, captures},
};

/// Reads messages one after the other, and writes each again.
#[derive(Default)]
struct Codec {
    tables: HashMap<u64, (Definition, Decoder, u32)>,
    current: Option<u64>,
    received: Received,
}

impl Codec {
    /// The message as the captures describe it, and its bytes written again; `Err` if it can't be read.
    fn message(&mut self, frame: &Frame<'_>) -> Result<(Value, Vec<u8>), String> {
        let mut out = Vec::new();
        let fields = match (frame.class, frame.kind) {
            (Class::STICK_TABLE, kind @ (Type::UPDATE | Type::INCREMENTAL | Type::TIMED | Type::TIMED_INCREMENTAL)) => {
                let (fields, payload) = self.entry(kind, frame.payload)?;
                Frame { payload: &payload, ..*frame }.encode(&mut out);
                return Ok((fields, out));
            }
            (Class::STICK_TABLE, Type::DEFINITION) => {
                let announced = Announced::decode(frame.payload).map_err(|error| error.to_string())?;
                let definition = announced.definition.clone().map_err(|why| format!("{why:?}"))?;
                let mut payload = Vec::new();
                define::encode(announced.id, &definition, &mut payload);
                let decoder = Decoder::new(&definition, announced.data_types);
                let last = self.tables.remove(&announced.id).map_or(0, |(.., last)| last);
                let fields = definition_fields(&announced, &definition);
                self.tables.insert(announced.id, (definition, decoder, last));
                self.current = Some(announced.id);
                Frame { payload: &payload, ..*frame }.encode(&mut out);
                return Ok((fields, out));
            }
            (Class::STICK_TABLE, Type::SWITCH) => {
                let (id, _) = varint::decode(frame.payload).expect("a table id");
                self.current = Some(id);
                json!({ "name": "table_switch", "table_id": id })
            }
            (Class::STICK_TABLE, Type::ACK) => {
                let (id, rest) = varint::decode(frame.payload).expect("a table id");
                let update_id = u32::from_be_bytes(rest.try_into().expect("four bytes"));
                json!({ "name": "ack", "table_id": id, "update_id": update_id })
            }
            (Class::CONTROL, kind) => {
                let names = ["resync_request", "resync_finished", "resync_partial", "resync_confirm", "heartbeat"];
                json!({ "name": names.get(usize::from(kind.0)).unwrap_or(&"unknown") })
            }
            (Class::ERROR, Type::PROTOCOL_ERROR) => json!({ "name": "error_protocol" }),
            (Class::ERROR, Type::SIZE_LIMIT) => json!({ "name": "error_size_limit" }),
            _ => json!({ "name": "unknown" }),
        };
        frame.encode(&mut out);
        Ok((fields, out))
    }

    fn entry(&mut self, kind: Type, payload: &[u8]) -> Result<(Value, Vec<u8>), String> {
        let name = match kind {
            Type::UPDATE => "entry_update",
            Type::INCREMENTAL => "entry_update_incremental",
            Type::TIMED => "entry_update_timed",
            _ => "entry_update_incremental_timed",
        };
        let Some((id, (definition, decoder, last))) = self.current.and_then(|id| Some((id, self.tables.get_mut(&id)?)))
        else {
            return Ok((json!({ "name": name, "ignored": true }), payload.to_vec()));
        };
        let (head, key, text) = decoder.decode(kind, payload, &mut self.received).map_err(|error| error.to_string())?;
        *last = head.id.unwrap_or_else(|| last.wrapping_add(1));
        let reference = text.unwrap_or(Reference::NONE);
        let text = self.received.get(reference.id);
        let mut written = Vec::new();
        update::encode(definition, head, key, decoder.values(), reference, &mut written);
        let data: serde_json::Map<_, _> = definition
            .layout
            .fields()
            .iter()
            .map(|field| {
                let slots = field.of(decoder.values());
                let values: Vec<_> =
                    slots.chunks(field.kind.slots()).map(|slots| value(field.kind, slots, reference, text)).collect();
                let value = if field.count.is_some() { json!(values) } else { values[0].clone() };
                (field.data_type.to_string(), value)
            })
            .collect();
        let mut fields = json!({
            "name": name,
            "table_id": id,
            "table_name": String::from_utf8_lossy(&definition.name),
            "update_id": *last,
            "key_hex": key::hex(key).to_lowercase(),
            "data": data,
        });
        if let Some(life_ms) = head.life_ms {
            fields["expire_ms"] = json!(life_ms);
        }
        Ok((fields, written))
    }
}

fn value(kind: ValueKind, slots: &[u64], reference: Reference<'_>, text: Option<&[u8]>) -> Value {
    match kind {
        ValueKind::Signed32 => json!(i64::from(u32::try_from(slots[0]).expect("32 bits").cast_signed())),
        ValueKind::Rate => json!({ "elapsed_ms": slots[0], "curr": slots[1], "prev": slots[2] }),
        ValueKind::Text if reference.id == 0 => Value::Null,
        ValueKind::Text => {
            json!({ "id": slots[0], "value": text.map(String::from_utf8_lossy), "inline": reference.text.is_some() })
        }
        _ => json!(slots[0]),
    }
}

fn definition_fields(announced: &Announced, definition: &Definition) -> Value {
    let params: Vec<_> = definition
        .layout
        .fields()
        .iter()
        .filter(|field| field.count.is_some() || field.period_ms.is_some())
        .map(|field| {
            let mut param = json!({ "type_num": field.data_type.0, "type": field.data_type.to_string() });
            if let Some(count) = field.count {
                param["elements"] = json!(count);
            }
            if let Some(period_ms) = field.period_ms {
                param["period_ms"] = json!(period_ms);
            }
            param
        })
        .collect();
    json!({
        "name": "table_definition",
        "table_id": announced.id,
        "table_name": String::from_utf8_lossy(&definition.name),
        "key_type_num": definition.key_type.0,
        "key_len": definition.key_len,
        "data_bits": announced.data_types,
        "data_types": definition.layout.fields().iter().map(|field| field.data_type.to_string()).collect::<Vec<_>>(),
        "expire_ms": definition.expire_ms,
        "params": params,
    })
}

/// What the captures know of a message and the codec says, too.
fn comparable(expected: &Value) -> Value {
    let mut fields = expected.as_object().expect("an object").clone();
    for unused in ["offset", "len", "class", "type", "payload_len", "key", "key_type"] {
        fields.remove(unused);
    }
    Value::Object(fields)
}

fn streams(capture: &Capture) -> [(&Stream, bool); 2] {
    let called_by_observer = capture.initiator == Initiator::Observer;
    [(&capture.to_haproxy, called_by_observer), (&capture.from_haproxy, !called_by_observer)]
}

#[test]
fn every_stream_is_read_as_what_it_is_and_written_back_as_it_was() {
    let (mut messages, mut entries) = (0, 0);
    for capture in captures() {
        for (stream, _) in streams(&capture) {
            let mut codec = Codec::default();
            for message in stream.messages.iter().filter(|message| !message.name.ends_with("_line")) {
                let bytes = &stream.bytes[message.range.clone()];
                let parsed = Frame::parse(bytes, 1 << 20).expect("a message");
                let (frame, len) = parsed.unwrap_or_else(|| panic!("{}: {message:?} is whole", capture.name));
                assert_eq!(len, bytes.len(), "{}: {message:?}", capture.name);
                let (fields, written) = codec.message(&frame).unwrap_or_else(|error| panic!("{message:?}: {error}"));
                assert_eq!(fields, comparable(&message.fields), "{}", capture.name);
                assert_eq!(key::hex(&written), key::hex(bytes), "{}: {message:?}", capture.name);
                for end in 0..bytes.len() {
                    assert_eq!(Frame::parse(&bytes[..end], 1 << 20), Ok(None), "{}: {message:?}", capture.name);
                }
                messages += 1;
                entries += u32::from(message.name.starts_with("entry"));
            }
        }
    }
    assert!(messages > 2000 && entries > 1500, "{messages} messages, {entries} entries");
}

#[test]
fn every_prefix_of_a_payload_and_every_trailing_byte_is_an_error() {
    let mut checked = 0;
    for capture in captures() {
        for (stream, _) in streams(&capture) {
            let mut codec = Codec::default();
            for message in stream.messages.iter().filter(|message| !message.name.ends_with("_line")) {
                let (frame, _) =
                    Frame::parse(&stream.bytes[message.range.clone()], 1 << 20).expect("a message").expect("whole");
                let structured = message.name.starts_with("entry") || message.name == "table_definition";
                if structured && message.fields["ignored"] != true {
                    let longer = [frame.payload, b"\0"].concat();
                    let reads = |payload: &[u8]| {
                        let mut codec =
                            Codec { tables: codec.tables.clone(), current: codec.current, ..Codec::default() };
                        codec.message(&Frame { payload, ..frame }).is_ok()
                    };
                    assert!(!reads(&longer), "{}: {message:?}", capture.name);
                    // What a definition says behind its data types may be missing.
                    let whole = if message.name == "table_definition" { 5 } else { frame.payload.len() };
                    for end in (0..whole).filter(|end| *end < frame.payload.len()) {
                        assert!(!reads(&frame.payload[..end]), "{}: {message:?} cut at {end}", capture.name);
                    }
                    checked += 1;
                }
                codec.message(&frame).expect("it can be read");
            }
        }
    }
    assert!(checked > 1500, "{checked}");
}

/// A session that is fed this stream, as the side it was meant for.
fn receiver(capture: &Capture, from_caller: bool, to_haproxy: bool) -> Session {
    let (us, them) = if to_haproxy {
        (&capture.local_peer, &capture.remote_peer)
    } else {
        (&capture.remote_peer, &capture.local_peer)
    };
    let them = them.as_bytes().into();
    let role = if from_caller { Role::Called(vec![them]) } else { Role::Caller(them) };
    let mut session = Session::new(Options::new(us.as_bytes(), role), Instant::now());
    session.poll_transmit(&mut Vec::new());
    session
}

/// All that is told and sent, as text.
fn drain(session: &mut Session) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(event) = session.poll_event() {
        told.push(format!("{event:?}"));
    }
    let mut out = Vec::new();
    if session.poll_transmit(&mut out) && !told.is_empty() {
        told.push(format!("sent {}", key::hex(&out)));
    }
    told
}

fn told(session: &mut Session) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(event) = session.poll_event() {
        told.push(format!("{event:?}"));
    }
    told
}

#[test]
fn a_session_tells_what_a_stream_says() {
    for capture in captures() {
        for (to_haproxy, (stream, from_caller)) in [true, false].into_iter().zip(streams(&capture)) {
            if capture.name.contains("reject") || capture.name.contains("error") {
                continue;
            }
            let mut session = receiver(&capture, from_caller, to_haproxy);
            session.handle_bytes(Instant::now(), &stream.bytes);
            let mut entries = Vec::new();
            while let Some(event) = session.poll_event() {
                match event {
                    Event::Update(update) => entries.push(json!([
                        String::from_utf8_lossy(&update.table.definition.name),
                        update.id,
                        update.life_ms,
                        key::hex(update.key).to_lowercase()
                    ])),
                    Event::Closed(closed) => panic!("{}: {closed:?}", capture.name),
                    _ => {}
                }
            }
            let expected: Vec<_> = stream
                .messages
                .iter()
                .filter(|message| message.name.starts_with("entry") && message.fields["ignored"] != true)
                .map(|message| &message.fields)
                .map(|fields| {
                    json!([fields["table_name"], fields["update_id"], fields["expire_ms"], fields["key_hex"]])
                })
                .collect();
            assert_eq!(entries, expected, "{}", capture.name);
        }
    }
}

#[test]
fn a_stream_fed_byte_by_byte_tells_the_same() {
    for capture in captures() {
        for (to_haproxy, (stream, from_caller)) in [true, false].into_iter().zip(streams(&capture)) {
            let now = Instant::now();
            let mut whole = receiver(&capture, from_caller, to_haproxy);
            whole.handle_bytes(now, &stream.bytes);
            let mut dripped = receiver(&capture, from_caller, to_haproxy);
            let mut events = Vec::new();
            for byte in &stream.bytes {
                dripped.handle_bytes(now, &[*byte]);
                events.extend(told(&mut dripped));
            }
            assert_eq!(events, told(&mut whole), "{}", capture.name);
        }
    }
}

#[test]
fn every_stream_cut_in_two_anywhere_tells_the_same() {
    let mut cuts = 0_u32;
    for capture in captures() {
        for (to_haproxy, (stream, from_caller)) in [true, false].into_iter().zip(streams(&capture)) {
            let now = Instant::now();
            let new = || receiver(&capture, from_caller, to_haproxy);
            let mut whole = new();
            whole.handle_bytes(now, &stream.bytes);
            let expected = told(&mut whole);
            // A cut shows within the message it is in: the session that has seen the first part is copied there, and both
            // must have told the same and be equal when the message is complete.
            let mut session = new();
            let mut before = Vec::new();
            for message in &stream.messages {
                let bytes = &stream.bytes[message.range.clone()];
                let mut one = session.clone();
                one.handle_bytes(now, bytes);
                let at_once = drain(&mut one);
                for cut in 1..bytes.len() {
                    let mut two = session.clone();
                    two.handle_bytes(now, &bytes[..cut]);
                    let mut in_two = drain(&mut two);
                    assert!(in_two.is_empty(), "{}: half of {message:?} tells {in_two:?}", capture.name);
                    two.handle_bytes(now, &bytes[cut..]);
                    in_two.extend(drain(&mut two));
                    assert_eq!(in_two, at_once, "{}: {message:?} cut at {cut}", capture.name);
                    cuts += 1;
                }
                session.handle_bytes(now, bytes);
                before.extend(told(&mut session));
                let mut sent = Vec::new();
                session.poll_transmit(&mut sent);
            }
            let tail = stream.undecoded_tail.clone().map_or(&[][..], |tail| &stream.bytes[tail]);
            session.handle_bytes(now, tail);
            before.extend(told(&mut session));
            assert_eq!(before, expected, "{}", capture.name);
        }
    }
    assert!(cuts > 50_000, "{cuts}");
}

#[test]
fn mutated_streams_never_panic_and_always_come_to_an_end() {
    let mut random = Random::new(20_261_122);
    let (mut closed, mut survived) = (0, 0);
    for capture in captures() {
        for (to_haproxy, (stream, from_caller)) in [true, false].into_iter().zip(streams(&capture)) {
            for _ in 0..40 {
                let mut bytes = stream.bytes.clone();
                for _ in 0..=random.below(4) {
                    let at = random.below(bytes.len());
                    match random.below(4) {
                        0 => bytes[at] ^= 1 << random.below(8),
                        1 => bytes[at] = u8::try_from(random.below(256)).expect("a byte"),
                        2 => drop(bytes.remove(at)),
                        _ => bytes.insert(at, u8::try_from(random.below(256)).expect("a byte")),
                    }
                    if bytes.is_empty() {
                        break;
                    }
                }
                let now = Instant::now();
                let mut session = receiver(&capture, from_caller, to_haproxy);
                for part in bytes.chunks(1 + random.below(700)) {
                    session.handle_bytes(now, part);
                    drain(&mut session);
                }
                session.handle_eof(now);
                drain(&mut session);
                assert_eq!(session.poll_timeout(), None, "it is over");
                if session.counters().updates > 0 { survived += 1 } else { closed += 1 }
            }
        }
    }
    assert!(closed > 100 && survived > 100, "{closed} without an entry, {survived} with some");
}
