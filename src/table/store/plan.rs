//! How the values of a table's entries are packed.

use crate::grammar::DataType;
use crate::stick::{Field, FreqCtr, Layout, ValueKind};

use super::record::{u32_at, u64_at};

/// The places of the slots in a record: 4 bytes for what has 32 bits or is a text, 8 for what has 64.
#[derive(Debug)]
pub(super) struct Plan {
    runs: Vec<Run>,
    slots: usize,
    /// The place of the number of `server_key`'s text.
    text_at: Option<usize>,
    /// The first byte after the values.
    end: usize,
}

/// Neighbouring slots of the same width.
#[derive(Clone, Copy, Debug)]
struct Run {
    slot: usize,
    count: usize,
    at: usize,
    width: Width,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Width {
    Four,
    Eight,
    /// Four bytes that no slot is copied to.
    Text,
}

impl Width {
    const fn bytes(self) -> usize {
        match self {
            Self::Four | Self::Text => 4,
            Self::Eight => 8,
        }
    }
}

impl Plan {
    /// The plan of a layout for values that start at `start`; `None` if a record would have more than `most` bytes.
    pub(super) fn new(layout: &Layout, start: usize, most: usize) -> Option<Self> {
        let mut plan = Self { runs: Vec::new(), slots: 0, text_at: None, end: start };
        for field in layout.fields() {
            let width = match field.kind {
                ValueKind::Signed32 | ValueKind::Unsigned32 | ValueKind::Rate => Width::Four,
                ValueKind::Unsigned64 => Width::Eight,
                ValueKind::Text => Width::Text,
            };
            if field.data_type == DataType::SERVER_KEY && field.values() > 0 {
                plan.text_at = Some(plan.end);
            }
            let end = field.slots().checked_mul(width.bytes())?.checked_add(plan.end)?;
            if end > most {
                return None;
            }
            match plan.runs.last_mut() {
                Some(run) if run.width == width => run.count += field.slots(),
                _ => plan.runs.push(Run { slot: plan.slots, count: field.slots(), at: plan.end, width }),
            }
            plan.slots += field.slots();
            plan.end = end;
        }
        Some(plan)
    }

    /// The number of slots.
    pub(super) const fn slots(&self) -> usize {
        self.slots
    }

    /// Where the number of the text of `server_key` stands.
    pub(super) const fn text_at(&self) -> Option<usize> {
        self.text_at
    }

    /// The first byte after the values.
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    /// Writes all values but texts.
    pub(super) fn write(&self, record: &mut [u8], values: &[u64]) {
        for run in &self.runs {
            let values = values.get(run.slot..run.slot + run.count).unwrap_or_default();
            let place = record.get_mut(run.at..).unwrap_or_default();
            match run.width {
                Width::Four => {
                    for (place, value) in place.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                        *place = low(*value).to_le_bytes();
                    }
                }
                Width::Eight => {
                    for (place, value) in place.as_chunks_mut::<8>().0.iter_mut().zip(values) {
                        *place = value.to_le_bytes();
                    }
                }
                Width::Text => {}
            }
        }
    }

    /// Appends all values; 0 for texts.
    pub(super) fn read(&self, record: &[u8], out: &mut Vec<u64>) {
        for run in &self.runs {
            let slots = 0..run.count;
            match run.width {
                Width::Four => out.extend(slots.map(|n| u64::from(u32_at(record, run.at + 4 * n)))),
                Width::Eight => out.extend(slots.map(|n| u64_at(record, run.at + 8 * n))),
                Width::Text => out.extend(slots.map(|_| 0)),
            }
        }
    }

    /// The value of one slot; 0 for texts and past the end.
    pub(super) fn value(&self, record: &[u8], slot: usize) -> u64 {
        let run = self.runs.iter().rev().find(|run| run.slot <= slot);
        let Some((run, n)) = run.map(|run| (run, slot - run.slot)).filter(|(run, n)| *n < run.count) else { return 0 };
        match run.width {
            Width::Four => u32_at(record, run.at + 4 * n).into(),
            Width::Eight => u64_at(record, run.at + 8 * n),
            Width::Text => 0,
        }
    }

    /// Whether `values` are those of the record, `age_ms` after it was written. Of a counter its sender repeats the counts, and
    /// the time since its period started has grown by the time between: within the length of a period, since another period
    /// is at least that far away.
    pub(super) fn same(&self, layout: &Layout, record: &[u8], values: &[u64], age_ms: u64) -> bool {
        layout.fields().iter().all(|field| {
            let given = field.of(values);
            match field.kind {
                ValueKind::Text => true,
                ValueKind::Rate => given.chunks(3).enumerate().all(|(n, given)| {
                    same_counter(self.counter(record, field, n), &FreqCtr::from_slots(given), field.period_ms, age_ms)
                }),
                ValueKind::Unsigned64 => self.all(record, field, given, |value| value),
                ValueKind::Signed32 | ValueKind::Unsigned32 => {
                    self.all(record, field, given, |value| u64::from(low(value)))
                }
            }
        })
    }

    /// Element `n` of a rate as it arrived.
    pub(super) fn counter(&self, record: &[u8], field: &Field, n: usize) -> FreqCtr {
        let slot = field.slot + 3 * n;
        FreqCtr::from_slots(&[0, 1, 2].map(|k| self.value(record, slot + k)))
    }

    fn all(&self, record: &[u8], field: &Field, given: &[u64], cut: impl Fn(u64) -> u64) -> bool {
        given.iter().enumerate().all(|(n, value)| self.value(record, field.slot + n) == cut(*value))
    }
}

fn same_counter(old: FreqCtr, new: &FreqCtr, period_ms: Option<u32>, age_ms: u64) -> bool {
    if (old.current, old.previous) != (new.current, new.previous) {
        return false;
    }
    if (old.current, old.previous) == (0, 0) {
        return true;
    }
    let moved = i64::from(new.elapsed_ms.wrapping_sub(old.elapsed_ms).cast_signed());
    let drift = (moved - i64::try_from(age_ms).unwrap_or(i64::MAX)).unsigned_abs();
    drift < u64::from(period_ms.unwrap_or(0).max(1))
}

#[expect(clippy::cast_possible_truncation, reason = "HAProxy cuts what is too large in the same way")]
const fn low(value: u64) -> u32 {
    value as u32
}
