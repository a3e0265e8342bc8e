//! Peers with host names: unknown ones, several addresses for one, and names that come to mean another machine.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};

use support::fake_peer::FakePeer;
use support::frames::{self, RESYNC_CONFIRM, RESYNC_FINISHED, RESYNC_REQUEST, message};
use support::{Network, Program, wait_until};

const PORT: u16 = 10_001;

/// A place where `/etc/hosts` is a file of the test.
struct Hosts<'a> {
    network: &'a Network,
    holder: Child,
    dir: tempfile::TempDir,
}

impl<'a> Hosts<'a> {
    fn new(network: &'a Network) -> Self {
        assert!(network.is_own(), "this test mounts a file in a namespace of its own: run it as root");
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("hosts"), "").expect("room");
        fs::write(dir.path().join("nsswitch.conf"), "hosts: files\n").expect("room");
        let mut holder = network.command("unshare");
        let script = "for file in hosts nsswitch.conf; do [ -e /etc/$file ] || : >/etc/$file; \
                      mount --bind \"$0/$file\" /etc/$file || exit; done; echo ready; exec cat";
        holder.args(["--mount", "sh", "-c", script]).arg(dir.path());
        let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let hosts = Self { network, holder, dir };
        assert_eq!(line, "ready\n", "this test mounts a file: run it as root");
        hosts
    }

    /// From now on the name means these addresses.
    fn set(&self, addresses: &[&str]) {
        let text: String = addresses.iter().map(|address| format!("{address} lb.test\n")).collect();
        fs::write(self.dir.path().join("hosts"), text).expect("room");
    }

    fn peerctl(&self, words: &[&str]) -> Program {
        let mut command = self.network.command("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), env!("CARGO_BIN_EXE_peerctl")]);
        command.args(words);
        Program::start(command)
    }
}

impl Drop for Hosts<'_> {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn listen(network: &Network, address: &str) -> TcpListener {
    network.within(|| TcpListener::bind((address, PORT))).expect("a port of the test's own")
}

/// Teaches an entry on the next call.
fn teach(listener: &TcpListener, key: u8) -> FakePeer {
    let fake = FakePeer::accept(listener);
    fake.send(b"200\n");
    fake.wait_for(RESYNC_REQUEST, 1);
    let definition = frames::definition(1, "/t", (4, 4), 1 << 2, 600_000, &[]);
    fake.send(
        &[definition, frames::update(1, &[10, 0, 0, key], &[key.into()]), message(RESYNC_FINISHED, &[])].concat(),
    );
    fake.wait_for(RESYNC_CONFIRM, 1);
    fake
}

#[test]
fn a_name_is_looked_up_for_each_call_and_all_its_addresses_are_tried() {
    let network = Network::reachable();
    let hosts = Hosts::new(&network);
    let mut program = hosts.peerctl(&["watch", "--format", "ndjson", &format!("lb1=lb.test:{PORT}")]);
    wait_until("it says that nobody knows the name", || {
        assert!(!program.has_ended(), "it goes on: {}", program.stderr());
        let said = program.stderr();
        (said.contains("lb1: ") && said.contains("lb.test")).then_some(())
    });
    println!("{}", program.stderr());
    // The first of three and the last have nobody.
    let second = listen(&network, "127.0.0.2");
    hosts.set(&["127.0.0.9", "127.0.0.2", "::1"]);
    let fake = teach(&second, 2);
    program.wait_for_line("\"key\":\"10.0.0.2\"");
    // The machine is replaced by another one with another address.
    let third = listen(&network, "127.0.0.3");
    hosts.set(&["127.0.0.3"]);
    drop(second);
    fake.reset();
    let _fake = teach(&third, 3);
    program.wait_for_line("\"key\":\"10.0.0.3\"");
    assert!(!program.has_ended(), "{}", program.stderr());
}
