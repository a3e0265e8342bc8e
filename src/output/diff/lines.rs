//! Which lines differ.

use std::{collections::HashMap, ops::Range};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::config::{Document, LineNo};

/// Lines of the old text that give way to lines of the new one; either may be empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Change {
    pub(super) old: Range<u32>,
    pub(super) new: Range<u32>,
}

/// All changes, in order; between two of them at least one line is the same.
pub(super) fn changes(old: &Document, new: &Document) -> Vec<Change> {
    let (old_count, new_count) = (old.line_count(), new.line_count());
    let shorter = old_count.min(new_count);
    let prefix = (0..shorter).take_while(|n| full(old, *n) == full(new, *n)).count();
    let prefix = u32::try_from(prefix).unwrap_or(shorter);
    let same_from_end = |n: &u32| full(old, old_count - 1 - n) == full(new, new_count - 1 - n);
    let suffix = (0..shorter - prefix).take_while(same_from_end).count();
    let suffix = u32::try_from(suffix).unwrap_or(0);

    // Numbers for texts: comparing them is what a diff does most.
    let mut numbers: HashMap<&[u8], u32> = HashMap::new();
    let [old_lines, new_lines] = [(old, old_count), (new, new_count)].map(|(document, count)| {
        let mut ids = Vec::new();
        for n in prefix..count - suffix {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            ids.push(*numbers.entry(full(document, n)).or_insert(next));
        }
        ids
    });
    let ops = capture_diff_slices(Algorithm::Myers, &old_lines, &new_lines);
    ops.iter().filter_map(|op| change(op, prefix)).fold(Vec::new(), join)
}

fn full(document: &Document, line: u32) -> &[u8] {
    document.full_line_span(LineNo(line)).of(document.text())
}

fn change(op: &DiffOp, prefix: u32) -> Option<Change> {
    let shifted = |range: Range<usize>| {
        let [start, end] = [range.start, range.end].map(|n| u32::try_from(n).unwrap_or(u32::MAX) + prefix);
        start..end
    };
    (!matches!(op, DiffOp::Equal { .. })).then(|| Change { old: shifted(op.old_range()), new: shifted(op.new_range()) })
}

/// Appends a change, to the last one where they touch.
fn join(mut all: Vec<Change>, next: Change) -> Vec<Change> {
    match all.last_mut() {
        Some(last) if last.old.end == next.old.start && last.new.end == next.new.start => {
            last.old.end = next.old.end;
            last.new.end = next.new.end;
        }
        _ => all.push(next),
    }
    all
}
