//! A peer that takes nothing but what every version of HAProxy takes.

use peerctl::proto::{
    define::Announced,
    dictionary::Received,
    frame::{Class, Frame, Type},
    session::MAX_MESSAGE,
    update::Decoder,
    varint,
};

/// What one end has sent so far.
pub(crate) struct Strict {
    /// Lines of the handshake that are still to come.
    lines: usize,
    /// By their numbers, from 1 on.
    tables: Vec<Decoder>,
    current: Option<usize>,
    texts: Received,
    last: Vec<u32>,
    /// It has said that it can't read something: the last message.
    complained: bool,
}

impl Strict {
    pub(crate) fn new(is_caller: bool) -> Self {
        Self {
            lines: if is_caller { 3 } else { 1 },
            tables: Vec::new(),
            current: None,
            texts: Received::default(),
            last: Vec::new(),
            complained: false,
        }
    }

    /// Takes what was sent at once: whole lines, whole messages.
    pub(crate) fn take(&mut self, mut bytes: &[u8], learns: bool) {
        while !bytes.is_empty() {
            if self.lines > 0 && !bytes.starts_with(b"\x01") {
                let end = bytes.iter().position(|byte| *byte == b'\n').expect("a whole line");
                assert!(self.lines != 1 || end == 3 && bytes.starts_with(b"200") || bytes[..end].ends_with(b" 1 1"));
                self.lines -= 1;
                bytes = &bytes[end + 1..];
                continue;
            }
            let (frame, len) = Frame::parse(bytes, MAX_MESSAGE).expect("a message").expect("a whole one");
            assert!(len <= MAX_MESSAGE, "a message fits every buffer");
            assert!(!self.complained, "nothing follows an error");
            self.message(&frame, learns);
            bytes = &bytes[len..];
        }
    }

    fn message(&mut self, frame: &Frame<'_>, learns: bool) {
        match (frame.class, frame.kind) {
            (Class::CONTROL, Type(0..=4)) => {}
            (Class::ERROR, Type::PROTOCOL_ERROR | Type::SIZE_LIMIT) => self.complained = true,
            (Class::STICK_TABLE, Type::DEFINITION) => {
                let announced = Announced::decode(frame.payload).expect("a definition");
                let at = usize::try_from(announced.id - 1).expect("a small number");
                let definition = announced.definition.expect("one that can be read");
                if at >= self.tables.len() {
                    self.tables.resize(at + 1, Decoder::new(&definition, announced.data_types));
                    self.last.resize(at + 1, 0);
                }
                self.tables[at] = Decoder::new(&definition, announced.data_types);
                self.current = Some(at);
            }
            (Class::STICK_TABLE, kind @ (Type::UPDATE | Type::TIMED)) => {
                let at = self.current.expect("the table is announced first");
                let (head, _, text) = self.tables[at].decode(kind, frame.payload, &mut self.texts).expect("an entry");
                assert_eq!(head.id, Some(self.last[at] + 1), "ids are explicit, and count");
                self.last[at] += 1;
                if let Some(text) = text {
                    assert!(text.id == 0 || self.texts.get(text.id).is_some(), "a text is sent with its number first");
                }
            }
            (Class::STICK_TABLE, Type::ACK) => {
                assert!(!learns, "HAProxy ignores acknowledgements while it teaches");
                let (_, rest) = varint::decode(frame.payload).expect("a table");
                assert_eq!(rest.len(), 4);
            }
            _ => panic!("{frame:?} is never sent"),
        }
    }
}
