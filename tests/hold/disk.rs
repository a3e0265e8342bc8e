//! Files and disks that can't be used, or are damaged.

use std::fs;

use rustix::process::Signal;

use super::fake::{PORT, acks, check, kept, meet, taught, update};
use super::support::{Network, Program, frames, wait_until};
use super::{hold, wait_said};

#[test]
fn a_state_file_that_is_torn_or_damaged_loses_no_other_line() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let address = format!("lb1={}", network.address(PORT));
    let listener = network.listen(PORT);
    let mut program = hold(&network, &file, &[&address], &[]);
    let fake = meet(&listener);
    (1..=50).for_each(|id| fake.send(&update(id)));
    wait_until("all are acknowledged", || {
        assert!(!program.has_ended(), "it ended: {}", program.stderr());
        (acks(&fake).last() == Some(&50)).then_some(())
    });
    program.signal(Signal::KILL);
    drop((program, fake));
    let whole = fs::read(&file).expect("a file");
    let text = String::from_utf8(whole.clone()).expect("UTF-8");
    let line = text.lines().find(|line| line.contains("10.0.0.7\"")).expect("a line");
    let (at, len) = (text.find(line).expect("there"), whole.len());
    let mut flipped = whole.clone();
    flipped[at + 40] ^= 1;
    let cut = |count: usize| whole[..len - count].to_vec();
    let garbage = |bytes: &[u8]| [&whole, bytes].concat();
    for (damaged, expected, said) in [
        (cut(1), 50, ""),
        (cut(30), 49, "of a torn end were cut off"),
        (cut(line.len() + 1), 49, "49 entries"),
        (garbage(b"{\"type\":\"entry\",\"ti"), 50, "19 bytes of a torn end were cut off"),
        (garbage(&[0; 300]), 50, "300 bytes of a torn end were cut off"),
        (flipped, 49, "1 damaged lines were passed over"),
    ] {
        fs::write(&file, &damaged).expect("room");
        let mut program = hold(&network, &file, &[&address], &[]);
        // It stays until the program ends: nobody calls a second time.
        let (found, _fake) = taught(&listener, &mut program);
        assert_eq!(found.len(), expected, "{said}: {}", program.stderr());
        wait_said(&mut program, said, 1);
        program.signal(Signal::TERM);
        assert_eq!(program.wait().status.code(), Some(0));
    }
    // What is no state file is not touched.
    fs::write(&file, "Dear all,\n").expect("room");
    let ended = hold(&network, &file, &[&address], &[]).wait();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert_eq!(fs::read(&file).expect("there"), b"Dear all,\n");
}

#[test]
fn a_second_one_with_the_same_file_is_refused() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let address = format!("lb1={}", network.address(PORT));
    let listener = network.listen(PORT);
    let _first = hold(&network, &file, &[&address], &[]);
    let _fake = meet(&listener);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&file).expect("a file"));
    assert_eq!(mode & 0o7777, 0o600);
    let ended = hold(&network, &file, &[&address], &[]).wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("another program"), "{}", ended.stderr);
}

#[test]
fn what_cant_be_used_at_start_is_an_error_that_names_it() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    fs::write(at("file"), "").expect("room");
    fs::create_dir(at("state.new")).expect("room");
    let _taken = network.listen(PORT);
    let taken = network.address(PORT);
    let socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
    for (state, words, code, said) in [
        (at("no-folder/state"), vec![], 3, "No such file or directory"),
        (at("file/state"), vec![], 3, "Not a directory"),
        (at(""), vec![], 3, "Is a directory"),
        ("/dev/full".to_owned(), vec![], 2, "no regular file"),
        // Where everything would be written anew.
        (at("state"), vec![], 3, "state.new"),
        (at("ok"), vec!["--listen", &taken], 3, "Address already in use"),
        (at("ok"), vec!["--metrics", &taken], 3, "Address already in use"),
        (at("ok"), vec!["--control", "/nowhere/socket"], 3, "/nowhere/socket"),
        (at("ok"), vec!["--control", &at("socket")], 3, "in use"),
        (at("ok"), vec!["--ssl", "--crt", &at("file"), "--verify", "none"], 2, "file"),
    ] {
        let ended = hold(&network, std::path::Path::new(&state), &["lb1=127.0.0.1:1"], &words).wait();
        assert_eq!(ended.status.code(), Some(code), "{state} {words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{state} {words:?}: {}", ended.stderr);
    }
    drop(socket);
}

