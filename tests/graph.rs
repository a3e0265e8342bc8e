//! What `peerctl graph` draws, text for text (`PEERCTL_UPDATE=1` writes them anew: look at the pictures before committing).

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const CASES: [&str; 4] = ["pair", "three", "six", "sections"];
const FORMATS: [(&str, &str); 3] = [("mermaid", "mmd"), ("dot", "dot"), ("svg", "svg")];

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/graph").join(case)
}

fn instances(case: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(case)).expect("a folder of fixtures");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "cfg"));
    files.sort();
    files
}

fn graph(files: &[PathBuf], format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_peerctl"))
        .args(["graph", "--format", format, "--haproxy-version", "3.2"])
        .args(files)
        .output()
        .expect("peerctl runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The files of an instance that is a text, in a folder of its own.
fn written(texts: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().expect("a folder");
    let files = texts.iter().map(|(name, text)| {
        let path = dir.path().join(format!("{name}.cfg"));
        fs::write(&path, text).expect("written");
        path
    });
    let files = files.collect();
    (dir, files)
}

#[test]
fn pictures_are_those_that_somebody_looked_at() {
    for case in CASES {
        for (format, extension) in FORMATS {
            let (path, made) = (folder(case).join(format!("expected.{extension}")), graph(&instances(case), format));
            if std::env::var_os("PEERCTL_UPDATE").is_some() {
                fs::write(&path, &made).expect("written");
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(made, expected, "{}", path.display());
        }
    }
}

#[test]
fn one_side_that_does_not_list_the_other_is_dashed_and_told() {
    let (_dir, files) = written(&[
        ("lb1", "global\n  localpeer lb1\npeers mesh\n  peer lb1 10.0.0.1:1\n  peer lb2 10.0.0.2:1\n"),
        ("lb2", "global\n  localpeer lb2\npeers other\n  peer lb2 10.0.0.2:1\n"),
    ]);
    assert_eq!(
        graph(&files, "mermaid").lines().take(4).collect::<Vec<_>>(),
        [
            "flowchart LR",
            "  n0[\"lb1<br>10.0.0.1:1\"]:::instance",
            "  n1[\"lb2<br>10.0.0.2:1\"]:::instance",
            "  n0 -.->|\"mesh / other, plain<br>lb2 doesn't list lb1\"| n1",
        ]
    );
    assert!(graph(&files, "dot").contains("style=dashed, dir=forward"));
}

#[test]
fn a_dropped_and_a_disabled_section_answer_nobody() {
    let peers = "peers mesh\n  peer lb1 10.0.0.1:1\n  peer lb2 10.0.0.2:1\n";
    let (_dir, files) = written(&[
        ("lb1", &format!("global\n  localpeer edge1\n{peers}")),
        ("lb2", &format!("global\n  localpeer lb2\n{peers}  disabled\n")),
    ]);
    assert_eq!(
        graph(&files, "mermaid").lines().filter(|line| line.contains("x--x")).collect::<Vec<_>>(),
        ["  n0 x--x|\"mesh, plain<br>lb1 drops section mesh: no peer in it is called edge1<br>section mesh of lb2 is \
          disabled<br>lb2 calls lb1 #96;lb1#96;, its own name is #96;edge1#96;\"| n1"]
    );
}

#[test]
fn two_instances_with_one_local_name_are_marked() {
    let text = "global\n  localpeer lb1\npeers mesh\n  peer lb1 10.0.0.1:1\n  peer lb2 10.0.0.2:1\n";
    let (_dir, files) = written(&[("a", text), ("b", text)]);
    let drawn = graph(&files, "dot");
    assert!(drawn.contains("label=\"a\\nlocal peer lb1, like b\\n10.0.0.1:1\""), "{drawn}");
}

#[test]
fn guests_are_left_out() {
    for (format, _) in FORMATS {
        assert!(!graph(&instances("pair"), format).contains("peerctl"), "{format}");
    }
}

#[test]
fn names_cannot_break_out_of_their_labels() {
    let name = "a\\\"b<c>&amp;#d`]|";
    let (_dir, files) = written(&[(
        "lb1",
        &format!("global\n  localpeer lb1\npeers 'm\"<x>&'\n  peer lb1 10.0.0.1:1\n  peer '{name}' 10.0.0.2:1\n"),
    )]);
    let svg = graph(&files, "svg");
    assert!(svg.contains("&lt;c&gt;&amp;amp;#d`]|") && !svg.contains("<c>"), "{svg}");
    let mermaid = graph(&files, "mermaid");
    let ghost = mermaid.lines().find(|line| line.starts_with("  n1[")).expect("the other peer");
    assert_eq!(ghost.matches('"').count(), 2, "{ghost}");
    assert!(ghost.contains("#34;b#60;c#62;#38;amp#59;#35;d#96;#93;#124;"), "{ghost}");
    let dot = graph(&files, "dot");
    assert!(dot.contains("\\\"b<c>&amp;amp;#d`]|\\n"), "{dot}");
    draw_with_graphviz(&dot);
}

#[test]
fn what_a_reference_stands_for_is_not_drawn() {
    let (_dir, files) = written(&[(
        "lb1",
        "global\n  localpeer lb1\n  setenv HOST 10.9.9.9\npeers mesh\n  peer lb1 \"${HOST}:1\"\n  peer lb2 \"${HOST}:2\"\n",
    )]);
    for (format, _) in FORMATS {
        let drawn = graph(&files, format);
        assert!(!drawn.contains("10.9.9.9") && drawn.contains("HOST"), "{format}: {drawn}");
    }
}

#[test]
fn graphviz_draws_what_is_printed_for_it() {
    for case in CASES {
        draw_with_graphviz(&graph(&instances(case), "dot"));
    }
}

/// Says so where there is no Graphviz.
fn draw_with_graphviz(dot: &str) {
    let child =
        Command::new("dot").arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: there is no `dot` here, so nothing was drawn with it");
        return;
    };
    child.stdin.take().expect("piped").write_all(dot.as_bytes()).expect("read by dot");
    let output = child.wait_with_output().expect("dot ends");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}\n{dot}");
}
