//! A session that is fed anything, in pieces, with time going by: it never panics, never keeps more than one message, and
//! tells the end exactly once.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use peerctl::proto::{
    Session,
    session::{Answer, Event, Options, Push, Role},
};

fuzz_target!(|data: &[u8]| {
    let Some(([how, piece], bytes)) = data.split_first_chunk() else { return };
    let them: Box<[u8]> = b"lb1".as_slice().into();
    let role = if how & 1 == 0 { Role::Caller(them) } else { Role::Called(vec![them]) };
    let answer = if how & 2 == 0 { Answer::Partial } else { Answer::Owner };
    let options = Options { answer, max_payload: 4096, max_tables: 8, ..Options::new(b"obs", role) };
    let mut now = Instant::now();
    let mut session = Session::new(options, now);
    if how & 4 == 0 {
        session.request_resync();
    }
    if how & 8 == 0 {
        let greeting: &[u8] = if how & 1 == 0 { b"200\n" } else { b"HAProxyS 2.1\nobs\nlb1 1 1\n" };
        session.handle_bytes(now, greeting);
    }
    let mut closed = 0;
    for piece in bytes.chunks(usize::from(*piece).max(1)) {
        session.handle_bytes(now, piece);
        let mut table = None;
        while let Some(event) = session.poll_event() {
            match event {
                Event::Closed(_) => closed += 1,
                Event::Update(update) => {
                    assert_eq!(update.values.len(), update.table.definition.layout.slots());
                    let entry = (update.key.to_vec(), update.values.to_vec(), update.life_ms);
                    table = Some((update.table.definition.clone(), entry));
                }
                _ => {}
            }
        }
        // What a peer says of its own table can be said back to it.
        if let Some((definition, (key, values, life_ms))) = table
            && let Ok(table) = session.define(definition)
        {
            let _ = session.push(table, &Push { key: &key, values: &values, server_key: None, life_ms });
        }
        now += Duration::from_millis(u64::from(*how));
        if session.poll_timeout().is_some_and(|at| at <= now) {
            session.handle_timeout(now);
        }
        session.poll_transmit(&mut Vec::new());
    }
    session.handle_eof(now);
    while let Some(event) = session.poll_event() {
        closed += i32::from(matches!(event, Event::Closed(_)));
    }
    assert_eq!(closed, 1);
    assert_eq!(session.poll_timeout(), None);
});
