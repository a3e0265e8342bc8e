//! A small server for what monitoring asks: pages over HTTP, `GET` only.
//!
//! Whoever can connect may read, so it listens on this machine alone unless told otherwise. A request has [`MAX_REQUEST`] bytes
//! and [`TIME`], and [`CONNECTIONS`] may be open at a time: whoever comes on top of that is turned away.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::limits;
use crate::node::address::Address;
use crate::node::listen::{ListenError, ListenOptions, Listener, Socket};
use crate::node::wire::Stream;

/// The most bytes of a request, body not counted: it has none.
pub const MAX_REQUEST: usize = limits::METRICS_REQUEST;

/// How long a request and its answer may take.
pub const TIME: Duration = limits::METRICS_TIME;

/// The most connections at a time.
pub const CONNECTIONS: usize = limits::METRICS_CONNECTIONS;

/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The status, like 200.
    pub status: u16,
    /// Like `text/plain; charset=utf-8`.
    pub content_type: &'static str,
    /// The text.
    pub body: String,
}

impl Page {
    /// A plain text.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    fn reason(&self) -> &'static str {
        match self.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            _ => "",
        }
    }
}

/// A server that runs; dropped, it ends at once.
#[derive(Debug)]
pub struct Server {
    task: JoinHandle<()>,
    address: Option<SocketAddr>,
}

impl Server {
    /// Listens, and answers each path with what `answer` gives; `None` = 404. To be called within [`super::run`].
    ///
    /// # Errors
    /// If the address can't be used.
    pub async fn start(
        address: &Address,
        answer: impl Fn(&str) -> Option<Page> + 'static,
    ) -> Result<Self, ListenError> {
        // Whoever gives an address that others reach wants them to read; keys are told only when asked for.
        let options =
            ListenOptions { address: address.clone(), tls: None, insecure_plaintext: true, allow: Vec::new() };
        let listener = Listener::bind(options).await?;
        let address = listener.address();
        let task = spawn_local(run(listener, Rc::new(answer)));
        Ok(Self { task, address })
    }

    /// Where it listens, with the port that the system chose for port 0; `None` for a path.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts for ever.
async fn run(listener: Listener, answer: Rc<Answer>) {
    let open = Rc::new(Cell::new(0_usize));
    loop {
        let accepted = match &listener.socket {
            Socket::Tcp(socket) => socket.accept().await.map(|(stream, _)| Box::new(stream) as Boxed),
            Socket::Unix(socket, _) => socket.accept().await.map(|(stream, _)| Box::new(stream) as Boxed),
        };
        let Ok(stream) = accepted else {
            sleep(NO_ROOM).await;
            continue;
        };
        if open.get() >= CONNECTIONS {
            continue;
        }
        open.set(open.get() + 1);
        let (open, answer) = (Rc::clone(&open), Rc::clone(&answer));
        spawn_local(async move {
            let _slow_or_gone = timeout(TIME, serve(stream, &*answer)).await;
            open.set(open.get() - 1);
        });
    }
}

type Boxed = Box<dyn Stream>;

/// What is asked for an answer to a path.
type Answer = dyn Fn(&str) -> Option<Page>;

/// One request, one answer.
async fn serve(mut stream: Boxed, answer: &Answer) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = memchr::memmem::find(&request, b"\r\n\r\n") {
            break Some(end);
        }
        if request.len() >= MAX_REQUEST {
            break None;
        }
        let mut piece = [0; 1024];
        let most = piece.len().min(MAX_REQUEST - request.len());
        let count = stream.read(piece.get_mut(..most).unwrap_or_default()).await?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(piece.get(..count).unwrap_or_default());
    };
    let (page, head_only) = match end.and_then(|end| request.get(..end)) {
        None => (Page::text(431, "the request is too long\n"), false),
        Some(head) => reply(head, answer),
    };
    let allow = if page.status == 405 { "allow: GET, HEAD\r\n" } else { "" };
    let Page { status, content_type, body } = &page;
    let length = body.len();
    let mut text = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{allow}connection: close\r\n\r\n",
        page.reason()
    );
    if !head_only {
        text.push_str(body);
    }
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// The answer to the head of a request, and whether its body is wanted.
fn reply(head: &[u8], answer: &Answer) -> (Page, bool) {
    let bad = || (Page::text(400, "that is no request\n"), false);
    let Some(line) = str::from_utf8(head).ok().and_then(|head| head.split("\r\n").next()) else { return bad() };
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = words.as_slice() else { return bad() };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return bad();
    }
    let head_only = *method == "HEAD";
    if *method != "GET" && !head_only {
        return (Page::text(405, "only GET\n"), false);
    }
    let path = target.split('?').next().unwrap_or_default();
    let page = answer(path).unwrap_or_else(|| Page::text(404, "there is /metrics, /healthz and /readyz\n"));
    (page, head_only)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str) -> u16 {
        let answer = |path: &str| (path == "/healthz").then(|| Page::text(200, "ok\n"));
        reply(head.as_bytes(), &answer).0.status
    }

    #[test]
    fn only_get_of_known_paths_is_answered() {
        for (head, expected) in [
            ("GET /healthz HTTP/1.1", 200),
            ("GET /healthz?verbose HTTP/1.0\r\nhost: a", 200),
            ("HEAD /healthz HTTP/1.1", 200),
            ("GET / HTTP/1.1", 404),
            ("POST /healthz HTTP/1.1", 405),
            ("GET /healthz", 400),
            ("GET  /healthz HTTP/1.1", 400),
            ("GET /healthz HTTP/2", 400),
            ("GET http://a/healthz HTTP/1.1", 400),
            ("", 400),
        ] {
            assert_eq!(status(head), expected, "{head}");
        }
        assert_eq!(reply(b"GET /\xff HTTP/1.1", &|_| None).0.status, 400);
    }
}
