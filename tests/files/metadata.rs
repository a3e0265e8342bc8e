//! Owner, mode, ACLs and other extended attributes; what a backup may be read by; which time a file keeps.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use rustix::fs::{XattrFlags, setxattr};

use crate::support::{
    OLD, added, as_nobody, assert_code, assert_no_litter, directory_of, edit, edit_with, editing_command, names,
    needs_root, stderr,
};

fn all_of(path: &Path) -> (u32, u32, u32, BTreeMap<Vec<u8>, Vec<u8>>) {
    let stat = fs::metadata(path).unwrap();
    let mut list = Vec::with_capacity(65_536);
    rustix::fs::listxattr(path, rustix::buffer::spare_capacity(&mut list)).unwrap();
    let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = Vec::with_capacity(65_536);
        rustix::fs::getxattr(path, name, rustix::buffer::spare_capacity(&mut value)).unwrap();
        value
    };
    (stat.mode(), stat.uid(), stat.gid(), names.map(|name| (name.to_vec(), value(name))).collect())
}

fn shell(script: &str, path: &Path) {
    let status = Command::new("sh").args(["-ec", script, "sh"]).arg(path).status().unwrap();
    assert!(status.success(), "{script}");
}

#[test]
fn owner_mode_acl_and_every_extended_attribute_are_kept() {
    needs_root();
    for options in ["", "in-place", "backup=none"] {
        for mode in [0o600, 0o640, 0o644, 0o440, 0o6755, 0o777] {
            let (dir, files) = directory_of(1);
            let file = &files[0];
            chown(file, Some(1234), Some(4321)).unwrap();
            fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
            let large = vec![b'x'; 2000];
            for (name, value) in [
                ("user.note", b"kept \0 exactly".as_slice()),
                ("user.empty", b""),
                ("user.large", &large),
                ("trusted.note", b"for root"),
                ("security.selinux", b"system_u:object_r:haproxy_etc_t:s0\0"),
            ] {
                setxattr(file, name, value, XattrFlags::empty()).unwrap();
            }
            if mode == 0o640 {
                shell("setfacl -m u:1111:r,g:2222:rw \"$1\"", file);
            }
            let before = all_of(file);
            assert!(before.3.len() >= 5, "the attributes are there to be kept: {:?}", before.3.keys());
            assert_code(&edit_with(&[file], "+first", options), 0);
            assert_eq!(fs::read(file).unwrap(), added(OLD, "first"));
            assert_eq!(all_of(file), before, "{mode:o} {options}");
            assert_no_litter(dir.path(), "an edit");
        }
    }
}

#[test]
fn a_capability_and_a_default_acl_of_the_directory_make_no_difference() {
    needs_root();
    let (dir, files) = directory_of(1);
    // cap_net_bind_service, effective and permitted, in the kernel's form.
    let capability = [1_u8, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    setxattr(&files[0], "security.capability", &capability, XattrFlags::empty()).unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o2775)).unwrap();
    chown(dir.path(), None, Some(777)).unwrap();
    shell("setfacl -d -m u:1111:rwx,o::r \"$1\"", dir.path());
    let before = all_of(&files[0]);
    assert_code(&edit(&[&files[0]], "+first"), 0);
    assert_eq!(all_of(&files[0]), before, "no group and no ACL is inherited from the directory");
}

#[test]
fn a_backup_is_readable_for_its_owner_at_most() {
    for (mode, expected) in [(0o644, 0o600), (0o640, 0o600), (0o400, 0o400), (0o755, 0o600)] {
        for options in ["", "in-place", "backup=numbered"] {
            let (dir, files) = directory_of(1);
            fs::set_permissions(&files[0], PermissionsExt::from_mode(mode)).unwrap();
            assert_code(&edit_with(&[&files[0]], "+first", options), 0);
            let backup = names(dir.path()).into_iter().find(|name| name != "0.cfg").unwrap();
            assert!(backup.ends_with('~'), "never ends in .cfg: {backup}");
            let path = dir.path().join(backup);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, expected, "{mode:o} {options}");
            assert_eq!(fs::read(&path).unwrap(), OLD);
        }
    }
}

