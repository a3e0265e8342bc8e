//! The list behind `store`.

use crate::grammar::{DataArgument, DataType, DataTypeInfo, Version};
use crate::stick::problem::ProblemKind;
use crate::stick::schema::{Column, Schema};
use crate::units::{Delay, number};

/// Adds the columns of `list` to `schema`, as HAProxy's `parse_stick_table` does (2.6, 3.0 and 3.2 do the same).
///
/// HAProxy is generous: text behind a closing parenthesis is dropped, of several parentheses the last one counts, and
/// a number of elements may be followed by letters.
pub(super) fn parse(list: &[u8], schema: &mut Schema, version: Option<Version>, report: &mut impl FnMut(ProblemKind)) {
    let mut rest = list;
    while !rest.is_empty() {
        match Item::cut(rest) {
            Ok((item, after)) => {
                rest = after;
                if let Err(kind) = add(&item, schema, version, report) {
                    report(kind);
                }
            }
            Err(name) => {
                report(ProblemKind::OpenParenthesis { found: lossy(name) });
                return;
            }
        }
    }
}

/// One item of the list.
struct Item<'a> {
    /// The whole item as written.
    text: &'a [u8],
    name: &'a [u8],
    /// The text in parentheses up to the first comma; `None` without parentheses.
    first: Option<&'a [u8]>,
    /// The text in parentheses behind the last comma; `None` without a comma.
    last: Option<&'a [u8]>,
}

impl<'a> Item<'a> {
    /// Cuts the next item off `items`, and the comma behind it; the error is the name in front of an open parenthesis.
    fn cut(items: &'a [u8]) -> Result<(Self, &'a [u8]), &'a [u8]> {
        let (mut name, mut first, mut last) = (None, None, None);
        let mut rest = items;
        loop {
            let at = rest.iter().position(|byte| matches!(byte, b'(' | b','));
            let (before, from) = rest.split_at(at.unwrap_or(rest.len()));
            name = name.or(Some(before));
            let Some((b'(', inside)) = from.split_first() else {
                let text = items.get(..items.len() - from.len()).unwrap_or_default();
                let item = Self { text, name: name.unwrap_or_default(), first, last };
                return Ok((item, from.get(1..).unwrap_or_default()));
            };
            let close = inside.iter().position(|byte| *byte == b')').ok_or(name.unwrap_or_default())?;
            let (arguments, after) = inside.split_at(close);
            first = arguments.split(|byte| *byte == b',').next();
            // A comma of an earlier parenthesis stays in force: HAProxy does not forget it.
            last = arguments.iter().rposition(|byte| *byte == b',').and_then(|at| arguments.get(at + 1..)).or(last);
            rest = after.get(1..).unwrap_or_default();
        }
    }
}

fn add(
    item: &Item<'_>,
    schema: &mut Schema,
    version: Option<Version>,
    report: &mut impl FnMut(ProblemKind),
) -> Result<(), ProblemKind> {
    let info = DataType::by_name(item.name).and_then(DataType::info);
    let Some(info) = info else {
        if !item.text.is_empty() {
            schema.unknown_columns.push(item.text.into());
        }
        return Err(ProblemKind::UnknownColumn { found: lossy(item.name) });
    };
    let data_type = info.data_type;
    if let Some(version) = version.filter(|version| !info.lifetime.contains(Some(*version))) {
        report(ProblemKind::ColumnTooNew { data_type, since: info.lifetime.since, version });
    }
    if schema.column(data_type).is_some() {
        return Err(ProblemKind::DuplicateColumn { data_type });
    }
    let column = column(item, info, report)?;
    schema.add_column(column);
    Ok(())
}

