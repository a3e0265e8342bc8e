//! `peerctl graph`.

use super::{
    args::{GraphArgs, GraphFormat},
    exit::Exit,
    failure::Failure,
    instances::{self, Loaded},
    stdout, version,
    view::View,
};
use crate::{
    model::Instance,
    output::graph::{Graph, dot, mermaid, svg},
};

/// Draws who peers with whom.
///
/// # Errors
/// If a file can't be read.
pub fn run(view: &View, args: &GraphArgs) -> Result<Exit, Failure> {
    for path in instances::paths(&args.instances) {
        stdout::refuse_input(&path)?;
    }
    let loaded = instances::load(&args.instances, &args.read, version::of(args.haproxy_version.as_deref(), None)?)?;
    instances::refer_to_secrets(&view.redactor, &loaded);
    let read: Vec<Instance<'_>> = loaded.iter().map(Loaded::instance).collect();
    let named: Vec<(&str, &Instance<'_>)> = loaded.iter().map(|one| one.name.as_str()).zip(&read).collect();
    let graph = Graph::new(&named);
    stdout::print(|out| match args.format {
        GraphFormat::Mermaid => mermaid::print(&graph, out),
        GraphFormat::Dot => dot::print(&graph, out),
        GraphFormat::Svg => svg::print(&graph, out),
    })?;
    Ok(Exit::Done)
}
