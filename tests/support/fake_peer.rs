//! A peer that says whatever it is told to, and keeps what it hears.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::{
    Network, Stopwatch,
    frames::{Frame, Framer, From, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_REQUEST, hello, message},
    wait_until,
};

/// One connection. It says nothing by itself, no heartbeat either.
#[derive(Debug)]
pub(crate) struct FakePeer {
    stream: TcpStream,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug)]
struct Heard {
    framer: Framer,
    end: Option<End>,
}

/// How the other side ended the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// In order.
    Closed,
    /// With a reset.
    Reset,
}

impl FakePeer {
    /// Calls a port of `network` and says hello; `own` is our name.
    pub(crate) fn call(network: &Network, port: u16, called: &str, own: &str) -> Self {
        let peer = Self::connect(network, port);
        peer.send(&hello("2.1", called, own));
        peer
    }

    /// Calls a port of `network` and says nothing.
    pub(crate) fn connect(network: &Network, port: u16) -> Self {
        Self::on(network.connect(port).expect("somebody listens"), From::Called)
    }

    /// Waits for the next call, and says nothing.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).expect("a socket");
        let (stream, _) = wait_until("somebody calls", || listener.accept().ok());
        Self::accepted(stream)
    }

    /// The other end of a call that was taken.
    pub(crate) fn accepted(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).expect("a socket");
        Self::on(stream, From::Caller)
    }

    /// Waits for the next call that says hello. A second connection, which says nothing, may watch whether another client takes
    /// sessions over.
    pub(crate) fn accept_hello(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).expect("a socket");
        let mut callers = Vec::new();
        let found = wait_until("a caller says hello", || {
            if let Ok((stream, _)) = listener.accept() {
                callers.push(Self::accepted(stream));
            }
            let at = callers.iter().position(|peer| peer.heard().starts_with(b"HAProxyS"))?;
            Some(callers.swap_remove(at))
        });
        listener.set_nonblocking(false).expect("a socket");
        found
    }

    /// Waits for the next call, and is in sync with whoever called: it has taught these definitions, and that was everything.
    pub(crate) fn accept_in_sync(listener: &TcpListener, definitions: &[u8]) -> Self {
        let peer = Self::accept_hello(listener);
        peer.send(b"200\n");
        peer.wait_for(RESYNC_REQUEST, 1);
        peer.send(&[definitions, &message(RESYNC_FINISHED, &[])].concat());
        peer.wait_for(RESYNC_CONFIRM, 1);
        peer
    }

    fn on(stream: TcpStream, other: From) -> Self {
        stream.set_nodelay(true).expect("a socket");
        let heard = Arc::new(Mutex::new(Heard { framer: Framer::new(other), end: None }));
        let (mut reading, into) = (stream.try_clone().expect("a handle"), Arc::clone(&heard));
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            let end = loop {
                match reading.read(&mut buffer) {
                    Ok(0) => break End::Closed,
                    Ok(count) => into.lock().expect("nobody panics with it").framer.feed(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break End::Reset,
                }
            };
            into.lock().expect("nobody panics with it").end = Some(end);
        });
        Self { stream, heard }
    }

    /// Sends bytes, whatever they are; whether the other side still takes them doesn't matter.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let _may_be_closed = (&self.stream).write_all(bytes);
    }

    /// Sends bytes one by one, with a pause behind each.
    pub(crate) fn drip(&self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            self.send(&[*byte]);
            thread::sleep(pause);
        }
    }

    /// All bytes it has heard.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().expect("nobody panics with it").framer.bytes().to_vec()
    }

    /// All whole messages it has heard.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.heard.lock().expect("nobody panics with it").framer.frames.clone()
    }

    /// How many messages of this class and type it has heard.
    pub(crate) fn count(&self, kind: (u8, u8)) -> usize {
        let heard = self.heard.lock().expect("nobody panics with it");
        heard.framer.frames.iter().filter(|frame| frame.is(kind)).count()
    }

    /// Waits until it has heard `count` messages of this class and type, and gives the last of them.
    pub(crate) fn wait_for(&self, kind: (u8, u8), count: usize) -> Frame {
        wait_until(&format!("{count} messages {kind:02x?}"), || {
            let found: Vec<Frame> = self.frames().into_iter().filter(|frame| frame.is(kind)).collect();
            let (found, last) = (found.len() >= count, found.into_iter().nth(count - 1));
            assert!(found || self.end().is_none(), "it has ended: {:?}", self.frames());
            last
        })
    }

    /// Waits for the first line, like `200`.
    pub(crate) fn wait_for_line(&self) -> String {
        wait_until("a line", || {
            let heard = self.heard();
            let end = heard.iter().position(|byte| *byte == b'\n');
            assert!(end.is_some() || self.end().is_none(), "it has ended: {heard:02x?}");
            Some(String::from_utf8_lossy(&heard[..end?]).into_owned())
        })
    }

    /// How the other side has ended the connection, if it has.
    pub(crate) fn end(&self) -> Option<End> {
        self.heard.lock().expect("nobody panics with it").end
    }

    /// Waits until the other side ends the connection, and says how and after what time at most.
    pub(crate) fn wait_for_end(&self) -> (End, Duration) {
        let begin = Stopwatch::start();
        let end = wait_until("the other side ends the connection", || self.end());
        (end, begin.elapsed())
    }

    /// Ends our direction; what the other side sends is still heard.
    pub(crate) fn half_close(&self) {
        let _may_be_closed = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        let _may_be_closed = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
        let _wakes_the_reader = self.stream.shutdown(Shutdown::Read);
        wait_until("the reader has let go", || (Arc::strong_count(&self.heard) == 1).then_some(()));
    }
}

impl Drop for FakePeer {
    fn drop(&mut self) {
        let _wakes_the_reader = self.stream.shutdown(Shutdown::Read);
    }
}
