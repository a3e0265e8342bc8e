//! Diffs applied with the real `patch`.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use peerctl::{
    config::{Document, LineNo},
    output::diff::Diff,
};
use proptest::prelude::*;

fn document(text: &[u8]) -> Document {
    Document::parse(text.to_vec()).expect("short")
}

/// Runs `patch -p0` in `dir` on a diff.
fn patch(dir: &Path, diff: &[u8]) -> Output {
    let file = dir.join("the.diff");
    fs::write(&file, diff).expect("the folder takes files");
    Command::new("patch")
        .args(["-p0", "--force", "--no-backup-if-mismatch"])
        .current_dir(dir)
        .stdin(fs::File::open(file).expect("just written"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .expect("`patch` is installed")
}

/// Applies the diff of `old` and `new` under `name` and gives what `patch` made and said.
fn apply(name: &str, old: &[u8], diff: &Diff<'_>) -> (Vec<u8>, Output) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join(name);
    fs::write(&file, old).expect("the folder takes files");
    let output = patch(dir.path(), &diff.patch());
    (fs::read(&file).unwrap_or_default(), output)
}

fn assert_applies(name: &str, old: &[u8], new: &[u8], hide: &peerctl::output::diff::Hide<'_>) {
    let (old_document, new_document) = (document(old), document(new));
    let diff = Diff::new(name, &old_document, &new_document, hide);
    if diff.is_empty() {
        assert_eq!(old, new, "no difference is shown");
        return;
    }
    let (made, output) = apply(name, old, &diff);
    let shown = String::from_utf8_lossy(&diff.patch()).into_owned();
    assert!(output.status.success(), "{output:?}\n{shown}");
    assert_eq!(String::from_utf8_lossy(&made), String::from_utf8_lossy(new), "{shown}");
    assert_eq!(made, new);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said.contains("fuzz") && !said.contains("offset"), "every hunk fits where it says: {said}\n{shown}");
}

/// Lines that are often alike, as in real files.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        Just(b"".to_vec()),
        Just(b"    server a 10.0.0.1:80".to_vec()),
        Just(b"    # caf\xe9 \xff".to_vec()),
        Just(b"    cr\rinside".to_vec()),
        Just(b"-- a".to_vec()),
        Just(b"++ b".to_vec()),
        Just(b"@@ -1 +1 @@".to_vec()),
        Just(b"\\ No newline at end of file".to_vec()),
        Just(b"#".to_vec()),
        "[a-d]".prop_map(String::into_bytes),
    ];
    (text, prop_oneof![4 => Just(&b"\n"[..]), 1 => Just(&b"\r\n"[..])]).prop_map(|(t, end)| [&t, end].concat())
}

