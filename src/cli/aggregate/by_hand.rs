//! The short form: peers and tables on the command line.

use super::options::{Options, REFRESH_MS, START_GRACE_MS, Section};
use super::problems::Problems;
use super::statement::{self, Statement};
use crate::aggregate::{Aggregation, Naming, Peer, Policy, Publish, Relation, Stale, TableName};
use crate::cli::args::{AggregateArgs, ConnectArgs};
use crate::cli::failure::Failure;
use crate::cli::target::{self, Identity, Targets};
use crate::cli::view::View;
use crate::escape;
use crate::grammar::AggregateSection;
use crate::span::Span;

use super::levels;
use super::line::Word;

/// What the command line asks for.
pub(super) fn options(view: &View, args: &AggregateArgs) -> Result<Options, Failure> {
    let Some(us) = &args.local else {
        let help = "the name under which the nodes list this aggregator: -L agg1; or give a file: -f FILE";
        return Err(Failure::misuse("nothing says our own name", help));
    };
    if args.peers.is_empty() {
        let help = "name the nodes: lb1=10.0.0.1:10000 lb2=10.0.0.2:10000; or give a file: -f FILE";
        return Err(Failure::misuse("nobody to learn from", help));
    }
    let naming = naming(&args.table)?;
    let connect = ConnectArgs {
        local: Some(us.clone()),
        listen: args.listen.clone(),
        insecure_plaintext: args.insecure_plaintext,
        tls: args.tls.clone(),
        ..ConnectArgs::default()
    };
    let Targets { peers: targets, listen, .. } = target::resolve(view, &connect, &args.peers, Identity::Listed)?;
    let peer =
        |target: &target::Target| Peer { name: target.name.clone().unwrap_or_default(), relation: Relation::Node };
    let aggregation = Aggregation {
        name: us.clone(),
        naming,
        peers: targets.iter().map(peer).collect(),
        policy: Policy::default(),
        publish: Publish::default(),
        stale: Stale::Keep,
        start_grace_ms: START_GRACE_MS,
        refresh_ms: Some(REFRESH_MS),
        teach_back: false,
        lease: None,
    };
    let listener = listen.as_ref().map(|_| 0);
    Ok(Options {
        us: us.as_bytes().into(),
        listeners: listen.into_iter().collect(),
        metrics: None,
        metrics_top: None,
        control: None,
        state_file: None,
        dry_run: false,
        sections: vec![Section { aggregation, targets, listener }],
    })
}

/// `--table SOURCE=TOTAL`: as `table SOURCE to TOTAL` in a file.
fn naming(texts: &[String]) -> Result<Naming, Failure> {
    if texts.is_empty() {
        let help = "name the source and its total: --table st_src=st_src.agg";
        return Err(Failure::misuse("nothing says which tables are added up", help));
    }
    let mut tables: Vec<TableName> = Vec::new();
    for text in texts {
        let bad = |why: &str| {
            let shown = escape::name(text.as_bytes());
            Failure::misuse(format!("--table {shown}: {why}"), "write --table st_src=st_src.agg")
        };
        let (from, to) = text.split_once('=').ok_or_else(|| bad("no `=` between source and total"))?;
        let words = ["table", from, "to", to].map(|word| Word { text: word.into(), span: Span::at(0) });
        match statement::read(AggregateSection::Aggregations, &words, &mut Problems::default()) {
            Some(Statement::Table(table)) => {
                let is_it = |known: &TableName| {
                    levels::same_table(&known.from, &table.from) || levels::same_table(&known.to, &table.to)
                };
                if tables.iter().any(is_it) {
                    return Err(bad("a table is given twice"));
                }
                tables.push(table);
            }
            _ => return Err(bad("that is no name of a table")),
        }
    }
    let named = (Naming::Tables(tables), Span::at(0));
    if !levels::check_section(&named, &mut Problems::default()) {
        return Err(Failure::misuse(
            "--table: a total is a source, too",
            "give totals names of their own: st_src=st_src.agg",
        ));
    }
    Ok(named.0)
}
