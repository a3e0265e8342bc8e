//! Safe writing under faults: a program that edits files is killed at every system call, has every system call fail, meets
//! other writers, strange files and full disks; each file must be entirely old or entirely new.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod concurrency;
mod faults;
mod large;
mod links;
mod metadata;
mod output;
mod poor_disks;
mod power;
mod program;
mod recovery;
mod refusals;
#[path = "../support/mod.rs"]
mod shared;
mod support;

/// Not a test: the program that the tests start, see [`support::editing_command`].
#[test]
#[ignore = "started by the other tests"]
fn child_edits() {
    support::child::run();
}

/// Not a test: prints as the program does.
#[test]
#[ignore = "started by the other tests"]
fn child_prints() {
    output::print_as_told();
}
