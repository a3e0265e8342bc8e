//! The task that is called: accepts connections, keeps the caps, and answers 200 or closes silently. A HAProxy that got an
//! error code would not call again.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use crate::node::Options;
use crate::node::clock;
use crate::node::control::{Line, Order};
use crate::node::driver::{Driver, Ended, Shared};
use crate::node::guests::{Guests, Seat};
use crate::node::handler::Handler;
use crate::node::link::{LinkError, LinkState, Refusal, RefusalReason};
use crate::node::listen::{Accepted, IsClosed, Listener, Listening};
use crate::node::rewind::Rewind;
use crate::node::tls::{Secured, ServerTls, TlsError};
use crate::node::wire::Stream;
use crate::proto::Session;
use crate::proto::hello::ProxyHeader;
use crate::proto::session::{Closed, Role, TurnedAway};

/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Names of peers.
type Names = Vec<Box<[u8]>>;

/// Answers the calls to one listener.
pub(super) struct Host<H> {
    shared: Rc<Shared<H>>,
    options: Rc<Options>,
    tls: Option<ServerTls>,
    takes_any_name: bool,
    allow: Vec<IpAddr>,
}

impl<H: Handler> Host<H> {
    /// Accepts until the node stops or the listener is closed, and ends when all its connections have.
    pub(super) async fn run(shared: Rc<Shared<H>>, options: Rc<Options>, listener: Listener, listening: Listening) {
        let takes_any_name = listener.takes_any_name();
        let Listener { socket, tls, allow } = listener;
        let host = Rc::new(Self { shared, options, tls, takes_any_name, allow });
        let guests = Rc::new(Guests::default());
        let mut tasks = JoinSet::new();
        let closed = IsClosed(listening.clone());
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
                () = host.shared.control.stopping() => break,
                () = listening.ordered() => break,
            };
            let Ok((stream, from)) = accepted else {
                guests.make_room().into_iter().for_each(|refusal| host.shared.refuse(refusal));
                sleep(NO_ROOM).await;
                continue;
            };
            let (seat, refusal) = guests.seat(from);
            if let Some(refusal) = refusal {
                host.shared.refuse(refusal);
            }
            if let Some(seat) = seat {
                tasks.spawn_local(Rc::clone(&host).greet(stream, from, seat));
            }
        }
        drop(socket);
        drop(closed);
        guests.dismiss();
        while tasks.join_next().await.is_some() {}
    }

    /// One connection, from TLS to its end.
    async fn greet(self: Rc<Self>, stream: Accepted, from: Option<IpAddr>, seat: Seat) {
        let began = clock::now();
        if !self.allow.is_empty() && from.is_some_and(|from| !self.allow.contains(&from)) {
            return self.shared.refuse(Refusal::new(from, RefusalReason::Address));
        }
        let secured = match stream {
            Accepted::Tcp(stream) => self.secure(stream, &seat.line, began).await,
            Accepted::Unix(stream) => self.secure(stream, &seat.line, began).await,
        };
        let (stream, secured) = match secured {
            Ok(Some(secured)) => secured,
            Ok(None) => return,
            Err(reason) => return self.shared.refuse(Refusal::new(from, reason)),
        };
        let (known, names) = self.names(secured.as_ref());
        let session = Session::new(self.options.session(None, Role::Called(names)), began);
        let mut driver = Driver::new(Rc::clone(&self.shared), stream, session, Rc::clone(&seat.line), None);
        let certificate = secured.as_ref().map(|secured| secured.names.clone());
        driver.secured = secured;
        let Ended { peer, established, why, .. } = driver.guarded().await;
        if let (Some(peer), Some(_)) = (peer, established) {
            if !matches!(why, LinkError::Replaced) {
                self.shared.tell(peer, &LinkState::Closed { why: &why, next_try: None });
            }
        } else if let Some(refusal) = refusal(from, why, certificate, &known) {
            self.shared.refuse(refusal);
        }
    }

    /// The names of all peers that may call, and those that this certificate may use.
    fn names(&self, secured: Option<&Secured>) -> (Names, Names) {
        let bound = secured.filter(|_| !self.takes_any_name);
        let slots = self.shared.control.slots();
        let callers = slots.iter().filter(|slot| !slot.is_stopped());
        let (mut known, mut allowed) = (Vec::new(), Vec::new());
        for slot in callers {
            known.push(slot.name.clone());
            let own = String::from_utf8_lossy(&slot.name);
            let fits = bound.is_none_or(|secured| match &*slot.certificate_names {
                [] => secured.is_for(&own),
                names => names.iter().any(|name| secured.is_for(name)),
            });
            if fits {
                allowed.push(slot.name.clone());
            }
        }
        (known, allowed)
    }

    /// TLS, if there is any; `None` if the connection has to go.
    async fn secure(
        &self,
        stream: impl Stream + 'static,
        line: &Line,
        began: Instant,
    ) -> Result<Option<(Box<dyn Stream>, Option<Secured>)>, RefusalReason> {
        let Some(tls) = &self.tls else { return Ok(Some((Box::new(stream), None))) };
        let limit = self.options.times.handshake;
        let handshake = async {
            let stream = behind_proxy_header(stream).await?;
            tls.accept(stream).await.map_err(RefusalReason::Tls)
        };
        let sent_away = async {
            while line.ordered() == Order::Run {
                line.wake.notified().await;
            }
        };
        tokio::select! {
            handshake = timeout_at((began + limit).into(), handshake) => {
                let (stream, secured) = handshake.map_err(|_| RefusalReason::Tls(TlsError::Timeout(limit)))??;
                Ok(Some((Box::new(stream), Some(secured))))
            }
            () = sent_away => Ok(None),
        }
    }
}

/// The stream without the header of the PROXY protocol that may stand before TLS.
async fn behind_proxy_header<S: Stream>(mut stream: S) -> Result<Rewind<S>, RefusalReason> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let found = match stream.read_buf(&mut bytes).await {
            Ok(1..) => ProxyHeader::find(&bytes),
            _ => return Err(RefusalReason::Left),
        };
        match found {
            ProxyHeader::Incomplete => {}
            ProxyHeader::Bad => return Err(RefusalReason::Hello(TurnedAway::NotAHello)),
            ProxyHeader::None => return Ok(Rewind::new(bytes, stream)),
            ProxyHeader::Whole(used) => return Ok(Rewind::new(bytes.split_off(used), stream)),
        }
    }
}

/// Why a caller whose session was never established was turned away; `None` if it was told already, or we stopped.
fn refusal(
    from: Option<IpAddr>,
    why: LinkError,
    certificate: Option<Vec<String>>,
    known: &[Box<[u8]>],
) -> Option<Refusal> {
    let (reason, name) = match why {
        LinkError::Session(Closed::TurnedAway { reason: TurnedAway::Unknown, name: Some(name), .. })
            if known.contains(&name) =>
        {
            (RefusalReason::CertificateName { certificate: certificate.unwrap_or_default() }, Some(name))
        }
        LinkError::Session(Closed::TurnedAway { reason, name, .. }) => (RefusalReason::Hello(reason), name),
        LinkError::Session(Closed::HandshakeTimeout) => (RefusalReason::Silent, None),
        LinkError::Tls(error) => (RefusalReason::Tls(error), None),
        LinkError::Replaced | LinkError::Stopped => return None,
        _ => (RefusalReason::Left, None),
    };
    Some(Refusal { name, ..Refusal::new(from, reason) })
}
