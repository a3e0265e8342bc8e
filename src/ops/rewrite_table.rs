//! Changes arguments of `stick-table` lines and of `table` lines in peers sections: those that were named, in place.

mod changes;
mod describe;
mod store;

use std::collections::BTreeMap;

use super::{Mark, OpError, OpErrorKind, Plan, attach, definition::Draft, guard};
use crate::{
    escape,
    grammar::{DataType, KeyType, TableParam},
    model::{Instance, Place, StickTable},
    stick::{Schema, SrvKey},
};

pub use changes::{Changes, Travel, Value};
pub use store::{List, Removal, StoreChange};

/// Which tables to change, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RewriteTable {
    /// Which.
    pub tables: Tables,
    /// How.
    pub changes: Changes,
}

/// A choice of tables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tables {
    /// All.
    All,
    /// These, by full name, or by the bare name where it is unique.
    Named(Vec<String>),
}

impl RewriteTable {
    /// Plans the edits of one instance.
    ///
    /// # Errors
    /// For a table or section that doesn't exist, a line that can't be edited, and a result that HAProxy would refuse.
    pub fn plan(&self, instance: &Instance<'_>) -> Result<Plan, OpError> {
        let mut plan = Plan::new(instance.files.len());
        let tables = self.tables(instance)?;
        let target = self.target(instance)?;
        self.check_section(instance)?;
        let mut after = BTreeMap::new();
        for table in tables {
            let mut draft = Draft::new(instance, table)?;
            self.travel(instance, table, &mut draft, &mut plan)?;
            self.key(instance, table, &mut draft)?;
            self.limits(table, &mut draft)?;
            self.flags(table, &mut draft)?;
            self.servers(table, &mut draft)?;
            self.write_to(instance, table, target, &mut draft, &mut plan)?;
            self.store(instance, table, &mut draft, &mut plan)?;
            if let Some(result) = draft.finish(&mut plan)? {
                describe::notes(table, &result.schema, &mut plan);
                after.insert(table.place, result.schema);
            }
        }
        check_targets(instance, &after)?;
        self.note_idle_section(instance, &after, &mut plan);
        Ok(plan)
    }

