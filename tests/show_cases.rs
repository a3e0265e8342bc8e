//! `peerctl show` against what running HAProxy 2.6, 3.0 and 3.2 had: peers sections, tables and server ids of every
//! configuration of `fixtures/config/cases` that HAProxy takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

#[derive(Deserialize)]
struct Expected {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    files: Vec<String>,
    localpeer: Option<String>,
    env: BTreeMap<String, String>,
    runtime: Vec<Runtime>,
}

/// What processes of these versions had.
#[derive(Deserialize)]
struct Runtime {
    versions: Vec<String>,
    peers: Vec<Section>,
    servers: BTreeMap<String, Vec<(String, u32)>>,
    tables: Vec<Value>,
    #[serde(rename = "proxies")]
    _proxies: IgnoredAny,
}

#[derive(Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Section {
    #[serde(rename = "section")]
    name: String,
    disabled: bool,
    peers: BTreeSet<Peer>,
    tables: BTreeSet<String>,
}

#[derive(Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Peer {
    name: String,
    local: bool,
    /// As the runtime shows it: resolved, or `unknown` if it is no IP address.
    addr: String,
}

#[test]
fn peers_tables_and_server_ids_are_those_that_haproxy_had() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config/cases");
    let text = std::fs::read(folder.join("expected.json")).expect("the expectations");
    let expected: Expected = serde_json::from_slice(&text).expect("JSON of this shape");
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, case) in &expected.cases {
        for runtime in &case.runtime {
            for version in &runtime.versions {
                let shown = show(&folder, case, version);
                compare(runtime, &shown, &format!("{name} on {version}"), &mut wrong);
                compared += 1;
            }
        }
    }
    assert!(compared >= 100, "all cases are there, not {compared}");
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The one instance that `show` prints.
fn show(folder: &Path, case: &Case, version: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.env_clear().envs(&case.env).current_dir(folder);
    command.args(["show", "--format", "json", "--haproxy-version", version, &case.files.join(",")]);
    if let Some(local) = &case.localpeer {
        command.args(["-L", local]);
    }
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{:?}: {stderr}", case.files);
    let mut document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(document["version"], 1);
    document["instances"][0].take()
}

fn compare(runtime: &Runtime, shown: &Value, what: &str, wrong: &mut Vec<String>) {
    let mut check = |part: &str, expected: String, found: String| {
        if expected != found {
            wrong.push(format!("{what}, {part}:\n  HAProxy {expected}\n  show    {found}"));
        }
    };
    let expected: BTreeSet<&Section> = runtime.peers.iter().collect();
    let found = sections(shown, &expected);
    check("peers", format!("{expected:?}"), format!("{:?}", found.iter().collect::<BTreeSet<_>>()));

    let servers: BTreeMap<&String, BTreeMap<&str, u64>> = runtime
        .servers
        .iter()
        .map(|(proxy, servers)| (proxy, servers.iter().map(|(n, id)| (n.as_str(), u64::from(*id))).collect()))
        .collect();
    check("servers", format!("{servers:?}"), format!("{:?}", servers_of(shown)));

    let names = |tables: &[Value]| tables.iter().map(|t| text(&t["name"])).collect::<BTreeSet<_>>();
    let tables = array(&shown["tables"]);
    check("names of tables", format!("{:?}", names(&runtime.tables)), format!("{:?}", names(tables)));
    for expected in &runtime.tables {
        let Some(found) = tables.iter().find(|table| table["name"] == expected["name"]) else { continue };
        for (field, value) in expected.as_object().expect("an object") {
            let found = if field == "store" { columns(&found["store"]) } else { found[field].clone() };
            check(&format!("{} of table {}", field, expected["name"]), value.to_string(), found.to_string());
        }
    }
}

/// The sections that HAProxy keeps. An address that HAProxy had resolved, or doesn't show, is taken over.
fn sections(shown: &Value, expected: &BTreeSet<&Section>) -> Vec<Section> {
    let kept = array(&shown["peers"]).iter().filter(|section| section["effective"] != false);
    let section = |section: &Value| {
        let name = text(&section["name"]);
        let theirs = expected.iter().find(|e| e.name == name);
        let peer = |peer: &Value| {
            let name = text(&peer["name"]);
            let addr = text(&peer["address"]);
            let their = theirs.and_then(|s| s.peers.iter().find(|p| p.name == name)).map(|p| p.addr.clone());
            let is_ip = addr.parse::<std::net::SocketAddr>().is_ok();
            let addr = their.filter(|_| !is_ip).unwrap_or(addr);
            Peer { name, local: peer["local"] == true, addr }
        };
        Section {
            disabled: section["disabled"] == true,
            peers: array(&section["peers"]).iter().map(peer).collect(),
            tables: array(&section["tables"]).iter().map(|table| text(&table["name"])).collect(),
            name,
        }
    };
    kept.map(section).collect()
}

fn servers_of(shown: &Value) -> BTreeMap<String, BTreeMap<String, u64>> {
    let server = |server: &Value| (text(&server["name"]), server["id"].as_u64().unwrap_or(u64::MAX));
    let backends = array(&shown["backends"]).iter();
    let backend = |b: &Value| (text(&b["name"]), array(&b["servers"]).iter().map(server).collect::<BTreeMap<_, _>>());
    backends.map(backend).filter(|(_, servers)| !servers.is_empty()).collect()
}

/// As the runtime prints an entry: `gpt(2)` as `gpt0`, `gpt1`; periods in milliseconds.
fn columns(store: &Value) -> Value {
    let mut names = Vec::new();
    for column in array(store) {
        let name = text(&column["name"]);
        let period = column["period_ms"].as_u64().map(|ms| format!("({ms})")).unwrap_or_default();
        match column["count"].as_u64() {
            None => names.push(format!("{name}{period}")),
            Some(count) => {
                let element = |n| match name.strip_suffix("_rate") {
                    Some(stem) => format!("{stem}{n}_rate{period}"),
                    None => format!("{name}{n}"),
                };
                names.extend((0..count).map(element));
            }
        }
    }
    names.into()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
