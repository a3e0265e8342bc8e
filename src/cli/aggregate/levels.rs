//! Whether totals ever come back as sources: within a section, and over the levels that sections make.

use super::draft::{Named, SectionDraft};
use super::problems::Problems;
use crate::aggregate::{Naming, TableName};

/// Refuses a section whose totals are sources of its own; whether it is sound.
pub(super) fn check_section(named: &Named, problems: &mut Problems) -> bool {
    let (naming, span) = named;
    let loops = match naming {
        Naming::Suffix { from: Some(from), to } if from == to => {
            Some("the total would be written over its own source: `from` and `to` are the same")
        }
        Naming::Suffix { from: Some(from), to } if to.ends_with(from) => {
            Some("the total would be a source again: its name ends in the suffix that is read")
        }
        Naming::Suffix { from: Some(from), to } if from.ends_with(to) => {
            Some("the source would be taken for a total: its name ends in the suffix that is written")
        }
        Naming::Tables(tables) if tables.iter().any(|pair| pair.from == pair.to) => {
            Some("the total would be written over its own source")
        }
        Naming::Tables(tables) if tables.iter().any(|a| tables.iter().any(|b| same_table(&a.to, &b.from))) => {
            Some("a total is a source again")
        }
        Naming::Suffix { .. } | Naming::Tables(_) => None,
    };
    if let Some(message) = loops {
        problems.error(
            *span,
            message,
            "",
            "give totals a name of their own: `from any to .agg`, or `table st_src to st_src.agg`",
        );
    }
    loops.is_none()
}

/// Refuses sections whose totals go round in a circle.
pub(super) fn check_cycles(sections: &[(&SectionDraft, &Named)], problems: &mut Problems) {
    for (start, (section, (_, span))) in sections.iter().enumerate() {
        let Some(last) = way_back(sections, start) else { continue };
        let Some((other, (_, other_span))) = sections.get(last) else { continue };
        // Each circle once: told by its first section.
        if last < start {
            continue;
        }
        let message = format!("the totals of `{}` come back to it as sources, over `{}`", section.name, other.name);
        let help = "a level reads what the level below writes: `.agg`, then `.all`, never back";
        problems.clash(message, (*span, "this level"), (*other_span, "and this one"), help);
        return;
    }
}

/// The section over which totals of `start` come back to it: the last one on the way.
fn way_back(sections: &[(&SectionDraft, &Named)], start: usize) -> Option<usize> {
    let mut seen = vec![start];
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        let (_, (from, _)) = sections.get(at)?;
        for (next, (_, (to, _))) in sections.iter().enumerate().filter(|(next, _)| *next != at) {
            if !feeds(from, to) {
                continue;
            }
            if next == start {
                return Some(at);
            }
            if !seen.contains(&next) {
                seen.push(next);
                open.push(next);
            }
        }
    }
    None
}

/// Whether a total of one section is a source of another. `any` takes no totals.
fn feeds(from: &Naming, to: &Naming) -> bool {
    let ends = |name: &[u8], suffix: &[u8]| name.ends_with(suffix);
    match (from, to) {
        (_, Naming::Suffix { from: None, .. }) => false,
        (Naming::Suffix { to: written, .. }, Naming::Suffix { from: Some(read), .. }) => {
            ends(written, read) || ends(read, written)
        }
        (Naming::Suffix { to: written, .. }, Naming::Tables(tables)) => {
            tables.iter().any(|TableName { from, .. }| ends(from, written))
        }
        (Naming::Tables(tables), Naming::Suffix { from: Some(read), .. }) => {
            tables.iter().any(|TableName { to, .. }| ends(to, read))
        }
        (Naming::Tables(written), Naming::Tables(read)) => {
            written.iter().any(|a| read.iter().any(|b| same_table(&a.to, &b.from)))
        }
    }
}

/// Whether two names may be those of one table.
pub(super) fn same_table(a: &[u8], b: &[u8]) -> bool {
    a == b || a.strip_prefix(b"/") == Some(b) || b.strip_prefix(b"/") == Some(a)
}
