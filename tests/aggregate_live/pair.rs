//! More than one aggregator: two of the same nodes, and one over others.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::star::{
    Aggregator, COUNT, KEY, LEASE, PORT, file, has_lease, node, number, source_table, wait_leased, wait_total,
};
use crate::support::{self, Live, Network, Setup, wait_until};

/// The file of the second one of a pair.
fn second(nodes: &[&Live<'_>]) -> String {
    let text = file(nodes, "", &format!("    peer agg1 127.0.0.1:{PORT} standby\n"));
    text.replace("localpeer agg1", "localpeer agg2")
        .replace(&format!("bind 127.0.0.1:{PORT}"), &format!("bind 127.0.0.1:{}", PORT + 1))
        .replace("metrics 127.0.0.1:10981", "metrics 127.0.0.1:10982")
}

#[test]
fn of_two_aggregators_one_publishes_the_other_takes_over_and_nothing_grows() {
    let soak = std::env::var("PEERCTL_SOAK_SECONDS").map_or(20, |seconds| seconds.parse().expect("seconds"));
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(move || pair(haproxy, Duration::from_secs(soak)));
        }
    });
}

fn pair(haproxy: &support::Haproxy, soak: Duration) {
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let [lb1, lb2] = [1, 2].map(|number| node(haproxy, &network, number, 10_000).peer("agg2", PORT + 1).start());
    let nodes = [&lb1, &lb2];
    let first = file(&nodes, "", &format!("    peer agg2 127.0.0.1:{} standby\n    refresh 3s\n", PORT + 1));
    let mut agg1 = Aggregator::start(&network, dir.path(), &first);
    let text = second(&nodes).replace("    lease", "    refresh 3s\n    lease");
    let mut agg2 = Aggregator::start_as(&network, dir.path(), "agg2", 10_982, &text, &[]);
    agg1.wait_for("/fresh_sources", &json!(2));
    agg2.wait_for("/fresh_sources", &json!(2));
    agg1.wait_for("/publishing", &json!(true));
    agg2.wait_for("/standby", &json!(true));
    agg2.wait_for("/publishing", &json!(false));

    let (over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let looks = thread::scope(|scope| {
        let loads = nodes.map(|lb| {
            let (over, made) = (&over, &made);
            scope.spawn(move || {
                let mut client = lb.client(COUNT);
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(client.get(&format!("/?k={KEY}")).0, 200);
                    made.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(25));
                }
            })
        });
        let (began, mut looks) = (Instant::now(), 0);
        while began.elapsed() < soak {
            for lb in nodes {
                let total = number(lb, "st_src.agg", KEY, "http_req_cnt");
                let sum: i128 = nodes.iter().map(|lb| number(lb, "st_src", KEY, "http_req_cnt")).sum();
                assert!(total <= sum, "nothing counts twice: {total} of {sum}");
            }
            looks += 1;
            thread::sleep(Duration::from_millis(100));
        }
        over.store(true, Ordering::Relaxed);
        for load in loads {
            load.join().expect("no panic");
        }
        looks
    });
    let made = made.load(Ordering::Relaxed) as i128;
    wait_total(&nodes, "st_src", KEY, "http_req_cnt", made);
    let echoes = [&mut agg1, &mut agg2].map(|agg| {
        let status = agg.status();
        let peers = status["aggregations"][0]["peers"].as_array().expect("peers").clone();
        peers.iter().map(|peer| peer["echoed"].as_u64().expect("a number")).sum::<u64>()
    });

    let killed = Instant::now();
    agg1.kill();
    agg2.wait_for("/publishing", &json!(true));
    let took = killed.elapsed();
    lb1.track("st_src", KEY.as_bytes(), 3);
    wait_total(&nodes, "st_src", KEY, "http_req_cnt", made + 3);
    for lb in nodes {
        wait_until("the lease is that of the other", || has_lease(lb, "agg2").then_some(()));
    }
    agg1.start_again();
    agg1.wait_for("/publishing", &json!(true));
    agg2.wait_for("/standby", &json!(true));
    lb2.track("st_src", KEY.as_bytes(), 3);
    wait_total(&nodes, "st_src", KEY, "http_req_cnt", made + 6);
    wait_leased(&nodes);
    println!(
        "HAProxy {}: {looks} looks in {soak:?}, echoes {echoes:?}, the other one published after {took:?}",
        haproxy.branch()
    );
}

#[test]
fn a_level_above_adds_up_what_two_aggregators_have_added_up() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let network = Network::reachable();
    let dir = tempfile::tempdir().expect("a folder");
    let [low1, low2, top] = [PORT, PORT + 1, PORT + 2];
    // lb1 and lb2 are agg1's; lb3 is agg2's; lb4 reads what the whole is.
    let [lb1, lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 10_000).start());
    let source = source_table(10_000);
    let lb3 = Setup::new(&haproxy, &network).without_guest().named("lb3", 10_003).peer("agg2", low2);
    let lb3 = lb3.table("st_src", &source).table("st_src.agg", &source).table("lease", LEASE).start();
    let lb4 = Setup::new(&haproxy, &network).without_guest().named("lb4", 10_004).peer("top", top);
    let lb4 = lb4.table("st_src.all", &source).table("lease", LEASE).start();

    let up = format!("    peer top 127.0.0.1:{top} up\n");
    let mut agg1 = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], "", &up));
    let text = |name: &str, port: u16, metrics: u16, section: &str| {
        format!(
            "global\n    localpeer {name}\n    bind 127.0.0.1:{port}\n    metrics 127.0.0.1:{metrics}\n\
             aggregations web\n    lease lease\n{section}"
        )
    };
    let section = format!("    from any to .agg\n    peer lb3 {}\n{up}", lb3.address());
    let _agg2 = Aggregator::start_as(&network, dir.path(), "agg2", 10_982, &text("agg2", low2, 10_982, &section), &[]);
    let section = format!(
        "    from .agg to .all\n    peer agg1 127.0.0.1:{low1} down\n    peer agg2 127.0.0.1:{low2} down\n    peer lb4 {}\n",
        lb4.address()
    );
    let mut above = Aggregator::start_as(&network, dir.path(), "top", 10_983, &text("top", top, 10_983, &section), &[]);
    wait_leased(&[&lb1, &lb2]);
    for (lb, times) in [(&lb1, 5), (&lb2, 7), (&lb3, 11)] {
        lb.track("st_src", KEY.as_bytes(), times);
    }
    wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
    wait_total(&[&lb3], "st_src", KEY, "http_req_cnt", 11);
    let last = || number(&lb4, "st_src.all", KEY, "http_req_cnt");
    let found = support::try_until(|| (last() == 23).then_some(()));
    assert!(
        found.is_some(),
        "the total of totals is {}: {:#}\n{}\n{}",
        last(),
        above.status(),
        above.program.stderr(),
        agg1.program.stderr()
    );
    wait_until("the whole can be trusted", || has_lease(&lb4, "top").then_some(()));
    // A level below that dies and comes again counts once.
    agg1.kill();
    agg1.start_again();
    lb1.track("st_src", KEY.as_bytes(), 1);
    let found = support::try_until(|| (last() == 24).then_some(()));
    assert!(found.is_some(), "the total of totals is {}: {:#}", last(), above.status());
    println!("{}", above.program.stderr());
}
