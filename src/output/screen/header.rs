//! The lines on top: the peers, what is wrong with them, the tables, and how much comes.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::text::{age, cut, width};
use super::{Health, PeerStatus, Screen};
use crate::output::entries::columns::grouped;

/// Between two peers, and between two tables.
const GAP: &str = "   ";

/// The most columns of a table's name.
const NAME: usize = 24;

pub(super) fn lines(screen: &Screen, columns: u16, height: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    // Rows of entries have at least half of the screen.
    let most = usize::from(height / 4).clamp(1, 6);
    let mut lines = peers(screen, columns, most);
    let problems = screen.peers.iter().filter(|peer| !peer.problem.is_empty());
    let room = (most + 1).saturating_sub(lines.len());
    for peer in problems.take(room) {
        let text = format!(" {}: {}", peer.name, peer.problem);
        lines.push(Line::styled(cut(&text, columns), style(screen, peer.health)));
    }
    lines.push(tables(screen, columns));
    lines
}

fn peers(screen: &Screen, columns: usize, most: usize) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut lines = Vec::new();
    let mut line = vec![Span::styled(" peerctl ", bold), Span::raw(format!(" {}", screen.title))];
    let mut used = width(" peerctl  ") + width(&screen.title);
    for (n, peer) in screen.peers.iter().enumerate() {
        let text = text(screen, peer);
        let wanted = GAP.len() + width(&peer.name) + 1 + width(&text);
        if used + wanted > columns && used > 1 {
            if lines.len() + 1 >= most {
                line.push(Span::styled(rest(screen, n, columns.saturating_sub(used)), bold));
                break;
            }
            lines.push(Line::from(std::mem::take(&mut line)));
            used = 0;
            line.push(Span::raw(" "));
        } else {
            line.push(Span::raw(GAP));
        }
        used += wanted;
        line.push(Span::styled(peer.name.clone(), bold));
        line.push(Span::raw(" "));
        line.push(Span::styled(text, style(screen, peer.health)));
    }
    lines.push(Line::from(line));
    lines
}

/// How it is with the peers from the one with that number on.
fn rest(screen: &Screen, from: usize, columns: usize) -> String {
    let rest = screen.peers.get(from..).unwrap_or_default();
    let fine = rest.iter().filter(|peer| peer.health == Health::InSync).count();
    cut(&format!("{GAP}+{}: {fine} in sync", rest.len()), columns)
}

/// `● in sync 0.2s`.
fn text(screen: &Screen, peer: &PeerStatus) -> String {
    let look = screen.look;
    let age = peer.age.map_or_else(String::new, |time| format!(" {}", age(time)));
    match peer.health {
        Health::InSync => format!("{} in sync{age}", look.sign("●", "*")),
        Health::Learning(entries) => format!("{} learning {}", look.sign("◐", "~"), grouped(entries.into())),
        Health::Partial => format!("{} partial{age}", look.sign("◑", "~")),
        Health::Connecting => format!("{} connecting{age}", look.sign("○", "o")),
        Health::Down => format!("{} down{age}", look.sign("✗", "x")),
    }
}

fn style(screen: &Screen, health: Health) -> Style {
    match health {
        Health::InSync => screen.look.color(Color::Green),
        Health::Learning(_) | Health::Partial | Health::Connecting => screen.look.color(Color::Yellow),
        Health::Down => screen.look.color(Color::Red).add_modifier(Modifier::BOLD),
    }
}

/// The tables on the left, updates per second on the right.
fn tables(screen: &Screen, columns: usize) -> Line<'static> {
    let rate = rate(screen, columns);
    let room = columns.saturating_sub(width(&rate) + 3);
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    let shown = |number: usize| {
        let (name, entries) = screen.tables.get(number)?;
        Some(format!("{} {}", cut(name, NAME), grouped((*entries).try_into().ok()?)))
    };
    // The one that is shown, and as many of its neighbours as there is room for, those before it first.
    let mut first = screen.table;
    let mut taken = shown(first).map_or(0, |text| width(&text));
    while let Some(before) = first.checked_sub(1) {
        taken += GAP.len() + shown(before).map_or(0, |text| width(&text));
        if taken + 4 > room {
            break;
        }
        first = before;
    }
    if first > 0 {
        spans.push(Span::raw(screen.look.sign("◂ ", "< ")));
        used += 2;
    }
    for number in first..screen.tables.len() {
        let Some(text) = shown(number) else { break };
        let selected = number == screen.table;
        if used + width(&text) + 2 > room && !selected {
            spans.push(Span::raw(screen.look.sign("▸", ">")));
            used += 1;
            break;
        }
        let text = cut(&text, room.saturating_sub(used));
        used += width(&text) + GAP.len();
        let style =
            if selected { Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { Style::new() };
        spans.push(Span::styled(text, style));
        spans.push(Span::raw(GAP));
    }
    if screen.tables.is_empty() {
        let text = "no table yet";
        used += text.len();
        spans.push(Span::styled(text, screen.look.faint()));
    }
    spans.push(Span::raw(" ".repeat(columns.saturating_sub(used + width(&rate) + 1))));
    spans.push(Span::styled(rate, screen.look.color(Color::Cyan)));
    Line::from(spans)
}

/// `1,204 upd/s ▂▃▅▂▁▃▆█▅`.
fn rate(screen: &Screen, columns: usize) -> String {
    let now = screen.history.last().copied().unwrap_or_default();
    let bars = match columns {
        0..60 => 0,
        60..100 => 12,
        _ => 30,
    };
    let history = screen.history.get(screen.history.len().saturating_sub(bars)..).unwrap_or_default();
    let most = history.iter().copied().max().unwrap_or_default().max(1);
    let levels: &[char] = if screen.look.unicode {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &['_', '.', '-', '=', '+', '*', '#']
    };
    let last = levels.len() as u64 - 1;
    let bar = |count: &u64| {
        let level = (u128::from(*count) * u128::from(last)).div_ceil(u128::from(most));
        usize::try_from(level).ok().and_then(|level| levels.get(level)).copied().unwrap_or(' ')
    };
    format!("{} upd/s {}", grouped(now.into()), history.iter().map(bar).collect::<String>())
}
