//! Other writers: of our kind, who wait for the lock, and all others, whose work must survive.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::support::{
    OLD, Paused, added, assert_code, assert_no_litter, directory_in_memory, directory_of, edit, editing_command, names,
    paths, poll, stderr,
};

#[test]
fn fifty_writers_at_once_lose_no_edit() {
    for round in 0..4 {
        let (dir, files) = if round % 2 == 0 { directory_of(1) } else { directory_in_memory(1) };
        let start = |nth| {
            let mut command = editing_command(&[&files[0]], &format!("+writer {nth:02}"));
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let children: Vec<_> = (0..50).map(start).collect();
        let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let text = String::from_utf8_lossy(&fs::read(&files[0]).unwrap()).into_owned();
        for (nth, output) in outputs.iter().enumerate() {
            let there = text.contains(&format!("\nwriter {nth:02}\n"));
            assert_eq!(output.status.success(), there, "writer {nth} says whether its edit is in: {}", stderr(output));
            if !there {
                // Each waits 5 s at most; on a busy machine some may give up, cleanly.
                assert_code(output, 3);
                assert!(stderr(output).contains("is locked by process"), "{}", stderr(output));
            }
        }
        assert_eq!(text.matches("writer ").count(), outputs.iter().filter(|output| output.status.success()).count());
        assert_no_litter(dir.path(), "fifty writers");
    }
}

#[test]
fn writers_of_overlapping_sets_of_files_neither_mix_nor_wait_for_each_other_in_a_circle() {
    let (dir, files) = directory_in_memory(4);
    let start = |nth: usize| {
        // Each gives its files in another order.
        let mut mine: Vec<&Path> = paths(&files);
        mine.rotate_left(nth % 4);
        mine.truncate(2 + nth % 2);
        let mut command = editing_command(&mine, &format!("+writer {nth:02}"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        (mine.into_iter().map(Path::to_owned).collect::<Vec<PathBuf>>(), child)
    };
    for (nth, (mine, child)) in (0..12).map(start).collect::<Vec<_>>().into_iter().enumerate() {
        let mut output = child.wait_with_output().unwrap();
        // On a busy machine eleven others may take longer than one waits; now they are done.
        if output.status.code() == Some(3) && stderr(&output).contains("is locked by process") {
            output =
                editing_command(&mine.iter().map(|file| &**file).collect::<Vec<_>>(), &format!("+writer {nth:02}"))
                    .output()
                    .unwrap();
        }
        assert_code(&output, 0);
        for file in &files {
            let there = String::from_utf8_lossy(&fs::read(file).unwrap()).contains(&format!("writer {nth:02}"));
            assert_eq!(there, mine.contains(file), "{} and writer {nth}", file.display());
        }
    }
    assert_no_litter(dir.path(), "overlapping writers");
}

#[test]
fn who_waits_for_one_file_keeps_nobody_from_another() {
    let (dir, files) = directory_of(2);
    let holder = Paused::start(&[&files[0]], "+first", "");
    let mut command = editing_command(&[&files[1], &files[0]], "+second");
    let mut second = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // It has begun, and waits.
    std::thread::sleep(Duration::from_millis(300));
    assert!(second.try_wait().unwrap().is_none(), "it waits");
    assert_code(&edit(&[&files[1]], "+third"), 0);
    assert!(second.try_wait().unwrap().is_none(), "it still waits");
    assert_code(&holder.go_on(), 0);
    assert_code(&second.wait_with_output().unwrap(), 0);
    assert_no_litter(dir.path(), "after all three");
}

#[test]
fn who_holds_the_lock_is_said_after_five_seconds() {
    let (dir, files) = directory_of(1);
    let holder = Paused::start(&[&files[0]], "+first", "");
    let began = Instant::now();
    let output = edit(&[&files[0]], "+second");
    assert_code(&output, 3);
    assert!((Duration::from_secs(5)..Duration::from_secs(30)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert!(stderr(&output).contains(&format!("process {}", holder.id())), "{}", stderr(&output));
    assert_code(&holder.go_on(), 0);
    assert_eq!(fs::read(&files[0]).unwrap(), added(OLD, "first"));
    assert_no_litter(dir.path(), "after both");
}

/// What other programs do to a file while we are at it: name, script for `$1`.
const FOREIGN: [(&str, &str); 8] = [
    ("append", "echo theirs >> \"$1\""),
    ("replace as sed -i and vim do", "echo theirs > \"$1.new\"; mv \"$1.new\" \"$1\""),
    (
        "same size, old time",
        "touch -r \"$1\" \"$1.ref\"; printf XXXX | dd of=\"$1\" conv=notrunc status=none; touch -r \"$1.ref\" \"$1\"; rm \"$1.ref\"",
    ),
    ("the same bytes, another mode", "cp \"$1\" \"$1.new\"; chmod 600 \"$1.new\"; mv \"$1.new\" \"$1\""),
    ("a time in the future", "echo theirs >> \"$1\"; touch -d '2040-01-01' \"$1\""),
    ("truncate", ": > \"$1\""),
    ("delete", "rm \"$1\""),
    ("a directory in its place", "rm \"$1\"; mkdir \"$1\""),
];

fn shell(script: &str, file: &Path) {
    assert!(Command::new("sh").args(["-ec", script, "sh"]).arg(file).status().unwrap().success(), "{script}");
}

#[test]
fn a_change_after_reading_is_kept_and_reported() {
    for (name, script) in FOREIGN {
        for options in ["", "in-place"] {
            let (dir, files) = directory_of(1);
            let paused = Paused::start(&[&files[0]], "+first", options);
            shell(script, &files[0]);
            let theirs = fs::read(&files[0]).ok();
            let output = paused.go_on();
            assert_code(&output, 3);
            assert!(stderr(&output).contains("0.cfg"), "{name}: {}", stderr(&output));
            assert_eq!(fs::read(&files[0]).ok(), theirs, "{name}: their bytes are kept");
            assert!(names(dir.path()).iter().all(|name| name == "0.cfg"), "{name}: {:?}", names(dir.path()));
        }
    }
}

#[test]
fn a_change_to_one_of_several_files_keeps_all_as_they_are() {
    let (dir, files) = directory_of(3);
    let paused = Paused::start(&paths(&files), "+first", "");
    shell("echo theirs >> \"$1\"", &files[2]);
    assert_code(&paused.go_on(), 3);
    assert_eq!(fs::read(&files[0]).unwrap(), OLD);
    assert_eq!(fs::read(&files[1]).unwrap(), OLD);
    assert_eq!(fs::read(&files[2]).unwrap(), [OLD, b"theirs\n"].concat());
    assert_eq!(names(dir.path()), ["0.cfg", "1.cfg", "2.cfg"]);
}

#[test]
fn a_link_turned_elsewhere_after_reading_is_noticed() {
    let (dir, files) = directory_of(2);
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("0.cfg", &link).unwrap();
    let paused = Paused::start(&[&link], "+first", "");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("1.cfg", &link).unwrap();
    let output = paused.go_on();
    // What was read and staged is 0.cfg; nobody asked for that any more.
    assert_code(&output, 3);
    assert!(files.iter().all(|file| fs::read(file).unwrap() == OLD));
}

/// The moment between the last look at the file and the call that puts the new version in place, held open.
#[test]
fn a_change_in_the_last_microseconds_is_swapped_back() {
    for (name, script) in FOREIGN.iter().take(4) {
        let (dir, files) = directory_of(1);
        let mut strace = Command::new("strace");
        let command = editing_command(&[&files[0]], "+first");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2"]);
        strace.args(["-e", "inject=renameat2:delay_enter=2000000:when=1", "--"]);
        strace.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let child = strace.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("strace is installed");
        poll(|| is_in_renameat2(child.id()));
        shell(script, &files[0]);
        let theirs = (fs::read(&files[0]).unwrap(), fs::metadata(&files[0]).unwrap().ino());
        let output = child.wait_with_output().unwrap();
        assert_code(&output, 3);
        assert!(stderr(&output).contains("changed after it was read"), "{name}: {}", stderr(&output));
        let now = (fs::read(&files[0]).unwrap(), fs::metadata(&files[0]).unwrap().ino());
        assert_eq!(now, theirs, "{name}: their bytes and their file");
        assert_eq!(names(dir.path()), ["0.cfg"], "{name}");
    }
}

/// Whether a thread of the traced program stands at the entry of the call.
fn is_in_renameat2(strace: u32) -> bool {
    let number = if cfg!(target_arch = "x86_64") { "316 " } else { "276 " };
    let children = fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap_or_default();
    children.split_whitespace().any(|pid| {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let mut calls = threads.filter_map(|thread| fs::read_to_string(thread.path().join("syscall")).ok());
        calls.any(|call| call.starts_with(number))
    })
}

#[test]
fn a_clock_that_went_back_does_not_hide_a_change() {
    let (dir, files) = directory_of(1);
    // Everything about the file says 1990, before and after their change.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(20 * 365 * 24);
    let set_back = || fs::File::options().write(true).open(&files[0]).unwrap().set_modified(long_ago).unwrap();
    set_back();
    let paused = Paused::start(&[&files[0]], "+first", "");
    fs::write(&files[0], OLD.to_ascii_uppercase()).unwrap();
    set_back();
    assert_code(&paused.go_on(), 3);
    assert_eq!(fs::read(&files[0]).unwrap(), OLD.to_ascii_uppercase());
    assert_eq!(names(dir.path()), ["0.cfg"]);
}

#[test]
fn a_file_that_comes_and_goes_is_never_half_edited() {
    let (dir, files) = directory_in_memory(1);
    let file = &files[0];
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let away = dir.path().join("away");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ours_or_theirs = fs::rename(file, &away);
                let _a_directory_for_a_moment = fs::create_dir(file);
                let _gone = fs::remove_dir(file);
                let _back = fs::rename(&away, file);
            }
        });
        for nth in 0..40 {
            let output = edit(&[file], &format!("+line {nth:02}"));
            assert!(matches!(output.status.code(), Some(0 | 2 | 3)), "{:?} {}", output.status, stderr(&output));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let text = fs::read(file).unwrap();
    assert!(text.starts_with(OLD), "what was there is there");
    let rest = String::from_utf8(text[OLD.len()..].to_vec()).unwrap();
    assert!(rest.lines().all(|line| line.is_empty() || line.len() == "line 00".len()), "whole lines only: {rest}");
}
