//! Large configurations: work and memory grow with them, and no faster.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use crate::support::{directory_in_memory, stderr};

fn configuration(backends: usize) -> String {
    let mut text = "global\n  localpeer lb1\n".to_owned();
    for n in 0..backends {
        write!(
            text,
            "\nbackend b{n} # the shop of customer {n}\n  balance roundrobin\n  stick-table type ip size 1k expire 5m store \
             gpc0,http_req_rate(10s)\n  stick on src\n  server web1 10.0.{}.{}:80 check\n  server web2 10.1.{0}.{1}:80 check\n",
            n / 250 % 250,
            n % 250
        )
        .unwrap();
    }
    text
}

/// Adds a peer to every table; gives the seconds of CPU that took, of at most `memory` bytes.
fn edit(text: &str, memory: usize) -> f64 {
    let (dir, _) = directory_in_memory(0);
    let file = dir.path().join("lb1.cfg");
    fs::write(&file, text).unwrap();
    let script = "prlimit --data=\"$1\" \"$2\" add mesh \"$3\" --peer lb1=10.0.0.1:1 --attach-all --no-validate --backup none; code=$?; \
                  times; exit $code";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", &memory.to_string(), env!("CARGO_BIN_EXE_peerctl")])
        .arg(&file)
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "within {memory} bytes: {}", stderr(&output));
    let now = fs::read_to_string(&file).unwrap();
    assert_eq!(now.matches(" peers mesh").count(), text.matches("stick-table ").count(), "every table has it");
    // The last line is of the children: `0m1.230s 0m0.040s`.
    let printed = String::from_utf8_lossy(&output.stdout);
    let seconds = |word: &str| {
        let (minutes, seconds) = word.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    };
    printed.lines().last().unwrap().split_whitespace().map(seconds).sum()
}

/// `PEERCTL_LARGE` = backends of the larger one, of about 250 bytes each.
#[test]
fn work_and_memory_grow_with_the_file_and_not_faster() {
    let many = std::env::var("PEERCTL_LARGE").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let (small, large) = (configuration(many / 8), configuration(many));
    let memory = (32 << 20) + 24 * large.len();
    let (a, b) = (edit(&small, memory), edit(&large, memory));
    println!("{} bytes: {a} s; {} bytes: {b} s, of CPU", small.len(), large.len());
    // Eight times the work; sixty-four times, if something were quadratic.
    assert!(b < 30.0 * a.max(0.05), "{a} s for an eighth, {b} s for all");
}

#[test]
fn a_directory_of_thousands_of_files_is_one_configuration() {
    let (dir, _) = directory_in_memory(0);
    for n in 0..3000 {
        let text = format!("backend b{n}\n  stick-table type ip size 1k\n  server a 10.0.0.1:80\n");
        fs::write(dir.path().join(format!("{n:05}.cfg")), text).unwrap();
    }
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
        let output = command.args(words).arg(dir.path()).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output))
    };
    let (code, shown, said) = run(&["show", "--format", "json", "--haproxy-version", "3.2"]);
    assert_eq!((code, shown.matches("\"backends\"").count()), (Some(0), 1), "{said}");
    assert_eq!(shown.matches("\"name\": \"b").count(), 2 * 3000, "each backend, and its table");
    let words = [
        "add",
        "mesh",
        "--peer",
        "lb1=10.0.0.1:1",
        "-L",
        "lb1",
        "--attach",
        "b7,b2999",
        "--no-validate",
        "--backup",
        "none",
    ];
    let (code, _, said) = run(&words);
    assert_eq!(code, Some(0), "{said}");
    let has = |n: usize, text: &str| fs::read_to_string(dir.path().join(format!("{n:05}.cfg"))).unwrap().contains(text);
    assert!(has(7, "peers mesh") && has(2999, "peers mesh") && !has(8, "peers mesh"), "only what was named");
}
