//! `peerctl parse` and `peerctl grammar` as programs use them.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

fn peerctl(words: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("peerctl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // Not all is read where it isn't asked for.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output().expect("peerctl ends")
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// All files of `fixtures/`.
fn fixtures() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// What is hard: CRLF, mixed ends, no last LF, NUL, a BOM, VT and FF, Latin-1, CR in the middle, open quotes, nothing.
const HARD: [&[u8]; 9] = [
    b"peers mesh\r\n  peer lb1 10.0.0.1:1 # us\r\n\r\n",
    b"global\n\tmaxconn 5\r\ndefaults\n  mode http",
    b"a\0b \0\n\0",
    b"\xef\xbb\xbfglobal\n",
    b" \x0b\x0c x\x0by # \x01\x1b[0m\n",
    b"backend caf\xe9 # \xff\xfe\n 'a\xe9b' \\xe9 \"\\xff\"\n",
    b"server a 1.2.3.4:80\rid 9\n\r\n\r\r\n# c\rd\r\n",
    b"x 'open\ny \"open $ ${A \"${B[*]}\" $C\n\\\n\\x4 \\",
    b"",
];

#[test]
fn printing_gives_the_same_bytes() {
    for path in fixtures() {
        let bytes = fs::read(&path).expect("readable");
        let output = peerctl(&["parse", path.to_str().expect("a plain name"), "--format", "source"], b"");
        assert!(output.stdout == bytes && output.status.code() == Some(0), "{}", path.display());
    }
    for bytes in HARD {
        for words in [&["parse", "--format", "source"][..], &["parse", "-", "--format", "source"]] {
            assert_eq!(peerctl(words, bytes).stdout, bytes, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}

#[test]
fn the_tree_has_every_byte_that_means_something() {
    for path in fixtures() {
        check_tree(&fs::read(&path).expect("readable"), &path.display().to_string());
    }
    for bytes in HARD {
        check_tree(bytes, &String::from_utf8_lossy(bytes));
    }
}

/// Puts the lines together again from the tree, with blanks of the text between.
fn check_tree(bytes: &[u8], what: &str) {
    let output = peerctl(&["parse"], bytes);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{what}");
    let tree: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&tree["version"], &tree["file"]), (&json!(1), &json!("-")), "{what}");
    let mut at = 0;
    for (number, line) in (1u64..).zip(tree["lines"].as_array().expect("lines")) {
        assert_eq!(line["line"], number, "{what}");
        // The place behind `piece`, which stands at `at`; each byte of a secret is a star.
        let behind = |at: usize, piece: &[u8]| {
            let found = bytes.get(at..at + piece.len()).unwrap_or_default();
            let same = found.len() == piece.len() && piece.iter().zip(found).all(|(p, f)| p == f || *p == b'*');
            assert!(same, "{what}:{number}: {:?}", String::from_utf8_lossy(piece));
            at + piece.len()
        };
        let blanks = |at: usize| at + bytes[at..].iter().take_while(|b| b" \t\x0b\x0c".contains(b)).count();
        let start = at;
        at = behind(at, line["indent"].as_str().unwrap_or_default().as_bytes());
        for word in line["words"].as_array().expect("words") {
            let from = blanks(at);
            at = behind(from, &piece(word, "text", "hex"));
            assert_eq!(word["span"], json!([from, at]), "{what}:{number}");
            assert_eq!(word["column"], from - start + 1, "{what}:{number}");
        }
        at = behind(blanks(at), &piece(line, "comment", "comment_hex"));
        at = behind(at, &piece(line, "ignored", "ignored_hex"));
        at = match line["newline"].as_str().expect("a name") {
            "crlf" => behind(at, b"\r\n"),
            "lf" => behind(at, b"\n"),
            other => {
                assert_eq!((other, at), ("none", bytes.len()), "{what}: only the last line has no end");
                at
            }
        };
    }
    assert_eq!(at, bytes.len(), "{what}: the lines are all of it");
}

/// A text, or the bytes that its hex stands for; empty if neither is there.
fn piece(object: &Value, name: &str, hex: &str) -> Vec<u8> {
    match (object.get(name), object.get(hex)) {
        (Some(text), None) => text.as_str().expect("a text").as_bytes().to_vec(),
        (None, Some(hex)) => {
            let digits = hex.as_str().expect("a text").as_bytes();
            let byte = |pair: &[u8]| u8::from_str_radix(&text(pair), 16).expect("two digits");
            digits.chunks(2).map(byte).collect()
        }
        (None, None) => Vec::new(),
        both => panic!("one of the two: {both:?}"),
    }
}

#[test]
fn what_cannot_be_read_is_listed_with_what_to_do() {
    let output = peerctl(&["parse"], b"backend shop\n  cookie it's\n.if 1\n");
    assert_eq!(output.status.code(), Some(0), "the tree is there");
    let tree: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let errors = tree["errors"].as_array().expect("errors");
    let places: Vec<_> = errors.iter().map(|error| (error["line"].as_u64(), error["column"].as_u64())).collect();
    assert_eq!(places, [(Some(2), Some(12)), (Some(3), Some(1))]);
    assert!(errors.iter().all(|error| error["message"].is_string() && error["help"].is_string()), "{errors:?}");
}

#[test]
fn misuse_and_missing_files_have_their_exit_codes() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.cfg");
    fs::write(&path, "global\n").expect("written");
    let name = path.to_str().expect("a plain name");
    assert_eq!(peerctl(&["parse", &format!("{name}.none")], b"").status.code(), Some(3));
    assert_eq!(peerctl(&["parse", dir.path().to_str().expect("a plain name")], b"").status.code(), Some(2));
    // The shell has emptied the file by then.
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.args(["parse", name, "--format", "source"]).stdout(File::create(&path).expect("ours"));
    assert_eq!(command.output().expect("peerctl runs").status.code(), Some(2));
}

#[test]
fn grammars_are_listed_and_printed_as_they_are() {
    let list = text(&peerctl(&["grammar"], b"").stdout);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_str().expect("a plain name");
        assert!(list.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name} is listed:\n{list}");
        assert_eq!(peerctl(&["grammar", name], b"").stdout, fs::read(&path).expect("readable"), "{name}");
        seen += 1;
    }
    assert_eq!((seen, list.lines().count()), (seen, seen), "nothing else is listed");
    let unknown = peerctl(&["grammar", "nonsense"], b"");
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(2), 0));
    assert!(text(&unknown.stderr).contains("server-params"), "{unknown:?}");
}
