//! Dictionaries: both ends of a session agree on what each number stands for, whatever texts are sent in whatever order.
//!
//! An input is pairs of bytes: a text, and how many that follow it.

#![no_main]

use std::{cell::RefCell, collections::VecDeque};

use libfuzzer_sys::fuzz_target;
use peerctl::{
    proto::{
        dictionary::{MAX_TEXT, Received, SLOTS, Sent},
        frame::Type,
        update::{self, Decoder, Head, Reference},
    },
    stick::{Definition, Place, parse},
};

thread_local! {
    static TABLE: RefCell<(Definition, Decoder)> = RefCell::new(table());
}

fn table() -> (Definition, Decoder) {
    let schema = parse(&["type", "integer", "store", "server_key"], Place::Proxy, None).schema;
    let definition = Definition::of_schema(b"t", &schema).expect("a key type");
    let decoder = Decoder::new(&definition, 1 << 19);
    (definition, decoder)
}

fuzz_target!(|data: &[u8]| {
    TABLE.with_borrow_mut(|(definition, decoder)| {
        let (mut sent, mut received, mut model) = (Sent::default(), Received::default(), Model::default());
        let mut out = Vec::with_capacity(64);
        for [text, more] in data.as_chunks().0 {
            for n in 0..=(more & 31) {
                // The longest there is, now and then.
                let long = [*text; MAX_TEXT];
                let short = [text.wrapping_add(n)];
                let text = if *more == 0xff { long.as_slice() } else { short.as_slice() };
                let (id, is_new) = sent.id(text);
                assert_eq!((id, is_new), model.id(text));
                let reference = Reference { id, text: is_new.then_some(text) };
                out.clear();
                update::encode(definition, Head { id: None, life_ms: None }, b"\0\0\0\x07", &[0], reference, &mut out);
                let (_, _, read) = decoder.decode(Type::INCREMENTAL, &out, &mut received).expect("an entry");
                assert_eq!((read, received.get(id)), (Some(reference), Some(text)));
            }
        }
        for (id, text) in &model.texts {
            assert_eq!(received.get(*id), Some(&**text), "all numbers that are in use stand for what they should");
        }
        assert!((model.texts.len() + 1..=SLOTS + 1).all(|id| received.get(id).is_none()) && received.get(0).is_none());
    });
});

/// The last 128 texts, oldest first, with their numbers.
#[derive(Default)]
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
