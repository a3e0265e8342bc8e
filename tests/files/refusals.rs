//! Full disks, limits, read-only places, strange files: an error before anything is written, with the way out.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use peerctl::cli::files::{inside_git_work_tree, list_directory, read};

use crate::shared::haproxies;
use crate::support::{
    OLD, added, as_nobody, assert_code, assert_no_litter, directory_of, edit, edit_with, editing_command, names,
    needs_root, stderr, with_mounts, wrapped,
};

#[test]
fn a_full_disk_leaves_the_old_bytes() {
    needs_root();
    let (dir, files) = directory_of(1);
    let mount = dir.path().display();
    let large = vec![b'x'; 20_000];
    fs::write(&files[0], &large).unwrap();
    let copy = files[0].display();
    // 64 KiB with room for half of a new version; no room for another inode.
    let setups = [
        (
            "",
            format!(
                "cp {copy} /tmp/.keep.$$; mount -t tmpfs -o size=32k x {mount}; cp /tmp/.keep.$$ {copy}; rm /tmp/.keep.$$"
            ),
        ),
        (
            "in-place",
            format!(
                "cp {copy} /tmp/.keep.$$; mount -t tmpfs -o size=64k x {mount}; cp /tmp/.keep.$$ {copy}; rm /tmp/.keep.$$; head -c 4000 /dev/zero > {mount}/other"
            ),
        ),
        (
            "",
            format!(
                "cp {copy} /tmp/.keep.$$; mount -t tmpfs -o nr_inodes=2 x {mount}; cp /tmp/.keep.$$ {copy}; rm /tmp/.keep.$$"
            ),
        ),
    ];
    for (options, setup) in setups {
        // The mounts are gone with the program, so the look at what it left comes from inside, too.
        let mut command = editing_command(&[&files[0]], "+first");
        command.env("PEERCTL_TEST_OPTIONS", options);
        let script = format!(
            "{setup}; sum=$(sha256sum < {copy}); code=0; \"$@\" || code=$?; [ \"$sum\" = \"$(sha256sum < {copy})\" ] || exit 99; ls -A {mount} | grep peerctl && exit 98; exit $code"
        );
        let output = wrapped(&["unshare", "-m", "sh", "-c", &script, "sh"], &command);
        assert_code(&output, 3);
        assert!(stderr(&output).contains("free some space or inodes"), "{}", stderr(&output));
    }
}

#[test]
fn a_limit_on_file_sizes_is_an_error_and_not_the_end() {
    for options in ["", "in-place"] {
        let (dir, files) = directory_of(1);
        let large = vec![b'x'; 20_000];
        fs::write(&files[0], &large).unwrap();
        let mut command = editing_command(&[&files[0]], "+first");
        command.env("PEERCTL_TEST_OPTIONS", options);
        let output = wrapped(&["prlimit", "--fsize=8192", "--"], &command);
        assert_code(&output, 3);
        assert!(stderr(&output).contains("ulimit -f"), "{}", stderr(&output));
        assert_eq!(fs::read(&files[0]).unwrap(), large);
        assert_eq!(names(dir.path()), ["0.cfg"]);
    }
}

#[test]
fn places_that_cannot_be_written_are_refused_before_any_write() {
    needs_root();
    for (change, restore, hint) in [
        ("chattr +i $0/0.cfg", "chattr -i $0/0.cfg", "chattr -i"),
        ("chattr +a $0/0.cfg", "chattr -a $0/0.cfg", "chattr -a"),
        ("chattr +i $0", "chattr -i $0", "chattr -ia"),
        ("chattr +a $0", "chattr -a $0", "chattr -ia"),
    ] {
        let (dir, files) = directory_of(1);
        let before = fs::metadata(dir.path()).unwrap().mtime_nsec();
        let sh = |script: &str| {
            assert!(Command::new("sh").args(["-ec", script]).arg(dir.path()).status().unwrap().success(), "{script}");
        };
        sh(change);
        let outputs = ["", "in-place"].map(|options| edit_with(&[&files[0]], "+first", options));
        sh(restore);
        for output in outputs {
            assert_code(&output, 3);
            assert!(stderr(&output).contains(hint), "{change}: {}", stderr(&output));
        }
        assert_eq!(fs::read(&files[0]).unwrap(), OLD);
        assert_eq!(
            fs::metadata(dir.path()).unwrap().mtime_nsec(),
            before,
            "{change}: nothing was made, not even for a moment"
        );
    }
    let (dir, files) = directory_of(1);
    let before = fs::metadata(dir.path()).unwrap().mtime_nsec();
    let read_only = format!("mount --bind {0} {0}; mount -o remount,bind,ro {0}", dir.path().display());
    let output = with_mounts(&read_only, &editing_command(&[&files[0]], "+first"));
    assert_code(&output, 3);
    assert!(stderr(&output).contains("remount it writable"), "{}", stderr(&output));
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let output = as_nobody(&editing_command(&[&files[0]], "+first"));
    assert_code(&output, 3);
    assert!(stderr(&output).contains("run as a user who may"), "{}", stderr(&output));
    assert_eq!(fs::metadata(dir.path()).unwrap().mtime_nsec(), before);
}

#[test]
fn the_second_of_two_files_is_looked_at_before_the_first_is_locked() {
    needs_root();
    let (one, first) = directory_of(1);
    let (_two, second) = directory_of(1);
    fs::hard_link(&second[0], second[0].with_extension("twin")).unwrap();
    let before = fs::metadata(one.path()).unwrap().mtime_nsec();
    assert_code(&edit(&[&first[0], &second[0]], "+first"), 3);
    assert_eq!(fs::metadata(one.path()).unwrap().mtime_nsec(), before, "nothing was made beside the first");
    assert_eq!(fs::read(&first[0]).unwrap(), OLD);
}

