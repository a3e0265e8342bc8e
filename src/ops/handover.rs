//! What the next reload (`haproxy -sf`) does to the stick tables.
//!
//! The process that is replaced calls itself: its local peer's address, under its own name, with the parameters of its
//! local peer's line. If the new process listens there and has the same table in that section, the entries are handed
//! over, and the section's name doesn't matter. Else the new process asks another peer, which must know it and be
//! reachable as before. What HAProxy does in each case was found by reloading it: `fixtures/handover`.

mod cause;
mod side;

use std::fmt;

pub use self::cause::Cause;
use self::side::{Live, Obstacle, Side, Travelling};
use crate::{
    escape,
    grammar::{KeyType, Version},
    model::{Instance, LocalPeerSource, Refusal, StickTable},
    stick::Schema,
};

/// What becomes of tables, from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// The old process hands the entries over.
    Kept,
    /// The new process learns the entries from another peer, if one runs.
    Refilled,
    /// The table starts empty.
    Lost,
}

/// The words of the command line.
impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Kept => "kept",
            Self::Refilled => "refilled by peers",
            Self::Lost => "lost",
        })
    }
}

/// What the next reload of one instance does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handover {
    /// The worst of all tables; kept if no table replicates, neither before nor after.
    pub verdict: Verdict,
    /// Each cause once, the worst first; empty if all is kept as it is.
    pub reasons: Vec<Reason>,
    /// The tables that replicate before or after, in the order of the files. A table that didn't exist before is left
    /// out: there is nothing to lose.
    pub tables: Vec<TableHandover>,
}

/// What becomes of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableHandover {
    /// Its full name: the one before, if it replicated.
    pub table: Vec<u8>,
    /// The section it travels through: the one before, if it replicated.
    pub section: Vec<u8>,
    /// Whether it replicated before: then other peers have its entries, too.
    pub replicated: bool,
    /// What becomes of its entries.
    pub verdict: Verdict,
    /// Why, and what becomes of its columns.
    pub causes: Vec<Cause>,
    /// The peers it can be learnt from, where it is refilled.
    pub teachers: Vec<Vec<u8>>,
}

/// One cause, with what it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The section or table.
    pub subject: Subject,
    /// The worst that becomes of its tables.
    pub verdict: Verdict,
    /// What happens.
    pub cause: Cause,
}

/// What a [`Reason`] is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// The whole instance.
    Instance,
    /// The section of this name.
    Section(Vec<u8>),
    /// The table of this full name.
    Table(Vec<u8>),
}

/// ``the section is new``, with the subject in front: ``peers mesh: …``, ``shop: …``.
impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Instance => {}
            Subject::Section(name) => write!(out, "peers {}: ", escape::name(name))?,
            Subject::Table(name) => write!(out, "{}: ", escape::name(name))?,
        }
        write!(out, "{}", self.cause)
    }
}

impl Handover {
    /// Whether a table replicated before the edit: then the instance has something that a reload can lose.
    #[must_use]
    pub fn had_data(&self) -> bool {
        self.tables.iter().any(|table| table.replicated)
    }

