//! Entries for people: a block for each table, a line for each entry. Columns that are zero everywhere are left out.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Listed, columns};
use crate::escape;
use crate::stick::key;
use crate::table::{Column, EntryRef};
use crate::units::Delay;

/// The most characters of a key or a text that are shown.
const MOST: usize = 48;

/// Prints the blocks.
///
/// # Errors
/// If `out` fails.
pub fn print(tables: &[Listed<'_>], color: bool, out: &mut dyn Write) -> io::Result<()> {
    for (n, listed) in tables.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        block(listed, color, out)?;
    }
    Ok(())
}

fn block(listed: &Listed<'_>, color: bool, out: &mut dyn Write) -> io::Result<()> {
    let definition = listed.definition;
    let (bold, plain) = if color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let (peer, table) = (escape::name(listed.peer), escape::name(&definition.name));
    let count = count(listed.entries.len(), listed.total);
    writeln!(out, "{bold}{table}{plain} on {peer}: {count}, {definition}")?;
    if listed.entries.is_empty() {
        return Ok(());
    }
    let all = columns(definition);
    let used = |column: &&Column| listed.entries.iter().any(|entry| !is_empty(column, entry));
    let shown: Vec<&Column> = all.iter().filter(used).collect();
    let headings: Vec<String> = shown.iter().map(|column| heading(column)).collect();
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    let (mut key_width, mut left_width) = ("key".len(), "left".len());
    for entry in &listed.entries {
        key_width = key_width.max(key_text(listed, entry).chars().count());
        left_width = left_width.max(left(entry).chars().count());
        for (width, column) in widths.iter_mut().zip(&shown) {
            *width = (*width).max(value(column, entry).chars().count());
        }
    }
    let mut line = format!("{bold}{:key_width$}  {:>left_width$}", "key", "left");
    for (heading, width) in headings.iter().zip(&widths) {
        let _infallible = write!(line, "  {heading:>width$}");
    }
    writeln!(out, "{line}{plain}")?;
    for entry in &listed.entries {
        line.clear();
        let _infallible = write!(line, "{:key_width$}  {:>left_width$}", key_text(listed, entry), left(entry));
        for (column, width) in shown.iter().zip(&widths) {
            let _infallible = write!(line, "  {:>width$}", value(column, entry));
        }
        writeln!(out, "{line}")?;
    }
    let hidden: Vec<String> = all.iter().filter(|column| !used(column)).map(heading).collect();
    if !hidden.is_empty() {
        writeln!(out, "zero everywhere: {}", hidden.join(", "))?;
    }
    Ok(())
}

fn count(listed: usize, total: usize) -> String {
    match (listed, total) {
        (1, 1) => "1 entry".to_owned(),
        (listed, total) if listed == total => format!("{total} entries"),
        (listed, total) => format!("{listed} of {total} entries"),
    }
}

/// `http_req_rate(10s)`, `gpc[1]`.
pub(crate) fn heading(column: &Column) -> String {
    let mut text = super::name(column);
    if let Column::Value { field, .. } = column
        && let Some(period) = field.period_ms.and_then(Delay::from_ms)
    {
        let _infallible = write!(text, "({period})");
    }
    text
}

fn is_empty(column: &Column, entry: &EntryRef<'_>) -> bool {
    column.number(entry).map_or_else(|| column.text(entry).is_none_or(<[u8]>::is_empty), |number| number == 0)
}

fn value(column: &Column, entry: &EntryRef<'_>) -> String {
    match column.number(entry) {
        Some(number) => grouped(number),
        None => cut(&escape::name(column.text(entry).unwrap_or_default())),
    }
}

fn key_text(listed: &Listed<'_>, entry: &EntryRef<'_>) -> String {
    cut(&key::text(listed.definition.key_type, entry.key()))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What is left of the entry's life: `58s`, `29m`; `-` if it has no end.
fn left(entry: &EntryRef<'_>) -> String {
    entry.rest_ms().map_or_else(|| "-".to_owned(), life)
}

/// A time of which only the first unit counts.
pub(crate) fn life(ms: u32) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..120_000 => format!("{}s", ms / 1_000),
        120_000..7_200_000 => format!("{}m", ms / 60_000),
        7_200_000..172_800_000 => format!("{}h", ms / 3_600_000),
        _ => format!("{}d", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_groups_of_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_life_has_one_unit() {
        for (ms, text) in [(0, "0ms"), (58_999, "58s"), (1_740_000, "29m"), (86_400_000, "24h"), (u32::MAX, "49d")] {
            assert_eq!(life(ms), text);
        }
    }
}