#[test]
fn what_is_no_file_is_refused_without_being_opened() {
    let (dir, _) = directory_of(0);
    let at = |name: &str| dir.path().join(name);
    let fifo = at("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink("fifo", at("link")).unwrap();
    for (path, kind) in [
        (fifo.as_path(), "a FIFO"),
        (&at("socket"), "a socket"),
        (&at("directory"), "a directory"),
        (&at("link"), "a FIFO"),
        (Path::new("/dev/null"), "a device"),
        (Path::new("/dev/zero"), "a device"),
        (Path::new("/"), "a directory"),
        (Path::new("."), "a directory"),
    ] {
        let error = read(path).expect_err("no file");
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.to_string().contains(kind), "{error}");
        assert_code(&edit(&[path], "+first"), 2);
    }
    assert_eq!(read(&at("directory/none")).expect_err("missing").exit_code(), 3);
    assert_eq!(read(Path::new("")).expect_err("empty").exit_code(), 2);
    assert_no_litter(dir.path(), "refused");
}

#[test]
fn open_descriptors_are_read_and_not_edited() {
    let (dir, files) = directory_of(1);
    let script =
        "cat \"$1\" | PEERCTL_TEST_FILES=/dev/stdin \"$2\" --exact child_edits --ignored --nocapture --test-threads=1";
    for (line, code) in [("-never there", 0), ("+first", 2)] {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&files[0]).arg(std::env::current_exe().unwrap());
        let output = command.env("PEERCTL_TEST_LINE", line).stdin(Stdio::null()).output().unwrap();
        assert_code(&output, code);
        if code == 2 {
            assert!(stderr(&output).contains("give the file itself, or `-`"), "{}", stderr(&output));
        }
    }
    assert_eq!(names(dir.path()), ["0.cfg"]);
}

#[test]
fn a_file_behind_proc_is_edited_where_it_is() {
    let (dir, files) = directory_of(1);
    let mut command = editing_command(&[Path::new("/proc/self/cwd/0.cfg")], "+first");
    assert_code(&command.current_dir(dir.path()).output().unwrap(), 0);
    assert_eq!(fs::read(&files[0]).unwrap(), added(OLD, "first"));
}

#[test]
fn a_directory_gives_what_haproxy_loads_from_it_in_its_order() {
    let (dir, _) = directory_of(0);
    let at = |name: &str| dir.path().join(name);
    let loaded = ["10.cfg", "9.cfg", "B.cfg", "a b.cfg", "a.cfg", "link.cfg", "\u{e9}.cfg"];
    for name in loaded.iter().filter(|name| **name != "link.cfg") {
        fs::write(at(name), "global\n").unwrap();
    }
    for name in [".hidden.cfg", ".cfg", "a.CFG", "a.cfg~", "a.cfg.bak", "a.cfg.dpkg-dist", "cfg", "xcfg", "target"] {
        fs::write(at(name), "wrong\n").unwrap();
    }
    fs::write(at("target"), "global\n").unwrap();
    symlink("target", at("link.cfg")).unwrap();
    fs::create_dir(at("sub.cfg")).unwrap();
    let _socket = UnixListener::bind(at("socket.cfg")).unwrap();
    let found = list_directory(dir.path()).unwrap();
    assert_eq!(found, loaded.map(at).to_vec());
    // The order of HAProxy's complaints is its order of loading.
    for name in loaded {
        fs::write(at(name), "global\n  no-such-keyword\n").unwrap();
    }
    for haproxy in haproxies() {
        let check = haproxy.check(&[dir.path()], None, &[]);
        // "config : parsing [PATH:2]: unknown keyword 'no-such-keyword' …"
        let place = |alert: &&str| Some(alert.split_once('[')?.1.split_once(":2]")?.0.to_owned());
        let alerts = check.alerts();
        let order: Vec<PathBuf> = alerts.iter().filter_map(place).map(PathBuf::from).collect();
        assert_eq!(order, found, "HAProxy {}: {alerts:?}", haproxy.branch());
    }
    rustix::fs::mknodat(rustix::fs::CWD, at("z.cfg"), rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    let error = list_directory(dir.path()).expect_err("a FIFO among the files");
    assert_eq!((error.exit_code(), error.to_string().contains("z.cfg is a FIFO")), (2, true), "{error}");
    fs::remove_file(at("z.cfg")).unwrap();
    symlink("nowhere", at("z.cfg")).unwrap();
    assert_eq!(list_directory(dir.path()).expect_err("HAProxy refuses it, too").exit_code(), 3);
}

#[test]
fn a_git_work_tree_is_found_from_any_depth() {
    let (dir, files) = directory_of(1);
    let deep = dir.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("x.cfg"), OLD).unwrap();
    assert!(!inside_git_work_tree(&files[0]));
    // A file in linked work trees and submodules, a directory elsewhere.
    fs::write(dir.path().join(".git"), "gitdir: elsewhere\n").unwrap();
    assert!(inside_git_work_tree(&files[0]) && inside_git_work_tree(&deep.join("x.cfg")));
    fs::remove_file(dir.path().join(".git")).unwrap();
    fs::create_dir(dir.path().join("a/.git")).unwrap();
    assert!(!inside_git_work_tree(&files[0]) && inside_git_work_tree(&deep.join("x.cfg")));
}
