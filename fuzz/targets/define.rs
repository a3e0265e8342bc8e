//! Definitions: what is read is what the description says of the bytes, and what is written of it reads back the same.

#![no_main]

mod slow;

use libfuzzer_sys::fuzz_target;
use peerctl::proto::define::{self, Announced, MAX_KEY, MAX_NAME, Unreadable};
use slow::{DATA_TYPES, Fields, Is};

fuzz_target!(|data: &[u8]| {
    let found = Announced::decode(data).ok();
    assert_eq!(found.as_ref().map(Seen::of), reference(data));
    let Some(Announced { id, definition: Ok(definition), .. }) = found else { return };
    let fields = definition.layout.fields();
    assert_eq!(fields.iter().map(|field| field.slots()).sum::<usize>(), definition.layout.slots());
    // A definition without any parameters is fine for HAProxy, and nothing that is ever written.
    let whole = fields.iter().all(|field| match DATA_TYPES[usize::from(field.data_type.0)] {
        Is::Rate | Is::Rates => field.period_ms.is_some(),
        _ => true,
    });
    if whole {
        let mut out = Vec::with_capacity(64);
        define::encode(id, &definition, &mut out);
        let again = Announced::decode(&out).expect("what is written can be read");
        assert_eq!((again.id, again.definition), (id, Ok(definition)));
        assert_eq!(define_bits(&out), Some(again.data_types));
    }
});

/// The data types that a definition announces.
fn define_bits(payload: &[u8]) -> Option<u64> {
    let mut fields = Fields(payload);
    fields.number()?;
    let name = fields.up_to(u64::MAX)?;
    fields.bytes(name)?;
    (fields.number()?, fields.number()?);
    fields.number()
}

/// What a definition says.
#[derive(PartialEq, Eq, Debug)]
struct Seen {
    id: u64,
    data_types: u64,
    table: Result<Table, Option<(u64, usize)>>,
}

#[derive(PartialEq, Eq, Debug)]
struct Table {
    name: Vec<u8>,
    key: (u64, u32),
    expire_ms: u32,
    /// Number of the data type, elements, period.
    columns: Vec<(u64, Option<u32>, Option<u32>)>,
}

impl Seen {
    fn of(announced: &Announced) -> Self {
        let table = match &announced.definition {
            Err(Unreadable::Key { key_type, key_len }) => Err(Some((*key_type, *key_len as usize))),
            Err(Unreadable::Parameters(_)) => Err(None),
            Ok(definition) => Ok(Table {
                name: definition.name.to_vec(),
                key: (definition.key_type.0, definition.key_len),
                expire_ms: definition.expire_ms,
                columns: (definition.layout.fields().iter())
                    .map(|field| (field.data_type.0.into(), field.count, field.period_ms))
                    .collect(),
            }),
        };
        Self { id: announced.id, data_types: announced.data_types, table }
    }
}

/// The same, `None` for what can't be read.
fn reference(payload: &[u8]) -> Option<Seen> {
    let mut fields = Fields(payload);
    let id = fields.number()?;
    let name = fields.up_to(MAX_NAME.into())?;
    let name = fields.bytes(name).filter(|name| !name.is_empty())?;
    let (key_type, key_len) = (fields.number()?, fields.up_to(MAX_KEY.into())?);
    let data_types = fields.number()?;
    let bare = fields.0.is_empty();
    let expire_ms = if bare { 0 } else { fields.number()? % (1 << 32) };
    let mut columns = Vec::new();
    let mut lacks_parameters = false;
    for number in (0..64).filter(|number| data_types >> number & 1 == 1) {
        let Some(is) = usize::try_from(number).ok().and_then(|number| DATA_TYPES.get(number)) else {
            fields.0 = &[];
            break;
        };
        let (has_count, has_period) = (matches!(is, Is::Numbers | Is::Rates), matches!(is, Is::Rate | Is::Rates));
        if !has_count && (bare || !has_period) {
            columns.push((number, None, None));
            continue;
        }
        if fields.0.is_empty() || fields.number()? != number {
            lacks_parameters = true;
            fields.0 = &[];
            break;
        }
        let count = if has_count { Some(u32::try_from(fields.up_to(100)?).ok()?) } else { None };
        let period = if has_period { Some(u32::try_from(fields.number()? % (1 << 32)).ok()?) } else { None };
        columns.push((number, count, period));
    }
    if !fields.0.is_empty() {
        return None;
    }
    let readable = matches!((key_type, key_len), (2 | 4, 4) | (5, 16) | (6 | 7, 1..));
    let table = match (readable, lacks_parameters) {
        (false, _) => Err(Some((key_type, key_len))),
        (_, true) => Err(None),
        _ => {
            let (key_len, expire_ms) = (u32::try_from(key_len).ok()?, u32::try_from(expire_ms).ok()?);
            Ok(Table { name: name.to_vec(), key: (key_type, key_len), expire_ms, columns })
        }
    };
    Some(Seen { id, data_types, table })
}
