//! What waits for a thread that writes it: counted in bytes, so that whoever has heartbeats to send sees how slow a disk or a
//! reader is, and never waits for it.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::files;
use crate::node::clock;

/// How long what waits may take to be written once a signal has asked the program to end.
pub const LAST_WORDS: Duration = Duration::from_millis(600);

/// How often it is looked whether a signal has come, or the thread has ended in a panic.
const TICK: Duration = Duration::from_millis(50);

/// Something that is to be written, and waits.
pub trait Load: Send + 'static {
    /// The bytes that it takes while it waits.
    fn bytes(&self) -> usize;
}

impl Load for Vec<u8> {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// Nothing more is written; whoever finishes the queue learns why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// What waits, first in, first out. It has no bound of its own: who puts something in looks at [`Self::waiting`].
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    loads: VecDeque<T>,
    /// Bytes that aren't written, those counted in that the thread has taken.
    bytes: usize,
    /// Nothing more will come.
    ended: bool,
    /// The thread has ended; how.
    done: Option<io::Result<()>>,
    /// When waiting ends because of a signal.
    limit: Option<Instant>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let state = State { loads: VecDeque::new(), bytes: 0, ended: false, done: None, limit: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> State<T> {
    fn is_late(&mut self) -> bool {
        if files::interrupted().is_none() {
            return false;
        }
        let now = clock::now();
        now >= *self.limit.get_or_insert(now + LAST_WORDS)
    }
}

/// For those who bring something.
impl<T: Load> Queue<T> {
    /// Puts something in, however much waits.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn push(&self, load: T) -> Result<(), Gone> {
        let mut state = self.lock();
        if state.done.is_some() {
            return Err(Gone);
        }
        state.bytes += load.bytes();
        state.loads.push_back(load);
        self.changed.notify_all();
        Ok(())
    }

    /// Bytes that aren't written yet.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn waiting(&self) -> Result<usize, Gone> {
        self.waiting_below(usize::MAX, Duration::ZERO)
    }

    /// Waits until fewer bytes than that wait, `patience` at most; returns how many do.
    ///
    /// # Errors
    /// If nothing more is written.
    pub fn waiting_below(&self, bytes: usize, patience: Duration) -> Result<usize, Gone> {
        let much = |state: &mut State<T>| state.bytes >= bytes && state.done.is_none();
        let state = self.wait(self.lock(), patience, much);
        if state.done.is_some() { Err(Gone) } else { Ok(state.bytes) }
    }

    /// Whether a signal has come, and [`LAST_WORDS`] have passed since that was first seen here.
    pub fn is_late(&self) -> bool {
        self.lock().is_late()
    }

    /// Says that nothing more will come, and waits until everything is written: `patience` at most if one is given, else
    /// until a signal has come and [`LAST_WORDS`] have passed. Returns how the thread ended; `None` if it hasn't, or in a panic.
    pub fn finish<R>(&self, thread: &JoinHandle<R>, patience: Option<Duration>) -> Option<io::Result<()>> {
        let limit = patience.map(|patience| clock::now() + patience);
        let mut state = self.lock();
        state.ended = true;
        self.changed.notify_all();
        loop {
            let late = match limit {
                Some(limit) => clock::now() >= limit,
                None => state.is_late(),
            };
            let over = late || thread.is_finished();
            if state.done.is_some() || over {
                return state.done.take();
            }
            state = self.wait(state, TICK, |state| state.done.is_none());
        }
    }
}

/// For those who have enough.
impl<T: Load> Queue<T> {
    /// Why nothing more is written; `None` while it goes on.
    pub fn error(&self) -> Option<String> {
        let state = self.lock();
        state.done.as_ref().and_then(|done| done.as_ref().err()).map(ToString::to_string)
    }

    /// Says that nothing more will come, and waits for nothing.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }
}

/// For the thread.
impl<T: Load> Queue<T> {
    /// Takes everything that waits, or waits for something for that long; says whether nothing more will come.
    pub fn take(&self, patience: Duration) -> (VecDeque<T>, bool) {
        let idle = |state: &mut State<T>| state.loads.is_empty() && !state.ended;
        let mut state = self.wait(self.lock(), patience, idle);
        (mem::take(&mut state.loads), state.ended)
    }

    /// So many bytes of what was taken are written.
    pub fn written(&self, bytes: usize) {
        self.lock().bytes -= bytes;
        self.changed.notify_all();
    }

    /// Waits for that long, or until it is said that nothing more will come; returns whether it was.
    pub fn pause(&self, patience: Duration) -> bool {
        self.wait(self.lock(), patience, |state| !state.ended).ended
    }

    /// Nothing more is written.
    pub fn close(&self, result: io::Result<()>) {
        let mut state = self.lock();
        state.done = Some(result);
        state.bytes = 0;
        let unwritten = mem::take(&mut state.loads);
        drop(state);
        self.changed.notify_all();
        drop(unwritten);
    }
}

impl<T> Queue<T> {
    /// A panic in the other thread has left a state that is as good as any.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State<T>>,
        patience: Duration,
        condition: impl FnMut(&mut State<T>) -> bool,
    ) -> MutexGuard<'a, State<T>> {
        match self.changed.wait_timeout_while(state, patience, condition) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_that_panics_is_not_waited_for() {
        let queue = Arc::<Queue<Vec<u8>>>::default();
        let own = Arc::clone(&queue);
        let thread = thread::spawn(move || {
            own.take(Duration::MAX);
            std::panic::resume_unwind(Box::new("a mistake"));
        });
        queue.push(vec![1; 10]).expect("taken");
        assert!(queue.finish(&thread, None).is_none());
        assert!(thread.join().is_err());
    }

    #[test]
    fn what_the_thread_has_taken_waits_until_it_is_written() {
        let queue = Queue::default();
        queue.push(vec![1; 10]).expect("taken");
        queue.push(vec![2; 20]).expect("taken");
        let (loads, ended) = queue.take(Duration::MAX);
        assert_eq!((loads.len(), ended, queue.waiting()), (2, false, Ok(30)));
        queue.written(10);
        assert_eq!(queue.waiting_below(30, Duration::MAX), Ok(20));
        assert_eq!(queue.waiting_below(20, Duration::ZERO), Ok(20), "there is an end to patience");
        queue.close(Ok(()));
        assert_eq!((queue.push(vec![3]), queue.waiting()), (Err(Gone), Err(Gone)));
    }
}
