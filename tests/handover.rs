//! What the next reload does to the tables, for one kind of edit after the other, as real HAProxy processes do it.
//!
//! A case is a folder of `fixtures/handover`: `old.cfg` is running, then `haproxy -sf` starts `new.cfg` in its place. An entry
//! that is there before and after, with nobody else around, was *kept*: the old process handed it over. Else, if it is
//! there when a second instance with `other.cfg` was running all along, it was *refilled by peers*; else it is *lost*.
//!
//! `PEERCTL_UPDATE=1` writes what HAProxy did to `expected.tsv`.

mod support;

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use support::{Haproxy, Network, Running, haproxies, self_signed_certificate, wait_until};

/// Most of a run is waiting for timeouts of HAProxy's, so many go side by side.
const AT_ONCE: usize = 32;

/// A key that fits tables of type `ip` and `string`.
const KEY: &str = "10.0.0.1";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Handover {
    Kept,
    Refilled,
    Lost,
    /// This version of HAProxy doesn't take one of the files.
    Refused,
}

/// Case and version → what happened.
type Verdicts = BTreeMap<(String, (u16, u16)), Handover>;

#[test]
fn reloads_do_to_the_tables_what_the_list_says() {
    let (haproxies, mut cases) = (haproxies(), cases());
    if !Network::new().is_own() {
        cases.retain(|case| !needs_own_network(case));
    }
    let runs: Vec<_> = cases.iter().flat_map(|case| haproxies.iter().map(move |haproxy| (haproxy, case))).collect();
    let mut seen = observe_all(&runs, AT_ONCE);
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        assert!(Network::new().is_own(), "a list without the cases that were skipped would be wrong");
        return fs::write(list(), print_list(&seen)).expect("the list can be written");
    }
    let expected = read_list(&fs::read_to_string(list()).expect("the list"));
    let differs = |seen: &Verdicts, haproxy: &Haproxy, case: &Path| {
        seen.get(&id(haproxy, case)) != expected_for(&expected, haproxy, case).as_ref()
    };
    // HAProxy's timeouts are five seconds of the clock on the wall. What differs is seen once more, on a quieter machine.
    let doubtful: Vec<_> = runs.iter().copied().filter(|(haproxy, case)| differs(&seen, haproxy, case)).collect();
    for (haproxy, case) in &doubtful {
        println!("seen once more: {} on {}: {:?}", name(case), haproxy.branch(), seen.get(&id(haproxy, case)));
    }
    seen.extend(observe_all(&doubtful, 4));
    let wrong: Vec<_> = runs.iter().filter(|(haproxy, case)| differs(&seen, haproxy, case)).collect();
    let report = wrong.iter().fold(String::new(), |mut report, (haproxy, case)| {
        let (seen, listed) = (seen.get(&id(haproxy, case)), expected_for(&expected, haproxy, case));
        writeln!(report, "{} on {}: {seen:?}, listed as {listed:?}", name(case), haproxy.branch()).expect("a string");
        report
    });
    assert!(wrong.is_empty(), "HAProxy does what expected.tsv says (PEERCTL_UPDATE=1 rewrites it):\n{report}");
    let listed: Vec<_> = expected.keys().filter(|(case, _)| !folder().join(case).is_dir()).collect();
    assert!(listed.is_empty(), "each line of expected.tsv has its folder: {listed:?}");
}

fn observe_all(runs: &[(&Haproxy, &PathBuf)], at_once: usize) -> Verdicts {
    let (next, seen) = (AtomicUsize::new(0), Mutex::new(Verdicts::new()));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((haproxy, case)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let handover = observe(haproxy, case);
                    seen.lock().expect("nobody panics with it").insert(id(haproxy, case), handover);
                }
            });
        }
    });
    seen.into_inner().expect("nobody panicked with it")
}

/// Runs one case: alone, and with the second instance if that leaves the table empty.
fn observe(haproxy: &Haproxy, case: &Path) -> Handover {
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let dir = dir.path();
    self_signed_certificate(dir);
    for file in ["old.cfg", "new.cfg", "other.cfg"] {
        fs::copy(case.join(file), dir.join(file)).expect("a case has all three files");
        if !haproxy.check_in(dir, &[file], None, &[]).valid() {
            return Handover::Refused;
        }
    }
    if survives_reload(haproxy, dir, false) {
        Handover::Kept
    } else if survives_reload(haproxy, dir, true) {
        Handover::Refilled
    } else {
        Handover::Lost
    }
}

