//! Nodes around an aggregator, each of them a real HAProxy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::Signal;

use crate::support::{Haproxy, Live, Network, Program, Setup, wait_until};

/// The aggregator's port among the peers, and that of its metrics; another one's are the next ones.
pub(crate) const PORT: u16 = 10_901;
const METRICS: u16 = 10_981;

/// What is added up, by the milliseconds of the rate.
pub(crate) fn source_table(period_ms: u64) -> String {
    format!("type ip size 10k expire 10m store http_req_rate({period_ms}ms),http_req_cnt,gpc0")
}

/// The lease, as `peerctl generate --aggregate` writes it.
pub(crate) const LEASE: &str = "type string len 31 size 16 expire 1500ms store gpc0";

/// The key that most tests count.
pub(crate) const KEY: &str = "10.0.0.1";

/// A node that lists itself and the aggregator: `lb1` at 10001, `lb2` at 10002, …
///
/// Beside the frontends of its tables it has those of [`Guard`].
pub(crate) fn node<'a>(haproxy: &'a Haproxy, network: &'a Network, number: u16, period_ms: u64) -> Setup<'a> {
    let table = source_table(period_ms);
    let setup = Setup::new(haproxy, network)
        .without_guest()
        .named(&format!("lb{number}"), 10_000 + number)
        .peer("agg1", PORT)
        .table("st_src", &table)
        .table("st_src.agg", &table)
        .table("lease", LEASE);
    let [guard, look] = [Guard::Deny, Guard::Look].map(|guard| setup.http_port(guard as usize));
    setup.more(&format!(
        "frontend guard\n    bind 127.0.0.1:{guard}\n    \
         http-request track-sc0 url_param(k),url_dec table mesh/st_src\n    \
         http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {LOCAL_LIMIT} }}\n    \
         http-request deny deny_status 429 if {{ url_param(k),table_http_req_rate(mesh/st_src.agg) gt {TOTAL_LIMIT} }} \
         {{ str(agg1),in_table(mesh/lease) }}\n    http-request return status 200\n\
         frontend look\n    bind 127.0.0.1:{look}\n    http-request return status 200 content-type text/plain \
         lf-string \"%[url_param(k),table_http_req_cnt(mesh/st_src.agg)] %[str(agg1),in_table(mesh/lease)]\"\n"
    ))
}

/// What the frontend `guard` lets pass in a period.
pub(crate) const LOCAL_LIMIT: u32 = 100;
pub(crate) const TOTAL_LIMIT: u32 = 120;

/// Frontends of a node, by their numbers for [`Live::client`].
#[derive(Clone, Copy)]
pub(crate) enum Guard {
    /// Counts, and answers 429 above the local limit, or above that of the total while the lease is there.
    Deny = 50,
    /// Says what the total is, and whether the lease is there, without counting.
    Look = 51,
}

/// The number of the frontend that counts for `st_src`.
pub(crate) const COUNT: usize = 1;

/// The aggregator's file for these nodes, with lines for `global` and for the section.
pub(crate) fn file(nodes: &[&Live<'_>], global: &str, section: &str) -> String {
    let peers = (1..).zip(nodes).map(|(number, lb)| format!("    peer lb{number} {}\n", lb.address()));
    let peers: String = peers.collect();
    format!(
        "global\n    localpeer agg1\n    bind 127.0.0.1:{PORT}\n    metrics 127.0.0.1:{METRICS}\n{global}\
         aggregations web\n    from any to .agg\n{peers}    lease lease\n{section}"
    )
}

/// A running aggregator and its folder.
pub(crate) struct Aggregator<'a> {
    network: &'a Network,
    pub(crate) program: Program,
    dir: PathBuf,
    metrics: u16,
    name: &'static str,
}

impl<'a> Aggregator<'a> {
    /// Starts `agg1` with a file like those of [`file`].
    pub(crate) fn start(network: &'a Network, dir: &Path, text: &str) -> Self {
        Self::start_as(network, dir, "agg1", METRICS, text, &[])
    }

    /// Starts one that has its own name and metrics, with more words.
    pub(crate) fn start_as(
        network: &'a Network,
        dir: &Path,
        name: &'static str,
        metrics: u16,
        text: &str,
        more: &[&str],
    ) -> Self {
        write(network, dir, name, text);
        let program = run(network, dir, name, more);
        Self { network, program, dir: dir.to_owned(), metrics, name }
    }

    /// Another file, which nobody reads before [`Self::hang_up`].
    pub(crate) fn rewrite(&self, text: &str) {
        write(self.network, &self.dir, self.name, text);
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.program.signal(Signal::KILL);
        wait_until("it is gone", || self.program.has_ended().then_some(()));
    }

