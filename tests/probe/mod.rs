//! Asking `haproxy -c` about many small pieces of configuration at once.
#![allow(dead_code, reason = "each test crate compiles this module and calls its own part of it")]

use std::{fmt::Write as _, fs, path::Path};

use peerctl::grammar::{Release, Version};

pub(crate) use crate::support::random::Random;

use crate::support::Haproxy;

/// What HAProxy says about one piece.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// Messages of level ALERT with a line of the piece.
    pub(crate) alerts: Vec<String>,
    /// Messages of level WARNING with a line of the piece.
    pub(crate) warnings: Vec<String>,
}

impl Verdict {
    pub(crate) fn accepted(&self) -> bool {
        self.alerts.is_empty()
    }
}

/// What every file starts with, so that proxies need no more than what a test is about.
pub(crate) const DEFAULTS: &str = "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n";

/// HAProxy gives up after 50 fatal errors in a file.
const BATCH: usize = 45;

/// Asks about each of `pieces`, complete lines that leave nothing open, in the order given.
pub(crate) fn verdicts(haproxy: &Haproxy, pieces: &[Vec<u8>]) -> Vec<Verdict> {
    verdicts_with(haproxy, pieces, &[])
}

/// As [`verdicts`], with `environment` on top of ours.
pub(crate) fn verdicts_with(haproxy: &Haproxy, pieces: &[Vec<u8>], environment: &[(&str, &str)]) -> Vec<Verdict> {
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let file = dir.path().join("probe.cfg");
    pieces.chunks(BATCH).flat_map(|batch| batch_verdicts(haproxy, &file, batch, environment)).collect()
}

fn batch_verdicts(haproxy: &Haproxy, file: &Path, batch: &[Vec<u8>], environment: &[(&str, &str)]) -> Vec<Verdict> {
    let mut text = DEFAULTS.as_bytes().to_vec();
    let mut ends = Vec::new();
    for piece in batch {
        text.extend_from_slice(piece);
        ends.push(memchr::memchr_iter(b'\n', &text).count());
    }
    fs::write(file, text).expect("the folder takes files");
    let check = haproxy.check(&[file], Some("lb1"), environment);
    assert!(check.code.is_some(), "HAProxy crashed: {check:?}");
    let mut verdicts = vec![Verdict::default(); batch.len()];
    let name = format!("[{}:", file.display());
    for (alert, messages) in [(true, check.alerts()), (false, check.warnings())] {
        for message in messages {
            // Some messages name the last good line first.
            let Some((_, after)) = message.rsplit_once(&name) else { continue };
            let line: usize = after.split(']').next().and_then(|line| line.parse().ok()).expect("a line number");
            let piece = ends.partition_point(|end| *end < line);
            let verdict = &mut verdicts[piece];
            let list = if alert { &mut verdict.alerts } else { &mut verdict.warnings };
            list.push(message.to_owned());
        }
    }
    verdicts
}

/// Writes `words` as one line of configuration, everything but letters, digits and a few signs as `\xHH`.
pub(crate) fn line(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut line = String::new();
    for word in words {
        line.push(' ');
        line.push_str(&escaped(word.as_ref()));
    }
    line.push('\n');
    line.into_bytes()
}

/// One word of configuration that reads as `word`.
pub(crate) fn escaped(word: &[u8]) -> String {
    let mut text = String::new();
    for byte in word {
        if byte.is_ascii_alphanumeric() || b"_-+.,:()/%!&|".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The branch of a HAProxy.
pub(crate) fn version(haproxy: &Haproxy) -> Version {
    Version::new(haproxy.version.0, haproxy.version.1)
}

/// All that `haproxy -v` says about its version.
pub(crate) fn release(haproxy: &Haproxy) -> Release {
    let output = std::process::Command::new(&haproxy.path).arg("-v").output().expect("haproxy starts");
    Release::parse(&String::from_utf8_lossy(&output.stdout)).expect("a version")
}

/// Yes in `percent` of 100 cases.
pub(crate) fn chance(random: &mut Random, percent: usize) -> bool {
    random.below(100) < percent
}
