//! The blocks of the README and of `docs/ci.md` about pipelines, the hooks for pre-commit and the action for GitHub: they are what
//! these systems read, and their commands run as they stand there.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path};

use assert_cmd::Command;
use jsonschema::Validator;
use serde_json::{Value, json};

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

/// The blocks of YAML in both texts.
fn blocks() -> Vec<String> {
    let text = read("README.md") + &read("docs/ci.md");
    text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// The commands in the blocks that check, word by word.
fn commands() -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for block in blocks() {
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

fn yaml(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("YAML: {error}\n{text}"))
}

/// What a pipeline's system takes, by its documentation.
fn assert_follows(schema: &Value, document: &Value) {
    let schema: Validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<String> = schema.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}\n{document:#}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text: {value}"))
}

/// The words of a list of texts.
fn words(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().expect("a list").iter().map(text)
}

#[test]
fn the_hooks_check_the_instances_they_are_given() {
    let hooks = yaml(&read(".pre-commit-hooks.yaml"));
    assert_follows(
        &json!({"type": "array", "items": {
            "type": "object",
            "required": ["id", "name", "entry", "language"],
            "properties": {
                "id": {"type": "string"}, "name": {"type": "string"}, "description": {"type": "string"},
                "entry": {"type": "string"}, "language": {"const": "rust"}, "files": {"type": "string", "format": "regex"},
                "pass_filenames": {"type": "boolean"}
            },
            "additionalProperties": false
        }}),
        &hooks,
    );
    let repos =
        blocks().iter().map(|block| yaml(block)).filter(|block| block.get("repos").is_some()).collect::<Vec<_>>();
    assert_eq!(repos.len(), 2, "one with these hooks, one with a hook of one's own");
    let used = &repos[0]["repos"][0]["hooks"][0];
    let hooks = hooks.as_array().expect("a list");
    assert!(hooks.iter().any(|hook| hook["id"] == used["id"]), "{used} is one of ours");
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        let folder = repository();
        let mut entry = text(&hook["entry"]).split(' ');
        assert_eq!(entry.next(), Some("peerctl"));
        let mut command = Command::cargo_bin("peerctl").expect("built");
        let run = command.args(entry).args(words(&used["args"])).current_dir(&folder).assert();
        let output = run.code(1).get_output().stdout.clone();
        assert!(String::from_utf8_lossy(&output).contains("server-id-mismatch"));
    }
}

/// What GitHub takes as an action that is made of steps.
fn action_schema() -> Value {
    let strings = json!({"type": "object", "additionalProperties": {"type": ["string", "boolean", "number"]}});
    json!({
        "type": "object",
        "required": ["name", "description", "runs"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string"}, "author": {"type": "string"}, "description": {"type": "string"},
            "inputs": {
                "type": "object",
                "propertyNames": {"pattern": "^[_a-zA-Z][a-zA-Z0-9_-]*$"},
                "additionalProperties": {
                    "type": "object",
                    "required": ["description"],
                    "additionalProperties": false,
                    "properties": {"description": {"type": "string"}, "required": {"type": "boolean"}, "default": {"type": "string"}}
                }
            },
            "outputs": {"type": "object", "additionalProperties": {
                "type": "object", "required": ["description", "value"], "additionalProperties": false,
                "properties": {"description": {"type": "string"}, "value": {"type": "string"}}
            }},
            "branding": {"type": "object", "additionalProperties": false,
                "properties": {"icon": {"type": "string"}, "color": {"enum": ["white", "yellow", "blue", "green", "orange", "red", "purple", "gray-dark"]}}},
            "runs": {
                "type": "object", "required": ["using", "steps"], "additionalProperties": false,
                "properties": {"using": {"const": "composite"}, "steps": {"type": "array", "items": {"oneOf": [
                    {"type": "object", "required": ["run", "shell"], "additionalProperties": false, "properties": {
                        "run": {"type": "string"}, "shell": {"const": "bash"}, "name": {"type": "string"}, "id": {"type": "string"},
                        "if": {"type": "string"}, "env": strings, "working-directory": {"type": "string"}}},
                    {"type": "object", "required": ["uses"], "additionalProperties": false, "properties": {
                        "uses": {"type": "string", "pattern": "^[^@ ]+/[^@ ]+@v[0-9]+$"}, "with": strings, "name": {"type": "string"},
                        "id": {"type": "string"}, "if": {"type": "string"}}}
                ]}}}
            }
        }
    })
}

