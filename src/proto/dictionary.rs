//! The dictionary: texts of `server_key` that were sent once are sent as a number from then on.
//!
//! Each direction of a session has one, empty at its start, shared by all its tables. The sender gives out the ids 1 to 128 in
//! turn and then replaces the oldest.

use crate::limits;

/// The most texts of a dictionary, and so the highest id.
pub const SLOTS: usize = limits::TEXTS;

/// The longest text this side takes or sends, in bytes. HAProxy reads names from lines of 2048 bytes at most; versions
/// up to 3.4 write over the end of a buffer when a peer taught them a text of 16 kB.
pub const MAX_TEXT: usize = limits::TEXT;

/// The texts of the receiving direction.
#[derive(Clone, Debug, Default)]
pub struct Received {
    texts: Vec<Option<Vec<u8>>>,
}

impl Received {
    /// Notes that `id`, which is 1 to 128, stands for `text` from now on.
    pub fn set(&mut self, id: usize, text: &[u8]) {
        if self.texts.len() < id && id <= SLOTS {
            self.texts.resize(id, None);
        }
        let Some(slot) = id.checked_sub(1).and_then(|at| self.texts.get_mut(at)) else { return };
        let slot = slot.get_or_insert_default();
        slot.clear();
        slot.extend_from_slice(text);
    }

    /// What `id` stands for; `None` if nothing was sent for it yet.
    #[must_use]
    pub fn get(&self, id: usize) -> Option<&[u8]> {
        self.texts.get(id.checked_sub(1)?)?.as_deref()
    }
}

/// The texts of the sending direction.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    texts: Vec<Box<[u8]>>,
    /// The slot that is given out next.
    next: usize,
    /// The slot that was used last: most entries in a row name the same few servers.
    last: usize,
}

impl Sent {
    /// The id of `text`, and whether the text itself must be sent with it.
    pub fn id(&mut self, text: &[u8]) -> (usize, bool) {
        let known = |at: &usize| self.texts.get(*at).is_some_and(|known| **known == *text);
        if let Some(at) = Some(self.last).filter(known).or_else(|| (0..self.texts.len()).find(known)) {
            self.last = at;
            return (at + 1, false);
        }
        let at = self.next;
        match self.texts.get_mut(at) {
            Some(slot) => *slot = text.into(),
            None => self.texts.push(text.into()),
        }
        self.next = (at + 1) % SLOTS;
        self.last = at;
        (at + 1, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_given_out_in_turn_and_the_oldest_is_replaced() {
        let mut sent = Sent::default();
        for n in 1..=128 {
            assert_eq!(sent.id(format!("srv{n}").as_bytes()), (n, true));
        }
        assert_eq!(sent.id(b"srv1"), (1, false));
        assert_eq!(sent.id(b"srv129"), (1, true));
        assert_eq!(sent.id(b"srv1"), (2, true));
        assert_eq!(sent.id(b"srv129"), (1, false));
    }

    #[test]
    fn a_received_text_stays_until_it_is_replaced() {
        let mut received = Received::default();
        assert_eq!(received.get(128), None);
        received.set(128, b"a");
        received.set(128, b"bc");
        assert_eq!((received.get(128), received.get(127), received.get(0)), (Some(b"bc".as_slice()), None, None));
        received.set(129, b"x");
        assert_eq!(received.get(129), None);
    }
}
