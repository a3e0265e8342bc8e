//! Whoever reads slowly, or no more.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use super::support::fake_peer::FakePeer;
use super::support::frames::{HEARTBEAT, definition, message, update};
use super::*;

/// Bit and number of `gpc0`, and of an `ip` key.
const GPC0: u64 = 1 << 2;
const IP: (u64, u64) = (4, 4);

/// A peer that is called, has taught an empty table `t`, and has been confirmed.
pub(super) fn fake(listener: &std::net::TcpListener) -> FakePeer {
    FakePeer::accept_in_sync(listener, &definition(1, "t", IP, GPC0, 600_000, &[]))
}

fn key(number: u32) -> [u8; 4] {
    (0x0a00_0000 + number).to_be_bytes()
}

#[test]
fn a_stalled_reader_costs_no_heartbeat_and_gets_the_last_value_of_each_key() {
    const KEYS: u32 = 20_000;
    const ROUNDS: u32 = 25;
    let network = Network::reachable();
    let listener = network.listen(10_001);
    let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
    let address = format!("lb1={}", network.address(10_001));
    command.args(["watch", "--format", "ndjson", &address]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("an executable");
    let fake = fake(&listener);

    // Nobody reads while all of this comes.
    let heard = |fake: &FakePeer| fake.heard().len();
    let (mut last, mut since, mut worst) = (heard(&fake), Stopwatch::start(), Duration::ZERO);
    let mut look = |fake: &FakePeer| {
        let now = heard(fake);
        if now != last {
            worst = worst.max(since.elapsed());
            (last, since) = (now, Stopwatch::start());
        }
        assert!(since.elapsed() < Duration::from_secs(4), "a sign of life in time");
    };
    let mut id = 0;
    for round in 1..=ROUNDS {
        let mut bytes = Vec::new();
        for number in 0..KEYS {
            id += 1;
            bytes.extend(update(id, &key(number), &[(u64::from(round) << 32 | u64::from(number)) & 0xffff_ffff]));
        }
        fake.send(&bytes);
        look(&fake);
    }
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        look(&fake);
        fake.send(&message(HEARTBEAT, &[]));
        thread::sleep(Duration::from_millis(20));
    }
    let values: Vec<u32> = (0..KEYS).map(|number| number.wrapping_mul(7) + 1).collect();
    let mut bytes = Vec::new();
    for (number, value) in (0..).zip(&values) {
        id += 1;
        bytes.extend(update(id, &key(number), &[u64::from(*value)]));
    }
    fake.send(&bytes);
    fake.send(&update(id + 1, &[192, 0, 2, 1], &[1]));

    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let into = Arc::clone(&lines);
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let reader = thread::spawn(move || {
        for line in stdout.lines() {
            into.lock().expect("no panic").push(line.expect("UTF-8"));
        }
    });
    wait_until("the last entry is read", || {
        fake.send(&message(HEARTBEAT, &[]));
        let lines = lines.lock().expect("no panic");
        lines.last().filter(|line| line.contains("192.0.2.1")).map(drop)
    });
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT).expect("a child of ours");
    let status = child.wait().expect("a child of ours");
    reader.join().expect("no panic");
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("UTF-8");
    assert_eq!(status.code(), Some(130), "{stderr}");

    let lines = lines.lock().expect("no panic");
    let read: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let held = Copy::of(&read).table("lb1", "t");
    for (number, value) in (0..).zip(&values) {
        let key = std::net::Ipv4Addr::from(key(number)).to_string();
        assert_eq!(held.get(&key), Some(&u64::from(*value)), "{key}");
    }
    let all = u64::from(KEYS) * u64::from(ROUNDS + 1) + 1;
    let written = read.iter().filter(|record| record["type"] == "entry").count() as u64;
    println!("{written} of {all} entries were written; longest silence {worst:?}; {stderr}");
    assert!(written < all && stderr.contains("were replaced by later states"), "{written} of {all}: {stderr}");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).start();
    for format in ["ndjson", "text"] {
        let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
        command.args(["watch", "--format", format, &peer(&lb1, "lb1")]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("an executable");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut String::new()).expect("a line");
        drop(stdout);
        let mut number = 0;
        let status = wait_until("it ends", || {
            number += 1;
            lb1.set_entry("mesh/t", "10.0.0.1", &format!("data.gpc0 {number}"));
            child.try_wait().expect("a child of ours")
        });
        let mut stderr = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("UTF-8");
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{format}");
    }
}
