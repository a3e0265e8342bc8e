//! A kill at every system call, every system call failing, a signal at every system call.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::support::strace::{EFFECTIVE, Point, in_parallel, inject, inject_as, inject_beside, points, points_beside};
use crate::support::{
    OLD, added, assert_code, assert_no_litter, directory_in_memory, directory_of, edit, editing_command, names, paths,
    stderr, temps,
};

const ERRORS: [&str; 8] = ["EIO", "ENOSPC", "EDQUOT", "EACCES", "EPERM", "EINTR", "EXDEV", "EMFILE"];

/// An edit of one file with options.
fn one(file: &Path, line: &str, options: &str) -> Command {
    let mut command = editing_command(&[file], line);
    command.env("PEERCTL_TEST_OPTIONS", options);
    command
}

#[test]
fn a_kill_at_every_system_call_leaves_the_file_old_or_new() {
    for options in ["", "backup=none"] {
        let (_dir, files) = directory_in_memory(1);
        in_parallel(&points(&one(&files[0], "+first", options)), |point| {
            let (dir, files) = directory_in_memory(1);
            let before = fs::metadata(&files[0]).unwrap();
            let output = inject(&one(&files[0], "+first", options), point, "signal=SIGKILL");
            assert!(output.status.code().is_none(), "killed at {point:?}");
            let now = fs::read(&files[0]).unwrap();
            assert!(now == OLD || now == added(OLD, "first"), "entirely old or new after a kill at {point:?}");
            let after = fs::metadata(&files[0]).unwrap();
            assert_eq!(
                (before.mode(), before.uid(), before.gid()),
                (after.mode(), after.uid(), after.gid()),
                "{point:?}"
            );
            assert!(temps(dir.path()).values().all(|count| *count <= 1), "at most one temporary file, {point:?}");
            next_edit_works(dir.path(), &files[0], &now, point);
        });
    }
}

#[test]
fn a_kill_where_files_cannot_be_exchanged_leaves_the_file_old_or_new() {
    const NO_EXCHANGE: &str = "inject=renameat2:error=EINVAL";
    let (_dir, files) = directory_in_memory(1);
    fs::write(files[0].with_file_name("0.cfg~"), "an earlier backup").unwrap();
    let mut points = points_beside(&one(&files[0], "+first", ""), &[NO_EXCHANGE]);
    assert!(points.iter().any(|point| point.call == "renameat"), "the other way is taken");
    points.retain(|point| point.call != "renameat2");
    in_parallel(&points, |point| {
        let (dir, files) = directory_in_memory(1);
        inject_beside(&one(&files[0], "+first", ""), point, "signal=SIGKILL", &[NO_EXCHANGE]);
        let now = fs::read(&files[0]).unwrap();
        assert!(now == OLD || now == added(OLD, "first"), "entirely old or new after a kill at {point:?}");
        next_edit_works(dir.path(), &files[0], &now, point);
    });
}

#[test]
fn a_kill_while_writing_through_leaves_a_backup_and_the_next_writer_completes() {
    // The edit makes the file shorter, longer, and longer by more than one write.
    for (content, line) in
        [(added(OLD, "cut").repeat(40), "-cut"), (vec![b'x'; 270_000], "+first"), (OLD.to_vec(), "+first")]
    {
        let (dir, files) = directory_in_memory(1);
        fs::write(&files[0], &content).unwrap();
        let points = points(&one(&files[0], line, "in-place"));
        let new = fs::read(&files[0]).unwrap();
        assert_no_litter(dir.path(), "an edit in place");
        in_parallel(&points, |point| {
            let (dir, files) = directory_in_memory(1);
            fs::write(&files[0], &content).unwrap();
            let inode = fs::metadata(&files[0]).unwrap().ino();
            inject(&one(&files[0], line, "in-place"), point, "signal=SIGKILL");
            let now = fs::read(&files[0]).unwrap();
            if now != content && now != new {
                assert_eq!(
                    fs::read(dir.path().join("0.cfg~")).unwrap(),
                    content,
                    "a backup while it is torn, {point:?}"
                );
            }
            assert_code(&crate::support::edit_with(&[&files[0]], "+second", "in-place"), 0);
            let then = fs::read(&files[0]).unwrap();
            let good = then == added(&content, "second") || then == added(&new, "second");
            assert!(good, "completed or taken back after a kill at {point:?}");
            assert_eq!(fs::metadata(&files[0]).unwrap().ino(), inode, "written through: the same inode");
            assert_no_litter(dir.path(), &format!("after a kill at {point:?}"));
        });
    }
}

