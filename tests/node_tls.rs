//! TLS with real HAProxy processes, both ways round.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use peerctl::node::tls::{ClientTls, ClientTlsOptions, Expected, Pem, ServerTls, ServerTlsOptions};
use peerctl::node::{Address, ListenOptions, Target};

mod support;

use support::{
    Authority, Haproxy, Network, Setup,
    fake_peer::FakePeer,
    live::GUEST_PORT,
    node::{Plan, with_node},
    wait_until,
};

fn pem(path: PathBuf) -> Pem {
    Pem { name: path.display().to_string(), text: std::fs::read(path).expect("it was written") }
}

/// Calls in TLS that trust the authority.
fn trusting(authority: &Authority) -> ClientTlsOptions {
    ClientTlsOptions {
        revoked: None,
        trust: Some(pem(authority.certificate())),
        expected: Expected::OneOf(vec!["lb1".into()]),
        certificate: Some(pem(authority.issue("peerctl"))),
        sni: None,
    }
}

fn in_tls(address: &str, options: ClientTlsOptions) -> impl Fn() -> Target + Send + 'static {
    let address = Address::parse(address).expect("an address");
    move || {
        let tls = ClientTls::new(&options).expect("usable files");
        Target { tls: Some(Rc::new(tls)), ..Target::new(b"lb1", address.clone()) }
    }
}

/// A HAProxy whose peers are called with this on its `bind` line.
fn listening(haproxy: &Haproxy, network: &Network, crt: &str, more: &str, body: impl FnOnce(String)) {
    let dir = tempfile::tempdir().expect("a folder");
    let bind = format!("bind 127.0.0.1:10001 ssl crt {crt} {more}");
    let text = format!(
        "defaults\n    mode http\npeers mesh\n    {bind}\n    server lb1\n    server peerctl 127.0.0.1:{GUEST_PORT}\n    \
         table t type ip size 1k expire 1m store gpc0\n"
    );
    std::fs::write(dir.path().join("lb1.cfg"), text).expect("the folder takes files");
    let lb1 = haproxy.start(network, dir.path(), &["lb1.cfg"], Some("lb1"));
    lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
    body(network.address(10_001));
}

/// What ends the first call.
fn end_of_call(network: &Network, address: &str, options: ClientTlsOptions) -> String {
    with_node(network, Plan::call(in_tls(address, options)), |diary| diary.wait_for("closed: ", 1))
}

#[test]
fn both_ways_in_tls() {
    let authority = Authority::new();
    let (server, ca) = (pem(authority.issue("peerctl")), pem(authority.certificate()));
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).tls(&authority).table("t", "type ip size 1k store gpc0").start();
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
        with_node(&network, Plan::call(in_tls(&lb1.address(), trusting(&authority))), |diary| {
            diary.wait_for("lb1: secured TLSv1_3 [\"lb1\", \"127.0.0.1\"]", 1);
            diary.wait_for("lb1: established Called", 1);
            diary.wait_for("lb1: /t [10, 0, 0, 1] [7]", 1);
        });
        let address = Address::parse(&network.address(GUEST_PORT)).expect("an address");
        let (server, ca) = (server.clone(), ca.clone());
        let listen = move || ListenOptions {
            address: address.clone(),
            tls: Some(
                ServerTls::new(&ServerTlsOptions {
                    certificate: server.clone(),
                    trust: Some(ca.clone()),
                    revoked: None,
                })
                .expect("files"),
            ),
            insecure_plaintext: false,
            allow: Vec::new(),
        };
        with_node(&network, Plan::listen(&["lb1"], listen), |diary| {
            diary.wait_for("lb1: established Accepted", 1);
            diary.wait_for("lb1: /t [10, 0, 0, 1] [7]", 1);
        });
    }
}

