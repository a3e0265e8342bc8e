//! A thread that writes what others make, so that a slow reader or disk stops nobody who has heartbeats to send.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::exit::Exit;
use super::failure::Failure;
use super::files::{self, Output};
use super::queue::{Gone, Load, Queue};
use super::stdout::{self, StdoutError};

/// Bytes that may wait before a [`Writer`] waits, too.
const FULL: usize = 8 << 20;

/// How often a [`Writer`] that waits looks for signals.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes of one chunk.
pub const CHUNK: usize = 64 << 10;

/// Where the text goes.
#[derive(Debug)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file.
    File(Output),
}

/// What is on its way to be written.
#[derive(Debug)]
pub struct Spool<T = Vec<u8>> {
    queue: Arc<Queue<T>>,
    thread: JoinHandle<Option<Output>>,
}

impl Spool {
    /// Starts a thread that writes text as it is.
    #[must_use]
    pub fn start(destination: Destination) -> Self {
        Self::start_with(destination, |text: Vec<u8>, out| out.write_all(&text))
    }

    /// A writer for those who have nothing else to do: it waits as long as it takes, but for a moment only once a signal has
    /// asked the program to end.
    #[must_use]
    pub fn writer(&self) -> Writer<'_> {
        Writer { spool: self, buffer: Vec::with_capacity(CHUNK) }
    }
}

impl<T: Load> Spool<T> {
    /// Starts a thread that writes things in the way of `write`.
    #[must_use]
    pub fn start_with(
        destination: Destination,
        mut write: impl FnMut(T, &mut dyn Write) -> io::Result<()> + Send + 'static,
    ) -> Self {
        let queue = Arc::<Queue<T>>::default();
        let own = Arc::clone(&queue);
        let thread = thread::spawn(move || {
            let (result, output) = match destination {
                Destination::Stdout => (write_all(&own, &mut write, &mut stdout::writer()), None),
                Destination::File(mut output) => (write_all(&own, &mut write, &mut output), Some(output)),
            };
            own.close(result);
            output
        });
        Self { queue, thread }
    }

    /// Hands something over, however much waits: for those who look at [`Self::waiting`] before.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn push(&self, load: T) -> Result<(), Gone> {
        self.queue.push(load)
    }

    /// Bytes that aren't written yet.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn waiting(&self) -> Result<usize, Gone> {
        self.queue.waiting()
    }

    /// Waits until fewer bytes than that wait, `patience` at most; returns how many do.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn waiting_below(&self, bytes: usize, patience: Duration) -> Result<usize, Gone> {
        self.queue.waiting_below(bytes, patience)
    }

    /// Waits until everything is written, `patience` at most if one is given; a file then takes its place if it is to be
    /// `kept`.
    ///
    /// # Errors
    /// If it wasn't written in full.
    pub fn finish(self, patience: Option<Duration>, kept: bool) -> Result<(), Failure> {
        let Some(result) = self.queue.finish(&self.thread, patience) else {
            // A reader or a disk holds the thread up; the end of the program frees it.
            let exit = files::interrupted().map_or(Exit::Io, Exit::of_signal);
            let message = "what was written is incomplete: nothing more was taken in time";
            return Err(Failure::new(exit, message, ""));
        };
        let output = self.thread.join().unwrap_or_default();
        match (result, output) {
            (Err(error), Some(output)) => Err(output.failed(&error).into()),
            (Err(error), None) => Err(StdoutError::of(error).into()),
            (Ok(()), Some(output)) if kept => Ok(output.finish()?),
            (Ok(()), _) => Ok(()),
        }
    }
}

/// The thread.
fn write_all<T: Load>(
    queue: &Queue<T>,
    write: &mut impl FnMut(T, &mut dyn Write) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    loop {
        let (loads, ended) = queue.take(Duration::MAX);
        for load in loads {
            let bytes = load.bytes();
            write(load, out)?;
            queue.written(bytes);
        }
        if ended {
            return Ok(());
        }
    }
}

/// Puts text into a spool; what isn't flushed is lost.
#[derive(Debug)]
pub struct Writer<'a> {
    spool: &'a Spool,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    fn hand_over(&mut self) -> io::Result<()> {
        let gone = |Gone| io::Error::from(io::ErrorKind::BrokenPipe);
        while self.spool.waiting_below(FULL, LOOK).map_err(gone)? >= FULL {
            if self.spool.queue.is_late() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        let chunk = mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.spool.push(chunk).map_err(gone)
    }
}

impl Write for Writer<'_> {
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
