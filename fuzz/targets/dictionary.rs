//! Dictionaries: both ends of a session agree on what each number stands for, whatever texts are sent in whatever order.
//!
//! The first byte of an input says whether the dictionary is empty or full; pairs of bytes follow: a text, and how many more.

#![no_main]

mod tables;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use peerctl::{
    grammar::KeyType,
    proto::{
        dictionary::{MAX_TEXT, Received, SLOTS, Sent},
        frame::Type,
        update::{self, Decoder, Head, Reference},
    },
    stick::Definition,
};
use tables::definition;

thread_local! {
    static TABLE: RefCell<(Definition, Decoder)> = RefCell::new(table());
    static FULL: Ends = Ends::full();
}

fn table() -> (Definition, Decoder) {
    let definition = definition(b"t", KeyType::INTEGER, 4, &[(19, None, None)]);
    let decoder = Decoder::new(&definition, 1 << 19);
    (definition, decoder)
}

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else { return };
    let mut ends = if how & 1 == 0 { Ends::default() } else { FULL.with(Clone::clone) };
    TABLE.with_borrow_mut(|(definition, decoder)| {
        let mut out = Vec::with_capacity(64);
        for [text, more] in data.as_chunks().0 {
            for n in 0..=(more & 7) {
                // The longest there is, now and then.
                let text = if *more == 0xff { Text::Long(*text) } else { Text::Short(text.wrapping_add(n)) };
                ends.send(definition, decoder, text, &mut out);
            }
        }
        for (id, text) in (1..).zip(&ends.model.texts[..ends.model.in_use()]) {
            assert_eq!(
                ends.received.get(id),
                Some(text.bytes()),
                "all numbers that are in use stand for what they should"
            );
        }
        assert!((ends.model.in_use() + 1..=SLOTS + 1).chain([0]).all(|id| ends.received.get(id).is_none()));
    });
});

/// Both ends of a session.
#[derive(Clone, Default)]
struct Ends {
    sent: Sent,
    received: Received,
    model: Model,
}

impl Ends {
    /// Every number is in use.
    fn full() -> Self {
        let mut ends = Self::default();
        TABLE.with_borrow_mut(|(definition, decoder)| {
            (0..128).for_each(|n| ends.send(definition, decoder, Text::Short(n), &mut Vec::new()));
        });
        ends
    }

    fn send(&mut self, definition: &Definition, decoder: &mut Decoder, text: Text, out: &mut Vec<u8>) {
        let bytes = text.bytes();
        let (id, is_new) = self.sent.id(bytes);
        assert_eq!((id, is_new), self.model.id(text));
        let reference = Reference { id, text: is_new.then_some(bytes) };
        out.clear();
        update::encode(definition, Head { id: None, life_ms: None }, b"\0\0\0\x07", &[0], reference, out);
        let (_, _, read) = decoder.decode(Type::INCREMENTAL, out, &mut self.received).expect("an entry");
        assert_eq!((read, self.received.get(id)), (Some(reference), Some(bytes)));
    }
}

/// The texts of this target: so few that the model can note of each where it is.
#[derive(Clone, Copy)]
enum Text {
    Short(u8),
    Long(u8),
}

impl Text {
    fn bytes(self) -> &'static [u8] {
        static LONG: [[u8; MAX_TEXT]; 256] = {
            let mut texts = [[0; MAX_TEXT]; 256];
            let mut byte = 0;
            while byte < 256 {
                texts[byte] = [byte as u8; MAX_TEXT];
                byte += 1;
            }
            texts
        };
        match self {
            Self::Short(byte) => &LONG[usize::from(byte)][..1],
            Self::Long(byte) => &LONG[usize::from(byte)],
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Short(byte) => usize::from(byte),
            Self::Long(byte) => 256 + usize::from(byte),
        }
    }
}

/// The last 128 texts by their numbers, and the number of each text, 0 if it has none.
#[derive(Clone)]
struct Model {
    texts: [Text; 128],
    ids: [u8; 512],
    count: usize,
}

impl Default for Model {
    fn default() -> Self {
        Self { texts: [Text::Short(0); 128], ids: [0; 512], count: 0 }
    }
}

impl Model {
    fn in_use(&self) -> usize {
        self.count.min(128)
    }

    fn id(&mut self, text: Text) -> (usize, bool) {
        let known = self.ids[text.index()];
        if known > 0 {
            return (known.into(), false);
        }
        let slot = self.count % 128;
        if self.count >= 128 {
            self.ids[self.texts[slot].index()] = 0;
        }
        self.count += 1;
        self.texts[slot] = text;
        self.ids[text.index()] = u8::try_from(slot + 1).expect("at most 128");
        (slot + 1, true)
    }
}
