//! `--fix`: what the findings ask for, written down.

use std::collections::BTreeMap;

use super::{
    super::{
        args::{CheckArgs, FindingFormat, Format, WriteArgs},
        edit,
        exit::Exit,
        failure::Failure,
        instances::{self, Loaded},
        report,
        view::View,
    },
    is_asked_for, is_wanted,
};
use crate::{
    escape,
    grammar::Release,
    lint::{self, Context, Group, Rule, Subject},
    model::{Instance, numbering::Extent},
    ops::set_server_ids::SetServerIds,
};

/// The rule whose findings ask for all ids of a backend, not just those that differ.
const ASKS_FOR_ALL: &str = "server-id-implicit";

/// Mends what can be mended. `None` if nothing was to be done.
///
/// # Errors
/// As [`edit::run_all`]; for a `--reference` that is no instance.
pub(super) fn run(
    view: &View,
    args: &CheckArgs,
    release: Release,
    rules: &[&'static Rule],
) -> Result<Option<Exit>, Failure> {
    let reference = reference(args)?;
    let plan = |instances: &[(&Loaded, &Instance<'_>)]| {
        let subjects = instances.iter().map(|(one, instance)| Subject { name: &one.name, instance });
        let context = Context::new(subjects.collect(), release);
        let mut backends: BTreeMap<Vec<u8>, Extent> = BTreeMap::new();
        // Once the ids of a backend agree, that rule asks for the rest of them: all are written at once.
        let for_all = rules.iter().any(|rule| rule.code == ASKS_FOR_ALL) && is_asked_for(args, ASKS_FOR_ALL);
        for finding in lint::run(&context, rules).iter().filter(|finding| is_wanted(args, finding)) {
            let Some(name) = &finding.backend else { continue };
            let extent = if for_all && needs_ids(&context, name) { Extent::All } else { Extent::Few };
            let found = backends.entry(name.clone()).or_insert(extent);
            *found = extent.max(*found);
        }
        let read: Vec<&Instance<'_>> = instances.iter().map(|(_, instance)| *instance).collect();
        Ok(SetServerIds { reference, backends }.plan(&read))
    };
    let done = std::cell::Cell::new(None);
    let tell = |report: &report::Report<'_>| {
        if !report.changed() && report.interrupted.is_none() {
            return Ok(Exit::Done);
        }
        let exit = if args.format == FindingFormat::Human {
            report::print(view, &WriteArgs { how: args.write.clone(), format: Format::Human }, report)?
        } else {
            report::tell(view, &args.write, report)
        };
        done.set(Some(exit));
        Ok(exit)
    };
    edit::run_all(view, &args.instances, &args.read, &args.write, &plan, &tell)?;
    Ok(done.get())
}

fn needs_ids(context: &Context<'_>, backend: &[u8]) -> bool {
    let groups = context.groups();
    let at = groups.binary_search_by(|group| group.name.cmp(backend));
    at.is_ok_and(|at| groups.get(at).is_some_and(Group::needs_ids))
}

/// Where among the instances `--reference` is; the first one without it.
fn reference(args: &CheckArgs) -> Result<usize, Failure> {
    let Some(wanted) = &args.reference else { return Ok(0) };
    let names = instances::names_of(&args.instances)?;
    names.iter().position(|name| name == wanted).ok_or_else(|| {
        let message = format!("--reference: no instance `{}`", escape::name(wanted.as_bytes()));
        Failure::misuse(message, format!("there are {}", instances::list(&names)))
    })
}
