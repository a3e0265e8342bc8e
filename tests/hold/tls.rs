//! TLS with certificates on both sides, and certificates that change while it runs.

use std::path::Path;

use rustix::process::Signal;

use super::*;
use support::{Authority, live::GUEST_PORT};

/// The words of TLS by hand, with this certificate.
fn words<'a>(crt: &'a Path, ca: &'a Path) -> [&'a str; 5] {
    ["--ssl", "--crt", crt.to_str().expect("a path"), "--ca-file", ca.to_str().expect("a path")]
}

fn put(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("the folder takes files");
}

#[test]
fn in_tls_a_haproxy_that_comes_up_empty_has_everything_again_and_certificates_are_read_anew() {
    with_each(|haproxy| {
        let (authority, other) = (Authority::new(), Authority::new());
        let (good, foreign, ca) = (authority.issue(US), other.issue(US), authority.certificate());
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let (state, crt) = (dir.path().join("state.ndjson"), dir.path().join("hold.pem"));
        put(&good, &crt);
        let mut lb1 = setup(haproxy, &network).tls(&authority).start();
        fill(&lb1, 300);
        let before = shown(&lb1);
        let mut hold = hold(&network, &state, &[&peer(&lb1, "lb1")], &words(&crt, &ca));
        wait_said(&mut hold, "lb1: in sync", 1);
        lb1.restart_empty();
        wait_same(&lb1, &before);

        // A file that can't be used changes nothing.
        std::fs::write(&crt, "no certificate").expect("the folder takes files");
        hold.signal(Signal::HUP);
        wait_said(&mut hold, "SIGHUP: nothing changes: ", 1);
        assert!(lb1.is_established(US), "{}", hold.stderr());
        // The one that HAProxy doesn't accept is really used, and so is the next one.
        put(&foreign, &crt);
        hold.signal(Signal::HUP);
        wait_said(&mut hold, "SIGHUP: read again; lb1 is called anew", 1);
        wait_said(&mut hold, "it doesn't accept our certificate", 1);
        let synced = hold.stderr().matches("lb1: in sync").count();
        put(&good, &crt);
        hold.signal(Signal::HUP);
        wait_said(&mut hold, "lb1: in sync", synced + 1);
        hold.signal(Signal::TERM);
        let ended = hold.wait();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        assert_eq!(lb1.peer_counter(US, "proto_err"), 0);
    });
}

#[test]
fn in_tls_haproxy_calls_and_the_certificate_of_the_listener_is_read_anew() {
    with_each(|haproxy| {
        let (authority, other) = (Authority::new(), Authority::new());
        let (good, foreign, ca) = (authority.issue(US), other.issue(US), authority.certificate());
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let (state, crt) = (dir.path().join("state.ndjson"), dir.path().join("hold.pem"));
        put(&foreign, &crt);
        let mut lb1 = setup(haproxy, &network).tls(&authority).start();
        fill(&lb1, 300);
        let before = shown(&lb1);
        let ours = network.address(GUEST_PORT);
        let words = [&["--listen", &*ours][..], &words(&crt, &ca)].concat();
        let mut hold = hold(&network, &state, &["lb1"], &words);
        wait_said(&mut hold, "turned away a caller", 1);
        put(&good, &crt);
        hold.signal(Signal::HUP);
        wait_said(&mut hold, &format!("SIGHUP: read again; peers can call {ours}"), 1);
        wait_said(&mut hold, "lb1: in sync", 1);
        lb1.restart_empty();
        wait_same(&lb1, &before);
        hold.signal(Signal::TERM);
        let ended = hold.wait();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    });
}
