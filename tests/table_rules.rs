//! What the rules about tables claim, on two running HAProxy processes that are peers of each other.

mod support;

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use crate::support::{Haproxy, Network, Running, haproxies, wait_until};

const DEFAULTS: &str = "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n";

/// Writes `NAME.cfg`: a peers section with `peers`, and `rest` behind it.
fn write(dir: &Path, name: &str, peers: &[&str], rest: &str) -> String {
    let line = |peer: &&str| format!(" peer {peer} 127.0.0.{}:10000\n", peer.trim_start_matches("lb"));
    let peers: String = peers.iter().map(line).collect();
    let file = format!("{name}.cfg");
    fs::write(dir.join(&file), format!("{DEFAULTS}peers mesh\n{peers}{rest}")).expect("writable");
    file
}

/// `lb1` and `lb2`, connected, with these parts in their files. Both have a table `control`, too.
fn pair<'a>(haproxy: &'a Haproxy, network: &'a Network, dir: &Path, parts: [&str; 2]) -> [Running<'a>; 2] {
    let running = [("lb1", parts[0]), ("lb2", parts[1])].map(|(name, part)| {
        let control = "backend control\n stick-table type string size 1k expire 1h store gpc0 peers mesh\n";
        let file = write(dir, name, &["lb1", "lb2"], &format!("{control}{part}"));
        haproxy.start(network, dir, &[file], Some(name))
    });
    wait_until("a session stands", || running[0].is_established("lb2").then_some(()));
    running
}

/// Waits until what `from` has sent has arrived at `to`.
fn settle(from: &Running<'_>, to: &Running<'_>) {
    from.set_entry("control", "now", "data.gpc0 1");
    wait_until("the control entry arrives", || to.entries("control").contains_key("now").then_some(()));
}

fn table(definition: &str) -> String {
    format!("backend t\n stick-table {definition} size 1k peers mesh\n")
}

/// Sets an entry on `lb1` whose table is as `left`, and gives what `lb2` shows, whose table is as `right`.
fn replicated(haproxy: &Haproxy, left: &str, right: &str, key: &str, data: &str) -> Option<String> {
    let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
    let [lb1, lb2] = pair(haproxy, &network, dir.path(), [&table(left), &table(right)]);
    lb1.set_entry("t", key, data);
    settle(&lb1, &lb2);
    lb2.entries("t").remove(key)
}

#[test]
fn a_table_with_other_keys_is_not_replicated() {
    for haproxy in haproxies() {
        for (left, right, key) in [
            ("type string expire 1h store gpc0", "type string len 32 expire 1h store gpc0", "k"),
            ("type ip expire 1h store gpc0", "type ipv6 expire 1h store gpc0", "10.0.0.1"),
        ] {
            assert_eq!(replicated(&haproxy, left, right, key, "data.gpc0 7"), None, "{}: {right}", haproxy.branch());
            let same = replicated(&haproxy, left, left, key, "data.gpc0 7").expect("replicated");
            assert!(same.contains("gpc0=7"), "{}: {same}", haproxy.branch());
        }
    }
}

#[test]
fn only_common_columns_and_elements_are_replicated() {
    for haproxy in haproxies() {
        let entry = replicated(
            &haproxy,
            "type string expire 1h store gpc0,conn_cnt",
            "type string expire 1h store gpc(1),conn_cnt",
            "k",
            "data.gpc0 7 data.conn_cnt 3",
        )
        .expect("replicated");
        assert!(entry.contains("conn_cnt=3") && !entry.contains("=7"), "{entry}");
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
        let left = format!(
            "frontend t\n bind unix@{}/http\n stick-table type string size 1k expire 1h store gpc(3) peers mesh\n http-request \
             track-sc0 hdr(x)\n http-request sc-inc-gpc(0,0)\n http-request sc-inc-gpc(2,0)\n http-request return status 200\n",
            dir.path().display()
        );
        let [lb1, lb2] = pair(&haproxy, &network, dir.path(), [&left, &table("type string expire 1h store gpc(2)")]);
        request(&dir.path().join("http"));
        settle(&lb1, &lb2);
        let own = lb1.entries("t").remove("k").expect("counted");
        assert!(own.ends_with("gpc(3)=1,0,1") || own.ends_with("gpc0=1 gpc1=0 gpc2=1"), "{}: {own}", haproxy.branch());
        let entry = lb2.entries("t").remove("k").expect("replicated");
        assert!(entry.ends_with("gpc(2)=1,0") || entry.ends_with("gpc0=1 gpc1=0"), "{}: {entry}", haproxy.branch());
    }
}

#[test]
fn a_rate_is_read_with_the_receivers_own_period() {
    let rules = |period: &str, dir: &Path, name: &str| {
        format!(
            "frontend t\n bind unix@{}/{name}.http\n stick-table type string size 1k expire 1h store http_req_rate({period}) \
             peers mesh\n http-request track-sc0 hdr(x)\n http-request return status 200\n",
            dir.display()
        )
    };
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
        let (left, right) = (rules("10m", dir.path(), "lb1"), rules("100ms", dir.path(), "lb2"));
        let [lb1, lb2] = pair(&haproxy, &network, dir.path(), [&left, &right]);
        for _ in 0..20 {
            request(&dir.path().join("lb1.http"));
        }
        settle(&lb1, &lb2);
        // A period of 100 ms has gone by twice: what is twenty in ten minutes on the one is nothing on the other.
        let entry = wait_until("a rate of zero", || {
            lb2.entries("t").remove("k").filter(|entry| entry.ends_with("http_req_rate(100)=0"))
        });
        assert!(!entry.is_empty());
        let own = lb1.entries("t").remove("k").expect("an entry");
        assert!(own.ends_with("http_req_rate(600000)=20"), "{}: {own}", haproxy.branch());
    }
}

