//! Tables that come with a section: its own lines, and backends that only have a table.

use super::{AddPeers, anchor, entry_style, outside_blocks};
use crate::{
    config::{LineStyle, draft},
    escape,
    model::{Instance, PeersSection},
    ops::{Mark, OpError, Plan, new_place::NewPlace, splice},
};

impl AddPeers {
    /// Puts missing `table` lines behind those that are there, and new backends behind the section.
    pub(super) fn add_tables(
        &self,
        instance: &Instance<'_>,
        section: &PeersSection,
        plan: &mut Plan,
    ) -> Result<(), OpError> {
        let own = section.tables.iter().map(|table| table.place).rfind(|place| outside_blocks(instance, *place));
        let anchor = own.map_or_else(|| anchor(instance, section), Ok)?;
        let style = entry_style(instance, section, anchor);
        for words in &self.tables {
            let Some(name) = words.first() else { continue };
            if section.tables.iter().any(|table| table.wire_name().strip_prefix(b"/") == Some(name)) {
                continue;
            }
            let line: Vec<&[u8]> = std::iter::once(&b"table"[..]).chain(words.iter().map(Vec::as_slice)).collect();
            splice::insert_after(instance, plan, anchor, draft::line(&style, &line));
            plan.note(Mark::Added, format!("peers {}", self.section), format!("table {}", escape::name(name)));
        }
        if self.backends.is_empty() {
            return Ok(());
        }
        let place = NewPlace::find(instance)?;
        let Some(source) = instance.files.get(place.file) else { return Ok(()) };
        let style = splice::statement_style(&source.document);
        let mut lines = self.new_backends(&style, plan);
        if !place.at_end && !place.blank_follows {
            lines.extend(style.newline.bytes());
        }
        splice::insert_at(source, plan, place.file, place.offset, lines);
        Ok(())
    }

    /// The new backends, a blank line in front of each.
    pub(super) fn new_backends(&self, style: &LineStyle, plan: &mut Plan) -> Vec<u8> {
        let header = LineStyle { indent: Vec::new(), gap: b" ".to_vec(), columns: Vec::new(), newline: style.newline };
        let mut lines = Vec::new();
        for (name, params) in &self.backends {
            lines.extend(style.newline.bytes());
            lines.extend(draft::line(&header, &[&b"backend"[..], name]));
            let words: Vec<&[u8]> =
                std::iter::once(&b"stick-table"[..]).chain(params.iter().map(Vec::as_slice)).collect();
            lines.extend(draft::line(style, &words));
            plan.note(Mark::Added, format!("backend {}", escape::name(name)), "the table of the total");
        }
        lines
    }
}