/// The column that `item` describes. HAProxy drops a second argument where the type takes one period.
fn column(item: &Item<'_>, info: &DataTypeInfo, report: &mut impl FnMut(ProblemKind)) -> Result<Column, ProblemKind> {
    let data_type = info.data_type;
    let missing = |expected| ProblemKind::MissingArgument { data_type, expected };
    let unexpected = |found| ProblemKind::UnexpectedArgument { data_type, found: lossy(found) };
    let count = |text: &[u8]| elements(text).ok_or_else(|| ProblemKind::BadCount { data_type, found: lossy(text) });
    let mut period = |text: &[u8]| -> Result<Delay, ProblemKind> {
        let parsed = Delay::parse(text).map_err(|error| ProblemKind::BadPeriod { data_type, error })?;
        if let Some(ignored) = parsed.ignored {
            report(ProblemKind::IgnoredText { ignored });
        }
        if parsed.delay.ms() == 0 {
            report(ProblemKind::ZeroPeriod { data_type });
        }
        Ok(parsed.delay)
    };
    let mut column = Column { data_type, period: None, count: None, implicit: false };
    match info.argument {
        DataArgument::None => item.first.map_or(Ok(()), |found| Err(unexpected(found)))?,
        DataArgument::Period => {
            column.period = Some(period(item.first.ok_or_else(|| missing("a period such as (10s)"))?)?);
        }
        DataArgument::Count => {
            column.count = Some(count(item.first.ok_or_else(|| missing("a number of elements such as (2)"))?)?);
            item.last.map_or(Ok(()), |found| Err(unexpected(found)))?;
        }
        DataArgument::CountAndPeriod => {
            let expected = "a number of elements and a period such as (2,1m)";
            column.count = Some(count(item.first.ok_or_else(|| missing(expected))?)?);
            column.period = Some(period(item.last.ok_or_else(|| missing(expected))?)?);
        }
    }
    Ok(column)
}

/// A number of elements as C `atoi` reads it, if it is 1 to 100.
fn elements(text: &[u8]) -> Option<u32> {
    let (value, _) = number::decimal(text)?;
    #[expect(clippy::cast_possible_truncation, reason = "atoi cuts a long to an int, and HAProxy uses what is left")]
    let value = value as i32;
    u32::try_from(value).ok().filter(|count| (1..=100).contains(count))
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(list: &str) -> (Vec<String>, Vec<ProblemKind>) {
        let (mut schema, mut problems) = (Schema::default(), Vec::new());
        parse(list.as_bytes(), &mut schema, None, &mut |kind| problems.push(kind));
        (schema.store.iter().map(ToString::to_string).collect(), problems)
    }

    #[test]
    fn columns_are_sorted_whatever_the_order_of_the_list() {
        let (columns, problems) = store("gpc_rate(2,1m),conn_cnt,gpt(3),http_req_rate(10s),server_id,");
        assert_eq!(columns, ["server_id", "conn_cnt", "http_req_rate(10s)", "gpt(3)", "gpc_rate(2,1m)"]);
        assert_eq!(problems, []);
    }

    #[test]
    fn odd_spellings_mean_what_they_mean_to_haproxy() {
        assert_eq!(store("http_req_rate(10s)zzz,gpc0").0, ["gpc0", "http_req_rate(10s)"]);
        assert_eq!(store("http_req_rate(10s)(20s)").0, ["http_req_rate(20s)"]);
        assert_eq!(store("http_req_rate(10s,5)").0, ["http_req_rate(10s)"]);
        assert_eq!(store("gpc_rate(3,1m,5s)").0, ["gpc_rate(3,5s)"]);
        assert_eq!(store("gpc(3x)").0, ["gpc(3)"]);
    }

    #[test]
    fn what_haproxy_refuses_is_reported_and_the_rest_is_read() {
        for list in [",gpc0", "gpc0,,gpc1", "gpc0(1)", "gpc0()", "http_req_rate", "gpc(0)", "gpc(101)", "gpc(3,x)"] {
            assert_eq!(store(list).1.len(), 1, "{list}");
        }
        let (columns, problems) = store("gpc0,new_thing(3),gpc1,http_req_rate(10s");
        assert_eq!(columns, ["gpc0", "gpc1"]);
        assert!(
            matches!(problems.as_slice(), [ProblemKind::UnknownColumn { .. }, ProblemKind::OpenParenthesis { .. }]),
            "{problems:?}"
        );
    }
}
