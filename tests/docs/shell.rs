//! The shell in which a page is followed.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a command may take, and how long one may be repeated.
const PATIENCE: Duration = Duration::from_secs(90);

/// What ends the output of a command: no line of any begins like that.
const END: &str = "\u{1}end of the command: ";

/// Reads commands, each ended by a zero byte, and runs them one after another. Without a line end of their own, their output gets
/// one before the end.
const LOOP: &str = "ip link set lo up 2>/dev/null
while IFS= read -r -d '' command <&9; do
  (exit ${status:-0}); eval \"$command\" </dev/null; status=$?
  printf '\\n\\001end of the command: %d\\n' $status
done";

/// A shell.
#[derive(Debug)]
pub(crate) struct Shell {
    child: Child,
    commands: Option<ChildStdin>,
    output: Receiver<String>,
    _dir: TempDir,
}

impl Shell {
    /// A shell whose `haproxy` is that one.
    pub(crate) fn start(haproxy: &Path) -> Self {
        let dir = TempDir::new().expect("a folder");
        let [bin, work] = ["bin", "work"].map(|name| dir.path().join(name));
        fs::create_dir(&bin).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_peerctl"), bin.join("peerctl")).expect("a link");
        symlink(haproxy, bin.join("haproxy")).expect("a link");
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
        fs::create_dir_all(work.join("docs/examples")).expect("a folder");
        for example in fs::read_dir(examples).expect("there are some") {
            let example = example.expect("readable");
            fs::copy(example.path(), work.join("docs/examples").join(example.file_name())).expect("it can be copied");
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let mut unshare = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            unshare.arg("--map-root-user");
        }
        // Whatever the page starts ends with the shell, the first process of its own name space.
        unshare.args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "--norc", "-c"]);
        let mut child = unshare
            .arg(format!("exec 9<&0 2>&1\n{LOOP}"))
            .current_dir(&work)
            .env("PATH", path)
            .env_remove("HAPROXY_LOCALPEER")
            .env("HOME", dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare and bash are there");
        let commands = child.stdin.take();
        let stdout = child.stdout.take().expect("a pipe");
        let (lines, output) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self { child, commands, output, _dir: dir }
    }

    /// Runs a command; returns its exit status, and what it printed.
    pub(crate) fn run(&mut self, command: &str) -> (i32, String) {
        let commands = self.commands.as_mut().expect("it takes commands");
        commands.write_all(command.as_bytes()).and_then(|()| commands.write_all(&[0])).expect("the shell lives");
        let (until, mut shown) = (Instant::now() + PATIENCE, String::new());
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            let line = self.output.recv_timeout(rest).unwrap_or_else(|why| panic!("$ {command}\n{shown}\n{why}"));
            if let Some(status) = line.strip_prefix(END) {
                return (status.parse().expect("a number"), shown);
            }
            shown.push_str(&line);
            shown.push('\n');
        }
    }

    /// Repeats a command until that holds for its exit code and what it prints, or for too long.
    pub(crate) fn run_until(&mut self, command: &str, is_it: impl Fn(i32, &str) -> bool) -> (i32, String) {
        let until = Instant::now() + PATIENCE;
        loop {
            let (status, shown) = self.run(command);
            if is_it(status, &shown) || Instant::now() >= until {
                return (status, shown);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.commands = None;
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
