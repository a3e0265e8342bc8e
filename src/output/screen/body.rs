//! The rows of the table that is shown.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::text::{age, bytes, cut, left, right, width};
use super::{Cells, Screen};

/// Between two columns.
const GAP: usize = 2;

/// The columns that a long key has beside those of others, whatever they need, and the most of `from`.
const KEY: usize = 26;

/// The columns of a key for which even `left` and `from` make room.
const SHORT: usize = 15;
const FROM: usize = 16;

pub(super) fn lines(screen: &Screen, columns: u16, height: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let mut lines = vec![rule(screen, columns)];
    let plan = Plan::new(screen, columns);
    lines.push(plan.headings(screen));
    let room = usize::from(height).saturating_sub(lines.len());
    lines.extend(screen.rows.iter().take(room).map(|row| plan.row(screen, row)));
    if screen.rows.is_empty() && room > 1 {
        lines.push(Line::styled(format!("  {}", nothing(screen)), screen.look.faint()));
    }
    lines
}

/// Why there are no rows.
fn nothing(screen: &Screen) -> &'static str {
    match () {
        () if screen.tables.is_empty() => "no peer has announced a table yet",
        () if !screen.filter.text.is_empty() => {
            "no entry is as the filter says; / then Enter on an empty line shows all"
        }
        () => "no entries",
    }
}

/// What the table is on the left, what is special about this view on the right.
fn rule(screen: &Screen, columns: usize) -> Line<'static> {
    let look = screen.look;
    let mut spans = vec![Span::styled(look.rule(1), look.faint())];
    let mut used = 1;
    let mut marks = Vec::new();
    if !screen.filter.text.is_empty() {
        marks.push((format!("filter {}", cut(&screen.filter.text, columns / 3)), look.color(Color::Yellow)));
    }
    if screen.sum {
        marks.push(("SUM".to_owned(), look.color(Color::Magenta).add_modifier(Modifier::BOLD)));
    }
    if let Some(since) = screen.paused {
        let text = format!("PAUSED {}", age(since));
        marks.push((text, look.color(Color::Yellow).add_modifier(Modifier::BOLD | Modifier::REVERSED)));
    }
    if let Some(recording) = &screen.recording {
        let dot = look.sign("●", "*");
        let text = format!("{dot} REC {} {}", cut(&recording.name, columns / 4), bytes(recording.bytes));
        marks.push((text, look.color(Color::Red).add_modifier(Modifier::BOLD)));
    }
    if screen.skipped > 0 {
        marks.push((format!("from row {}", screen.skipped + 1), look.faint()));
    }
    let marked: usize = marks.iter().map(|(text, _)| width(text) + 3).sum();
    if let Some((name, _)) = screen.tables.get(screen.table) {
        let text = format!(" {name}: {} ", screen.definition);
        let text = cut(&text, columns.saturating_sub(marked + 4));
        used += width(&text);
        spans.push(Span::styled(text, look.faint()));
    }
    let fill = columns.saturating_sub(used + marked);
    spans.push(Span::styled(look.rule(fill), look.faint()));
    for (text, style) in marks {
        spans.push(Span::raw(" "));
        spans.push(Span::styled(text, style));
        spans.push(Span::styled(format!(" {}", look.rule(1)), look.faint()));
    }
    Line::from(spans)
}

/// Which columns there is room for, and how wide they are.
struct Plan {
    key: usize,
    /// Number and width of the columns that are shown.
    shown: Vec<(usize, usize)>,
    /// There are columns before and behind these.
    before: bool,
    behind: bool,
    left: usize,
    from: usize,
}

