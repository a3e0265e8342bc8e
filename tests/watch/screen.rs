//! The screen on a terminal of its own.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::*;

/// A program on a terminal of 80 columns and 24 lines.
struct Terminal {
    child: Child,
    keys: File,
    slave: File,
    before: Termios,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// The two ends of a terminal, and `watch` on one of them.
    fn spawn(network: &Network, words: &[&str], variables: &[(&str, &str)]) -> (File, File, Termios, Child) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("a terminal");
        unlockpt(&master).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("a terminal").into_string().expect("ASCII");
        let slave = File::options().read(true).write(true).open(name).expect("a terminal");
        tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).expect("a terminal");
        let before = tcgetattr(&slave).expect("a terminal");
        let stdio = || Stdio::from(slave.try_clone().expect("a handle"));
        let mut command = network.command(env!("CARGO_BIN_EXE_peerctl"));
        command.arg("watch").args(words).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command.envs(variables.iter().copied()).stdin(stdio()).stdout(stdio()).stderr(stdio());
        let child = command.spawn().expect("an executable");
        (File::from(master), slave, before, child)
    }

    fn start(network: &Network, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let (keys, slave, before, child) = Self::spawn(network, words, variables);
        let mut screen = keys.try_clone().expect("a handle");
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let into = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                into.lock().expect("no panic").extend_from_slice(&buffer[..count]);
            }
        });
        Self { child, keys, slave, before, shown }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no panic")).into_owned()
    }

    /// Waits until something was drawn since the last time this was called; only what is drawn in one piece is found.
    fn wait_for(&mut self, part: &str) {
        wait_until(&format!("`{part}` on the screen"), || {
            let ended = self.child.try_wait().expect("a child of ours");
            let found = self.shown().contains(part);
            assert!(found || ended.is_none(), "it ended: {ended:?}: {:?}", self.shown());
            found.then_some(())
        });
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child of ours");
    }

    /// How often the screen was taken, and given back.
    fn taken(&self) -> (usize, usize) {
        let shown = self.shown();
        (shown.matches("\x1b[?1049h").count(), shown.matches("\x1b[?1049l").count())
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.slave).expect("a terminal").local_modes.contains(LocalModes::ICANON)
    }

    fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it is alive");
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    }

    /// Waits until it ends; the terminal is as it was.
    fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_until("it ends", || self.child.try_wait().expect("a child of ours"));
        let after = tcgetattr(&self.slave).expect("a terminal");
        let modes = |termios: &Termios| {
            format!("{:?} {:?} {:?}", termios.input_modes, termios.local_modes, termios.output_modes)
        };
        assert_eq!(modes(&after), modes(&self.before), "the terminal is as it was");
        wait_until("the screen is given back", || self.shown().contains("\x1b[?1049l").then_some(()));
        let shown = self.shown();
        assert!(shown.contains("\x1b[?25h"), "the cursor is there again: {shown:?}");
        (status, shown)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn the_screen_follows_and_keys_do_what_they_say() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).table("other", TABLE).start();
    lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 123456");
    lb1.set_entry("mesh/t", "10.0.0.2", "data.gpc0 77");
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("rec");
    let words = [&peer(&lb1, "lb1"), "--record", &file.display().to_string()];
    let mut terminal = Terminal::start(&network, &words.map(|word| word), &[]);
    terminal.wait_for("in sync");
    terminal.wait_for("10.0.0.1");
    terminal.wait_for("123,456");
    terminal.wait_for("REC");
    lb1.set_entry("mesh/t", "10.0.0.9", "data.gpc0 654321");
    terminal.wait_for("654,321");
    terminal.press("=");
    terminal.wait_for("SUM");
    terminal.press(" ");
    terminal.wait_for("PAUSED");
    terminal.press(" /gpc0 <");
    terminal.wait_for("expected");
    terminal.press(" 100\r");
    terminal.wait_for("filter gpc0 < 100");
    terminal.press("?");
    terminal.wait_for("keys and signs");
    terminal.press("q");
    terminal.press("q");
    let (status, shown) = terminal.wait();
    assert_eq!(status.code(), Some(0), "{shown}");
    let text = std::fs::read_to_string(&file).expect("a recording");
    assert!(text.contains("\"gpc0\":123456") && text.contains("\"gpc0\":654321"), "everything is recorded: {text}");
    assert!(records(&text).pop().is_some_and(|last| last["type"] == "end"));
}

