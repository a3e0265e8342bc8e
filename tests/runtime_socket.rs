//! The runtime socket as a source: the same answers as a person gets, and errors that say what to do.

use std::{
    io::{Read, Write},
    os::unix::net::UnixListener,
    path::Path,
    thread,
    time::Duration,
};

use peerctl::{
    grammar::DataType,
    node::{
        self,
        runtime_socket::{RuntimeError, RuntimeSocket},
    },
    runtime::{Columns, peers},
};

mod support;

use support::{Network, Setup, fake_peer::FakePeer, frames, wait_until};

fn at(path: &Path) -> RuntimeSocket {
    RuntimeSocket::parse(path.to_str().expect("UTF-8")).expect("a path")
}

/// The keys and the `gpc0` of all entries of a table.
fn all(socket: &RuntimeSocket, table: &str) -> Result<Vec<(Vec<u8>, u64)>, RuntimeError> {
    let read = async {
        let mut entries = socket.entries(table.as_bytes()).await?;
        let (mut found, mut columns, mut values) = (Vec::new(), None, Vec::new());
        while let Some(entry) = entries.next().await? {
            let columns = columns.get_or_insert_with(|| Columns::of(&entry));
            columns.read(&entry, |_| 1, &mut values)?;
            let gpc0 = columns.layout().field(DataType::GPC0).map_or(0, |field| field.of(&values)[0]);
            found.push((entry.key.to_vec(), gpc0));
        }
        found.sort();
        Ok(found)
    };
    node::run(read).expect("an event queue")
}

#[test]
fn tables_entries_and_peers_are_read_through_both_kinds_of_sockets() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let setup = Setup::new(&haproxy, &network).every_table();
        let address = network.address(9000);
        let lb1 = setup.global(&format!("stats socket ipv4@{address} level operator")).start();
        lb1.set_entry("mesh/ints", "1", "data.gpc0 7");
        lb1.set_entry("mesh/ints", "4294967295", "data.gpc0 9");
        lb1.track("arrays", b"a b\n", 1);
        for socket in [at(lb1.socket()), RuntimeSocket::parse(&format!("ipv4@{address}")).expect("an address")] {
            network.within(|| {
                assert_eq!(all(&socket, "mesh/ints").expect("entries"), [(vec![0, 0, 0, 1], 7), (vec![255; 4], 9)]);
                assert_eq!(all(&socket, "mesh/arrays").expect("entries"), [(b"a b\n".to_vec(), 0)]);
                assert_eq!(all(&socket, "mesh/bin").expect("no entries"), []);
                let tables = node::run(socket.tables()).expect("an event queue").expect("tables");
                let mut names = lb1.tables();
                names.sort();
                assert_eq!(tables.iter().map(|table| String::from_utf8_lossy(&table.name)).collect::<Vec<_>>(), names);
                let sections = node::run(socket.peers()).expect("an event queue").expect("peers");
                let same = peers::parse(lb1.cli("show peers").as_bytes()).expect("peers");
                assert_eq!((sections.len(), &sections[0].name, sections[0].peers.len()), (1, &same[0].name, 2));
                assert_eq!(sections[0].peers[0].tables.len(), 8);
            });
        }
        let error = all(&at(lb1.socket()), "mesh/nothing").expect_err("no table");
        assert!(matches!(error, RuntimeError::NoTable(_)), "{error}");
        for name in ["", "a b", "mesh/ints;show info", "mesh/ints\nshow info", "mesh/ints data.gpc0 gt 1", "é"] {
            let error = all(&at(lb1.socket()), name).expect_err("no name");
            assert!(matches!(error, RuntimeError::NoTable(_)), "{name}: {error}");
        }
    }
}

#[test]
fn a_socket_that_shows_too_little_is_named() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("user.sock");
        let line = format!("stats socket {} level user", path.display());
        let lb1 = Setup::new(&haproxy, &network).every_table().global(&line).start();
        let error = all(&at(&path), "mesh/ints").expect_err("too little");
        assert!(matches!(error, RuntimeError::Privileges), "{error}");
        assert_eq!(node::run(at(&path).peers()).expect("an event queue").expect("peers").len(), 1);
        drop(lb1);
        let error = all(&at(&path), "mesh/ints").expect_err("nobody listens");
        assert!(matches!(error, RuntimeError::Connect { .. }) && error.to_string().contains("user.sock"), "{error}");
    }
}

/// The error that a table's entries give when something else answers: `answer`, and then the end or silence.
fn answered(answer: &'static [u8], ends: bool) -> RuntimeError {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("sock");
    let listener = UnixListener::bind(&path).expect("the folder takes files");
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a call");
            let mut command = [0; 100];
            let count = stream.read(&mut command).expect("a command");
            assert_eq!(&command[..count], b"show table t\n");
            let _may_be_too_long = stream.write_all(answer);
            if !ends {
                let _until_it_closes = stream.read(&mut command);
            }
        });
        let patience = if ends { Duration::from_secs(10) } else { Duration::from_millis(300) };
        all(&at(&path).with_patience(patience), "t").expect_err("no answer")
    })
}

#[test]
fn answers_that_are_none_end_in_time_with_what_is_wrong() {
    const ENTRY: &[u8] = b"# table: t, type: ip, size:1, used:1\n0x1: key=10.0.0.1 use=0 exp=0 gpc0=1\n";
    static LONG: [u8; 1 << 20] = [b'x'; 1 << 20];
    let is =
        |error: &RuntimeError, expected: &str| assert!(format!("{error:?}").starts_with(expected), "{error:?} {error}");
    is(&answered(b"", false), "Timeout");
    is(&answered(ENTRY, false), "Timeout");
    is(&answered(b"", true), "Cut");
    is(&answered(ENTRY, true), "Cut");
    is(&answered(&ENTRY[..60], true), "Cut");
    is(&answered(&LONG, true), "Long");
    is(&answered(b"Unknown command: 'show', but maybe one of these\n\n", true), "Refused");
    is(&answered(b"Permission denied\n\n", true), "Refused");
    is(&answered(b"HTTP/1.1 400 Bad Request\n\n", true), "Shown");
    is(&answered(b"# table: t, type: ip, size:1, used:1\n0x1: key=nothing use=0 exp=0\n\n", true), "Shown");
    is(&answered(b"\n", true), "Refused");
}

/// HAProxy prints a taught server name as it is.
#[test]
fn a_taught_server_name_keeps_its_blanks_and_a_line_end_in_it_is_noticed() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 1m store gpc0,server_key").start();
        let peer = FakePeer::call(&network, lb1.port(), "lb1", "peerctl");
        peer.send(&frames::message(frames::RESYNC_PARTIAL, &[]));
        peer.send(&frames::definition(1, "/t", (4, 4), 1 << 2 | 1 << 19, 60_000, &[]));
        let teach = |id: u8, name: &[u8]| {
            let value = [&[id, u8::try_from(name.len()).expect("short")], name].concat();
            let data = [&[0, 0, 0, id, 10, 0, 0, id, 5, u8::try_from(value.len()).expect("short")], &*value].concat();
            peer.send(&frames::message(frames::UPDATE, &data));
            wait_until("it is taught", || (lb1.entries("mesh/t").len() >= usize::from(id)).then_some(()));
        };
        teach(1, b"a b  c");
        assert_eq!(all(&at(lb1.socket()), "mesh/t").expect("entries"), [(vec![10, 0, 0, 1], 5)]);
        teach(2, b"x\n\ny");
        let error = all(&at(lb1.socket()), "mesh/t").expect_err("a line that is no entry");
        assert!(matches!(error, RuntimeError::Shown(_)), "{error}");
    }
}
