//! A program to torment, the tormentor (`strace`), and what must hold afterwards.

pub(crate) mod child;
pub(crate) mod strace;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The contents before an edit.
pub(crate) const OLD: &[u8] = b"global\r\n\tlog stdout local0\n# caf\xe9 \0 \xef\xbb\xbf\n\nlisten a\n  bind :80";

/// A program that adds `line` to each file that lacks it (`+text`), or cuts each file off before it (`-text`). One place to change when
/// another program shall be tormented; it must be idempotent, and all its files are one transaction.
pub(crate) fn editing_command(files: &[&Path], line: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test binary has a path"));
    command.args(["--exact", "child_edits", "--ignored", "--nocapture", "--test-threads=1"]);
    let joined: Vec<&[u8]> = files.iter().map(|file| file.as_os_str().as_bytes()).collect();
    command.env("PEERCTL_TEST_FILES", OsString::from_vec(joined.join(&b'\n')));
    command.env("PEERCTL_TEST_LINE", line).stdin(Stdio::null());
    command
}

/// Runs the editing program with options such as `in-place,backup=none`.
pub(crate) fn edit_with(files: &[&Path], line: &str, options: &str) -> Output {
    editing_command(files, line).env("PEERCTL_TEST_OPTIONS", options).output().expect("the test binary starts")
}

pub(crate) fn edit(files: &[&Path], line: &str) -> Output {
    edit_with(files, line, "")
}

/// What an edit with `+line` makes of `old`.
pub(crate) fn added(old: &[u8], line: &str) -> Vec<u8> {
    [old, b"\n", line.as_bytes(), b"\n"].concat()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "exit code; stderr: {}", stderr(output));
}

/// A directory with files `0.cfg`, `1.cfg`, …, each with [`OLD`].
pub(crate) fn directory_of(count: usize) -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fill(dir, count)
}

/// The same in memory, where syncing costs nothing: for kills, which lose nothing that was written.
pub(crate) fn directory_in_memory(count: usize) -> (TempDir, Vec<PathBuf>) {
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    fill(dir.expect("a temporary directory"), count)
}

fn fill(dir: TempDir, count: usize) -> (TempDir, Vec<PathBuf>) {
    let files: Vec<PathBuf> = (0..count).map(|nth| dir.path().join(format!("{nth}.cfg"))).collect();
    for file in &files {
        fs::write(file, OLD).expect("a file in a fresh directory");
    }
    (dir, files)
}

pub(crate) fn paths(files: &[PathBuf]) -> Vec<&Path> {
    files.iter().map(PathBuf::as_path).collect()
}

/// The names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a readable directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The temporary files of each file.
pub(crate) fn temps(dir: &Path) -> BTreeMap<String, usize> {
    let mut temps = BTreeMap::new();
    for name in names(dir).iter().filter(|name| name.contains(".peerctl.")) {
        assert!(Path::new(name).extension().is_none_or(|end| end != "cfg"), "HAProxy would load {name}");
        if let Some((file, _)) = name.split_once(".peerctl.").filter(|(_, rest)| rest.strip_suffix(".tmp").is_some()) {
            *temps.entry(file.to_owned()).or_default() += 1;
        }
    }
    temps
}

/// The name of the temporary file of a file that has one.
#[track_caller]
pub(crate) fn temp_of(dir: &Path, file: &str) -> String {
    let prefix = format!(".{file}.peerctl.");
    let is_temp = |name: &String| name.strip_prefix(&prefix).is_some_and(|rest| rest.strip_suffix(".tmp").is_some());
    names(dir).into_iter().find(is_temp).expect("a temporary file")
}

/// Nothing but the files and backups stands in the directory.
#[track_caller]
pub(crate) fn assert_no_litter(dir: &Path, context: &str) {
    let litter: Vec<String> = names(dir).into_iter().filter(|name| name.contains(".peerctl.")).collect();
    assert!(litter.is_empty(), "{context}: left behind {litter:?}");
}

/// An editing program that has staged its files and waits, as the real one waits for `haproxy -c`. Dropped, it is killed.
pub(crate) struct Paused(Option<Child>);

impl Paused {
    pub(crate) fn start(files: &[&Path], line: &str, options: &str) -> Self {
        let mut command = editing_command(files, line);
        command.env("PEERCTL_TEST_OPTIONS", options).env("PEERCTL_TEST_PAUSE", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the test binary starts");
        let stdout = child.stdout.as_mut().expect("piped");
        let mut seen = Vec::new();
        while !seen.ends_with(b"staged\n") {
            let mut byte = [0];
            let got = stdout.read(&mut byte).expect("a pipe");
            assert!(
                got == 1,
                "the editing program ended before it staged anything: {}",
                String::from_utf8_lossy(&seen)
            );
            seen.extend_from_slice(&byte);
        }
        Paused(Some(child))
    }

    fn child(&self) -> &Child {
        self.0.as_ref().expect("there until it is told to go on")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child().id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(self.child()), signal).expect("a living child");
    }

    /// Waits until the kernel shows the process in this state.
    pub(crate) fn wait_for_state(&self, state: char) {
        let stat = format!("/proc/{}/stat", self.id());
        poll(|| fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(&format!(") {state} "))));
    }

    /// Lets it write.
    pub(crate) fn go_on(self) -> Output {
        self.answer(b"\n")
    }

    /// Lets it write once it has noticed the signal it was sent.
    pub(crate) fn go_on_after_signal(self) -> Output {
        self.answer(b"s")
    }

    fn answer(mut self, text: &[u8]) -> Output {
        let mut child = self.0.take().expect("there until now");
        let _ended_already = child.stdin.take().expect("piped").write_all(text);
        child.wait_with_output().expect("a child of ours")
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ended_already = child.kill();
            let _no_zombie = child.wait();
        }
    }
}

/// Waits until something holds, up to 30 s.
#[track_caller]
pub(crate) fn poll(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "did not happen within 30 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Some faults only root can make. CI runs as root.
#[track_caller]
pub(crate) fn needs_root() {
    assert!(rustix::process::geteuid().is_root(), "this test sets owners, attributes and mounts: run it as root");
}

/// Runs `command` in its own mount namespace, after a shell script that mounts things.
pub(crate) fn with_mounts(script: &str, command: &Command) -> Output {
    wrapped(&["unshare", "-m", "sh", "-ec", &format!("{script}; exec \"$@\""), "sh"], command)
}

/// Runs `command` without root's rights.
pub(crate) fn as_nobody(command: &Command) -> Output {
    // The test binary may stand where only root can reach it.
    let dir = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a temporary directory");
    let program = dir.path().join("program");
    fs::copy(command.get_program(), &program).expect("room for a copy of the program");
    let mut copied = Command::new(&program);
    copied.args(command.get_args());
    for (name, value) in command.get_envs() {
        copied.env(name, value.expect("variables are only set"));
    }
    wrapped(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], &copied)
}

/// Runs `command` by means of another program.
pub(crate) fn wrapped(by: &[&str], command: &Command) -> Output {
    let mut outer = Command::new(by[0]);
    outer.args(&by[1..]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        outer.env(name, value.expect("variables are only set"));
    }
    outer.output().unwrap_or_else(|error| panic!("{} is needed: {error}", by[0]))
}
