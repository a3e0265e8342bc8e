//! `peerctl check` and `peerctl check-ids`.

mod fix;
mod reports;

use std::{mem::ManuallyDrop, time::Instant};

use reports::Printer;

use super::{
    args::{CheckArgs, FindingFormat},
    exit::Exit,
    failure::Failure,
    instances::{self, For, Loaded},
    stderr, stdout, version,
    view::View,
};
use crate::{
    escape,
    grammar::Release,
    lint::{self, Context, Finding, Rule, Severity, Side, Subject},
    model::Instance,
    output::lint::{Checked, Command, Report, Unread},
};

/// One of the two commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// `check`: all rules.
    Check,
    /// `check-ids`: those about servers, and those about what can't be read or is allowed in place.
    CheckIds,
}

impl Which {
    const fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::CheckIds => "check-ids",
        }
    }

    fn has(self, rule: &Rule) -> bool {
        self == Self::Check
            || ["server-", "allow-"].iter().any(|start| rule.code.starts_with(start))
            || matches!(rule.code, "syntax" | "word-hidden")
    }
}

/// Runs one of the commands.
///
/// # Errors
/// For misuse, or if the findings can't be printed. What else fails is told after the findings: an instance that can't be
/// read doesn't hide those of the others.
pub fn run(view: &View, args: &CheckArgs, which: Which) -> Result<Exit, Failure> {
    let started = Instant::now();
    let rules = rules(args, which)?;
    let reports = reports::destinations(&args.report)?;
    refuse_misuse(args, which)?;
    let inputs = instances::paths(&args.instances);
    for path in &inputs {
        stdout::refuse_input(path)?;
    }
    reports.iter().try_for_each(|report| report.refuse_inputs(&inputs))?;
    let release = version::release(args.haproxy_version.as_deref(), args.write.haproxy.as_deref())?;

    let mut input = Input::read(args, release)?;
    let mut fixed = None;
    if args.fix && input.failures.is_empty() {
        fixed = fix::run(view, args, release, &rules)?;
        if fixed.is_some() && !args.write.check {
            input = Input::read(args, release)?;
        }
    }

    instances::refer_to_secrets(&view.redactor, &input.loaded);
    // The process ends behind this: to free a hundred thousand servers one by one would take about a twentieth of the time.
    let read: ManuallyDrop<Vec<Instance<'_>>> = ManuallyDrop::new(input.loaded.iter().map(Loaded::instance).collect());
    let context = ManuallyDrop::new(context(&input.loaded, &read, release));
    let findings = lint::run(&context, &rules);
    let (backends, servers) = size(&context);
    let checked: Vec<_> = input.loaded.iter().map(|one| Checked { name: &one.name, files: &one.files }).collect();
    let command = Command { name: which.name(), instances: &args.instances };
    let report = Report {
        findings: &findings,
        instances: &checked,
        unread: &input.unread,
        command: &command,
        backends,
        servers,
        seconds: started.elapsed().as_secs_f64(),
    };
    let deny = Severity::from(args.deny);
    let printer = Printer { report: &report, redactor: &view.redactor, deny };
    let mut failures = input.failures;
    failures.extend(reports.iter().filter_map(|report| report.write(&printer, &view.file()).err()));
    // People who ask what a fix would change have been told; a program gets what it asked for.
    let is_told = fixed.is_some() && args.write.check && args.format == FindingFormat::Human;
    if !is_told {
        stdout::print(|out| printer.print(args.format, &view.output(), out))?;
    }
    for failure in &failures {
        stderr::print(&failure.text(&view.messages()));
    }
    let denied = findings.iter().any(|finding| finding.severity >= deny);
    let exit = if denied { Exit::WouldChange } else { Exit::Done };
    let worst = failures.iter().map(|failure| failure.exit).max();
    Ok(worst.or(fixed.filter(|fixed| *fixed != Exit::Done)).unwrap_or(exit))
}

/// The instances, as far as they can be read.
struct Input {
    loaded: Vec<Loaded>,
    /// Those that can't be read, each with a failure.
    unread: Vec<Unread>,
    failures: Vec<Failure>,
}

