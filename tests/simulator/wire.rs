//! Connections in memory, and what goes wrong on them.

use crate::support::random::Random;

/// Who is at one end of a connection, by a number of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Haproxy(usize),
    Ours(usize),
}

/// One end of a connection: 0 = who called, 1 = who was called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Socket {
    pub(crate) conn: usize,
    pub(crate) side: usize,
}

/// All connections of a world.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    conns: Vec<Conn>,
    /// Those that aren't over.
    live: Vec<usize>,
}

#[derive(Debug)]
struct Conn {
    ends: [End; 2],
    /// What each end has sent.
    pipes: [Pipe; 2],
    /// Nothing went wrong on it so far.
    clean: bool,
    /// The end has let go of it.
    gone: [bool; 2],
}

#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    /// Those that were delivered.
    at: usize,
    /// When the next ones are.
    due: Option<u64>,
    pace: Pace,
    /// Nothing comes behind these bytes.
    ended: bool,
    /// The connection is cut behind so many more bytes, with a reset or in order.
    cut: Option<(usize, bool)>,
    /// What is sent is lost.
    lost: bool,
    latency: u64,
    /// Since when nothing was delivered of what waits.
    since: u64,
}

/// How bytes are delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Pace {
    /// All that wait.
    #[default]
    Whole,
    /// So many at once, at most.
    Split(usize),
    /// One by one, so many milliseconds apart, until then.
    Drip(u64, u64),
    /// None until then.
    Stalled(u64),
}

/// What arrives at an end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    Eof,
    Reset,
}

/// Bytes on their way that HAProxy or a socket takes before it says that it is full.
const WINDOW: usize = 16 << 10;

impl Wire {
    /// A new connection.
    pub(crate) fn open(&mut self, caller: End, called: End, random: &mut Random) -> usize {
        let latency = 1 + random.next() % 20;
        let pace = if random.one_in(6) { Pace::Split(1 + random.below(40)) } else { Pace::Whole };
        let pipe = || Pipe { pace, latency, ..Pipe::default() };
        self.conns.push(Conn { ends: [caller, called], pipes: [pipe(), pipe()], clean: true, gone: [false; 2] });
        self.live.push(self.conns.len() - 1);
        self.conns.len() - 1
    }

    pub(crate) fn end(&self, at: Socket) -> End {
        self.conns[at.conn].ends[at.side]
    }

    /// Whether nothing has gone wrong on it.
    pub(crate) fn is_clean(&self, conn: usize) -> bool {
        self.conns[conn].clean
    }

    pub(crate) fn spoil(&mut self, conn: usize) {
        self.conns[conn].clean = false;
    }

    /// All connections that aren't over.
    pub(crate) fn live(&self) -> &[usize] {
        &self.live
    }

    /// Bytes that an end has sent and that weren't delivered.
    pub(crate) fn pending(&self, at: Socket) -> usize {
        let pipe = &self.conns[at.conn].pipes[at.side];
        pipe.bytes.len() - pipe.at
    }

    /// Whether an end may send more.
    pub(crate) fn has_room(&self, at: Socket) -> bool {
        self.pending(at) < WINDOW
    }

    /// Since when nothing was taken of what an end has sent.
    pub(crate) fn stalled(&self, at: Socket) -> Option<u64> {
        (self.pending(at) > 0).then(|| self.conns[at.conn].pipes[at.side].since)
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, at: Socket, now: u64, bytes: &[u8]) {
        let conn = &mut self.conns[at.conn];
        let pipe = &mut conn.pipes[at.side];
        if bytes.is_empty() || pipe.ended || pipe.lost || conn.gone[1 - at.side] {
            return;
        }
        if pipe.at == pipe.bytes.len() {
            pipe.bytes.clear();
            (pipe.at, pipe.since) = (0, now);
        }
        pipe.bytes.extend_from_slice(bytes);
        pipe.due.get_or_insert(now + pipe.latency);
    }

    /// An end lets go of the connection: what it has sent is still delivered, what was sent to it is not.
    pub(crate) fn close(&mut self, at: Socket, now: u64) {
        let conn = &mut self.conns[at.conn];
        conn.gone[at.side] = true;
        conn.pipes[1 - at.side] = Pipe::default();
        let pipe = &mut conn.pipes[at.side];
        if conn.gone[1 - at.side] {
            *pipe = Pipe::default();
            self.live.retain(|conn| *conn != at.conn);
        } else if !pipe.ended {
            pipe.ended = true;
            pipe.due.get_or_insert(now + pipe.latency);
        }
    }