/// A text and a changed one; each may lack its last line end.
fn versions() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let edits =
        prop::collection::vec((any::<prop::sample::Index>(), 0..3usize, prop::collection::vec(line(), 0..4)), 0..5);
    (prop::collection::vec(line(), 0..40), edits, any::<[bool; 2]>()).prop_map(|(lines, edits, cut)| {
        let mut new = lines.clone();
        for (at, gone, come) in edits {
            let at = at.index(new.len() + 1);
            let end = (at + gone).min(new.len());
            new.splice(at..end, come);
        }
        let text = |lines: &[Vec<u8>], cut: bool| {
            let text = lines.concat();
            if cut { text.strip_suffix(b"\n").unwrap_or(&text).to_vec() } else { text }
        };
        (text(&lines, cut[0]), text(&new, cut[1]))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn patch_makes_the_new_version_byte_for_byte((old, new) in versions()) {
        assert_applies("haproxy.cfg", &old, &new, &|_, _| None);
    }

    /// Lines `c` count as secret here: where the change leaves them alone, the diff applies and doesn't show them.
    #[test]
    fn a_diff_keeps_clear_of_secrets_it_does_not_change((old, new) in versions()) {
        let secret = |document: &Document, line| (document.line_text(line) == b"c").then(|| b"***".to_vec());
        let (old_document, new_document) = (document(&old), document(&new));
        let diff = Diff::new("haproxy.cfg", &old_document, &new_document, &secret);
        let shown = diff.patch();
        let leaks = shown.split(|b| *b == b'\n').any(|l| matches!(l, b" c" | b"-c" | b"+c"));
        prop_assert!(!leaks, "{}", String::from_utf8_lossy(&shown));
        if diff.hidden_hunks() == 0 {
            assert_applies("haproxy.cfg", &old, &new, &secret);
        } else {
            let (made, output) = apply("haproxy.cfg", &old, &diff);
            prop_assert_eq!(output.status.code(), Some(1), "patch refuses it: {:?}", output);
            prop_assert!(!made.windows(3).any(|w| w == b"***"), "what stands for a secret gets into no file");
        }
    }
}

#[test]
fn names_with_blanks_quotes_and_folders_are_found() {
    for name in ["my file.cfg", "a\"b\\c.cfg", "tab\there.cfg", "ümlaut.cfg", "a b\tc.cfg", "new\nline.cfg"] {
        assert_applies(name, b"a\nb\n", b"a\nc\n", &|_, _| None);
    }
}

#[test]
fn a_hunk_that_only_adds_a_secret_is_refused_and_the_others_apply() {
    let old: Vec<u8> = (1..=30).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    let text = String::from_utf8(old.clone()).expect("digits");
    let new = text.replace("10\n", "10\npassword\n").replace("25\n", "twenty-five\n").into_bytes();
    let secret = |document: &Document, line| (document.line_text(line) == b"password").then(|| b"***".to_vec());
    let (old_document, new_document) = (document(&old), document(&new));
    let diff = Diff::new("f.cfg", &old_document, &new_document, &secret);
    assert_eq!((diff.hidden_hunks(), diff.counts()), (1, (2, 1)));
    let expected = "--- f.cfg\n+++ f.cfg\n# A secret is hidden in the next hunk: it can't be applied.\n\
        @@ -8,7 +8,7 @@\n 8\n 9\n 10\n-‹in no file: this hunk can't be applied›\n+***\n 11\n 12\n 13\n\
        @@ -22,7 +23,7 @@\n 22\n 23\n 24\n-25\n+twenty-five\n 26\n 27\n 28\n";
    assert_eq!(String::from_utf8_lossy(&diff.patch()), expected);
    let (made, output) = apply("f.cfg", &old, &diff);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Hunk #1 FAILED at 8."), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&made), text.replace("25\n", "twenty-five\n"));
}

#[test]
fn a_terminal_gets_no_control_bytes_and_no_noise_about_line_ends() {
    let (old, new) = (document(b"a\r\nb\x1b[31m\r\n"), document(b"a\r\nb\x9b\r\n"));
    let diff = Diff::new("f.cfg", &old, &new, &|_, _| None);
    assert_eq!(diff.for_terminal(false), "--- f.cfg\n+++ f.cfg\n@@ -1,2 +1,2 @@\n a\n-b\\x1b[31m\n+b\\x9b\n");
    let unix = document(b"a\nb\x1b[31m\r\n");
    let mixed = Diff::new("f.cfg", &old, &unix, &|_, _| None);
    assert_eq!(
        mixed.for_terminal(true),
        "\x1b[1m--- f.cfg\x1b[0m\n\x1b[1m+++ f.cfg\x1b[0m\n\x1b[36m@@ -1,2 +1,2 @@\x1b[0m\n\
         \x1b[31m-a\\x0d\x1b[0m\n\x1b[32m+a\x1b[0m\n b\\x1b[31m\\x0d\n"
    );
}

#[test]
fn few_changes_in_a_large_file_cost_little() {
    let line = |n: u32| format!("    server web{n} 10.0.{}.{}:8080 check inter 2s\n", n / 250 % 250, n % 250);
    let lines: Vec<String> = (0..100_000).map(line).collect();
    let mut changed = lines.clone();
    for at in [10, 50_000, 50_010, 99_990] {
        changed[at] = "    server other 192.0.2.1:80\n".to_owned();
    }
    changed.insert(70_000, "    # new\n".to_owned());
    let (old, new) = (document(lines.concat().as_bytes()), document(changed.concat().as_bytes()));
    let asked = std::cell::Cell::new(0);
    let hide = |_: &Document, _: LineNo| {
        asked.set(asked.get() + 1);
        None
    };
    let start = std::time::Instant::now();
    let diff = Diff::new("f.cfg", &old, &new, &hide);
    let took = start.elapsed();
    eprintln!("diff of 100,000 lines: {took:?}");
    assert_eq!(diff.counts(), (5, 4));
    assert!(asked.get() < 200, "only lines near changes are looked at, not {}", asked.get());
    assert!(took.as_secs() < 5, "{took:?}");
}
