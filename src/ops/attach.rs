//! Lets stick tables travel through a peers section.

use super::{Label, Mark, OpError, OpErrorKind, Plan, definition::Draft};
use crate::{
    escape,
    grammar::{DataType, TableParam},
    model::{Instance, StickTable},
    stick::Schema,
};

/// Which tables.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Attach {
    /// None.
    #[default]
    Nothing,
    /// These, by full name, or by the bare name where it is unique.
    Tables(Vec<String>),
    /// All tables of proxies.
    All,
}

/// With whom tables are shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Among {
    /// Other nodes: they overwrite each other's values.
    #[default]
    Nodes,
    /// Aggregators, which write to tables of their own.
    Aggregators,
}

/// Plans `peers SECTION` on the tables' lines. A table that already travels through another section is left alone and
/// reported, or refused if it was named.
///
/// # Errors
/// For a table that doesn't exist, is a `table` line of another section, or stands where it can't be edited.
pub fn attach(
    instance: &Instance<'_>,
    section: &[u8],
    which: &Attach,
    among: Among,
    plan: &mut Plan,
) -> Result<(), OpError> {
    let tables = match which {
        Attach::Nothing => return Ok(()),
        Attach::Tables(names) => {
            names.iter().map(|name| find_table(instance, name.as_bytes())).collect::<Result<Vec<_>, _>>()?
        }
        Attach::All => instance.tables().into_iter().filter(|t| t.section.is_none()).collect(),
    };
    for table in tables {
        if one(instance, section, table, *which == Attach::All, plan)? && among == Among::Nodes {
            note_overwrites(table, table.schema(), plan);
        }
    }
    Ok(())
}

/// One table; whether it begins to travel.
fn one(
    instance: &Instance<'_>,
    section: &[u8],
    table: &StickTable,
    all: bool,
    plan: &mut Plan,
) -> Result<bool, OpError> {
    let name = escape::name(&table.name);
    if table.peers() == Some(section) {
        return Ok(false);
    }
    if let Some(own) = &table.section {
        let kind = OpErrorKind::PeersTable(format!("`{name}`"));
        let help = format!("it always travels through `{}`; leave it out of --attach", escape::name(own));
        return Err(OpError::new(kind, help).at(table.place, instance.word_span(table.place, 1), "declared here"));
    }
    if let Some(other) = table.peers() {
        let other = escape::name(other);
        if all {
            plan.note(Mark::Attention, name, format!("left alone: already replicates through `{other}`"));
            return Ok(false);
        }
        let kind = OpErrorKind::OtherSection { table: name.to_string(), section: other.to_string() };
        let help = format!("move it with: peerctl table set {name} --peers {}", escape::name(section));
        let (span, place) = (instance.word_span(table.place, 0), table.place);
        return Err(OpError::new(kind, help).at(place, span, "this table"));
    }
    if all && table.known == crate::model::Known::Depends {
        plan.note(Mark::Attention, name, "left alone: stands in a block whose condition can't be decided here");
        return Ok(false);
    }
    let mut draft = Draft::new(instance, table)?;
    draft.set(TableParam::Peers, section)?;
    draft.finish(plan)?;
    plan.note(Mark::Changed, name.to_string(), format!("stick-table … peers {}", escape::name(section)));
    Ok(true)
}

/// Reminds people of what peers can't do, where a table that starts to travel counts events that several active nodes
/// would each see a part of. `schema` is its definition after the edit.
pub(super) fn note_overwrites(table: &StickTable, schema: &Schema, plan: &mut Plan) {
    let counts = |data: DataType| data.info().is_some_and(|info| info.argument.has_period());
    if schema.store.iter().any(|column| counts(column.data_type)) {
        plan.note(
            Mark::Attention,
            escape::name(&table.name),
            "peers overwrite each other's counts, they don't add them up: where several nodes see the same \
             clients, a limit holds for each node by itself",
        );
    }
}

/// The table called `name`: by its full name, by `/t1` as on the wire, or by the bare `t1` where that is unique.
///
/// # Errors
/// If there is none, or several; the candidates are named.
pub fn find_table<'i>(instance: &'i Instance<'_>, name: &[u8]) -> Result<&'i StickTable, OpError> {
    let tables = instance.tables();
    if let Some(table) = tables.iter().find(|t| t.name == name) {
        return Ok(table);
    }
    let bare = |t: &&&StickTable| {
        t.section.is_some() && t.wire_name().strip_prefix(b"/") == Some(name.strip_prefix(b"/").unwrap_or(name))
    };
    let candidates: Vec<&&StickTable> = tables.iter().filter(bare).collect();
    if let [only] = candidates.as_slice() {
        return Ok(only);
    }
    let shown = escape::name(name).into_owned();
    let known = if candidates.is_empty() { &tables.iter().collect() } else { &candidates };
    let names: Vec<String> = known.iter().map(|t| format!("`{}`", escape::name(&t.name))).collect();
    let help = match names.len() {
        0 => "this instance has no stick table".to_owned(),
        1..=12 => format!("it has {}", names.join(", ")),
        more => format!("it has {more} tables; see `peerctl table list`"),
    };
    let labels = candidates
        .iter()
        .map(|t| Label { place: t.place, span: instance.word_span(t.place, 1), text: "could be this one".into() })
        .collect();
    Err(OpError { kind: OpErrorKind::UnknownTable(shown), labels, help })
}

/// Plans to take `peers SECTION` out of a table's line; a repeated argument goes wholly.
///
/// # Errors
/// If the line can't be edited.
pub fn detach(instance: &Instance<'_>, table: &StickTable, plan: &mut Plan) -> Result<(), OpError> {
    let mut draft = Draft::new(instance, table)?;
    draft.remove(TableParam::Peers)?;
    draft.finish(plan)?;
    Ok(())
}
