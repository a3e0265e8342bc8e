//! `check-ids --fix`, proven by HAProxy: instances that don't agree are fixed, real processes are started with the results,
//! and the ids they give are compared with each other and with what `show` says.

mod backends;
mod planted;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Output},
};

use backends::{Backend, head};
use peerctl::{
    config::{Document, Environment, Source},
    grammar::Version,
    model::{Facts, Instance, Naming},
};
use serde_json::Value;
use support::{Haproxy, Network, haproxies, random::Random};

/// Server → id.
type Ids = BTreeMap<String, u32>;

/// A backend on one instance as `show` tells it: server → id, whether that is written down, address.
type Shown = BTreeMap<String, (u32, bool, String)>;

/// Random backends on several instances, in files `lb1.cfg`, `lb2.cfg`, …
struct Site {
    dir: tempfile::TempDir,
    files: Vec<String>,
    backends: Vec<Backend>,
}

impl Site {
    fn random(seed: u64, instances: usize, backends: usize) -> Self {
        let mut random = Random::new(seed);
        let backends: Vec<_> =
            (0..backends).map(|n| Backend::random(&mut random, format!("app{n}"), instances)).collect();
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        let files: Vec<String> = (1..=instances).map(|n| format!("lb{n}.cfg")).collect();
        for (instance, file) in files.iter().enumerate() {
            let texts: String = backends.iter().map(|backend| backend.texts[instance].as_str()).collect();
            let text = head(file.trim_end_matches(".cfg")) + &texts;
            fs::write(dir.path().join(file), text).expect("the folder takes files");
        }
        Self { dir, files, backends }
    }

    fn peerctl(&self, words: &[&str]) -> Output {
        peerctl(self.dir.path(), words, &self.files)
    }

    fn fix(&self, haproxy: &Haproxy, more: &[&str]) {
        let program = haproxy.path.to_str().expect("a path of ours");
        let words = ["check-ids", "--fix", "--backup", "none", "--haproxy", program];
        let output = self.peerctl(&[&words, more].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {said}", haproxy.branch());
    }

    /// What the findings are, as JSON.
    fn findings(&self, haproxy: &Haproxy) -> Vec<Value> {
        findings(self.dir.path(), &self.files, &haproxy.branch())
    }

    /// By instance, backend → server → what `show` says.
    fn shown(&self, version: &str) -> Vec<BTreeMap<String, Shown>> {
        let output = self.peerctl(&["show", "--format", "json", "--haproxy-version", version]);
        let show: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let server = |server: &Value| {
            let id = server["id"].as_u64().and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
            let explicit = server["explicit"].as_bool().expect("explicit");
            (text(&server["name"]), (id, explicit, text(&server["address"])))
        };
        let backend = |backend: &Value| (text(&backend["name"]), list(&backend["servers"]).map(server).collect());
        list(&show["instances"]).map(|instance| list(&instance["backends"]).map(backend).collect()).collect()
    }

    /// The text of each file.
    fn texts(&self) -> Vec<String> {
        self.files.iter().map(|file| fs::read_to_string(self.dir.path().join(file)).expect("readable")).collect()
    }

    /// By instance, the ids that a running process gives; those of disabled backends aren't told.
    fn running(&self, haproxy: &Haproxy, instance: usize) -> BTreeMap<String, Ids> {
        let network = Network::new();
        let running = haproxy.start(&network, self.dir.path(), &[&self.files[instance]], None);
        let mut ids: BTreeMap<String, Ids> = BTreeMap::new();
        for line in running.cli("show servers state").lines() {
            let fields: Vec<_> = line.split(' ').collect();
            let [_, backend, id, server, _, ..] = fields[..] else { continue };
            let Ok(id) = id.parse() else { continue };
            ids.entry(backend.to_owned()).or_default().insert(server.to_owned(), id);
        }
        ids
    }
}

/// Runs the program in `dir`.
fn peerctl(dir: &Path, words: &[&str], files: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.current_dir(dir).args(words).args(files).output().expect("peerctl runs")
}

fn findings(dir: &Path, files: &[String], version: &str) -> Vec<Value> {
    let output = peerctl(dir, &["check-ids", "--format", "json", "--haproxy-version", version], files);
    let said = String::from_utf8_lossy(&output.stderr);
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    list(&checked["findings"]).cloned().collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn list(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().expect("an array").iter()
}

/// Whether instances disagree about a backend: a name has several ids, or an id leads to another machine.
fn disagree(sides: &[Shown]) -> bool {
    let differ = |(one, other): (&Shown, &Shown)| {
        let same_name = one.iter().filter_map(|(name, (id, ..))| Some((id, &other.get(name)?.0)));
        let same_id = |(id, _, address): &(u32, bool, String), name: &String| {
            other.iter().any(|(n, (i, _, a))| i == id && n != name && a != address)
        };
        same_name.into_iter().any(|(id, other)| id != other) || one.iter().any(|(name, server)| same_id(server, name))
    };
    (0..sides.len()).any(|n| sides[n + 1..].iter().any(|other| differ((&sides[n], other))))
}

/// A backend on the instances where it is enabled.
fn sides(all: &[BTreeMap<String, Shown>], backend: &Backend) -> Vec<Shown> {
    let enabled = |(instance, shown): (usize, &BTreeMap<String, Shown>)| {
        shown.get(&backend.name).filter(|_| !backend.disabled[instance]).cloned()
    };
    all.iter().enumerate().filter_map(enabled).collect()
}

/// The part of a file that is one backend; empty where it is missing.
fn part<'t>(text: &'t str, backend: &Backend) -> &'t str {
    let header = [format!("\nbackend {}\n", backend.name), format!("\nlisten {}\n", backend.name)];
    let Some(start) = header.iter().find_map(|header| text.find(header.as_str())).map(|at| at + 1) else { return "" };
    let rest = &text[start..];
    let end = ["\nbackend ", "\nlisten "].iter().filter_map(|next| rest.find(next)).min();
    end.map_or(rest, |end| &rest[..=end])
}

