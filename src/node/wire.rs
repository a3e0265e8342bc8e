//! The bytes of a connection: reading never waits for writing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use crate::node::clock;
use crate::proto::Session;

/// A connection, in plain or in TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// How long the last bytes may take to leave.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A connection and what is on its way.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// Everything before `sent` has left.
    out: Vec<u8>,
    sent: usize,
    /// TLS may have kept something.
    flushing: bool,
    /// Nothing more can be written; what the peer said before is still read.
    broken: bool,
    /// Since when the peer takes nothing.
    stalled: Option<Instant>,
}

impl Wire {
    pub(super) const fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, out: Vec::new(), sent: 0, flushing: false, broken: false, stalled: None }
    }

    /// Reads once; says how many bytes.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut into = ReadBuf::new(into);
        ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut into))?;
        Poll::Ready(Ok(into.filled().len()))
    }

    /// Takes what the session has to say, once everything before it has left: so the session knows what is pending.
    pub(super) fn fill(&mut self, session: &mut Session) {
        if self.unsent() == 0 {
            self.out.clear();
            self.sent = 0;
            session.poll_transmit(&mut self.out);
        }
    }

    /// Bytes that wait to be written; 0 if nothing can be written any more.
    pub(super) fn unsent(&self) -> usize {
        if self.broken { 0 } else { self.out.len() - self.sent + usize::from(self.flushing) }
    }

    /// Since when the peer takes nothing of what waits.
    pub(super) const fn stalled(&self) -> Option<Instant> {
        self.stalled
    }

    /// Writes once, and flushes what TLS may have kept; returns whether anything went on.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.unsent() == 0 {
            return false;
        }
        match self.try_write(cx) {
            Poll::Ready(result) => {
                self.broken = result.is_err();
                self.stalled = None;
                true
            }
            Poll::Pending => {
                self.stalled.get_or_insert_with(clock::now);
                false
            }
        }
    }

    /// Ready when something went on.
    fn try_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let bytes = self.out.get(self.sent..).unwrap_or_default();
        if bytes.is_empty() {
            ready!(Pin::new(&mut *self.stream).poll_flush(cx))?;
            self.flushing = false;
            return Poll::Ready(Ok(()));
        }
        match ready!(Pin::new(&mut *self.stream).poll_write(cx, bytes))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => {
                self.sent += count;
                self.flushing = true;
                // What can't leave yet is tried again with the next write.
                match Pin::new(&mut *self.stream).poll_flush(cx) {
                    Poll::Ready(flushed) => {
                        self.flushing = false;
                        Poll::Ready(flushed)
                    }
                    Poll::Pending => Poll::Ready(Ok(())),
                }
            }
        }
    }

    /// Sends what is still to be sent, and ends the connection in order.
    pub(super) async fn finish(mut self, session: &mut Session) {
        if self.broken {
            return;
        }
        let mut rest = self.out.split_off(self.sent.min(self.out.len()));
        session.poll_transmit(&mut rest);
        let last = async {
            self.stream.write_all(&rest).await?;
            self.stream.shutdown().await
        };
        let _the_connection_ends_anyway = timeout(LAST_WORDS, last).await;
    }
}
