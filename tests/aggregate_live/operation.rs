//! What a person who runs it does and sees.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::star::{Aggregator, KEY, PORT, file, has_lease, node, number, peerctl, wait_leased, wait_total};
use crate::support::{self, Haproxy, Network, Program, Stopwatch, wait_until};

/// The one that most of these are tried with: what they are about isn't HAProxy's.
fn newest() -> Option<Haproxy> {
    support::haproxies().pop()
}

#[test]
fn status_metrics_and_readiness_say_how_it_goes() {
    let Some(haproxy) = newest() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let lb1 = node(&haproxy, &network, 1, 10_000).start();
    let mut lb2 = node(&haproxy, &network, 2, 10_000).start();
    lb2.kill();
    let text = file(&[&lb1], "", &format!("    peer lb2 {}\n    start-grace 300ms\n", network.address(10_002)));
    let mut aggregator = Aggregator::start(&network, dir.path(), &text);
    aggregator.wait_for("/publishing", &json!(true));
    let (code, page) = aggregator.page("/readyz");
    assert_eq!(code, 503, "one source is missing: {page}");
    assert!(page.contains("lb2: down"), "{page}");
    assert_eq!(aggregator.page("/healthz").0, 200);
    lb2.start_again();
    wait_leased(&[&lb1, &lb2]);
    lb1.track("st_src", KEY.as_bytes(), 5);
    lb2.track("st_src", KEY.as_bytes(), 7);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
    assert_eq!(aggregator.page("/readyz").0, 200);

    let text = aggregator.page("/metrics").1;
    for name in [
        "peer_up",
        "handshake_status",
        "resync_state",
        "updates_total",
        "source_age_seconds",
        "source_rejected",
        "lease_valid",
        "publish_lag_seconds",
        "takeovers_total",
        "table_entries",
        "echoed_total",
    ] {
        assert!(text.contains(&format!("# TYPE peerctl_{name} ")), "{name} in\n{text}");
    }
    assert!((aggregator.metric("lease_valid{aggregation=\"web\"}") - 1.0).abs() < 0.1);
    assert!(!text.contains("10.0.0.1\""), "no key is told unless that is asked for:\n{text}");

    let status = aggregator.status();
    let section = &status["aggregations"][0];
    assert_eq!([&section["fresh_sources"], &section["sources"]], [&json!(2), &json!(2)], "{status:#}");
    assert_eq!(section["tables"][0]["keys"], json!(1), "{status:#}");
    let output = peerctl(&["aggregate", "status", "--control", &aggregator.control()]);
    let human = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0));
    assert!(human.contains("2 sources, 1 key") && human.contains("lease: valid, 2 sources fresh"), "{human}");
    println!("{human}");
}

#[test]
fn a_forgotten_key_is_zero_on_all_nodes() {
    let Some(haproxy) = newest() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let [lb1, lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 60_000).start());
    let aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], "", ""));
    wait_leased(&[&lb1, &lb2]);
    lb1.track("st_src", KEY.as_bytes(), 5);
    lb2.track("st_src", KEY.as_bytes(), 7);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_rate(60000)", 12);
    let output = peerctl(&["forget", KEY, "--table", "st_src", "--control", &aggregator.control()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for field in ["http_req_cnt", "http_req_rate(60000)", "gpc0"] {
        wait_total(&[&lb1, &lb2], "st_src", KEY, field, 0);
    }
    let output = peerctl(&["forget", KEY, "--table", "nothing", "--control", &aggregator.control()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("no table nothing is added up"), "{said}");
    // It is a matter of the entries that were there: what is new counts.
    lb1.track("st_src", KEY.as_bytes(), 1);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 6);
}

#[test]
fn a_dry_run_learns_and_shows_and_publishes_nothing() {
    let Some(haproxy) = newest() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let [lb1, lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 10_000).start());
    let text = file(&[&lb1, &lb2], "", "");
    let mut aggregator = Aggregator::start_as(&network, dir.path(), "agg1", 10_981, &text, &["--dry-run"]);
    aggregator.wait_for("/fresh_sources", &json!(2));
    lb1.track("st_src", KEY.as_bytes(), 5);
    aggregator.wait_for("/tables/0/keys", &json!(1));
    let status = aggregator.status();
    assert_eq!(status["dry_run"], json!(true));
    assert_eq!(status["aggregations"][0]["publishing"], json!(false), "{status:#}");
    let shown = aggregator.program.wait_for_line("dry run: nothing is published");
    println!("{shown}");
    for lb in [&lb1, &lb2] {
        assert_eq!(lb.shown("mesh/st_src.agg").entries, []);
        assert_eq!(lb.shown("mesh/lease").entries, []);
    }
}

