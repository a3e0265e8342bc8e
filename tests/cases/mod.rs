//! The cases of `fixtures/lint`.
#![allow(dead_code, reason = "each test crate compiles this module and calls its own part of it")]

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use peerctl::{
    config::{Document, Environment, Source},
    grammar::Release,
    lint::{Context, Finding, Rule, Subject, run},
    model::{Facts, Instance, Naming},
};

/// One folder of `fixtures/lint`.
pub(crate) struct Case {
    /// The rule.
    pub(crate) code: String,
    pub(crate) dir: PathBuf,
    /// The instances' files, sorted by name.
    pub(crate) files: Vec<PathBuf>,
}

/// All cases, sorted.
pub(crate) fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint");
    let mut cases = Vec::new();
    for rule in entries(&root) {
        let code = rule.file_name().expect("a name").to_string_lossy().into_owned();
        for dir in entries(&rule) {
            let files = entries(&dir).into_iter().filter(|p| p.extension().is_some_and(|e| e == "cfg")).collect();
            cases.push(Case { code: code.clone(), dir, files });
        }
    }
    cases
}

impl Case {
    /// Whether the rule has nothing to say here.
    pub(crate) fn is_clean(&self) -> bool {
        self.dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("clean"))
    }

    /// What the command line says about the name of an instance: it gives it, or, in a case that has a file `unnamed`,
    /// there is only the file's name.
    fn naming(&self, name: &str) -> Naming {
        let name = name.as_bytes().to_vec();
        if self.dir.join("unnamed").exists() {
            Naming { candidates: vec![name], ..Naming::default() }
        } else {
            Naming { instance: Some(name), ..Naming::default() }
        }
    }

    /// What `rules` say, in the form of `expected`.
    pub(crate) fn findings(&self, rules: &[&'static Rule]) -> String {
        self.run(rules, |_| true)
    }

    /// The same, of those findings that `keep` accepts.
    pub(crate) fn run(&self, rules: &[&'static Rule], keep: impl Fn(&Finding) -> bool) -> String {
        let version = fs::read_to_string(self.dir.join("version")).unwrap_or_else(|_| "3.2".into());
        let release = Release::parse(&version).expect("a version");
        let facts = Facts { version: release.version, environment: Environment::default() };
        let sources: Vec<(String, [Source; 1])> = self.files.iter().map(|file| read(file)).collect();
        let instances: Vec<(&str, Instance<'_>)> = sources
            .iter()
            .map(|(name, source)| {
                let naming = self.naming(name);
                (name.as_str(), Instance::read(source, &naming, &facts))
            })
            .collect();
        let subjects = instances.iter().map(|(name, instance)| Subject { name, instance }).collect();
        let context = Context::new(subjects, release);
        let mut out = String::new();
        for finding in run(&context, rules).iter().filter(|finding| keep(finding)) {
            let places: Vec<String> = finding
                .labels
                .iter()
                .map(|label| {
                    let source = &context.instances[label.instance].instance.files[label.place.file];
                    format!("{}:{}", source.name, label.place.line.human())
                })
                .collect();
            writeln!(out, "{} {} {}", finding.severity, places.join(" "), finding.message).expect("a string");
        }
        out
    }
}

fn read(file: &Path) -> (String, [Source; 1]) {
    let stem = file.file_stem().expect("a stem").to_string_lossy().into_owned();
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let document = Document::parse(fs::read(file).expect("a readable file")).expect("a small file");
    (stem, [Source::new(name, document)])
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(dir).expect("a folder").map(|e| e.expect("readable").path()).collect();
    entries.sort();
    entries
}
