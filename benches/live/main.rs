//! How fast entries come from a real HAProxy and go to one, beside what a second HAProxy needs for the same: in the same run, in
//! turns, in a network of their own. Nothing is asserted.
//!
//! `cargo bench --bench live` takes 1,000,000 entries and the newest HAProxy; a number as argument makes it fewer entries,
//! a version like `2.6` takes that one.

#[path = "../entries/mod.rs"]
mod entries;
#[path = "../figures/mod.rs"]
mod figures;
mod process;
mod report;
mod sink;
#[path = "../../tests/support/mod.rs"]
mod support;
mod teach;
mod watched;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use process::{peak, run};
use report::Report;
use support::{Haproxy, Live, Network, Setup, haproxies, wait_until};
use teach::teach;
use watched::{filled, used};

/// How often everything is measured.
const ROUNDS: usize = 3;

/// Where HAProxy `lb1`, which has all entries, listens; those beside it follow.
const PORT: u16 = 10_001;

/// Where the sink listens.
const SINK_PORT: u16 = 10_020;

/// The bench: a HAProxy that has entries, and others that get them.
struct Bench<'a> {
    haproxy: &'a Haproxy,
    network: &'a Network,
    entries: Vec<teach::Entry>,
}

fn main() {
    let argument = |wanted: fn(&str) -> bool| std::env::args().skip(1).find(|argument| wanted(argument));
    let count = argument(|text| text.parse::<u32>().is_ok()).map_or(1_000_000, |text| text.parse().expect("a number"));
    let branch = argument(|text| text.contains('.') && text.parse::<f32>().is_ok());
    let mut all = haproxies();
    all.retain(|haproxy| branch.as_ref().is_none_or(|branch| haproxy.branch() == *branch));
    let Some(haproxy) = all.pop() else {
        println!("no HAProxy to compare with: run `make haproxy`");
        return;
    };
    let network = Network::reachable();
    let bench = Bench { haproxy: &haproxy, network: &network, entries: (0..count).map(entries::entry).collect() };
    println!("{count} entries of `{}`, HAProxy {}, load {}", entries::COLUMNS, haproxy.branch(), load());
    bench.run();
    println!("load at the end {}", load());
}

/// What the machine has to do beside this.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

