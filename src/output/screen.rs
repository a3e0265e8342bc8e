//! What `watch` shows on a terminal: a picture of a state, nothing else. 80 columns and 24 lines are enough.
//!
//! ```text
//!  peerctl  mesh as obs   lb1 ● in sync 0.2s   lb2 ● in sync 0.1s   lb3 ✗ down 4s
//!  lb3: can't connect to 10.0.0.3:10000: Connection refused; next try in 2s
//!  shop 12,041   api_limits 88,310                       1,204 upd/s ▂▃▅▂▁▃▆█▅
//! ─ shop: type ip expire 30m ───────────────────────────────── filter gpc0 > 3 ──
//!  key                http_req_rate(10s) ▾   http_req_cnt   gpc0   left   from
//!  203.0.113.77                        412         90,114      3    58s   lb1
//! ───────────────────────────────────────────────────────────────────────────────
//!  tab table · s sort · / filter · = sum · space pause · r record · ? help · q quit
//! ```

mod body;
mod footer;
mod header;
mod help;
mod rows;
mod text;

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};

pub use rows::{Cells, cells, heading, view_columns};

/// Everything that is shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Screen {
    /// Whom we follow, and as whom: `mesh as peerctl`.
    pub title: String,
    /// The peers, in their order.
    pub peers: Vec<PeerStatus>,
    /// The tables that there are: name, and number of entries.
    pub tables: Vec<(String, usize)>,
    /// The one that is shown.
    pub table: usize,
    /// What it is: `type ip expire 30m`.
    pub definition: String,
    /// Updates in each of the last seconds, the newest last.
    pub history: Vec<u64>,
    /// Headings of the columns between key and `left`.
    pub headings: Vec<String>,
    /// By which of them rows are sorted; `None` = by the key.
    pub sorted: Option<usize>,
    /// The largest first.
    pub descending: bool,
    /// The rows, from the first one that is shown on.
    pub rows: Vec<Cells>,
    /// The number of rows in front of these.
    pub skipped: usize,
    /// What limits the rows.
    pub filter: FilterLine,
    /// Nothing changes since then.
    pub paused: Option<Duration>,
    /// Values of all peers are added up.
    pub sum: bool,
    /// What is recorded, and into what.
    pub recording: Option<RecordingStatus>,
    /// Something to be told once.
    pub notice: Option<String>,
    /// The keys are explained.
    pub help: bool,
    /// How it may look.
    pub look: Look,
}

/// How a screen may look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Look {
    /// With colours.
    pub color: bool,
    /// With more than ASCII.
    pub unicode: bool,
}

/// How it is with a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// Its name, escaped.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// For how long: since it was heard last where there is a session, else since the last one.
    pub age: Option<Duration>,
    /// What is wrong, and what comes next; may be empty.
    pub problem: String,
}

/// How it is with a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// Everything was learned, and what changes comes.
    InSync,
    /// It teaches what it has; that many entries so far.
    Learning(u64),
    /// It taught what it had, but says that this isn't everything.
    Partial,
    /// It is being called.
    Connecting,
    /// There is no session.
    Down,
}

/// What limits the rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FilterLine {
    /// The expression that counts; empty = all.
    pub text: String,
    /// The expression that is being typed.
    pub typed: Option<String>,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordingStatus {
    /// The file.
    pub name: String,
    /// Bytes of it that are safe.
    pub bytes: u64,
    /// Why the disk takes nothing at the moment.
    pub trouble: Option<String>,
}

/// The smallest terminal that shows anything useful.
const SMALLEST: (u16, u16) = (30, 8);

impl Screen {
    /// Draws it.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            let (columns, lines) = SMALLEST;
            let text = format!("peerctl\ntoo small:\n{columns}x{lines} at least");
            return frame.render_widget(ratatui::text::Text::raw(text), area);
        }
        let head = header::lines(self, area.width, area.height);
        let height = u16::try_from(head.len()).unwrap_or(u16::MAX);
        let parts = [Constraint::Length(height), Constraint::Min(0), Constraint::Length(2)];
        let [top, middle, bottom] = Layout::vertical(parts).areas(area);
        frame.render_widget(ratatui::text::Text::from(head), top);
        frame.render_widget(ratatui::text::Text::from(body::lines(self, middle.width, middle.height)), middle);
        frame.render_widget(ratatui::text::Text::from(footer::lines(self, bottom.width)), bottom);
        if self.help {
            help::draw(self, frame, area);
        } else if let Some((x, y)) = footer::cursor(self, bottom) {
            frame.set_cursor_position((x, y));
        }
    }

    /// How many rows there is room for on a terminal of that size.
    #[must_use]
    pub fn rows_for(&self, width: u16, height: u16) -> usize {
        let head = header::lines(self, width, height).len();
        usize::from(height).saturating_sub(head + 3)
    }
}

impl Look {
    /// A colour, where there are colours.
    fn color(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// What matters less.
    fn faint(self) -> Style {
        if self.color { Style::new().fg(Color::DarkGray) } else { Style::new().add_modifier(Modifier::DIM) }
    }

    /// One of two texts.
    fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// A line across.
    fn rule(self, width: usize) -> String {
        self.sign("─", "-").repeat(width)
    }
}

#[cfg(test)]
mod tests;
