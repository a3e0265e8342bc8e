//! The task that calls a peer: one call at a time, again after a while, and not while the peer itself has called us.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::node::backoff::{Backoff, TakeoverDetector};
use crate::node::clock;
use crate::node::connect;
use crate::node::control::{Line, Order, Slot};
use crate::node::driver::{Driver, Ended, Shared, Stream};
use crate::node::handler::{Handler, PeerIndex};
use crate::node::link::{LinkError, LinkState};
use crate::node::target::{Retry, Target};
use crate::node::tls::TlsError;
use crate::proto::Session;
use crate::proto::session::{Closed, Options};

/// Says that there is nothing to say about who calls, as HAProxy does it itself.
const PROXY_HEADER: &[u8] = b"PROXY UNKNOWN\r\n";

/// How long TLS may take.
const TLS: Duration = Duration::from_secs(5);

/// Calls one peer.
pub(super) struct Dialler<H> {
    pub(super) shared: Rc<Shared<H>>,
    pub(super) slot: Rc<Slot>,
    pub(super) peer: PeerIndex,
    pub(super) target: Target,
    /// What a session is to be.
    pub(super) options: Options,
}

impl<H: Handler> Dialler<H> {
    /// Calls until the peer is stopped, or once.
    pub(super) async fn run(self) {
        let (mut backoff, mut takeovers) = (Backoff::default(), TakeoverDetector::default());
        loop {
            while self.slot.current().is_some() && !self.slot.is_stopped() {
                self.slot.changed.notified().await;
            }
            if self.slot.is_stopped() {
                return;
            }
            let line = self.slot.call();
            self.shared.tell(self.peer, &LinkState::Dialling(&self.target.address));
            let Ended { established, mut why, .. } = self.call(&line).await;
            if matches!(why, LinkError::Replaced) {
                continue;
            }
            let now = clock::now();
            let wait = if established.is_some() { backoff.lost() } else { backoff.failed() };
            if self.is_fight(&mut takeovers, established, &why, now) {
                why = LinkError::TakenOver { times: TakeoverDetector::TIMES, within: TakeoverDetector::WITHIN };
                self.slot.stop();
            }
            let again = self.target.retry == Retry::Always && !self.slot.is_stopped();
            let next_try = again.then(|| now + wait);
            self.shared.tell(self.peer, &LinkState::Closed { why: &why, next_try });
            let Some(next_try) = next_try else { return self.slot.stop() };
            self.pause(next_try).await;
        }
    }

    /// Whether that end is one takeover too many.
    fn is_fight(
        &self,
        takeovers: &mut TakeoverDetector,
        established: Option<Instant>,
        why: &LinkError,
        now: Instant,
    ) -> bool {
        let by_peer =
            matches!(why, LinkError::Session(Closed::Eof { .. }) | LinkError::CutOff | LinkError::Lost { .. });
        match established {
            Some(then) => {
                takeovers.established(then);
                by_peer && takeovers.closed(now, now.saturating_duration_since(then))
            }
            None => {
                takeovers.failed();
                false
            }
        }
    }

    /// Waits until then, or until something changes.
    async fn pause(&self, until: Instant) {
        let mut pause = std::pin::pin!(clock::sleep_until(until));
        while !self.slot.is_stopped() && self.slot.current().is_none() {
            tokio::select! {
                () = &mut pause => return,
                () = self.slot.changed.notified() => {}
            }
        }
    }

    /// One call, from the look-up to the end of the session.
    async fn call(&self, line: &Rc<Line>) -> Ended {
        let stopped = async {
            while line.ordered() == Order::Run {
                line.wake.notified().await;
            }
        };
        let stream = tokio::select! {
            stream = self.connect() => stream,
            () = stopped => Err(LinkError::Stopped),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(why) => return Ended { peer: Some(self.peer), established: None, why },
        };
        let session = Session::new(self.options.clone(), clock::now());
        let driver = Driver::new(Rc::clone(&self.shared), stream, session, Rc::clone(line), Some(self.peer));
        driver.guarded().await
    }

    /// A connection, with TLS if that is wanted.
    async fn connect(&self) -> Result<Box<dyn Stream>, LinkError> {
        let began = clock::now();
        let (mut stream, to) = connect::connect(&self.target.address).await?;
        let after = clock::now().saturating_duration_since(began);
        self.shared.tell(self.peer, &LinkState::Connected { to, after });
        if self.target.proxy_header {
            stream.write_all(PROXY_HEADER).await.map_err(|error| LinkError::of_io(&error))?;
        }
        let Some(tls) = &self.target.tls else { return Ok(stream) };
        let handshake = timeout(TLS, tls.connect(stream)).await;
        let (stream, secured) = handshake.map_err(|_| TlsError::Timeout(TLS))??;
        self.shared.tell(self.peer, &LinkState::Secured(&secured));
        Ok(Box::new(stream))
    }
}
