//! Signals: the first one asks for an end in order, the second one for an end at once. SIGPIPE is ignored by the standard
//! library already.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::node::control::Control;

/// How long sessions have to send what waits, after the first signal.
pub const DRAIN: Duration = Duration::from_secs(1);

/// SIGINT and SIGTERM, from its making on.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// SIGHUP, from its making on: daemons read their configuration anew then, or go on.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Begins to listen to them. To be made within [`super::run`].
    ///
    /// # Errors
    /// If the system doesn't allow it.
    pub fn new() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Which signal came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Signals {
    /// Begins to listen to them. To be made within [`super::run`].
    ///
    /// # Errors
    /// If the system doesn't allow it.
    pub fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Ended {
        tokio::select! {
            _ = self.interrupt.recv() => Ended::Interrupted,
            _ = self.terminate.recv() => Ended::Terminated,
        }
    }

    /// Waits for `work`, most often [`super::Node::finished`]. At the first signal everything is stopped, and `work` has
    /// [`DRAIN`] to end; at the second one it is not waited for. Returns what it gave, if it ended, and the first signal.
    pub async fn guard<T>(&mut self, control: &Control, work: impl Future<Output = T>) -> (Option<T>, Option<Ended>) {
        let mut work = std::pin::pin!(work);
        let first = tokio::select! {
            done = &mut work => return (Some(done), None),
            first = self.next() => first,
        };
        control.stop_all();
        tokio::select! {
            done = timeout(DRAIN, work) => (done.ok(), Some(first)),
            _ = self.next() => (None, Some(first)),
        }
    }
}
