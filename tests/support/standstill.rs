//! Time that the machine takes from everybody: it has other things to do, and nothing runs for a while.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a thread wants to run, and how much later than that is nothing unusual.
const STEP: Duration = Duration::from_millis(2);
const USUAL: Duration = Duration::from_millis(20);

/// When the thread ran last, and all that it was late by then.
struct Seen {
    last: Instant,
    stood: Duration,
}

impl Seen {
    fn look(&mut self) -> Duration {
        let passed = self.last.elapsed();
        self.last += passed;
        self.stood += passed.checked_sub(STEP + USUAL).unwrap_or_default();
        self.stood
    }
}

static SEEN: LazyLock<Mutex<Seen>> = LazyLock::new(|| {
    thread::spawn(|| {
        loop {
            let _seen = look();
            thread::sleep(STEP);
        }
    });
    Mutex::new(Seen { last: Instant::now(), stood: Duration::ZERO })
});

/// Now, and how long the machine has stood still by then.
fn look() -> (Instant, Duration) {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let stood = seen.look();
    (seen.last, stood)
}

/// Measures how long something takes, without the time in which nothing could run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    began: Instant,
    stood: Duration,
}

/// At least this part of the time counts: a machine that is slow all the time is no excuse.
const COUNTS: u32 = 8;

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let (began, stood) = look();
        Self { began, stood }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.until(&Self::start())
    }

    /// The time to the start of another one.
    pub(crate) fn until(&self, later: &Self) -> Duration {
        let elapsed = later.began.saturating_duration_since(self.began);
        elapsed.saturating_sub(later.stood.saturating_sub(self.stood)).max(elapsed / COUNTS)
    }

    /// How long the machine has stood still since then.
    pub(crate) fn stood(&self) -> Duration {
        look().1.saturating_sub(self.stood)
    }
}
