//! The values of printed entries in the slots of a [`Layout`].

use crate::grammar::DataType;
use crate::runtime::{EntryLine, ShownError, ShownField};
use crate::stick::{FreqCtr, Layout, ValueKind};

/// Which printed value belongs into which slots.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Columns {
    layout: Layout,
    /// In the order printed.
    printed: Vec<Printed>,
    ambiguous: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Printed {
    name: Box<[u8]>,
    /// `None` for a data type that isn't known.
    place: Option<(ValueKind, usize)>,
}

/// The arrays, and the names of their elements: `gpc0`, `gpc1_rate`.
const ARRAYS: [(DataType, &str, &str); 3] =
    [(DataType::GPT, "gpt", ""), (DataType::GPC, "gpc", ""), (DataType::GPC_RATE, "gpc", "_rate")];

impl Columns {
    /// The columns of a table whose definition is known.
    #[must_use]
    pub fn of_layout(layout: &Layout) -> Self {
        let mut printed = Vec::new();
        for field in layout.fields() {
            let array = ARRAYS.iter().find(|(data_type, ..)| *data_type == field.data_type);
            for element in 0..field.values() {
                let name = array.map_or_else(
                    || field.data_type.to_string(),
                    |(_, before, behind)| format!("{before}{element}{behind}"),
                );
                let place = Some((field.kind, field.slot + element * field.kind.slots()));
                printed.push(Printed { name: name.into_bytes().into(), place });
            }
        }
        Self { layout: layout.clone(), printed, ambiguous: false }
    }

    /// The columns as an entry prints them.
    ///
    /// `gpt0`, `gpc0`, `gpc1` and their rates may be data types of these names or elements of arrays. Their order tells in most
    /// tables; where it doesn't, they are taken for the former. A caller that knows the definition uses [`Self::of_layout`].
    #[must_use]
    pub fn of(entry: &EntryLine<'_>) -> Self {
        let fields: Vec<ShownField<'_>> = entry.fields().collect();
        // Bit n: elements of array n. No array first, then all, then the odd mixtures.
        let mut readings = [0, 0b111, 1, 2, 4, 3, 5, 6].map(|arrays| types(&fields, arrays)).into_iter().flatten();
        let types = readings.next().unwrap_or_else(|| vec![None; fields.len()]);
        let ambiguous = readings.any(|other| other != types);
        let mut columns: Vec<(DataType, Option<u32>, Option<u32>)> = Vec::new();
        for (field, data_type) in fields.iter().zip(&types) {
            let Some(data_type) = *data_type else { continue };
            match columns.last_mut() {
                Some((last, Some(count), _)) if *last == data_type => *count += 1,
                _ => columns.push((data_type, is_array(data_type).then_some(1), field.period_ms)),
            }
        }
        let layout = Layout::new(columns);
        let known = Self::of_layout(&layout).printed;
        let mut known = known.into_iter().map(|printed| printed.place);
        let printed = fields.iter().zip(&types).map(|(field, data_type)| Printed {
            name: field.name.into(),
            place: data_type.and_then(|_| known.next().flatten()),
        });
        Self { printed: printed.collect(), layout, ambiguous }
    }

    /// Where the values stand.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the printed names allow another reading; see [`Self::of`].
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// Names that are no data type this program knows; their values are left out.
    pub fn unknown(&self) -> impl Iterator<Item = &[u8]> {
        self.printed.iter().filter(|printed| printed.place.is_none()).map(|printed| &*printed.name)
    }

    /// Writes the values of `entry` into `values`, one for each slot of the layout. `dictionary` gives the number of a text, which
    /// isn't 0.
    ///
    /// # Errors
    /// If the entry has other columns, or a value that isn't what its data type holds.
    pub fn read(
        &self,
        entry: &EntryLine<'_>,
        mut dictionary: impl FnMut(&[u8]) -> u64,
        values: &mut Vec<u64>,
    ) -> Result<(), ShownError> {
        values.clear();
        values.resize(self.layout.slots(), 0);
        let mut fields = entry.fields();
        for Printed { name, place } in &self.printed {
            let field = fields.next().filter(|field| same_name(field.name, name));
            let field = field.ok_or_else(|| entry.wrong("the columns of the table's first entry"))?;
            let Some((kind, slot)) = *place else { continue };
            let read = value(kind, field.value, &mut dictionary);
            let read = read.ok_or_else(|| entry.wrong("a value that fits its data type"))?;
            if let Some(slots) = values.get_mut(slot..slot + kind.slots()) {
                slots.iter_mut().zip(read).for_each(|(slot, value)| *slot = value);
            }
        }
        if fields.next().is_some() {
            return Err(entry.wrong("the columns of the table's first entry"));
        }
        Ok(())
    }
}

