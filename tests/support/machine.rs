//! A Debian of its own, booted from the folder that `fetch-debian.sh` made, which stays as it is.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use super::{Program, try_until};

/// A running machine: processes, mounts, network and users of its own. Switched off when dropped.
#[derive(Debug)]
pub(crate) struct Machine {
    keeper: Child,
    /// Its first process, as it is called out here.
    first: String,
    has_systemd: bool,
}

impl Machine {
    /// Boots it. Where systemd can't be the first process, the machine works without one. `None` where it can't be had at all,
    /// which is said aloud.
    ///
    /// # Panics
    /// If nothing was fetched yet, or, in CI, if it can't be had.
    pub(crate) fn boot() -> Option<Self> {
        let cache = env::var_os("PEERCTL_DEBIAN_CACHE")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/debian"), PathBuf::from);
        let system = cache.join("bookworm");
        let is_there = system.join("etc/os-release").exists();
        assert!(is_there || cache.join("impossible").exists(), "no Debian in {}: run `make debian`", cache.display());
        let system = fs::canonicalize(system).ok();
        let machine = system.and_then(|system| {
            Self::start(&system, &[], true).or_else(|| Self::start(&system, &["sleep", "infinity"], false))
        });
        match &machine {
            None => {
                assert_ne!(env::var("CI").as_deref(), Ok("true"), "a Debian machine can be had in CI");
                eprintln!("SKIPPED: no Debian machine can be had on this system, so the package was not installed");
            }
            Some(machine) if !machine.has_systemd => eprintln!("SKIPPED: systemd can't be started on this system"),
            Some(_) => {}
        }
        machine
    }

    fn start(system: &Path, first: &[&str], has_systemd: bool) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/debian-machine.sh");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(script).arg(system).args(first);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("util-linux is there");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let mut machine = Self { keeper, first: line.trim().to_owned(), has_systemd };
        let is_up = try_until(|| {
            if machine.first.is_empty() || machine.keeper.try_wait().expect("a child of ours").is_some() {
                return Some(false);
            }
            let up = if has_systemd {
                "test -e /run/machine && systemctl is-system-running"
            } else {
                "test -e /run/machine"
            };
            let answer = machine.output(&["sh", "-c", up]);
            let text = String::from_utf8_lossy(&answer.stdout).into_owned();
            let is_up =
                if has_systemd { matches!(text.trim(), "running" | "degraded") } else { answer.status.success() };
            is_up.then_some(true)
        });
        (is_up == Some(true)).then_some(machine)
    }

    /// Whether its first process is systemd.
    pub(crate) fn has_systemd(&self) -> bool {
        self.has_systemd
    }

    /// Its files, as they can be reached from here.
    pub(crate) fn root(&self) -> PathBuf {
        Path::new("/proc").join(&self.first).join("root")
    }

    /// A command that runs in there.
    pub(crate) fn command(&self, words: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first, "--all", "--", "setpriv", "--pdeathsig", "KILL"]).args(words);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command
    }

    /// What a command says that succeeds in there, errors behind the rest.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = self.output(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{words:?}: {}\n{said}", output.status);
        said
    }

    /// The same of a line for the shell.
    pub(crate) fn shell(&self, script: &str) -> String {
        self.run(&["sh", "-c", script])
    }

    /// How a command ends in there.
    pub(crate) fn output(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().expect("nsenter starts")
    }

    /// A command that runs on in there.
    pub(crate) fn program(&self, words: &[&str]) -> Program {
        Program::start(self.command(words))
    }

    /// Copies a file from here into it.
    pub(crate) fn put(&self, file: &Path, path: &str) {
        let mut command = self.command(&["sh", "-c", "cat >\"$0\"", path]);
        let from = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(command.stdin(from).status().expect("nsenter starts").success(), "{path} is written");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
