//! An interrupted write of several files: who sees it, who repairs it, and when nobody may.

use std::fs;
use std::path::{Path, PathBuf};

use peerctl::cli::files::pending;

use crate::support::strace::{Point, inject, inject_beside, points};
use crate::support::{
    OLD, Paused, added, assert_code, assert_no_litter, directory_of, edit, edit_with, editing_command, names, paths,
    stderr, temp_of,
};

/// Kills an edit of these files at the nth exchange: the files before it are new, it and those after it are old.
fn kill_at_exchange(files: &[PathBuf], nth: usize, line: &str) {
    let copies: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let all = points(&editing_command(&paths(files), line));
    for (file, copy) in files.iter().zip(copies) {
        fs::write(file, copy).unwrap();
        fs::remove_file(file.with_extension("cfg~")).unwrap();
    }
    let point = all.iter().filter(|point| point.call == "renameat2").nth(nth).expect("an exchange for each file");
    assert!(inject(&editing_command(&paths(files), line), point, "signal=SIGKILL").status.code().is_none());
}

#[test]
fn an_interrupted_write_is_seen_by_readers_and_repaired_by_the_next_writer() {
    let (one, mut files) = directory_of(2);
    let (two, more) = directory_of(1);
    files.extend(more);
    assert!(files.iter().all(|file| pending(file).unwrap().is_none()));
    kill_at_exchange(&files, 1, "+first");
    let mixed: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(mixed.contains(&OLD.to_vec()) && mixed.contains(&added(OLD, "first")), "half done");
    let before = (names(one.path()), names(two.path()));
    for file in &files {
        let found = pending(file).unwrap().expect("every file leads to the record");
        assert_eq!(found.files.len(), 3, "{found:?}");
        assert!(found.journal.exists());
    }
    assert_eq!((names(one.path()), names(two.path())), before, "looking changes nothing");
    // The same command again finds something to do, and ends with all of it done.
    let output = edit(&paths(&files), "+first");
    assert_code(&output, 0);
    assert!(stderr(&output).contains("recovered: completed=true 3"), "{}", stderr(&output));
    for file in &files {
        assert_eq!(fs::read(file).unwrap(), added(OLD, "first"));
        assert_eq!(fs::read(file.with_extension("cfg~")).unwrap(), OLD, "with its backup");
        assert!(pending(file).unwrap().is_none());
    }
    assert_no_litter(one.path(), "repaired");
    assert_no_litter(two.path(), "repaired");
}

#[test]
fn a_write_that_had_not_begun_is_taken_back() {
    let (dir, files) = directory_of(2);
    kill_at_exchange(&files, 0, "+first");
    let output = edit(&[&files[1]], "+second");
    assert_code(&output, 0);
    assert!(stderr(&output).contains("recovered: completed=false 2"), "{}", stderr(&output));
    assert_eq!(fs::read(&files[0]).unwrap(), OLD);
    assert_eq!(fs::read(&files[1]).unwrap(), added(OLD, "second"));
    assert_no_litter(dir.path(), "taken back");
}

#[test]
fn a_mixed_state_whose_new_versions_are_gone_is_taken_back() {
    let (dir, files) = directory_of(3);
    kill_at_exchange(&files, 2, "+first");
    let third = temp_of(dir.path(), "2.cfg");
    fs::remove_file(dir.path().join(third)).unwrap();
    assert_code(&edit(&[&files[2]], "+second"), 0);
    assert_eq!(fs::read(&files[0]).unwrap(), OLD);
    assert_eq!(fs::read(&files[1]).unwrap(), OLD);
    assert_eq!(fs::read(&files[2]).unwrap(), added(OLD, "second"));
    assert_no_litter(dir.path(), "taken back");
}

#[test]
fn a_kill_while_a_failed_write_is_taken_back_leaves_no_record_that_lies_later() {
    for nth in 1.. {
        let (dir, files) = directory_of(3);
        let command = editing_command(&paths(&files), "+first");
        let point = Point { call: "unlinkat".into(), nth, shown: String::new() };
        // The last exchange fails, and the clean-up is killed.
        let output = inject_beside(&command, &point, "signal=SIGKILL", &["inject=renameat2:error=EIO:when=3"]);
        assert!(files.iter().all(|file| fs::read(file).unwrap() == OLD), "all taken back, at unlink {nth}");
        if output.status.code() == Some(3) {
            assert!(nth > 3, "there is something to clean up");
            return;
        }
        // Somebody goes on with one file at a time: an old record must not hold the others back.
        for file in files.iter().rev() {
            assert_code(&edit(&[file], "+second"), 0);
        }
        assert_no_litter(dir.path(), &format!("killed at unlink {nth}"));
    }
}

#[test]
fn somebody_elses_change_in_between_is_reported_and_not_overwritten() {
    for options in ["", "in-place"] {
        let (dir, files) = directory_of(3);
        kill_at_exchange(&files, 1, "+first");
        fs::write(&files[0], "theirs\n").unwrap();
        let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        for file in &files {
            let output = edit_with(&[file], "+second", options);
            assert_code(&output, 3);
            let text = stderr(&output);
            assert!(text.contains(".0.cfg.peerctl.journal") && text.contains("0.cfg is neither"), "{text}");
        }
        let now: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        assert_eq!(now, before, "nothing is touched");
        // Made to agree by hand, and the record removed, as the message says.
        fs::remove_file(dir.path().join(".0.cfg.peerctl.journal")).unwrap();
        assert_code(&edit(&paths(&files), "+second"), 0);
        assert_no_litter(dir.path(), "resolved by hand");
    }
}