#[test]
fn a_file_that_cant_be_written_anew_is_told_and_goes_on_growing() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let listener = network.listen(PORT);
    let mut program = hold(&network, &file, &[&format!("lb1={}", network.address(PORT))], &[]);
    let fake = meet(&listener);
    fs::create_dir(dir.path().join("state.ndjson.new")).expect("room");
    let mut next = 1;
    wait_until("it is told", || {
        assert!(!program.has_ended(), "it ended: {}", program.stderr());
        fake.send(&(next..next + 500).flat_map(update).collect::<Vec<u8>>());
        next += 500;
        program.stderr().contains("it can't be written anew: ").then_some(())
    });
    wait_until("all are acknowledged all the same", || (acks(&fake).last() == Some(&(next - 1))).then_some(()));
    assert_eq!(program.stderr().matches("it can't be written anew").count(), 1, "{}", program.stderr());
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status.code(), Some(0));
    check(&kept(&file), next - 1, "the file");
}

#[test]
fn a_full_disk_stops_acknowledgements_and_nothing_else() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let at = dir.path().to_str().expect("a path");
    let listener = network.listen(PORT);
    let script =
        "mount -t tmpfs -o size=128k x \"$1\" && head -c 90000 /dev/zero > \"$1/other\" && shift && exec \"$@\"";
    let user = if rustix::process::getuid().is_root() { "--mount" } else { "--map-root-user" };
    let mut command = network.command("unshare");
    command.args([user, "--mount", "sh", "-c", script, "sh", at, env!("CARGO_BIN_EXE_peerctl")]);
    command.args(["hold", "-L", super::US, "--state", file.to_str().expect("a path")]);
    command.arg(format!("lb1={}", network.address(PORT)));
    let mut program = Program::start(command);
    let fake = meet(&listener);
    let send = |from: u32, to: u32| fake.send(&(from..=to).flat_map(update).collect::<Vec<u8>>());
    send(1, 5);
    wait_until("the first are acknowledged", || (acks(&fake).last() == Some(&5)).then_some(()));
    send(6, 600);
    // A peer that says nothing for five seconds is given up.
    let alive = || fake.send(&frames::message(frames::HEARTBEAT, &[]));
    wait_said(&mut program, "the disk takes nothing", 1);
    alive();
    assert_eq!(acks(&fake).last(), Some(&5), "nothing is acknowledged that isn't on disk");
    let heartbeats = fake.frames().len();
    wait_until("it gives a sign of life", || {
        alive();
        assert!(fake.end().is_none() && !program.has_ended(), "it goes on: {}", program.stderr());
        (fake.frames().len() > heartbeats).then_some(())
    });
    fs::remove_file(format!("/proc/{}/root{at}/other", program.pid())).expect("the file that fills the disk");
    wait_until("the disk takes it again", || {
        alive();
        program.stderr().contains("the disk takes the state file again").then_some(())
    });
    wait_until("the rest is acknowledged", || {
        alive();
        (acks(&fake).last() == Some(&600)).then_some(())
    });
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn an_error_of_syncing_is_the_end_and_nothing_more_is_acknowledged() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let listener = network.listen(PORT);
    let mut command = network.command("strace");
    command.args(["-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=3+"]);
    command.args([env!("CARGO_BIN_EXE_peerctl"), "hold", "-L", super::US, "--state"]).arg(&file);
    command.arg(format!("lb1={}", network.address(PORT)));
    let mut program = Program::start(command);
    let fake = meet(&listener);
    let mut next = 1;
    wait_until("it gives up", || {
        fake.send(&update(next));
        next += 1;
        program.has_ended().then_some(())
    });
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("Input/output error"), "{}", ended.stderr);
    let acked = acks(&fake).last().copied().unwrap_or(0);
    check(&kept(&file), acked, "the file");
}
