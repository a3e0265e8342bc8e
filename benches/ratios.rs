//! How fast and how small, as ratios: each figure stands beside another one measured in the same run, in turns, because a
//! machine's speed changes from minute to minute. Medians of the pairs; nothing is asserted. All runs on one core.
//!
//! `cargo bench --bench ratios` measures a configuration of 100,000 servers; a number as argument makes it smaller.

mod figures;
#[path = "../tests/support/generate.rs"]
mod generate;
mod lint;
#[path = "../tests/support/plant.rs"]
mod plant;
#[path = "../tests/support/random.rs"]
mod random;

use std::{
    fs,
    hint::black_box,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use figures::{Goal, note};
use generate::Configuration;
use memchr::memchr_iter;
use peerctl::config::{
    Document, Environment, Words,
    decode::{Decoder, Undefined},
};

const PEERCTL: &str = env!("CARGO_BIN_EXE_peerctl");

fn main() {
    let servers: usize = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    stay_on_one_core();
    let text = Configuration::new(servers / 100, 100).text();
    let document = Document::parse(text.clone()).expect("less than 2 GiB");
    let words: usize = document.lines().map(|line| document.word_count(line)).sum();
    println!("{} lines, {words} words, {:.1} MB\n", document.line_count(), megabytes(text.len()));
    println!("{:44} {:>12} {:>12} {:>8}  goal", "", "here", "beside it", "ratio");

    cores(&text);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("haproxy.cfg");
    fs::write(&file, &text).expect("the folder takes files");
    processes(&file, text.len());

    let half = folder.path().join("half.cfg");
    fs::write(&half, Configuration::new(servers / 200, 100).text()).expect("the folder takes files");
    let show = |file: &Path| time(|| run(&mut peerctl(&["show"], file), &[0]));
    row("show: all of it / half of it", &pairs(5, || show(&file), || show(&half)), milliseconds, Some(2.2));
    lint::check_ids(folder.path(), servers / 100, &haproxies());
    lint::people(servers);
}

/// What is started from here stays on the core that this process stays on.
fn stay_on_one_core() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default().trim();
    let core = cores.rsplit(['-', ',']).next().unwrap_or_default();
    let pid = std::process::id().to_string();
    let mut taskset = Command::new("taskset");
    let done = taskset.args(["--cpu-list", "--pid", core, &pid]).stdout(Stdio::null()).status();
    if !done.is_ok_and(|status| status.success()) {
        println!("`taskset` doesn't work here: what follows may use several cores");
    }
}

/// The library, beside a scan for the line ends.
fn cores(text: &[u8]) {
    let scan = || time(|| assert!(memchr_iter(b'\n', black_box(text)).count() > 0));
    let speed = |time: Duration| format!("{:.0} MB/s", megabytes(text.len()) / time.as_secs_f64());
    // The copy that `parse` takes over is made before the clock starts.
    let parse = || {
        let text = text.to_vec();
        time(|| drop(black_box(Document::parse(text))))
    };
    row("parse and index / find the line ends", &pairs(15, parse, scan), speed, None);

    let document = Document::parse(text.to_vec()).expect("less than 2 GiB");
    let print = || time(|| assert!(black_box(document.print()) == text));
    row("print / find the line ends", &pairs(15, print, scan), speed, None);

    let environment = Environment::default();
    let decoder = Decoder { environment: &environment, undefined: Undefined::Glues, file: b"f", section: b"s" };
    let decode = || {
        time(|| {
            let mut words = Words::default();
            for line in document.lines() {
                decoder.line(&document, line, &mut words);
                black_box(words.get(0));
            }
        })
    };
    row("decode all words / find the line ends", &pairs(15, decode, scan), speed, None);
}