/// The servers of a backend that is all of a file but for the head.
fn read(part: &str) -> Shown {
    let document = Document::parse((head("lb1") + part).into()).expect("short");
    let files = [Source::new("lb1.cfg", document)];
    let facts = Facts { version: Version::new(3, 2), environment: Environment::default() };
    let instance = Instance::read(&files, &Naming::default(), &facts);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let servers = instance.proxies.iter().flat_map(|proxy| &proxy.servers);
    servers
        .map(|server| (text(&server.name), (server.id.unwrap_or(0), server.explicit, text(&server.address))))
        .collect()
}

/// Fixes random instances and looks at the result from all sides.
fn prove(seed: u64, instances: usize) {
    for (haproxy, seed) in haproxies().iter().zip(seed..) {
        let site = Site::random(seed, instances, 100);
        let (version, before, texts) = (haproxy.branch(), site.shown(&haproxy.branch()), site.texts());
        site.fix(haproxy, &[]);
        let (after, fixed) = (site.shown(&version), site.texts());
        let (mut wrong, mut changed) = (0, 0);
        for backend in &site.backends {
            let (was, is) = (sides(&before, backend), sides(&after, backend));
            let parts = |texts: &'_ [String]| texts.iter().map(|t| part(t, backend).to_owned()).collect::<Vec<_>>();
            let (old, new) = (parts(&texts), parts(&fixed));
            let context = || format!("seed {seed}, {}:\n{}\nafter:\n{}", backend.name, old.concat(), new.concat());
            if !disagree(&was) || backend.doubtful {
                assert_eq!(old, new, "what agrees, and what nobody knows, stays as it is; {}", context());
                continue;
            }
            wrong += 1;
            if old == new {
                assert!(backend.obstacles, "only what can't be fixed is left alone; {}", context());
                continue;
            }
            changed += 1;
            assert!(!disagree(&is), "the instances agree; {}", context());
            assert!(keeps_what_agreed(&was, &is, instances), "explicit ids that agreed stay; {}", context());
            assert!(
                backend.templates || old[0] == new[0] || was.len() < 2 || old[0].is_empty() || backend.disabled[0],
                "the first one decides; {}",
                context()
            );
            for (instance, line) in changed_lines(&old, &new) {
                let reverted = with_line(&new, instance, line, &old);
                let enabled = |(n, _): &(usize, &String)| !backend.disabled[*n];
                let reverted: Vec<_> =
                    reverted.iter().enumerate().filter(enabled).map(|(_, part)| read(part)).collect();
                assert!(disagree(&reverted), "line {line} of lb{} was needed; {}", instance + 1, context());
            }
        }
        assert!(wrong > 30 && changed > wrong / 2, "a test worth the name: {changed} of {wrong} fixed");
        nothing_is_left_to_do(&site, haproxy);
        haproxy_agrees(&site);
    }
}

/// Whether servers whose id was written down and the same on all instances still have it.
fn keeps_what_agreed(was: &[Shown], is: &[Shown], instances: usize) -> bool {
    let all = was.len() == instances;
    let agreed = |name: &&String, id: u32| was.iter().all(|side| side.get(*name).is_some_and(|s| s.0 == id && s.1));
    let first = was.first().into_iter().flatten().filter(|(name, (id, ..))| all && agreed(name, *id));
    first.into_iter().all(|(name, (id, ..))| is.iter().all(|side| side.get(name).is_some_and(|s| s.0 == *id)))
}

