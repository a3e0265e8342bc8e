//! Peers from configurations, and what is said where they can't be had.

use clap::Parser as _;

use super::super::resolve;
use super::*;
use crate::cli::args::{Cli, Command};
use crate::node::tls::Expected;
use crate::output::diagnostic::Look;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n";

/// What `peerctl dump -f lb1=CONFIG …` would call, with these files beside the configuration.
fn targets(config: &str, words: &[&str], who: Identity) -> Result<Targets, String> {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    write("lb.cfg", &config.replace("DIR", &dir.path().to_string_lossy()));
    for name in ["ca.pem", "lb1.pem", "peerctl.pem"] {
        write(name, CERTIFICATE);
    }
    write("bare.pem", "-----BEGIN CERTIFICATE-----\n");
    write("bare.pem.key", "-----BEGIN PRIVATE KEY-----\n");
    let file = format!("lb1={}", dir.path().join("lb.cfg").display());
    let line = ["peerctl", "dump", "-f", &file].into_iter().chain(words.iter().copied());
    let cli = Cli::try_parse_from(line).expect("words of the command line");
    let view = View::new(&cli).unwrap_or_else(|_| panic!("a view"));
    let Command::Dump(args) = &cli.command else { panic!("dump") };
    resolve(&view, &args.connect, &args.peers, who).map_err(|failure| {
        assert_eq!(failure.exit, Exit::Misuse);
        failure.text(&Look::default()).replace(&*dir.path().to_string_lossy(), "DIR")
    })
}

fn shown(targets: &Targets) -> Vec<String> {
    let show = |target: &Target| {
        let address = target.address.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} {address} as {}", target.shown(), escape::name(&target.us))
    };
    targets.peers.iter().map(show).collect()
}

const PLAIN: &str = "\
peers mesh
    peer lb1 :10001
    peer lb2 [2001:db8::2]:10002
    peer lb3 unix@/run/lb3.sock
    peer obs 127.0.0.1:10998 # peerctl: guest
    peer peerctl 127.0.0.1:10999
";

#[test]
fn peers_have_the_addresses_of_their_lines_and_guests_are_left_out() {
    let all = targets(PLAIN, &[], Identity::Listed).expect("peers");
    let expected =
        ["lb1 127.0.0.1:10001 as peerctl", "lb2 [2001:db8::2]:10002 as peerctl", "lb3 unix@/run/lb3.sock as peerctl"];
    assert_eq!(shown(&all), expected);
    assert!(all.peers.iter().all(|target| target.tls.is_none() && !target.proxy_header));
    let some = targets(PLAIN, &["lb2=10.0.0.2:7", "lb1", "-L", "obs"], Identity::Listed).expect("peers");
    assert_eq!(shown(&some), ["lb2 10.0.0.2:7 as obs", "lb1 127.0.0.1:10001 as obs"]);
    let borrowed = targets(PLAIN, &["lb1", "lb2"], Identity::Borrowed).expect("peers");
    assert_eq!(shown(&borrowed), ["lb1 127.0.0.1:10001 as lb1", "lb2 [2001:db8::2]:10002 as lb2"]);
}

