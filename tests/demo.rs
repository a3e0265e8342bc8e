//! `make demo` shows what it promises.

mod support;

use std::{path::Path, process::Command};

#[test]
fn the_demo_ends_with_an_entry_on_the_other_side_and_a_client_that_both_stop() {
    if support::haproxies().is_empty() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo.sh");
    let output = Command::new(script).env("PEERCTL", env!("CARGO_BIN_EXE_peerctl")).output().expect("bash is there");
    let [shown, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "the demo succeeds: {shown}{errors}");
    let states: Vec<_> = shown.lines().map(str::trim).filter(|line| line.starts_with("lb2 ")).collect();
    assert_eq!(states, ["lb2  (knows nobody)", "lb2  anna: 3 requests"], "{shown}");
    let answers = |second: usize| {
        let row = shown.lines().map(str::trim).find(|line| line.starts_with(&format!("{second} s ")));
        row.and_then(|row| Some(row.split_once('│')?.1.split_whitespace().collect::<Vec<_>>().join(" ")))
    };
    assert_eq!(answers(11).as_deref(), Some("8 × 200 8 × 200"), "nobody knows the total: {shown}");
    assert_eq!(answers(16).as_deref(), Some("8 × 429 8 × 429"), "both know it: {shown}");
    let second_act = shown.split_once("5. Both").expect("a second act").1;
    assert!(second_act.lines().all(|line| line.chars().count() <= 80), "{second_act}");
}
