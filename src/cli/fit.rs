//! Which values of a recorded table go where in the peer's table of that name.

use std::fmt;

use crate::grammar::DataType;
use crate::stick::{Definition, Layout};

/// How entries of one definition become entries of another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Plan {
    /// What is announced: name, key type, key length and expire of the peer, and the data types that both have.
    pub(in crate::cli) definition: Definition,
    /// For each run of slots of the announced layout, in order, where it begins in the recorded one, and its length.
    runs: Vec<(usize, usize)>,
    /// Data types that aren't sent, and why.
    pub(in crate::cli) left_out: Vec<(DataType, LeftOut)>,
}

/// Why a data type isn't sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) enum LeftOut {
    /// The user said so.
    Unwanted,
    /// The peer's table has no such column.
    NotThere,
    /// HAProxy doesn't learn it.
    NotLearned,
    /// The peer's array is shorter: so many elements are sent.
    Shorter(u32),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwanted => out.write_str("--without"),
            Self::NotThere => out.write_str("the table there has no such column"),
            Self::NotLearned => out.write_str("HAProxy doesn't learn it"),
            Self::Shorter(count) => write!(out, "the array there has {count} elements: the rest is left out"),
        }
    }
}

/// Why entries of one definition can't become entries of another one: HAProxy would ignore them, or read them wrongly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) enum Mismatch {
    /// The keys.
    Key,
    /// The periods of a rate, in milliseconds: recorded, and there. Its three numbers would be read with the wrong one.
    Period(DataType, Option<u32>, Option<u32>),
}

impl Mismatch {
    /// What to do about it.
    pub(in crate::cli) fn help(&self) -> String {
        match self {
            Self::Key => {
                "bring the table there into the form of the recorded one, or choose another with --map-table A=B".into()
            }
            Self::Period(data_type, ..) => format!("leave it out: --without {data_type}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => out.write_str("the keys are of another type or length"),
            Self::Period(data_type, recorded, there) => {
                let ms = |period: &Option<u32>| period.map_or_else(|| "unknown".to_owned(), |ms| format!("{ms} ms"));
                write!(out, "the period of {data_type} is {} in the file and {} there", ms(recorded), ms(there))
            }
        }
    }
}

/// Whether the number of connections is sent, which HAProxy learns only into a `recv-only` table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) enum Gauges {
    /// It isn't: connections don't outlive their process.
    Left,
    /// It is: it is the sum of those that stand now.
    Sent,
}

impl Plan {
    /// The plan for entries `recorded` like that, for the table that is `there`.
    pub(in crate::cli) fn new(
        recorded: &Definition,
        there: &Definition,
        without: &[DataType],
        gauges: Gauges,
    ) -> Result<Self, Mismatch> {
        if (recorded.key_type, recorded.key_len) != (there.key_type, there.key_len) {
            return Err(Mismatch::Key);
        }
        let (mut types, mut runs, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for field in recorded.layout.fields() {
            let why = match there.layout.field(field.data_type) {
                _ if without.contains(&field.data_type) => LeftOut::Unwanted,
                _ if field.data_type == DataType::CONN_CUR && gauges == Gauges::Left => LeftOut::NotLearned,
                None => LeftOut::NotThere,
                Some(target) if target.period_ms != field.period_ms => {
                    return Err(Mismatch::Period(field.data_type, field.period_ms, target.period_ms));
                }
                Some(target) => {
                    let count = field.count.map(|count| count.min(target.count.unwrap_or(count)));
                    types.push((field.data_type, count, target.period_ms));
                    let values = count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX));
                    runs.push((field.slot, values.saturating_mul(field.kind.slots())));
                    match count.filter(|count| Some(*count) < field.count) {
                        Some(count) => LeftOut::Shorter(count),
                        None => continue,
                    }
                }
            };
            left_out.push((field.data_type, why));
        }
        let definition = Definition { layout: Layout::new(types), ..there.clone() };
        Ok(Self { definition, runs, left_out })
    }

    /// Appends the values that are sent of a recorded entry.
    pub(in crate::cli) fn convert(&self, recorded: &[u64], out: &mut Vec<u64>) {
        for (slot, len) in &self.runs {
            out.extend_from_slice(recorded.get(*slot..slot + len).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stick::{Place, parse};

    fn definition(line: &str) -> Definition {
        let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
        Definition::of_schema(b"t", &schema).expect("a key type")
    }

    #[test]
    fn only_what_both_tables_have_is_sent() {
        let recorded =
            definition("type ip expire 1m store gpt(3),gpc_rate(2,1s),server_id,conn_cur,conn_cnt,bytes_in_cnt");
        let there = definition("type ip expire 5m store gpt(2),gpc_rate(4,1s),server_id,conn_cur,bytes_in_cnt,gpt0");
        let plan = Plan::new(&recorded, &there, &[DataType::SERVER_ID], Gauges::Left).expect("they fit");
        assert_eq!(plan.definition.to_string(), "type ip expire 5m store bytes_in_cnt,gpt(2),gpc_rate(2,1s)");
        let left_out: Vec<_> = plan.left_out.iter().map(|(data_type, why)| (data_type.to_string(), *why)).collect();
        let expected = [
            ("server_id", LeftOut::Unwanted),
            ("conn_cnt", LeftOut::NotThere),
            ("conn_cur", LeftOut::NotLearned),
            ("gpt", LeftOut::Shorter(2)),
        ];
        assert_eq!(left_out, expected.map(|(name, why)| (name.to_owned(), why)));

        // server_id, conn_cnt, conn_cur, bytes_in_cnt, 3 tags, 2 rates.
        let recorded = [1, 2, 3, 4, 50, 51, 52, 60, 61, 62, 70, 71, 72];
        let mut sent = Vec::new();
        plan.convert(&recorded, &mut sent);
        assert_eq!(sent, [4, 50, 51, 60, 61, 62, 70, 71, 72]);
        assert_eq!(sent.len(), plan.definition.layout.slots());
    }

    #[test]
    fn what_haproxy_would_ignore_or_misread_is_a_mismatch() {
        let recorded = definition("type string len 20 store conn_rate(10s)");
        let plan = |there: &str, without: &[DataType]| {
            Plan::new(&recorded, &definition(there), without, Gauges::Left).map(|_| ())
        };
        assert_eq!(plan("type string len 21 store conn_rate(10s)", &[]), Err(Mismatch::Key));
        assert_eq!(plan("type binary len 21 store conn_rate(10s)", &[]), Err(Mismatch::Key));
        let rate = DataType::by_name(b"conn_rate").expect("a data type");
        let period = Mismatch::Period(rate, Some(10_000), Some(60_000));
        assert_eq!(plan("type string len 20 store conn_rate(1m)", &[]), Err(period));
        assert_eq!(plan("type string len 20 store conn_rate(1m)", &[rate]), Ok(()));
    }
}