    /// Has it read its file again.
    pub(crate) fn hang_up(&self) {
        self.program.signal(Signal::HUP);
    }

    /// Starts it again after it was killed.
    pub(crate) fn start_again(&mut self) {
        self.program = run(self.network, &self.dir, self.name, &[]);
    }

    /// The path of its control socket.
    pub(crate) fn control(&self) -> String {
        control(&self.dir, self.name)
    }

    /// `peerctl aggregate status` as JSON.
    pub(crate) fn status(&mut self) -> serde_json::Value {
        wait_until("the aggregator says how it goes", || {
            assert!(!self.program.has_ended(), "it ended: {}", self.program.stderr());
            let output = peerctl(&["aggregate", "status", "--format", "json", "--control", &self.control()]);
            output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
        })
    }

    /// Waits until its first section says `expected` at `pointer`, like `/lease_valid`.
    pub(crate) fn wait_for(&mut self, pointer: &str, expected: &serde_json::Value) {
        let mut last = serde_json::Value::Null;
        let found = crate::support::try_until(|| {
            last = self.status();
            (last.pointer(&format!("/aggregations/0{pointer}")) == Some(expected)).then_some(())
        });
        assert!(found.is_some(), "{pointer} becomes {expected}: {last:#}\n{}", self.program.stderr());
    }

    /// Waits until it has said something `count` times.
    pub(crate) fn wait_said(&mut self, what: &str, count: usize) {
        let found = crate::support::try_until(|| {
            assert!(!self.program.has_ended(), "it ended: {}", self.program.stderr());
            (self.program.stderr().matches(what).count() >= count).then_some(())
        });
        assert!(found.is_some(), "it says `{what}` {count} times: {}", self.program.stderr());
    }

    /// A page of its metrics: the status and the text.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        use std::io::{Read as _, Write as _};
        let mut stream = self.network.connect(self.metrics).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    /// A sample of its metrics, like `lease_valid{aggregation="web"}`.
    pub(crate) fn metric(&self, sample: &str) -> f64 {
        let (_, text) = self.page("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("peerctl_{sample} ")));
        line.unwrap_or_else(|| panic!("{sample} in\n{text}")).parse().expect("a number")
    }
}

fn write(network: &Network, dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(format!("{name}.conf")), network.localise(text.to_owned())).expect("the folder takes files");
}

fn control(dir: &Path, name: &str) -> String {
    dir.join(format!("{name}.sock")).to_str().expect("a path").to_owned()
}

/// Starts one with the file that its folder has for it.
pub(crate) fn run(network: &Network, dir: &Path, name: &str, more: &[&str]) -> Program {
    let file = dir.join(format!("{name}.conf"));
    let control = control(dir, name);
    network.peerctl(&[&["aggregate", "-f", file.to_str().expect("a path"), "--control", &control], more].concat())
}

/// This program, outside of any network.
pub(crate) fn peerctl(words: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_peerctl")).args(words).output().expect("an executable")
}

/// What a node shows of a key; 0 if there is none.
pub(crate) fn number(lb: &Live<'_>, table: &str, key: &str, field: &str) -> i128 {
    let text = lb.cli(&format!("show table mesh/{table} key {key}"));
    let Some((_, fields)) = text.split_once(&format!(" {field}=")) else { return 0 };
    fields.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Whether a node has the lease of an aggregator.
pub(crate) fn has_lease(lb: &Live<'_>, name: &str) -> bool {
    lb.cli("show table mesh/lease").contains(&format!("key={name} "))
}

/// What is seen while all nodes have the lease of `agg1`, before and after: a busy machine may let it end in between.
pub(crate) fn while_leased<T>(nodes: &[&Live<'_>], mut look: impl FnMut() -> T) -> T {
    let leased = || nodes.iter().all(|lb| has_lease(lb, "agg1"));
    wait_until("a look while the nodes have the lease", || {
        let before = leased();
        let seen = look();
        (before && leased()).then_some(seen)
    })
}

/// Waits until all nodes have the lease, so that the totals can be trusted.
pub(crate) fn wait_leased(nodes: &[&Live<'_>]) {
    for lb in nodes {
        wait_until("a node has the lease", || has_lease(lb, "agg1").then_some(()));
    }
}

/// Waits until all nodes show the sum of all nodes' counters for a key, which has to be `expected`.
pub(crate) fn wait_total(nodes: &[&Live<'_>], table: &str, key: &str, field: &str, expected: i128) {
    for lb in nodes {
        let mut last = 0;
        let found = crate::support::try_until(|| {
            last = number(lb, &format!("{table}.agg"), key, field);
            (last == expected).then_some(())
        });
        assert!(found.is_some(), "the total of {field} is {last}, not {expected}");
    }
}
