//! What the user looks at, and the keys: the state of the screen between two pictures.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::follower::Follower;
use super::terminal::Tty;
use super::view::{self, Looking};
use crate::cli::failure::Failure;
use crate::output::screen::{FilterLine, Look, RecordingStatus, Screen};
use crate::table::{Column, Merge, Sort, Where};

/// Between two pictures, at least; more if a picture takes long.
const PICTURE: Duration = Duration::from_millis(100);

/// A picture may take this part of the time: one in so many.
const SHARE: u32 = 4;

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(5);

/// Seconds of which the updates are kept.
const HISTORY: usize = 60;

/// The screen and what was chosen on it.
#[derive(Debug)]
pub(super) struct Ui {
    tty: Tty,
    look: Look,
    title: String,
    looking: Looking,
    /// For each table by name how its rows are sorted, if that was chosen.
    sorts: BTreeMap<Box<[u8]>, Sort>,
    /// What `--sort` says.
    sort: Option<String>,
    filter: FilterLine,
    expression: Option<Where>,
    /// The picture that is held, since then.
    held: Option<(Instant, Screen)>,
    help: bool,
    notice: Option<(Instant, String)>,
    history: VecDeque<u64>,
    counted: u64,
    second: Instant,
    due: Instant,
    /// The table that is shown: its name, its columns, and the rows there were room for.
    columns: Vec<Column>,
    page: usize,
    /// Another table was chosen since the last picture.
    undrawn: bool,
}

/// What the user wants that the screen can't do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    Quit,
    /// Ctrl-C: as if the signal had come.
    Interrupt,
    /// Begin to record, or end it.
    Record,
}

/// What the options say.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) title: String,
    pub(super) look: Look,
    pub(super) sort: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) sum: bool,
    pub(super) filter: Option<(String, Where)>,
}

impl Ui {
    /// Takes the terminal.
    pub(super) fn new(chosen: Chosen, now: Instant) -> Result<Self, Failure> {
        let tty = Tty::take().map_err(|error| Failure::io("use the terminal", "", &error))?;
        let Chosen { title, look, sort, limit, sum, filter } = chosen;
        let (text, expression) = filter.map_or_else(Default::default, |(text, filter)| (text, Some(filter)));
        Ok(Self {
            tty,
            look,
            title,
            looking: Looking::new(limit, if sum { Merge::Sum } else { Merge::Newest }),
            sorts: BTreeMap::new(),
            sort,
            filter: FilterLine { text, ..FilterLine::default() },
            expression,
            held: None,
            help: false,
            notice: None,
            history: VecDeque::from([0; HISTORY]),
            counted: 0,
            second: now,
            due: now,
            columns: Vec::new(),
            page: 1,
            undrawn: false,
        })
    }

