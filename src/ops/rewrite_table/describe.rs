//! What people are told about a changed definition.

use crate::{
    escape,
    model::StickTable,
    ops::{Mark, Plan, attach},
    stick::{Column, Schema, SrvKey},
    units::{Delay, Size},
};

/// Adds the lines about one table to the report. `after` is its definition after the edit.
pub(super) fn notes(table: &StickTable, after: &Schema, plan: &mut Plan) {
    let before = table.schema();
    let name = escape::name(&table.name);
    let keyword = if table.section.is_some() { "table" } else { "stick-table" };
    let differences = differences(before, after);
    let text = if differences.is_empty() { "rewritten, means the same".into() } else { differences.join(", ") };
    plan.note(Mark::Changed, name.as_ref(), format!("{keyword} … {text}"));
    for warning in warnings(table, after) {
        plan.note(Mark::Attention, name.as_ref(), warning);
    }
    if table.peers().is_none() && after.peers.is_some() {
        attach::note_overwrites(table, after, plan);
    }
}

/// The parameters that differ, in HAProxy's words.
fn differences(before: &Schema, after: &Schema) -> Vec<String> {
    let text = |bytes: &[u8]| escape::name(bytes).into_owned();
    let peers = |schema: &Schema| schema.peers.as_deref().map(text);
    let write_to = |schema: &Schema| schema.write_to.as_deref().map(text);
    let expire = |schema: &Schema| schema.expire.filter(|e| e.ms() > 0).map(|e: Delay| e.to_string());
    let size = |schema: &Schema| schema.size.map(|s: Size| s.to_string());
    let key_type = |schema: &Schema| schema.key_type.map(|t| t.to_string());
    let len = |schema: &Schema| schema.len.map(|l| l.to_string());
    let srvkey = |schema: &Schema| schema.srvkey.filter(|k| *k != SrvKey::Name).map(|k| k.to_string());
    [
        change("type", key_type(before), key_type(after)),
        // A length that goes with the type, or comes with it by default, is no news.
        change("len", len(before), len(after)).filter(|_| len(after).is_some()),
        change("size", size(before), size(after)),
        change("expire", expire(before), expire(after)),
        flag("nopurge", before.nopurge, after.nopurge),
        flag("recv-only", before.recv_only, after.recv_only),
        change("peers", peers(before), peers(after)),
        change("srvkey", srvkey(before), srvkey(after)),
        change("write-to", write_to(before), write_to(after)),
        store(before, after),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn change(param: &str, before: Option<String>, after: Option<String>) -> Option<String> {
    match (before, after) {
        (before, after) if before == after => None,
        (Some(before), Some(after)) => Some(format!("{param} {before} → {after}")),
        (None, Some(after)) => Some(format!("{param} {after}")),
        (_, None) => Some(format!("without {param}")),
    }
}

fn flag(param: &str, before: bool, after: bool) -> Option<String> {
    change(param, before.then(String::new), after.then(String::new)).map(|text| text.trim_end().to_owned())
}

/// `store +gpc1 -gpc0 http_req_rate(10s) → http_req_rate(30s)`.
fn store(before: &Schema, after: &Schema) -> Option<String> {
    let written = |schema: &Schema| schema.store.iter().filter(|c| !c.implicit).copied().collect::<Vec<Column>>();
    let unknown =
        |schema: &Schema| schema.unknown_columns.iter().map(|c| escape::name(c).into_owned()).collect::<Vec<String>>();
    let mut words = Vec::new();
    for new in written(after) {
        match written(before).iter().find(|old| old.data_type == new.data_type) {
            None => words.push(format!("+{new}")),
            Some(old) if old != &new => words.push(format!("{old} → {new}")),
            Some(_) => {}
        }
    }
    let gone = |old: &Column| !written(after).iter().any(|new| new.data_type == old.data_type);
    words.extend(written(before).into_iter().filter(gone).map(|old| format!("-{old}")));
    words.extend(unknown(before).into_iter().filter(|old| !unknown(after).contains(old)).map(|old| format!("-{old}")));
    (!words.is_empty()).then(|| format!("store {}", words.join(" ")))
}

/// What a change does to a table that travels. HAProxy says nothing about any of it.
fn warnings(table: &StickTable, after: &Schema) -> Vec<&'static str> {
    let before = table.schema();
    let travels = table.section.is_some() || after.peers.is_some();
    let was_travelling = table.peers().is_some();
    let mut warnings = Vec::new();
    if was_travelling && !travels {
        warnings.push("replicates no more, and starts empty after each reload");
    }
    if !was_travelling || !travels {
        return warnings;
    }
    if (before.key_type, before.len) != (after.key_type, after.len) {
        warnings.push(
            "another type or len: the table starts empty after the reload, and replicates only between \
             instances that have the same; change all of them at once",
        );
    }
    let arguments =
        |schema: &Schema| -> Vec<Column> { schema.store.iter().filter(|c| c.period.is_some()).copied().collect() };
    let other_period = |new: &Column| before.column(new.data_type).is_some_and(|old| old.period != new.period);
    if arguments(after).iter().any(other_period) {
        warnings
            .push("another period: peers copy the counts as they are and misread them; change all instances at once");
    }
    let columns = |schema: &Schema| schema.store.iter().map(|c| c.data_type).collect::<Vec<_>>();
    let news = |from: &Schema, to: &Schema| columns(to).iter().any(|data| from.column(*data).is_none());
    if news(before, after) {
        warnings.push("what is stored on this instance only doesn't replicate: change all instances");
    }
    if before.srvkey.unwrap_or(SrvKey::Name) != after.srvkey.unwrap_or(SrvKey::Name) {
        warnings
            .push("another srvkey: peers with the other one find servers by their ids; change all instances at once");
    }
    warnings
}
