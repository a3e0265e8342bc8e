//! The program itself: `peerctl add` on two instances, under the same faults.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::strace::{EFFECTIVE, Point, in_parallel, inject, points_after};
use crate::support::{assert_code, assert_no_litter, names, stderr, temps};

/// The first system call on a file of [`instances`] shows this.
const MARK: &str = ", \"lb1.cfg\"";

fn instances() -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let files = ["lb1", "lb2"].map(|name| {
        let file = dir.path().join(format!("{name}.cfg"));
        let text =
            format!("global\r\n\tlocalpeer {name} # caf\u{e9}\n\nbackend b\n\tstick-table type ip size 1m store gpc0\n\tbalance source");
        fs::write(&file, text).unwrap();
        file
    });
    (dir, files.into())
}

fn add(files: &[PathBuf], peers: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.args(["add", "mesh"]).args(files).args(["--attach-all", "--no-validate", "--backup", "simple"]);
    command.args(peers.iter().flat_map(|peer| ["--peer", peer]));
    command.stdin(Stdio::null());
    command
}

const PEERS: [&str; 2] = ["lb1=10.0.0.1:10000", "lb2=10.0.0.2:10000"];

fn run(files: &[PathBuf], peers: &[&str]) -> Output {
    add(files, peers).output().unwrap()
}

fn contents(files: &[PathBuf]) -> Vec<Vec<u8>> {
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The points of an edit of both files, and what the files are before and after it.
fn rehearsal() -> (Vec<Point>, Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (_dir, files) = instances();
    let old = contents(&files);
    let mut points = points_after(&add(&files, &PEERS), MARK, &[]);
    points.retain(|point| EFFECTIVE.contains(&point.call.as_str()) && !point.shown.contains("O_RDONLY"));
    let new = contents(&files);
    assert!(old != new && points.len() > 30, "both files are edited, in many steps: {}", points.len());
    (points, old, new)
}

#[test]
fn peerctl_add_killed_at_any_call_ends_with_both_files_old_or_both_new() {
    let (points, old, new) = rehearsal();
    in_parallel(&points, |point| {
        let (dir, files) = instances();
        let output = inject(&add(&files, &PEERS), point, "signal=SIGKILL");
        assert!(output.status.code().is_none(), "killed at {point:?}");
        for ((now, old), new) in contents(&files).iter().zip(&old).zip(&new) {
            assert!(now == old || now == new, "entirely old or new after a kill at {point:?}");
        }
        assert!(temps(dir.path()).values().all(|count| *count <= 1), "at most one temporary file each, {point:?}");
        // The same command again: whatever was done, now all is done.
        assert_code(&run(&files, &PEERS), 0);
        assert_eq!(contents(&files), new, "after a kill at {point:?}");
        // And a later edit of one file leaves nothing of it behind.
        assert_code(&run(&files, &["lb3=10.0.0.3:10000"]), 0);
        assert_no_litter(dir.path(), &format!("after a kill at {point:?}"));
    });
}

#[test]
fn peerctl_add_with_a_failing_call_changes_both_files_or_none() {
    let (points, old, new) = rehearsal();
    let faults: Vec<(&Point, &str)> = points
        .iter()
        .filter(|point| point.call != "exit_group" && !point.shown.starts_with("write(1,"))
        .flat_map(|point| ["EIO", "ENOSPC", "EACCES"].map(|error| (point, error)))
        .collect();
    in_parallel(&faults, |(point, error)| {
        let (dir, files) = instances();
        let output = inject(&add(&files, &PEERS), point, &format!("error={error}"));
        let expected = if output.status.success() { &new } else { &old };
        assert_eq!(contents(&files), *expected, "{error} at {point:?}: {}", stderr(&output));
        if !output.status.success() {
            assert_code(&output, 3);
            assert_eq!(names(dir.path()), ["lb1.cfg", "lb2.cfg"], "{error} at {point:?}");
        }
        assert!(temps(dir.path()).is_empty(), "no temporary file is left by {error} at {point:?}");
    });
}

#[test]
fn fifty_peerctls_that_each_add_a_peer_lose_none() {
    let (dir, files) = instances();
    assert_code(&run(&files, &PEERS), 0);
    let peer = |nth: usize| format!("p{nth:02}=10.0.1.{nth}:10000");
    let start = |nth: usize| {
        let mut command = add(&files[..1], &[&peer(nth)]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (1..=50).map(start).collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let text = fs::read_to_string(&files[0]).unwrap();
    for (output, nth) in outputs.iter().zip(1..) {
        let there = text.matches(&format!("peer p{nth:02} 10.0.1.{nth}:10000")).count();
        assert_eq!(there, usize::from(output.status.success()), "peer {nth}: {}", stderr(output));
        if there == 0 {
            // Each waits 5 s at most; on a busy machine some may give up, cleanly.
            assert_code(output, 3);
        }
    }
    assert_no_litter(dir.path(), "fifty peerctls");
}

#[test]
fn check_and_diff_open_no_file_for_writing() {
    let (dir, files) = instances();
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    let command = add(&files, &PEERS);
    strace.args(["-f", "-qq", "-e", "trace=%file,%desc", "-o"]).arg(log.path()).arg("--");
    strace.arg(command.get_program()).args(command.get_args()).args(["--check", "--diff"]);
    let output = strace.output().expect("strace is installed");
    assert_code(&output, 1);
    assert!(String::from_utf8_lossy(&output.stdout).contains("+peers mesh"), "it has something to show");
    let trace = fs::read(log.path()).unwrap();
    let trace = String::from_utf8_lossy(&trace);
    let (_, trace) = trace.split_once(MARK).expect("the files are read");
    for call in ["O_WRONLY", "O_RDWR", "O_CREAT", "rename", "unlink", "fsync", "mkdir"] {
        assert!(!trace.contains(call), "{call} in a run that only looks:\n{trace}");
    }
    assert_eq!(names(dir.path()), ["lb1.cfg", "lb2.cfg"]);
}

#[test]
fn an_edit_to_a_full_stdout_is_no_success_and_a_closed_pipe_no_failure() {
    let (_dir, files) = instances();
    let run = |script: &str, file: &Path| {
        let mut sh = Command::new("sh");
        sh.args(["-c", script, "sh", env!("CARGO_BIN_EXE_peerctl")]).arg(file).output().unwrap()
    };
    let old = fs::read(&files[0]).unwrap();
    let edit = "\"$1\" add mesh - --peer lb1=10.0.0.1:1 --no-validate";
    assert_code(&run(&format!("{edit} < \"$2\" > /dev/full"), &files[0]), 3);
    assert_eq!(fs::read(&files[0]).unwrap(), old);
    assert_code(&run(&format!("{edit} < \"$2\" | true"), &files[0]), 0);
}