#[test]
fn sigterm_ends_it_at_once_and_the_state_is_kept() {
    let Some(haproxy) = newest() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let state = dir.path().join("state.ndjson");
    let [lb1, lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 10_000).start());
    let text = file(&[&lb1, &lb2], &format!("    state-file {}\n", state.display()), "");
    let mut aggregator = Aggregator::start(&network, dir.path(), &text);
    wait_leased(&[&lb1, &lb2]);
    lb1.track("st_src", KEY.as_bytes(), 5);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 5);
    // Another one can't have the same file, nor the same port.
    let other = crate::star::run(&network, dir.path(), "agg1", &[]).wait();
    assert_eq!(other.status.code(), Some(3), "{}", other.stderr);
    println!("{}", other.stderr);
    let began = Stopwatch::start();
    aggregator.program.signal(Signal::TERM);
    wait_until("it ends", || aggregator.program.has_ended().then_some(()));
    let took = began.elapsed();
    let ended = aggregator.program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let kept = fs::read_to_string(&state).expect("the state");
    assert!(kept.contains(KEY), "{kept}");
    wait_until("nobody trusts it", || (!has_lease(&lb1, "agg1")).then_some(()));
    assert_eq!(number(&lb1, "st_src.agg", KEY, "http_req_cnt"), 5, "what was published stays");
    println!("ended after {took:?}");
}

#[test]
fn what_it_cannot_have_is_said_at_the_start() {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let start = |global: &str| {
        let text = format!(
            "global\n    localpeer agg1\n    bind 127.0.0.1:{PORT}\n{global}aggregations web\n    from any to .agg\n    \
             peer lb1 127.0.0.1:10001\n"
        );
        fs::write(dir.path().join("agg1.conf"), network.localise(text)).expect("written");
        // As somebody who may not everything, even if that is root.
        let mut command = network.command("setpriv");
        if rustix::process::getuid().is_root() {
            command.args(["--bounding-set=-all", "--inh-caps=-all"]);
        }
        command.args([env!("CARGO_BIN_EXE_peerctl"), "aggregate", "-f"]).arg(dir.path().join("agg1.conf"));
        let ended = Program::start(command).wait();
        println!("{}", ended.stderr);
        (ended.status.code(), ended.stderr)
    };
    let listener = network.listen(PORT);
    let (code, said) = start("");
    assert!(code == Some(3) && said.contains(&PORT.to_string()) && said.contains("in use"), "{code:?} {said}");
    drop(listener);
    let listener = network.listen(10_981);
    let (code, said) = start("    metrics 127.0.0.1:10981\n");
    assert!(code == Some(3) && said.contains("metrics") && said.contains("in use"), "{code:?} {said}");
    drop(listener);
    let missing = dir.path().join("missing/state.ndjson");
    let (code, said) = start(&format!("    state-file {}\n", missing.display()));
    assert!(code == Some(3) && said.contains("state.ndjson"), "{code:?} {said}");
    // Somebody else's folder, and somebody else's file.
    let folder = dir.path().join("closed");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("old.ndjson"), "").expect("written");
    fs::set_permissions(folder.join("old.ndjson"), fs::Permissions::from_mode(0o400)).expect("ours");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).expect("ours");
    for name in ["new.ndjson", "old.ndjson"] {
        let (code, said) = start(&format!("    state-file {}\n", folder.join(name).display()));
        assert!(code == Some(3) && said.contains(name) && said.contains("denied"), "{code:?} {said}");
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("ours");
    let other = dir.path().join("other.ndjson");
    fs::write(&other, "this is a letter\n").expect("written");
    let (code, said) = start(&format!("    state-file {}\n", other.display()));
    assert!(code != Some(0) && said.contains("other.ndjson"), "{code:?} {said}");
    assert_eq!(fs::read_to_string(&other).expect("still there"), "this is a letter\n");
    let (code, said) = start("    state-fiel x\n");
    assert!(code == Some(2) && said.contains("did you mean `state-file`?"), "{code:?} {said}");
}
