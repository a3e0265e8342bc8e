//! Imports point down the map of `lib.rs`, I/O stays at the top, and the map has the folders that are there.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layer of each module of the crate's root: a module may use modules of lower layers, and itself. `config` and
/// `model` share a layer on the map, `model` above `config`.
const LAYERS: &[(&str, u8)] = &[
    ("cli", 6),
    ("output", 5),
    ("node", 5),
    ("ops", 4),
    ("lint", 4),
    ("record", 4),
    ("aggregate", 4),
    ("hold", 4),
    ("model", 3),
    ("config", 2),
    ("proto", 2),
    ("table", 3),
    ("runtime", 2),
    ("stick", 1),
    ("grammar", 0),
    ("escape", 0),
    ("limits", 0),
    ("span", 0),
    ("units", 0),
    ("lib", 7),
];

fn sources() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&src).expect("below src").to_owned();
                files.push((name, fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    files.sort();
    assert!(files.len() > 40, "all files were found");
    files
}

/// The root module a file belongs to.
fn module(file: &Path) -> String {
    let first = file.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// Every `crate::name` in code, comments and tests left out; groups `crate::{a, b::c}` are opened.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let name =
            |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(group) = rest.strip_prefix('{') else {
            found.push(name(rest));
            continue;
        };
        let (mut depth, mut start) = (0, true);
        for (n, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && !c.is_whitespace() => {
                    found.push(name(&group[n..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    found.retain(|name| layer(name).is_some());
    found
}

#[test]
fn imports_point_down_only() {
    let mut seen = 0;
    for (file, text) in sources() {
        let from = module(&file);
        let Some(own) = layer(&from) else {
            assert_eq!(from, "main", "{} belongs to no layer: put it on the map", file.display());
            continue;
        };
        for to in imports(&text) {
            seen += 1;
            let down = to == from || layer(&to).is_some_and(|layer| layer < own);
            assert!(down, "{} uses crate::{to}, which is not below {from}", file.display());
        }
    }
    assert!(seen > 100, "imports were found");
}

#[test]
fn files_processes_and_output_stay_in_cli() {
    let forbidden = ["std::fs", "println!", "eprintln!", "std::env::"];
    only_in(&["cli", "main"], &forbidden);
    only_in(&["cli", "main", "node"], &["std::process", "rustix::"]);
}

/// Whatever is printed goes through `escape`: nothing else makes text of bytes that somebody else chose, writes to standard
/// error, or writes JSON.
#[test]
fn one_escaper_stands_before_everything_that_is_printed() {
    let code = |text: &str| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let sources: Vec<(PathBuf, String)> = sources().into_iter().map(|(file, text)| (file, code(&text))).collect();
    let only = |word: &str, files: &[&str]| {
        for (file, text) in &sources {
            let found = text.lines().find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            let allowed = files.iter().any(|allowed| file == Path::new(allowed));
            assert!(found.is_none() || allowed, "{}: `{word}` has its place in {files:?}: {found:?}", file.display());
        }
        for allowed in files {
            let there = sources.iter().any(|(file, text)| file == Path::new(allowed) && text.contains(word));
            assert!(there, "{allowed} has no `{word}` any more");
        }
    };
    for other in ["escape_debug", "escape_default", "escape_ascii"] {
        only(other, &[]);
    }
    only("escape_unicode", &["escape.rs"]);
    // What isn't UTF-8 is shown as `\xNN`, never as U+FFFD; here it is only looked at, or is text already.
    let in_output = ["output/redact.rs", "output/tree_json.rs"];
    let output: Vec<&str> = sources
        .iter()
        .filter(|(file, text)| file.starts_with("output") && text.contains("from_utf8_lossy"))
        .filter_map(|(file, _)| file.to_str())
        .collect();
    assert_eq!(output, in_output);
    // `/dev/stderr` of panics, messages and progress; the screen of `watch` draws cells, not bytes.
    only("stderr().write", &["cli/stderr.rs"]);
    only("writeln!(io::stderr", &[]);
    only("serde_json::Serializer", &["output/json.rs"]);
    for writer in ["serde_json::to_writer", "serde_json::to_string_pretty"] {
        only(writer, &[]);
    }
    // Lines of control sockets and of the record of a write, which no terminal sees.
    only("serde_json::to_string(", &["cli/forget.rs"]);
    only("serde_json::to_vec", &["cli/files/journal.rs"]);
}

#[test]
fn sockets_tasks_and_clocks_stay_in_node() {
    only_in(&["node"], &["tokio", "rustls", "std::net::Tcp", "std::net::Udp", "UnixStream", "UnixListener"]);
    only_in(&["node", "cli"], &["Instant::now", "SystemTime::now"]);
}

/// Fails if code outside of these modules has one of `words`.
fn only_in(modules: &[&str], words: &[&str]) {
    let of_tests = |file: &Path| file.file_name().is_some_and(|name| name == "tests.rs");
    let elsewhere = |file: &Path| !modules.contains(&module(file).as_str()) && !of_tests(file);
    for (file, text) in sources().iter().filter(|(file, _)| elsewhere(file)) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in words {
                assert!(
                    !line.contains(word),
                    "{}: `{word}` belongs into {}: {line}",
                    file.display(),
                    modules.join(", ")
                );
            }
        }
    }
}

#[test]
fn the_map_in_lib_rs_has_every_folder_and_no_other() {
    let lib = sources().into_iter().find(|(file, _)| file == Path::new("lib.rs")).expect("lib.rs").1;
    let map: String = lib.lines().skip_while(|l| !l.contains("```text")).take_while(|l| *l != "//! ```").collect();
    for (name, _) in LAYERS.iter().filter(|(name, _)| *name != "lib") {
        assert!(map.contains(name), "`{name}` is missing on the map");
        assert!(lib.contains(&format!("pub mod {name};")), "`{name}` is on the map, but not in the crate");
    }
    let modules = lib.lines().filter(|line| line.starts_with("pub mod ")).count();
    assert_eq!(modules, LAYERS.len() - 1, "every module has a layer");
}

#[test]
fn what_is_built_in_stays_few_enough_to_be_looked_at() {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.args(["tree", "--edges", "normal", "--prefix", "none", "--locked", "--offline"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let crates: std::collections::BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!((2..=220).contains(&crates.len()), "{} crates", crates.len());
}

#[test]
fn main_stays_thin() {
    let main = sources().into_iter().find(|(file, _)| file == Path::new("main.rs")).expect("main.rs").1;
    assert!(main.lines().count() <= 30, "main.rs only calls the library");
}
