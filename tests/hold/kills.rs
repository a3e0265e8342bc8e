//! What was acknowledged is on disk, whenever the process is killed.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::fake::{PORT, acks, called, check, definition, entries_taught, kept, meet, taught, update};
use super::hold;
use super::support::fake_peer::FakePeer;
use super::support::frames::{self, RESYNC_CONFIRM, RESYNC_PARTIAL, RESYNC_REQUEST, TIMED};
use super::support::random::Random;
use super::support::{Network, Program, wait_until};

/// The moment at which it is killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Moment {
    /// So many milliseconds after its start, whatever it does then: it reads its file, calls, learns or writes.
    AfterStart(u64),
    /// At once when that many updates more were acknowledged, while others come.
    Acknowledged(u32),
    /// That many microseconds after a new file was begun, into which everything is written anew.
    Snapshot(u64),
    /// At once when the new file has taken the place of the old one.
    Replaced,
    /// At once when it has taught that many entries to a HAProxy that came up cold.
    Teaching(usize),
}

impl Moment {
    fn random(random: &mut Random, number: usize) -> Self {
        let mut below = |bound: u32| u32::try_from(random.below(bound as usize)).expect("less than a u32");
        match number % 5 {
            0 => Self::AfterStart(below(900).into()),
            1 => Self::Acknowledged(1 + below(6000)),
            2 => Self::Snapshot(below(4000).into()),
            3 => Self::Replaced,
            _ => Self::Teaching(1 + below(super::fake::KEYS - 100) as usize),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::AfterStart(_) => "after the start",
            Self::Acknowledged(_) => "after an acknowledgement",
            Self::Snapshot(_) => "while everything is written anew",
            Self::Replaced => "when a new file took the place",
            Self::Teaching(_) => "while it teaches",
        }
    }
}

/// A HAProxy that goes on where it was: what wasn't acknowledged it says again.
struct Peer {
    network: Network,
    listener: TcpListener,
    file: PathBuf,
    next: u32,
    acked: u32,
}

impl Peer {
    /// Starts it and kills it at that moment; returns whether everything was being written anew then.
    fn round(&mut self, moment: Moment) -> bool {
        let address = format!("lb1={}", self.network.address(PORT));
        let mut program = hold(&self.network, &self.file, &[&address], &[]);
        self.next = self.next.min(self.acked + 1);
        let fake = match moment {
            Moment::AfterStart(ms) => self.until(Instant::now() + Duration::from_millis(ms)),
            Moment::Teaching(count) => Some(self.teach(count)),
            Moment::Acknowledged(_) | Moment::Snapshot(_) | Moment::Replaced => {
                let fake = meet(&self.listener);
                self.write_until(&mut program, &fake, moment);
                Some(fake)
            }
        };
        program.signal(Signal::KILL);
        drop(program);
        let anew = self.beside().exists();
        if let Some(fake) = fake {
            fake.wait_for_end();
            self.acked = acks(&fake).into_iter().max().unwrap_or(0).max(self.acked);
            for (key, value) in entries_taught(&fake) {
                let id = u32::from_be_bytes(key.try_into().expect("4 bytes"));
                let least = self.least(id);
                assert!(value >= least.into(), "{moment:?}: key {id:x} was taught as {value}, acknowledged {least}");
            }
        }
        if self.file.exists() {
            check(&kept(&self.file), self.acked, &format!("{moment:?}"));
        }
        anew
    }

    /// The last acknowledged value of a key.
    fn least(&self, key: u32) -> u32 {
        let (number, keys) = (key - 0x0a00_0000, super::fake::KEYS);
        self.acked.checked_sub(number).map_or(0, |above| above / keys * keys + number)
    }

    /// The file into which everything is written anew.
    fn beside(&self) -> PathBuf {
        self.file.with_extension("ndjson.new")
    }

    fn send(&mut self, fake: &FakePeer) {
        let updates: Vec<u8> = (self.next..self.next + 40).flat_map(update).collect();
        self.next += 40;
        fake.send(&updates);
    }

    /// Does what it can until then.
    fn until(&mut self, end: Instant) -> Option<FakePeer> {
        let left = || end.saturating_duration_since(Instant::now());
        self.listener.set_nonblocking(true).expect("a socket");
        let fake = loop {
            if left().is_zero() {
                return None;
            }
            match self.listener.accept() {
                Ok((stream, _)) => break FakePeer::accepted(stream),
                Err(_) => std::thread::sleep(Duration::from_micros(200)),
            }
        };
        fake.send(b"200\n");
        let mut asked = false;
        while !left().is_zero() {
            if asked {
                self.send(&fake);
            } else if fake.frames().iter().any(|frame| frame.is(RESYNC_REQUEST)) {
                asked = true;
                fake.send(&[definition(), frames::message(frames::RESYNC_FINISHED, &[])].concat());
            }
            std::thread::sleep(Duration::from_millis(1).min(left()));
        }
        Some(fake)
    }

