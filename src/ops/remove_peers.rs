//! Takes peers, or a whole section, out again.

use super::{Mark, OpError, OpErrorKind, Plan, attach, guard, splice};
use crate::{
    config::{Document, LineNo},
    escape,
    model::{Instance, PeerEntry, PeersSection, Place},
    span::Span,
};

/// What to remove.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemovePeers {
    /// The section's name.
    pub section: String,
    /// Which part of it.
    pub what: What,
}

/// The part of a section to remove.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// The section, and every `peers SECTION` with it.
    Section,
    /// Peers by name.
    Peers(Vec<String>),
    /// The guest of this name, or all guests.
    Guests(Option<String>),
}

impl RemovePeers {
    /// Plans the edits of one instance. A section or peer that isn't there is no error: it is removed already.
    ///
    /// # Errors
    /// If the local peer would go, a table of the section is used by rules, or something can't be edited.
    pub fn plan(&self, instance: &Instance<'_>) -> Result<Plan, OpError> {
        let mut plan = Plan::new(instance.files.len());
        let Some(section) = instance.section(self.section.as_bytes()) else { return Ok(plan) };
        guard::section(instance, section)?;
        match &self.what {
            What::Section => remove_section(instance, section, &mut plan)?,
            What::Peers(names) => {
                let named = |e: &&PeerEntry| names.iter().any(|n| n.as_bytes() == e.name);
                remove_entries(instance, section, section.entries.iter().filter(named), &mut plan)?;
            }
            What::Guests(name) => {
                let asked = |e: &&PeerEntry| e.guest && name.as_ref().is_none_or(|n| n.as_bytes() == e.name);
                remove_entries(instance, section, section.entries.iter().filter(asked), &mut plan)?;
            }
        }
        Ok(plan)
    }
}

fn remove_entries<'s>(
    instance: &Instance<'_>,
    section: &PeersSection,
    entries: impl Iterator<Item = &'s PeerEntry>,
    plan: &mut Plan,
) -> Result<(), OpError> {
    for entry in entries {
        let name = escape::name(&entry.name);
        let what = format!("peer `{name}`");
        guard::readable(instance, &what, entry.place)?;
        guard::decided(instance, &what, entry.place, entry.known)?;
        if instance.local.name.as_deref() == Some(&entry.name) {
            let section = escape::name(&section.name).into_owned();
            let help = format!("to stop replicating here, remove the section: peerctl remove {section}");
            let kind = OpErrorKind::RemovesLocal { section, peer: name.into_owned() };
            return Err(OpError::new(kind, help).at(entry.place, instance.word_span(entry.place, 1), "the local peer"));
        }
        splice::delete_line(instance, plan, entry.place);
        let subject = format!("peers {}", escape::name(&section.name));
        plan.note(Mark::Removed, subject, format!("{} {name}", entry.keyword.word()));
    }
    Ok(())
}

fn remove_section(instance: &Instance<'_>, section: &PeersSection, plan: &mut Plan) -> Result<(), OpError> {
    let name = escape::name(&section.name).into_owned();
    for table in &section.tables {
        let places = uses(instance, &table.name);
        if !places.is_empty() {
            let kind = OpErrorKind::TableInUse(escape::name(&table.name).into_owned());
            let help = "take these rules out first, or let them use another table";
            let error = OpError::new(kind, help);
            return Err(places.into_iter().fold(error, |e, (place, span)| e.at(place, span, "used here")));
        }
    }
    for table in instance.tables() {
        if table.section.is_none() && table.peers() == Some(&section.name) {
            attach::detach(instance, table, plan)?;
            plan.note(Mark::Changed, escape::name(&table.name), format!("without `peers {name}`: replicates no more"));
        }
    }
    let Some(source) = instance.files.get(section.place.file) else { return Ok(()) };
    plan.file(section.place.file).delete(extent(&source.document, section)?);
    let peers = section.entries.iter().filter(|e| !e.guest).count();
    plan.note(Mark::Removed, format!("peers {name}"), format!("{peers} peers, {} tables", section.tables.len()));
    Ok(())
}

/// The lines of a section, with the blank line above it where one stands below, too. Comments behind its last
/// statement stay where a blank line sets them off: they belong to what follows.
fn extent(document: &Document, section: &PeersSection) -> Result<Span, OpError> {
    let header = section.place.line;
    let end = document.sections().iter().find(|s| s.header == header).map_or(header, |s| s.end);
    let last =
        document.lines().take(end.0 as usize).skip(header.0 as usize).filter(|l| document.word_count(*l) > 0).last();
    let mut last = last.unwrap_or(header);
    for block in document.blocks() {
        let (start, stop) = (block.start() > header && block.start() < end, block.end > header && block.end < end);
        if start != stop {
            let place = Place { line: block.start(), ..section.place };
            let span = document.raw_words(block.start()).next().map_or(Span::at(0), |w| w.span);
            let kind = OpErrorKind::BlockAcross(escape::name(&section.name).into_owned());
            return Err(OpError::new(kind, "take the section out by hand").at(place, span, "this block"));
        }
    }
    let blank = |n: u32| n < document.line_count() && document.line_text(LineNo(n)).iter().all(u8::is_ascii_whitespace);
    // Comments right below the last statement belong to the section, unless the next header follows them directly.
    let comments = (last.0 + 1..end.0).take_while(|n| !blank(*n)).last().unwrap_or(last.0);
    if comments + 1 >= end.0 && comments + 1 < document.line_count() || comments == last.0 {
        // Nothing between, or the comments lead over to the next section.
    } else {
        last = LineNo(comments);
    }
    let mut first = header;
    let below = last.0 + 1 >= document.line_count() || blank(last.0 + 1);
    if header.0 > 0 && blank(header.0 - 1) && below {
        first = LineNo(header.0 - 1);
    }
    Ok(Span::new(document.line_span(first).start, document.full_line_span(last).end))
}

/// Where rules name a table: behind `table`, or in the arguments of a fetch or converter.
fn uses(instance: &Instance<'_>, table: &[u8]) -> Vec<(Place, Span)> {
    let mut found = Vec::new();
    for (file, source) in instance.files.iter().enumerate() {
        let document = &source.document;
        for line in document.lines() {
            for word in document.raw_words(line) {
                if names_table(&crate::config::decode::keyword(document.text(), word), table) {
                    found.push((Place { file, line }, word.span));
                }
            }
        }
    }
    found
}

/// Whether `word` is the table's name, or holds it as an argument: between `(`, `,` and `)`.
fn names_table(word: &[u8], table: &[u8]) -> bool {
    let border = |b: Option<&u8>| b.is_none_or(|b| matches!(b, b'(' | b')' | b',' | b' '));
    word.windows(table.len()).enumerate().any(|(at, part)| {
        part == table && border(at.checked_sub(1).and_then(|n| word.get(n))) && border(word.get(at + table.len()))
    })
}