#[test]
fn signals_give_the_terminal_back() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).start();
    lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
    for (signal, code) in [(Some(Signal::TERM), 143), (Some(Signal::HUP), 129), (None, 130)] {
        let mut terminal = Terminal::start(&network, &[&peer(&lb1, "lb1")], &[]);
        terminal.wait_for("10.0.0.1");
        match signal {
            Some(signal) => {
                terminal.signal(signal);
            }
            None => terminal.press("\x03"),
        }
        let began = Stopwatch::start();
        let (status, shown) = terminal.wait();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(status.code(), Some(code), "{shown}");
    }
}

#[test]
fn a_terminal_that_goes_without_a_signal_is_the_end() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).start();
    lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
    let (mut screen, slave, _, mut child) = Terminal::spawn(&network, &[&peer(&lb1, "lb1")], &[]);
    drop(slave);
    let (mut shown, mut buffer) = (Vec::new(), [0; 8192]);
    while !String::from_utf8_lossy(&shown).contains("10.0.0.1") {
        let count = screen.read(&mut buffer).expect("it shows something");
        shown.extend_from_slice(&buffer[..count]);
    }
    drop(screen);
    let status = wait_until("it has ended", || child.try_wait().expect("a child of ours"));
    assert_eq!(status.code(), Some(5));
}

#[test]
fn job_control_gives_the_terminal_back_and_takes_it_again() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).start();
    lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let mut terminal = Terminal::start(&network, &[&peer(&lb1, "lb1")], &[]);
    terminal.wait_for("10.0.0.1");
    for (round, signal) in [None, Some(Signal::TSTP), Some(Signal::STOP)].into_iter().enumerate() {
        assert!(terminal.is_raw());
        match signal {
            None => terminal.press("\x1a"),
            Some(signal) => terminal.signal(signal),
        }
        wait_until("it is stopped", || terminal.is_stopped().then_some(()));
        if signal == Some(Signal::STOP) {
            // As a shell does it: the program had no chance.
            tcsetattr(&terminal.slave, OptionalActions::Now, &terminal.before).expect("a terminal");
        } else {
            wait_until("the screen is given back", || (terminal.taken().1 == round + 1).then_some(()));
        }
        assert!(!terminal.is_raw(), "{signal:?}");
        let key = format!("10.0.0.{}", round + 100);
        lb1.set_entry("mesh/t", &key, "data.gpc0 2");
        terminal.signal(Signal::CONT);
        wait_until("the screen is taken again", || (terminal.taken().0 == round + 2).then_some(()));
        terminal.wait_for(&key);
        wait_until("keys come one by one", || terminal.is_raw().then_some(()));
    }
    terminal.press("q");
    assert_eq!(terminal.wait().0.code(), Some(0));
}

#[test]
fn without_colours_there_are_none() {
    let haproxy = &support::haproxies()[0];
    let network = Network::new();
    let lb1 = setup(haproxy, &network).start();
    lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
    let mut terminal = Terminal::start(&network, &[&peer(&lb1, "lb1")], &[("NO_COLOR", "1")]);
    terminal.wait_for("10.0.0.1");
    terminal.press("q");
    let (_, shown) = terminal.wait();
    let colours = ["\x1b[38;", "\x1b[48;", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"];
    assert!(colours.iter().all(|colour| !shown.contains(colour)), "{shown:?}");
}
