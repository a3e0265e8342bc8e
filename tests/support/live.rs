//! A HAProxy with peers, tables of all kinds and traffic, to try a peer of ours on.
//!
//! ```ignore
//! let network = Network::reachable();
//! let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
//! lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
//! network.peerctl(&["dump", &format!("lb1={}", lb1.address())]);
//! ```
//!
//! HAProxy `lb1` listens at port 10001 and calls its guest `peerctl` at port 10999, where nobody listens unless a test does:
//! so both directions can be tried with one setup.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    net::TcpStream,
    ops::{Deref, DerefMut},
    path::Path,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Authority, Haproxy, Network, Retired, Running, shown::ShownTable, wait_until};

mod traffic;

pub(crate) use traffic::every_definition;
use traffic::{COUNT, base64, is_binary, percent, read_answer};

/// The peers section; its tables are `mesh/NAME` for HAProxy and `/NAME` on the wire.
pub(crate) const SECTION: &str = "mesh";

/// Where HAProxy calls its guest `peerctl`.
pub(crate) const GUEST_PORT: u16 = 10_999;

/// What is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Setup<'a> {
    haproxy: &'a Haproxy,
    network: &'a Network,
    name: String,
    port: u16,
    peers: Vec<(String, u16)>,
    /// Name and definition of `table` lines.
    tables: Vec<(String, String)>,
    /// Name and definition of the tables of backends that also stick clients to their two servers.
    backends: Vec<(String, String)>,
    tls: Option<&'a Authority>,
    global: String,
    section: String,
    more: String,
}

/// A running HAProxy, which is also its [`Running`].
#[derive(Debug)]
pub(crate) struct Live<'a> {
    setup: Setup<'a>,
    /// `None` only while one process takes the place of another.
    running: Option<Running<'a>>,
    dir: TempDir,
}

/// A connection that is kept for request after request.
#[derive(Debug)]
pub(crate) struct Client(TcpStream);

impl<'a> Setup<'a> {
    /// `lb1` at port 10001 with its guest `peerctl`.
    pub(crate) fn new(haproxy: &'a Haproxy, network: &'a Network) -> Self {
        Self {
            haproxy,
            network,
            name: "lb1".into(),
            port: 10_001,
            peers: vec![("peerctl".into(), GUEST_PORT)],
            tables: Vec::new(),
            backends: Vec::new(),
            tls: None,
            global: String::new(),
            section: String::new(),
            more: String::new(),
        }
    }

    /// Another name and port for HAProxy itself, so that several can be in one network.
    pub(crate) fn named(mut self, name: &str, port: u16) -> Self {
        (self.name, self.port) = (name.into(), port);
        self
    }

    /// Another peer, or another port for one that is there.
    pub(crate) fn peer(mut self, name: &str, port: u16) -> Self {
        self.peers.retain(|(other, _)| other != name);
        self.peers.push((name.into(), port));
        self
    }

    /// No guest.
    pub(crate) fn without_guest(mut self) -> Self {
        self.peers.retain(|(name, _)| name != "peerctl");
        self
    }

    /// A `table` line, or another definition for one that is there; its frontend is [`Live::track`]'s.
    pub(crate) fn table(mut self, name: &str, definition: &str) -> Self {
        let place = self.tables.iter().position(|(other, _)| other == name);
        let table = (name.into(), definition.into());
        match place.and_then(|place| self.tables.get_mut(place)) {
            Some(place) => *place = table,
            None => self.tables.push(table),
        }
        self
    }

    /// A backend with a stick table and two servers between which its clients are balanced; see [`Live::stick`].
    pub(crate) fn backend(mut self, name: &str, definition: &str) -> Self {
        self.backends.push((name.into(), definition.into()));
        self
    }

    /// Tables of all key types that have all data types of this version between them, and a backend.
    pub(crate) fn every_table(mut self) -> Self {
        for (name, definition) in every_definition(self.haproxy) {
            self = self.table(name, &definition);
        }
        self.backend("shop", "type string len 24 size 10k expire 20m store gpc0")
    }