fn survives_reload(haproxy: &Haproxy, dir: &Path, with_other: bool) -> bool {
    let network = Network::new();
    let mut lb1 = haproxy.start(&network, dir, &["old.cfg"], None);
    let other = with_other.then(|| haproxy.start(&network, dir, &["other.cfg"], None));
    for instance in other.iter().chain([&lb1]) {
        wait_until("all that can be learnt is learnt", || instance.is_synchronised().then_some(()));
    }
    let tables = lb1.tables();
    let table = tables.iter().find(|name| *name == "t" || name.ends_with("/t")).expect("a table in each case is `t`");
    lb1.set_entry(table, KEY, "data.gpc0 7");
    if let Some(other) = &other {
        let end = Instant::now() + Duration::from_secs(2);
        wait_until("the other one has the entry, or doesn't get it", || {
            (entry(other).is_some() || Instant::now() > end).then_some(())
        });
    }
    lb1.reload(&["new.cfg"]).wait();
    wait_until("all that can be learnt is learnt", || lb1.is_synchronised().then_some(()));
    // `exp=0` is "never" in a table that has no `expire`; in another the entry is dead already, and purged sooner or later.
    let expires = fs::read_to_string(dir.join("new.cfg")).expect("copied before").contains(" expire ");
    entry(&lb1).is_some_and(|rest| !expires || !rest.contains("exp=0 "))
}

fn entry(instance: &Running) -> Option<String> {
    instance.tables().iter().find_map(|table| instance.entries(table).remove(KEY))
}

/// Whether a case depends on the host name, or listens on a wildcard address.
fn needs_own_network(case: &Path) -> bool {
    let needs = ["old.cfg", "new.cfg"].map(|file| fs::read_to_string(case.join(file)).expect("a case has these files"));
    let needs = needs.iter().any(|text| !text.contains("localpeer") || text.contains("*:") || text.contains("bind :"));
    if needs {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI there are network namespaces");
        eprintln!("SKIPPED, because this system permits no network namespace: {}", name(case));
    }
    needs
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/handover")
}

fn list() -> PathBuf {
    folder().join("expected.tsv")
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the fixtures").map(|entry| entry.expect("a readable folder").path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn name(case: &Path) -> String {
    case.file_name().expect("a folder has a name").to_string_lossy().into_owned()
}

fn id(haproxy: &Haproxy, case: &Path) -> (String, (u16, u16)) {
    (name(case), (haproxy.version.0, haproxy.version.1))
}

/// The line with the greatest version that isn't above this one's.
fn expected_for(expected: &Verdicts, haproxy: &Haproxy, case: &Path) -> Option<Handover> {
    let (name, version) = id(haproxy, case);
    expected.range((name.clone(), (0, 0))..=(name, version)).next_back().map(|(_, handover)| *handover)
}

/// Lines `case TAB version TAB handover`; `all` stands for version 0.0.
fn read_list(text: &str) -> Verdicts {
    let line = |line: &str| {
        let [case, since, handover] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
        let since = if since == "all" { "0.0" } else { since };
        let (major, minor) = since.split_once('.')?;
        let all = [Handover::Kept, Handover::Refilled, Handover::Lost, Handover::Refused];
        let handover = all.into_iter().find(|known| known.to_string() == handover)?;
        Some(((case.to_owned(), (major.parse().ok()?, minor.parse().ok()?)), handover))
    };
    let lines = text.lines().skip(1);
    lines.map(|text| line(text).unwrap_or_else(|| panic!("three columns, not {text:?}"))).collect()
}

/// The reverse: one line for each case, and one more for each version from which on it is otherwise.
fn print_list(seen: &Verdicts) -> String {
    let mut text = "case\thaproxy\thandover\n".to_owned();
    let mut before: Option<(&str, Handover)> = None;
    for ((case, (major, minor)), handover) in seen {
        let since = match before {
            Some(last) if last == (case, *handover) => continue,
            Some((last, _)) if last == case => format!("{major}.{minor}"),
            _ => "all".to_owned(),
        };
        writeln!(text, "{case}\t{since}\t{handover}").expect("a string");
        before = Some((case, *handover));
    }
    text
}

impl fmt::Display for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::Refilled => "refilled by peers",
            Self::Lost => "lost",
            Self::Refused => "refused",
        })
    }
}