impl Bench<'_> {
    fn run(&self) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("entries.ndjson");
        let lb1 = self.haproxy("lb1", PORT, &[("lb2", PORT + 1), ("peerctl", support::live::GUEST_PORT)]).start();
        let empty = resident(&lb1);
        let first = self.taught("lb1", &lb1);
        println!("a first HAProxy filled in {:.2} s", first.as_secs_f64());
        let held = resident(&lb1).saturating_sub(empty);
        wait_until("it considers itself in sync", || lb1.is_synchronised().then_some(()));

        let mut report = Report::new(self.entries.len());
        for _ in 0..ROUNDS {
            self.round(&lb1, &file, &mut report);
        }
        report.print();
        self.memory(&lb1, &file, held);
    }

    /// Everything once.
    fn round(&self, lb1: &Live<'_>, file: &Path, report: &mut Report) {
        let from = format!("lb1={}", lb1.address());
        let path = file.to_str().expect("UTF-8");
        let lb2 = self.haproxy("lb2", PORT + 1, &[("lb1", PORT)]).start();
        report.add(report::LEARNS, filled(&lb2, self.entries.len()));
        drop(lb2);
        report.add(report::DUMP, run(self.network, &["dump", &from, "-o", "/dev/null"]));
        report.add(report::FILE, run(self.network, &["dump", &from, "--format", "ndjson", "-o", path]));
        let table = ["dump", &from, "--format", "table", "--limit", "1", "-o", "/dev/null"];
        report.add(report::STORE, run(self.network, &table));

        let lb3 = self.pupil();
        report.add(report::TEACHES, self.taught("lb3", &lb3));
        drop(lb3);
        let lb3 = self.pupil();
        let to = format!("lb3={}", lb3.address());
        report.add(report::REPLAY, run(self.network, &["replay", path, &to]));
        assert_eq!(used(&lb3), self.entries.len(), "all came");
        drop(lb3);

        let stream = self.network.connect(PORT).expect("HAProxy listens");
        report.add(report::SINK, sink::learn(stream, "lb1", self.entries.len()));
        let taught = self.beside_sink(|address| teach(self.network, sink::NAME.into(), address, &self.entries));
        report.add(report::TEACHES_SINK, taught.0);
        let to = |address| format!("{}={address}", sink::NAME);
        let replayed = self.beside_sink(|address| _ = run(self.network, &["replay", path, &to(address)]));
        report.add(report::REPLAY_SINK, replayed.1);
    }

    /// How long it took the sink to get everything from `teacher`, which is told where it is, and that itself.
    fn beside_sink(&self, teacher: impl FnOnce(String)) -> (Duration, Duration) {
        let listener = self.network.listen(SINK_PORT);
        std::thread::scope(|scope| {
            let sink = scope.spawn(|| sink::be_taught(&listener, self.entries.len()));
            let start = Instant::now();
            teacher(self.network.address(SINK_PORT));
            let time = start.elapsed();
            (sink.join().expect("it does not panic"), time)
        })
    }

    /// Teaches a HAProxy all entries; returns how long it took it to get them.
    fn taught(&self, name: &str, pupil: &Live<'_>) -> Duration {
        std::thread::scope(|scope| {
            let teacher = scope.spawn(|| teach(self.network, name.to_owned(), pupil.address(), &self.entries));
            let filled = filled(pupil, self.entries.len());
            teacher.join().expect("it does not panic");
            filled
        })
    }

    /// An empty HAProxy whose only peer we are.
    fn pupil(&self) -> Live<'_> {
        self.haproxy("lb3", PORT + 2, &[("peerctl", support::live::GUEST_PORT)]).start()
    }

    fn haproxy(&self, name: &str, port: u16, peers: &[(&str, u16)]) -> Setup<'_> {
        let definition = entries::COLUMNS.replacen("store", "size 2m expire 1h store", 1);
        let setup = Setup::new(self.haproxy, self.network).named(name, port).without_guest().table("t", &definition);
        peers.iter().fold(setup, |setup, (name, port)| setup.peer(name, *port))
    }

    /// What commands need at most, with all entries and with a tenth of them.
    fn memory(&self, lb1: &Live<'_>, file: &Path, held: usize) {
        let path = file.to_str().expect("UTF-8");
        let few = self.entries.len() / 10;
        let lb4 = self.haproxy("lb4", PORT + 3, &[("peerctl", support::live::GUEST_PORT)]).start();
        let tenth = Bench { entries: self.entries.get(..few).unwrap_or_default().to_vec(), ..*self };
        tenth.taught("lb4", &lb4);
        wait_until("it considers itself in sync", || lb4.is_synchronised().then_some(()));
        let (all, tenth) = (format!("lb1={}", lb1.address()), format!("lb4={}", lb4.address()));
        let dump = |from: &str| peak(self.network, &["dump", from, "--format", "ndjson", "-o", path]);
        report::flat("peak memory of dump --format ndjson -o FILE", dump(&all), dump(&tenth));
        let watch = |from: &str, count: usize| {
            peak(self.network, &["watch", from, "--format", "ndjson", "--count", &count.to_string()])
        };
        let (most, least) = (watch(&all, self.entries.len()), watch(&tenth, few));
        report::each("memory of watch, each entry", most.saturating_sub(least), self.entries.len() - few);
        report::held("memory of HAProxy, each entry", held, self.entries.len());
    }
}

fn resident(haproxy: &Live<'_>) -> usize {
    process::status(haproxy.pid(), "VmRSS:").unwrap_or(0)
}
