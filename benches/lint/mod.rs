//! `check-ids` on two large instances that don't agree, beside `haproxy -c` on one of them; and findings shown to people.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use peerctl::{
    config::{Document, Environment, LineNo, Source},
    grammar::Release,
    lint::{self, Context, Finding, Subject},
    model::{Facts, Instance, Naming},
    output::{
        diagnostic::Look,
        lint::{Checked, Command as Checking, Report},
        lint_human,
        redact::Redactor,
    },
};

use super::{
    PEERCTL, generate::Configuration, milliseconds, pairs, plant::Planted, print_row, random::Random, row, run, time,
};

/// The whole program on two instances with 40 planted inconsistencies, beside `haproxy -c` of one.
pub(super) fn check_ids(folder: &Path, backends: usize, haproxies: &[PathBuf]) {
    let planted = Planted::new(&mut Random::new(1), backends, 100, 40);
    let files = [("lb1.cfg", &planted.lb1), ("lb2.cfg", &planted.lb2)].map(|(name, configuration)| {
        let file = folder.join(name);
        fs::write(&file, configuration.text()).expect("the folder takes files");
        file
    });
    let checks = || {
        let mut command = Command::new(PEERCTL);
        command.args(["check-ids", "--format", "json", "--haproxy-version=3.2"]).args(&files);
        // Exit 1: there are findings.
        time(|| run(&mut command, &[1]))
    };
    for haproxy in haproxies {
        let name = haproxy.file_name().unwrap_or_default().to_string_lossy();
        let beside = || {
            let mut command = Command::new(haproxy);
            command.arg("-c").arg("-f").arg(&files[0]).stderr(Stdio::null());
            time(|| run(&mut command, &[0, 2]))
        };
        let what = format!("check-ids of two, 40 planted / {name} -c");
        row(&what, &pairs(9, checks, beside), milliseconds, Some(0.20));
    }
}

/// 1,000 findings rendered for people, in memory: notes with a place in each of two files, and servers with different ids,
/// folded per backend.
pub(super) fn people(servers: usize) {
    const GOAL: Duration = Duration::from_millis(200);
    let backends = servers.div_euclid(100);
    let agreeing = Configuration::new(backends, 100);
    let mut swapped = agreeing.clone();
    swapped.backends.iter_mut().for_each(|backend| backend.servers.swap(40, 41));
    for (what, lb2) in [("notes", &agreeing), ("errors", &swapped)] {
        let instances = [("lb1.cfg", &agreeing), ("lb2.cfg", lb2)].map(|(name, configuration)| {
            [Source::new(name, Document::parse(configuration.text()).expect("less than 2 GiB"))]
        });
        let all = findings(&instances);
        let shown = all.get(..1000.min(all.len())).unwrap_or_default();
        let took = (0..5).map(|_| time(|| print(shown, &instances))).min().unwrap_or(Duration::ZERO);
        let what = format!("{} {what} rendered for people", shown.len());
        let (most, ratio) = (milliseconds(GOAL), took.as_secs_f64() / GOAL.as_secs_f64());
        print_row(&format!("{what} / goal"), &milliseconds(took), &most, ratio, Some(1.0));
    }
}

fn findings(files: &[[Source; 1]; 2]) -> Vec<Finding> {
    let release = Release::parse("3.2").expect("a version");
    let facts = Facts { version: release.version, environment: Environment::default() };
    let read = files.each_ref().map(|files| Instance::read(files, &Naming::default(), &facts));
    let subjects = ["lb1", "lb2"].into_iter().zip(&read).map(|(name, instance)| Subject { name, instance });
    lint::run(&Context::new(subjects.collect(), release), lint::all())
        .into_iter()
        .filter(|finding| finding.rule.code.starts_with("server-"))
        .collect()
}

fn print(findings: &[Finding], files: &[[Source; 1]; 2]) {
    let [lb1, lb2] = files;
    let instances = [Checked { name: "lb1", files: lb1 }, Checked { name: "lb2", files: lb2 }];
    let given = ["lb1.cfg".to_owned(), "lb2.cfg".to_owned()];
    let command = Checking { name: "check-ids", instances: &given };
    let report = Report {
        findings,
        instances: &instances,
        command: &command,
        backends: 1000,
        servers: 100_000,
        seconds: 0.0,
        unread: &[],
    };
    let redactor = Redactor::new([7; 32]);
    let secrets = |document: &Document, line: LineNo| redactor.spans(document, line);
    let look = Look { width: 100, color: true, secrets: &secrets, ..Look::default() };
    lint_human::print(&report, &redactor, &look, &mut io::sink()).expect("nothing takes all");
}