/// Whether two printed names are of one column: `server_name` is the old name of `server_key`.
fn same_name(one: &[u8], other: &[u8]) -> bool {
    one == other
        || (DataType::by_name(one) == Some(DataType::SERVER_KEY)
            && DataType::by_name(other) == Some(DataType::SERVER_KEY))
}

fn is_array(data_type: DataType) -> bool {
    ARRAYS.iter().any(|(array, ..)| *array == data_type)
}

/// The data type of each printed value, `None` for unknown names, if the arrays with a bit in `arrays` are arrays: `None` if
/// HAProxy would print them in another order then.
fn types(fields: &[ShownField<'_>], arrays: u8) -> Option<Vec<Option<DataType>>> {
    let mut types = Vec::with_capacity(fields.len());
    let mut last = None;
    let mut elements = 0;
    for field in fields {
        let array = ARRAYS.iter().enumerate().find_map(|(bit, (data_type, before, behind))| {
            let digits = field.name.strip_prefix(before.as_bytes())?.strip_suffix(behind.as_bytes())?;
            let element: usize = str::from_utf8(digits).ok()?.parse().ok()?;
            (arrays >> bit & 1 == 1).then_some((*data_type, element))
        });
        let data_type = match array {
            Some((data_type, element)) => {
                elements = if last == Some(data_type) { elements + 1 } else { 0 };
                if element != elements {
                    return None;
                }
                Some(data_type)
            }
            None => DataType::by_name(field.name),
        };
        if let Some(data_type) = data_type {
            if last > Some(data_type) || (last == Some(data_type) && !is_array(data_type)) {
                return None;
            }
            last = Some(data_type);
        }
        types.push(data_type);
    }
    // An element of an array that isn't one is no data type at all.
    let is_element = |name: &[u8]| name.starts_with(b"gp") && name.iter().any(u8::is_ascii_digit);
    let whole = fields.iter().zip(&types).all(|(field, data_type)| data_type.is_some() || !is_element(field.name));
    whole.then_some(types)
}

/// The slots of a printed value, in order; those behind the kind's are 0.
fn value(kind: ValueKind, text: &[u8], dictionary: &mut impl FnMut(&[u8]) -> u64) -> Option<[u64; 3]> {
    let number = || str::from_utf8(text).ok()?.parse::<u64>().ok();
    let one = |value| Some([value, 0, 0]);
    match kind {
        ValueKind::Signed32 => one(str::from_utf8(text).ok()?.parse::<i32>().ok()?.cast_unsigned().into()),
        ValueKind::Unsigned32 => one(u32::try_from(number()?).ok()?.into()),
        ValueKind::Unsigned64 => one(number()?),
        ValueKind::Text if text == b"-" => one(0),
        ValueKind::Text => one(dictionary(text)),
        ValueKind::Rate => {
            // The sum of two 32-bit counts may be larger than the one that it is stored as.
            let current = u32::try_from(number()?).unwrap_or(u32::MAX);
            Some(FreqCtr { elapsed_ms: 0, current, previous: 0 }.slots())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::KeyType;
    use crate::stick::{Definition, Place, parse};

    const PREFIX: &str = "0x1: key=1 use=0 exp=5";

    fn layout(store: &str) -> Layout {
        let line = format!("type integer size 1 store {store}");
        let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
        Definition::of_schema(b"t", &schema).expect("a definition").layout
    }

    /// The columns of an entry, and its values.
    fn read(fields: &str) -> (Columns, Vec<u64>) {
        let line = format!("{PREFIX} {fields}");
        let entry = EntryLine::parse(KeyType::INTEGER, line.as_bytes()).expect("an entry");
        let (columns, mut values) = (Columns::of(&entry), Vec::new());
        columns.read(&entry, |text| u64::try_from(text.len()).expect("short"), &mut values).expect("values");
        (columns, values)
    }

    #[test]
    fn values_go_into_the_slots_of_their_types() {
        let (columns, values) = read(
            "server_id=-7 gpc0=4294967295 http_req_rate(10000)=12 bytes_in_cnt=18446744073709551615 server_key=srv",
        );
        assert_eq!(columns.layout(), &layout("server_id,gpc0,http_req_rate(10s),bytes_in_cnt,server_key"));
        assert_eq!(values, [0xffff_fff9, 0xffff_ffff, 0, 12, 0, u64::MAX, 3]);
        assert_eq!(read("server_key=-").1, [0]);
    }

    #[test]
    fn a_rate_reads_now_as_it_was_printed() {
        let (columns, values) = read("http_req_rate(10000)=12");
        let field = columns.layout().fields()[0];
        assert_eq!(FreqCtr::from_slots(field.of(&values)).rate(10_000, 0), 12);
    }

    #[test]
    fn arrays_are_told_from_single_values_by_the_order() {
        for (fields, store, ambiguous) in [
            (
                "gpt0=0 gpt1=0 gpt2=0 gpc0=0 gpc1=0 gpc0_rate(9000)=0 gpc1_rate(9000)=0",
                "gpt(3),gpc(2),gpc_rate(2,9s)",
                false,
            ),
            (
                "gpt0=0 gpc0=0 gpc0_rate(9000)=0 gpc1=0 gpc1_rate(9000)=0",
                "gpt0,gpc0,gpc0_rate(9s),gpc1,gpc1_rate(9s)",
                false,
            ),
            ("conn_cnt=0 gpc0=0 gpc1=0", "conn_cnt,gpc(2)", false),
            ("gpc0=0 conn_cnt=0 gpc1=0", "gpc0,conn_cnt,gpc1", false),
            ("gpc0=0 gpc1=0 gpc2=0", "gpc(3)", false),
            ("gpc1=0 server_key=-", "gpc1,server_key", false),
            ("server_key=- gpt0=0", "server_key,gpt(1)", false),
            ("gpc0=0", "gpc0", true),
            ("gpc0=0 gpc0_rate(9000)=0 gpc1_rate(9000)=0", "gpc0,gpc0_rate(9s),gpc1_rate(9s)", true),
            ("gpt0=0 gpc0=0 conn_cnt=1", "gpt0,gpc0,conn_cnt", false),
        ] {
            let (columns, _) = read(fields);
            assert_eq!(columns.layout(), &layout(store), "{fields}");
            assert_eq!(columns.is_ambiguous(), ambiguous, "{fields}");
        }
    }

    #[test]
    fn a_known_definition_settles_it() {
        for store in ["gpc(2)", "gpc0,gpc1"] {
            let line = format!("{PREFIX} gpc0=1 gpc1=2");
            let entry = EntryLine::parse(KeyType::INTEGER, line.as_bytes()).expect("an entry");
            let (columns, mut values) = (Columns::of_layout(&layout(store)), Vec::new());
            columns.read(&entry, |_| 0, &mut values).expect("values");
            assert_eq!((columns.layout(), values.as_slice()), (&layout(store), [1, 2].as_slice()));
        }
    }

    #[test]
    fn unknown_columns_are_left_out() {
        let (columns, values) = read("gpc0=1 new_thing=x glitch_rate(1000)=2");
        assert_eq!(columns.layout(), &layout("gpc0,glitch_rate(1s)"));
        assert_eq!(
            (columns.unknown().collect::<Vec<_>>(), values.as_slice()),
            (vec![b"new_thing".as_slice()], [1, 0, 2, 0].as_slice())
        );
    }

    #[test]
    fn other_columns_and_wrong_values_are_errors() {
        let columns = Columns::of_layout(&layout("gpc0,conn_cnt"));
        for fields in [
            "gpc0=1",
            "gpc0=1 conn_cnt=2 gpc1=3",
            "gpc1=1 conn_cnt=2",
            "gpc0=-1 conn_cnt=2",
            "gpc0=1 conn_cnt=4294967296",
        ] {
            let line = format!("{PREFIX} {fields}");
            let entry = EntryLine::parse(KeyType::INTEGER, line.as_bytes()).expect("an entry");
            assert!(columns.read(&entry, |_| 0, &mut Vec::new()).is_err(), "{fields}");
        }
    }
}