/// The lines that differ, by instance.
fn changed_lines(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let mut changed = Vec::new();
    for (instance, (old, new)) in old.iter().zip(new).enumerate() {
        assert_eq!(old.split('\n').count(), new.split('\n').count(), "no line is added or taken out");
        let differing = old.split('\n').zip(new.split('\n')).enumerate().filter(|(_, (a, b))| a != b);
        for (line, (old, new)) in differing {
            let first = new.split_whitespace().next().unwrap_or_default();
            assert!(["server", "server-template", "s\\x65rver"].contains(&first), "only servers change: {new}");
            assert_eq!(without_id(old), without_id(new), "only the id changes");
            changed.push((instance, line));
        }
    }
    changed
}

/// The words of a line that aren't its id.
fn without_id(line: &str) -> Vec<&str> {
    let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
    let is_id = |n: usize| ["id", "\"id\""].contains(&words[n]) && words[n - 1] != "cookie";
    let keep = |n: &usize| *n < 3 || !is_id(*n) && !is_id(n - 1);
    (0..words.len()).filter(keep).map(|n| words[n]).collect()
}

/// `new` with one line of one instance as it was.
fn with_line(new: &[String], instance: usize, line: usize, old: &[String]) -> Vec<String> {
    let mut parts = new.to_vec();
    let mut lines: Vec<&str> = new[instance].split('\n').collect();
    lines[line] = old[instance].split('\n').nth(line).expect("as many lines");
    parts[instance] = lines.join("\n");
    parts
}

fn nothing_is_left_to_do(site: &Site, haproxy: &Haproxy) {
    let once = site.texts();
    for finding in site.findings(haproxy) {
        let fixable = finding["fixable"] == true && finding["severity"] != "note";
        assert!(!fixable, "one more run finds nothing that could be fixed: {finding:#}");
    }
    site.fix(haproxy, &[]);
    assert!(once == site.texts(), "a second run changes nothing");
}

/// All releases take the files, and running processes have the ids that `show` tells.
fn haproxy_agrees(site: &Site) {
    for haproxy in haproxies() {
        let shown = site.shown(&haproxy.branch());
        for (instance, file) in site.files.iter().enumerate() {
            let check = haproxy.check_in(site.dir.path(), &[file], None, &[]);
            assert!(check.valid(), "{} takes {file}: {check:?}", haproxy.branch());
            let running = site.running(&haproxy, instance);
            for backend in site.backends.iter().filter(|backend| !backend.disabled[instance] && !backend.doubtful) {
                let ids = |shown: &Shown| shown.iter().map(|(name, server)| (name.clone(), server.0)).collect::<Ids>();
                let ours = shown[instance].get(&backend.name).map(ids).unwrap_or_default();
                let theirs = running.get(&backend.name).cloned().unwrap_or_default();
                assert_eq!(ours, theirs, "{} on {file}, {}", haproxy.branch(), backend.name);
            }
        }
    }
}

#[test]
fn pairs_of_instances_agree_after_as_few_changes_as_possible() {
    prove(100, 2);
}

#[test]
fn three_instances_agree_after_as_few_changes_as_possible() {
    prove(200, 3);
}

#[test]
fn all_ids_are_written_down_where_that_is_asked_for() {
    for (haproxy, seed) in haproxies().iter().zip(300..) {
        let site = Site::random(seed, 2, 100);
        let before = site.shown(&haproxy.branch());
        let select = ["--select", "server-id-implicit,server-id-mismatch,server-name-mismatch"];
        site.fix(haproxy, &select);
        let after = site.shown(&haproxy.branch());
        let mut written = BTreeSet::new();
        for backend in site.backends.iter().filter(|backend| !backend.obstacles) {
            let (was, is) = (sides(&before, backend), sides(&after, backend));
            assert!(!disagree(&is), "seed {seed}, {}: the instances agree", backend.name);
            assert!(keeps_what_agreed(&was, &is, 2), "explicit ids that agreed stay");
            let shared = backend.texts.iter().all(|text| text.contains("peers mesh")) && is.len() == 2;
            if shared {
                let explicit = is.iter().flat_map(BTreeMap::values).all(|server| server.1);
                assert!(explicit, "seed {seed}, {}: each server has its id written down", backend.name);
                written.insert(&backend.name);
            }
        }
        assert!(written.len() > 10, "a test worth the name: {}", written.len());
        haproxy_agrees(&site);
    }
}