#[test]
fn a_file_of_the_record_that_is_gone_is_reported() {
    let (dir, files) = directory_of(2);
    kill_at_exchange(&files, 1, "+first");
    fs::remove_file(&files[0]).unwrap();
    let output = edit(&[&files[1]], "+second");
    assert_code(&output, 3);
    assert!(stderr(&output).contains(".0.cfg.peerctl.journal"), "{}", stderr(&output));
    assert_eq!(fs::read(&files[1]).unwrap(), OLD);
    assert!(dir.path().join(".0.cfg.peerctl.journal").exists());
}

#[test]
fn a_torn_record_and_pointers_to_nowhere_are_cleared_away() {
    let (dir, files) = directory_of(2);
    for text in [
        "",
        "{\"version\":1,\"transact",
        "{\"version\":1,\"transaction\":\"x\",\"journal\":\"/no/.such.peerctl.journal\"}",
    ] {
        fs::write(dir.path().join(".1.cfg.peerctl.journal"), text).unwrap();
        assert!(pending(&files[1]).unwrap().is_none(), "says nothing: {text}");
        assert_code(&edit(&[&files[1]], &format!("+after {}", text.len())), 0);
        assert_no_litter(dir.path(), "cleared away");
    }
}

#[test]
fn a_record_that_is_not_ours_moves_no_file() {
    use std::os::unix::fs::{PermissionsExt, chown};
    crate::support::needs_root();
    let (dir, files) = directory_of(2);
    kill_at_exchange(&files, 1, "+first");
    let record = dir.path().join(".0.cfg.peerctl.journal");
    let untouched = |why: &str| {
        let output = edit(&[&files[0]], "+second");
        assert_code(&output, 2);
        assert!(stderr(&output).contains("no record that we wrote"), "{why}: {}", stderr(&output));
        assert_eq!(fs::read(&files[1]).unwrap(), OLD, "{why}");
    };
    fs::set_permissions(&record, PermissionsExt::from_mode(0o622)).unwrap();
    untouched("others could have written it");
    fs::set_permissions(&record, PermissionsExt::from_mode(0o600)).unwrap();
    chown(&record, Some(65_534), None).unwrap();
    untouched("another user's");
    // One that names other files than temporary ones of its own is no record.
    chown(&record, Some(0), None).unwrap();
    let text = fs::read_to_string(&record).unwrap();
    let temp = temp_of(dir.path(), "1.cfg");
    fs::write(&record, text.replace(&temp, "../../etc/passwd")).unwrap();
    assert_code(&edit(&[&files[0]], "+second"), 0);
    assert_eq!(fs::read(&files[1]).unwrap(), OLD);
}

#[test]
fn a_write_that_is_going_on_is_not_taken_for_an_interrupted_one() {
    let (_dir, files) = directory_of(2);
    let paused = Paused::start(&paths(&files), "+first", "");
    assert!(pending(&files[0]).unwrap().is_none());
    // A record as it stands during the renames.
    fs::write(files[0].with_file_name(".0.cfg.peerctl.journal"), record_of(&files[0])).unwrap();
    assert!(pending(&files[0]).unwrap().is_none(), "its writer lives and holds the lock");
    drop(paused);
}

fn record_of(file: &Path) -> String {
    let (path, zeros) = (file.display(), vec!["0"; 32].join(","));
    let temp = |digit: &str| format!(".0.cfg.peerctl.1.{}.tmp", digit.repeat(16));
    format!(
        "{{\"version\":1,\"transaction\":\"x\",\"files\":[{{\"path\":\"{path}\",\"old\":[{zeros}],\"new\":[{zeros}],\
         \"temp\":\"{}\",\"spare\":\"{}\",\"backup\":\"\",\"in_place\":false}}]}}",
        temp("a"),
        temp("b")
    )
}

#[test]
fn leftovers_of_the_dead_go_and_those_of_the_living_stay() {
    let (dir, files) = directory_of(2);
    let mut dead = std::process::Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let at = |name: &str| dir.path().join(name);
    let of = |file: &str, pid: u32| format!(".{file}.peerctl.{pid}.0123456789abcdef.tmp");
    let (gone, alive, other) = (of("0.cfg", dead.id()), of("0.cfg", std::process::id()), of("1.cfg", dead.id()));
    let foreign = ".0.cfg.peerctl.1.short.tmp".to_owned();
    for name in [&gone, &alive, &other, &foreign] {
        fs::write(at(name), "left").unwrap();
    }
    assert_code(&edit(&[&files[0]], "+first"), 0);
    assert!(!at(&gone).exists(), "its process is dead");
    assert!(at(&alive).exists(), "its process lives, and it is young");
    assert!(at(&other).exists(), "another file's is its next writer's business");
    assert!(at(&foreign).exists(), "not a name of ours");
}
