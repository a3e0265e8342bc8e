//! A thread that records: what it was given is durable within 200 ms, or it says that it isn't.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::failure::Failure;
use super::spool::Gone;
use crate::node::clock;
use crate::record::Journal;

/// How long lines are gathered before they are synced together.
const GROUP: Duration = Duration::from_millis(150);

/// How often a file that gets no lines is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often a full disk is tried again, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Between two tries.
    pub pause: Duration,
    /// In all.
    pub most: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { pause: Duration::from_millis(250), most: Duration::from_secs(30) }
    }
}

/// A recording and its thread.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    name: String,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    chunks: Vec<Vec<u8>>,
    /// Bytes that aren't durable, those counted in that the thread has taken.
    waiting: usize,
    /// Nothing more will come.
    ended: bool,
    /// The disk takes nothing at the moment.
    trouble: Option<String>,
    /// Bytes of the file that are durable.
    position: u64,
    /// The thread has ended; how.
    done: Option<io::Result<()>>,
}

impl Recorder {
    /// Starts the thread.
    #[must_use]
    pub fn start<J: Journal + Send + 'static>(journal: J, name: String, patience: Patience) -> Self {
        let shared = Arc::<Shared>::default();
        shared.lock().position = journal.position();
        let own = Arc::clone(&shared);
        Self { shared, thread: thread::spawn(move || own.run(journal, patience)), name }
    }

    /// Hands lines over.
    ///
    /// # Errors
    /// If nothing more is recorded.
    pub fn push(&self, lines: Vec<u8>) -> Result<(), Gone> {
        let mut state = self.shared.lock();
        if state.done.is_some() {
            return Err(Gone);
        }
        state.waiting += lines.len();
        state.chunks.push(lines);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Bytes that aren't durable yet.
    ///
    /// # Errors
    /// If nothing more is recorded.
    pub fn waiting(&self) -> Result<usize, Gone> {
        let state = self.shared.lock();
        if state.done.is_some() { Err(Gone) } else { Ok(state.waiting) }
    }

    /// Why the disk takes nothing at the moment, if that is so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.lock().trouble.clone()
    }

    /// Bytes of the file that are durable.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.lock().position
    }

    /// The file, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until everything is durable, `patience` at most if one is given, and lets go of the file.
    ///
    /// # Errors
    /// If it isn't.
    pub fn finish(self, patience: Option<Duration>) -> Result<(), Failure> {
        let mut state = self.shared.lock();
        state.ended = true;
        self.shared.changed.notify_all();
        let running = |state: &mut State| state.done.is_none() && !self.thread.is_finished();
        let mut state = self.shared.wait(state, patience.unwrap_or(Duration::MAX), running);
        let position = state.position;
        let error = match state.done.take() {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => error.to_string(),
            // The disk holds the thread up, or a mistake of ours has ended it.
            None => "the disk didn't answer in time".to_owned(),
        };
        let message = format!("record {}: {error}", self.name);
        let help = format!(
            "{position} bytes of it are safe, up to the end of a line; record into it again and it goes on behind them"
        );
        Err(Failure::new(Exit::Io, message, help))
    }
}

impl Shared {
    fn run<J: Journal>(&self, mut journal: J, patience: Patience) {
        let result = self.record(&mut journal, patience);
        let mut state = self.lock();
        state.done = Some(result);
        state.chunks = Vec::new();
        drop(state);
        drop(journal);
        self.changed.notify_all();
    }

    fn record<J: Journal>(&self, journal: &mut J, patience: Patience) -> io::Result<()> {
        let mut unsynced: Option<Instant> = None;
        let mut written = 0;
        loop {
            let pause = unsynced.map_or(LOOK, |since| (since + GROUP).saturating_duration_since(clock::now()));
            let idle = |state: &mut State| state.chunks.is_empty() && !state.ended;
            let mut state = self.wait(self.lock(), pause, idle);
            let (chunks, ended) = (mem::take(&mut state.chunks), state.ended);
            drop(state);
            for chunk in &chunks {
                self.append(journal, chunk, patience)?;
                written += chunk.len();
                unsynced.get_or_insert_with(clock::now);
            }
            let due = unsynced.is_none_or(|since| clock::now() >= since + GROUP);
            if !(due || ended) {
                continue;
            }
            // An error of this is final: what the disk holds is unknown then, and a second try would say it is fine.
            journal.sync()?;
            unsynced = None;
            let mut state = self.lock();
            state.waiting -= mem::take(&mut written);
            state.position = journal.position();
            let done = state.ended && state.chunks.is_empty();
            drop(state);
            self.changed.notify_all();
            if done {
                return Ok(());
            }
        }
    }

