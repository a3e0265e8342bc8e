//! What commands that run on have in common: the service manager they tell how they are.

use std::env;
use std::time::{Duration, Instant};

use crate::node::notify::ServiceManager;

/// The service manager, and how often it wants to hear that all is well.
#[derive(Debug)]
pub(super) struct Manager {
    service: ServiceManager,
    pulse: Option<Duration>,
    told: Instant,
}

impl Manager {
    /// Finds it, if there is one.
    pub(super) fn find(now: Instant) -> Option<Self> {
        let name = env::var("NOTIFY_SOCKET").ok().filter(|name| !name.is_empty())?;
        let limit = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok()).map(Duration::from_micros);
        Some(Self { service: ServiceManager::at(&name).ok()?, pulse: limit.map(|limit| limit / 3), told: now })
    }

    /// Tells it something, like `READY=1`.
    pub(super) fn tell(&self, text: &str) {
        self.service.tell(text);
    }

    /// Tells it that all is well, if it is time to.
    pub(super) fn pulse(&mut self, now: Instant) {
        if self.pulse.is_some_and(|pulse| now >= self.told + pulse) {
            self.told = now;
            self.service.tell("WATCHDOG=1");
        }
    }
}