/// The steps of the action that are scripts, as GitHub runs them one after the other with these inputs; how the last one ended.
fn run_action(repository: &Path, with: &Value) -> (Option<i32>, String) {
    let action = yaml(&read("action.yml"));
    let runner = tempfile::tempdir().expect("a folder");
    let [tools, temporary, output, path] =
        ["tools", "temporary", "output", "path"].map(|name| runner.path().join(name));
    fs::create_dir(&tools).expect("made");
    // Building takes minutes; what is asked of rustup and cargo is looked at instead.
    fs::write(tools.join("rustup"), "#!/bin/sh\nexec true\n").expect("written");
    let cargo = "#!/bin/sh\n[ \"$1 $2 $3 $4 $6\" = '+stable install --locked --path --root' ] || exit 9\n\
                 [ -e \"$5/Cargo.lock\" ] && mkdir -p \"$7/bin\" && ln -s \"$PEERCTL\" \"$7/bin/peerctl\"\n";
    fs::write(tools.join("cargo"), cargo).expect("written");
    for tool in ["rustup", "cargo"] {
        let made = std::process::Command::new("chmod").arg("+x").arg(tools.join(tool)).status().expect("chmod");
        assert!(made.success());
    }
    // A small copy of the action: what is hashed is what is built.
    let source = runner.path().join("source");
    fs::create_dir(&source).expect("made");
    for file in ["Cargo.toml", "Cargo.lock"] {
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), source.join(file)).expect("a link");
    }
    fs::write(source.join("main.rs"), "fn main() {}").expect("written");

    let value = |name: &str| with.get(name).or_else(|| action["inputs"][name].get("default")).map(text);
    let mut last = (None, String::new());
    for step in action["runs"]["steps"].as_array().expect("steps").iter().filter(|step| step.get("run").is_some()) {
        let mut search = tools.display().to_string() + ":" + &std::env::var("PATH").expect("a PATH");
        for folder in fs::read_to_string(&path).unwrap_or_default().lines() {
            search = format!("{folder}:{search}");
        }
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c"]).arg(text(&step["run"])).current_dir(repository);
        bash.env("GITHUB_ACTION_PATH", &source).env("RUNNER_TEMP", &temporary).env("GITHUB_OUTPUT", &output);
        bash.env("GITHUB_PATH", &path).env("PATH", search).env("PEERCTL", env!("CARGO_BIN_EXE_peerctl"));
        let variables: BTreeMap<String, Value> =
            step.get("env").map(|env| serde_json::from_value(env.clone()).expect("a map")).unwrap_or_default();
        for (variable, expression) in variables {
            let input = text(&expression).strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}"));
            bash.env(variable, value(input.expect("an input")).expect("given, or with a default"));
        }
        let done = bash.output().expect("bash is there");
        last = (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned());
        if last.0 != Some(0) {
            break;
        }
    }
    let said = fs::read_to_string(output).expect("the first step says what is built");
    let hash = said.strip_prefix("hash=").map(str::trim).expect("a hash");
    assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{said}");
    last
}

#[test]
fn the_action_takes_what_the_readme_gives_it_and_finds_the_mistake() {
    let action = yaml(&read("action.yml"));
    assert_follows(&action_schema(), &action);
    let workflow =
        blocks().iter().map(|block| yaml(block)).find(|block| block.get("jobs").is_some()).expect("a workflow");
    let steps = workflow["jobs"]["peers"]["steps"].as_array().expect("steps");
    let ours = steps.iter().find(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with("OWNER/peerctl@v")));
    let with = &ours.expect("the action is used")["with"];
    let inputs = action["inputs"].as_object().expect("inputs");
    for name in with.as_object().expect("inputs").keys() {
        assert!(inputs.contains_key(name), "{name} is an input of the action");
    }
    for (name, input) in inputs {
        let is_required = input["required"] == true;
        assert!(input.get("default").is_some() != is_required, "{name} has a default, or is asked for");
        assert!(!is_required || with.get(name).is_some(), "{name} is given");
    }

    for command in ["check", "check-ids"] {
        let mut with = with.clone();
        with["command"] = command.into();
        let folder = repository();
        let (code, printed) = run_action(folder.path(), &with);
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains("::error file=haproxy/lb1.cfg"), "{printed}");
        let sarif = fs::read_to_string(folder.path().join("peerctl.sarif")).expect("the findings");
        let sarif: Value = serde_json::from_str(&sarif).expect("JSON");
        assert!(sarif.to_string().contains("server-id-mismatch"));
    }
    let mut with = with.clone();
    with["command"] = "check; echo no".into();
    let (code, printed) = run_action(repository().path(), &with);
    assert!(code == Some(2) && printed.starts_with("::error::peerctl: the command is check"), "{printed}");
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
