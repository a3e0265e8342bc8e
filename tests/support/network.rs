//! A loopback of one's own, so that tests may use fixed ports side by side.
//!
//! HAProxy's peers refuse port 0, and two HAProxy processes that bind the same port share it in silence; a free port looked
//! up beforehand is a race. In a network namespace of its own every test has `127.0.0.1:10001` for itself.

use std::{
    ffi::OsStr,
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// Where a test's HAProxy processes run. Its host name is `lb1`, which is the local peer's name where nothing else says one.
#[derive(Debug)]
pub(crate) enum Network {
    /// A namespace, which lives as long as the process that holds it.
    Own { holder: Child, in_user_namespace: bool },
    /// The machine's own, where namespaces are not permitted: one test at a time, as long as the file is locked.
    Shared(File),
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

    fn share() -> Self {
        eprintln!(
            "no network namespaces here: tests with HAProxy run one after the other on the machine's own loopback"
        );
        let lock = File::create(std::env::temp_dir().join("peerctl-tests.lock")).expect("a file for a lock");
        lock.lock().expect("locks work in the folder for temporary files");
        Self::Shared(lock)
    }

    /// Whether the host name is [`Network::HOST_NAME`].
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
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
