//! What the keys and signs mean.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Clear};

use super::Screen;
use super::text::width;

const LINES: [&str; 18] = [
    "tab, shift-tab, 1-9   another table",
    "s, →   ←              sort by the next, the previous column",
    "S                     the other way round",
    "↑ ↓ PgUp PgDn Home    other rows",
    "/                     filter, as --where: gpc0 > 3 and key in 10.0.0.0/8",
    "=                     add up what the peers have, or show the newest state",
    "space                 hold the picture; everything goes on behind it",
    "r                     record into a file of this folder, on and off",
    "?   q, Ctrl-C         this help; quit",
    "",
    "● in sync 0.2s        all was learned; heard 0.2 s ago (quiet peers: 3 s)",
    "◐ learning 1,204      a full resync is on its way",
    "◑ partial             the peer itself doesn't have everything; asked again",
    "○ connecting  ✗ down  no session; it is called again and again",
    "left                  what is left of the entry's life",
    "from                  the peer that changed it last, or those added up",
    "rates                 are those of this moment, as HAProxy counts them",
    "bold rows             changed within the last second",
];

pub(super) fn draw(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let lines: Vec<Line<'static>> = LINES.iter().map(|line| Line::raw(shown(screen, line))).collect();
    let widest = LINES.iter().map(|line| width(line)).max().unwrap_or(0);
    let clip = |wanted: usize, most: u16| u16::try_from(wanted).unwrap_or(most).min(most);
    let (columns, rows) = (clip(widest + 4, area.width), clip(lines.len() + 2, area.height));
    let x = area.x + (area.width - columns) / 2;
    let y = area.y + (area.height - rows) / 2;
    let area = Rect::new(x, y, columns, rows);
    frame.render_widget(Clear, area);
    let block = if screen.look.unicode {
        Block::bordered()
    } else {
        Block::bordered().border_set(ratatui::symbols::border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        })
    };
    let block = block.title(" keys and signs ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    frame.render_widget(Text::from(lines), inner);
}

fn shown(screen: &Screen, line: &str) -> String {
    if screen.look.unicode {
        return line.to_owned();
    }
    let signs =
        [("→", ">"), ("←", "<"), ("↑ ↓", "up down"), ("●", "*"), ("◐", "~"), ("◑", "~"), ("○", "o"), ("✗", "x")];
    signs.iter().fold(line.to_owned(), |line, (sign, ascii)| line.replace(sign, ascii))
}
