//! What goes wrong every two seconds.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::mesh::{Mesh, PROGRAMS};
use crate::support::Retired;
use crate::support::chaos::Act;
use crate::support::random::Random;

/// What was done, and what is still to be undone.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    counts: BTreeMap<&'static str, usize>,
    undo: Vec<(Instant, Undo)>,
    /// Old processes that hand their tables over.
    retired: Vec<(Instant, Retired)>,
}

/// How something ends that goes on for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Undo {
    Thaw(usize),
    ThawOurs(usize),
    Listen(usize),
    Release(usize),
}

/// The longest that something goes on.
const LONGEST: Duration = Duration::from_millis(3_500);

/// How long the process before a reload may take.
const HANDOVER: Duration = Duration::from_secs(8);

impl Faults {
    /// Something goes wrong.
    pub(crate) fn strike(&mut self, mesh: &mut Mesh<'_>, random: &mut Random, early: bool) {
        let lb = random.below(2);
        let program = random.below(PROGRAMS.len());
        let chaos = program * 2 + lb;
        let end = Instant::now() + LONGEST.mul_f64(f64::from(u32::try_from(random.below(100)).expect("small")) / 100.0);
        let to_haproxy = random.one_in(2);
        let act = |act| mesh.chaos[chaos].strike(to_haproxy, act);
        let name = match random.below(15) {
            0 => {
                self.thaw_all(mesh);
                mesh.lbs[lb].restart_empty();
                mesh.forget(lb);
                "an instance killed"
            }
            1 | 2 => {
                self.thaw_all(mesh);
                let retired = mesh.lbs[lb].reload_with(|setup| setup);
                self.retired.push((Instant::now() + HANDOVER, retired));
                mesh.forget(lb);
                "an instance reloaded"
            }
            3 => {
                mesh.freeze(lb, true);
                self.undo.push((end, Undo::Thaw(lb)));
                "an instance stopped"
            }
            4 => {
                mesh.programs[program].signal(Signal::STOP);
                self.undo.push((end, Undo::ThawOurs(program)));
                "one of ours stopped"
            }
            5 | 6 if early => {
                mesh.restart(program);
                "one of ours killed"
            }
            5 => {
                mesh.chaos[chaos].cut(true);
                "reset"
            }
            6 => {
                mesh.chaos[chaos].cut(false);
                "closed"
            }
            7 => {
                mesh.chaos[chaos].turn_away(true);
                mesh.chaos[chaos].cut(true);
                self.undo.push((end, Undo::Listen(chaos)));
                "turned away"
            }
            8 => {
                act(Act::Stall);
                self.undo.push((end, Undo::Release(chaos)));
                "stalled"
            }
            9 => {
                act(Act::Blackhole);
                "lost"
            }
            10 => {
                act(Act::Trickle);
                "byte by byte"
            }
            11 => {
                act(Act::HalfClose);
                "half closed"
            }
            12 => {
                act(Act::Delay(Duration::from_millis(700)));
                "delayed"
            }
            // Bytes from HAProxy only: those to it would be our mistakes in its eyes.
            13 => {
                mesh.chaos[chaos].strike(false, Act::Corrupt(0xff));
                "corrupted"
            }
            _ => {
                mesh.chaos[chaos].strike(false, if to_haproxy { Act::Duplicate } else { Act::Close });
                if to_haproxy { "a message twice" } else { "cut" }
            }
        };
        *self.counts.entry(name).or_default() += 1;
    }

    /// Ends what has gone on for long enough.
    pub(crate) fn turn(&mut self, mesh: &mut Mesh<'_>) {
        let now = Instant::now();
        let due: Vec<Undo> = self.undo.extract_if(.., |(end, _)| *end <= now).map(|(_, undo)| undo).collect();
        for undo in due {
            undo.run(mesh);
        }
        self.retired.retain(|(end, _)| *end > now);
    }

    /// Ends everything.
    pub(crate) fn end(&mut self, mesh: &mut Mesh<'_>) {
        for (_, undo) in self.undo.drain(..) {
            undo.run(mesh);
        }
        // Connections on which something is lost or slow go, so that what comes is well.
        for chaos in &mesh.chaos {
            chaos.cut(true);
        }
    }

    fn thaw_all(&mut self, mesh: &mut Mesh<'_>) {
        let thaws = self.undo.extract_if(.., |(_, undo)| matches!(undo, Undo::Thaw(_)));
        for (_, undo) in thaws.collect::<Vec<_>>() {
            undo.run(mesh);
        }
    }
}

impl Undo {
    fn run(self, mesh: &mut Mesh<'_>) {
        match self {
            Self::Thaw(lb) => mesh.freeze(lb, false),
            Self::ThawOurs(program) => mesh.programs[program].signal(Signal::CONT),
            Self::Listen(chaos) => mesh.chaos[chaos].turn_away(false),
            Self::Release(chaos) => mesh.chaos[chaos].release(),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts.iter().map(|(name, count)| format!("{count} {name}"));
        out.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}