    /// Whether the terminal is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.tty.is_gone()
    }

    /// Shows a line for a while.
    pub(super) fn notice(&mut self, now: Instant, text: String) {
        self.notice = Some((now + NOTICE, text));
        self.due = now;
    }

    /// Does what keys say, and draws if it is time.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        follower: &Follower,
        recording: Option<RecordingStatus>,
    ) -> io::Result<Option<Wish>> {
        self.count(now, follower);
        self.tty.obey()?;
        // A key after one that chose another table is meant for that table, which isn't known before it is drawn.
        while !(self.undrawn && self.tty.is_idle())
            && let Some(key) = Tty::key()?
        {
            self.due = now;
            if let Some(wish) = self.press(key, now)? {
                return Ok(Some(wish));
            }
        }
        if now >= self.due && self.tty.is_idle() {
            let screen = self.picture(now, follower, recording);
            self.tty.draw(&screen)?;
            self.undrawn = false;
            let took = crate::node::clock::now().saturating_duration_since(now);
            self.due = now + PICTURE.max(took * SHARE);
        }
        Ok(None)
    }

    /// Counts updates by the second.
    fn count(&mut self, now: Instant, follower: &Follower) {
        let total: u64 = follower.peers.iter().map(|peer| peer.updates).sum();
        while now >= self.second + Duration::from_secs(1) {
            self.second += Duration::from_secs(1);
            self.history.pop_front();
            self.history.push_back(total.saturating_sub(self.counted));
            self.counted = total;
        }
    }

    fn picture(&mut self, now: Instant, follower: &Follower, recording: Option<RecordingStatus>) -> Screen {
        let mut screen = Screen {
            title: self.title.clone(),
            peers: view::peers(follower, now),
            history: self.history.iter().copied().collect(),
            filter: self.filter.clone(),
            recording,
            help: self.help,
            look: self.look,
            ..Screen::default()
        };
        if self.notice.as_ref().is_some_and(|(until, _)| *until <= now) {
            self.notice = None;
        }
        screen.notice = self.notice.as_ref().map(|(_, text)| text.clone());
        if let Some((since, held)) = &self.held {
            // The peers are shown as they are now, whatever is held.
            let Screen { title, peers, history, filter, recording, notice, help, look, .. } = screen;
            let paused = Some(now.saturating_duration_since(*since));
            return Screen { title, peers, history, filter, paused, recording, notice, help, look, ..held.clone() };
        }
        let (columns, lines) = self.tty.size();
        let tables = view::tables(follower);
        view::fill_tables(&mut screen, &mut self.looking, &tables);
        self.page = screen.rows_for(columns, lines).max(1);
        let Some(group) = tables.get(screen.table) else { return screen };
        let definition = group.definition();
        self.columns = crate::output::screen::view_columns(definition);
        let sort = self.sorts.get(group.name).copied().filter(|sort| is_of(&sort.column, &self.columns));
        let sort = sort.or_else(|| Sort::parse(self.sort.as_deref()?, definition).ok());
        let sort = sort.unwrap_or_else(|| view::usual_sort(&self.columns));
        self.sorts.insert(group.name.into(), sort);
        let filter = self.expression.as_ref().map(|filter| filter.compile(definition)).transpose();
        match filter {
            Ok(filter) => {
                view::fill_rows(
                    &mut screen,
                    &mut self.looking,
                    follower,
                    group,
                    &sort,
                    filter.as_ref(),
                    self.page,
                    now,
                );
            }
            Err(error) => screen.notice = Some(format!("filter: {error}")),
        }
        if let Some(sort) = self.sort.as_deref().filter(|sort| Sort::parse(sort, definition).is_err()) {
            screen.notice.get_or_insert_with(|| format!("--sort {sort}: this table has no such column"));
        }
        screen
    }

    /// Does what a key says.
    fn press(&mut self, key: KeyEvent, now: Instant) -> io::Result<Option<Wish>> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Ok(Some(Wish::Interrupt)),
            KeyCode::Char('z') if control => self.tty.suspend()?,
            KeyCode::Char('l') if control => self.tty.redraw()?,
            _ if self.filter.typed.is_some() => self.type_filter(key, now),
            _ if self.help => self.help = false,
            KeyCode::Char('q') => return Ok(Some(Wish::Quit)),
            KeyCode::Char('r') => return Ok(Some(Wish::Record)),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = true,
            KeyCode::Char(' ' | 'p') => self.pause(now),
            KeyCode::Char('/') => self.filter.typed = Some(self.filter.text.clone()),
            _ if self.held.is_some() => self.notice(now, "the picture is held; space lets it go on".to_owned()),
            code => {
                let before = self.looking.name.clone();
                self.look(code);
                self.undrawn = self.looking.name != before;
            }
        }
        Ok(None)
    }

    /// Looks at something else.
    fn look(&mut self, code: KeyCode) {
        let looking = &mut self.looking;
        match code {
            KeyCode::Tab => looking.step(1),
            KeyCode::BackTab => looking.step(-1),
            KeyCode::Char(digit @ '1'..='9') => looking.choose(digit as usize - '1' as usize),
            KeyCode::Char('=') => {
                looking.merge = if looking.merge == Merge::Sum { Merge::Newest } else { Merge::Sum };
            }
            KeyCode::Down | KeyCode::Char('j') => looking.skipped += 1,
            KeyCode::Up | KeyCode::Char('k') => looking.skipped = looking.skipped.saturating_sub(1),
            KeyCode::PageDown => looking.skipped += self.page,
            KeyCode::PageUp => looking.skipped = looking.skipped.saturating_sub(self.page),
            KeyCode::Home | KeyCode::Char('g') => looking.skipped = 0,
            KeyCode::Char('s') | KeyCode::Right => self.sort_by(1),
            KeyCode::Left => self.sort_by(-1),
            KeyCode::Char('S') => {
                if let Some(sort) = self.sort_now() {
                    sort.descending = !sort.descending;
                }
            }
            _ => {}
        }
    }

    fn sort_now(&mut self) -> Option<&mut Sort> {
        self.sorts.get_mut(self.looking.name.as_deref()?)
    }

    /// Sorts by the column that stands so many places further; the key is the first one.
    fn sort_by(&mut self, step: isize) {
        let columns: Vec<Column> = std::iter::once(Column::Key).chain(self.columns.iter().copied()).collect();
        let Some(sort) = self.sort_now() else { return };
        let at = columns.iter().position(|column| *column == sort.column).unwrap_or(0);
        let next = at.checked_add_signed(step).unwrap_or(columns.len() - 1) % columns.len();
        if let Some(column) = columns.get(next) {
            *sort = Sort { column: *column, descending: !matches!(column, Column::Key | Column::ServerKey) };
        }
        self.looking.skipped = 0;
    }

    fn pause(&mut self, now: Instant) {
        if self.held.take().is_none() {
            self.held = Some((now, self.looking.last.clone()));
        }
    }

    /// Edits the filter.
    fn type_filter(&mut self, key: KeyEvent, now: Instant) {
        let Some(typed) = &mut self.filter.typed else { return };
        match key.code {
            KeyCode::Esc => (self.filter.typed, self.filter.error) = (None, None),
            KeyCode::Enter => {
                if self.filter.error.is_none() {
                    self.filter.text = typed.trim().to_owned();
                    self.filter.typed = None;
                    self.expression = Where::parse(&self.filter.text).ok();
                    self.looking.skipped = 0;
                    if self.held.take().is_some() {
                        self.notice(now, "goes on".to_owned());
                    }
                }
                return;
            }
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => typed.clear(),
            KeyCode::Char('w') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                let end = typed.trim_end().rfind(' ').map_or(0, |at| at + 1);
                typed.truncate(end);
            }
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => typed.push(c),
            _ => {}
        }
        let unfinished = self.filter.typed.as_deref().map(str::trim).filter(|text| !text.is_empty());
        self.filter.error = unfinished.and_then(|text| Where::parse(text).err()).map(|error| error.to_string());
    }
}

fn is_of(column: &Column, columns: &[Column]) -> bool {
    *column == Column::Key || columns.contains(column)
}
