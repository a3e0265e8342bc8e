//! What a service manager, monitoring and people are told.

use rustix::process::Signal;

use super::fake::{PORT, acks, meet, update};
use super::support::{self, Live, Network, Program, frames, wait_until};
use super::{TABLE, US, fill, hold, peer, setup, wait_kept, wait_said};

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
    command.args(["hold", "-L", US, "--metrics", "127.0.0.1:9199", "--state"]).arg(&file);
    command.arg(format!("lb1={}", network.address(PORT)));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut program = Program::start(command);
    // The system keeps a few datagrams only, and what comes then is lost.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok(count) = manager.recv(&mut buffer) {
            if tell.send(String::from_utf8_lossy(&buffer[..count]).into_owned()).is_err() {
                return;
            }
        }
    });
    let heard = || told.recv_timeout(crate::support::DEADLINE).expect("a datagram");
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
    wait_said(&mut program, "SIGHUP: read again; nothing has changed", 1);
    drop(fake);
    wait_until("it isn't ready", || get("/readyz").starts_with("HTTP/1.1 503").then_some(()));
    program.signal(Signal::INT);
    wait_until("it says that it ends", || (heard() == "STOPPING=1").then_some(()));
    assert_eq!(program.wait().status.code(), Some(0));
}

/// What `hold status` prints, as JSON.
fn status(network: &Network, socket: &str) -> serde_json::Value {
    let ended = network.peerctl(&["hold", "status", "--control", socket, "--format", "json"]).wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

#[test]
fn status_says_what_is_held_and_what_is_wrong() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let (file, socket) = (dir.path().join("state.ndjson"), dir.path().join("control"));
    let socket = socket.to_str().expect("a path");
    let listener = network.listen(PORT);
    let (lb1, lb2) = (format!("lb1={}", network.address(PORT)), format!("lb2={}", network.address(10_002)));
    let mut program = hold(&network, &file, &[&lb1, &lb2], &["--control", socket]);
    let fake = meet(&listener);
    (1..=20).for_each(|id| fake.send(&update(id)));
    wait_until("all are acknowledged", || (acks(&fake).last() == Some(&20)).then_some(()));
    wait_said(&mut program, "lb2: can't connect", 1);
    // A peer that says nothing for five seconds is given up.
    fake.send(&frames::message(frames::HEARTBEAT, &[]));
    let found = status(&network, socket);
    assert_eq!((&found["name"], &found["lost"]), (&"peerctl-hold".into(), &0.into()));
    assert_eq!((&found["peers"][0]["state"], &found["peers"][0]["updates"]), (&"finished".into(), &20.into()));
    assert_eq!((&found["peers"][1]["name"], &found["peers"][1]["state"]), (&"lb2".into(), &"down".into()));
    assert_eq!((&found["tables"][0]["name"], &found["tables"][0]["entries"]), (&"/t".into(), &20.into()));
    assert_eq!(found["state_file"]["problem"], serde_json::Value::Null);
    let bytes = found["state_file"]["bytes"].as_u64().expect("a number");
    assert_eq!(bytes, std::fs::metadata(&file).expect("a file").len(), "all is safe");
    fake.send(&frames::message(frames::HEARTBEAT, &[]));
    let ended = network.peerctl(&["hold", "status", "--control", socket]).wait();
    for part in
        ["lb1  in sync, 20 updates, heard", "lb2  ✗ down: can't connect to", "/t           20 entries  ", "safe in "]
    {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status.code(), Some(0));
    let ended = network.peerctl(&["hold", "status", "--control", socket]).wait();
    assert_eq!(ended.status.code(), Some(3), "nobody answers any more: {}", ended.stderr);
}

