//! This program as a process: how long it takes, and what it needs.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::Network;

/// How often the memory of a process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Runs it with `words`; returns how long it took, its start and its end included.
pub(crate) fn run(network: &Network, words: &[&str]) -> Duration {
    let start = Instant::now();
    let status = command(network, words).status().expect("the program starts");
    let time = start.elapsed();
    assert!(status.success(), "peerctl {words:?}: {status}");
    time
}

/// Runs it with `words`; returns the most memory that it held at one time, in bytes.
pub(crate) fn peak(network: &Network, words: &[&str]) -> usize {
    let mut child = command(network, words).spawn().expect("the program starts");
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        peak = peak.max(high_water_mark(&child));
        thread::sleep(LOOK);
    };
    assert!(status.success(), "peerctl {words:?}: {status}");
    peak
}

fn command(network: &Network, words: &[&str]) -> Command {
    let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// What the process held at most so far; it may be over.
fn high_water_mark(child: &Child) -> usize {
    status(child.id(), "VmHWM:").unwrap_or(0)
}

/// A size that the kernel knows of a process, in bytes.
pub(crate) fn status(pid: u32, field: &str) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