#[test]
fn a_disabled_section_shares_nothing_and_says_nothing() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
        let part = "backend t\n stick-table type string size 1k expire 1h store gpc0 peers off\n\
                    backend control\n stick-table type string size 1k expire 1h store gpc0 peers mesh\n\
                    peers off\n disabled\n peer lb1 127.0.0.1:10001\n peer lb2 127.0.0.2:10001\n";
        let [lb1, lb2] = ["lb1", "lb2"].map(|name| {
            let file = write(dir.path(), name, &["lb1", "lb2"], part);
            haproxy.start(&network, dir.path(), &[file], Some(name))
        });
        wait_until("the other section's session stands", || lb1.is_established("lb2").then_some(()));
        lb1.set_entry("t", "k", "data.gpc0 7");
        settle(&lb1, &lb2);
        assert!(lb2.entries("t").is_empty(), "{}", haproxy.branch());
        assert!(!lb1.log().contains("off"), "{}: {}", haproxy.branch(), lb1.log());
    }
}

#[test]
fn a_full_resync_teaches_what_was_learned_from_others() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
        let part = table("type string expire 1h store gpc0");
        let files = [("lb1", ["lb1", "lb2"].as_slice()), ("lb2", &["lb1", "lb2", "lb3"]), ("lb3", &["lb2", "lb3"])]
            .map(|(name, peers)| write(dir.path(), name, peers, &part));
        let start = |name: &str, file: &String| haproxy.start(&network, dir.path(), &[file], Some(name));
        let lb1 = start("lb1", &files[0]);
        let lb2 = start("lb2", &files[1]);
        wait_until("a session stands", || lb1.is_established("lb2").then_some(()));
        lb1.set_entry("t", "k", "data.gpc0 7");
        wait_until("the entry arrives", || lb2.entries("t").contains_key("k").then_some(()));
        let lb3 = start("lb3", &files[2]);
        // `lb3` doesn't know `lb1`.
        let entry = wait_until("the entry is taught on", || lb3.entries("t").remove("k"));
        assert!(entry.contains("gpc0=7"), "{}: {entry}", haproxy.branch());
    }
}

#[test]
fn an_entry_goes_away_with_its_rates() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
        let part = format!(
            "frontend t\n bind unix@{}/http\n stick-table type string size 1k expire 2s store http_req_rate(10m)\n \
             http-request track-sc0 hdr(x)\n http-request return status 200\n",
            dir.path().display()
        );
        let file = write(dir.path(), "lb1", &["lb1"], &part);
        let lb1 = haproxy.start(&network, dir.path(), &[file], Some("lb1"));
        for _ in 0..20 {
            request(&dir.path().join("http"));
        }
        wait_until("the entry has expired", || lb1.entries("t").is_empty().then_some(()));
        request(&dir.path().join("http"));
        let entry = lb1.entries("t").remove("k").expect("a new entry");
        assert!(entry.ends_with("http_req_rate(600000)=1"), "{}: {entry}", haproxy.branch());
    }
}

#[test]
fn a_rate_without_a_period_kills_the_process_when_it_is_shown() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
        let part = "backend t\n stick-table type string size 1k expire 1h store http_req_rate(0)\n";
        let file = write(dir.path(), "lb1", &["lb1"], part);
        let lb1 = haproxy.start(&network, dir.path(), &[file], Some("lb1"));
        lb1.set_entry("t", "k", "data.http_req_rate 1");
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lb1.cli("show table t")));
        assert!(answer.is_err() || answer.is_ok_and(|text| text.is_empty()), "{} answers", haproxy.branch());
        let alive = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lb1.cli("show info")));
        assert!(alive.is_err(), "{} is gone", haproxy.branch());
    }
}

#[test]
fn entries_have_the_size_that_the_rule_about_memory_knows() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a temporary folder"));
        // A length that makes the pool the only one of its size.
        let part = "backend t\n stick-table type string len 5001 size 1k store gpc0,http_req_rate(10s)\n";
        let file = write(dir.path(), "lb1", &["lb1"], part);
        let lb1 = haproxy.start(&network, dir.path(), &[file], Some("lb1"));
        let pools = lb1.cli("show pools");
        let (key, data) = (5002_u32.next_multiple_of(8), 16);
        let size = match haproxy.version {
            (2, ..) => (136 + key + data + 8).next_multiple_of(32) - 8,
            (3, 0 | 1, _) => 144 + key + data,
            _ => 168 + key + data,
        };
        assert!(pools.contains(&format!("Pool sticktables ({size} bytes)")), "{} {size}: {pools}", haproxy.branch());
    }
}

/// One request with the header `X: k`.
fn request(socket: &Path) {
    let mut stream = UnixStream::connect(socket).expect("HAProxy listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\nX: k\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}
