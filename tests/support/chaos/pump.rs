//! One direction of a connection through the proxy, with what goes wrong in it.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::super::frames::{Frame, INCREMENTAL_TIMED, TIMED};
use super::{Act, Fault, Orders, Place, Shared, Stream, TICK, shut};

/// One direction of a connection.
pub(super) struct Pump {
    source: Arc<TcpStream>,
    target: Arc<TcpStream>,
    framer: Stream,
    /// Those to come.
    faults: Vec<Fault>,
    shared: Arc<Shared>,
    /// Both directions have ended.
    over: Arc<AtomicBool>,
    /// Bytes of the stream that are behind us.
    passed: usize,
    trickle: bool,
    lost: bool,
    /// So many bytes to come are lost.
    omitted: usize,
    /// What waits until a message or a line is whole.
    held: Vec<u8>,
    orders: Orders,
}

impl Pump {
    pub(super) fn new(
        (source, target): (Arc<TcpStream>, Arc<TcpStream>),
        framer: Stream,
        (faults, orders): (Vec<Fault>, Orders),
        shared: Arc<Shared>,
        over: Arc<AtomicBool>,
    ) -> Self {
        let (passed, omitted, held) = (0, 0, Vec::new());
        Self {
            source,
            target,
            framer,
            faults,
            shared,
            over,
            passed,
            trickle: false,
            lost: false,
            omitted,
            held,
            orders,
        }
    }

