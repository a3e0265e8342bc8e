//! Peers that ask too much or teach too much.

use std::fs;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::fake::{PORT, acks, meet, update};
use super::support::fake_peer::FakePeer;
use super::support::frames::{
    self, HEARTBEAT, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_PARTIAL, RESYNC_REQUEST, TIMED, message,
};
use super::support::{Network, Program, wait_until};
use super::{US, hold};

fn count(fake: &FakePeer, kind: (u8, u8)) -> usize {
    fake.frames().into_iter().filter(|frame| frame.is(kind)).count()
}

#[test]
fn a_flood_of_requests_for_everything_is_taught_once_in_five_seconds() {
    const ENTRIES: u32 = 200;
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let listener = network.listen(PORT);
    let address = format!("lb1={}", network.address(PORT));
    let mut program = hold(&network, &dir.path().join("state.ndjson"), &[&address], &[]);
    let fake = meet(&listener);
    (1..=ENTRIES).for_each(|id| fake.send(&update(id)));
    wait_until("all are acknowledged", || (acks(&fake).last() == Some(&ENTRIES)).then_some(()));
    let (began, mut requests) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(4) {
        fake.send(&message(RESYNC_REQUEST, &[]).repeat(500));
        requests += 500;
        std::thread::sleep(Duration::from_millis(2));
        assert!(!program.has_ended() && fake.end().is_none(), "{}", program.stderr());
    }
    wait_until("the first is answered", || (count(&fake, RESYNC_PARTIAL) > 0).then_some(()));
    let taught = count(&fake, TIMED);
    let lessons = 1 + began.elapsed().as_secs() / 5;
    println!("{requests} requests in 4 s: {taught} entries taught, {} answers", count(&fake, RESYNC_PARTIAL));
    assert!(taught >= ENTRIES as usize && taught as u64 <= lessons * u64::from(ENTRIES), "{taught} entries");
    // It goes on as after any lesson: it asks what the peer has now, hears and acknowledges.
    fake.send(&message(RESYNC_CONFIRM, &[]));
    fake.wait_for(RESYNC_REQUEST, 2);
    fake.send(&[message(RESYNC_FINISHED, &[]), update(ENTRIES + 1)].concat());
    wait_until("it is acknowledged", || (acks(&fake).last() == Some(&(ENTRIES + 1))).then_some(()));
}

/// Kilobytes that the program had in memory at most.
fn peak(program: &Program) -> u64 {
    let mut status = String::new();
    let path = format!("/proc/{}/status", program.pid());
    fs::File::open(path).and_then(|mut file| file.read_to_string(&mut status)).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("in Linux");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn more_keys_than_fit_into_memory_push_the_oldest_out_and_nothing_else() {
    const KEYS: u32 = 150_000;
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let listener = network.listen(PORT);
    let state = dir.path().join("state.ndjson");
    // The kernel refuses what goes beyond: an allocation that fails would end the program.
    let mut command = network.command("prlimit");
    command.args(["--data=96000000", env!("CARGO_BIN_EXE_peerctl"), "hold", "-L", US, "--max-memory", "4m"]);
    command
        .args(["--metrics", &network.address(9199), "--state"])
        .arg(&state)
        .arg(format!("lb1={}", network.address(PORT)));
    let mut program = Program::start(command);
    let fake = meet(&listener);
    let key = |number: u32| (0x0a00_0000 + number).to_be_bytes();
    for first in (1..=KEYS).step_by(500) {
        let entry = |number: u32| frames::update(number, &key(number), &[number.into()]);
        fake.send(&[(first..first + 500).flat_map(entry).collect(), message(HEARTBEAT, &[])].concat());
        assert!(fake.end().is_none() && !program.has_ended(), "{}", program.stderr());
    }
    wait_until("the last one is acknowledged", || {
        assert!(fake.end().is_none() && !program.has_ended(), "{}", program.stderr());
        fake.send(&message(HEARTBEAT, &[]));
        (acks(&fake).last() == Some(&KEYS)).then_some(())
    });
    let most = peak(&program);
    fake.send(&message(RESYNC_REQUEST, &[]));
    wait_until("it was taught", || {
        fake.send(&message(HEARTBEAT, &[]));
        (count(&fake, RESYNC_PARTIAL) > 0).then_some(())
    });
    let taught: Vec<Vec<u8>> =
        fake.frames().into_iter().filter(|frame| frame.is(TIMED)).map(|frame| frame.payload[8..12].to_vec()).collect();
    println!("{KEYS} keys into 4 MiB: {} are held, {most} KiB at most; {}", taught.len(), program.stderr());
    assert!(most < 64 << 10, "{most} KiB");
    assert!(taught.len() > 10_000 && taught.len() < KEYS as usize, "{}", taught.len());
    assert!(taught.contains(&key(KEYS).to_vec()) && !taught.contains(&key(1).to_vec()), "the oldest went");
    let mut stream = network.connect(9199).expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("it reads");
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).expect("an answer");
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("peerctl_entries_lost_total "));
    let dropped: usize = dropped.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{metrics}"));
    assert!(dropped >= KEYS as usize - taught.len(), "{dropped} are counted");
}