    /// The tables, in the order of the files, each once.
    fn tables<'i>(&self, instance: &'i Instance<'_>) -> Result<Vec<&'i StickTable>, OpError> {
        let all = instance.tables();
        let Tables::Named(names) = &self.tables else { return Ok(all) };
        let found = names.iter().map(|name| attach::find_table(instance, name.as_bytes()));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().filter(|table| found.iter().any(|f| f.name == table.name)).collect())
    }

    /// The table behind `write-to`.
    fn target<'i>(&self, instance: &'i Instance<'_>) -> Result<Option<&'i StickTable>, OpError> {
        let Some(name) = &self.changes.write_to else { return Ok(None) };
        let table = attach::find_table(instance, name.as_bytes())?;
        let what = format!("table `{}`", escape::name(&table.name));
        guard::decided(instance, &what, table.place, table.known)?;
        Ok(Some(table))
    }

    /// A table that names a section which isn't there, or holds no peer, stops HAProxy from starting.
    fn check_section(&self, instance: &Instance<'_>) -> Result<(), OpError> {
        let Some(Travel::Through(name)) = &self.changes.peers else { return Ok(()) };
        let Some(section) = instance.section(name.as_bytes()) else {
            let names: Vec<String> = instance.peers.iter().map(|s| format!("`{}`", escape::name(&s.name))).collect();
            let help = match names.as_slice() {
                [] => format!("this instance has no peers section; make it with: peerctl add {name} …"),
                names => format!("it has {}; make another one with: peerctl add {name} …", names.join(", ")),
            };
            return Err(OpError::new(OpErrorKind::UnknownSection(name.clone()), help));
        };
        guard::decided(instance, &format!("section `{name}`"), section.place, section.known)?;
        if section.entries.is_empty() {
            let help = format!("HAProxy refuses tables that travel through it; add peers first: peerctl add {name} …");
            return Err(OpError::new(OpErrorKind::EmptySection(name.clone()), help).at(
                section.place,
                instance.word_span(section.place, 1),
                "this section",
            ));
        }
        Ok(())
    }

    fn travel(
        &self,
        instance: &Instance<'_>,
        table: &StickTable,
        draft: &mut Draft<'_>,
        plan: &mut Plan,
    ) -> Result<(), OpError> {
        let Some(travel) = &self.changes.peers else { return Ok(()) };
        let wanted = match travel {
            Travel::Through(name) => Some(name.as_bytes()),
            Travel::Nowhere => None,
        };
        let Some(own) = &table.section else {
            let settled = settled(table, TableParam::Peers, table.schema().peers.as_deref() == wanted);
            return match wanted {
                Some(_) if settled => Ok(()),
                Some(name) => draft.set(TableParam::Peers, name),
                None => draft.remove(TableParam::Peers),
            };
        };
        if wanted == Some(own) {
            return Ok(());
        }
        let (name, own) = (escape::name(&table.name), escape::name(own));
        if self.tables == Tables::All {
            plan.note(Mark::Attention, name, format!("always travels through `{own}`, where it is declared"));
            return Ok(());
        }
        let kind = OpErrorKind::PeersTable(format!("`{name}`"));
        let help = format!("it always travels through `{own}`: leave it out of the list of tables");
        Err(OpError::new(kind, help).at(table.place, instance.word_span(table.place, 0), "declared here"))
    }

    fn key(&self, instance: &Instance<'_>, table: &StickTable, draft: &mut Draft<'_>) -> Result<(), OpError> {
        let before = table.schema();
        let mut key_type = before.key_type;
        if let Some(wanted) = &self.changes.key_type {
            if !settled(table, TableParam::Type, key_type == Some(wanted.get())) {
                draft.set(TableParam::Type, wanted.text())?;
            }
            key_type = Some(wanted.get());
        }
        let default_len = key_type.and_then(KeyType::info).and_then(|info| info.default_len);
        let Some(len) = &self.changes.len else {
            return if self.changes.key_type.is_some() && default_len.is_none() { draft.remove_len() } else { Ok(()) };
        };
        let Some(default_len) = default_len else {
            let kind = OpErrorKind::NoLength {
                table: escape::name(&table.name).into_owned(),
                key_type: key_type.map_or_else(|| "none".into(), |t| t.to_string()),
            };
            let help = "leave --len out, or give the type, too: --type string, or --type binary";
            return Err(OpError::new(kind, help).at(table.place, instance.word_span(table.place, 0), "this table"));
        };
        // The length as it is after a change of type: one that is written stays.
        let written = draft.has_len();
        let current = if written { before.len } else { Some(default_len) };
        if settled(table, TableParam::Len, current == Some(len.get())) { Ok(()) } else { draft.set_len(len.text()) }
    }

    fn limits(&self, table: &StickTable, draft: &mut Draft<'_>) -> Result<(), OpError> {
        let before = table.schema();
        if let Some(size) = &self.changes.size
            && !settled(table, TableParam::Size, before.size == Some(size.get()))
        {
            draft.set(TableParam::Size, size.text())?;
        }
        if let Some(expire) = &self.changes.expire
            && !settled(table, TableParam::Expire, before.expire_ms() == expire.get().ms())
        {
            draft.set(TableParam::Expire, expire.text())?;
        }
        Ok(())
    }

    fn flags(&self, table: &StickTable, draft: &mut Draft<'_>) -> Result<(), OpError> {
        let before = table.schema();
        let flags = [
            (TableParam::Nopurge, self.changes.nopurge, before.nopurge),
            (TableParam::RecvOnly, self.changes.recv_only, before.recv_only),
        ];
        for (param, wanted, is) in flags {
            match wanted {
                Some(true) if !is => draft.add_flag(param),
                Some(false) if is => draft.remove(param)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn servers(&self, table: &StickTable, draft: &mut Draft<'_>) -> Result<(), OpError> {
        let Some(srvkey) = self.changes.srvkey else { return Ok(()) };
        let is = table.schema().srvkey.unwrap_or(SrvKey::Name);
        if settled(table, TableParam::Srvkey, is == srvkey) {
            return Ok(());
        }
        draft.set(TableParam::Srvkey, srvkey.to_string().as_bytes())
    }

    fn write_to(
        &self,
        instance: &Instance<'_>,
        table: &StickTable,
        target: Option<&StickTable>,
        draft: &mut Draft<'_>,
        plan: &mut Plan,
    ) -> Result<(), OpError> {
        let Some(target) = target else { return Ok(()) };
        if table.name == target.name {
            let name = escape::name(&table.name);
            if self.tables == Tables::All {
                plan.note(Mark::Attention, name, "takes the others' counts, so it is not written to itself");
                return Ok(());
            }
            let kind =
                OpErrorKind::WriteTo { table: name.clone().into(), target: name.into(), why: "it is the table itself" };
            return Err(OpError::new(kind, "name another table with --write-to").at(
                table.place,
                instance.word_span(table.place, 0),
                "this table",
            ));
        }
        let is = table.schema().write_to.as_deref() == Some(&target.name);
        if settled(table, TableParam::WriteTo, is) { Ok(()) } else { draft.set(TableParam::WriteTo, &target.name) }
    }

    fn store(
        &self,
        instance: &Instance<'_>,
        table: &StickTable,
        draft: &mut Draft<'_>,
        plan: &mut Plan,
    ) -> Result<(), OpError> {
        let before = draft.stores();
        for (nth, list) in self.changes.store.apply(&before).unwrap_or_default().iter().enumerate() {
            if before.get(nth).copied() != list.as_deref() {
                draft.set_store(nth, list.as_deref())?;
            }
        }
        let name = escape::name(&table.name);
        for (asked, stored) in self.changes.store.misses(table.schema()) {
            plan.note(Mark::Attention, name.as_ref(), format!("stores {stored}, not {asked}: left alone"));
        }
        let implicit = |data_type: &DataType| [DataType::SERVER_ID, DataType::SERVER_KEY].contains(data_type);
        if instance.is_stuck_on(&table.name) {
            for data_type in self.changes.store.removes().filter(implicit) {
                let text = format!("stores {data_type} with or without `store`: a `stick` rule asks for it");
                plan.note(Mark::Attention, name.as_ref(), text);
            }
        }
        Ok(())
    }

    /// A section without the local peer is dropped at start: then the tables travel nowhere.
    fn note_idle_section(&self, instance: &Instance<'_>, after: &BTreeMap<Place, Schema>, plan: &mut Plan) {
        let Some(Travel::Through(name)) = &self.changes.peers else { return };
        let Some(section) = instance.section(name.as_bytes()).filter(|_| !after.is_empty()) else { return };
        let subject = format!("peers {name}");
        if instance.is_effective(section) == Some(false) {
            let text =
                "has no line for this instance's local peer: HAProxy drops the section, and the tables don't replicate";
            plan.note(Mark::Attention, subject, text);
        } else if section.disabled {
            plan.note(Mark::Attention, subject, "is disabled: the tables don't replicate before it is enabled");
        }
    }
}

/// Whether a parameter needs no edit: it has the value already, and HAProxy finds nothing wrong with how it is written.
fn settled(table: &StickTable, param: TableParam, has_value: bool) -> bool {
    let inside = |word: usize| table.parsed.places(param).any(|a| word == a.keyword || a.value.contains(&word));
    has_value && !table.parsed.problems.iter().any(|p| p.word.is_some_and(inside))
}

/// Refuses what HAProxy refuses about `write-to`: another type or length of keys, and a target that has a target.
fn check_targets(instance: &Instance<'_>, after: &BTreeMap<Place, Schema>) -> Result<(), OpError> {
    let tables = instance.tables();
    let new = |table: &StickTable| after.get(&table.place).unwrap_or(table.schema()).clone();
    for table in &tables {
        let Some((target, why)) = target_fault(table, &tables, new) else { continue };
        if target_fault(table, &tables, |t| t.schema().clone()).is_some_and(|(_, before)| before == why) {
            continue;
        }
        let kind = OpErrorKind::WriteTo {
            table: escape::name(&table.name).into_owned(),
            target: escape::name(&target.name).into_owned(),
            why,
        };
        let help = "give both tables the same type and len in one command, or choose another --write-to";
        let span = |table: &StickTable| instance.word_span(table.place, 0);
        return Err(OpError::new(kind, help).at(table.place, span(table), "this table").at(
            target.place,
            span(target),
            "its target",
        ));
    }
    Ok(())
}

/// What HAProxy refuses about the target of a table, and the target. `schema` gives the definition of a table.
fn target_fault<'t>(
    table: &StickTable,
    tables: &[&'t StickTable],
    schema: impl Fn(&StickTable) -> Schema,
) -> Option<(&'t StickTable, &'static str)> {
    let own = schema(table);
    let target = tables.iter().find(|t| Some(&*t.name) == own.write_to.as_deref())?;
    let other = schema(target);
    let why = if own.key_type != other.key_type {
        "its keys are of another type"
    } else if own.len != other.len {
        "its keys are of another length"
    } else if other.write_to.is_some() && target.name != table.name {
        "it has a `write-to` itself"
    } else {
        return None;
    };
    Some((target, why))
}