#[test]
fn each_failure_names_its_check() {
    let (authority, other) = (Authority::new(), Authority::new());
    let issue =
        |name: &str, extensions: &str, days: &str| authority.issue_with(name, extensions, days).display().to_string();
    let good = issue("lb1", "subjectAltName=DNS:lb1", "-days 2");
    let ca = authority.certificate().display().to_string();
    let options = || trusting(&authority);
    let dir = tempfile::tempdir().expect("a folder");
    let own = support::self_signed_certificate(dir.path());
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let end = |crt: &str, more: &str, options: ClientTlsOptions| {
            let mut end = String::new();
            listening(&haproxy, &network, crt, more, |address| end = end_of_call(&network, &address, options));
            end
        };
        for (crt, more, options, expected) in [
            (
                &good,
                String::new(),
                ClientTlsOptions { trust: Some(pem(other.certificate())), ..options() },
                "its certificate, for `lb1`, is signed by another `tests` than that of the ca-file: same name, other key",
            ),
            (
                &issue("common-name", "", "-days 2"),
                String::new(),
                ClientTlsOptions { trust: Some(pem(own.clone())), ..options() },
                "its certificate, for `common-name`, is signed by `tests`, which isn't in the ca-file",
            ),
            (
                &own.display().to_string(),
                String::new(),
                options(),
                "its certificate, for `localhost`, is self-signed and isn't in the ca-file",
            ),
            (
                &issue("expired", "subjectAltName=DNS:lb1", "-days -1"),
                String::new(),
                options(),
                "its certificate has expired on 2",
            ),
            (
                &issue("lb-3.example", "", "-days 2"),
                String::new(),
                options(),
                "its certificate is for `lb-3.example`, expected `lb1`",
            ),
            (
                &issue("clients", "subjectAltName=DNS:lb1\nextendedKeyUsage=clientAuth", "-days 2"),
                String::new(),
                options(),
                "isn't made for this use",
            ),
            (
                &good,
                format!("ca-file {ca} verify required"),
                ClientTlsOptions { certificate: None, ..options() },
                "it wants a client certificate",
            ),
            (
                &good,
                format!("ca-file {ca} verify required"),
                ClientTlsOptions { certificate: Some(pem(other.issue("peerctl"))), ..options() },
                "it doesn't accept our certificate: it doesn't know who signed it",
            ),
            (
                &good,
                format!("ca-file {ca} verify required"),
                ClientTlsOptions { certificate: Some(pem(authority.issue_with("late", "", "-days -1"))), ..options() },
                "it doesn't accept our certificate: it has expired",
            ),
        ] {
            let end = end(crt, &more, options);
            assert!(end.contains(expected), "{:?}: {end}, expected: {expected}", haproxy.version);
        }
    }
}

#[test]
fn what_haproxy_takes_is_taken() {
    let authority = Authority::new();
    let dir = tempfile::tempdir().expect("a folder");
    let own = support::self_signed_certificate(dir.path());
    let accepted = |crt: PathBuf, options: ClientTlsOptions| {
        for haproxy in support::haproxies() {
            let network = Network::reachable();
            listening(&haproxy, &network, &crt.display().to_string(), "", |address| {
                with_node(&network, Plan::call(in_tls(&address, options.clone())), |diary| {
                    diary.wait_for("lb1: /t [10, 0, 0, 1] [7]", 1);
                });
            });
        }
    };
    let named = |name: &str| ClientTlsOptions { expected: Expected::OneOf(vec![name.into()]), ..trusting(&authority) };
    // Without extensions, OpenSSL makes certificates of version 1 or 3 with a common name only.
    accepted(authority.issue_with("common-name-only", "", "-days 2"), named("common-name-only"));
    // A leaf that says it is an authority.
    let ca_true = authority.issue_with("ca-true", "basicConstraints=critical,CA:TRUE", "-days 2");
    accepted(ca_true, named("ca-true"));
    // `openssl req -x509`: self-signed, and an authority; the ca-file is the certificate itself.
    let trust = Some(pem(own.clone()));
    accepted(
        own.clone(),
        ClientTlsOptions { trust, expected: Expected::OneOf(vec!["localhost".into()]), ..trusting(&authority) },
    );
    accepted(own, ClientTlsOptions { trust: None, ..trusting(&authority) });
    let wild = authority.issue_with("wild", "subjectAltName=DNS:*.example.com", "-days 2");
    accepted(wild, named("LB1.example.com"));
}

#[test]
fn plain_and_tls_do_not_meet() {
    let authority = Authority::new();
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let good = authority.issue("lb1").display().to_string();
        listening(&haproxy, &network, &good, "", |address| {
            let address = Address::parse(&address).expect("an address");
            let plain = Plan::call(move || Target::new(b"lb1", address.clone()));
            let end = with_node(&network, plain, |diary| {
                let end = diary.wait_for("closed: ", 1);
                assert_eq!(diary.count("established"), 0, "{:#?}", diary.lines());
                end
            });
            println!("{:?} plain to TLS: {end}", haproxy.version);
        });
        let lb1 = Setup::new(&haproxy, &network).start();
        let end = end_of_call(&network, &lb1.address(), trusting(&authority));
        assert!(end.contains("TLS: it doesn't speak TLS there"), "{:?}: {end}", haproxy.version);
    }
}

