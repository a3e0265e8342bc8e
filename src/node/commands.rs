//! The control socket of a daemon: one line of JSON in, one line out, on a path that only its owner can use.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{Mode, unlink};
use rustix::process::umask;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::limits;
use crate::node::listen::bind_path;

/// The most bytes of a question.
pub const MAX_QUESTION: usize = limits::CONTROL_QUESTION;

/// The most bytes of an answer that is read.
pub const MAX_ANSWER: u64 = 64 << 20;

/// How long a question and its answer may take.
pub const TIME: Duration = limits::CONTROL_TIME;

/// The most questions at a time.
const CONNECTIONS: usize = limits::CONTROL_CONNECTIONS;

/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// A socket that answers; dropped, it is removed.
#[derive(Debug)]
pub struct ControlSocket {
    task: JoinHandle<()>,
    path: PathBuf,
}

impl ControlSocket {
    /// Listens at a path, also where a process that is gone has left its socket, and answers each line with what `answer` gives.
    /// Only users who may by `mode`, like 0o600, can connect. To be called within [`super::run`].
    ///
    /// # Errors
    /// If the path can't be used.
    pub async fn start(path: &Path, mode: u32, answer: impl Fn(&str) -> String + 'static) -> io::Result<Self> {
        // Nobody else connects between its making and its mode.
        let before = umask(Mode::from_raw_mode(0o177));
        let socket = bind_path(path).await;
        umask(before);
        let socket = socket?;
        rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
        let task = spawn_local(run(socket, Rc::new(answer)));
        Ok(Self { task, path: path.to_owned() })
    }

    /// From now on only users who may by `mode` can connect.
    ///
    /// # Errors
    /// If the path is gone.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::chmod(self.path.as_path(), Mode::from_raw_mode(mode))?)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.task.abort();
        let _may_be_gone = unlink(self.path.as_path());
    }
}

type Answer = dyn Fn(&str) -> String;

/// Accepts for ever.
async fn run(socket: UnixListener, answer: Rc<Answer>) {
    let open = Rc::new(());
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            sleep(NO_ROOM).await;
            continue;
        };
        if Rc::strong_count(&open) > CONNECTIONS {
            continue;
        }
        let (open, answer) = (Rc::clone(&open), Rc::clone(&answer));
        spawn_local(async move {
            let _slow_or_gone = timeout(TIME, serve(stream, &*answer)).await;
            drop(open);
        });
    }
}

/// One question, one answer.
async fn serve(mut stream: UnixStream, answer: &Answer) -> io::Result<()> {
    let mut question = Vec::new();
    while !question.contains(&b'\n') {
        if question.len() >= MAX_QUESTION || stream.read_buf(&mut question).await? == 0 {
            return Ok(());
        }
    }
    let line = question.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut text = answer(&String::from_utf8_lossy(line));
    text.push('\n');
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Asks the daemon at a path, and returns its answer. To be called within [`super::run`].
///
/// # Errors
/// If nobody answers there in time.
pub async fn ask(path: &Path, question: &str) -> io::Result<String> {
    let asking = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(format!("{question}\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
        let answer = String::from_utf8(answer).map_err(io::Error::other)?;
        answer.strip_suffix('\n').map(str::to_owned).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    };
    timeout(TIME, asking).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_line_is_answered_by_a_line_and_only_the_owner_may_ask() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("control");
        super::super::run(async {
            let answer = |question: &str| format!("you said {question}");
            let socket = ControlSocket::start(&path, 0o600, answer).await.expect("a path");
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert_eq!(ask(&path, "hello").await.expect("an answer"), "you said hello");
            assert!(ControlSocket::start(&path, 0o600, answer).await.is_err(), "somebody answers there");
            drop(socket);
            assert!(!path.exists(), "it is removed");
            assert!(ask(&path, "hello").await.is_err());
        })
        .expect("an event queue");
    }

    #[test]
    fn a_socket_that_was_left_behind_is_no_obstacle() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("control");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        super::super::run(async {
            let _socket = ControlSocket::start(&path, 0o600, str::to_owned).await.expect("nobody listens there");
            assert_eq!(ask(&path, "hello").await.expect("an answer"), "hello");
        })
        .expect("an event queue");
    }
}
