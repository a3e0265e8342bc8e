//! A thread that writes what others make, so that a slow reader or disk stops nobody who has heartbeats to send.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::files::{self, Output};
use super::stdout::{self, StdoutError};
use crate::node::clock;

/// Bytes that may wait before whoever brings more has to wait, too.
const FULL: usize = 8 << 20;

/// How long it waits. After that it goes on, and a little more than [`FULL`] waits: whoever reads a connection must come back
/// to it in time.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bytes of one chunk.
pub const CHUNK: usize = 64 << 10;

/// How long a slow reader has once a signal has asked the program to end.
pub const LAST_WORDS: Duration = Duration::from_millis(700);

/// Where the text goes.
#[derive(Debug)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file.
    File(Output),
}

/// Text on its way.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    thread: JoinHandle<Option<Output>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of all chunks.
    bytes: usize,
    /// Nothing more will come.
    ended: bool,
    /// The thread has nothing more to do.
    done: Option<io::Result<()>>,
}

/// Puts text into a spool; what isn't flushed is lost.
#[derive(Debug)]
pub struct Writer<'a> {
    spool: &'a Spool,
    buffer: Vec<u8>,
    /// When it gives up.
    limit: Option<Instant>,
}

impl Writer<'_> {
    fn hand_over(&mut self) -> io::Result<()> {
        while self.spool.is_full() {
            if self.limit.is_none() && files::interrupted().is_some() {
                self.limit = Some(clock::now() + LAST_WORDS);
            }
            if self.limit.is_some_and(|limit| clock::now() > limit) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        let chunk = mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.spool.push(chunk).map_err(|Gone| io::ErrorKind::BrokenPipe.into())
    }
}

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.hand_over() }
    }
}

/// Nothing more is written; [`Spool::finish`] says why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

impl Spool {
    /// Starts the thread.
    #[must_use]
    pub fn start(destination: Destination) -> Self {
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        Self { shared, thread: thread::spawn(move || own.write(destination)) }
    }

    /// Hands text over.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn push(&self, chunk: Vec<u8>) -> Result<(), Gone> {
        self.is_full();
        self.push_at_once(chunk)
    }

    /// Hands text over, however much waits: for those who look at [`Self::waiting`] before.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn push_at_once(&self, chunk: Vec<u8>) -> Result<(), Gone> {
        let mut state = self.shared.lock();
        if state.done.is_some() {
            return Err(Gone);
        }
        state.bytes += chunk.len();
        state.chunks.push_back(chunk);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Bytes that aren't written yet.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn waiting(&self) -> Result<usize, Gone> {
        let state = self.shared.lock();
        if state.done.is_some() { Err(Gone) } else { Ok(state.bytes) }
    }

    /// A writer for those who have nothing else to do: it waits as long as it takes, but for a moment only once a signal has
    /// asked the program to end.
    #[must_use]
    pub fn writer(&self) -> Writer<'_> {
        Writer { spool: self, buffer: Vec::with_capacity(CHUNK), limit: None }
    }

    /// Whether too much waits, after a moment of patience.
    fn is_full(&self) -> bool {
        let full = |state: &mut State| state.bytes >= FULL && state.done.is_none();
        full(&mut self.shared.wait(self.shared.lock(), PATIENCE, full))
    }

    /// Waits until everything is written, `patience` at most if one is given; a file then takes its place if it is to be
    /// `kept`.
    ///
    /// # Errors
    /// If it wasn't written in full.
    pub fn finish(self, patience: Option<Duration>, kept: bool) -> Result<(), Failure> {
        let mut state = self.shared.lock();
        state.ended = true;
        self.shared.changed.notify_all();
        let patience = patience.unwrap_or(Duration::MAX);
        let mut state = self.shared.wait(state, patience, |state| state.done.is_none());
        let done = state.done.take();
        drop(state);
        let Some(result) = done else {
            // The reader holds the thread up; the end of the program frees it.
            return Err(StdoutError::Failed(io::ErrorKind::TimedOut.into()).into());
        };
        let output = self.thread.join().unwrap_or_default();
        match (result, output) {
            (Err(error), Some(output)) => Err(Failure::io("write", &output.shown(), &error)),
            (Err(error), None) => Err(StdoutError::of(error).into()),
            (Ok(()), Some(output)) if kept => Ok(output.finish()?),
            (Ok(()), _) => Ok(()),
        }
    }
}

impl Shared {
    /// The thread.
    fn write(&self, mut destination: Destination) -> Option<Output> {
        let result = self.write_all(&mut destination);
        let mut state = self.lock();
        state.done = Some(result);
        let waiting = mem::take(&mut state.chunks);
        state.bytes = 0;
        drop(state);
        self.changed.notify_all();
        drop(waiting);
        match destination {
            Destination::Stdout => None,
            Destination::File(output) => Some(output),
        }
    }

    fn write_all(&self, destination: &mut Destination) -> io::Result<()> {
        let mut stdout = stdout::writer();
        loop {
            let idle = |state: &mut State| state.chunks.is_empty() && !state.ended;
            let mut state = self.wait(self.lock(), Duration::MAX, idle);
            let Some(chunk) = state.chunks.pop_front() else { return Ok(()) };
            drop(state);
            match destination {
                Destination::Stdout => stdout.write_all(&chunk)?,
                Destination::File(output) => output.write_all(&chunk)?,
            }
            self.lock().bytes -= chunk.len();
            self.changed.notify_all();
        }
    }

    /// A panic in the other thread has left a state that is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        patience: Duration,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        match self.changed.wait_timeout_while(state, patience, condition) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn everything_is_written_in_order() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("out");
        let spool = Spool::start(Destination::File(Output::create(&path).expect("begun")));
        let expected: Vec<u8> = (0..=255).flat_map(|byte| vec![byte; 4096]).collect();
        for chunk in expected.chunks(1000) {
            spool.push(chunk.to_vec()).expect("taken");
        }
        spool.finish(None, true).expect("written");
        assert_eq!(std::fs::read(&path).expect("there"), expected);
    }

    #[test]
    fn what_cannot_be_written_is_said_at_the_end() {
        let spool = Spool::start(Destination::File(Output::create(Path::new("/dev/full")).expect("a device")));
        while spool.push(vec![b'x'; 4096]).is_ok() {}
        let failure = spool.finish(None, true).expect_err("a full device");
        assert_eq!(failure.exit, Exit::Io);
    }
}
