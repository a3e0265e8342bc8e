//! `make demo` shows what it promises.

mod support;

use std::{path::Path, process::Command};

#[test]
fn the_demo_ends_with_an_entry_on_the_other_side() {
    if support::haproxies().is_empty() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo.sh");
    let output = Command::new(script).env("PEERCTL", env!("CARGO_BIN_EXE_peerctl")).output().expect("bash is there");
    let [shown, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "the demo succeeds: {shown}{errors}");
    let states: Vec<_> = shown.lines().map(str::trim).filter(|line| line.starts_with("lb2 ")).collect();
    assert_eq!(states, ["lb2  (knows nobody)", "lb2  anna: 3 requests"], "{shown}");
}
