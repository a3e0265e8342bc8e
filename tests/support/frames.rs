//! The framing of the peers protocol, and messages put together by hand. Written without the library's own codec.

use std::ops::Range;

/// Which of the two sides a stream comes from, which decides how it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum From {
    /// The one that called: three lines.
    Caller,
    /// The one that was called: one line.
    Called,
}

/// A message in a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) class: u8,
    pub(crate) kind: u8,
    /// Its place in the stream, header included.
    pub(crate) range: Range<usize>,
    /// Its bytes behind class, type and length.
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Whether it is one of `(class, kind)`.
    pub(crate) fn is(&self, (class, kind): (u8, u8)) -> bool {
        (self.class, self.kind) == (class, kind)
    }

    /// Whether it is an entry with a life of its own, as a resync has them.
    pub(crate) fn is_timed(&self) -> bool {
        self.is(TIMED) || self.is(INCREMENTAL_TIMED)
    }
}

pub(crate) const RESYNC_REQUEST: (u8, u8) = (0, 0);
pub(crate) const RESYNC_FINISHED: (u8, u8) = (0, 1);
pub(crate) const RESYNC_PARTIAL: (u8, u8) = (0, 2);
pub(crate) const RESYNC_CONFIRM: (u8, u8) = (0, 3);
pub(crate) const HEARTBEAT: (u8, u8) = (0, 4);
pub(crate) const UPDATE: (u8, u8) = (10, 0x80);
pub(crate) const INCREMENTAL: (u8, u8) = (10, 0x81);
pub(crate) const DEFINITION: (u8, u8) = (10, 0x82);
pub(crate) const SWITCH: (u8, u8) = (10, 0x83);
pub(crate) const ACK: (u8, u8) = (10, 0x84);
pub(crate) const TIMED: (u8, u8) = (10, 0x85);
pub(crate) const INCREMENTAL_TIMED: (u8, u8) = (10, 0x86);

/// Finds the messages of one direction as its bytes come.
#[derive(Debug)]
pub(crate) struct Framer {
    seen: Vec<u8>,
    /// Lines of the handshake that are still to come.
    lines: usize,
    /// Where the next line or message begins.
    next: usize,
    pub(crate) frames: Vec<Frame>,
    /// Where the messages begin, once the handshake is over.
    pub(crate) begin: Option<usize>,
}

impl Framer {
    pub(crate) fn new(from: From) -> Self {
        let lines = if from == From::Caller { 3 } else { 1 };
        Self { seen: Vec::new(), lines, next: 0, frames: Vec::new(), begin: None }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.seen.extend_from_slice(bytes);
        while self.lines > 0 {
            let Some(end) = self.seen[self.next..].iter().position(|byte| *byte == b'\n') else { return };
            self.next += end + 1;
            self.lines -= 1;
        }
        self.begin.get_or_insert(self.next);
        while let Some(frame) = self.frame() {
            self.next = frame.range.end;
            self.frames.push(frame);
        }
    }

    fn frame(&self) -> Option<Frame> {
        let rest = &self.seen[self.next..];
        let (&[class, kind], rest) = rest.split_first_chunk()?;
        let (length, rest) = if kind & 0x80 == 0 { (0, rest) } else { read_varint(rest)? };
        let payload = rest.get(..usize::try_from(length).ok()?)?.to_vec();
        let end = self.seen.len() - rest.len() + payload.len();
        Some(Frame { class, kind, range: self.next..end, payload })
    }

    /// The bytes so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.seen
    }
}

/// The number at the beginning, and what follows it; `None` if it isn't whole.
pub(crate) fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut value = u64::from(first);
    if first < 0xf0 {
        return Some((value, rest));
    }
    for shift in (4..).step_by(7) {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        value = value.wrapping_add(u64::from(byte) << shift);
        if byte < 0x80 || shift > 56 {
            break;
        }
    }
    Some((value, rest))
}

/// A number as it travels.
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let low = |value: u64| value.to_le_bytes()[0];
    if value < 240 {
        return vec![low(value)];
    }
    let mut out = vec![low(value) | 0xf0];
    value = (value - 240) >> 4;
    while value >= 128 {
        out.push(low(value) | 0x80);
        value = (value - 128) >> 7;
    }
    out.push(low(value));
    out
}

/// The first lines of a caller.
pub(crate) fn hello(version: &str, called: &str, own: &str) -> Vec<u8> {
    format!("HAProxyS {version}\n{called}\n{own} 1 1\n").into_bytes()
}

/// A message; `payload` counts for types from 0x80.
pub(crate) fn message((class, kind): (u8, u8), payload: &[u8]) -> Vec<u8> {
    let mut out = vec![class, kind];
    if kind & 0x80 != 0 {
        out.extend(varint(payload.len() as u64));
        out.extend(payload);
    }
    out
}

/// A definition; `params` are the numbers behind `expire`.
pub(crate) fn definition(id: u64, name: &str, key: (u64, u64), types: u64, expire_ms: u64, params: &[u64]) -> Vec<u8> {
    let mut payload = [varint(id), varint(name.len() as u64), name.into()].concat();
    for number in [key.0, key.1, types, expire_ms].iter().chain(params) {
        payload.extend(varint(*number));
    }
    message(DEFINITION, &payload)
}

/// An update with its id; `key` and `data` as they travel.
pub(crate) fn update(id: u32, key: &[u8], data: &[u64]) -> Vec<u8> {
    message(UPDATE, &[&id.to_be_bytes(), key, &data.iter().copied().flat_map(varint).collect::<Vec<_>>()].concat())
}

/// The same with the rest of its life.
pub(crate) fn timed_update(id: u32, expire_ms: u32, key: &[u8], data: &[u64]) -> Vec<u8> {
    let data: Vec<u8> = data.iter().copied().flat_map(varint).collect();
    message(TIMED, &[&id.to_be_bytes(), &expire_ms.to_be_bytes(), key, &data].concat())
}

/// A string key as it travels.
pub(crate) fn string_key(key: &[u8]) -> Vec<u8> {
    [&varint(key.len() as u64), key].concat()
}

/// An ack.
pub(crate) fn ack(table_id: u64, update_id: u32) -> Vec<u8> {
    message(ACK, &[&*varint(table_id), &update_id.to_be_bytes()].concat())
}