    /// TLS on both sides of each connection, with certificates of `authority`.
    pub(crate) fn tls(mut self, authority: &'a Authority) -> Self {
        self.tls = Some(authority);
        self
    }

    /// A line more in `global`.
    pub(crate) fn global(mut self, line: &str) -> Self {
        let _ = writeln!(self.global, "    {line}");
        self
    }

    /// A line more in the peers section.
    pub(crate) fn section(mut self, line: &str) -> Self {
        let _ = writeln!(self.section, "    {line}");
        self
    }

    /// More sections at the end of the file, with 127.0.0. for the network.
    pub(crate) fn more(mut self, text: &str) -> Self {
        self.more += text;
        self
    }

    /// The configuration file, with 127.0.0. for the network.
    pub(crate) fn configuration(&self) -> String {
        let tls = self.tls.map_or_else(String::new, |authority| {
            let (own, ca) = (authority.issue(&self.name), authority.certificate());
            format!(" ssl crt {} ca-file {} verify required", own.display(), ca.display())
        });
        let (name, port) = (&self.name, self.port);
        let mut text = format!(
            "global\n{}defaults\n    mode http\n    timeout connect 2s\n    timeout client 1m\n    timeout server 1m\n\
             peers {SECTION}\n    bind 127.0.0.1:{port}{tls}\n    server {name}{tls}\n{}",
            self.global, self.section
        );
        for (peer, port) in &self.peers {
            let _ = writeln!(text, "    server {peer} 127.0.0.1:{port}{tls}");
        }
        for (table, definition) in &self.tables {
            let _ = writeln!(text, "    table {table} {definition}");
        }
        for (number, (table, definition)) in (1..).zip(&self.tables) {
            let (port, decode) = (self.http_port(number), if is_binary(definition) { "ub64dec" } else { "url_dec" });
            let _ = writeln!(
                text,
                "frontend to_{table}\n    bind 127.0.0.1:{port}\n    \
                 http-request track-sc0 url_param(k),{decode} table {SECTION}/{table}\n{COUNT}    \
                 http-request return status 200"
            );
        }
        for (number, (backend, definition)) in (1 + self.tables.len()..).zip(&self.backends) {
            let (port, server) = (self.http_port(number), self.http_port(0));
            let _ = writeln!(
                text,
                "frontend to_{backend}\n    bind 127.0.0.1:{port}\n    default_backend {backend}\n\
                 backend {backend}\n    stick-table {definition} peers {SECTION}\n    \
                 stick on url_param(k),url_dec\n    server srv1 127.0.0.1:{server} id 101\n    \
                 server srv2 127.0.0.1:{server} id 102"
            );
        }
        let port = self.http_port(0);
        let _ = writeln!(text, "frontend web\n    bind 127.0.0.1:{port}\n    http-request return status 200");
        text + &self.more
    }

    /// Where the frontend of the table with this number listens; 0 is a web server.
    pub(crate) fn http_port(&self, number: usize) -> u16 {
        8000 + (self.port - 10_000) * 100 + u16::try_from(number).expect("few tables")
    }

    /// Starts it.
    pub(crate) fn start(self) -> Live<'a> {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("haproxy.cfg"), self.configuration()).expect("the folder takes files");
        let running = self.run(dir.path());
        Live { setup: self, running: Some(running), dir }
    }

    fn run(&self, dir: &Path) -> Running<'a> {
        self.haproxy.start(self.network, dir, &["haproxy.cfg"], Some(&self.name))
    }
}

impl<'a> Live<'a> {
    /// Where HAProxy's peers listen, like `127.0.0.1:10001`.
    pub(crate) fn address(&self) -> String {
        self.setup.network.address(self.setup.port)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.setup.name
    }

    /// The port of [`Live::address`].
    pub(crate) fn port(&self) -> u16 {
        self.setup.port
    }

