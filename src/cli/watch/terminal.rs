//! The terminal while `watch` has it: what is drawn goes through a thread, because a terminal may be stopped, and whatever ends
//! the program puts it back as it was.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write};
use std::panic;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::crossterm::{cursor, event, queue, terminal};
use ratatui::layout::{Position, Size};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpid, kill_process};
use signal_hook::SigId;

use crate::cli::spool::{Destination, Spool};
use crate::cli::stderr;
use crate::output::screen::Screen;

/// How long a terminal may take to be put back.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A terminal that is ours.
#[derive(Debug)]
pub(super) struct Tty {
    terminal: Terminal<Painter>,
    frames: Frames,
    spool: Option<Spool>,
    /// What panics have said; it would be lost on the screen.
    said: Said,
    job: Job,
}

/// What job control wants: the signals are noted, and acted on with the next look at the keys.
#[derive(Debug, Default)]
struct Job {
    stop: Arc<AtomicBool>,
    /// The program was stopped, in whatever way, and goes on: the shell has had the terminal meanwhile.
    goes_on: Arc<AtomicBool>,
    noted: Vec<SigId>,
}

type Said = Arc<Mutex<Vec<String>>>;

/// Collects what is drawn.
#[derive(Clone, Debug, Default)]
struct Frames(Rc<RefCell<Vec<u8>>>);

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Paints, and asks the terminal nothing: an answer may take long, or never come.
#[derive(Debug)]
struct Painter(CrosstermBackend<Frames>);

impl Backend for Painter {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        self.0.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.0.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.0.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.0.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

impl Tty {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        let frames = Frames::default();
        let terminal = Terminal::new(Painter(CrosstermBackend::new(frames.clone())))?;
        terminal::enable_raw_mode()?;
        let said = Said::default();
        let own = Arc::clone(&said);
        panic::set_hook(Box::new(move |panic| {
            own.lock().unwrap_or_else(PoisonError::into_inner).push(stderr::mistake(panic));
        }));
        let (spool, job) = (Some(Spool::start(Destination::Stdout)), Job::default());
        let mut tty = Self { terminal, frames, spool, said, job };
        for (signal, flag) in [(Signal::TSTP, &tty.job.stop), (Signal::CONT, &tty.job.goes_on)] {
            tty.job.noted.push(signal_hook::flag::register(signal.as_raw(), Arc::clone(flag))?);
        }
        tty.begin()?;
        Ok(tty)
    }

    fn begin(&mut self) -> io::Result<()> {
        queue!(self.frames, terminal::EnterAlternateScreen, cursor::Hide)?;
        self.terminal.clear()?;
        self.send()
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> (u16, u16) {
        self.terminal.size().map_or((80, 24), |size| (size.width, size.height))
    }

    /// Whether the terminal has taken what was drawn before.
    pub(super) fn is_idle(&self) -> bool {
        self.spool.as_ref().is_some_and(|spool| spool.waiting() == Ok(0))
    }

    /// Whether it is gone.
    pub(super) fn is_gone(&self) -> bool {
        has_hung_up() || self.spool.as_ref().is_none_or(|spool| spool.waiting().is_err())
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, screen: &Screen) -> io::Result<()> {
        self.terminal.draw(|frame| screen.draw(frame))?;
        self.send()
    }

    /// Draws everything anew the next time.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// The next key that was pressed, if there is one. A terminal that is gone isn't asked: it would be read to its end for ever.
    pub(super) fn key() -> io::Result<Option<event::KeyEvent>> {
        while !has_hung_up() && event::poll(Duration::ZERO)? {
            match event::read()? {
                event::Event::Key(key) if key.kind != event::KeyEventKind::Release => return Ok(Some(key)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Stops the program as ctrl-Z does, and takes the terminal again when it goes on.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.end();
        self.job.stop.store(false, Ordering::Relaxed);
        kill_process(getpid(), Signal::STOP)?;
        self.go_on()
    }

    /// Does what job control has asked for since the last time.
    pub(super) fn obey(&mut self) -> io::Result<()> {
        if self.job.stop.load(Ordering::Relaxed) {
            self.suspend()?;
        }
        if self.job.goes_on.load(Ordering::Relaxed) {
            // Somebody stopped it with a signal that can't be noted.
            self.end();
            self.go_on()?;
        }
        Ok(())
    }

    fn go_on(&mut self) -> io::Result<()> {
        self.job.goes_on.store(false, Ordering::Relaxed);
        self.spool = Some(Spool::start(Destination::Stdout));
        terminal::enable_raw_mode()?;
        self.begin()
    }

    fn send(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut *self.frames.0.borrow_mut());
        match &self.spool {
            Some(spool) if !bytes.is_empty() => spool.push(bytes).map_err(|_| io::ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }

    /// Puts the terminal back.
    fn end(&mut self) {
        self.frames.0.borrow_mut().clear();
        let _memory_takes_it = queue!(self.frames, cursor::Show, terminal::LeaveAlternateScreen);
        let _may_be_gone = self.send();
        if let Some(spool) = self.spool.take() {
            let _may_be_stopped = spool.finish(Some(LAST_WORDS), true);
        }
        let _may_be_gone = terminal::disable_raw_mode();
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.end();
        for id in self.job.noted.drain(..) {
            signal_hook::low_level::unregister(id);
        }
        if !std::thread::panicking() {
            stderr::expect_mistakes();
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        stderr::tell(&*said);
    }
}

/// Whether nobody is at the other end of the terminal any more, of which no signal tells where SIGHUP is ignored.
fn has_hung_up() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    poll(&mut polled, Some(&Timespec::default())).is_ok()
        && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

/// Whether there is a terminal that can show a screen.
pub(super) fn is_there() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::process::{Command, Stdio};
    use std::thread;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

    use super::*;

    /// Set where the test is to panic with the terminal in its hands.
    const PANICS: &str = "PEERCTL_TEST_PANICS";

    #[test]
    fn a_panic_gives_the_terminal_back_and_is_told() {
        if std::env::var_os(PANICS).is_some() {
            let mut tty = Tty::take().expect("a terminal");
            tty.draw(&Screen::default()).expect("a terminal");
            panic!("a mistake of this program");
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("a terminal").into_string().expect("ASCII");
        let slave = File::options().read(true).write(true).open(name).expect("a terminal");
        tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).expect("a terminal");
        let stdio = || Stdio::from(slave.try_clone().expect("a handle"));
        let test = "cli::watch::terminal::tests::a_panic_gives_the_terminal_back_and_is_told";
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args(["--exact", test, "--nocapture"]).env(PANICS, "1").env("TERM", "xterm-256color");
        let mut child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().expect("this test");
        let (mut reading, shown) = (File::from(master), Arc::<Mutex<Vec<u8>>>::default());
        let into = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reading.read(&mut buffer) {
                into.lock().expect("no panic").extend_from_slice(&buffer[..count]);
            }
        });
        let status = child.wait().expect("a child of ours");
        assert!(!status.success(), "a test that panics fails");
        assert!(tcgetattr(&slave).expect("a terminal").local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
        let end = crate::node::clock::now() + Duration::from_secs(10);
        let text = loop {
            let text = String::from_utf8_lossy(&shown.lock().expect("no panic")).into_owned();
            if text.contains("a mistake of this program") || crate::node::clock::now() > end {
                break text;
            }
            thread::yield_now();
        };
        let given_back = text.find("\x1b[?1049l").expect("the screen is given back");
        let told = text.find("a mistake of this program").expect("it is told");
        assert!(text.contains("\x1b[?25h") && given_back < told, "first the terminal, then the words: {text:?}");
    }
}
