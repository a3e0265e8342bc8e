//! The node's side of an aggregator: what `generate --aggregate` prints, given to real HAProxy, and its rules at work.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

mod support;

use peerctl::grammar::DataType;
use support::fake_peer::FakePeer;
use support::frames::{self, HEARTBEAT};
use support::{Authority, Network, Stopwatch, haproxies, wait_until};

const NODES: [&str; 4] = ["--peer", "lb1=127.0.0.1:10001", "--peer", "lb2=127.0.0.1:10002"];
const ONE: [&str; 2] = ["--aggregate", "agg1=127.0.0.1:10009"];
const TWO: [&str; 4] = ["--aggregate", "agg1=127.0.0.1:10009", "--aggregate", "agg2=127.0.0.1:10008"];

fn peerctl(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.current_dir(dir).args(words).stdin(Stdio::null()).output().expect("peerctl runs")
}

/// What `generate agg` prints.
fn generate(words: &[&str]) -> String {
    let output = peerctl(Path::new("/"), &[&["generate", "agg"], words].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""), "{words:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A configuration of `local` around what was printed, with the rules from its comments in a frontend.
fn around(text: &str, local: &str) -> String {
    let rules: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    assert!(rules.len() >= 3, "three rules to begin with:\n{text}");
    format!(
        "global\n  localpeer {local}\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
         {text}frontend web\n  bind 127.0.0.1:8080\n  {}\n  http-request return status 200\n",
        rules.join("\n  ")
    )
}

#[test]
fn haproxy_and_the_aggregator_take_what_is_printed_for_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    fs::copy(authority.certificate(), dir.path().join("ca.pem")).expect("copied");
    fs::copy(authority.issue("lb1"), dir.path().join("x.pem")).expect("copied");
    let tls = [
        "--ssl",
        "--crt",
        "x.pem",
        "--ca-file",
        "ca.pem",
        "--verifyhost",
        "agg1=agg1.example",
        "--verifyhost",
        "lb2=lb2",
    ];
    let tables: [&[&str]; 4] = [
        &[],
        &["--table", "st_src type ip size 1k expire 1m store http_req_cnt,conn_rate(3s),gpt0"],
        &[
            "--table",
            "keys type string len 64 size 1k expire 1m store gpc_rate(2,10s)",
            "--table",
            "b type ip size 1k store gpc0",
        ],
        &["--table", "ids type integer size 1k expire 1m store gpc0,bytes_out_rate(1m)"],
    ];
    for (aggregators, tls) in
        [(&ONE[..], &[][..]), (&TWO, &[]), (&ONE, &tls), (&TWO, &tls), (&ONE, &["--style", "server"])]
    {
        for table in tables {
            let words = [&NODES, aggregators, tls, table].concat();
            for local in ["lb1", "lb2"] {
                let text = generate(&[&words[..], &["-L", local]].concat());
                assert!(
                    !text.contains(if local == "lb1" { "lb2" } else { "lb1" }),
                    "a node lists no other node:\n{text}"
                );
                fs::write(dir.path().join("haproxy.cfg"), around(&text, local)).expect("written");
                for haproxy in haproxies() {
                    let check = haproxy.check_in(dir.path(), &["haproxy.cfg"], None, &[]);
                    let said = [check.warnings(), check.alerts()].concat();
                    assert!(
                        check.valid() && said.is_empty(),
                        "{} takes {words:?}: {check:?}\n{text}",
                        haproxy.branch()
                    );
                }
            }
            let file = generate(&[&words[..], &["-L", "agg1"]].concat());
            fs::write(dir.path().join("agg.conf"), &file).expect("written");
            let output = peerctl(dir.path(), &["aggregate", "-f", "agg.conf", "-c"]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), &*said), (Some(0), ""), "{words:?}\n{file}");
        }
    }
}

