//! The only clocks of the program.

use std::time::{Duration, Instant, SystemTime};

use tokio::time;

/// The monotonic time.
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day, for records: since the beginning of 1970, UTC.
#[must_use]
pub fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Waits until then.
pub async fn sleep_until(then: Instant) {
    time::sleep_until(time::Instant::from_std(then)).await;
}

/// What `work` gives if that comes before `end`.
pub async fn until<T>(end: Instant, work: impl Future<Output = T>) -> Option<T> {
    time::timeout_at(time::Instant::from_std(end), work).await.ok()
}