impl Input {
    /// # Errors
    /// For what is wrong with the arguments themselves.
    fn read(args: &CheckArgs, release: Release) -> Result<Self, Failure> {
        let mut input = Self { loaded: Vec::new(), unread: Vec::new(), failures: Vec::new() };
        let all = instances::load_each(&args.instances, &args.read, release.version, For::Looking)?;
        for (one, name) in all.into_iter().zip(instances::names_of(&args.instances)?) {
            match one {
                Ok(loaded) => input.loaded.push(loaded),
                Err(failure) => {
                    input.unread.push(Unread { name, why: failure.message().to_owned() });
                    input.failures.push(failure);
                }
            }
        }
        if let (true, Some(worst)) = (args.fix, input.failures.iter().map(|failure| failure.exit).max()) {
            let help = "ids have to be known on all of them";
            input.failures.push(Failure::new(worst, "nothing is fixed: not all instances can be read", help));
        }
        Ok(input)
    }
}

fn context<'a>(loaded: &'a [Loaded], read: &'a [Instance<'a>], release: Release) -> Context<'a> {
    let subject = |(one, instance): (&'a Loaded, &'a Instance<'a>)| Subject { name: &one.name, instance };
    Context::new(loaded.iter().zip(read).map(subject).collect(), release)
}

/// How many backends have servers, and how many servers those have, each name once.
fn size(context: &Context<'_>) -> (usize, usize) {
    let servers = |group: &lint::Group<'_>| {
        let most = group.sides.iter().filter_map(Side::proxy).map(|proxy| proxy.servers.len()).max();
        group.rows.len().max(most.unwrap_or(0))
    };
    (context.groups().len(), context.groups().iter().map(servers).sum())
}

/// The rules that `--select` and `--ignore` leave of those of the command.
fn rules(args: &CheckArgs, which: Which) -> Result<Vec<&'static Rule>, Failure> {
    let known = |pattern: &String| {
        if lint::all().iter().any(|rule| matches(pattern, rule.code)) {
            return Ok(());
        }
        let message = format!("no rule `{}`", escape::name(pattern.as_bytes()));
        Err(Failure::misuse(message, "`peerctl explain` lists them; the start of a code with * stands for several"))
    };
    args.select.iter().chain(&args.ignore).try_for_each(known)?;
    let among = |patterns: &[String], rule: &Rule| patterns.iter().any(|pattern| matches(pattern, rule.code));
    let rules = lint::all().iter().copied();
    Ok(rules
        .filter(|rule| if args.select.is_empty() { which.has(rule) } else { among(&args.select, rule) })
        .filter(|rule| !among(&args.ignore, rule))
        .collect())
}

/// Whether a code is meant by what the user wrote.
fn matches(pattern: &str, code: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == code, |start| code.starts_with(start))
}

fn refuse_misuse(args: &CheckArgs, which: Which) -> Result<(), Failure> {
    if which == Which::CheckIds && args.instances.len() < 2 {
        let help = "peerctl check-ids lb1.cfg lb2.cfg; one alone is checked by `peerctl check`";
        return Err(Failure::misuse("check-ids compares instances: give at least two", help));
    }
    let write = &args.write;
    let writes = [
        (write.check, "--check"),
        (write.diff, "--diff"),
        (write.backup.is_some(), "--backup"),
        (write.no_validate, "--no-validate"),
        (write.reload_cmd.is_some(), "--reload-cmd"),
        (write.in_place, "--in-place"),
    ];
    if let Some((_, option)) = writes.into_iter().find(|(given, _)| *given && !args.fix) {
        return Err(Failure::misuse(format!("{option} is about writing"), "give --fix, too, or leave it out"));
    }
    if args.fix && args.instances.iter().any(|text| text == "-" || text.ends_with("=-")) {
        return Err(Failure::misuse("--fix can't write to standard input", "give a file"));
    }
    Ok(())
}

/// Whether `--fix` mends a finding: what is only good to know is mended where somebody asked for it.
fn is_wanted(args: &CheckArgs, finding: &Finding) -> bool {
    finding.fixable && (finding.severity >= Severity::Warning || is_asked_for(args, finding.rule.code))
}

/// Whether somebody wants to be rid of notes of this rule.
fn is_asked_for(args: &CheckArgs, code: &str) -> bool {
    Severity::from(args.deny) == Severity::Note || args.select.iter().any(|selected| selected == code)
}
