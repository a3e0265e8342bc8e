//! `peerctl show`: what people see, the shape of the JSON, notes, exit codes.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Map, Value, json};

fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.arg("show").args(words).current_dir(dir).stdin(Stdio::null());
    command
}

fn show(dir: &Path, words: &[&str]) -> Output {
    command(dir, words).output().expect("peerctl runs")
}

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/show"))
}

/// A folder with `a.cfg`.
fn folder(text: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("a.cfg"), text).expect("written");
    dir
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn json_of(dir: &Path, words: &[&str]) -> Value {
    let output = show(dir, &[words, &["--format", "json", "--haproxy-version", "3.2"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn people_see_who_they_are_who_their_peers_are_and_what_travels() {
    let output = show(fixtures(), &["rich.cfg", "--haproxy-version", "3.2"]);
    let path = fixtures().join("rich.txt");
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        fs::write(&path, &output.stdout).expect("written");
    }
    let shown = text(&output.stdout);
    assert_eq!(shown, fs::read_to_string(path).expect("the expectation"), "PEERCTL_UPDATE=1 rewrites it");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "80 columns are enough");
    let note =
        "rich.cfg:28:7: note: this condition can't be decided here: the lines of its block are read as \"perhaps\"\n";
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), (note, Some(0)));
    let colored = text(&show(fixtures(), &["rich.cfg", "--haproxy-version", "3.2", "--color", "always"]).stdout);
    let plain = colored.replace("\u{1b}[1m", "").replace("\u{1b}[33m", "").replace("\u{1b}[0m", "");
    assert!(colored != shown && plain == shown, "colour is never the only carrier");
}

/// The names of an object's fields, sorted.
fn fields(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn json_has_the_shape_of_the_contract() {
    let document = json_of(fixtures(), &["rich.cfg"]);
    assert_eq!(fields(&document), ["instances", "version"]);
    let instance = &document["instances"][0];
    assert_eq!(fields(instance), ["backends", "files", "local_peer", "name", "peers", "tables"]);
    assert_eq!(instance["files"], json!(["rich.cfg"]));
    assert_eq!(instance["local_peer"], json!({"name": "lb1", "source": "localpeer"}));

    let names =
        |list: &Value| list.as_array().expect("a list").iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&instance["peers"]), ["mesh", "old", "spare"], "sorted by name");
    let mesh = &instance["peers"][0];
    let expected = ["binds", "disabled", "effective", "file", "line", "name", "peers", "shards", "tables"];
    assert_eq!(fields(mesh), expected);
    let tls = json!(["ssl", "crt", "/etc/haproxy/lb1.pem", "ca-file", "/etc/haproxy/ca.pem", "verify", "required"]);
    assert_eq!(mesh["binds"], json!([{"address": "10.0.0.1:10000", "params": tls}]));
    let lb1 = json!({"name": "lb1", "address": "10.0.0.1:10000", "port": 10000, "local": true, "guest": false, "params": tls, "line": 10});
    assert_eq!(mesh["peers"][0], lb1, "the local server listens where `bind` says, and has what default-server says");
    assert_eq!((&mesh["peers"][2]["guest"], &mesh["peers"][2]["local"]), (&true.into(), &false.into()));
    assert_eq!(names(&mesh["tables"]), ["mesh/limits", "shop"], "its own and those that name it");
    assert_eq!((&instance["peers"][1]["effective"], &instance["peers"][2]["disabled"]), (&false.into(), &true.into()));
    assert_eq!(instance["peers"][2]["peers"][0]["port"], 10001);

    assert_eq!(names(&instance["tables"]), ["mesh/limits", "shop"]);
    assert_eq!(
        instance["tables"][1],
        json!({
            "name": "shop", "file": "rich.cfg", "line": 24, "type": "ip", "len": null, "size": 102_400, "expire_ms": 1_800_000,
            "nopurge": false, "recv_only": false, "peers": "mesh", "srvkey": "name", "write_to": null,
            "store": [{"name": "server_id", "implicit": true}, {"name": "server_key", "implicit": true}],
        })
    );

    let shop = &instance["backends"][0];
    assert_eq!(fields(shop), ["file", "line", "name", "servers"]);
    let server = |name: &str, id: Option<u32>, explicit: bool, address: &str, line: u32| json!({"name": name, "id": id, "explicit": explicit, "address": address, "line": line});
    assert_eq!(
        shop["servers"],
        json!([
            server("web1", Some(1), false, "10.0.1.11:8080", 26),
            server("web2", Some(7), true, "10.0.1.12:8080", 27),
            server("lua", Some(3), false, "127.0.0.1:9000", 29),
            server("web3", None, false, "10.0.1.13:8080", 31),
        ])
    );
    assert_eq!(names(&instance["backends"]), ["shop", "off"], "in the order of the file");
}

