//! `probe` for people: a row for each peer, then what to know and to change.

use std::io::{self, Write};
use std::time::Duration;

use crate::escape;
use crate::output::probe::{Outcome, Report, Resync, View};
use crate::runtime::Severity;

const HEADINGS: [&str; 6] = ["PEER", "ADDRESS", "RESULT", "VERSION", "RTT", "TABLES"];

/// The widest result that widens its column: what is longer stands in a line of its own.
const RESULT_WIDTH: usize = 46;

/// Prints the reports for a terminal of `width` columns.
///
/// # Errors
/// If `out` takes nothing more.
pub fn print(reports: &[Report], views: &[View], color: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    if !reports.is_empty() {
        calls(reports, color, width, out)?;
    }
    for (n, view) in views.iter().enumerate() {
        if n > 0 || !reports.is_empty() {
            writeln!(out)?;
        }
        own_view(view, color, width, out)?;
    }
    Ok(())
}

/// What a HAProxy itself says: a line for each state, and what to do below it.
fn own_view(view: &View, color: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "What {} says of its peers", escape::name(view.socket.as_bytes()))?;
    if view.advice.is_empty() {
        writeln!(out, "  it has no peers section in use")?;
    }
    let mut section = None;
    for advice in &view.advice {
        if section != Some(&advice.section) {
            writeln!(out, "  peers {}", escape::name(&advice.section))?;
            section = Some(&advice.section);
        }
        let (sign, code) = match advice.severity {
            Severity::Fine => ("✓", "32"),
            Severity::Note => ("·", "33"),
            Severity::Problem => ("✗", "31"),
        };
        let sign = if color { format!("\x1b[{code}m{sign}\x1b[0m") } else { sign.to_owned() };
        let options = textwrap::Options::new(width.clamp(40, 120) - 6).break_words(false);
        let lines = textwrap::wrap(&advice.state, &options);
        for (n, line) in lines.iter().enumerate() {
            writeln!(out, "    {} {line}", if n == 0 { sign.as_str() } else { " " })?;
        }
        for line in advice.next.iter().flat_map(|next| textwrap::wrap(next, &options)) {
            writeln!(out, "      {line}")?;
        }
    }
    Ok(())
}

fn calls(reports: &[Report], color: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 6]> = reports.iter().map(row).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, (cell, most)) in widths.iter_mut().zip(row.iter().zip([40, 48, RESULT_WIDTH, 7, 9, usize::MAX])) {
            *width = (*width).max(cell.chars().count().min(most));
        }
    }
    line(&HEADINGS.map(str::to_owned), &widths, None, width, out)?;
    for (report, row) in reports.iter().zip(&rows) {
        line(row, &widths, color.then(|| paint(report)), width, out)?;
    }
    let mut first = true;
    for report in reports {
        let name = report.shown();
        for advice in &report.advice {
            if std::mem::take(&mut first) {
                writeln!(out)?;
            }
            let indent = " ".repeat((name.chars().count() + 2).min(8));
            let options = textwrap::Options::new(width.clamp(40, 120)).subsequent_indent(&indent).break_words(false);
            for text in textwrap::wrap(&format!("{name}: {advice}"), options) {
                writeln!(out, "{text}")?;
            }
        }
    }
    Ok(())
}

fn row(report: &Report) -> [String; 6] {
    let tables: Vec<_> = report.tables.iter().map(|table| escape::name(&table.name)).collect();
    [
        report.name.as_deref().map_or_else(|| "?".to_owned(), |name| escape::name(name).into_owned()),
        report.address.clone(),
        report.summary.clone(),
        report.protocol.clone().unwrap_or_else(|| "–".to_owned()),
        report.rtt.map_or_else(|| "–".to_owned(), rtt),
        tables.join(", "),
    ]
}

/// Milliseconds with one digit behind the point, or seconds.
fn rtt(rtt: Duration) -> String {
    let ms = rtt.as_secs_f64() * 1e3;
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.1} s", ms / 1e3) }
}

/// The colour of the result.
const fn paint(report: &Report) -> &'static str {
    match (report.outcome, report.resync) {
        (Outcome::Established, None | Some(Resync::Finished)) => "32",
        (Outcome::Established, _) => "33",
        (Outcome::Refused, _) if matches!(report.status, Some(504)) => "33",
        _ => "31",
    }
}

/// A row; a cell that is too long pushes those behind it into the next line.
fn line(
    cells: &[String; 6],
    widths: &[usize; 6],
    paint: Option<&str>,
    columns: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut text = String::new();
    let mut at = 0;
    for (n, cell) in cells.iter().enumerate() {
        if cells.iter().skip(n).all(|rest| matches!(rest.as_str(), "" | "–")) {
            break;
        }
        let start: usize = widths.iter().take(n).map(|width| width + 3).sum();
        if at > start {
            text.push('\n');
            at = 0;
        }
        text.extend(std::iter::repeat_n(' ', start - at));
        at = start + cell.chars().count();
        match paint {
            Some(code) if n == 2 => text.push_str(&format!("\x1b[{code}m{cell}\x1b[0m")),
            // The names of many tables go on below each other.
            _ if n == 5 && start + 10 < columns && at > columns => {
                let options = textwrap::Options::new(columns - start).break_words(false);
                let indent = format!("\n{}", " ".repeat(start));
                text.push_str(&textwrap::wrap(cell, options).join(&indent));
            }
            _ => text.push_str(cell),
        }
    }
    writeln!(out, "{}", text.trim_end())
}
