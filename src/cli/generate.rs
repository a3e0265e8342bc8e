//! `peerctl generate`.

use super::{add, args::GenerateArgs, exit::Exit, failure::Failure, stdout};
use crate::{
    config::LineStyle,
    model::PeerKeyword,
    ops::{
        OpError,
        generate::{SectionSpec, table_words},
        spec::PeerSpec,
        star::StarSpec,
    },
};

/// What is added up where nothing else is said: requests by client.
const SOURCE: &str = "st_src type ipv6 size 1m expire 10m store http_req_rate(10s)";

/// Prints the section that the arguments describe, and nothing else.
///
/// # Errors
/// For a name, address or table that HAProxy wouldn't take, or options that don't fit each other.
pub fn run(args: &GenerateArgs) -> Result<Exit, Failure> {
    let lines = section(args).map_err(|e| Failure::misuse(e.to_string(), e.help))?;
    stdout::print(|out| out.write_all(&lines))?;
    Ok(Exit::Done)
}

fn section(args: &GenerateArgs) -> Result<Vec<u8>, OpError> {
    let tls = add::tls(&args.tls)?;
    let style = match (args.style, &tls) {
        (Some(style), _) => add::keyword(style),
        (None, Some(_)) => PeerKeyword::Server,
        (None, None) => PeerKeyword::Peer,
    };
    let tables = || args.table.iter().map(|definition| table_words(definition, None)).collect::<Result<Vec<_>, _>>();
    if !args.aggregate.is_empty() {
        let sources = if args.table.is_empty() { vec![table_words(SOURCE, None)?] } else { tables()? };
        let star = StarSpec {
            section: args.section.clone(),
            nodes: PeerSpec::parse_all(&args.peer)?,
            aggregators: PeerSpec::parse_all(&args.aggregate)?,
            local: args.local.clone(),
            style,
            tls,
            sources,
        };
        return star.text(&LineStyle::default());
    }
    let spec = SectionSpec {
        name: args.section.clone(),
        peers: PeerSpec::parse_all(&args.peer)?,
        style,
        local: args.local.clone(),
        tls,
        shards: args.shards,
        tables: tables()?,
    };
    spec.lines(&LineStyle::default())
}
