//! The completion scripts and man pages of the repository against those that the program makes.
//!
//! `PEERCTL_UPDATE=1` writes them anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Name → text.
type Files = BTreeMap<String, String>;

const SCRIPTS: [(&str, &str); 5] = [
    ("bash", "peerctl.bash"),
    ("elvish", "peerctl.elv"),
    ("fish", "peerctl.fish"),
    ("powershell", "_peerctl.ps1"),
    ("zsh", "_peerctl"),
];

#[test]
fn completion_scripts_are_up_to_date() {
    let script = |shell| text(&peerctl(&["completions", shell]));
    let made = SCRIPTS.map(|(shell, name)| (name.to_owned(), script(shell)));
    compare(&folder("completions"), &made.into_iter().collect());
}

#[test]
fn man_pages_are_up_to_date() {
    let dir = tempfile::tempdir().expect("a folder");
    // A folder that isn't there is made; a second run writes the same.
    let made = dir.path().join("a/man1");
    for _ in 0..2 {
        let said = peerctl(&["man", made.to_str().expect("a plain path")]);
        assert_eq!(text(&said), "", "nothing goes to standard output");
    }
    let pages = read(&made);
    assert!(pages.contains_key("peerctl.1") && pages.contains_key("peerctl-table-set.1"), "{:?}", pages.keys());
    compare(&folder("docs/man"), &pages);
}

#[test]
fn a_page_that_cannot_be_written_is_an_io_failure() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("file"), "").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_peerctl")).arg("man").arg(dir.path().join("file/man1")).output();
    let output = output.expect("peerctl runs");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("file/man1"), "{output:?}");
}

#[test]
fn scripts_know_commands_and_options() {
    for (shell, _) in SCRIPTS {
        let script = text(&peerctl(&["completions", shell]));
        for word in ["generate", "attach-all", "haproxy-version"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // The shell we have takes its script.
    let checked = Command::new("bash").arg("-n").arg(folder("completions").join("peerctl.bash")).status();
    assert!(checked.expect("bash is there").success());
}

/// `made` is what stands in `folder`, and nothing else does.
fn compare(folder: &Path, made: &Files) {
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        let _not_there_yet = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).expect("a folder");
        for (name, text) in made {
            fs::write(folder.join(name), text).expect("written");
        }
        return;
    }
    let committed = read(folder);
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(made), "the files of {} (PEERCTL_UPDATE=1 writes them)", folder.display());
    let stale: Vec<&String> = made.keys().filter(|name| committed.get(*name) != made.get(*name)).collect();
    assert!(stale.is_empty(), "stale in {}: {stale:?} (PEERCTL_UPDATE=1 writes them)", folder.display());
}

fn read(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let file = |path: PathBuf| {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("text"))
    };
    entries.map(|entry| file(entry.expect("a readable folder").path())).collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn peerctl(words: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_peerctl")).args(words).output().expect("peerctl runs");
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
    output.stdout
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}
