//! Two instances, and ours around them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use peerctl::grammar::DataType;
use peerctl::record::{Reader, Record};
use peerctl::runtime::peers;

use crate::faults::Faults;
use crate::support::chaos::{Chaos, Plan};
use crate::support::random::Random;
use crate::support::wire::Initiator;
use crate::support::{Haproxy, Live, Network, Program, Setup, try_until, wait_until};
use crate::usage::Usage;

/// What is held and followed, and is the same everywhere; and what is added up.
const HELD: &str = "mesh/t";
const COUNTED: &str = "sum/c";
const TOTAL: &str = "sum/c.agg";

/// Keys of each table.
const KEYS: u32 = 200;

/// Between two faults.
const PACE: Duration = Duration::from_secs(2);

/// Between two looks at what processes use.
const SAMPLES: Duration = Duration::from_millis(250);

/// Between two changes of entries.
const CHANGES: Duration = Duration::from_millis(20);

/// The programs of ours, in the order of their proxies: those of `lb1` and `lb2` before each.
pub(crate) const PROGRAMS: [&str; 3] = ["hold", "agg", "watch"];

/// Everything that runs on one version.
pub(crate) struct Mesh<'a> {
    network: &'a Network,
    dir: &'a Path,
    pub(crate) lbs: [Live<'a>; 2],
    /// By program, then by instance.
    pub(crate) chaos: Vec<Chaos>,
    pub(crate) programs: Vec<Program>,
    pub(crate) usage: Vec<Usage>,
    /// Instances that are stopped.
    frozen: [bool; 2],
    /// What was counted at each instance since it began, by key.
    counted: [BTreeMap<u32, u64>; 2],
    changes: u64,
}

fn proxy_port(program: usize, lb: usize) -> u16 {
    u16::try_from(10_900 + program * 10 + lb).expect("a port")
}

fn setup<'a>(haproxy: &'a Haproxy, network: &'a Network, number: u16) -> Setup<'a> {
    let other = 3 - number;
    let port = 10_100 + number;
    Setup::new(haproxy, network)
        .named(&format!("lb{number}"), 10_000 + number)
        .peer(&format!("lb{other}"), 10_000 + other)
        .peer("hold", 10_991)
        .peer("watch", 10_993)
        .table("t", "type ip size 10k expire 1h store gpc0,http_req_cnt")
        .more(&format!(
            "peers sum\n    bind 127.0.0.1:{port}\n    server lb{number}\n    server agg 127.0.0.1:10992\n    \
             table c type ip size 10k expire 1h store gpc0,gpc0_rate(10s)\n    \
             table c.agg type ip size 10k expire 1h store gpc0,gpc0_rate(10s)\n    \
             table lease type string len 31 size 16 expire 1500ms store gpc0\n"
        ))
}

/// Runs it on one version for that long.
pub(crate) fn run(haproxy: &Haproxy, time: Duration, seed: u64) {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let mut mesh = Mesh::start(haproxy, &network, dir.path());
    let what = format!("HAProxy {}", haproxy.branch());
    let mut random = Random::new(seed ^ u64::from(haproxy.version.0) << 32 ^ u64::from(haproxy.version.1));
    let mut faults = Faults::default();
    let began = Instant::now();
    let (mut next, mut look) = (began + PACE / 2, began);
    while began.elapsed() < time {
        mesh.change(&mut random);
        if Instant::now() >= look {
            look += SAMPLES;
            mesh.sample();
        }
        if Instant::now() >= next {
            next += PACE;
            // Who is killed can't be watched for leaks; so that ends early.
            let early = began.elapsed() < time / 4;
            faults.strike(&mut mesh, &mut random, early);
        }
        faults.turn(&mut mesh);
        thread::sleep(CHANGES);
    }
    faults.end(&mut mesh);
    println!("{what}: {} changes, faults: {faults}", mesh.changes);
    mesh.finish(&what);
}

