//! File systems of their own, which only some programs see.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use super::{Network, Program};

/// A mounted file system. The process that holds it ends when this is dropped.
pub(crate) struct Disk<'a> {
    network: &'a Network,
    holder: Child,
    /// Where it is mounted for programs of [`Disk::peerctl`], and an ordinary folder for everybody else.
    dir: tempfile::TempDir,
}

impl<'a> Disk<'a> {
    /// One in memory.
    pub(crate) fn in_memory(network: &'a Network, options: &str) -> Self {
        Self::mount(network, &["-t", "tmpfs", "-o", options, "tmpfs"])
    }

    /// One in a file.
    pub(crate) fn in_file(network: &'a Network, image: &Path) -> Self {
        Self::mount(network, &[OsStr::new("-o"), OsStr::new("loop"), image.as_os_str()])
    }

    fn mount(network: &'a Network, words: &[impl AsRef<OsStr>]) -> Self {
        assert!(network.is_own(), "this test mounts a disk in a namespace of its own: run it as root");
        let dir = tempfile::tempdir().expect("a folder");
        let mut holder = network.command("unshare");
        let script = "PATH=$PATH:/sbin:/usr/sbin; mount \"$@\" && echo ready && exec cat";
        holder.args(["--mount", "sh", "-c", script, "sh"]).args(words).arg(dir.path());
        let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let disk = Self { network, holder, dir };
        assert_eq!(line, "ready\n", "this test mounts a disk: run it as root");
        disk
    }

    /// A file of it, for programs that run on it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// The same file from outside.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        let dir = self.dir.path().strip_prefix("/").expect("an absolute path");
        Path::new(&format!("/proc/{}/root", self.holder.id())).join(dir).join(name)
    }

    /// Runs the program where the disk is seen.
    pub(crate) fn peerctl(&self, words: &[&str]) -> Program {
        let mut command = self.network.command("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), env!("CARGO_BIN_EXE_peerctl")]);
        command.args(words);
        Program::start(command)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
