//! Whatever can be read is written back as it was: numbers, frames, definitions, entries.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerctl::proto::{
    define::{self, Announced},
    dictionary::Received,
    frame::{Frame, Type},
    hello::ProxyHeader,
    update::{self, Decoder, Reference},
    varint,
};
use peerctl::stick::ValueKind;

fuzz_target!(|data: &[u8]| {
    let mut out = Vec::new();
    if let Ok((value, rest)) = varint::decode(data) {
        varint::encode(value, &mut out);
        assert_eq!([&out, rest].concat(), data);
    }
    if let Ok(Some((frame, len))) = Frame::parse(data, 1 << 20) {
        out.clear();
        frame.encode(&mut out);
        assert_eq!(out, data[..len]);
    }
    if let ProxyHeader::Whole(len) = ProxyHeader::find(data) {
        assert!((1..=data.len()).contains(&len));
    }
    let (first, second) = data.split_at(data.len().min(data.first().map_or(0, |len| usize::from(*len))));
    let Ok(announced) = Announced::decode(first.get(1..).unwrap_or_default()) else { return };
    let Ok(definition) = announced.definition else { return };
    // An announcement without any parameters is fine, but nothing that is ever written.
    if definition.layout.fields().iter().any(|field| field.kind == ValueKind::Rate && field.period_ms.is_none()) {
        return;
    }
    out.clear();
    define::encode(announced.id, &definition, &mut out);
    let again = Announced::decode(&out).expect("what is written can be read");
    assert_eq!((again.id, again.definition.as_ref()), (announced.id, Ok(&definition)));
    let mut decoder = Decoder::new(&definition, again.data_types);
    for kind in [Type::UPDATE, Type::INCREMENTAL, Type::TIMED, Type::TIMED_INCREMENTAL] {
        let Ok((head, key, text)) = decoder.decode(kind, second, &mut Received::default()) else { continue };
        let values = decoder.values().to_vec();
        out.clear();
        update::encode(&definition, head, key, &values, text.unwrap_or(Reference::NONE), &mut out);
        let (head2, key2, text2) = decoder.decode(kind, &out, &mut Received::default()).expect("as above");
        assert_eq!((head2, key2, text2), (head, key, text));
        assert_eq!(decoder.values(), values);
    }
});