#[test]
fn callers_prove_their_name() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (server, ca) = (pem(authority.issue("peerctl")), pem(authority.certificate()));
    let network = Network::reachable();
    let address = Address::parse(&network.address(GUEST_PORT)).expect("an address");
    let listen = move || ListenOptions {
        address: address.clone(),
        tls: Some(
            ServerTls::new(&ServerTlsOptions { certificate: server.clone(), trust: Some(ca.clone()), revoked: None })
                .expect("files"),
        ),
        insecure_plaintext: false,
        allow: Vec::new(),
    };
    with_node(&network, Plan::listen(&["lb1", "lb2"], listen), |diary| {
        diary.wait_for("listening", 1);
        for haproxy in support::haproxies() {
            let call = |certificate: PathBuf, ca: PathBuf| {
                let dir = tempfile::tempdir().expect("a folder");
                let (crt, ca) = (certificate.display(), ca.display());
                let text = format!(
                    "defaults\n    mode http\npeers mesh\n    bind 127.0.0.1:10001\n    server lb1\n    server peerctl \
                     127.0.0.1:{GUEST_PORT} ssl crt {crt} ca-file {ca} verify required\n"
                );
                std::fs::write(dir.path().join("lb1.cfg"), text).expect("the folder takes files");
                let before = (diary.count("established"), diary.refused("certificate_name"), diary.refused("tls"));
                let _lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], Some("lb1"));
                wait_until("it has called", || {
                    let after = (diary.count("established"), diary.refused("certificate_name"), diary.refused("tls"));
                    (after != before).then_some((after.0 - before.0, after.1 - before.1, after.2 - before.2))
                })
            };
            assert_eq!(call(authority.issue("lb1"), authority.certificate()), (1, 0, 0));
            let as_other = call(authority.issue("lb2"), authority.certificate());
            assert_eq!((as_other.0, as_other.2), (0, 0), "lb2's certificate doesn't make it lb1");
            let unknown = call(other.issue("lb1"), authority.certificate());
            assert_eq!((unknown.0, unknown.1), (0, 0), "a certificate of somebody else's authority");
        }
        let plain = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
        plain.wait_for_end();
        assert!(!plain.heard().starts_with(b"200"), "never in plain");
        let lines = diary.lines().join("\n");
        assert!(
            lines.contains(
                "it calls itself `lb1`, but its certificate is for `lb2`, `127.0.0.1` (HAProxy would say 504)"
            ),
            "{lines}"
        );
    });
}

#[test]
fn a_connection_that_is_cut_off_is_no_clean_end() {
    let authority = Authority::new();
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let mut lb1 = Setup::new(&haproxy, &network).tls(&authority).start();
        with_node(&network, Plan::call(in_tls(&lb1.address(), trusting(&authority))), |diary| {
            diary.wait_for("lb1: established Called", 1);
            lb1.kill();
            let end = diary.wait_for("closed: ", 1);
            assert!(end.contains("cut off") || end.contains("was lost"), "{end}");
        });
    }
}

#[test]
fn old_versions_of_tls_are_refused() {
    let authority = Authority::new();
    let good = authority.issue("lb1").display().to_string();
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let old = "ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1 ciphers ALL:@SECLEVEL=0";
        listening(&haproxy, &network, &good, old, |address| {
            let end = end_of_call(&network, &address, trusting(&authority));
            assert!(end.contains("no common version of TLS"), "{:?}: {end}", haproxy.version);
        });
        let new = "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2";
        listening(&haproxy, &network, &good, new, |address| {
            with_node(&network, Plan::call(in_tls(&address, trusting(&authority))), |diary| {
                diary.wait_for("lb1: secured TLSv1_2", 1);
                diary.wait_for("lb1: established", 1);
            });
        });
    }
}

#[test]
fn a_handshake_has_five_seconds_in_all() {
    let authority = Authority::new();
    let (server, ca) = (pem(authority.issue("peerctl")), pem(authority.certificate()));
    let network = Network::reachable();
    let address = Address::parse(&network.address(GUEST_PORT)).expect("an address");
    let listen = move || ListenOptions {
        address: address.clone(),
        tls: Some(
            ServerTls::new(&ServerTlsOptions { certificate: server.clone(), trust: Some(ca.clone()), revoked: None })
                .expect("files"),
        ),
        insecure_plaintext: false,
        allow: Vec::new(),
    };
    with_node(&network, Plan::listen(&["lb1"], listen), |diary| {
        diary.wait_for("listening", 1);
        let silent = FakePeer::connect(&network, GUEST_PORT);
        let header = FakePeer::connect(&network, GUEST_PORT);
        header.send(b"PROXY TCP4 1.2.3.4 ");
        let begun = FakePeer::connect(&network, GUEST_PORT);
        begun.send(b"\x16\x03\x01\x02\0\x01");
        for peer in [&silent, &header, &begun] {
            let (_, took) = peer.wait_for_end();
            assert!(took < Duration::from_millis(6500), "{took:?}");
        }
        wait_until("all are counted", || (diary.refused("tls") == 3).then_some(()));
        let plain = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
        let (_, took) = plain.wait_for_end();
        assert!(took < Duration::from_secs(2) && !plain.heard().starts_with(b"200"), "{took:?}");
    });
}