#[test]
fn the_local_server_is_called_where_its_bind_listens() {
    let config = "\
global
unix-bind prefix /srv
peers mesh
bind unix@/run/p.sock
server lb1
server lb2 10.0.0.2:10000 send-proxy-v2
server peerctl 127.0.0.1:10999
";
    let all = targets(config, &[], Identity::Listed).expect("peers");
    assert_eq!(shown(&all), ["lb1 unix@/srv/run/p.sock as peerctl", "lb2 10.0.0.2:10000 as peerctl"]);
    assert_eq!(all.peers.iter().map(|target| target.proxy_header).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn tls_is_that_of_the_line_with_its_defaults() {
    let config = "\
global
ca-base DIR
crt-base DIR
peers mesh
bind 127.0.0.1:10001 ssl crt lb1.pem
default-server ssl crt lb1.pem ca-file ca.pem
server lb1 verifyhost lb1.example
server lb2 10.0.0.2:10000 sni str(lb2.example) verifyhost other
server lb3 10.0.0.3:10000 verify none
server lb4 10.0.0.4:10000 no-ssl
server lb5 10.0.0.5:10000 crt bare.pem ca-file DIR/ca.pem
server peerctl 127.0.0.1:10999
";
    let all = targets(config, &[], Identity::Listed).expect("peers");
    let tls: Vec<_> = all
        .peers
        .iter()
        .map(|target| {
            let tls = target.tls.as_ref()?;
            let host = match &tls.expected {
                Expected::OneOf(names) => names.join(","),
                Expected::Anything => "any".to_owned(),
            };
            Some((tls.trust.is_some(), tls.certificate.is_some(), host, tls.sni.clone()))
        })
        .collect();
    let some = |trust, host: &str, sni: Option<&str>| Some((trust, true, host.to_owned(), sni.map(str::to_owned)));
    let expected = [
        some(true, "lb1.example", None),
        some(true, "lb2.example", Some("lb2.example")),
        some(false, "any", None),
        None,
        some(true, "any", None),
    ];
    assert_eq!(tls, expected);
    let by_hand = targets(config, &["lb1", "--ssl", "--verify", "none"], Identity::Listed).expect("peers");
    let tls = by_hand.peers.first().and_then(|target| target.tls.as_ref()).expect("TLS");
    assert!(tls.trust.is_none() && tls.certificate.is_none(), "flags come first");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_next_step() {
    let no_guest = "peers mesh\n    peer lb1 10.0.0.1:10000\n";
    let two = "peers a\n    peer lb1 10.0.0.1:1\npeers b\n    peer lb1 10.0.0.1:2\n";
    let cases: [(&str, &[&str], &[&str]); 12] = [
        (no_guest, &[], &["no guest", "lb.cfg:1:7", "`peer peerctl 127.0.0.1:10999`", "--guest", "--borrow-local"]),
        (no_guest, &["-L", "obs"], &["no peer `obs`", "`peer obs 127.0.0.1:10999 # peerctl: guest`"]),
        (PLAIN, &["-L", "lb2"], &["`lb2` is the name of a HAProxy", "lb.cfg:3:10"]),
        (PLAIN, &["lb9"], &["no peer `lb9`", "`lb1`, `lb2`, `lb3`"]),
        (PLAIN, &["lb1", "lb1"], &["given twice"]),
        (two, &[], &["2 peers sections", "--section: `a`, `b`"]),
        (two, &["--section", "c"], &["no peers section `c`", "`a`, `b`"]),
        ("defaults\n    mode http\n", &[], &["no peers section", "peerctl add"]),
        ("peers mesh\n    disabled\n    peer lb1 10.0.0.1:1\n    peer peerctl 127.0.0.1:2\n", &[], &["disabled"]),
        ("peers mesh\n    server lb1\n    server peerctl 127.0.0.1:2\n", &[], &["no address", "lb.cfg:2:12"]),
        (
            "peers mesh\n    server lb1 10.0.0.1:1 ssl\n    server peerctl 127.0.0.1:2\n",
            &[],
            &["no `ca-file`", "--ca-file"],
        ),
        (PLAIN, &["lb1", "--listen", ":10999"], &["plain calls from other machines", "--insecure-plaintext"]),
    ];
    for (config, words, said) in cases {
        let text = targets(config, words, Identity::Listed).expect_err("refused");
        for part in said {
            assert!(text.contains(part), "{words:?}: `{part}` in\n{text}");
        }
    }
    assert!(targets(no_guest, &[], Identity::Anybody).is_ok(), "who only asks needs no line");
}

#[test]
fn a_guest_that_gets_a_part_only_is_told() {
    let config = "peers mesh\n    shards 2\n    peer lb1 10.0.0.1:1\n    peer peerctl 127.0.0.1:2 shard 1\n";
    let notes = targets(config, &[], Identity::Listed).expect("peers").notes;
    assert!(notes.first().is_some_and(|note| note.contains("`shard`")), "{notes:?}");
}
