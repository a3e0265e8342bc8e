//! This program as a process: what it prints can be read while it runs.

use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};

use super::wait_until;

/// A running `peerctl`, ended when dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stdout: Printed,
    stderr: Printed,
}

/// What came out so far.
type Printed = Arc<Mutex<Vec<u8>>>;

/// How a program ended, and everything it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts `command` with pipes on all three ends.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("an executable");
        let stdout = collect(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));
        Self { child, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it has said beside its output so far.
    pub(crate) fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until a whole line of its output has `part`, and gives that line.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        wait_until(&format!("it prints `{part}`"), || {
            let ended = self.child.try_wait().expect("a child of ours");
            let stdout = self.stdout();
            let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let line = whole.lines().find(|line| line.contains(part)).map(str::to_owned);
            assert!(line.is_some() || ended.is_none(), "it ended: {ended:?}\n{stdout}\n{}", self.stderr());
            line
        })
    }

    /// Gives it `bytes` on stdin and closes that.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let _may_have_ended = self.child.stdin.take().expect("fed once").write_all(bytes);
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child of ours");
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> Ended {
        drop(self.child.stdin.take());
        let status = wait_until("the program ends", || self.child.try_wait().expect("a child of ours"));
        // The threads that read end with the pipes.
        wait_until("all it printed was read", || (Arc::strong_count(&self.stdout) == 1).then_some(()));
        wait_until("all it said was read", || (Arc::strong_count(&self.stderr) == 1).then_some(()));
        Ended { status, stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> Printed {
    let printed = Printed::default();
    let into = Arc::clone(&printed);
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            into.lock().expect("nobody panics with it").extend_from_slice(&buffer[..count]);
        }
    });
    printed
}

fn text(printed: &Printed) -> String {
    String::from_utf8_lossy(&printed.lock().expect("nobody panics with it")).into_owned()
}
