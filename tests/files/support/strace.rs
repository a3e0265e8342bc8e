//! Faults at every system call of a program, by `strace -e inject`.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::child::MARK;

/// System calls that can change something on disk or hold a lock. Others can be left out where there are many files: a kill before one
/// of them is a kill before the next call of this list.
pub(crate) const EFFECTIVE: [&str; 14] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "renameat",
    "renameat2",
    "unlinkat",
    "fchmod",
    "fchown",
    "fsetxattr",
    "ftruncate",
    "fallocate",
    "flock",
    "exit_group",
];

/// One system call of a run: the `nth` one of its name, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) nth: usize,
    /// The call as the trace shows it.
    pub(crate) shown: String,
}

/// Calls that only concern memory, threads and signals: a kill there is a kill before the next call on a file.
const UNRELATED: [&str; 12] = [
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "futex",
    "rt_sigaction",
    "rt_sigprocmask",
    "sigaltstack",
    "exit",
    "sched_yield",
];

/// The system calls of `command` after its mark, in their order, on the thread that made the mark; not its messages.
pub(crate) fn points(command: &Command) -> Vec<Point> {
    points_beside(command, &[])
}

/// The same where other rules (`inject=CALL:error=E`) hold all the time.
pub(crate) fn points_beside(command: &Command, rules: &[&str]) -> Vec<Point> {
    points_after(command, MARK, rules)
}

/// The same for a program that makes no mark of its own: what follows the first call that shows `mark`.
pub(crate) fn points_after(command: &Command, mark: &str, rules: &[&str]) -> Vec<Point> {
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut options = vec!["-o", log.path().to_str().expect("a plain path"), "-s", "200"];
    options.extend(rules.iter().flat_map(|rule| ["-e", rule]));
    let output = run(command, &options);
    assert!(output.status.success(), "the program works without faults: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&fs::read(log.path()).expect("the log of strace")).into_owned();
    let lines =
        || text.lines().filter_map(|line| line.split_once(' ')).map(|(thread, call)| (thread, call.trim_start()));
    let editor =
        lines().find(|(_, call)| call.contains(mark)).map(|(thread, _)| thread).expect("the mark in the trace");
    // strace counts per thread, and injects into all of them.
    let mut counts: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    let mut points = Vec::new();
    let mut begun = false;
    for (thread, line) in lines() {
        let Some((call, _)) =
            line.split_once('(').filter(|(call, _)| call.chars().all(|c| c.is_alphanumeric() || c == '_'))
        else {
            continue;
        };
        let ours = thread == editor;
        let nth = *counts.entry((ours, call)).and_modify(|count| *count += 1).or_insert(1);
        let is_message = line.starts_with("write(2,");
        if begun && ours && !is_message && !UNRELATED.contains(&call) {
            points.push(Point { call: call.to_owned(), nth, shown: line.to_owned() });
        }
        begun |= ours && line.contains(mark);
    }
    assert!(points.len() > 20, "the trace of an edit has the mark and more than 20 calls, got:\n{text}");
    for point in &points {
        let other = counts.get(&(false, point.call.as_str())).copied().unwrap_or(0);
        assert!(
            point.nth > other,
            "the fault would hit another thread first: {point:?}, which makes {other} such calls"
        );
    }
    points
}

/// Runs `command` with a fault (`signal=SIGKILL`, `error=EIO`) at one system call.
pub(crate) fn inject(command: &Command, point: &Point, fault: &str) -> Output {
    inject_beside(command, point, fault, &[])
}

/// The same where other rules (`inject=CALL:error=E`) hold all the time.
pub(crate) fn inject_beside(command: &Command, point: &Point, fault: &str, rules: &[&str]) -> Output {
    let mut options = Vec::new();
    options.extend(rules.iter().flat_map(|rule| ["-e", rule]));
    let rule = format!("inject={}:{fault}:when={}", point.call, point.nth);
    options.extend(["-e", &rule, "-o", "/dev/null"]);
    run(command, &options)
}

/// Runs `command` with a fault that says itself when it happens (`error=EIO:when=3+`).
pub(crate) fn inject_as(command: &Command, point: &Point, fault: &str) -> Output {
    run(command, &["-e", &format!("inject={}:{fault}", point.call), "-o", "/dev/null"])
}

fn run(command: &Command, options: &[&str]) -> Output {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]).args(options).arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        strace.env(name, value.expect("variables are only set"));
    }
    // Set by cargo for build scripts; here it only adds a hundred searches for libraries.
    strace.env_remove("LD_LIBRARY_PATH").stdin(std::process::Stdio::null());
    strace.output().expect("strace is not installed: these tests need it (apt-get install strace)")
}

/// Calls `check` for each item, on as many threads as there are processors; a panic in one is a panic here.
pub(crate) fn in_parallel<T: Sync>(items: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Vec<Box<dyn std::any::Any + Send>>> = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(item))) {
                        failed.lock().expect("not poisoned").push(panic);
                        next.store(items.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    if let Some(panic) = failed.into_inner().expect("not poisoned").pop() {
        std::panic::resume_unwind(panic);
    }
}
