//! A peer that takes entries as fast as they come and keeps none: it shows what a teacher can do whom no pupil holds up.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use peerctl::proto::{
    Session,
    session::{Answer, Event, Options, Push, Role},
};

use crate::entries;

/// The sink as a peer.
pub(crate) const NAME: &str = "sink";

/// What came on one connection.
#[derive(Default)]
struct Heard {
    entries: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Heard {
    fn time(&self) -> Duration {
        self.last.zip(self.first).map_or(Duration::ZERO, |(last, first)| last - first)
    }
}

/// Lets the HAProxy at the other end, whose name is `name`, teach us everything as its guest; returns how long it took from its
/// first entry to its last one.
pub(crate) fn learn(stream: TcpStream, name: &str, count: usize) -> Duration {
    let mut session = Session::new(Options::new(b"peerctl", Role::Caller(name.as_bytes().into())), Instant::now());
    session.request_resync();
    let heard = listen(stream, session, true);
    assert_eq!(heard.entries, count, "all came");
    heard.time()
}

/// Waits until `peerctl` calls and teaches so many entries; returns how long it took from the first one to the last one. Before,
/// it may learn what is there: one entry.
pub(crate) fn be_taught(listener: &TcpListener, count: usize) -> Duration {
    loop {
        let (stream, _) = listener.accept().expect("somebody calls");
        let mut options = Options::new(NAME.as_bytes(), Role::Called(vec![(*b"peerctl").into()]));
        options.answer = Answer::Owner;
        let heard = listen(stream, Session::new(options, Instant::now()), false);
        if heard.entries >= count {
            return heard.time();
        }
    }
}

/// Takes what comes until the other side closes, or the end of the resync. Acknowledges what doesn't belong to one.
fn listen(mut stream: TcpStream, mut session: Session, until_learned: bool) -> Heard {
    let (mut heard, mut buffer, mut out) = (Heard::default(), vec![0; 64 << 10], Vec::new());
    loop {
        out.clear();
        session.poll_transmit(&mut out);
        // Whoever teaches no more may have gone.
        let _is_gone = stream.write_all(&out);
        let count = stream.read(&mut buffer).unwrap_or(0);
        if count == 0 {
            return heard;
        }
        let now = Instant::now();
        session.handle_bytes(now, buffer.get(..count).unwrap_or_default());
        let (mut ack, mut asked, mut ended) = (None, false, false);
        while let Some(event) = session.poll_event() {
            match event {
                Event::Update(update) => {
                    heard.entries += 1;
                    ack = Some((update.table.index, update.id));
                }
                Event::ResyncRequested => asked = true,
                Event::ResyncEnded { .. } => ended = true,
                _ => {}
            }
        }
        if let Some((table, id)) = ack {
            heard.first.get_or_insert(now);
            heard.last = Some(now);
            session.acknowledge(table, id);
        }
        if asked {
            let table = session.define(entries::definition(b"/t")).expect("any table");
            // One that nobody will teach us: `replay` leaves alone what is there.
            let (key, values) = entries::entry(u32::MAX);
            let push = Push { key: &key, values: &values, server_key: None, life_ms: Some(entries::EXPIRE_MS) };
            session.push(table, &push).expect("it fits");
            session.end_resync(true);
        }
        if ended && until_learned {
            return heard;
        }
    }
}
