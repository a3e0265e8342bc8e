//! What handlers see of a node: the real one's types, on a clock that only the simulator moves.

use std::cell::RefCell;
use std::rc::Rc;

pub(crate) use peerctl::node::{Handler, LinkError, LinkState, Next, OUTPUT_LOW, PeerIndex, Refusal};

/// The clock.
pub(crate) mod clock {
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
        static EPOCH: Cell<u64> = const { Cell::new(0) };
    }

    static BEGAN: OnceLock<Instant> = OnceLock::new();

    /// Milliseconds of the world, and of the time of day when the world began.
    pub(crate) fn set(now_ms: u64, epoch_ms: u64) {
        NOW.set(now_ms);
        EPOCH.set(epoch_ms);
    }

    /// A time of the world.
    pub(crate) fn at(ms: u64) -> Instant {
        *BEGAN.get_or_init(Instant::now) + Duration::from_millis(ms)
    }

    /// Milliseconds of the world at a time of it, rounded up.
    pub(crate) fn ms(at: Instant) -> u64 {
        let passed = at.saturating_duration_since(*BEGAN.get_or_init(Instant::now));
        u64::try_from(passed.as_nanos().div_ceil(1_000_000)).expect("short")
    }

    pub(crate) fn now_ms() -> u64 {
        NOW.get()
    }

    pub(crate) fn now() -> Instant {
        at(NOW.get())
    }

    pub(crate) fn since_epoch() -> Duration {
        Duration::from_millis(EPOCH.get() + NOW.get())
    }
}

/// Wake-ups, as the real one has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control(Rc<RefCell<Vec<PeerIndex>>>);

impl Control {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wake(&self, peer: PeerIndex) {
        self.0.borrow_mut().push(peer);
    }

    /// Those that were woken.
    pub(crate) fn woken(&self) -> Vec<PeerIndex> {
        self.0.take()
    }
}
