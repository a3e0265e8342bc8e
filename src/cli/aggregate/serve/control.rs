//! The control socket: what `peerctl aggregate status` and `peerctl forget` ask.

use std::rc::Weak;

use super::runner::Runner;
use super::status;
use crate::cli::forget::{self, Answer, Question, canonical};
use crate::cli::target::Tables;
use crate::escape;
use crate::node::Node;

/// What a line is answered.
pub(super) fn answer(node: &Weak<Node<Runner>>, line: &str) -> String {
    forget::answer(line, |question| {
        let Some(node) = node.upgrade() else { return Answer::error("it ends".into()) };
        let mut runner = node.handler();
        match question {
            Question::Forget { table, key } => forget(&mut runner, table, key),
            Question::Status => match serde_json::to_value(status::of(&mut runner)) {
                Ok(status) => Answer::status(status),
                Err(error) => Answer::error(error.to_string()),
            },
        }
    })
}

/// Drops a key of a table, which is named by its source or by its total.
fn forget(runner: &mut Runner, table: &str, text: &str) -> Answer {
    let wanted = match Tables::parse(&[table.to_owned()]) {
        Ok(wanted) => wanted,
        Err(failure) => return Answer::error(failure.message().to_owned()),
    };
    let (mut found, mut sources) = (false, 0);
    for section in 0..runner.aggregators.len() {
        let now_ms = runner.now_ms();
        let Some(aggregator) = runner.aggregators.get_mut(section) else { continue };
        for table in aggregator.status(now_ms).tables {
            let names = [&*table.source.name, &*table.total.name];
            if !names.iter().any(|name| wanted.meant(name) > crate::cli::target::Meant::No) {
                continue;
            }
            found = true;
            match canonical(&table.source, text) {
                Ok(key) => sources += runner.forget(section, &table.source.name, &key),
                Err(error) => return Answer::error(format!("table {}: {error}", escape::name(&table.source.name))),
            }
        }
    }
    if found {
        Answer::forgotten(sources as u64)
    } else {
        Answer::error(format!("no table {} is added up", escape::name(table.as_bytes())))
    }
}
