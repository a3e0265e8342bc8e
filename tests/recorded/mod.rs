//! The answers of HAProxy's runtime socket in `fixtures/runtime`. `PEERCTL_UPDATE=1` records them anew.

use std::{env, fs, path::PathBuf};

use crate::support::Haproxy;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/runtime").join(name)
}

/// Records an answer of `haproxy` if that was asked for.
pub(crate) fn record(haproxy: &Haproxy, case: &str, answer: &str) {
    if env::var_os("PEERCTL_UPDATE").is_some() {
        fs::write(fixture(&format!("{case}-{}.txt", haproxy.branch())), answer).expect("the folder takes files");
    }
}

/// The recorded answers of a case, with the HAProxy branch.
pub(crate) fn recorded(case: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for branch in ["2.6", "3.0", "3.2"] {
        let text = fs::read_to_string(fixture(&format!("{case}-{branch}.txt"))).expect("recorded");
        found.push((branch.to_owned(), text));
    }
    found
}

/// The lines of an answer that aren't empty.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &[u8]> {
    text.lines().filter(|line| !line.is_empty()).map(str::as_bytes)
}
