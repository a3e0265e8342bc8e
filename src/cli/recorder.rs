//! A thread that records: what it was given is durable within 200 ms, or it says that it isn't.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::failure::Failure;
use super::queue::{Gone, Queue};
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
    /// Lines that aren't durable.
    queue: Queue<Vec<u8>>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// The disk takes nothing at the moment.
    trouble: Option<String>,
    /// Bytes of the file that are durable.
    position: u64,
    /// The file is to take its place.
    settle: Settle,
}

/// Whether the file has its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Settle {
    /// It has it from the beginning, or isn't to take it yet.
    #[default]
    No,
    /// It is to take it when all is durable that waits.
    Wanted,
    /// It has it.
    Done,
}

impl Recorder {
    /// Starts the thread.
    #[must_use]
    pub fn start<J: Journal + Send + 'static>(mut journal: J, name: String, patience: Patience) -> Self {
        let shared = Arc::<Shared>::default();
        shared.progress().position = journal.position();
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let result = own.record(&mut journal, patience);
            // Whoever hears that it is done may open the file again.
            drop(journal);
            own.queue.close(result);
        });
        Self { shared, thread, name }
    }

    /// Hands lines over.
    ///
    /// # Errors
    /// If nothing more is recorded.
    pub fn push(&self, lines: Vec<u8>) -> Result<(), Gone> {
        self.shared.queue.push(lines)
    }

    /// Has the file take the place of the one that it replaces, once everything is durable that was handed over.
    pub fn settle(&self) {
        self.shared.progress().settle = Settle::Wanted;
        // That wakes the thread; whether it still runs is seen elsewhere.
        let _may_have_ended = self.shared.queue.push(Vec::new());
    }

    /// Whether it has done so.
    #[must_use]
    pub fn settled(&self) -> Settle {
        self.shared.progress().settle
    }

    /// Why nothing more is recorded; `None` while it goes on.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.shared.queue.error()
    }

    /// Records nothing more; whatever becomes of what waits.
    pub fn abandon(self) {
        self.shared.queue.end();
    }

    /// Bytes that aren't durable yet.
    ///
    /// # Errors
    /// If nothing more is recorded.
    pub fn waiting(&self) -> Result<usize, Gone> {
        self.shared.queue.waiting()
    }

    /// Why the disk takes nothing at the moment, if that is so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.progress().trouble.clone()
    }

    /// Bytes of the file that are durable.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.progress().position
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
        let error = match self.shared.queue.finish(&self.thread, patience) {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => error.to_string(),
            // The disk holds the thread up, or a mistake of ours has ended it.
            None => "the disk didn't answer in time".to_owned(),
        };
        let (name, position) = (&self.name, self.position());
        let message = format!("record {name}: {error}");
        let help = format!(
            "{position} bytes of it are safe, up to the end of a line; record into it again and it goes on behind them"
        );
        Err(Failure::new(Exit::Io, message, help))
    }
}

impl Shared {
    /// The thread.
    fn record<J: Journal>(&self, journal: &mut J, patience: Patience) -> io::Result<()> {
        let mut unsynced: Option<Instant> = None;
        let mut written = 0;
        loop {
            let pause = unsynced.map_or(LOOK, |since| (since + GROUP).saturating_duration_since(clock::now()));
            // Looked at first: so everything that was handed over before is among what is taken.
            let settle = self.progress().settle == Settle::Wanted;
            let (chunks, ended) = self.queue.take(if settle { Duration::ZERO } else { pause });
            for chunk in &chunks {
                if let Err(error) = self.append(journal, chunk, patience) {
                    // What was appended before may still become safe.
                    let _the_first_error_counts = self.sync(journal, &mut written);
                    return Err(error);
                }
                written += chunk.len();
                unsynced.get_or_insert_with(clock::now);
            }
            let due = unsynced.is_none_or(|since| clock::now() >= since + GROUP);
            if !(due || ended || settle) {
                continue;
            }
            self.sync(journal, &mut written)?;
            unsynced = None;
            if settle {
                journal.settle()?;
                self.progress().settle = Settle::Done;
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Makes what was written durable. An error is final: what the disk holds is unknown then, and a second try would say it is
    /// fine.
    fn sync<J: Journal>(&self, journal: &mut J, written: &mut usize) -> io::Result<()> {
        journal.sync()?;
        self.progress().position = journal.position();
        self.queue.written(mem::take(written));
        Ok(())
    }

    /// Appends, again and again for a while where the disk is full.
    fn append<J: Journal>(&self, journal: &mut J, chunk: &[u8], patience: Patience) -> io::Result<()> {
        let began = clock::now();
        loop {
            let Err(error) = journal.append(chunk) else {
                self.progress().trouble = None;
                return Ok(());
            };
            // Somebody may make room on a full disk. Nothing else gets better by waiting.
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if !full || clock::now() >= began + patience.most {
                return Err(error);
            }
            self.progress().trouble = Some(error.to_string());
            if self.queue.pause(patience.pause) {
                return journal.append(chunk).map_err(|_| error);
            }
        }
    }

    /// A panic in the other thread has left a state that is as good as any.
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
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
