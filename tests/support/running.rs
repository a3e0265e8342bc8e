//! A running HAProxy: its runtime socket, its tables, its reload.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{Haproxy, Network, wait_until};

/// A HAProxy process without master, ended when dropped. Its runtime socket and its log are in the folder it was given.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    haproxy: &'a Haproxy,
    network: &'a Network,
    dir: PathBuf,
    local: Option<String>,
    process: Process,
    socket: PathBuf,
    log: PathBuf,
}

/// The process before a reload: it hands its tables over and leaves. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Retired(Process);

/// A child that never outlives its owner.
#[derive(Debug)]
struct Process(Child);

impl Haproxy {
    /// Starts HAProxy in `dir` with `files`, relative to it, and returns when it answers on its runtime socket.
    ///
    /// # Panics
    /// If it ends instead; with what it printed.
    pub(crate) fn start<'a>(
        &'a self,
        network: &'a Network,
        dir: &Path,
        files: &[impl AsRef<Path>],
        local: Option<&str>,
    ) -> Running<'a> {
        Running::launch(self, network, dir, files, local, &[])
    }
}

impl<'a> Running<'a> {
    fn launch(
        haproxy: &'a Haproxy,
        network: &'a Network,
        dir: &Path,
        files: &[impl AsRef<Path>],
        local: Option<&str>,
        more: &[&str],
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let [socket, log, runtime] =
            ["sock", "log", "runtime"].map(|kind| dir.join(format!("haproxy-{number}.{kind}")));
        fs::write(&runtime, format!("global\n    stats socket {} level admin\n", socket.display()))
            .expect("the folder takes files");

        let output = File::create(&log).expect("the folder takes files");
        let mut command = network.command(&haproxy.path);
        command.arg("-db").current_dir(dir);
        for (position, file) in files.iter().enumerate() {
            let text = fs::read_to_string(dir.join(file)).expect("tests start HAProxy with text");
            let copy = dir.join(format!("haproxy-{number}.{position}.cfg"));
            fs::write(&copy, network.localise(text)).expect("the folder takes files");
            command.arg("-f").arg(copy);
        }
        command.arg("-f").arg(&runtime);
        if let Some(local) = local {
            command.args(["-L", local]);
        }
        command.args(more).stdout(output.try_clone().expect("a handle")).stderr(output);
        let process = Process(command.spawn().expect("nsenter and setpriv are part of util-linux"));

        let (dir, local) = (dir.to_owned(), local.map(str::to_owned));
        let mut running = Self { haproxy, network, dir, local, process, socket, log };
        wait_until("HAProxy answers", || {
            let ended = running.process.exit_status();
            assert!(ended.is_none(), "HAProxy {:?} ended: {ended:?}\n{}", haproxy.version, running.log());
            running.try_cli("show info").ok().filter(|info| info.contains("Version"))
        });
        running
    }

    /// A new process with `files` takes the place of this one, as `haproxy -sf` does it.
    pub(crate) fn reload(&mut self, files: &[impl AsRef<Path>]) -> Retired {
        let pid = self.pid().to_string();
        let new = Self::launch(self.haproxy, self.network, &self.dir, files, self.local.as_deref(), &["-sf", &pid]);
        Retired(std::mem::replace(self, new).process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// The path of the runtime socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The answer to a command on the runtime socket.
    pub(crate) fn cli(&self, command: &str) -> String {
        self.try_cli(command).unwrap_or_else(|error| panic!("`{command}` is answered: {error}\n{}", self.log()))
    }

    fn try_cli(&self, command: &str) -> std::io::Result<String> {
        let answer = self.try_cli_bytes(command.as_bytes())?;
        String::from_utf8(answer).map_err(std::io::Error::other)
    }

    pub(super) fn try_cli_bytes(&self, command: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(&[command, b"\n"].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// Makes or changes an entry; `data` is like `"data.gpc0 7"`.
    pub(crate) fn set_entry(&self, table: &str, key: &str, data: &str) {
        let answer = self.cli(&format!("set table {table} key {key} {data}"));
        assert!(answer.trim().is_empty(), "`set table {table} key {key} {data}`: {answer}");
    }

    /// The entries of a table: key → the rest of the line, like `use=0 exp=0 gpc0=7`. Empty if there is no such table.
    pub(crate) fn entries(&self, table: &str) -> BTreeMap<String, String> {
        self.cli(&format!("show table {table}"))
            .lines()
            .filter_map(|line| line.split_once(": key=")?.1.split_once(' '))
            .map(|(key, rest)| (key.to_owned(), rest.to_owned()))
            .collect()
    }

    /// The names of all tables.
    pub(crate) fn tables(&self) -> Vec<String> {
        self.cli("show table")
            .lines()
            .filter_map(|line| line.strip_prefix("# table: ")?.split_once(','))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Whether each peers section has ended both steps of learning at start: from the process before it (5 s at most, none
    /// without one), then from another peer (5 s at most). Only then does HAProxy hand its tables over at a reload.
    pub(crate) fn is_synchronised(&self) -> bool {
        const LEARNT_FROM_OLD_PROCESS_AND_PEERS: u32 = 0b11;
        let peers = self.cli("show peers");
        let mut sections = peers.lines().filter(|line| line.contains(" resync_timeout="));
        sections.all(|line| {
            let flags = line.split_once(" flags=0x").and_then(|(_, rest)| rest.split(' ').next());
            let flags = flags.and_then(|digits| u32::from_str_radix(digits, 16).ok()).expect("flags of a section");
            flags & LEARNT_FROM_OLD_PROCESS_AND_PEERS == LEARNT_FROM_OLD_PROCESS_AND_PEERS
        })
    }

    /// Whether a session with the remote peer `name` stands.
    pub(crate) fn is_established(&self, name: &str) -> bool {
        let remote = format!("id={name}(remote");
        self.cli("show peers").lines().any(|line| line.contains(&remote) && line.contains("last_status=ESTA"))
    }

    /// What HAProxy printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Retired {
    /// Waits until the old process has left, which it does after five seconds at most, handed over or not.
    pub(crate) fn wait(mut self) -> ExitStatus {
        wait_until("the old process has left", || self.0.exit_status())
    }
}

impl Process {
    fn exit_status(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child of ours")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