    /// The connection breaks; whoever hasn't let go of it sees that at once.
    pub(crate) fn reset(&mut self, conn: usize) -> Vec<Socket> {
        self.live.retain(|other| *other != conn);
        let state = &mut self.conns[conn];
        state.clean = false;
        state.pipes = Default::default();
        let gone = std::mem::replace(&mut state.gone, [true; 2]);
        (0..2).filter(|side| !gone[*side]).map(|side| Socket { conn, side }).collect()
    }

    /// Both directions end in order behind what is on its way.
    pub(crate) fn finish(&mut self, conn: usize, now: u64) {
        self.spoil(conn);
        for pipe in &mut self.conns[conn].pipes {
            pipe.ended = true;
            pipe.due.get_or_insert(now + pipe.latency);
        }
    }

    pub(crate) fn pace(&mut self, conn: usize, side: usize, pace: Pace) {
        self.spoil(conn);
        self.conns[conn].pipes[side].pace = pace;
    }

    /// The connection is cut behind so many more bytes of one end.
    pub(crate) fn cut(&mut self, conn: usize, side: usize, behind: usize, reset: bool) {
        self.spoil(conn);
        self.conns[conn].pipes[side].cut = Some((behind, reset));
    }

    /// What an end sends is lost from now on.
    pub(crate) fn lose(&mut self, conn: usize, side: usize) {
        self.spoil(conn);
        let pipe = &mut self.conns[conn].pipes[side];
        pipe.lost = true;
        pipe.bytes.truncate(pipe.at);
    }

    /// The connections are as good as new; those that lose bytes break.
    pub(crate) fn heal(&mut self) -> Vec<Socket> {
        for conn in &self.live {
            for pipe in &mut self.conns[*conn].pipes {
                (pipe.pace, pipe.cut) = (Pace::Whole, None);
            }
        }
        let lossy = |conn: &usize| self.conns[*conn].pipes.iter().any(|pipe| pipe.lost);
        let lossy: Vec<usize> = self.live.iter().copied().filter(lossy).collect();
        lossy.into_iter().flat_map(|conn| self.reset(conn)).collect()
    }

    /// When something is delivered next, and where; `frozen` says until when an end takes nothing.
    pub(crate) fn next(&self, frozen: impl Fn(End) -> u64) -> Option<(u64, Socket)> {
        let mut next: Option<(u64, Socket)> = None;
        for conn in &self.live {
            let state = &self.conns[*conn];
            for (side, pipe) in state.pipes.iter().enumerate() {
                let Some(due) = pipe.due else { continue };
                let stalled = if let Pace::Stalled(until) = pipe.pace { until } else { 0 };
                let due = due.max(stalled).max(frozen(state.ends[1 - side]));
                if next.is_none_or(|(first, _)| due < first) {
                    next = Some((due, Socket { conn: *conn, side: 1 - side }));
                }
            }
        }
        next
    }

    /// What arrives at an end now.
    pub(crate) fn deliver(&mut self, to: Socket, now: u64) -> Arrival {
        let pipe = &mut self.conns[to.conn].pipes[1 - to.side];
        let waiting = pipe.bytes.len() - pipe.at;
        if waiting == 0 {
            pipe.due = None;
            return Arrival::Eof;
        }
        let (count, gap) = match pipe.pace {
            Pace::Whole => (waiting, 0),
            Pace::Split(most) => (waiting.min(most), 0),
            Pace::Drip(gap, until) if now < until => (1, gap),
            Pace::Stalled(until) if now < until => (0, until - now),
            Pace::Drip(..) | Pace::Stalled(_) => {
                pipe.pace = Pace::Whole;
                (waiting, 0)
            }
        };
        let cut = pipe.cut.filter(|(behind, _)| *behind <= count);
        let count = cut.map_or(count, |(behind, _)| behind);
        pipe.cut = pipe.cut.map(|(behind, reset)| (behind.saturating_sub(count), reset));
        let bytes = pipe.bytes[pipe.at..pipe.at + count].to_vec();
        pipe.at += count;
        pipe.since = now;
        let rest = pipe.at < pipe.bytes.len() || pipe.ended;
        pipe.due = rest.then_some(now + gap);
        match cut {
            Some((_, true)) if bytes.is_empty() => Arrival::Reset,
            Some((_, false)) if bytes.is_empty() => {
                pipe.bytes.truncate(pipe.at);
                pipe.cut = None;
                self.finish(to.conn, now);
                Arrival::Eof
            }
            // The cut comes with the next delivery.
            Some(_) => {
                pipe.due = Some(now);
                Arrival::Bytes(bytes)
            }
            None => Arrival::Bytes(bytes),
        }
    }
}
