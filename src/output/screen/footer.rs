//! The last lines: what the keys do, the filter while it is typed, or something to be told.

use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::Screen;
use super::text::{cut, width};

const PROMPT: &str = " filter: ";

/// What each key does, the most useful ones first: what finds no room is in the help.
const KEYS: [(&str, &str); 8] = [
    ("tab", "table"),
    ("s", "sort"),
    ("/", "filter"),
    ("=", "sum over peers"),
    ("space", "pause"),
    ("r", "record"),
    ("?", "help"),
    ("q", "quit"),
];

pub(super) fn lines(screen: &Screen, columns: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let rule = Line::styled(screen.look.rule(columns), screen.look.faint());
    vec![rule, last(screen, columns)]
}

/// Where the cursor stands while a filter is typed.
pub(super) fn cursor(screen: &Screen, area: Rect) -> Option<(u16, u16)> {
    let typed = screen.filter.typed.as_ref()?;
    let at = width(PROMPT) + width(&tail(typed, usize::from(area.width)));
    let x = area.x + u16::try_from(at).ok()?.min(area.width.saturating_sub(1));
    Some((x, area.y + area.height.saturating_sub(1)))
}

fn last(screen: &Screen, columns: usize) -> Line<'static> {
    if let Some(typed) = &screen.filter.typed {
        let mut spans =
            vec![Span::styled(PROMPT, Style::new().add_modifier(Modifier::BOLD)), Span::raw(tail(typed, columns))];
        let used: usize = spans.iter().map(Span::width).sum();
        let hint = screen.filter.error.clone().unwrap_or_else(|| "Enter: use it, Esc: leave it as it was".to_owned());
        let style = if screen.filter.error.is_some() { screen.look.color(Color::Red) } else { screen.look.faint() };
        spans.push(Span::styled(format!("   {}", cut(&hint, columns.saturating_sub(used + 4))), style));
        return Line::from(spans);
    }
    let trouble = screen.recording.as_ref().and_then(|recording| recording.trouble.as_ref());
    if let Some(trouble) = trouble {
        let text = format!(" the disk takes nothing: {trouble}; nothing is acknowledged, trying for 30 s");
        return Line::styled(cut(&text, columns), screen.look.color(Color::Red).add_modifier(Modifier::BOLD));
    }
    if let Some(notice) = &screen.notice {
        return Line::styled(cut(&format!(" {notice}"), columns), screen.look.color(Color::Yellow));
    }
    keys(screen, columns)
}

fn keys(screen: &Screen, columns: usize) -> Line<'static> {
    let dot = screen.look.sign(" · ", " | ");
    let full = |short: bool| {
        let what = |text: &'static str| if short { text.split(' ').next().unwrap_or_default() } else { text };
        KEYS.map(|(key, text)| (key, what(text)))
    };
    let length = |keys: &[(&str, &str)]| keys.iter().map(|(key, text)| key.len() + text.len() + 4).sum::<usize>();
    let mut keys = if length(&full(false)) <= columns { full(false) } else { full(true) };
    let fits = length(&keys) < columns + 3;
    if length(&keys) > columns + 3 {
        // Help and the way out are always there.
        keys.rotate_right(2);
    }
    let mut used = usize::from(fits);
    let mut spans = vec![Span::raw(" ".repeat(used))];
    for (n, (key, text)) in keys.into_iter().enumerate() {
        used += key.len() + 1 + text.len() + 3;
        if used > columns + 3 {
            break;
        }
        if n > 0 {
            spans.push(Span::styled(dot, screen.look.faint()));
        }
        spans.push(Span::styled(key, Style::new().add_modifier(Modifier::BOLD)));
        spans.push(Span::raw(format!(" {text}")));
    }
    Line::from(spans)
}

/// The end of what is typed, as much as there is room for.
fn tail(typed: &str, columns: usize) -> String {
    let room = columns.saturating_sub(width(PROMPT) + 16).max(4);
    let mut tail: Vec<char> = Vec::new();
    let mut used = 0;
    for c in typed.chars().rev() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        tail.push(c);
    }
    tail.into_iter().rev().collect()
}
