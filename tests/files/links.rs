//! Symbolic links, hard links, files mounted by themselves.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;

use crate::support::{
    OLD, added, assert_code, assert_no_litter, directory_in_memory, directory_of, edit, edit_with, editing_command,
    names, needs_root, stderr, with_mounts,
};

#[test]
fn a_link_stays_a_link_and_its_target_is_edited() {
    // Absolute, relative, a chain of three, through a linked directory, into another file system.
    let (dir, files) = directory_of(1);
    let (elsewhere, far) = directory_in_memory(1);
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    symlink("0.cfg", at("relative")).unwrap();
    symlink(&files[0], at("absolute")).unwrap();
    symlink("../relative", at("sub/second")).unwrap();
    symlink("sub/second", at("chain")).unwrap();
    symlink("sub/..", at("dir")).unwrap();
    symlink(&far[0], at("far")).unwrap();
    let mut expected = OLD.to_vec();
    for (nth, name) in ["relative", "absolute", "chain", "dir/chain", "sub/../relative"].iter().enumerate() {
        let line = format!("line {nth}");
        let before = fs::read_link(at(name)).unwrap();
        assert_code(&edit(&[&at(name)], &format!("+{line}")), 0);
        assert_eq!(fs::read_link(at(name)).unwrap(), before, "{name} is still the same link");
        expected = added(&expected, &line);
        assert_eq!(fs::read(&files[0]).unwrap(), expected, "{name} leads to the file that was edited");
        assert_eq!(names(&at("sub")), ["second"], "nothing is made beside a link");
    }
    assert_code(&edit(&[&at("far")], "+first"), 0);
    assert_eq!(fs::read(&far[0]).unwrap(), added(OLD, "first"));
    assert_eq!(names(elsewhere.path()), ["0.cfg", "0.cfg~"], "the backup stands beside the target");
    assert_no_litter(dir.path(), "edits through links");
}

#[test]
fn relative_paths_work_from_any_directory() {
    let (dir, files) = directory_of(1);
    fs::create_dir(dir.path().join("sub")).unwrap();
    for (line, here, path) in
        [("1st", "", "0.cfg"), ("2nd", "", "./0.cfg"), ("3rd", "sub", "../0.cfg"), ("4th", "sub", ".././sub/../0.cfg")]
    {
        let mut command = editing_command(&[Path::new(path)], &format!("+{line}"));
        assert_code(&command.current_dir(dir.path().join(here)).output().unwrap(), 0);
        assert!(fs::read(&files[0]).unwrap().ends_with(format!("{line}\n").as_bytes()), "{path} from {here:?}");
    }
}