#[test]
fn after_a_kill_ten_files_become_all_old_or_all_new() {
    const COUNT: usize = 10;
    let (_dir, files) = directory_in_memory(COUNT);
    let mut points = points(&editing_command(&paths(&files), "+first"));
    points.retain(|point| EFFECTIVE.contains(&point.call.as_str()) && !point.shown.contains("O_RDONLY"));
    assert!(points.len() > 15 * COUNT, "a call to write, sync and rename each file, and more: {}", points.len());
    in_parallel(&points, |point| {
        let (dir, files) = directory_in_memory(COUNT);
        let output = inject(&editing_command(&paths(&files), "+first"), point, "signal=SIGKILL");
        assert!(output.status.code().is_none(), "killed at {point:?}");
        let new = added(OLD, "first");
        for file in &files {
            let now = fs::read(file).unwrap();
            assert!(now == OLD || now == new, "each file is entirely old or new after a kill at {point:?}");
        }
        assert!(temps(dir.path()).values().all(|temps| *temps <= 1), "at most one temporary file each, {point:?}");
        // The next writer touches only the last file.
        let (last, others) = files.split_last().unwrap();
        assert_code(&edit(&[last], "+second"), 0);
        let first = fs::read(&files[0]).unwrap();
        for file in others {
            assert!(fs::read(file).unwrap() == first, "all of one version after a kill at {point:?}");
        }
        assert_eq!(fs::read(last).unwrap(), added(&first, "second"), "after a kill at {point:?}");
        assert_code(&edit(&paths(&files), "+third"), 0);
        assert_no_litter(dir.path(), &format!("after a kill at {point:?}"));
    });
}

#[test]
fn every_failing_system_call_is_reported_and_leaves_the_file_as_it_was() {
    let (_dir, files) = directory_in_memory(1);
    let mut faults = Vec::new();
    for point in points(&one(&files[0], "+first", "")) {
        // The rest can't fail, or its failure is an answer.
        if !["close", "exit_group", "getpid", "geteuid", "getcwd", "kill", "gettid"].contains(&point.call.as_str()) {
            let effective = EFFECTIVE.contains(&point.call.as_str());
            let errors = ERRORS.iter().filter(|error| effective || ["EIO", "EINTR"].contains(error));
            faults.extend(errors.map(|error| (point.clone(), format!("error={error}"))));
        }
        if point.call == "write" && point.shown.contains("global") {
            faults.push((point, "retval=5".to_owned()));
        }
    }
    in_parallel(&faults, |(point, fault)| {
        let (dir, files) = directory_in_memory(1);
        let before = fs::metadata(&files[0]).unwrap();
        let output = inject(&one(&files[0], "+first", ""), point, fault);
        let after = fs::metadata(&files[0]).unwrap();
        let now = fs::read(&files[0]).unwrap();
        assert_eq!(
            (before.mode(), before.uid(), before.gid()),
            (after.mode(), after.uid(), after.gid()),
            "{point:?} {fault}"
        );
        if output.status.success() {
            // Tried again, or not needed.
            assert!(now == added(OLD, "first"), "done is done, {point:?} {fault}");
        } else {
            assert_code(&output, 3);
            assert!(now == OLD, "the old bytes after {point:?} {fault}");
            let text = stderr(&output);
            assert!(text.contains('/'), "the message names the path: {text} {point:?} {fault}");
            assert_eq!(names(dir.path()), ["0.cfg"], "nothing is left beside it after {point:?} {fault}");
        }
        let left = temps(dir.path());
        assert!(left.is_empty(), "no temporary file is left after {point:?} {fault}: {left:?}");
    });
}

#[test]
fn one_failing_system_call_in_an_edit_of_three_files_leaves_all_as_they_were() {
    for options in ["", "in-place"] {
        let (_dir, files) = directory_in_memory(3);
        let mut command = editing_command(&paths(&files), "+first");
        command.env("PEERCTL_TEST_OPTIONS", options);
        let mut points = points(&command);
        points.retain(|point| EFFECTIVE.contains(&point.call.as_str()) && point.call != "exit_group");
        in_parallel(&points, |point| {
            let (dir, files) = directory_in_memory(3);
            let mut command = editing_command(&paths(&files), "+first");
            command.env("PEERCTL_TEST_OPTIONS", options);
            let output = inject(&command, point, "error=EIO");
            let expected = if output.status.success() { added(OLD, "first") } else { OLD.to_vec() };
            for file in &files {
                assert!(
                    fs::read(file).unwrap() == expected,
                    "{} after EIO at {point:?}: {}",
                    file.display(),
                    stderr(&output)
                );
            }
            if !output.status.success() {
                assert_code(&output, 3);
                assert_eq!(names(dir.path()), ["0.cfg", "1.cfg", "2.cfg"], "after EIO at {point:?}");
            }
            let left = temps(dir.path());
            assert!(left.is_empty(), "no temporary file is left after EIO at {point:?}: {left:?}");
        });
    }
}