/// The program, beside HAProxy's own check of the same file.
fn processes(file: &Path, length: usize) {
    let show = || time(|| run(&mut peerctl(&["show"], file), &[0]));
    let json = || time(|| run(&mut peerctl(&["show", "--format", "json"], file), &[0]));
    let parse = || time(|| run(&mut peerctl(&["parse"], file), &[0]));
    let haproxies = haproxies();
    for haproxy in &haproxies {
        let name = haproxy.file_name().unwrap_or_default().to_string_lossy();
        let check = || time(|| run(Command::new(haproxy).arg("-c").arg("-f").arg(file).stderr(Stdio::null()), &[0, 2]));
        row(&format!("peerctl show / {name} -c"), &pairs(5, show, check), milliseconds, Some(0.20));
        row(&format!("peerctl show --format json / {name} -c"), &pairs(5, json, check), milliseconds, Some(0.20));
        row(&format!("peerctl parse / {name} -c"), &pairs(5, parse, check), milliseconds, None);
    }
    if haproxies.is_empty() {
        println!("no HAProxy to compare with: run `make haproxy`");
    }
    for (name, arguments) in [("show", &["show"][..]), ("show --format json", &["show", "--format", "json"])] {
        let peak = peak_memory(&mut peerctl(arguments, file));
        let (here, beside) = (format!("{:.1} MB", megabytes(peak)), format!("{:.1} MB", megabytes(length)));
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let ratio = peak as f64 / length as f64;
        print_row(&format!("peak memory of peerctl {name} / file"), &here, &beside, ratio, Some(4.0));
    }
}

/// The version is given, so that no HAProxy is asked for its own.
fn peerctl(arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new(PEERCTL);
    command.args(arguments).args((arguments[0] == "show").then_some("--haproxy-version=3.2")).arg(file);
    command
}

fn haproxies() -> Vec<PathBuf> {
    let cache = std::env::var_os("PEERCTL_HAPROXY_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/haproxy"), PathBuf::from);
    let entries = fs::read_dir(cache.join("bin")).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    found.sort();
    found
}

fn run(command: &mut Command, codes: &[i32]) {
    let status = command.stdout(Stdio::null()).status().expect("the program starts");
    assert!(status.code().is_some_and(|code| codes.contains(&code)), "{command:?}: {status}");
}

/// The most memory a program held at one time, in bytes. It is looked at before each read from its output, with which it
/// can't end before the last look.
fn peak_memory(command: &mut Command) -> usize {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let (mut peak, mut chunk) = (0, vec![0; 1 << 16]);
    loop {
        peak = peak.max(high_water_mark(&child).unwrap_or(0));
        if stdout.read(&mut chunk).expect("a pipe is readable") == 0 {
            break;
        }
    }
    assert!(child.wait().expect("a child of ours").success(), "{command:?}");
    peak
}

fn high_water_mark(child: &Child) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn pairs(
    count: usize,
    mut here: impl FnMut() -> Duration,
    mut beside: impl FnMut() -> Duration,
) -> Vec<(Duration, Duration)> {
    let pair = (here(), beside());
    std::iter::once(pair).chain((0..count).map(|_| (here(), beside()))).skip(1).collect()
}

/// A row of times; the goal is the most that the ratio may be.
fn row(what: &str, pairs: &[(Duration, Duration)], show: impl Fn(Duration) -> String, goal: Option<f64>) {
    let middle = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let mut ratios: Vec<f64> = pairs.iter().map(|(here, beside)| here.as_secs_f64() / beside.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let here = show(middle(pairs.iter().map(|pair| pair.0).collect()));
    let beside = show(middle(pairs.iter().map(|pair| pair.1).collect()));
    print_row(what, &here, &beside, ratios[ratios.len() / 2], goal);
}

fn print_row(what: &str, here: &str, beside: &str, ratio: f64, goal: Option<f64>) {
    let most = goal.map(|most| format!("≤ {most}")).unwrap_or_default();
    println!("{what:44} {here:>12} {beside:>12} {ratio:>8.2}  {most}");
    if let Some(most) = goal {
        note(what, here, beside, ratio, Goal::AtMost(most));
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
