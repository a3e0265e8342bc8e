//! Random configurations under random edits of their peers sections: what isn't about peers is as before, line for line;
//! a second run has nothing to do; and what HAProxy took before, it takes afterwards.

use std::fs;

use peerctl::{
    config::{Document, Environment, Source},
    grammar::Version,
    model::{Facts, Instance, Naming},
    ops::{
        Plan,
        add_peers::AddPeers,
        attach::Attach,
        remove_peers::{RemovePeers, What},
        spec::PeerSpec,
    },
};

mod support;

use support::random::Random;

const START: &str = "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n";

/// Pieces of a configuration, each a section that HAProxy takes beside any other.
fn piece(random: &mut Random, number: usize) -> String {
    let indent = random.pick(&["", "  ", "\t", "    "]);
    let gap = random.pick(&[" ", "  ", "\t"]);
    let peers = if random.one_in(2) { " peers old" } else { "" };
    let comment = random.pick(&["", " # it's a comment", "\t#peers old", " #"]);
    let lines: Vec<String> = match random.below(5) {
        0 => vec![
            format!("backend b{number}{comment}"),
            format!("{indent}stick-table{gap}type ip{gap}size 1k expire 1m store gpc0{peers}{comment}"),
            format!("{indent}server a 127.0.0.1:1 cookie 'x # y'"),
        ],
        1 => vec![
            format!("\"backend\" b{number}"),
            format!("{indent}stick-table type string len 20 size 1k{peers} store gpc0,http_req_rate(10s)"),
            format!("{indent}.if defined(NOT_SET){comment}"),
            format!("{indent}server b 127.0.0.1:2"),
            format!("{indent}.endif"),
        ],
        2 => vec![
            format!("# a comment of its own{comment}"),
            format!("backend b{number}"),
            format!("{indent}server c 127.0.0.1:3 cookie c\\ d"),
        ],
        3 => vec![format!("global{comment}"), format!("{indent}maxconn 100")],
        _ => vec![
            format!("backend b{number}"),
            format!("{indent}stick-table type integer size 10{comment}"),
            String::new(),
            comment.trim().into(),
        ],
    };
    lines.join("\n") + "\n"
}

fn configuration(random: &mut Random) -> Vec<u8> {
    let mut pieces: Vec<String> = (0..=random.below(6)).map(|n| piece(random, n)).collect();
    let indent = random.pick(&[" ", "  ", "\t"]);
    let old = if random.one_in(2) {
        format!("peers old\n{indent}peer lb1 127.0.0.1:10001\n{indent}peer lb2 127.0.0.1:10002\n")
    } else {
        format!(
            "peers old # bound\n{indent}bind   127.0.0.1:10001\n{indent}server lb1\n{indent}server lb2 127.0.0.1:10002\n"
        )
    };
    pieces.insert(random.below(pieces.len() + 1), old);
    let blank = random.pick(&["", "\n", "\n\n", "  \t\n"]);
    let text = START.to_owned() + blank + &pieces.join(blank);
    let text = if random.one_in(4) { text.replace('\n', "\r\n") } else { text };
    text.into_bytes()
}

/// An edit under a name, as a function that can be planned again.
type Edit = (String, Box<dyn Fn(&Instance<'_>) -> Plan>);

fn edit(random: &mut Random) -> Edit {
    let peer = |text: &str| PeerSpec::parse(text).expect("a peer");
    let add = |add: AddPeers| -> Box<dyn Fn(&Instance<'_>) -> Plan> {
        Box::new(move |i| add.plan(i).expect("it can be done"))
    };
    match random.below(6) {
        0 => {
            let peers = vec![peer("lb1=127.0.0.1:10011"), peer("lb3=127.0.0.1:10003")];
            ("peers of old".into(), add(AddPeers { section: "old".into(), peers, ..AddPeers::default() }))
        }
        1 => {
            let peers = vec![peer("lb1=127.0.0.1:10021"), peer("lb2=127.0.0.1:10022")];
            let localpeer = Some("lb1".to_owned());
            (
                "new section".into(),
                add(AddPeers { section: "mesh".into(), peers, localpeer, attach: Attach::All, ..AddPeers::default() }),
            )
        }
        2 => ("attach".into(), add(AddPeers { section: "old".into(), attach: Attach::All, ..AddPeers::default() })),
        3 => (
            "guest".into(),
            add(AddPeers {
                section: "old".into(),
                guest: Some(peer("peerctl=127.0.0.1:10999")),
                ..AddPeers::default()
            }),
        ),
        4 => {
            let remove = RemovePeers { section: "old".into(), what: What::Section };
            ("remove old".into(), Box::new(move |i| remove.plan(i).expect("it can be done")))
        }
        _ => {
            let remove = RemovePeers { section: "old".into(), what: What::Peers(vec!["lb2".into()]) };
            ("remove lb2".into(), Box::new(move |i| remove.plan(i).expect("it can be done")))
        }
    }
}

/// Lines that no edit of peers has any business with, in order.
fn unrelated(text: &[u8]) -> Vec<Vec<u8>> {
    let words: [&[u8]; 6] = [b"peer", b"stick-table", b"127.0.0.1:1000", b"127.0.0.1:1001", b"server lb", b"global"];
    let about_peers = |line: &&[u8]| words.iter().any(|word| line.windows(word.len()).any(|w| w == *word));
    let lines = text.split(|b| *b == b'\n').filter(|line| !about_peers(line) && !line.trim_ascii().is_empty());
    lines.map(<[u8]>::to_vec).collect()
}

fn instance_of(files: &[Source], version: Version) -> Instance<'_> {
    let naming = Naming { option: Some(b"lb1".to_vec()), ..Naming::default() };
    Instance::read(files, &naming, &Facts { version, environment: Environment::default() })
}

#[test]
fn random_edits_of_random_configurations_touch_only_what_is_about_peers() {
    for haproxy in support::haproxies() {
        let version = Version::new(haproxy.version.0, haproxy.version.1);
        let dir = tempfile::tempdir().expect("a folder");
        let (mut valid, mut changed) = (0, 0);
        for seed in 0..60 {
            let random = &mut Random::new(seed);
            let text = configuration(random);
            let (name, edit) = edit(random);
            let about = format!("seed {seed}, {name}, HAProxy {}", haproxy.branch());
            let files = [Source::new("a.cfg", Document::parse(text.clone()).expect("short"))];
            let plan = edit(&instance_of(&files, version));
            let after = plan.edits[0].apply(&text).expect("edits don't overlap");
            let shown =
                || format!("{about}\n{}\n-->\n{}", String::from_utf8_lossy(&text), String::from_utf8_lossy(&after));
            assert_eq!(unrelated(&text), unrelated(&after), "{}", shown());
            let again = [Source::new("a.cfg", Document::parse(after.clone()).expect("short"))];
            assert!(edit(&instance_of(&again, version)).is_empty(), "nothing is left to do: {}", shown());
            changed += usize::from(after != text);

            for (file, text) in [("before.cfg", &text), ("after.cfg", &after)] {
                fs::write(dir.path().join(file), text).expect("written");
            }
            let check = |file| haproxy.check_in(dir.path(), &[file], Some("lb1"), &[]);
            let before = check("before.cfg");
            if before.valid() {
                valid += 1;
                let verdict = check("after.cfg");
                assert!(verdict.valid(), "{:?}\n{}", verdict.alerts(), shown());
                assert!(!verdict.warnings().iter().any(|w| w.contains("Removing incomplete")), "{}", shown());
            }
        }
        assert!(valid > 50 && changed > 40, "most configurations are valid and change: {valid}, {changed}");
    }
}
