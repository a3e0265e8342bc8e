//! Power that fails: an image of the disk as it is at some moment, without what the kernel still holds back, has everything
//! that was acknowledged by then.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::fake::{PORT, acks, check, kept, meet, update};
use super::support::random::Random;
use super::support::{Network, Program};

/// A file system in a file, mounted where only the programs of [`Disk::peerctl`] see it.
struct Disk<'a> {
    network: &'a Network,
    holder: Child,
    dir: tempfile::TempDir,
}

impl<'a> Disk<'a> {
    fn mount(network: &'a Network, image: &Path) -> Self {
        assert!(network.is_own(), "this test mounts a disk in a namespace of its own: run it as root");
        let dir = tempfile::tempdir().expect("a folder");
        let mut holder = network.command("unshare");
        let script = "PATH=$PATH:/sbin:/usr/sbin; mount -o loop \"$0\" \"$1\" && echo ready && exec cat";
        holder.args(["--mount", "sh", "-c", script]).args([image, dir.path()]);
        let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let disk = Self { network, holder, dir };
        assert_eq!(line, "ready\n", "this test mounts a file system in a file: run it as root");
        disk
    }

    /// The state file, for programs that see the disk.
    fn file(&self) -> String {
        self.dir.path().join("state.ndjson").display().to_string()
    }

    /// The same file from outside.
    fn outside(&self) -> PathBuf {
        let dir = self.dir.path().strip_prefix("/").expect("an absolute path");
        Path::new(&format!("/proc/{}/root", self.holder.id())).join(dir).join("state.ndjson")
    }

    fn peerctl(&self, words: &[&str]) -> Program {
        let mut command = self.network.command("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), env!("CARGO_BIN_EXE_peerctl")]);
        command.args(words);
        Program::start(command)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

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
        let disk = Disk::mount(&network, &image);
        let (file, address) = (disk.file(), format!("lb1={}", network.address(PORT)));
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
            let after = Disk::mount(&network, &copy);
            check(&kept(&after.outside()), acked, &format!("{}, cut {number}", words[0]));
            last = acked;
        }
        println!("{}: {cuts} power cuts, {last} updates acknowledged of {}", words[0], next - 1);
        assert!(last > 500, "{last} were acknowledged");
    }
}
