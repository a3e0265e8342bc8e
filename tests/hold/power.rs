//! Power that fails: an image of the disk as it is at some moment, without what the kernel still holds back, has everything
//! that was acknowledged by then.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::fake::{PORT, acks, check, kept, meet, update};
use super::support::disk::Disk;
use super::support::random::Random;
use super::support::{Network, Program};

/// The file that holds what was acknowledged.
const STATE: &str = "state.ndjson";

/// An image as a power cut leaves it: the program stands still, and nothing is written while the image is copied.
fn cut(program: &Program, image: &Path) -> Vec<u8> {
    program.signal(Signal::STOP);
    let read = || fs::read(image).expect("an image");
    let mut copy = read();
    loop {
        let again = read();
        if again == copy {
            break;
        }
        copy = again;
    }
    program.signal(Signal::CONT);
    copy
}

#[test]
fn what_was_acknowledged_before_the_power_failed_is_on_the_disk() {
    let cuts: usize = std::env::var("PEERCTL_POWER_CUTS").map_or(6, |times| times.parse().expect("a number"));
    for record in [false, true] {
        let network = Network::reachable();
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("disk");
        fs::write(&image, vec![0; 16 << 20]).expect("room");
        let mut mkfs = network.command("sh");
        mkfs.args(["-c", "PATH=$PATH:/sbin:/usr/sbin; mkfs.ext4 -q -F \"$0\""]).arg(&image);
        assert!(mkfs.status().expect("mkfs.ext4").success());
        let listener = network.listen(PORT);
        let disk = Disk::in_file(&network, &image);
        let (file, address) = (disk.path(STATE), format!("lb1={}", network.address(PORT)));
        let words = if record {
            ["watch", "--format", "text", "-L", super::US, "--record", &file, &address]
        } else {
            ["hold", "-L", super::US, "--state", &file, "--max-memory", "64m", &address]
        };
        let mut program = disk.peerctl(&words);
        let fake = meet(&listener);
        let mut random = Random::new(3);
        let (mut next, mut last) = (1, 0);
        for number in 1..=cuts {
            for _ in 0..20 + random.below(60) {
                fake.send(&(next..next + 40).flat_map(update).collect::<Vec<u8>>());
                next += 40;
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(!program.has_ended(), "{}", program.stderr());
            // What it has acknowledged by now was on the disk before.
            let acked = acks(&fake).last().copied().unwrap_or(0);
            let copy = folder.path().join("copy");
            fs::write(&copy, cut(&program, &image)).expect("room");
            let after = Disk::in_file(&network, &copy);
            check(&kept(&after.outside(STATE)), acked, &format!("{}, cut {number}", words[0]));
            last = acked;
        }
        println!("{}: {cuts} power cuts, {last} updates acknowledged of {}", words[0], next - 1);
        assert!(last > 500, "{last} were acknowledged");
    }
}
