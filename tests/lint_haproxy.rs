//! What HAProxy says about the cases of `fixtures/lint`: each line of `haproxy.tsv` is
//! `version TAB exit TAB text[ TAB file]`: that branch, given the file (the first one of the case) with `-L STEM` and `-c`, ends
//! with that exit code and prints a message that holds the text; `-` means it prints neither warning nor error.

mod cases;
mod support;

use std::{fs, path::Path};

use cases::{Case, cases};
use tempfile::TempDir;

#[test]
fn haproxy_says_what_is_written_down() {
    let mut wrong = Vec::new();
    let mut lines = 0;
    let secrets = tempfile::tempdir().expect("a folder");
    let certificate = support::self_signed_certificate(secrets.path());
    for haproxy in support::haproxies() {
        for case in cases() {
            let Ok(text) = fs::read_to_string(case.dir.join("haproxy.tsv")) else { continue };
            let dir = copy(&case, &certificate);
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let fields: Vec<&str> = line.split('\t').collect();
                let [version, exit, expected, ..] = fields[..] else { panic!("{}: `{line}`", case.dir.display()) };
                if version != haproxy.branch() {
                    continue;
                }
                lines += 1;
                let first = || case.files.first().and_then(|file| file.file_name()).expect("a file").to_string_lossy();
                let file = fields.get(3).map_or_else(|| first().into_owned(), |file| (*file).to_owned());
                let local = Path::new(&file).file_stem().expect("a stem").to_string_lossy().into_owned();
                let check = haproxy.check_in(dir.path(), &[&file], Some(&local), &[]);
                let said = [check.warnings(), check.alerts()].concat();
                let holds = if expected == "-" { said.is_empty() } else { said.iter().any(|m| m.contains(expected)) };
                if check.code.map(|code| code.to_string()).as_deref() != Some(exit) || !holds {
                    wrong.push(format!("{}/{file} `{line}`: {:?} {said:#?}", case.dir.display(), check.code));
                }
            }
        }
        assert!(lines > 0, "no line about {}", haproxy.branch());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files of a case in a folder of their own, beside `crt.pem` and `ca.pem` for those that use TLS.
fn copy(case: &Case, certificate: &Path) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for file in &case.files {
        fs::copy(file, dir.path().join(file.file_name().expect("a file"))).expect("copied");
    }
    for name in ["crt.pem", "ca.pem"] {
        fs::copy(certificate, dir.path().join(name)).expect("copied");
    }
    dir
}