impl<'a> Mesh<'a> {
    fn start(haproxy: &'a Haproxy, network: &'a Network, dir: &'a Path) -> Self {
        let lbs = [1, 2].map(|number| setup(haproxy, network, number).start());
        let mut chaos = Vec::new();
        for program in 0..PROGRAMS.len() {
            for lb in 0..2 {
                let to = u16::try_from(lb).expect("small") + if program == 1 { 10_101 } else { 10_001 };
                let port = proxy_port(program, lb);
                chaos.push(Chaos::start(network, port, to, Initiator::Observer, |_| Plan::default()));
            }
        }
        let aggregations = format!(
            "global\n    localpeer agg\n    state-file {}\naggregations web\n    from any to .agg\n    peer lb1 127.0.0.1:{}\n    \
             peer lb2 127.0.0.1:{}\n    lease lease\n",
            dir.join("agg.ndjson").display(),
            proxy_port(1, 0),
            proxy_port(1, 1)
        );
        fs::write(dir.join("agg.conf"), network.localise(aggregations)).expect("the folder takes files");
        let counted = [BTreeMap::new(), BTreeMap::new()];
        let usage = PROGRAMS.iter().map(|_| Usage::default()).collect();
        let mut mesh =
            Self { network, dir, lbs, chaos, programs: Vec::new(), usage, frozen: [false; 2], counted, changes: 0 };
        mesh.programs = (0..PROGRAMS.len()).map(|program| mesh.launch(program)).collect();
        mesh
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn launch(&self, program: usize) -> Program {
        let path = |name: &str| self.path(name).to_str().expect("a path").to_owned();
        let peers = [0, 1].map(|lb| format!("lb{}={}", lb + 1, self.network.address(proxy_port(program, lb))));
        let [lb1, lb2] = &peers;
        match program {
            0 => self.network.peerctl(&["hold", "-L", "hold", "--state", &path("hold.ndjson"), lb1, lb2]),
            1 => self.network.peerctl(&["aggregate", "-f", &path("agg.conf")]),
            _ => self.network.peerctl(&[
                "watch",
                "-L",
                "watch",
                "--format",
                "text",
                "--record",
                &path("watch.ndjson"),
                lb1,
                lb2,
            ]),
        }
    }

    /// Kills a program of ours and starts it again.
    pub(crate) fn restart(&mut self, program: usize) {
        self.programs[program].signal(rustix::process::Signal::KILL);
        wait_until("it is gone", || self.programs[program].has_ended().then_some(()));
        self.programs[program] = self.launch(program);
        self.usage[program].begin_anew();
    }

    fn sample(&mut self) {
        for (program, usage) in self.programs.iter().zip(&mut self.usage) {
            usage.sample(program.pid());
        }
    }

    /// An instance has started with nothing.
    pub(crate) fn forget(&mut self, lb: usize) {
        self.counted[lb].clear();
    }

    /// Some entries change at one of the instances.
    fn change(&mut self, random: &mut Random) {
        let lb = random.below(2);
        let own = u32::try_from(lb).expect("small");
        let commands: Vec<String> = (0..4)
            .map(|_| {
                self.changes += 1;
                let key = u32::try_from(random.below(KEYS as usize)).expect("small");
                // Each key of the table that both have is changed at one of them.
                let (held, changes) = (address(key / 2 * 2 + own), self.changes);
                let count = self.counted[lb].entry(key).or_insert(0);
                *count += 1;
                let count = *count;
                format!(
                    "set table {HELD} key {held} data.gpc0 {changes} data.http_req_cnt {changes};\
                     set table {COUNTED} key {} data.gpc0 {count}",
                    address(key)
                )
            })
            .collect();
        if !self.frozen[lb] {
            self.lbs[lb].cli(&commands.join(";"));
        }
    }

    /// Stops an instance where it is, or lets it go on.
    pub(crate) fn freeze(&mut self, lb: usize, is_frozen: bool) {
        self.frozen[lb] = is_frozen;
        if is_frozen {
            self.lbs[lb].freeze();
        } else {
            self.lbs[lb].thaw();
        }
    }

    /// Every key is changed once more, and then all have the same.
    fn finish(&mut self, what: &str) {
        // Who is still being taught would take what others had before for newer than what it is given here.
        for lb in &self.lbs {
            wait_until("it has been taught", || lb.is_synchronised().then_some(()));
        }
        for lb in 0..2 {
            for key in (0..KEYS).skip(lb).step_by(2) {
                self.changes += 1;
                let data = format!("data.gpc0 {} data.http_req_cnt {}", self.changes, self.changes);
                self.lbs[lb].set_entry(HELD, &address(key), &data);
            }
            for key in 0..KEYS {
                self.lbs[lb].set_entry(COUNTED, &address(key), &format!("data.gpc0 {}", 1_000_000 + key));
            }
        }
        let began = Instant::now();
        let in_time = |problem: Option<String>, which: &str| {
            if let Some(problem) = problem {
                panic!("{what}: {which}: {problem}");
            }
            println!("{what}: {which}: the same after {:.1} s", began.elapsed().as_secs_f64());
        };
        in_time(self.settle(Self::same_totals), "totals");
        in_time(self.settle(Self::same_entries), "entries of both instances");
        in_time(self.settle(Self::same_record), "the recording");
        in_time(self.settle(Self::acknowledged_by_hold), "what hold has");
        self.compare();
        for (name, usage) in PROGRAMS.iter().zip(&self.usage) {
            usage.check(&format!("{what}, {name}"));
        }
        for lb in &self.lbs {
            for peer in ["hold", "watch", "agg"] {
                assert_eq!(lb.peer_counter(peer, "proto_err"), 0, "{what}: {peer}: {}", lb.cli("show peers"));
            }
        }
        // What the standby has is what both had: it teaches them when they come up with nothing.
        let before = entries_of(&self.lbs[0], HELD);
        self.lbs.iter_mut().for_each(Live::kill);
        self.lbs.iter_mut().for_each(Live::start_again);
        in_time(self.settle(|mesh| differ(&before, &entries_of(&mesh.lbs[0], HELD))), "what hold taught lb1");
        in_time(self.settle(|mesh| differ(&before, &entries_of(&mesh.lbs[1], HELD))), "what hold taught lb2");
        for (name, program) in PROGRAMS.iter().zip(&mut self.programs) {
            assert!(!program.has_ended(), "{what}: {name} runs: {}", program.stderr());
            assert!(!program.stderr().contains("panicked"), "{what}: {name}: {}", program.stderr());
        }
    }

    /// What is still wrong after a while.
    fn settle(&mut self, mut problem: impl FnMut(&Self) -> Option<String>) -> Option<String> {
        let mut last = None;
        try_until(|| {
            last = problem(self);
            last.is_none().then_some(())
        });
        last
    }

    fn same_entries(&self) -> Option<String> {
        differ(&entries_of(&self.lbs[0], HELD), &entries_of(&self.lbs[1], HELD))
    }

    fn same_totals(&self) -> Option<String> {
        let [one, two] = [0, 1].map(|lb| entries_of(&self.lbs[lb], COUNTED));
        let keys = one.keys().chain(two.keys());
        let of = |entries: &Entries, key: &[u8]| entries.get(key).copied().unwrap_or(0);
        let sum: Entries = keys.map(|key| (key.clone(), of(&one, key) + of(&two, key))).collect();
        self.lbs.iter().find_map(|lb| differ(&sum, &entries_of(lb, TOTAL)))
    }

    /// What each instance was recorded to have of its own keys is what it has.
    fn same_record(&self) -> Option<String> {
        let recorded = recorded(&self.path("watch.ndjson"));
        let own = |lb: usize, entries: Entries| -> Entries {
            entries.into_iter().filter(|(key, _)| usize::from(key[3] % 2) == lb).collect()
        };
        (0..2).find_map(|lb| {
            let recorded = recorded.get(&format!("lb{}", lb + 1)).cloned().unwrap_or_default();
            differ(&own(lb, entries_of(&self.lbs[lb], HELD)), &own(lb, recorded))
        })
    }

    /// `hold` promises nothing of what it hasn't acknowledged.
    fn acknowledged_by_hold(&self) -> Option<String> {
        self.lbs.iter().find_map(|lb| {
            let sections = peers::parse(lb.cli("show peers").as_bytes()).expect("peers");
            let hold =
                sections.iter().flat_map(|section| &section.peers).find(|peer| *peer.name == *b"hold").expect("hold");
            let table = hold.tables.iter().find(|table| table.unacknowledged() > 0)?;
            Some(format!("{} of {} aren't acknowledged", table.unacknowledged(), table.name.escape_ascii()))
        })
    }

    /// `peerctl compare` says so, too.
    fn compare(&self) {
        for lb in &self.lbs {
            wait_until("it considers itself in sync", || lb.is_synchronised().then_some(()));
        }
        let [lb1, lb2] = [0, 1].map(|lb| format!("lb{}={}", lb + 1, self.lbs[lb].address()));
        let words = ["compare", "--table", "/t", &lb1, &lb2];
        let ended = self.network.peerctl(&words).wait();
        assert_eq!(ended.status.code(), Some(0), "{}{}", ended.stdout, ended.stderr);
    }
}

/// Keys and `gpc0`.
type Entries = BTreeMap<Vec<u8>, i128>;

fn entries_of(lb: &Live<'_>, table: &str) -> Entries {
    lb.shown(table).entries.iter().map(|entry| (entry.key.clone(), entry.number("gpc0"))).collect()
}

/// The first difference.
fn differ(expected: &Entries, found: &Entries) -> Option<String> {
    let keys: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let different = keys.into_iter().filter(|key| expected.get(*key) != found.get(*key));
    let all: Vec<_> = different.map(|key| (key, expected.get(key), found.get(key))).collect();
    all.first().map(|first| format!("{} of {} differ, the first one {first:?}", all.len(), expected.len()))
}

/// The last states of [`HELD`] in a recording, by peer.
fn recorded(path: &Path) -> BTreeMap<String, Entries> {
    let bytes = fs::read(path).expect("it is recorded");
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut reader = Reader::new(&bytes[..whole]);
    let (mut tables, mut all) = (BTreeMap::new(), BTreeMap::<String, Entries>::new());
    while let Some(record) = reader.read().expect("the recording is whole") {
        match record {
            Record::Table(id, table) => drop(tables.insert(id.index(), (table.peer.clone(), table.definition.clone()))),
            Record::Entry(entry, _) => {
                let (peer, definition) = &tables[&entry.table.index()];
                let field = DataType::by_name(b"gpc0").and_then(|of| definition.layout.field(of));
                if let (Some(field), b"/t") = (field, &*definition.name) {
                    let peer = String::from_utf8_lossy(peer).into_owned();
                    all.entry(peer).or_default().insert(entry.key.to_vec(), entry.values[field.slot].into());
                }
            }
            Record::Header(_) | Record::Session(_) | Record::End(_) => {}
        }
    }
    all
}

fn address(key: u32) -> String {
    std::net::Ipv4Addr::from(0x0a00_0000 + key).to_string()
}