    pub(super) fn run(mut self) {
        let mut buffer = vec![0; 1 << 16];
        // What has to happen before anything comes.
        let mut goes_on = self.pass(&mut []);
        while goes_on && !self.is_over() {
            match (&*self.source).read(&mut buffer) {
                Ok(0) => {
                    let held = std::mem::take(&mut self.held);
                    self.emit(&held);
                    let _may_be_closed = self.target.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) => {
                    self.framer.lock().expect("nobody panics with it").feed(&buffer[..count]);
                    goes_on = self.pass_all(&buffer[..count]);
                }
                Err(error) if is_timeout(&error) => goes_on = self.pass_all(&[]),
                Err(_) => return self.reset(),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.shared.stop.load(Ordering::Relaxed)
    }

    /// Passes on what was held and what has come.
    fn pass_all(&mut self, bytes: &[u8]) -> bool {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let orders = std::mem::take(&mut *self.orders.lock().expect("nobody panics with it"));
        self.faults.extend(orders.into_iter().map(|act| Fault::new(Place::Byte(self.passed), act)));
        self.pass(&mut all)
    }

    /// Passes bytes on, with the faults that lie within; `false` if this direction has ended.
    fn pass(&mut self, mut bytes: &mut [u8]) -> bool {
        loop {
            let end = self.passed + bytes.len();
            let next = (self.faults.iter().enumerate())
                .filter_map(|(number, fault)| Some((self.offset(fault.at)?, number)))
                .filter(|(at, _)| *at <= end)
                .min();
            let Some((at, number)) = next else { return self.write(bytes) };
            let Fault { act, .. } = self.faults[number];
            let (before, behind) = bytes.split_at_mut(at.saturating_sub(self.passed));
            let at = self.passed + before.len();
            let parts = self.parts(act, at);
            if matches!(act, Act::Corrupt(_)) && behind.is_empty() || parts.is_none() {
                self.held = behind.to_vec();
                return self.write(before);
            }
            if !self.write(before) {
                return false;
            }
            self.faults.remove(number);
            if let Some((len, instead)) = parts.flatten() {
                self.passed += len;
                if !self.emit(&instead) {
                    return false;
                }
                bytes = &mut behind[len..];
                continue;
            }
            if !self.act(act, behind) {
                return false;
            }
            bytes = behind;
        }
    }

    /// Where a place is; `None` if it isn't known yet.
    fn offset(&self, place: Place) -> Option<usize> {
        let framer = self.framer.lock().expect("nobody panics with it");
        let behind = |count: usize| match count.checked_sub(1) {
            None => framer.begin,
            Some(last) => framer.frames.get(last).map(|frame| frame.range.end),
        };
        match place {
            Place::Byte(at) => Some(at),
            Place::Frame(count) => behind(count),
            Place::Timed(count) => {
                let is_timed = |frame: &&Frame| frame.is(TIMED) || frame.is(INCREMENTAL_TIMED);
                framer.frames.iter().filter(is_timed).nth(count - 1).map(|frame| frame.range.end)
            }
            Place::Within(count, bytes) => Some(behind(count)? + bytes),
            Place::Line(count) => match count.checked_sub(1) {
                None => Some(0),
                Some(last) => {
                    let mut ends = framer.bytes().iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                    ends.nth(last).map(|(at, _)| at + 1)
                }
            },
        }
    }

    /// What takes the place of how many bytes from `at` on; `None` if they haven't all come, and nothing inside if nothing does.
    #[expect(clippy::option_option, reason = "not yet, nothing, something")]
    fn parts(&self, act: Act, at: usize) -> Option<Option<(usize, Vec<u8>)>> {
        let framer = self.framer.lock().expect("nobody panics with it");
        let messages = |count: usize| {
            let from = framer.frames.iter().position(|frame| frame.range.start >= at)?;
            let frames = framer.frames.get(from..from + count)?;
            let bytes = frames.iter().map(|frame| framer.bytes()[frame.range.clone()].to_vec());
            let before = framer.bytes()[at..frames[0].range.start].to_vec();
            let len = frames.last().map_or(0, |last| last.range.end - at);
            Some((len, before, bytes.collect::<Vec<_>>()))
        };
        Some(match act {
            Act::Duplicate => {
                let (len, before, message) = messages(1)?;
                Some((len, [before, message.concat(), message.concat()].concat()))
            }
            Act::Swap => {
                let (len, before, both) = messages(2)?;
                Some((len, [&*before, &both[1], &both[0]].concat()))
            }
            Act::Rewrite(text) => {
                let line = framer.bytes().get(at..)?;
                let len = line.iter().position(|byte| *byte == b'\n')?;
                Some((len, text.into()))
            }
            _ => None,
        })
    }

    fn act(&mut self, act: Act, behind: &mut [u8]) -> bool {
        match act {
            // What takes the place of messages was sent already.
            Act::Split | Act::Duplicate | Act::Swap | Act::Rewrite(_) => {}
            Act::Trickle => self.trickle = true,
            Act::Delay(time) => thread::sleep(time),
            Act::Blackhole => self.lost = true,
            Act::Omit(count) => self.omitted += count,
            Act::Corrupt(change) => {
                if let Some(byte) = behind.first_mut() {
                    *byte ^= change;
                }
            }
            Act::Stall => {
                while !self.is_over() && !self.shared.released.load(Ordering::Relaxed) {
                    thread::sleep(TICK);
                }
            }
            Act::HalfClose => {
                let _may_be_closed = self.target.shutdown(Shutdown::Write);
                self.lost = true;
            }
            Act::Close => {
                self.over.store(true, Ordering::Relaxed);
                for stream in [&self.source, &self.target] {
                    let _may_be_closed = stream.shutdown(Shutdown::Both);
                }
                return false;
            }
            Act::Reset => {
                self.reset();
                return false;
            }
        }
        true
    }

    fn reset(&self) {
        shut(&[Arc::clone(&self.source), Arc::clone(&self.target)], &self.over);
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        self.passed += bytes.len();
        let lost = self.omitted.min(bytes.len());
        self.omitted -= lost;
        self.emit(&bytes[lost..])
    }

    fn emit(&self, bytes: &[u8]) -> bool {
        if self.lost {
            return true;
        }
        let most = if self.trickle { 1 } else { bytes.len().max(1) };
        bytes.chunks(most).all(|chunk| self.write_at_once(chunk))
    }

    fn write_at_once(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match (&*self.target).write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_timeout(&error) && !self.is_over() => {}
                Err(_) => {
                    self.reset();
                    return false;
                }
            }
        }
        true
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
