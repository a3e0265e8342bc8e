//! Power that is lost in the middle of an edit: what the disk had got by then is mounted, and looked at.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::strace::{EFFECTIVE, Point, in_parallel, points};
use crate::support::{
    OLD, added, assert_code, directory_in_memory, editing_command, needs_root, paths, stderr, wrapped,
};

/// A folder with `disk`, an image of an ext4 file system with two files, and `at`, where images are mounted.
fn disk() -> tempfile::TempDir {
    let (dir, _) = directory_in_memory(0);
    let at = |name: &str| dir.path().join(name);
    for folder in ["at", "content", "before", "after"] {
        fs::create_dir(at(folder)).unwrap();
    }
    for file in ["0.cfg", "1.cfg"] {
        fs::write(at("content").join(file), OLD).unwrap();
    }
    let mut mkfs = Command::new("/usr/sbin/mkfs.ext4");
    let made = mkfs.args(["-q", "-F", "-m", "0", "-d"]).arg(at("content")).arg(at("disk")).arg("8M").output().unwrap();
    assert!(made.status.success(), "mkfs.ext4 is needed: {}", stderr(&made));
    dir
}

/// The edit of both files, where images are mounted.
fn edit_on(dir: &Path, line: &str, count: usize) -> Command {
    let files = ["at/0.cfg", "at/1.cfg"].map(|name| dir.join(name));
    editing_command(&paths(&files[..count]), line)
}

/// Runs an edit on the disk, and takes the disk as it is at its end, with nothing written behind it.
fn crash(dir: &Path, command: &Command) -> Option<i32> {
    let script = format!(
        "cd {}; mount -o loop disk at || exit 90; \"$@\"; code=$?; cp disk crashed || exit 91; exit $code",
        dir.display()
    );
    wrapped(&["unshare", "-m", "sh", "-c", &script, "sh"], command).status.code()
}

/// The files of the disk that crashed, before and after another edit of the first of them.
fn come_back(dir: &Path) -> ([Vec<u8>; 2], [Vec<u8>; 2]) {
    let script = format!(
        "cd {}; mount -o loop crashed at || exit 90; cp at/*.cfg before; \"$@\" || exit 92; cp at/*.cfg after",
        dir.display()
    );
    let output = wrapped(&["unshare", "-m", "sh", "-c", &script, "sh"], &edit_on(dir, "+second", 1));
    assert_code(&output, 0);
    let both = |folder: &str| ["0.cfg", "1.cfg"].map(|name| fs::read(dir.join(folder).join(name)).unwrap());
    (both("before"), both("after"))
}

/// `PEERCTL_POWER` = at every call; else at some.
#[test]
fn power_lost_at_any_call_leaves_each_file_old_or_new_and_the_next_writer_makes_them_agree() {
    needs_root();
    let (_dir, files) = directory_in_memory(2);
    let mut points = points(&editing_command(&paths(&files), "+first"));
    points.retain(|point| EFFECTIVE.contains(&point.call.as_str()) && !point.shown.contains("O_RDONLY"));
    if std::env::var_os("PEERCTL_POWER").is_none() {
        let renames = |point: &Point| point.call.starts_with("rename");
        let mut nth = 0;
        points.retain(|point| {
            nth += 1;
            renames(point) || nth % 6 == 0
        });
    }
    println!("{} crashes", points.len());
    in_parallel(&points, |point| {
        let dir = disk();
        let edit = edit_on(dir.path(), "+first", 2);
        let mut strace = Command::new("strace");
        let rule = format!("inject={}:signal=SIGKILL:when={}", point.call, point.nth);
        strace
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &rule])
            .arg("--")
            .arg(edit.get_program())
            .args(edit.get_args());
        strace.envs(edit.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let code = crash(dir.path(), &strace);
        assert!(code.is_none_or(|code| code == 0 || code >= 128), "a disk can be mounted: {code:?}");
        let (before, after) = come_back(dir.path());
        let new = added(OLD, "first");
        for file in &before {
            assert!(*file == OLD || *file == new, "old or new after a crash at {point:?}, not {} bytes", file.len());
        }
        let [first, second] = after;
        assert!(second == OLD || second == new, "one version after {point:?}");
        assert_eq!(first, added(&second, "second"), "both of one version after {point:?}");
    });
}

#[test]
fn power_lost_after_the_end_loses_nothing() {
    needs_root();
    let dir = disk();
    assert_eq!(crash(dir.path(), &edit_on(dir.path(), "+first", 2)), Some(0));
    let (before, _) = come_back(dir.path());
    assert_eq!(before, [added(OLD, "first"), added(OLD, "first")], "what was reported is on the disk");
}
