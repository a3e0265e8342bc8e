//! Configurations of any size, as large sites have them: many backends with many servers, a stick table each, and a peers
//! section that all tables travel through. The parts can be changed before they are written, to plant differences between
//! two instances.
#![allow(dead_code, reason = "each test crate compiles this module and calls its own part of it")]

use std::io::Write as _;

/// What one HAProxy process reads.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    /// The name of the local peer.
    pub(crate) local: String,
    /// Name and address.
    pub(crate) peers: Vec<(String, String)>,
    pub(crate) backends: Vec<Backend>,
}

#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) name: String,
    /// What stands behind `stick-table`.
    pub(crate) table: String,
    pub(crate) servers: Vec<Server>,
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) id: Option<u32>,
    /// What stands behind the address and the id.
    pub(crate) parameters: String,
}

impl Configuration {
    /// `backends` backends with `servers` servers each, the local peer `lb1`, and no explicit ids.
    pub(crate) fn new(backends: usize, servers: usize) -> Self {
        let peers = ["lb1", "lb2"].into_iter().zip([10000, 10001]);
        Self {
            local: "lb1".to_owned(),
            peers: peers.map(|(name, port)| (name.to_owned(), format!("127.0.0.1:{port}"))).collect(),
            backends: (0..backends).map(|n| Backend::new(n, servers)).collect(),
        }
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out).expect("memory takes all");
        out
    }

    fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        writeln!(out, "global\n    localpeer {}\n\ndefaults\n    mode http", self.local)?;
        writeln!(out, "    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n\npeers mesh")?;
        for (name, address) in &self.peers {
            writeln!(out, "    peer {name} {address}")?;
        }
        for backend in &self.backends {
            writeln!(out, "\nbackend {}\n    balance roundrobin", backend.name)?;
            writeln!(out, "    stick-table {} peers mesh\n    stick on src", backend.table)?;
            for server in &backend.servers {
                let id = server.id.map(|id| format!(" id {id}")).unwrap_or_default();
                writeln!(out, "    server {} {}{id} {}", server.name, server.address, server.parameters)?;
            }
        }
        Ok(())
    }
}

impl Backend {
    fn new(number: usize, servers: usize) -> Self {
        Self {
            name: format!("app{number:04}"),
            table: "type ip size 100k expire 30m store gpc0,http_req_rate(10s)".to_owned(),
            servers: (0..servers).map(|n| Server::new(number, n)).collect(),
        }
    }
}

impl Server {
    fn new(backend: usize, number: usize) -> Self {
        let address = format!("10.{}.{}.{}:8080", backend / 250, backend % 250, number % 250 + 1);
        let parameters = "check inter 5s rise 2 fall 3 weight 100 maxconn 500 slowstart 10s # rack".to_owned();
        Self { name: format!("web{number:03}"), address, id: None, parameters: format!("{parameters} {}", number % 40) }
    }
}