#[test]
fn dangling_links_and_circles_are_errors_and_nothing_is_made() {
    let (dir, _) = directory_of(0);
    let at = |name: &str| dir.path().join(name);
    symlink("nowhere", at("dangling")).unwrap();
    symlink("circle", at("circle")).unwrap();
    symlink("pong", at("ping")).unwrap();
    symlink("ping", at("pong")).unwrap();
    for (name, says) in [
        ("dangling", "No such file"),
        ("circle", "levels of symbolic links"),
        ("ping", "circle"),
        ("none", "check the path"),
    ] {
        let output = edit(&[&at(name)], "+first");
        assert_code(&output, 3);
        assert!(stderr(&output).contains(says), "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains(name), "the path is named: {}", stderr(&output));
    }
    assert_eq!(names(dir.path()), ["circle", "dangling", "ping", "pong"]);
}

#[test]
fn a_link_of_another_user_in_a_directory_for_everybody_is_refused() {
    needs_root();
    let (dir, files) = directory_of(1);
    let public = dir.path().join("public");
    fs::create_dir(&public).unwrap();
    fs::set_permissions(&public, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    let link = public.join("link");
    symlink(&files[0], &link).unwrap();
    lchown(&link, Some(65_534), None).unwrap();
    let output = edit(&[&link], "+first");
    assert_code(&output, 3);
    assert!(stderr(&output).contains("65534"), "says whose link it is: {}", stderr(&output));
    assert_eq!(fs::read(&files[0]).unwrap(), OLD);
    // A directory on the way there is a link like any other.
    symlink(dir.path(), public.join("on")).unwrap();
    lchown(public.join("on"), Some(65_534), None).unwrap();
    assert_code(&edit(&[&public.join("on/0.cfg")], "+first"), 3);
    // Our own link there is fine, and so is anybody's in a directory of ours.
    lchown(&link, Some(0), None).unwrap();
    assert_code(&edit(&[&link], "+first"), 0);
    symlink(&files[0], dir.path().join("theirs")).unwrap();
    lchown(dir.path().join("theirs"), Some(65_534), None).unwrap();
    assert_code(&edit(&[&dir.path().join("theirs")], "+second"), 0);
}

#[test]
fn hard_links_are_refused_unless_it_is_said_what_to_do() {
    let (dir, files) = directory_of(1);
    let twin = dir.path().join("twin");
    fs::hard_link(&files[0], &twin).unwrap();
    let output = edit(&[&files[0]], "+first");
    assert_code(&output, 3);
    let text = stderr(&output);
    assert!(text.contains("--hardlinks break") && text.contains("--in-place"), "offers the choice: {text}");
    assert_eq!(fs::read(&twin).unwrap(), OLD);
    assert_eq!(names(dir.path()), ["0.cfg", "twin"]);

    assert_code(&edit_with(&[&files[0]], "+first", "in-place"), 0);
    assert_eq!(fs::read(&twin).unwrap(), added(OLD, "first"), "in place: both names have it");
    assert_eq!(fs::metadata(&twin).unwrap().ino(), fs::metadata(&files[0]).unwrap().ino());

    assert_code(&edit_with(&[&files[0]], "+second", "hardlinks=break"), 0);
    assert_eq!(fs::read(&twin).unwrap(), added(OLD, "first"), "the other name keeps the old version");
    let backup = dir.path().join("0.cfg~");
    assert_eq!(fs::read(&backup).unwrap(), added(OLD, "first"));
    assert_ne!(
        fs::metadata(&twin).unwrap().ino(),
        fs::metadata(&backup).unwrap().ino(),
        "the backup is a file of its own"
    );
    assert_no_litter(dir.path(), "edits of hard links");
}

#[test]
fn a_file_mounted_by_itself_is_refused_and_written_through_on_demand() {
    needs_root();
    let (dir, files) = directory_of(2);
    let at = dir.path().join("mounted");
    fs::write(&at, "under the mount").unwrap();
    for (source, setup) in [
        (&files[0], format!("mount --bind {} {}", files[0].display(), at.display())),
        // From another file system.
        (
            &files[1],
            format!("mount -t tmpfs x /mnt; cp {0} /mnt/f; mount --bind /mnt/f {1}", files[1].display(), at.display()),
        ),
    ] {
        let output = with_mounts(&setup, &editing_command(&[&at], "+first"));
        assert_code(&output, 3);
        assert!(stderr(&output).contains("--in-place"), "says what helps: {}", stderr(&output));
        assert_no_litter(dir.path(), "refused");
        let mut command = editing_command(&[&at], "+first");
        command.env("PEERCTL_TEST_OPTIONS", "in-place");
        assert_code(&with_mounts(&setup, &command), 0);
        assert_eq!(fs::read(dir.path().join("mounted~")).unwrap(), OLD, "a backup, always");
        assert_no_litter(dir.path(), "written through");
        if source == &files[0] {
            assert_eq!(fs::read(source).unwrap(), added(OLD, "first"), "the mounted file has it");
        }
    }
    assert_eq!(fs::read(&at).unwrap(), b"under the mount");
}

#[test]
fn files_of_a_lower_layer_are_edited_as_in_a_container() {
    needs_root();
    for options in ["", "backup=none", "in-place"] {
        let (dir, _) = directory_of(2);
        let at = dir.path().display();
        // Two layers on two file systems, as a container image and its writable layer may be.
        let setup = format!(
            "mkdir {at}/up {at}/work {at}/merged; mount -t tmpfs x /mnt; mkdir /mnt/low; cp -p {at}/?.cfg /mnt/low; \
             mount -t overlay o -o lowerdir=/mnt/low,upperdir={at}/up,workdir={at}/work {at}/merged"
        );
        let merged = ["0.cfg", "1.cfg"].map(|name| dir.path().join("merged").join(name));
        for (count, line) in [(1, "+first"), (2, "+first"), (2, "+second")] {
            let mut command = editing_command(&crate::support::paths(&merged[..count]), line);
            command.env("PEERCTL_TEST_OPTIONS", options);
            // The upper layer is what outlives the mount; it becomes the lower one of the next edit.
            let output = with_mounts(&setup, &command);
            assert_code(&output, 0);
            for name in names(&dir.path().join("up")) {
                assert!(!name.contains(".peerctl."), "left behind: {name}");
            }
            for name in ["0.cfg", "1.cfg"] {
                let upper = dir.path().join("up").join(name);
                if upper.exists() {
                    fs::copy(upper, dir.path().join(name)).unwrap();
                }
            }
            for layer in ["up", "work", "merged"] {
                fs::remove_dir_all(dir.path().join(layer)).unwrap();
            }
        }
        for name in ["0.cfg", "1.cfg"] {
            assert_eq!(
                fs::read(dir.path().join(name)).unwrap(),
                added(&added(OLD, "first"), "second"),
                "{name} {options}"
            );
        }
    }
}
