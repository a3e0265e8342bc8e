//! Hunks: changes with the unchanged lines around them, clear of secrets they don't change.

use std::{iter::repeat_n, ops::Range};

use super::{Hide, lines::Change};
use crate::config::{Document, LineNo};

/// Takes the place of a removed line in a hunk that only adds lines, one of them with a hidden secret: no file has this
/// line, so `patch` can't write the text that stands for the secret.
const IN_NO_FILE: &[u8] = "‹in no file: this hunk can't be applied›\n".as_bytes();

/// A run of lines of both texts.
#[derive(Debug)]
pub(super) struct Hunk {
    /// The old lines it covers, from 0.
    old: Range<u32>,
    /// The new lines it covers, from 0.
    new: Range<u32>,
    /// Its lines, in the order they are shown.
    pub(super) lines: Vec<Line>,
    /// Whether a line is not shown as it is.
    pub(super) hides_secrets: bool,
}

/// What happens to a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mark {
    Keep,
    Remove,
    Add,
}

impl Mark {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Keep => b' ',
            Self::Remove => b'-',
            Self::Add => b'+',
        }
    }
}

/// A line of a hunk.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) mark: Mark,
    number: LineNo,
    shown: Option<Vec<u8>>,
}

impl Line {
    /// Its text with its line end, if it has one.
    pub(super) fn bytes<'a>(&'a self, old: &'a Document, new: &'a Document) -> &'a [u8] {
        let document = if self.mark == Mark::Add { new } else { old };
        self.shown.as_deref().unwrap_or_else(|| document.full_line_span(self.number).of(document.text()))
    }
}

impl Hunk {
    /// The line `@@ -2,3 +2,4 @@`.
    pub(super) fn header(&self) -> String {
        let removed = self.lines.iter().filter(|l| l.mark != Mark::Add).count();
        format!("@@ -{} +{} @@\n", place(self.old.start, removed), place(self.new.start, self.new.len()))
    }
}

/// `start,count` as diffs write it: from 1, the count left out if it is 1, the line before if it is 0.
fn place(start: u32, count: usize) -> String {
    match count {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        _ => format!("{},{count}", start + 1),
    }
}

/// Puts `changes` into hunks with up to `context` unchanged lines before and after.
pub(super) fn hunks(old: &Document, new: &Document, changes: &[Change], context: u32, hide: &Hide<'_>) -> Vec<Hunk> {
    let maker = Maker { old, new, context, hide };
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut group: Vec<(u32, &Change, u32)> = Vec::new();
    let mut end = 0;
    for (index, change) in changes.iter().enumerate() {
        let next = changes.get(index + 1).map_or(old.line_count(), |c| c.old.start);
        let before = maker.clear_before(change.old.start, if group.is_empty() { end } else { 0 });
        let after = maker.clear_after(change.old.end, next);
        group.push((before, change, after));
        let joins_next = index + 1 < changes.len() && after == next - change.old.end;
        if !joins_next {
            let hunk = maker.hunk(&std::mem::take(&mut group));
            end = hunk.old.end;
            hunks.push(hunk);
        }
    }
    hunks
}

struct Maker<'a> {
    old: &'a Document,
    new: &'a Document,
    context: u32,
    hide: &'a Hide<'a>,
}

impl Maker<'_> {
    /// How many lines before `line`, but not before `floor`, may be shown.
    fn clear_before(&self, line: u32, floor: u32) -> u32 {
        let room = self.context.min(line - floor.min(line));
        (0..room).find(|n| self.is_secret(line - 1 - n)).unwrap_or(room)
    }

    /// How many lines from `line` on may be shown: all up to the next change at `next` if that is near, so that both
    /// changes come into one hunk.
    fn clear_after(&self, line: u32, next: u32) -> u32 {
        let gap = next - line;
        let is_last = next == self.old.line_count();
        let room = if is_last || gap > 2 * self.context { gap.min(self.context) } else { gap };
        let clear = (0..room).find(|n| self.is_secret(line + n)).unwrap_or(room);
        if clear == gap && !is_last { gap } else { clear.min(self.context) }
    }

    fn is_secret(&self, line: u32) -> bool {
        (self.hide)(self.old, LineNo(line)).is_some()
    }

    /// One hunk of changes with the numbers of lines that may be shown before and after each.
    fn hunk(&self, group: &[(u32, &Change, u32)]) -> Hunk {
        let (Some((before, first, _)), Some((_, last, after))) = (group.first(), group.last()) else {
            return Hunk { old: 0..0, new: 0..0, lines: Vec::new(), hides_secrets: false };
        };
        // `patch` takes a hunk with less context behind than before for the end of the file.
        let at_end = last.old.end + after == self.old.line_count();
        let before = if at_end { *before } else { *before.min(after) };
        let mut hunk = Hunk {
            old: first.old.start - before..last.old.end + after,
            new: first.new.start - before..last.new.end + after,
            lines: Vec::new(),
            hides_secrets: false,
        };
        let mut at = hunk.old.start;
        for (_, change, after) in group {
            self.push(&mut hunk, Mark::Keep, at..change.old.start);
            self.push(&mut hunk, Mark::Remove, change.old.clone());
            self.push(&mut hunk, Mark::Add, change.new.clone());
            at = change.old.end;
            if std::ptr::eq(*change, *last) {
                self.push(&mut hunk, Mark::Keep, at..at + after);
            }
        }
        hunk.refuse_to_apply_where_secrets_are_hidden();
        hunk
    }

    fn push(&self, hunk: &mut Hunk, mark: Mark, lines: Range<u32>) {
        let document = if mark == Mark::Add { self.new } else { self.old };
        let marks = repeat_n(mark, lines.len());
        hunk.lines.extend(lines.map(LineNo).zip(marks).map(|(number, mark)| {
            let shown = if mark == Mark::Keep { None } else { (self.hide)(document, number) };
            let shown = shown.map(|mut text| {
                let end = document.line_span(number).end..document.full_line_span(number).end;
                text.extend_from_slice(document.text().get(end.start as usize..end.end as usize).unwrap_or_default());
                text
            });
            Line { mark, number, shown }
        }));
    }
}

impl Hunk {
    fn refuse_to_apply_where_secrets_are_hidden(&mut self) {
        let hidden = |mark| move |line: &Line| line.mark == mark && line.shown.is_some();
        self.hides_secrets = self.lines.iter().any(|line| line.shown.is_some());
        if !self.hides_secrets || self.lines.iter().any(hidden(Mark::Remove)) {
            return;
        }
        // At the start of its change: behind a removed last line without a line end no other may be removed.
        let added = self.lines.iter().position(hidden(Mark::Add)).unwrap_or(0);
        let unchanged = |line: &Line| line.mark == Mark::Keep;
        let start = self.lines.iter().take(added).rposition(unchanged).map_or(0, |kept| kept + 1);
        let line = Line { mark: Mark::Remove, number: LineNo(0), shown: Some(IN_NO_FILE.to_vec()) };
        self.lines.insert(start, line);
    }
}
