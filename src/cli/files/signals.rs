//! Signals while files are being written: asked between the steps, answered by taking everything back.
//!
//! Outside of a write, INT, TERM, HUP and QUIT do what they always do. During one they are noted, and the writer ends at the
//! next step with nothing changed. XFSZ is always caught, so that a file-size limit is an error number and not the end.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::process::Signal;

use super::error::FileError;

/// Counts as a write in progress while it lives.
#[derive(Debug)]
pub struct Guard(&'static State);

#[derive(Debug, Default)]
struct State {
    /// True while nothing is being written: signals have their default effect.
    idle: Arc<AtomicBool>,
    /// The number of the last signal noted, 0 for none.
    caught: Arc<AtomicUsize>,
    writers: AtomicUsize,
}

static STATE: OnceLock<State> = OnceLock::new();

const ENDING: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];

impl Guard {
    /// Starts noting signals.
    #[must_use]
    pub fn note() -> Self {
        let state = STATE.get_or_init(install);
        state.writers.fetch_add(1, Ordering::SeqCst);
        state.idle.store(false, Ordering::SeqCst);
        Guard(state)
    }

    /// Fails if a signal has asked the program to end.
    pub(super) fn check(&self) -> Result<(), FileError> {
        match i32::try_from(self.0.caught.load(Ordering::SeqCst)) {
            Ok(0) | Err(_) => Ok(()),
            Ok(signal) => Err(FileError::Interrupted { signal }),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.writers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.store(true, Ordering::SeqCst);
        }
    }
}

/// The number of the signal that came during a write and that nobody has acted on yet, if any: the program should end with
/// 128 + this number.
#[must_use]
pub fn interrupted() -> Option<i32> {
    let caught = STATE.get()?.caught.load(Ordering::SeqCst);
    i32::try_from(caught).ok().filter(|signal| *signal != 0)
}

/// Makes a file-size limit an error number (`EFBIG`) instead of the end of the process, also where only stdout is written.
pub fn survive_size_limit() {
    STATE.get_or_init(install);
}

/// The name of a signal for messages.
pub(super) fn name(signal: i32) -> String {
    let known =
        [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP"), (Signal::QUIT, "SIGQUIT")];
    let found = known.iter().find(|(known, _)| known.as_raw() == signal);
    found.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

/// Registers the handlers once. A signal that was ignored when the program started (`nohup`) stays ignored. A failure to
/// register leaves the default effect, which is safe: a kill at any point leaves the old or the new file.
fn install() -> State {
    let state = State { idle: Arc::new(AtomicBool::new(true)), ..State::default() };
    let ignored = ignored_signals();
    for signal in ENDING.into_iter().map(Signal::as_raw).filter(|signal| !ignored.contains(signal)) {
        let number = usize::try_from(signal).unwrap_or(0);
        let default = signal_hook::flag::register_conditional_default(signal, Arc::clone(&state.idle));
        if default.is_ok() {
            let _best_effort = signal_hook::flag::register_usize(signal, Arc::clone(&state.caught), number);
        }
    }
    let _best_effort = signal_hook::flag::register(Signal::XFSZ.as_raw(), Arc::new(AtomicBool::new(false)));
    state
}

fn ignored_signals() -> BTreeSet<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim).unwrap_or_default();
    let mask = u64::from_str_radix(mask, 16).unwrap_or(0);
    (1..=64).filter(|signal| (mask >> (signal - 1)) & 1 == 1).collect()
}
