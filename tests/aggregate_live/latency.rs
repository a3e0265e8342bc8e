//! How soon a request at one node counts on the other, and what that is good for.

use std::thread;
use std::time::{Duration, Instant};

use crate::star::{
    Aggregator, COUNT, Guard, KEY, LOCAL_LIMIT, TOTAL_LIMIT, file, node, wait_leased, wait_total, while_leased,
};
use crate::support::{self, Network};

/// The machine that runs tests is shared; the figure that is printed is what counts.
const GENEROUS: Duration = Duration::from_millis(100);

#[test]
fn a_request_at_one_node_is_in_a_rule_of_the_other_at_once() {
    const REQUESTS: usize = 60;
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let [lb1, lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 10_000).start());
        let _aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], "", ""));
        wait_leased(&[&lb1, &lb2]);
        let (mut client, mut eye) = (lb1.client(COUNT), lb2.client(Guard::Look as usize));
        let path = format!("/?k={KEY}");
        let mut took: Vec<Duration> = (1..=REQUESTS)
            .map(|made| {
                // Not in step with whatever happens every so often.
                thread::sleep(Duration::from_millis(20 + made as u64 * 7 % 31));
                let expected = format!("{made} 1");
                assert_eq!(client.get(&path).0, 200);
                let answered = Instant::now();
                let mut seen = String::new();
                while seen != expected {
                    assert!(answered.elapsed() < support::DEADLINE, "`{seen}` becomes `{expected}`");
                    seen = eye.get(&path).1;
                }
                answered.elapsed()
            })
            .collect();
        took.sort();
        let (median, worst) = (took[REQUESTS / 2], took[REQUESTS - 1]);
        println!(
            "HAProxy {}: in a rule of the other node after {median:?} (median), {worst:?} (worst)",
            haproxy.branch()
        );
        assert!(median < GENEROUS, "{median:?}");
    }
}

#[test]
fn both_nodes_answer_429_when_each_is_below_its_limit_and_the_total_is_above() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let nodes = [1, 2].map(|number| node(&haproxy, &network, number, 60_000).start());
        let each = TOTAL_LIMIT * 2 / 3;
        assert!(each < LOCAL_LIMIT && 2 * each > TOTAL_LIMIT);
        let path = format!("/?k={KEY}");
        let ask = |times: u32| -> Vec<Vec<u16>> {
            let mut clients = nodes.each_ref().map(|lb| lb.client(Guard::Deny as usize));
            let answers = clients.each_mut().map(|client| (0..times).map(|_| client.get(&path).0).collect());
            answers.to_vec()
        };
        // Without an aggregator each one has seen only its own part.
        assert!(ask(each).concat().iter().all(|status| *status == 200), "nobody knows the total");
        let nodes = nodes.each_ref();
        let _aggregator = Aggregator::start(&network, dir.path(), &file(&nodes, "", ""));
        wait_leased(&nodes);
        wait_total(&nodes, "st_src", KEY, "http_req_cnt", (2 * each).into());
        assert_eq!(while_leased(&nodes, || ask(3)), vec![vec![429; 3]; 2], "both know the total");
    }
}
