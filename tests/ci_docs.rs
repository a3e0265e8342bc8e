//! The blocks of the README and of `docs/ci.md` about pipelines, and the hooks for pre-commit: their commands run as they stand
//! there.

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

const SOUND: &str = "global\n  maxconn 100\n\ndefaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n\n\
                     peers mesh\n  peer lb1 10.0.0.1:10000\n  peer lb2 10.0.0.2:10000\n\n\
                     backend shop\n  stick-table type ip size 1m expire 30m peers mesh\n  stick on src\n";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// A repository as the examples have it: the servers of `lb2` in the other order.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("haproxy")).expect("made");
    for (name, order) in [("lb1", [1, 2]), ("lb2", [2, 1])] {
        let servers: String = order.iter().map(|n| format!("  server web{n} 10.0.1.1{n}:8080\n")).collect();
        let text = SOUND.replace("maxconn 100", &format!("localpeer {name}")) + &servers;
        fs::write(folder.path().join(format!("haproxy/{name}.cfg")), text).expect("written");
    }
    folder
}

/// The commands in the blocks that check, word by word.
fn commands() -> Vec<Vec<String>> {
    let text = read("README.md") + &read("docs/ci.md");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut commands = Vec::new();
    for block in blocks {
        let lines: Vec<&str> = block.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let Some((_, words)) = line.split_once("peerctl check ") else { continue };
            let depth = |line: &str| line.len() - line.trim_start().len();
            // A folded text goes on as deep as it began.
            let rest = lines[number + 1..]
                .iter()
                .take_while(|next| depth(next) == depth(line) && next.trim().starts_with("--"));
            let all = std::iter::once(words).chain(rest.copied()).flat_map(str::split_whitespace);
            commands.push(std::iter::once("check").chain(all).map(ToOwned::to_owned).collect());
        }
    }
    commands
}

/// The value of a key of a hook.
fn value<'t>(hook: &'t str, key: &str) -> &'t str {
    let (_, rest) = hook.split_once(&format!("{key}: ")).expect("the key");
    rest.lines().next().unwrap_or_default()
}

#[test]
fn the_hooks_check_the_instances_they_are_given() {
    let (hooks, guide) = (read(".pre-commit-hooks.yaml"), read("README.md"));
    let args = value(&guide, "        args").trim_matches(['[', ']']).split(", ");
    let hooks: Vec<&str> = hooks.split("- id: ").skip(1).collect();
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        let folder = repository();
        let mut entry = value(hook, "entry").split(' ');
        assert_eq!(entry.next(), Some("peerctl"));
        let run =
            Command::cargo_bin("peerctl").expect("built").args(entry).args(args.clone()).current_dir(&folder).assert();
        let output = run.code(1).get_output().stdout.clone();
        assert!(String::from_utf8_lossy(&output).contains("server-id-mismatch"));
    }
}

#[test]
fn the_commands_of_the_examples_find_the_mistake_and_write_their_reports() {
    let commands = commands();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        let folder = repository();
        Command::cargo_bin("peerctl").expect("built").args(&command).current_dir(&folder).assert().code(1);
        for report in command.windows(2).filter(|pair| pair[0] == "--report") {
            let (format, file) = report[1].split_once('=').expect("FORMAT=FILE");
            let text = fs::read_to_string(folder.path().join(file)).expect("the report");
            assert!(text.contains("haproxy/lb1.cfg") && text.contains("server-id-mismatch"), "{format}: {text}");
            if format != "junit" && format != "human" {
                serde_json::from_str::<Value>(&text).expect("JSON");
            }
        }
        // Where ids are the only mistake, the fix is all it takes.
        let fix = ["check-ids", "--fix", "--no-validate", "haproxy/lb1.cfg", "haproxy/lb2.cfg"];
        Command::cargo_bin("peerctl").expect("built").args(fix).current_dir(&folder).assert().code(0);
        Command::cargo_bin("peerctl").expect("built").args(&command).current_dir(&folder).assert().code(0);
    }
}

#[test]
fn the_finding_in_the_readme_is_what_is_printed() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("$ peerctl check-ids lb1.cfg lb2.cfg\n").expect("the example");
    let shown = rest.split("```").next().expect("its end");
    let repository = repository();
    let folder = repository.path().join("haproxy");
    let run = Command::cargo_bin("peerctl")
        .expect("built")
        .args(["check-ids", "lb1.cfg", "lb2.cfg"])
        .current_dir(folder)
        .assert();
    let printed = String::from_utf8(run.code(1).get_output().stdout.clone()).expect("text");
    assert!(printed.starts_with(shown), "{printed}");
}