    fn new(tables: Vec<TableHandover>) -> Self {
        let verdict = tables.iter().map(|table| table.verdict).max().unwrap_or(Verdict::Kept);
        let mut reasons: Vec<Reason> = Vec::new();
        for (table, cause) in tables.iter().flat_map(|table| table.causes.iter().map(move |cause| (table, cause))) {
            let of_section = cause.is_of_section();
            let subject =
                if of_section { Subject::Section(table.section.clone()) } else { Subject::Table(table.table.clone()) };
            match reasons.iter_mut().find(|reason| reason.subject == subject && reason.cause == *cause) {
                Some(reason) => reason.verdict = reason.verdict.max(table.verdict),
                None => reasons.push(Reason { subject, verdict: table.verdict, cause: cause.clone() }),
            }
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        Self { verdict, reasons, tables }
    }
}

/// Compares an instance before and after an edit. Where the files can't tell, it says the worse.
///
/// Two things are taken for granted: that the process before has synchronised, which takes five seconds after its start
/// at most, and that certificates are what their files' names promise.
#[must_use]
pub fn handover(before: &Instance<'_>, after: &Instance<'_>) -> Handover {
    let inherited = |other: &Instance<'_>| !matches!(other.local.source, LocalPeerSource::Localpeer(_));
    match (before.local.name.as_deref(), after.local.name.as_deref()) {
        (Some(old), Some(new)) => compare(&Side::new(before, old), &Side::new(after, new), None),
        (None, Some(name)) => {
            let doubt = (!inherited(after)).then(|| Cause::LocalWasUnknown(name.to_vec()));
            compare(&Side::new(before, name), &Side::new(after, name), doubt.as_ref())
        }
        (Some(name), None) => {
            let doubt = (!inherited(before)).then(|| Cause::LocalIsUnknown(name.to_vec()));
            compare(&Side::new(before, name), &Side::new(after, name), doubt.as_ref())
        }
        (None, None) => worst_of_all_names(before, after),
    }
}

/// Nothing says which peer is the local one: it may be any.
fn worst_of_all_names(before: &Instance<'_>, after: &Instance<'_>) -> Handover {
    let sections = if before.peers.is_empty() { &after.peers } else { &before.peers };
    let mut names: Vec<&[u8]> =
        sections.iter().flat_map(|s| &s.entries).filter(|e| !e.guest).map(|e| e.name.as_slice()).collect();
    names.sort_unstable();
    names.dedup();
    let all: Vec<Handover> =
        names.into_iter().map(|name| compare(&Side::new(before, name), &Side::new(after, name), None)).collect();
    let differ = all.windows(2).any(|pair| matches!(pair, [one, other] if one.verdict != other.verdict));
    let worst = all.into_iter().rev().max_by_key(|handover| handover.verdict);
    let mut worst = worst.unwrap_or_else(|| Handover::new(Vec::new()));
    if differ {
        let reason = Reason { subject: Subject::Instance, verdict: worst.verdict, cause: Cause::LocalUnknown };
        worst.reasons.insert(0, reason);
    }
    worst
}

fn compare(before: &Side<'_>, after: &Side<'_>, doubt: Option<&Cause>) -> Handover {
    let mut tables: Vec<TableHandover> =
        before.tables.iter().filter_map(|table| follow(before, after, table, doubt)).collect();
    for travelling in &after.tables {
        if before.travelling(&travelling.table.wire_name()).next().is_none() {
            tables.extend(starts(before, after, travelling));
        }
    }
    Handover::new(tables)
}

/// A table that replicated before.
fn follow(
    before: &Side<'_>,
    after: &Side<'_>,
    travelling: &Travelling<'_>,
    doubt: Option<&Cause>,
) -> Option<TableHandover> {
    let (table, from) = (travelling.table, before.section_of(travelling)?);
    let ends = |verdict, causes, teachers| TableHandover {
        table: table.name.clone(),
        section: from.section.name.clone(),
        replicated: true,
        verdict,
        causes,
        teachers,
    };
    let lost = |cause| Some(ends(Verdict::Lost, vec![cause], Vec::new()));
    let (new, to) = match successor(after, from, table) {
        Ok(successor) => successor,
        Err(cause) => return lost(cause),
    };
    let (old_schema, new_schema) = (table.schema(), new.schema());
    if keys(old_schema) != keys(new_schema) {
        return lost(Cause::KeysChanged(keys(old_schema), keys(new_schema)));
    }
    // HAProxy hands over how long an entry has to live: no time at all, where it has none.
    if old_schema.expire_ms() == 0 && new_schema.expire_ms() > 0 {
        return lost(Cause::ExpireAdded);
    }
    if let Some(doubt) = doubt {
        return lost(doubt.clone());
    }
    let mut causes = Cause::of_definition(old_schema, new_schema);
    let Some(obstacle) = obstacle(before, after, from, to, table) else {
        causes.extend(from.call.host.map(|host| Cause::IfCertificateCarries(host.to_vec())));
        return Some(ends(Verdict::Kept, causes, Vec::new()));
    };
    let teachers = teachers(before, after, from, to);
    if teachers.is_empty() {
        return lost(obstacle);
    }
    causes.insert(0, obstacle);
    Some(ends(Verdict::Refilled, causes, teachers))
}

/// A table that replicates only now. `None` if it didn't exist before.
fn starts(before: &Side<'_>, after: &Side<'_>, travelling: &Travelling<'_>) -> Option<TableHandover> {
    let section = &after.section_of(travelling)?.section.name;
    let old = before.table_on_wire(&travelling.table.wire_name())?;
    let cause = match before.obstacle(old) {
        Some(Obstacle::ProxyDisabled) => Cause::ProxyWasDisabled,
        Some(Obstacle::SectionDisabled) => Cause::SectionWasDisabled,
        Some(Obstacle::NoLocalPeer) => Cause::LocalWasNoPeer(before.local.to_vec()),
        None if before.section_named(section).is_some() => Cause::TableAttached,
        None | Some(Obstacle::NoSection) => Cause::SectionNew,
    };
    Some(TableHandover {
        table: travelling.table.name.clone(),
        section: section.clone(),
        replicated: false,
        verdict: Verdict::Lost,
        causes: vec![cause],
        teachers: Vec::new(),
    })
}

/// The same table afterwards, best in a section that gets the old process's call; or why it travels no more.
fn successor<'a, 'i>(
    after: &'a Side<'i>,
    from: &Live<'_>,
    table: &StickTable,
) -> Result<(&'i StickTable, &'a Live<'i>), Cause> {
    let wire = table.wire_name();
    let found =
        after.travelling(&wire).filter_map(|travelling| Some((travelling.table, after.section_of(travelling)?)));
    if let Some(best) = found.max_by_key(|(_, live)| live.answers(from, after.version)) {
        return Ok(best);
    }
    let section_is_gone = after.section_named(&from.section.name).is_none();
    Err(match after.table_on_wire(&wire).map(|new| after.obstacle(new)) {
        Some(Some(Obstacle::ProxyDisabled)) => Cause::ProxyDisabled,
        Some(Some(Obstacle::SectionDisabled)) => Cause::SectionDisabled,
        Some(Some(Obstacle::NoLocalPeer)) => Cause::LocalIsNoPeer(after.local.to_vec()),
        Some(Some(Obstacle::NoSection)) => Cause::SectionGone,
        Some(None) if section_is_gone => Cause::SectionGone,
        Some(None) => Cause::TableDetached,
        None if table.section.is_some() && section_is_gone => Cause::SectionGone,
        None => Cause::TableGone,
    })
}

/// Why the old process can't hand the table over to the new one.
fn obstacle(before: &Side<'_>, after: &Side<'_>, from: &Live<'_>, to: &Live<'_>, table: &StickTable) -> Option<Cause> {
    if before.local != after.local {
        return Some(Cause::NameChanged(before.local.to_vec(), after.local.to_vec()));
    }
    let Some(own) = from.address else { return Some(Cause::HadNoListener) };
    let answering: Vec<_> = after.sections.iter().filter(|live| live.answers(from, after.version)).collect();
    let is_target = |live: &&Live<'_>| live.section.name == to.section.name;
    if answering.is_empty() {
        let Some(new) = to.address else { return Some(Cause::NoListener) };
        return Some(Cause::AddressChanged(own.to_vec(), new.to_vec()));
    }
    if !answering.iter().any(is_target) {
        return Some(Cause::TableMoved(from.section.name.clone(), to.section.name.clone()));
    }
    // HAProxy lets sections share an address, and the system chooses which of them gets a call.
    let carries = |live: &Live<'_>| {
        let is_in_it =
            |new: &Travelling<'_>| after.section_of(new).is_some_and(|s| s.section.name == live.section.name);
        after.travelling(&table.wire_name()).any(is_in_it)
    };
    if !answering.iter().all(|live| carries(live)) {
        return Some(Cause::AddressShared);
    }
    if let Some(refusal) = answering.iter().find_map(|live| from.call.refusal(&live.listener)) {
        let takes_itself = from.call.refusal(&from.listener).is_none();
        let turns = refusal == Refusal::WantsTls && takes_itself;
        return Some(if turns { Cause::TurnsToTls } else { refusal.into() });
    }
    // A bug: since 3.0 one flag of the process, not of the section, says that the hand-over has begun, so the others
    // never begin theirs (seen in 3.0.11 and 3.2.26; which section is first is a matter of threads).
    (before.sections.len() > 1 && before.version >= Version::new(3, 0)).then_some(Cause::OneSectionOnly)
}

/// The peers that can teach what the old process can't hand over: they know us by our name, and are reached as before.
fn teachers(before: &Side<'_>, after: &Side<'_>, from: &Live<'_>, to: &Live<'_>) -> Vec<Vec<u8>> {
    let common = from.common_peers(to);
    if before.local != after.local || !from.have_all_keys(&common) {
        return Vec::new();
    }
    common.into_iter().map(|entry| entry.name.clone()).collect()
}

/// Type and length of keys, which must be the same on both sides: `string len 31`.
fn keys(schema: &Schema) -> String {
    match (schema.key_type, schema.len) {
        (None, _) => "unknown".to_owned(),
        (Some(key_type @ (KeyType::STRING | KeyType::BINARY)), Some(len)) => format!("{key_type} len {len}"),
        (Some(key_type), _) => key_type.to_string(),
    }
}
