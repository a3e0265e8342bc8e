//! `--control`: what `peerctl forget` and others ask.

use std::rc::Weak;

use super::keeper::Keeper;
use super::status;
use crate::cli::forget::{self, Answer, Question, canonical};
use crate::cli::target::Tables;
use crate::escape;
use crate::node::{Node, clock};

/// What a line is answered.
pub(super) fn answer(node: &Weak<Node<Keeper>>, line: &str) -> String {
    forget::answer(line, |question| {
        let Some(node) = node.upgrade() else { return Answer::error("it ends".into()) };
        let mut keeper = node.handler();
        match question {
            Question::Forget { table, key } => forget(&mut keeper, table, key),
            Question::Status => Answer::status(serde_json::to_value(status::of(&keeper)).unwrap_or_default()),
        }
    })
}

fn forget(keeper: &mut Keeper, table: &str, text: &str) -> Answer {
    let tables = match Tables::parse(&[table.to_owned()]) {
        Ok(tables) => tables,
        Err(failure) => return Answer::error(failure.message().to_owned()),
    };
    let names: Vec<Box<[u8]>> = keeper.standby.tables().iter().map(|held| held.definition().name.clone()).collect();
    let chosen = match tables.choose(names.iter().map(|name| &**name)) {
        Ok(chosen) => chosen.first().map(|name| name.to_vec()).unwrap_or_default(),
        Err(failure) => return Answer::error(failure.message().to_owned()),
    };
    let Some(number) = names.iter().position(|name| **name == *chosen) else {
        return Answer::error(format!("there is no table {}", escape::name(table.as_bytes())));
    };
    let definition = keeper.standby.tables().get(number).map(|held| held.definition().clone());
    let Some(definition) = definition else { return Answer::error("that table is gone".into()) };
    match canonical(&definition, text) {
        Ok(canonical) => Answer::forgotten(u64::from(keeper.forget(number, clock::now(), &canonical))),
        Err(error) => Answer::error(format!("table {}: {error}", escape::name(&definition.name))),
    }
}