#[test]
fn a_disk_that_fails_from_some_moment_on_leaves_every_file_whole() {
    let (_dir, files) = directory_in_memory(2);
    let mut points = points(&editing_command(&paths(&files), "+first"));
    points.retain(|point| EFFECTIVE.contains(&point.call.as_str()) && point.call != "exit_group");
    in_parallel(&points, |point| {
        let (_dir, files) = directory_in_memory(2);
        // This call and all later ones of its name, and all renames.
        let from_now_on = format!("error=EIO:when={}+", point.nth);
        inject_as(&editing_command(&paths(&files), "+first"), point, &from_now_on);
        let now: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        let new = added(OLD, "first");
        assert!(now.iter().all(|bytes| bytes == OLD || *bytes == new), "old or new when all fails from {point:?} on");
        // With the disk repaired, the next edit finds all of one version.
        assert_code(&edit(&paths(&files[..1]), "+second"), 0);
        let version = fs::read(&files[1]).unwrap();
        assert_eq!(fs::read(&files[0]).unwrap(), added(&version, "second"), "one version after {point:?}");
    });
}

#[test]
fn a_signal_at_every_system_call_leaves_old_or_new_and_nothing_else() {
    let (_dir, files) = directory_in_memory(1);
    let points = points(&one(&files[0], "+first", ""));
    for (signal, code) in [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGQUIT", 131)] {
        in_parallel(&points, |point| {
            let (dir, files) = directory_in_memory(1);
            let output = inject(&one(&files[0], "+first", ""), point, &format!("signal={signal}"));
            let now = fs::read(&files[0]).unwrap();
            match output.status.code() {
                Some(0) => assert!(now == added(OLD, "first"), "{signal} too late at {point:?}"),
                // Before the handlers stand, the signal ends the program by itself.
                // After the last step they stand no longer.
                None => assert!(now == OLD || now == added(OLD, "first"), "{signal} before or after, at {point:?}"),
                Some(got) => {
                    assert_eq!(got, code, "{signal} at {point:?}: {}", stderr(&output));
                    assert!(now == OLD, "{signal} at {point:?}");
                }
            }
            assert_no_litter(dir.path(), &format!("{signal} at {point:?}"));
        });
    }
}

#[test]
fn a_signal_while_haproxy_would_look_at_the_new_version_ends_with_its_code_and_the_old_bytes() {
    use rustix::process::Signal;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let (dir, files) = directory_in_memory(2);
        let child = crate::support::Paused::start(&paths(&files), "+first", "");
        child.signal(signal);
        let output = child.go_on_after_signal();
        assert_code(&output, code);
        assert!(stderr(&output).contains("interrupted by SIG"), "{}", stderr(&output));
        assert!(files.iter().all(|file| fs::read(file).unwrap() == OLD));
        assert_eq!(names(dir.path()), ["0.cfg", "1.cfg"]);
    }
}

#[test]
fn ctrl_z_and_fg_in_the_middle_of_an_edit_do_no_harm() {
    let (dir, files) = directory_of(1);
    let child = crate::support::Paused::start(&[&files[0]], "+first", "");
    // What the terminal sends for Ctrl-Z does nothing to a program without a terminal; the effect is the same.
    child.signal(rustix::process::Signal::STOP);
    child.wait_for_state('T');
    assert_eq!(fs::read(&files[0]).unwrap(), OLD);
    child.signal(rustix::process::Signal::CONT);
    assert_code(&child.go_on(), 0);
    assert_eq!(fs::read(&files[0]).unwrap(), added(OLD, "first"));
    assert_no_litter(dir.path(), "after Ctrl-Z");
}

fn next_edit_works(dir: &Path, file: &Path, now: &[u8], point: &Point) {
    assert_code(&edit(&[file], "+second"), 0);
    assert_eq!(fs::read(file).unwrap(), added(now, "second"), "the next edit works after a kill at {point:?}");
    assert_no_litter(dir, &format!("the next writer cleans up after a kill at {point:?}"));
}