    /// The configuration file it runs with.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("haproxy.cfg")
    }

    /// Makes `times` requests that count for `key` in the table `table` of the section, all on one connection.
    pub(crate) fn track(&self, table: &str, key: &[u8], times: usize) {
        let number = self.setup.tables.iter().position(|(name, _)| name == table).expect("a table of the section");
        let binary = is_binary(&self.setup.tables[number].1);
        self.request(number + 1, &if binary { base64(key) } else { percent(key) }, times);
    }

    /// Makes a request through a backend, whose table then says which server `key` sticks to.
    pub(crate) fn stick(&self, backend: &str, key: &[u8]) {
        let number = self.setup.backends.iter().position(|(name, _)| name == backend).expect("a backend");
        self.request(self.setup.tables.len() + number + 1, &percent(key), 1);
    }

    fn request(&self, number: usize, key: &str, times: usize) {
        let mut client = self.client(number);
        for _ in 0..times {
            let (status, _) = client.get(&format!("/?k={key}"));
            assert_eq!(status, 200);
        }
    }

    /// A client of the frontend with this number: 1 is that of the first table, 0 a web server.
    pub(crate) fn client(&self, number: usize) -> Client {
        Client(self.setup.network.connect(self.setup.http_port(number)).expect("HAProxy listens"))
    }

    /// `show table NAME`, taken apart.
    pub(crate) fn shown(&self, table: &str) -> ShownTable {
        ShownTable::parse(&self.cli(&format!("show table {table}")))
    }

    /// `show table NAME` of all tables.
    pub(crate) fn all_shown(&self) -> Vec<ShownTable> {
        let mut names = self.tables();
        names.sort();
        names.iter().map(|name| self.shown(name)).collect()
    }

    /// What `show peers` says of `counter` (like `proto_err` or `coll`) for the peer `name`.
    pub(crate) fn peer_counter(&self, name: &str, counter: &str) -> u32 {
        let peers = self.cli("show peers");
        let of_peer = peers.split_once(&format!("id={name}(")).expect("a peer").1;
        let value = of_peer.split_once(&format!(" {counter}=")).expect("a counter").1;
        value.split_whitespace().next().expect("a number").parse().expect("a number")
    }

    /// Kills it with SIGKILL and starts another one, which knows nothing.
    pub(crate) fn restart_empty(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        drop(self.running.take());
    }

    /// Starts it after [`Live::kill`].
    pub(crate) fn start_again(&mut self) {
        assert!(self.running.is_none(), "it was killed");
        self.running = Some(self.setup.run(self.dir.path()));
    }

    /// Starts it after [`Live::kill`] with another setup.
    pub(crate) fn start_again_with(&mut self, change: impl FnOnce(Setup<'a>) -> Setup<'a>) {
        self.setup = change(self.setup.clone());
        fs::write(self.file(), self.setup.configuration()).expect("the folder takes files");
        self.start_again();
    }

    /// Stops the process where it is, until [`Live::thaw`].
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).expect("a process");
        kill_process(pid, signal).expect("a process of ours");
    }

    /// A new process takes its place, as `haproxy -sf` does it, with another setup if `change` makes one.
    pub(crate) fn reload_with(&mut self, change: impl FnOnce(Setup<'a>) -> Setup<'a>) -> Retired {
        self.setup = change(self.setup.clone());
        fs::write(self.file(), self.setup.configuration()).expect("the folder takes files");
        self.reload(&["haproxy.cfg"])
    }

    /// Waits until HAProxy has a session with `peer`.
    pub(crate) fn wait_established(&self, peer: &str) {
        wait_until(&format!("a session with {peer}"), || self.is_established(peer).then_some(()));
    }
}

impl Client {
    /// Asks for a path; returns the status and the body.
    pub(crate) fn get(&mut self, path: &str) -> (u16, String) {
        self.0.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).expect("HAProxy reads");
        read_answer(&mut self.0)
    }
}

impl<'a> Deref for Live<'a> {
    type Target = Running<'a>;

    fn deref(&self) -> &Running<'a> {
        self.running.as_ref().expect("not between kill and start")
    }
}

impl DerefMut for Live<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.running.as_mut().expect("not between kill and start")
    }
}
