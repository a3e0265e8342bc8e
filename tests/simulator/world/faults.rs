//! What goes wrong.

use super::{Happening, World};
use crate::cli::recorder as disk;
use crate::wire::{End, Pace};

/// The longest that something lasts, in milliseconds.
const LONGEST: u64 = 7_000;

impl World {
    /// Something goes wrong.
    pub(super) fn fault(&mut self) {
        self.counts.faults += 1;
        let (haproxies, ours) = (self.haproxies.len(), self.ours.len());
        let at = self.random.below(ours);
        let lb = self.random.below(haproxies);
        let time = self.duration();
        match self.random.below(12) {
            0..5 => self.connection_fault(),
            5 => {
                self.say(|| format!("lb{} is killed for {time} ms", lb + 1));
                self.kill_haproxy(lb);
                self.will(self.now + time, Happening::StartHaproxy(lb));
            }
            6 | 7 => {
                self.say(|| format!("{} is killed for {time} ms", self.ours[at].name));
                self.kill_ours(at);
                self.will(self.now + time, Happening::StartOurs(at));
            }
            8 => {
                self.say(|| format!("{} ends for {time} ms", self.ours[at].name));
                self.stop_ours(at);
                self.will(self.now + time, Happening::StartOurs(at));
            }
            9 => {
                let end = if self.random.one_in(2) { End::Haproxy(lb) } else { End::Ours(at) };
                self.say(|| format!("{end:?} is stopped for {time} ms"));
                match end {
                    End::Haproxy(at) => self.frozen.haproxies[at] = self.now + time,
                    End::Ours(at) => self.frozen.ours[at] = self.now + time,
                }
                for conn in self.wire.live().to_vec() {
                    self.wire.spoil(conn);
                }
            }
            10 => {
                self.say(|| format!("the disk of {} is slow for {time} ms", self.ours[at].name));
                disk::stick(&self.ours[at].path(), self.now + time);
            }
            _ => {
                // Of two copies a standby takes the one that lives longer, which says nothing where `expire` was shortened.
                let same_expire = self.has_copies();
                let variant = self.random.below(if same_expire { 2 } else { self.variants.len() });
                self.say(|| format!("lb{} is restarted as {variant}", lb + 1));
                self.redefine(lb, variant);
            }
        }
    }

    /// Something goes wrong on a connection.
    fn connection_fault(&mut self) {
        let live = self.wire.live();
        if live.is_empty() {
            return;
        }
        let live = live.to_vec();
        let conn = self.random.pick(&live);
        let (side, until) = (self.random.below(2), self.now + self.duration());
        let size = if self.random.one_in(3) { 0 } else { self.random.below(120) };
        match self.random.below(10) {
            0 => self.wire.pace(conn, side, Pace::Split(1 + size)),
            1 => {
                let gap = 1 + self.random.next() % 40;
                self.wire.pace(conn, side, Pace::Drip(gap, until));
            }
            2 => self.wire.pace(conn, side, Pace::Stalled(until)),
            3 => {
                self.wire.pace(conn, 0, Pace::Stalled(until));
                self.wire.pace(conn, 1, Pace::Stalled(until));
            }
            4 | 5 => {
                let reset = self.random.one_in(2);
                self.wire.cut(conn, side, size, reset);
            }
            6 => self.reset(conn),
            7 => self.wire.finish(conn, self.now),
            8 => self.wire.lose(conn, side),
            _ => {
                // One of the two calls once more.
                let (ends, from) = ([0, 1].map(|side| self.wire.end(crate::wire::Socket { conn, side })), side);
                self.duplicate(ends[from], ends[1 - from]);
            }
        }
    }

    /// Somebody calls although there is a session: the newest one counts.
    fn duplicate(&mut self, caller: End, called: End) {
        match (caller, called) {
            (End::Haproxy(at), End::Ours(peer)) if self.haproxies[at].is_up && self.ours[peer].program.is_some() => {
                self.haproxies[at].peers[peer].call_at = self.now;
            }
            (End::Ours(at), End::Haproxy(peer)) if self.ours[at].program.is_some() && self.haproxies[peer].is_up => {
                let sessions = std::mem::take(&mut self.ours[at].sessions);
                self.call(at, peer);
                let new = std::mem::replace(&mut self.ours[at].sessions, sessions);
                self.ours[at].sessions.extend(new);
            }
            _ => {}
        }
    }

    fn duration(&mut self) -> u64 {
        let most = self.random.pick(&[20, 300, 2_000, LONGEST]);
        self.random.next() % most
    }

    fn kill_haproxy(&mut self, at: usize) {
        if !self.haproxies[at].is_up {
            return;
        }
        self.counts.killed[0] += 1;
        for ours in 0..self.ours.len() {
            if self.ours[ours].program.is_some() {
                self.check_durable(ours, Some(at));
            }
        }
        self.note_owed(at);
        let sockets = self.haproxies[at].kill();
        self.let_go(&sockets);
    }

    fn kill_ours(&mut self, at: usize) {
        if self.ours[at].program.is_none() {
            return;
        }
        self.counts.killed[1] += 1;
        let sockets = self.ours[at].kill();
        disk::crash(&self.ours[at].path(), &mut self.random);
        self.let_go(&sockets);
    }

    fn stop_ours(&mut self, at: usize) {
        if self.ours[at].program.is_some() {
            let sockets = self.ours[at].stop(&mut self.wire);
            self.let_go(&sockets);
        }
    }

    /// The system closes what a process leaves behind: in order, unless something was not read.
    fn let_go(&mut self, sockets: &[crate::wire::Socket]) {
        for socket in sockets {
            self.wire.spoil(socket.conn);
            if self.random.one_in(2) {
                self.wire.close(*socket, self.now);
            } else {
                self.reset(socket.conn);
            }
        }
    }

    /// A HAProxy is started with other tables.
    fn redefine(&mut self, at: usize, variant: usize) {
        self.kill_haproxy(at);
        self.redefined[at] |= self.shapes[at] != self.variants[variant];
        self.shapes[at] = self.variants[variant].clone();
        self.start_haproxy(at);
    }

    /// No fault goes on, and everybody runs.
    pub(super) fn heal(&mut self) {
        self.say(|| "all is well from now on".into());
        let sockets = self.wire.heal();
        self.broken(sockets);
        self.frozen.haproxies.fill(0);
        self.frozen.ours.fill(0);
        // All have the same tables in the end.
        for at in 0..self.haproxies.len() {
            if self.shapes[at] != self.shapes[0] {
                self.kill_haproxy(at);
                let shapes = self.shapes[0].clone();
                self.shapes[at] = shapes;
                self.redefined[at] = true;
            }
            self.start_haproxy(at);
        }
        for at in 0..self.ours.len() {
            disk::stick(&self.ours[at].path(), self.now);
            self.start_ours(at);
        }
    }
}
