//! Changes, sessions and what is chosen.

use super::*;

#[test]
fn each_change_is_seen_at_once() {
    for haproxy in support::haproxies() {
        let network = Network::new();
        let lb1 = setup(&haproxy, &network).start();
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
        let mut watch = watch(&network, &[&peer(&lb1, "lb1")]);
        let first = wait_for(&mut watch, "the entry that was there", |record| is_entry(record, "10.0.0.1", 1));
        assert_eq!(first["resync"], true, "{first}");
        wait_for(&mut watch, "the end of the resync", |record| {
            record["type"] == "session" && record["event"] != "established"
        });
        let mut delays = Vec::new();
        for number in 2..=30 {
            let began = Stopwatch::start();
            lb1.set_entry("mesh/t", "10.0.0.1", &format!("data.gpc0 {number}"));
            let wanted = format!("\"gpc0\":{number},");
            while !watch.stdout().contains(&wanted) {
                assert!(began.elapsed() < Duration::from_secs(1), "{number} isn't there: {}", watch.stdout());
                std::thread::yield_now();
            }
            delays.push(began.elapsed());
        }
        delays.sort();
        println!("{:?}: median {:?}, worst {:?}", haproxy.version, delays[delays.len() / 2], delays[delays.len() - 1]);
        let records = interrupt(watch);
        let numbers: Vec<_> = records.iter().filter(|record| record["resync"] == false).collect();
        assert!(numbers.len() >= 29, "{numbers:?}");
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
    }
}

#[test]
fn every_direction_works_in_plain_and_in_tls() {
    let authority = Authority::new();
    for haproxy in support::haproxies() {
        for tls in [false, true] {
            for listens in [false, true] {
                let network = Network::new();
                let setup = setup(&haproxy, &network);
                let lb1 = if tls { setup.tls(&authority) } else { setup }.start();
                lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
                let (crt, ca) = (authority.issue("peerctl"), authority.certificate());
                let listen = network.address(support::live::GUEST_PORT);
                let called = peer(&lb1, "lb1");
                let mut words = vec![if listens { "lb1" } else { &called }];
                if listens {
                    words.extend(["--listen", &listen]);
                }
                let (crt, ca) = (crt.display().to_string(), ca.display().to_string());
                if tls {
                    words.extend(["--ssl", "--crt", &crt, "--ca-file", &ca]);
                }
                let mut watch = watch(&network, &words);
                wait_for(&mut watch, "the entry", |record| is_entry(record, "10.0.0.1", 7));
                lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 8");
                wait_for(&mut watch, "its change", |record| is_entry(record, "10.0.0.1", 8));
                interrupt(watch);
            }
        }
    }
}

#[test]
fn after_a_crash_and_after_a_reload_the_stream_is_what_haproxy_shows() {
    for haproxy in support::haproxies() {
        let network = Network::new();
        let mut lb1 = setup(&haproxy, &network).start();
        for key in 1..=50 {
            lb1.set_entry("mesh/t", &format!("10.0.0.{key}"), &format!("data.gpc0 {key}"));
        }
        let mut watch = watch(&network, &[&peer(&lb1, "lb1")]);
        wait_same(&mut watch, &lb1, "lb1", 1);

        lb1.restart_empty();
        lb1.set_entry("mesh/t", "10.0.0.3", "data.gpc0 99");
        wait_same(&mut watch, &lb1, "lb1", 2);

        // Killed too soon it hands nothing over.
        lb1.reload_with(|setup| setup).wait();
        lb1.set_entry("mesh/t", "10.0.0.4", "data.gpc0 98");
        wait_same(&mut watch, &lb1, "lb1", 3);
        assert_eq!(shown(&lb1, "mesh/t").len(), 2, "a reload keeps the table");
        let records = interrupt(watch);
        assert!(records.iter().any(|record| is_session(record, "closed")));
    }
}

