//! What commands that run on have in common: the service manager they tell how they are, the signals they hear, their last words.

use std::env;
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::failure::Failure;
use crate::node::notify::ServiceManager;
use crate::node::shutdown::{Hangups, Signals};
use crate::node::{Control, Handler, Node, clock};

/// How often it is looked whether something is to be done that no session asks for.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// The longest wait between two calls of a peer: a HAProxy that comes up cold asks within five seconds, and must have us by then.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long the last words to peers may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// How long the last lines may take to become durable.
pub(super) const LAST_LINES: Duration = Duration::from_millis(600);

/// What ends a daemon, and what makes it read its configuration anew. To be called within [`crate::node::run`].
///
/// # Errors
/// If the system doesn't allow it.
pub(super) fn signals() -> Result<(Signals, Hangups), Failure> {
    let both = Signals::new().and_then(|signals| Ok((signals, Hangups::new()?)));
    both.map_err(|error| Failure::new(Exit::Io, format!("can't wait for signals: {error}"), ""))
}

/// Whether SIGHUP has come, once or more often.
pub(super) async fn hung_up(hangups: &mut Hangups) -> bool {
    let mut hung_up = false;
    while clock::until(clock::now(), hangups.next()).await.is_some() {
        hung_up = true;
    }
    hung_up
}

/// Ends all sessions in order: what is durable by now is acknowledged before. A second signal makes it short.
pub(super) async fn goodbye<H: Handler>(node: &Node<H>, control: &Control, signals: &mut Signals) {
    control.wake_all();
    let _said = clock::until(clock::now() + TICK, signals.next()).await;
    control.stop_all();
    let _gone = clock::until(clock::now() + GOODBYE, node.finished()).await;
}

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
