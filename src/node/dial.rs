//! The task that calls a peer: one call at a time, again after a while, and not while the peer itself has called us.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::limits;
use crate::node::backoff::Backoff;
use crate::node::clock;
use crate::node::connect;
use crate::node::control::{Line, Order, Slot};
use crate::node::driver::{Driver, Ended, Shared};
use crate::node::handler::{Handler, PeerIndex};
use crate::node::link::{LinkError, LinkState};
use crate::node::takeover::{Takeovers, Was};
use crate::node::target::{Retry, Target};
use crate::node::tls::{Secured, TlsError};
use crate::node::wire::Stream;
use crate::proto::Session;
use crate::proto::session::{Closed, Options};

/// Says that there is nothing to say about who calls, as HAProxy does it itself.
const PROXY_HEADER: &[u8] = b"PROXY UNKNOWN\r\n";

/// How long TLS may take.
const TLS: Duration = limits::HANDSHAKE;

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
        let contest = Contest::default();
        tokio::select! {
            () = self.calls(&contest) => {}
            () = self.witnesses(&contest) => {}
        }
    }

    async fn calls(&self, contest: &Contest) {
        let mut backoff = Backoff::up_to(self.target.patience);
        loop {
            while self.slot.current().is_some() && !self.slot.is_stopped() {
                self.slot.changed.notified().await;
            }
            if self.slot.is_stopped() {
                return;
            }
            let line = self.slot.call();
            self.shared.tell(self.peer, &LinkState::Dialling(&self.target.address));
            let Ended { established, mut why, numbers, .. } = self.call(&line).await;
            // A call that fails while the peer has a session that it called for itself is nobody's end.
            let has_called =
                established.is_none() && self.target.retry == Retry::Always && self.slot.current().is_some();
            if has_called || matches!(why, LinkError::Replaced) {
                continue;
            }
            let now = clock::now();
            let in_order = matches!(why, LinkError::Session(Closed::Eof { within: 0 }));
            let was = established.map(|established| Was { established, in_order, numbers });
            if contest.ended(now, was) {
                why = LinkError::TakenOver { times: Takeovers::TIMES, within: Takeovers::WITHIN };
                self.slot.stop();
            }
            self.tell_takeovers(contest);
            let wait = match established {
                None => backoff.failed(),
                Some(_) if contest.takeovers.borrow().is_contested() => backoff.contested(),
                Some(_) => backoff.lost(),
            };
            let again = self.target.retry == Retry::Always && !self.slot.is_stopped();
            let next_try = again.then(|| now + wait);
            self.shared.tell(self.peer, &LinkState::Closed { why: &why, next_try });
            let Some(next_try) = next_try else { return self.slot.stop() };
            self.pause(next_try).await;
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
            Err(why) => return Ended::early(Some(self.peer), why),
        };
        let session = Session::new(self.options.clone(), clock::now());
        let driver = Driver::new(Rc::clone(&self.shared), stream, session, Rc::clone(line), Some(self.peer));
        driver.guarded().await
    }

    /// A connection, with TLS if that is wanted.
    async fn connect(&self) -> Result<Box<dyn Stream>, LinkError> {
        let began = clock::now();
        let (stream, to) = connect::connect(&self.target.address).await?;
        let after = clock::now().saturating_duration_since(began);
        self.shared.tell(self.peer, &LinkState::Connected { to, after });
        let (stream, secured) = self.secure(stream).await?;
        if let Some(secured) = secured {
            self.shared.tell(self.peer, &LinkState::Secured(&secured));
        }
        Ok(stream)
    }

    /// What comes before the first byte of the protocol.
    async fn secure(&self, mut stream: Box<dyn Stream>) -> Result<(Box<dyn Stream>, Option<Secured>), LinkError> {
        if self.target.proxy_header {
            stream.write_all(PROXY_HEADER).await.map_err(|error| LinkError::of_io(&error))?;
        }
        let Some(tls) = &self.target.tls else { return Ok((stream, None)) };
        let handshake = timeout(TLS, tls.connect(stream)).await;
        let (stream, secured) = handshake.map_err(|_| TlsError::Timeout(TLS))??;
        Ok((Box::new(stream), Some(secured)))
    }

    /// Has a witness as long as one is wanted; without end.
    async fn witnesses(&self, contest: &Contest) {
        loop {
            if !contest.takeovers.borrow().wants_witness(clock::now()) {
                contest.suspicion.notified().await;
                continue;
            }
            let stands = self.witness(contest).await;
            if stands {
                contest.takeovers.borrow_mut().stood(clock::now());
                self.tell_takeovers(contest);
            } else {
                contest.takeovers.borrow_mut().cut();
                // There is no hurry: sessions end for another reason.
                clock::sleep_until(clock::now() + Takeovers::STAND).await;
            }
        }
    }

    fn tell_takeovers(&self, contest: &Contest) {
        let count = contest.takeovers.borrow().proved();
        if contest.told.replace(count) < count {
            self.shared.tell(self.peer, &LinkState::Contested { count });
        }
    }

    /// A connection on which nothing is said; returns whether it stands for its time.
    async fn witness(&self, contest: &Contest) -> bool {
        let connected = async { self.secure(connect::connect(&self.target.address).await?.0).await };
        let Ok((mut stream, _)) = connected.await else { return false };
        let now = clock::now();
        contest.takeovers.borrow_mut().witness(now);
        clock::until(now + Takeovers::STAND, stream.read_u8()).await.is_none()
    }
}

/// What is known about another client of our name.
#[derive(Debug, Default)]
struct Contest {
    takeovers: RefCell<Takeovers>,
    /// How many takeovers were told.
    told: Cell<u64>,
    /// There may be one.
    suspicion: Notify,
}

impl Contest {
    /// A session has ended, or a call has failed; returns whether that is one takeover too many.
    fn ended(&self, now: Instant, was: Option<Was>) -> bool {
        let mut takeovers = self.takeovers.borrow_mut();
        let Some(was) = was else {
            takeovers.failed();
            return false;
        };
        let is_fight = takeovers.closed(now, was);
        self.suspicion.notify_one();
        is_fight
    }
}