#[test]
fn a_table_that_changes_between_sessions_is_announced_anew() {
    for haproxy in support::haproxies() {
        let network = Network::new();
        let mut lb1 = setup(&haproxy, &network).start();
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
        let mut watch = watch(&network, &[&peer(&lb1, "lb1")]);
        wait_for(&mut watch, "the entry", |record| is_entry(record, "10.0.0.1", 1));
        lb1.kill();
        let changed = "type string len 20 size 10k expire 5m store gpc0,conn_cnt";
        lb1.start_again_with(|setup| setup.table("t", changed));
        lb1.set_entry("mesh/t", "ten", "data.gpc0 2");
        wait_for(&mut watch, "the entry of the new table", |record| is_entry(record, "ten", 2));
        let records = interrupt(watch);
        let tables: Vec<_> = records.iter().filter(|record| record["type"] == "table").collect();
        assert_eq!(tables.len(), 2, "{tables:?}");
        assert_eq!((&tables[0]["key_type"], &tables[1]["key_type"]), (&"ip".into(), &"string".into()));
        assert_eq!(tables[1]["key_len"], 21);
    }
}

#[test]
fn several_peers_are_followed_and_chosen_from() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).table("other", TABLE).start();
    let lb2 = setup(haproxy, &network).named("lb2", 10_002).table("other", TABLE).start();
    for (lb, first) in [(&lb1, 1), (&lb2, 2)] {
        lb.set_entry("mesh/t", "10.0.0.1", &format!("data.gpc0 {first}"));
        lb.set_entry("mesh/t", "10.0.0.2", "data.gpc0 100");
        lb.set_entry("mesh/other", "10.0.0.3", "data.gpc0 3");
    }
    let peers = [peer(&lb1, "lb1"), peer(&lb2, "lb2")];
    let words = [peers[0].as_str(), &peers[1], "--table", "t", "--where", "gpc0 < 50", "--count", "2"];
    let ended = watch(&network, &words).wait();
    let records = records(&ended.stdout);
    let mut entries: Vec<String> = records
        .iter()
        .filter(|record| record["type"] == "entry")
        .map(|record| format!("{} {} {}", record["peer"], record["key"], record["data"]["gpc0"]))
        .collect();
    entries.sort();
    assert_eq!(entries, ["\"lb1\" \"10.0.0.1\" 1", "\"lb2\" \"10.0.0.1\" 2"], "{}", ended.stderr);
    assert!(!ended.stdout.contains("/other"), "{}", ended.stdout);

    let misuse = |words: &[&str], part: &str| {
        let ended = watch(&network, &[&[peers[0].as_str()], words].concat()).wait();
        assert_eq!(ended.status.code(), Some(2), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{words:?}: {}", ended.stderr);
    };
    misuse(&["--table", "nowhere"], "`/other`, `/t`");
    misuse(&["--where", "gpc0 >"], "--where");
    misuse(&["--where", "conn_cnt > 3"], "conn_cnt");
    misuse(&["--sum"], "--metrics :9199 --metrics-top 20 --sum");
    misuse(&["--sort", "gpc0"], "`peerctl dump --sort TYPE --limit N`");
    misuse(&["--limit", "3"], "`peerctl dump --sort TYPE --limit N`");
}

#[test]
fn time_that_is_up_ends_it_and_what_is_missing_is_in_the_exit_code() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).start();
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let address = peer(&lb1, "lb1");
    let ended = watch(&network, &[&address, "--duration", "4s"]).wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let last = records(&ended.stdout).pop().expect("records");
    assert_eq!((&last["type"], &last["complete"]), (&"end".into(), &true.into()));

    let nobody = format!("lb2={}", network.address(10_009));
    let ended = watch(&network, &[&address, &nobody, "--duration", "4s"]).wait();
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("lb2: can't connect"), "{}", ended.stderr);
    assert_eq!(records(&ended.stdout).pop().expect("records")["complete"], false);
}
