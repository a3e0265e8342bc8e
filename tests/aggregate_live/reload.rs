//! SIGHUP: the file is read again, and what can't work changes nothing.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::star::{Aggregator, KEY, PORT, file, node, wait_leased, wait_total};
use crate::support::{self, Network, wait_until};

#[test]
fn sighup_takes_a_new_peer_in_and_a_bad_file_changes_nothing() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let [lb1, lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 10_000).start());
    let mut aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1], "", ""));
    wait_leased(&[&lb1]);
    lb1.track("st_src", KEY.as_bytes(), 5);
    lb2.track("st_src", KEY.as_bytes(), 7);
    wait_total(&[&lb1], "st_src", KEY, "http_req_cnt", 5);

    let letter = dir.path().join("letter.ndjson");
    fs::write(&letter, "this is a letter\n").expect("written");
    let _taken = [network.listen(10_971), network.listen(10_972)];
    let good = file(&[&lb1, &lb2], "", "");
    let many: String = (0..65).map(|n| format!("    peer n{n} 127.0.0.1:{}\n", 20_000 + n)).collect();
    let bad = [
        (good.replace("peer lb2", "pear lb2"), "did you mean `peer`?"),
        (good.replace("peer lb2", "pear lb2"), "agg1.conf:8:5"),
        (good.clone() + &many, "67 sources; 64 are the most"),
        (good.replace("lease lease", "from .agg to .agg"), "`from` twice in one section"),
        (good.replace("from any to .agg", "from .agg to .agg"), "written over its own source"),
        (good.replace(&format!("bind 127.0.0.1:{PORT}"), "bind 127.0.0.1:10971"), "10971: Address already in use"),
        (good.replace("metrics 127.0.0.1:10981", "metrics 127.0.0.1:10972"), "10972: Address already in use"),
        (good.replace("metrics", &format!("state-file {}\n    metrics", letter.display())), "letter.ndjson"),
        (good.replace(&format!(":{PORT}"), &format!(":{PORT} ssl crt /nonexistent/agg1.pem")), "agg1.pem"),
        (String::new(), "nothing is added up"),
    ];
    let sessions = || aggregator_metric(&aggregator);
    let before = sessions();
    for (times, (text, said)) in (1..).zip(&bad) {
        aggregator.rewrite(text);
        aggregator.hang_up();
        wait_until(said, || {
            let stderr = aggregator.program.stderr();
            (stderr.matches("SIGHUP: nothing changes").count() == times).then_some(())
        });
        let stderr = aggregator.program.stderr();
        assert!(stderr.contains(said), "`{said}` in\n{stderr}");
        lb1.track("st_src", KEY.as_bytes(), 1);
        wait_total(&[&lb1], "st_src", KEY, "http_req_cnt", 5 + times as i128);
    }
    println!("{}", aggregator.program.stderr());
    assert_eq!(sessions().to_bits(), before.to_bits(), "no session has ended");
    assert_eq!(aggregator.status()["aggregations"][0]["sources"], json!(1));
    assert_eq!(fs::read_to_string(&letter).expect("still there"), "this is a letter\n");

    aggregator.rewrite(&good);
    aggregator.hang_up();
    aggregator.wait_said("SIGHUP: the options were read again", 1);
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12 + bad.len() as i128);
    wait_leased(&[&lb1, &lb2]);
}

fn aggregator_metric(aggregator: &Aggregator<'_>) -> f64 {
    aggregator.metric("sessions_total{aggregation=\"web\",peer=\"lb1\"}")
}

#[test]
fn nobody_is_turned_away_while_the_file_is_read_again_and_state_and_sums_go_on() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let state = |name: &str| format!("    state-file {}\n", dir.path().join(name).display());
    let [lb1, lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 10_000).start());
    let nodes = [&lb1, &lb2];
    let mut aggregator = Aggregator::start(&network, dir.path(), &file(&nodes, &state("one.ndjson"), ""));
    wait_leased(&nodes);
    let over = AtomicBool::new(false);
    let mut made = 0;
    thread::scope(|scope| {
        let callers = [PORT, 10_981].map(|port| {
            let (network, over) = (&network, &over);
            scope.spawn(move || {
                let mut calls = 0;
                while !over.load(Ordering::Relaxed) {
                    network.connect(port).expect("it listens all the time");
                    calls += 1;
                }
                calls
            })
        });
        for round in 1..=6 {
            // The same file, and another one.
            let name = if round % 3 == 0 { "two.ndjson" } else { "one.ndjson" };
            aggregator.rewrite(&file(&nodes, &state(name), "    refresh 5m\n"));
            lb1.track("st_src", KEY.as_bytes(), 1);
            aggregator.hang_up();
            lb2.track("st_src", KEY.as_bytes(), 1);
            made += 2;
            aggregator.wait_said("SIGHUP: the options were read again", round);
            wait_total(&nodes, "st_src", KEY, "http_req_cnt", made);
        }
        over.store(true, Ordering::Relaxed);
        let calls = callers.map(|caller| caller.join().expect("never turned away"));
        println!("calls while the file was read again: {calls:?}");
        assert!(calls.iter().all(|calls| *calls > 6));
    });
    // What is in the file is what was meant last.
    aggregator.kill();
    let kept = fs::read_to_string(dir.path().join("two.ndjson")).expect("the state");
    assert!(kept.contains(r#""http_req_cnt":6"#), "{kept}");
}