#[test]
fn the_local_peer_is_named_with_its_source() {
    let dir = folder(b"peers mesh\n  peer a 127.0.0.1:1\n");
    fs::write(dir.path().join("b.cfg"), "global\n  localpeer c\npeers mesh\n  peer c 127.0.0.1:1\n").expect("written");
    fs::write(dir.path().join("unknown.cfg"), "peers mesh\n  peer c 127.0.0.1:1\n").expect("written");
    let cases: [(&[&str], Value); 6] = [
        (&["a.cfg", "-L", "x"], json!({"name": "x", "source": "-L"})),
        (&["b.cfg", "-L", "x"], json!({"name": "x", "source": "-L"})),
        (&["y=b.cfg"], json!({"name": "c", "source": "localpeer"})),
        (&["y=a.cfg"], json!({"name": "y", "source": "instance"})),
        (&["a.cfg"], json!({"name": "a", "source": "file"})),
        (&["unknown.cfg"], json!({"name": null, "source": "unknown"})),
    ];
    for (words, expected) in cases {
        let instance = json_of(dir.path(), words)["instances"][0].take();
        assert_eq!(instance["local_peer"], expected, "{words:?}");
        let known = !expected["name"].is_null();
        let section = &instance["peers"][0];
        assert_eq!(section["effective"].is_boolean(), known, "{words:?}: nobody knows what HAProxy does with it");
        assert_eq!(section["peers"][0]["local"].is_boolean(), known, "{words:?}");
    }
}

#[test]
fn several_instances_are_sorted_and_a_file_may_be_two() {
    let dir = folder(b"peers mesh\n  peer lb1 127.0.0.1:1\n  peer lb2 127.0.0.1:2\n");
    let document = json_of(dir.path(), &["lb2=a.cfg", "lb1=a.cfg"]);
    let local =
        |n: usize| (document["instances"][n]["name"].clone(), document["instances"][n]["local_peer"]["name"].clone());
    assert_eq!([local(0), local(1)], [("lb1".into(), "lb1".into()), ("lb2".into(), "lb2".into())]);
}

#[test]
fn what_haproxy_would_refuse_is_a_note_and_the_rest_is_shown() {
    let dir = folder(b"backend shop\n  stick-table type ip size many\n  cookie it's\n  server \"$A\" 127.0.0.1:1\n  server b 127.0.0.1:2\n");
    let output = show(dir.path(), &["a.cfg", "--haproxy-version", "2.6"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("b  127.0.0.1:2"), "{output:?}");
    let notes = text(&output.stderr);
    for place in ["a.cfg:2:28: note:", "a.cfg:3:12: note:", "a.cfg:4:10: note:"] {
        assert!(notes.contains(place), "{place}: {notes}");
    }
}

#[test]
fn a_file_that_is_no_configuration_is_refused() {
    for bad in [&b"hello world\n"[..], b"\x7fELF\x02\x01\x01 and more\n", b"{\"a\": 1}\n"] {
        let dir = folder(bad);
        let output = show(dir.path(), &["a.cfg"]);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        assert!(said.contains("a.cfg:1") && said.contains("section"), "{said}");
    }
    // Nothing but comments is a configuration, of nothing.
    assert_eq!(show(folder(b"# later\n").path(), &["a.cfg"]).status.code(), Some(0));
}

#[test]
fn misuse_and_missing_files_have_their_exit_codes() {
    let dir = folder(b"backend b\n");
    let cases: [(&[&str], i32, &str); 4] = [
        (&["none.cfg"], 3, "none.cfg"),
        (&["a.cfg", "--haproxy-version", "new"], 2, "3.2"),
        (&["x=a.cfg", "x=a.cfg"], 2, "x"),
        (&["a.cfg", "b=a.cfg", "-L", "x"], 2, "-L"),
    ];
    for (words, exit, said) in cases {
        let output = show(dir.path(), words);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(exit), 0), "{words:?}: {output:?}");
        assert!(text(&output.stderr).contains(said), "{words:?}: {output:?}");
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let mut config = "backend b\n".to_owned();
    (0..5000).for_each(|n| config.push_str(&format!("  server s{n} 127.0.0.1:{}\n", n + 1)));
    let dir = folder(config.as_bytes());
    for words in [&["a.cfg"][..], &["a.cfg", "--format", "json"]] {
        let mut child =
            command(dir.path(), words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        assert_eq!((child.wait().expect("a child").code(), said.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_second_run_prints_the_same() {
    let run = || show(fixtures(), &["rich.cfg", "--format", "json", "--haproxy-version", "3.0"]).stdout;
    let first: Map<String, Value> = serde_json::from_slice(&run()).expect("JSON");
    assert_eq!(first["version"], 1);
    assert_eq!(run(), run());
}

#[test]
fn an_address_that_comes_from_the_bind_line_is_hidden_with_it() {
    let dir =
        folder(b"peers mesh\n    bind \"${PEER_TOKEN-CANARY}:10000\"\n    server lb1\n    server lb2 10.0.0.2:10000\n");
    let human = show(dir.path(), &["a.cfg", "--haproxy-version", "3.2"]);
    let json = json_of(dir.path(), &["a.cfg"]);
    for shown in [text(&human.stdout), json.to_string()] {
        assert!(shown.contains("redacted") && shown.contains("10.0.0.2:10000"), "{shown}");
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}
