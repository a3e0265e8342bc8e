//! A loopback of one's own, so that tests may use fixed ports side by side.
//!
//! HAProxy's peers refuse port 0, and two HAProxy processes that bind the same port share it in silence; a free port looked
//! up beforehand is a race. In a network namespace of its own every test has `127.0.0.1:10001` for itself.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    process::{self, Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Program;

/// Where a test's HAProxy processes run. Its host name is `lb1`, which is the local peer's name where nothing else says one.
#[derive(Debug)]
pub(crate) enum Network {
    /// A namespace, which lives as long as the process that holds it.
    Own { holder: Child, in_user_namespace: bool },
    /// The machine's own, where namespaces are not permitted. Instead of `127.0.0.` its addresses begin with this, like
    /// `127.44.7.`, in the copies of the files that HAProxy is started with.
    Shared(String),
}

impl Network {
    /// The host name inside [`Network::Own`].
    pub(crate) const HOST_NAME: &str = "lb1";

    pub(crate) fn new() -> Self {
        static IN_USER_NAMESPACE: OnceLock<Option<bool>> = OnceLock::new();
        let works = |user| hold(user).map(|mut holder| end(&mut holder)).is_some();
        match *IN_USER_NAMESPACE.get_or_init(|| [false, true].into_iter().find(|&user| works(user))) {
            Some(in_user_namespace) => {
                let holder = hold(in_user_namespace).expect("what worked before works again");
                Self::Own { holder, in_user_namespace }
            }
            None => Self::share(),
        }
    }

    /// Like [`Network::new`], but [`Network::within`] works, too: a namespace only where that takes no user namespace, which
    /// threads can't enter.
    pub(crate) fn reachable() -> Self {
        match Self::new() {
            Self::Own { in_user_namespace: true, .. } => Self::share(),
            network => network,
        }
    }

    fn share() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let [_, _, a, b] =
            (process::id().wrapping_mul(251)).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
        Self::Shared(format!("127.{}.{b}.", a.max(1)))
    }

    /// Whether this is a namespace: the host name is [`Network::HOST_NAME`], and a wildcard address meets nobody else.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// The text of a configuration as it has to be in here.
    pub(crate) fn localise(&self, configuration: String) -> String {
        match self {
            Self::Own { .. } => configuration,
            Self::Shared(prefix) => configuration.replace("127.0.0.", prefix),
        }
    }

    /// An address of this network, like `127.0.0.1:10001`.
    pub(crate) fn address(&self, port: u16) -> String {
        self.localise(format!("127.0.0.1:{port}"))
    }

    /// What `make` gives when it runs in here: sockets stay where they were made, whatever thread uses them.
    ///
    /// # Panics
    /// In a namespace that threads can't enter; see [`Network::reachable`].
    pub(crate) fn within<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        let Self::Own { holder, .. } = self else { return make() };
        let namespace = File::open(format!("/proc/{}/ns/net", holder.id())).expect("the namespace of a child");
        thread::scope(|scope| {
            let made = scope.spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("made by Network::reachable");
                make()
            });
            made.join().expect("does not panic")
        })
    }

    /// A listener in here, at a port of the loopback; 0 for any.
    pub(crate) fn listen(&self, port: u16) -> TcpListener {
        let address = self.address(port);
        self.within(|| TcpListener::bind(&address)).unwrap_or_else(|error| panic!("listens at {address}: {error}"))
    }

    /// A connection in here, to a port of the loopback.
    pub(crate) fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let address = self.address(port);
        self.within(|| TcpStream::connect(address))
    }

    /// This program, started in here with `words`.
    pub(crate) fn peerctl(&self, words: &[impl AsRef<OsStr>]) -> Program {
        let mut command = self.command(env!("CARGO_BIN_EXE_peerctl"));
        command.args(words);
        Program::start(command)
    }

    /// A command that runs `program` in here, in the process it is started as, and never outlives the thread that starts it.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self {
            Self::Shared(_) => Command::new("setpriv"),
            Self::Own { holder, in_user_namespace } => {
                let mut enter = Command::new("nsenter");
                enter.args(["--net", "--uts", "--target", &holder.id().to_string()]);
                if *in_user_namespace {
                    enter.args(["--user", "--preserve-credentials"]);
                }
                enter.arg("setpriv");
                enter
            }
        };
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Self::Own { holder, .. } = self {
            end(holder);
        }
    }
}

/// Makes the namespaces and a process that keeps them until its stdin closes, with our end at the latest.
/// `None` where this is not permitted.
fn hold(in_user_namespace: bool) -> Option<Child> {
    let script = format!("hostname {} && ip link set lo up && echo ready && exec cat", Network::HOST_NAME);
    let mut holder = Command::new("unshare")
        .args(["--net", "--uts"])
        .args(in_user_namespace.then_some("--map-root-user"))
        .args(["sh", "-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut line = String::new();
    let answer = holder.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
    if matches!(answer, Some(Ok(_))) && line == "ready\n" {
        return Some(holder);
    }
    end(&mut holder);
    None
}

fn end(holder: &mut Child) {
    drop(holder.stdin.take());
    let _ = holder.kill();
    let _ = holder.wait();
}
