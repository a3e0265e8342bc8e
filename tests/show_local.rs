//! Which peers sections HAProxy keeps, by the name of the local peer: `show` says the same as `haproxy -c`, which warns of
//! each section that it drops.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

mod support;

use support::{Haproxy, haproxies};

/// The files of one process.
const CASES: &[&[&str]] = &[
    &["global\n localpeer a\npeers m\n peer a 127.0.0.1:1\npeers n\n peer b 127.0.0.1:2\n"],
    &["global\n localpeer b\n localpeer a\npeers m\n peer a 127.0.0.1:1\n"],
    &["global\n localpeer a\nglobal\n localpeer b\npeers m\n peer a 127.0.0.1:1\n"],
    &["peers m\n peer a 127.0.0.1:1\nglobal\n localpeer a\npeers n\n peer a 127.0.0.1:1\n"],
    &[
        "global\n localpeer a\n",
        "peers m\n peer a 127.0.0.1:1\n",
        "global\n localpeer b\npeers n\n peer b 127.0.0.1:1\n",
    ],
    &[
        "global\n.if 0\n localpeer b\n.elif 1\n localpeer a\n.else\n localpeer c\n.endif\npeers m\n peer a 127.0.0.1:1\n",
    ],
    &[
        "global\n localpeer a\npeers m\n peer A 127.0.0.1:1\n peer a. 127.0.0.1:2\npeers n\n bind 127.0.0.1:3\n server a\n",
    ],
    &[
        "global\n localpeer a\npeers m\n bind 127.0.0.1:3\n server b 127.0.0.1:4\npeers n\n disabled\n peer b 127.0.0.1:2\n",
    ],
    // The variable that HAProxy sets, whatever the caller's value.
    &["global\n localpeer a\npeers m\n peer \"$HAPROXY_LOCALPEER\" 127.0.0.1:1\n"],
    &[
        "peers m\n peer \"$HAPROXY_LOCALPEER\" 127.0.0.1:1\nglobal\n localpeer a\npeers n\n peer \"$HAPROXY_LOCALPEER\" 127.0.0.1:2\n",
    ],
    &["global\n localpeer a\n setenv HAPROXY_LOCALPEER b\npeers m\n peer \"$HAPROXY_LOCALPEER\" 127.0.0.1:1\n"],
    &["global\n setenv ME a\n localpeer \"$ME\"\npeers m\n peer \"${ME}\" 127.0.0.1:1\n"],
    &["global\n localpeer \"$ME\"\nglobal\n setenv ME a\npeers m\n peer a 127.0.0.1:1\n peer \"x\" 127.0.0.1:2\n"],
    &["global\n localpeer \"x-$HAPROXY_BRANCH\"\npeers m\n peer x-3.0 127.0.0.1:1\n"],
];

#[test]
fn a_section_is_effective_where_haproxy_keeps_it() {
    for haproxy in haproxies() {
        for files in CASES {
            let dir = tempfile::tempdir().expect("a folder");
            let names: Vec<String> = (0..files.len()).map(|n| format!("{n}.cfg")).collect();
            names.iter().zip(*files).for_each(|(name, text)| fs::write(dir.path().join(name), text).expect("written"));
            for local in [None, Some("a"), Some("b")] {
                let Some(dropped) = dropped(&haproxy, dir.path(), &names, local) else { continue };
                for (section, effective) in show(&haproxy, dir.path(), &names, local) {
                    let kept = !dropped.contains(&section);
                    // Without any name at all it is the host's, which `show` doesn't take for files elsewhere.
                    let known = effective.unwrap_or(kept);
                    assert_eq!(known, kept, "{} keeps `{section}` with -L {local:?} of {files:?}", haproxy.branch());
                }
            }
        }
    }
}

/// The sections that HAProxy drops; `None` if it refuses the files.
fn dropped(haproxy: &Haproxy, dir: &Path, files: &[String], local: Option<&str>) -> Option<Vec<String>> {
    let check = haproxy.check_in(dir, files, local, &[("HAPROXY_LOCALPEER", "caller"), ("HAPROXY_BRANCH", "1.0")]);
    let name = |warning: &str| Some(warning.split_once("incomplete section 'peers ")?.1.split_once('\'')?.0.to_owned());
    check.valid().then(|| check.warnings().into_iter().filter_map(name).collect())
}

/// The sections, and whether they are effective.
fn show(haproxy: &Haproxy, dir: &Path, files: &[String], local: Option<&str>) -> Vec<(String, Option<bool>)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.current_dir(dir).env("HAPROXY_LOCALPEER", "caller").env("HAPROXY_BRANCH", "1.0");
    command.args(["show", "--format", "json", "--haproxy-version", &haproxy.branch(), &files.join(",")]);
    if let Some(local) = local {
        command.args(["-L", local]);
    }
    let output = command.output().expect("peerctl runs");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let sections = document["instances"][0]["peers"].as_array().expect("sections");
    let section = |one: &Value| (one["name"].as_str().expect("a name").to_owned(), one["effective"].as_bool());
    sections.iter().map(section).collect()
}