    /// Asks for everything, and returns when that many entries have come.
    fn teach(&self, count: usize) -> FakePeer {
        let fake = called(&self.listener);
        fake.send(&[b"200\n", &*frames::message(RESYNC_REQUEST, &[])].concat());
        closely("it teaches", || {
            let taught = fake.count(TIMED);
            (taught >= count || fake.count(RESYNC_PARTIAL) > 0).then_some(())
        });
        fake
    }

    fn write_until(&mut self, program: &mut Program, fake: &FakePeer, moment: Moment) {
        let (file, beside) = (self.file.clone(), self.beside());
        let inode = |path: &Path| fs::metadata(path).ok().map(|file| file.ino());
        let (before, first) = (inode(&file), self.acked);
        let mut seen: Option<Instant> = None;
        let mut at = Instant::now();
        closely("the moment to kill it comes", || {
            if Instant::now() >= at {
                assert!(!program.has_ended(), "it ended: {}", program.stderr());
                self.send(fake);
                at = Instant::now() + Duration::from_millis(1);
            }
            let due = match moment {
                Moment::Acknowledged(count) => acks(fake).last().is_some_and(|last| *last >= first + count),
                Moment::Snapshot(after) => {
                    seen = seen.or_else(|| beside.exists().then(Instant::now));
                    seen.is_some_and(|seen| seen.elapsed() >= Duration::from_micros(after))
                }
                _ => inode(&file) != before,
            };
            due.then_some(())
        });
    }
}

/// Looks without a pause, so that nothing comes between the moment and what is done then.
fn closely(what: &str, mut condition: impl FnMut() -> Option<()>) {
    let end = Instant::now() + super::support::DEADLINE;
    while condition().is_none() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_kept_whatever_it_was_doing() {
    let kills: usize = std::env::var("PEERCTL_HOLD_KILLS").map_or(15, |times| times.parse().expect("a number"));
    let seed = std::env::var("PEERCTL_HOLD_SEED").map_or(5, |seed| seed.parse().expect("a number"));
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let listener = network.listen(PORT);
    let file = dir.path().join("state.ndjson");
    let mut peer = Peer { network, listener, file, next: 1, acked: 0 };
    let mut random = Random::new(seed);
    // How many kills of each kind, and how many of them while everything was being written anew.
    let mut killed: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for number in 0..kills {
        // Something is to be written anew, and taught.
        let moment = if number == 0 { Moment::Acknowledged(5000) } else { Moment::random(&mut random, number) };
        let anew = peer.round(moment);
        let counts = killed.entry(moment.name()).or_default();
        *counts = (counts.0 + 1, counts.1 + usize::from(anew));
    }
    // It takes a moment only to write everything anew: on a busy machine a kill comes too late more often than not.
    let aimed = Moment::Snapshot(0);
    for _ in 0..40 {
        if killed.values().any(|(_, anew)| *anew > 0) {
            break;
        }
        let anew = peer.round(aimed);
        let counts = killed.entry(aimed.name()).or_default();
        *counts = (counts.0 + 1, counts.1 + usize::from(anew));
    }
    assert!(peer.acked > 1000, "acknowledged: {}", peer.acked);
    let address = format!("lb1={}", peer.network.address(PORT));
    let mut program = hold(&peer.network, &peer.file, &[&address], &[]);
    let (found, _fake) = taught(&peer.listener, &mut program);
    check(&found, peer.acked, "taught");
    wait_until("what a kill has left is gone", || (!peer.beside().exists()).then_some(()));
    let kills: usize = killed.values().map(|(count, _)| count).sum();
    println!("{kills} kills (and how many of them while everything was written anew): {killed:?}");
    println!("{} updates acknowledged, none lost", peer.acked);
    assert!(killed.values().any(|(_, anew)| *anew > 0), "everything was being written anew: {killed:?}");
}

#[test]
fn what_a_cold_haproxy_has_counted_before_it_asks_gives_way_to_what_was_held() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let address = format!("lb1={}", network.address(PORT));
    let listener = network.listen(PORT);
    let program = hold(&network, &file, &[&address], &[]);
    let fake = meet(&listener);
    let key = [10, 0, 0, 9];
    fake.send(&frames::update(1, &key, &[500]));
    wait_until("it is acknowledged", || (acks(&fake).last() == Some(&1)).then_some(()));
    drop(fake);
    // It has started again, counts, and asks another peer first.
    let cold = called(&listener);
    cold.send(&[b"200\n", &*definition(), &frames::update(1, &key, &[1])].concat());
    cold.wait_for(RESYNC_REQUEST, 1);
    cold.send(&[frames::timed_update(1, 600_000, &key, &[2]), frames::message(RESYNC_PARTIAL, &[])].concat());
    cold.wait_for(RESYNC_CONFIRM, 1);
    cold.send(&frames::message(RESYNC_REQUEST, &[]));
    let entry = cold.wait_for(TIMED, 1);
    assert_eq!(frames::read_varint(&entry.payload[12..]).expect("a counter").0, 500, "{}", program.stderr());
    assert!(acks(&cold).is_empty(), "{:?}", acks(&cold));
    program.signal(Signal::KILL);
    drop(program);
    assert_eq!(kept(&file).get(&key[..]), Some(&500));
}
