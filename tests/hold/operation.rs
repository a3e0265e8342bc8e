//! What a service manager, monitoring and people are told.

use rustix::process::Signal;

use super::fake::{PORT, acks, meet, update};
use super::support::{Network, Program, wait_until};
use super::wait_said;

#[test]
fn the_service_manager_and_monitoring_hear_how_it_goes() {
    use std::io::{Read as _, Write as _};
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("state.ndjson");
    let listener = network.listen(PORT);
    let path = dir.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
    command.args(["hold", "-L", super::US, "--metrics", "127.0.0.1:9199", "--state"]).arg(&file);
    command.arg(format!("lb1={}", network.address(PORT)));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut program = Program::start(command);
    let heard = || {
        let mut buffer = [0; 64];
        let count = manager.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    let fake = meet(&listener);
    fake.send(&update(1));
    wait_until("it is acknowledged", || (acks(&fake).last() == Some(&1)).then_some(()));
    assert_eq!(heard(), "WATCHDOG=1");
    let get = |path: &str| {
        let mut stream = network.within(|| std::net::TcpStream::connect("127.0.0.1:9199")).expect("it listens");
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    };
    let metrics = get("/metrics");
    for line in [
        "peerctl_peer_up{peer=\"lb1\"} 1",
        "peerctl_resync_state{peer=\"lb1\",state=\"finished\"} 1",
        "peerctl_table_entries{table=\"/t\"} 1",
        "peerctl_state_failed 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(get("/readyz").starts_with("HTTP/1.1 200"), "{}", get("/readyz"));
    program.signal(Signal::HUP);
    wait_said(&mut program, "SIGHUP: nothing is read anew", 1);
    drop(fake);
    wait_until("it isn't ready", || get("/readyz").starts_with("HTTP/1.1 503").then_some(()));
    program.signal(Signal::INT);
    wait_until("it says that it ends", || (heard() == "STOPPING=1").then_some(()));
    assert_eq!(program.wait().status.code(), Some(0));
}