#[test]
fn what_add_makes_of_two_instances_is_what_generate_prints_and_check_finds_nothing_wrong() {
    const CONFIG: &str = "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n";
    let definition = "st_src type ip size 1k expire 10m store http_req_rate(10s)";
    for haproxy in haproxies() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = haproxy.path.to_str().expect("a path");
        for name in ["lb1.cfg", "lb2.cfg"] {
            fs::write(dir.path().join(name), CONFIG).expect("written");
        }
        let add = ["add", "agg", "lb1=lb1.cfg", "lb2=lb2.cfg", "--table", definition, "--haproxy", path];
        let words = [&add[..], &NODES, &TWO, &["--set-localpeer"]].concat();
        for run in ["the first run", "a second run"] {
            let output = peerctl(dir.path(), &words);
            let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(0), "{run} with {}: {said}", haproxy.branch());
            assert_eq!(said.contains("nothing to do"), run == "a second run", "{run}: {said}");
            assert_eq!(said.contains("in_table(agg/lease)"), run == "the first run", "{run}: {said}");
        }
        for local in ["lb1", "lb2"] {
            let text = fs::read_to_string(dir.path().join(format!("{local}.cfg"))).expect("readable");
            let printed = generate(&[&NODES[..], &TWO, &["--table", definition, "-L", local]].concat());
            let section = printed.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n"));
            let section: String = section.collect();
            assert!(text.ends_with(&section), "{local}:\n{text}\nhas\n{section}");
        }
        let output = peerctl(dir.path(), &["check", "lb1.cfg", "lb2.cfg", "--deny", "warning"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn an_aggregator_elsewhere_listens_only_where_that_is_safe_or_needed() {
    let nodes = ["--peer", "lb1=10.0.0.1:10000", "--peer", "lb2=10.0.0.2:10000"];
    let alone = generate(&[&nodes[..], &["--aggregate", "agg1=10.0.0.9:10000", "-L", "agg1"]].concat());
    assert!(alone.contains("\n  # bind 10.0.0.9:10000\n"), "in plain it only calls: {alone}");
    let two = ["--aggregate", "agg1=10.0.0.9:10000", "--aggregate", "agg2=10.0.0.8:10000", "-L", "agg1"];
    let pair = generate(&[&nodes[..], &two].concat());
    assert!(pair.contains("\n  bind 10.0.0.9:10000\n") && pair.contains("agg2 10.0.0.8:10000 standby"), "{pair}");
    let dir = tempfile::tempdir().expect("a folder");
    for (text, code) in [(&alone, 0), (&pair, 2)] {
        fs::write(dir.path().join("agg.conf"), text).expect("written");
        assert_eq!(peerctl(dir.path(), &["aggregate", "-f", "agg.conf", "-c"]).status.code(), Some(code), "{text}");
        let output = peerctl(dir.path(), &["aggregate", "-f", "agg.conf", "-c", "--insecure-plaintext"]);
        assert_eq!(output.status.code(), Some(0), "{text}");
    }
}

#[test]
fn what_makes_no_star_is_refused_with_what_to_do() {
    let long = format!("{}=10.0.0.9:1", "a".repeat(32));
    for (words, help) in [
        (&["--aggregate", "agg1=10.0.0.9:1"][..], "say which with -L NAME"),
        (&["--aggregate", "agg1=10.0.0.9:1", "-L", "lb9"], "name a node or an aggregator"),
        (&["--aggregate", "lb1=10.0.0.9:1", "-L", "lb1"], "--peer names nodes, --aggregate aggregators"),
        (&["--aggregate", &long, "-L", "lb1"], "at most 31 letters"),
        (&["--aggregate", "agg1=10.0.0.9:1", "-L", "lb1", "--table", "lease type ip size 1k"], "sources only"),
        (&["--aggregate", "agg1=10.0.0.9:1", "-L", "lb1", "--table", "a.agg type ip size 1k"], "sources only"),
        (&["--aggregate", "agg1=10.0.0.9:1", "-L", "lb1", "--shards", "2"], "cannot be used with"),
    ] {
        let output = peerctl(Path::new("/"), &[&["generate", "agg"], &NODES[..], words].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{words:?}: {said}");
        assert!(said.contains(help), "{words:?} says `{help}`: {said}");
    }
}

/// The status of one request.
fn request(network: &Network) -> u16 {
    let mut stream = network.connect(8080).expect("the frontend listens");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[test]
fn the_total_denies_while_the_lease_is_valid_and_the_local_limit_always() {
    let bit = |name: &str| u64::from(DataType::by_name(name.as_bytes()).expect("a data type").0);
    let rate = bit("http_req_rate");
    for haproxy in haproxies() {
        let (dir, network) = (tempfile::tempdir().expect("a folder"), Network::reachable());
        let table = ["--table", "st_src type ip size 1k expire 10m store http_req_rate(10s)", "-L", "lb1"];
        let text = generate(&[&NODES[..2], &ONE, &table].concat());
        fs::write(dir.path().join("lb1.cfg"), around(&text, "lb1")).expect("written");
        let lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], None);
        let aggregator = FakePeer::call(&network, 10_001, "lb1", "agg1");
        assert_eq!(aggregator.wait_for_line(), "200", "{} knows the aggregator", haproxy.branch());

        let total = frames::definition(1, "/st_src.agg", (4, 4), 1 << rate, 600_000, &[rate, 10_000]);
        let lease = frames::definition(2, "/lease", (6, 32), 1 << bit("gpc0"), 1_500, &[]);
        aggregator.send(&[total, frames::update(1, &[127, 0, 0, 1], &[0, 100_000, 0])].concat());
        wait_until("the total is there", || lb1.entries("agg/st_src.agg").get("127.0.0.1").cloned());
        assert_eq!(request(&network), 200, "{}: nobody says that the total can be trusted", haproxy.branch());

        let mut number = 0;
        let mut refresh = || {
            number += 1;
            let entry = frames::update(number, &frames::string_key(b"agg1"), &[2]);
            aggregator.send(&[&*lease, &*entry, &*frames::message(HEARTBEAT, &[])].concat());
        };
        wait_until("the total denies", || {
            refresh();
            (request(&network) == 429).then_some(())
        });
        let until = Instant::now() + Duration::from_secs(3);
        let (mut judged, mut last) = (0, (Instant::now(), Stopwatch::start()));
        while Instant::now() < until || judged < 6 {
            let refreshed = Instant::now();
            last = (refreshed, Stopwatch::start());
            assert!(refreshed < until + support::DEADLINE, "too few requests can be judged: {judged}");
            refresh();
            wait_until("the lease is there", || lb1.entries("agg/lease").contains_key("agg1").then_some(()));
            let status = request(&network);
            // With more time in between the lease may have ended.
            if refreshed.elapsed() < Duration::from_secs(1) {
                assert_eq!(status, 429, "{}: it goes on while the lease is refreshed", haproxy.branch());
                judged += 1;
            }
            // The pace of an aggregator, or faster.
            std::thread::sleep(Duration::from_millis(250));
        }
        wait_until("it falls back", || (request(&network) == 200).then_some(()));
        let (after, at_most) = (last.0.elapsed(), last.1.elapsed());
        assert!(after.as_millis() >= 1_400, "{}: about two seconds, not {after:?}", haproxy.branch());
        assert!(at_most.as_millis() < 3_750, "{}: about two seconds, not {at_most:?}", haproxy.branch());
        let entry = lb1.entries("agg/st_src.agg")["127.0.0.1"].clone();
        let value: u32 = entry.rsplit('=').next().and_then(|value| value.parse().ok()).expect("a rate");
        assert!(value > 300, "{}: the total is still over its limit: {entry}", haproxy.branch());

        let statuses: Vec<u16> = (0..120).map(|_| request(&network)).collect();
        assert_eq!(statuses.last(), Some(&429), "{}: the local limit holds without a lease", haproxy.branch());
    }
}