impl Plan {
    fn new(screen: &Screen, columns: usize) -> Self {
        let widest = |least: &str, part: fn(&Cells) -> &str| {
            screen.rows.iter().map(|row| width(part(row))).max().unwrap_or(0).max(least.len())
        };
        let mut ends = [widest("left", |row| &row.left), widest("from", |row| &row.from).min(FROM)];
        let heading = |number: usize| screen.headings.get(number).map_or(0, |heading| width(heading));
        // The sign of the order stands behind the heading.
        let sign = |number: usize| if screen.sorted == Some(number) { 2 } else { 0 };
        let value = |number: usize| {
            screen.rows.iter().filter_map(|row| row.values.get(number)).map(|value| width(value)).max().unwrap_or(0)
        };
        let widths: Vec<usize> =
            (0..screen.headings.len()).map(|number| value(number).max(heading(number) + sign(number))).collect();
        let fixed = |ends: [usize; 2]| 3 + ends.into_iter().map(|end| GAP.min(end) + end).sum::<usize>();
        // The column that rows are sorted by is always there, beside as much of a key as possible.
        let sorted = screen.sorted.filter(|sorted| *sorted < widths.len()).unwrap_or(0);
        let least = widths.get(sorted).map_or(0, |width| width + GAP);
        let keys = widest("key  ", |row| &row.key);
        while let Some(spare) = ends.iter().rposition(|end| *end > 0)
            && fixed(ends) + least + keys.min(SHORT) > columns
        {
            ends[spare] = 0;
        }
        let room = columns.saturating_sub(fixed(ends));
        let all = widths.iter().map(|width| width + GAP).sum::<usize>();
        let key = keys.min(KEY.max(room.saturating_sub(all))).min(room.saturating_sub(least)).max(8);
        let room = room.saturating_sub(key);
        let taken = |range: std::ops::Range<usize>| {
            widths.get(range).unwrap_or_default().iter().map(|width| width + GAP).sum::<usize>()
        };
        let mut first = 0;
        while first < sorted && taken(first..sorted + 1) > room {
            first += 1;
        }
        let mut end = first;
        while end < widths.len() && (taken(first..end + 1) <= room || end <= sorted) {
            end += 1;
        }
        let shown = (first..end).filter_map(|number| Some((number, *widths.get(number)?))).collect();
        let [left, from] = ends;
        Self { key, shown, before: first > 0, behind: end < widths.len(), left, from }
    }

    fn headings(&self, screen: &Screen) -> Line<'static> {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let look = screen.look;
        let sign = if screen.descending { look.sign("▾", "v") } else { look.sign("▴", "^") };
        let key = if screen.sorted.is_none() { format!("key {sign}") } else { "key".to_owned() };
        let mark = |is: bool, unicode, ascii| if is { look.sign(unicode, ascii) } else { " " };
        let mut text = format!(" {}{}", left(&key, self.key), mark(self.before, "◂", "<"));
        for (number, width) in &self.shown {
            let heading = screen.headings.get(*number).cloned().unwrap_or_default();
            let heading = if screen.sorted == Some(*number) { format!("{heading} {sign}") } else { heading };
            text.push_str(&right(&heading, width + GAP));
        }
        text.push_str(mark(self.behind, " ▸", " >"));
        // The sign that more follows stands in the gap.
        text.push_str(&right("left", self.left + (GAP - usize::from(self.behind)).min(self.left)));
        text.push_str(&" ".repeat(GAP));
        text.push_str(&left("from", self.from));
        Line::styled(text, bold)
    }

    fn row(&self, screen: &Screen, row: &Cells) -> Line<'static> {
        let look = screen.look;
        let plain = if row.fresh { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
        let mut spans = vec![Span::styled(format!(" {} ", left(&row.key, self.key)), plain)];
        for (number, columns) in &self.shown {
            let value = row.values.get(*number).map_or("", String::as_str);
            let style = match value {
                "0" | "" => look.faint(),
                _ if screen.sorted == Some(*number) => plain.patch(look.color(Color::Cyan)),
                _ => plain,
            };
            spans.push(Span::styled(right(value, columns + GAP), style));
        }
        spans.push(Span::styled(right(&row.left, self.left + (GAP + 1).min(self.left)), look.faint()));
        spans.push(Span::raw(" ".repeat(GAP)));
        spans.push(Span::styled(left(&row.from, self.from), look.faint()));
        Line::from(spans)
    }
}