#[test]
fn simple_backups_replace_each_other_and_numbered_ones_count() {
    let (dir, files) = directory_of(1);
    let at = |name: &str| dir.path().join(name);
    assert_code(&edit(&[&files[0]], "+1"), 0);
    assert_code(&edit(&[&files[0]], "+2"), 0);
    assert_eq!(fs::read(at("0.cfg~")).unwrap(), added(OLD, "1"), "the version before the last edit");
    fs::write(at("0.cfg.~7~"), "from another program").unwrap();
    assert_code(&edit_with(&[&files[0]], "+3", "backup=numbered"), 0);
    assert_code(&edit_with(&[&files[0]], "+4", "backup=numbered"), 0);
    assert_eq!(names(dir.path()), ["0.cfg", "0.cfg.~7~", "0.cfg.~8~", "0.cfg.~9~", "0.cfg~"]);
    assert_code(&edit_with(&[&files[0]], "+5", "backup=none"), 0);
    assert_eq!(names(dir.path()).len(), 5);
    fs::remove_file(at("0.cfg~")).unwrap();
    fs::create_dir(at("0.cfg~")).unwrap();
    let output = edit(&[&files[0]], "+6");
    assert_code(&output, 3);
    assert!(stderr(&output).contains("0.cfg~ is a directory"), "{}", stderr(&output));
    assert_no_litter(dir.path(), "refused");
}

#[test]
fn a_second_run_changes_nothing_and_opens_nothing_for_writing() {
    let (dir, files) = directory_of(1);
    assert_code(&edit(&[&files[0]], "+first"), 0);
    let before = (fs::metadata(&files[0]).unwrap(), fs::metadata(dir.path()).unwrap());
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    let command = editing_command(&[&files[0]], "+first");
    strace.args(["-f", "-qq", "-e", "trace=%file,%desc", "-o"]).arg(log.path()).arg("--").arg(command.get_program());
    strace.args(command.get_args());
    for (name, value) in command.get_envs() {
        strace.env(name, value.unwrap());
    }
    assert_code(&strace.output().expect("strace is installed"), 0);
    let trace = String::from_utf8_lossy(&fs::read(log.path()).unwrap()).into_owned();
    let (_, trace) = trace.split_once(crate::support::child::MARK).expect("the mark");
    assert!(trace.contains("0.cfg"), "the trace shows the file being read");
    for call in ["O_WRONLY", "O_RDWR", "O_CREAT", "rename", "unlink", "flock", "fsync"] {
        assert!(!trace.contains(call), "{call} in a run that changes nothing:\n{trace}");
    }
    let after = (fs::metadata(&files[0]).unwrap(), fs::metadata(dir.path()).unwrap());
    let times = |stat: &fs::Metadata| (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec(), stat.ino());
    assert_eq!((times(&before.0), times(&before.1)), (times(&after.0), times(&after.1)));
}

#[test]
fn what_another_user_cannot_keep_is_refused_not_lost() {
    needs_root();
    let (dir, files) = directory_of(1);
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    // Root's file in a directory of theirs: they could replace it, but not as root's.
    fs::set_permissions(&files[0], PermissionsExt::from_mode(0o666)).unwrap();
    let output = as_nobody(&editing_command(&[&files[0]], "+first"));
    assert_code(&output, 3);
    assert!(stderr(&output).contains("owner 0:0"), "says what would be lost: {}", stderr(&output));
    assert!(stderr(&output).contains("--in-place"), "says what to do: {}", stderr(&output));
    assert_eq!(fs::read(&files[0]).unwrap(), OLD);
    assert_no_litter(dir.path(), "refused");
    let mut command = editing_command(&[&files[0]], "+first");
    assert_code(&as_nobody(command.env("PEERCTL_TEST_OPTIONS", "in-place")), 0);
    assert_eq!(fs::read(&files[0]).unwrap(), added(OLD, "first"));
    assert_eq!(fs::metadata(&files[0]).unwrap().uid(), 0);
    // Their own file is no problem.
    chown(&files[0], Some(65_534), Some(65_534)).unwrap();
    assert_code(&as_nobody(&editing_command(&[&files[0]], "+second")), 0);
    assert_no_litter(dir.path(), "edited by its owner");
}