    /// Appends, again and again for a while where the system says no.
    fn append<J: Journal>(&self, journal: &mut J, chunk: &[u8], patience: Patience) -> io::Result<()> {
        let began = clock::now();
        loop {
            let Err(error) = journal.append(chunk) else {
                self.lock().trouble = None;
                return Ok(());
            };
            // What the journal itself says, and not the system, won't get better.
            if error.raw_os_error().is_none() || clock::now() >= began + patience.most {
                return Err(error);
            }
            let mut state = self.lock();
            state.trouble = Some(error.to_string());
            let state = self.wait(state, patience.pause, |state| !state.ended);
            if state.ended {
                drop(state);
                return journal.append(chunk).map_err(|_| error);
            }
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
    use super::*;

    const SHORT: Patience = Patience { pause: Duration::from_millis(5), most: Duration::from_millis(200) };

    /// A disk that is full or broken when it is told to be.
    #[derive(Clone, Debug, Default)]
    struct Disk(Arc<Mutex<Content>>);

    #[derive(Debug, Default)]
    struct Content {
        lines: Vec<u8>,
        synced: usize,
        syncs: usize,
        full: bool,
        broken: bool,
    }

    impl Journal for Disk {
        fn append(&mut self, lines: &[u8]) -> io::Result<()> {
            let mut disk = self.0.lock().expect("no panic");
            if disk.full {
                return Err(io::Error::from_raw_os_error(28));
            }
            disk.lines.extend_from_slice(lines);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            let mut disk = self.0.lock().expect("no panic");
            if disk.broken {
                return Err(io::Error::from_raw_os_error(5));
            }
            disk.synced = disk.lines.len();
            disk.syncs += 1;
            Ok(())
        }

        fn position(&self) -> u64 {
            self.0.lock().expect("no panic").lines.len() as u64
        }
    }

    fn wait_until(what: &str, condition: impl Fn() -> bool) {
        let began = clock::now();
        while !condition() {
            assert!(clock::now() < began + Duration::from_secs(10), "{what}");
            thread::yield_now();
        }
    }

    fn recorder(disk: &Disk) -> Recorder {
        Recorder::start(disk.clone(), "rec".to_owned(), SHORT)
    }

    #[test]
    fn what_no_longer_waits_is_synced_and_many_lines_share_a_sync() {
        let disk = Disk::default();
        let recorder = recorder(&disk);
        for _ in 0..100 {
            recorder.push(b"line\n".to_vec()).expect("taken");
        }
        wait_until("nothing waits", || recorder.waiting() == Ok(0));
        {
            let content = disk.0.lock().expect("no panic");
            assert_eq!(content.synced, 500);
            assert!(content.syncs <= 3, "{}", content.syncs);
        }
        recorder.finish(None).expect("recorded");
    }

    #[test]
    fn a_full_disk_is_waited_for_and_nothing_is_lost() {
        let disk = Disk::default();
        disk.0.lock().expect("no panic").full = true;
        let recorder = recorder(&disk);
        recorder.push(b"one\n".to_vec()).expect("taken");
        recorder.push(b"two\n".to_vec()).expect("taken");
        wait_until("trouble", || recorder.trouble().is_some());
        assert_eq!((recorder.waiting(), recorder.position()), (Ok(8), 0), "nothing is durable");
        disk.0.lock().expect("no panic").full = false;
        wait_until("nothing waits", || recorder.waiting() == Ok(0));
        assert_eq!(recorder.trouble(), None);
        recorder.finish(None).expect("recorded");
        assert_eq!(disk.0.lock().expect("no panic").lines, b"one\ntwo\n");
    }

    #[test]
    fn a_disk_that_stays_full_is_an_error_with_the_position() {
        let disk = Disk::default();
        let recorder = recorder(&disk);
        recorder.push(b"one\n".to_vec()).expect("taken");
        wait_until("nothing waits", || recorder.waiting() == Ok(0));
        disk.0.lock().expect("no panic").full = true;
        recorder.push(b"two\n".to_vec()).expect("taken");
        wait_until("it gives up", || recorder.waiting() == Err(Gone));
        let failure = recorder.finish(None).expect_err("full");
        let text = failure.text(&crate::output::diagnostic::Look::default());
        assert_eq!(failure.exit, Exit::Io);
        assert!(text.contains("4 bytes of it are safe"), "{text}");
    }

    #[test]
    fn an_error_of_syncing_is_final() {
        let disk = Disk::default();
        disk.0.lock().expect("no panic").broken = true;
        let recorder = recorder(&disk);
        recorder.push(b"one\n".to_vec()).expect("taken");
        wait_until("it gives up", || recorder.waiting() == Err(Gone));
        disk.0.lock().expect("no panic").broken = false;
        assert_eq!(recorder.push(b"two\n".to_vec()), Err(Gone));
        assert_eq!(recorder.position(), 0);
        assert!(recorder.finish(None).is_err());
    }
}