#[test]
fn sighup_brings_new_peers_takes_old_ones_away_and_leaves_sessions_alone() {
    let haproxies = support::haproxies();
    let Some(haproxy) = haproxies.last() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let (file, socket, config) =
        (dir.path().join("state.ndjson"), dir.path().join("control"), dir.path().join("haproxy.cfg"));
    let socket = socket.to_str().expect("a path");
    let ours = network.address(support::live::GUEST_PORT);
    let write = |peers: &[&Live<'_>]| {
        let line = |lb: &&Live<'_>| format!("    server {} {}\n", lb.name(), lb.address());
        let peers: String = peers.iter().map(line).collect();
        let text = format!("peers mesh\n{peers}    server {US} {ours} # peerctl: guest\n    table t {TABLE}\n");
        std::fs::write(&config, text).expect("the folder takes files");
    };
    let (lb1, lb2) = (setup(haproxy, &network).start(), setup(haproxy, &network).named("lb2", 10_002).start());
    fill(&lb1, 10);
    lb2.set_entry("mesh/t", "10.9.0.1", "data.gpc0 77");
    write(&[&lb1]);
    let config_text = config.to_str().expect("a path");
    let words = ["-f", config_text, "--section", "mesh", "--control", socket];
    let mut hold = hold(&network, &file, &[], &words);
    wait_said(&mut hold, "lb1: in sync", 1);
    let sessions = |hold: &mut Program| {
        assert!(!hold.has_ended(), "it ended: {}", hold.stderr());
        let found = status(&network, socket);
        let peer = |peer: &serde_json::Value| (peer["name"].to_string(), peer["sessions"].as_u64().expect("a number"));
        found["peers"].as_array().expect("peers").iter().map(peer).collect::<Vec<_>>()
    };
    let before = sessions(&mut hold);

    write(&[&lb1, &lb2]);
    hold.signal(Signal::HUP);
    wait_said(&mut hold, "SIGHUP: read again; lb2 is a new peer", 1);
    wait_said(&mut hold, "lb2: in sync", 1);
    wait_kept(&file, 11);
    assert_eq!(sessions(&mut hold)[..1], before[..], "the session with lb1 goes on");

    std::fs::write(&config, "peers mesh\n    nonsense\n").expect("the folder takes files");
    hold.signal(Signal::HUP);
    wait_said(&mut hold, "SIGHUP: nothing changes: ", 1);
    write(&[&lb2, &lb1]);
    hold.signal(Signal::HUP);
    wait_said(&mut hold, "SIGHUP: read again; nothing has changed", 1);

    write(&[&lb2]);
    hold.signal(Signal::HUP);
    wait_said(&mut hold, "SIGHUP: read again; lb1 is no peer any more", 1);
    wait_until("the session with lb1 is over", || (!lb1.is_established(US)).then_some(()));
    assert_eq!(sessions(&mut hold).len(), 1);
    // What it had taught stays, and it may come back.
    write(&[&lb1, &lb2]);
    hold.signal(Signal::HUP);
    wait_said(&mut hold, "SIGHUP: read again; lb1 is a new peer", 1);
    wait_until("there is a session again", || lb1.is_established(US).then_some(()));
    assert_eq!(status(&network, socket)["tables"][0]["entries"], 11);
    hold.signal(Signal::TERM);
    let ended = hold.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn where_both_call_each_other_the_lesser_connection_is_no_other_tool() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("state.ndjson");
        let ours = network.address(support::live::GUEST_PORT);
        let mut lb1 = setup(&haproxy, &network).start();
        fill(&lb1, 10);
        let mut collisions = 0;
        for round in 0..2 {
            let mut program = hold(&network, &file, &[&peer(&lb1, "lb1")], &["--listen", &ours]);
            wait_said(&mut program, "lb1: in sync", 1);
            if round == 1 {
                lb1.restart_empty();
                wait_said(&mut program, "lb1: in sync", 2);
            }
            collisions += lb1.peer_counter(US, "coll");
            program.signal(Signal::TERM);
            let ended = program.wait();
            assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
            // One line about the end of the session if HAProxy was killed, and none about anything else.
            let complaints = ended.stderr.matches("another tool uses our name").count();
            assert!(complaints <= round, "HAProxy {}: {}", haproxy.branch(), ended.stderr);
        }
        println!("HAProxy {}: {collisions} collisions", haproxy.branch());
    }
}
