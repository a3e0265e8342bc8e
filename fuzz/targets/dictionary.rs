//! Dictionaries: both ends of a session agree on what each number stands for, whatever texts are sent in whatever order.
//!
//! The first byte of an input says whether the dictionary is empty or full; pairs of bytes follow: a text, and how many more.

#![no_main]

mod tables;

use std::{cell::RefCell, collections::VecDeque};

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
                let long = [*text; MAX_TEXT];
                let short = [text.wrapping_add(n)];
                ends.send(definition, decoder, if *more == 0xff { &long } else { &short }, &mut out);
            }
        }
        for (id, text) in &ends.model.texts {
            assert_eq!(ends.received.get(*id), Some(&**text), "all numbers that are in use stand for what they should");
        }
        assert!((ends.model.texts.len() + 1..=SLOTS + 1).chain([0]).all(|id| ends.received.get(id).is_none()));
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
            (0..128).for_each(|n| ends.send(definition, decoder, &[n], &mut Vec::new()));
        });
        ends
    }

    fn send(&mut self, definition: &Definition, decoder: &mut Decoder, text: &[u8], out: &mut Vec<u8>) {
        let (id, is_new) = self.sent.id(text);
        assert_eq!((id, is_new), self.model.id(text));
        let reference = Reference { id, text: is_new.then_some(text) };
        out.clear();
        update::encode(definition, Head { id: None, life_ms: None }, b"\0\0\0\x07", &[0], reference, out);
        let (_, _, read) = decoder.decode(Type::INCREMENTAL, out, &mut self.received).expect("an entry");
        assert_eq!((read, self.received.get(id)), (Some(reference), Some(text)));
    }
}

/// The last 128 texts, oldest first, with their numbers.
#[derive(Clone, Default)]
struct Model {
    texts: VecDeque<(usize, Vec<u8>)>,
    count: usize,
}

impl Model {
    fn id(&mut self, text: &[u8]) -> (usize, bool) {
        if let Some((id, _)) = self.texts.iter().find(|(_, known)| known == text) {
            return (*id, false);
        }
        if self.texts.len() == 128 {
            self.texts.pop_front();
        }
        let id = self.count % 128 + 1;
        self.count += 1;
        self.texts.push_back((id, text.to_vec()));
        (id, true)
    }
}
