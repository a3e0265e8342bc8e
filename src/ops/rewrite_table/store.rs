//! Changes to `store` lists.

use super::changes::check;
use crate::{
    escape,
    grammar::{DataType, TableParam},
    ops::{OpError, OpErrorKind},
    stick::{self, Column, Schema},
};

/// What happens to the columns of a table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum StoreChange {
    /// Nothing.
    #[default]
    Keep,
    /// The whole list is another one; an empty one stores nothing.
    Replace(List),
    /// Columns are taken out first, then added.
    Edit {
        /// What comes in; a data type that is stored already gets the period and count given here.
        add: List,
        /// What goes.
        remove: Removal,
    },
}

/// A list that HAProxy takes, each data type once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct List(Vec<Item>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Item {
    text: String,
    column: Column,
}

/// Data types to take out: by name, or with their period and count, which then have to agree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Removal(Vec<(DataType, Option<Column>)>);

impl List {
    /// Reads what was given with `option`.
    ///
    /// # Errors
    /// If HAProxy would refuse the list or warn of it.
    pub fn parse(option: &str, text: &str) -> Result<Self, OpError> {
        check(option, TableParam::Store, text)?;
        let items = items(text.as_bytes())
            .into_iter()
            .filter_map(|item| Some(Item { text: String::from_utf8_lossy(item).into_owned(), column: column(item)? }));
        Ok(Self(items.collect()))
    }

    fn item(&self, data_type: DataType) -> Option<&Item> {
        self.0.iter().find(|item| item.column.data_type == data_type)
    }

    fn text(&self) -> Vec<u8> {
        self.0.iter().map(|item| item.text.as_bytes()).collect::<Vec<_>>().join(&b',')
    }
}

impl Removal {
    /// Reads what was given with `option`.
    ///
    /// # Errors
    /// For a name that is no data type, or parentheses that can't be read.
    pub fn parse(option: &str, text: &str) -> Result<Self, OpError> {
        let read = |item: &[u8]| {
            let text = String::from_utf8_lossy(item);
            if item.contains(&b'(') {
                check(option, TableParam::Store, &text)?;
                return Ok(column(item).map(|column| (column.data_type, Some(column))));
            }
            DataType::by_name(item).map(|data_type| Some((data_type, None))).ok_or_else(|| {
                let problem = format!("`{}` is no data type that a stick table can store", escape::name(item));
                OpError::new(OpErrorKind::BadOption { option: option.into(), problem }, "")
            })
        };
        Ok(Self(
            items(text.as_bytes())
                .into_iter()
                .map(read)
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect(),
        ))
    }

    fn takes(&self, stored: &Column) -> bool {
        self.0.iter().any(|(data_type, exactly)| {
            *data_type == stored.data_type && exactly.is_none_or(|column| same(&column, stored))
        })
    }
}

impl StoreChange {
    /// The lists of a line's `store` arguments after the change; `None` where they say the same as before. The result is
    /// as long as `lists`, or has one more; `None` in it takes an argument out.
    pub(super) fn apply(&self, lists: &[&[u8]]) -> Option<Vec<Option<Vec<u8>>>> {
        match self {
            Self::Keep => None,
            Self::Replace(list) => replace(list, lists),
            Self::Edit { add, remove } => edit(add, remove, lists),
        }
    }

    /// Columns that are to go with a period or count that the table doesn't have: what was asked for, what is stored.
    pub(super) fn misses<'a>(&'a self, schema: &'a Schema) -> impl Iterator<Item = (Column, Column)> + 'a {
        let stored = |asked: &Column| schema.column(asked.data_type).filter(|stored| !same(asked, stored)).copied();
        self.removal().iter().filter_map(move |(_, exactly)| exactly.and_then(|asked| Some((asked, stored(&asked)?))))
    }

    /// The data types that are to go, whether they are stored or not.
    pub(super) fn removes(&self) -> impl Iterator<Item = DataType> {
        self.removal().iter().map(|(data_type, _)| *data_type)
    }

    fn removal(&self) -> &[(DataType, Option<Column>)] {
        if let Self::Edit { remove, .. } = self { &remove.0 } else { &[] }
    }
}

/// Puts the whole list into the last argument.
fn replace(list: &List, lists: &[&[u8]]) -> Option<Vec<Option<Vec<u8>>>> {
    let stored: Vec<&[u8]> = lists.iter().flat_map(|list| items(list)).collect();
    let known =
        |item: &&[u8]| column(item).is_some_and(|c| list.item(c.data_type).is_some_and(|i| same(&i.column, &c)));
    if stored.len() == list.0.len() && stored.iter().all(known) && each_once(&stored) {
        return None;
    }
    let mut result = vec![None; lists.len().max(1)];
    if let Some(last) = result.last_mut() {
        *last = (!list.0.is_empty()).then(|| list.text());
    }
    Some(result)
}

fn edit(add: &List, remove: &Removal, lists: &[&[u8]]) -> Option<Vec<Option<Vec<u8>>>> {
    let before: Vec<Vec<&[u8]>> = lists.iter().map(|list| items(list)).collect();
    // A data type that is asked for stays where it is.
    let goes = |item: &&[u8]| column(item).is_some_and(|c| remove.takes(&c) && add.item(c.data_type).is_none());
    let mut after: Vec<Vec<&[u8]>> = before.clone();
    for items in &mut after {
        items.retain(|item| !goes(item));
    }
    for new in &add.0 {
        let old = after.iter_mut().flatten().find(|item| name(item) == name(new.text.as_bytes()));
        match old {
            Some(old) if column(old).is_some_and(|c| same(&c, &new.column)) => {}
            Some(old) => *old = new.text.as_bytes(),
            None => match after.last_mut() {
                Some(last) => last.push(new.text.as_bytes()),
                None => after.push(vec![new.text.as_bytes()]),
            },
        }
    }
    if after == before {
        return None;
    }
    let list = |(n, items): (usize, Vec<&[u8]>)| match (lists.get(n), before.get(n)) {
        (Some(text), Some(before)) if *before == items => Some(text.to_vec()),
        _ => (!items.is_empty()).then(|| items.join(&b',')),
    };
    Some(after.into_iter().enumerate().map(list).collect())
}

/// Cuts a list at its commas, not at those in parentheses. What follows a last comma is no item if it is empty.
fn items(list: &[u8]) -> Vec<&[u8]> {
    let mut inside = false;
    let mut items: Vec<&[u8]> = list
        .split(|byte| {
            inside = if inside { *byte != b')' } else { *byte == b'(' };
            *byte == b',' && !inside
        })
        .collect();
    if items.last().is_some_and(|item| item.is_empty()) {
        items.pop();
    }
    items
}

/// The column that an item means; `None` if it means none that this program knows.
fn column(item: &[u8]) -> Option<Column> {
    stick::parse(&[b"store", item], stick::Place::Proxy, None).schema.store.first().copied()
}

fn name(item: &[u8]) -> &[u8] {
    item.split(|byte| *byte == b'(').next().unwrap_or_default()
}

fn same(one: &Column, other: &Column) -> bool {
    (one.data_type, one.period, one.count) == (other.data_type, other.period, other.count)
}

fn each_once(items: &[&[u8]]) -> bool {
    items.iter().enumerate().all(|(n, item)| !items.iter().skip(n + 1).any(|other| name(other) == name(item)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(change: &StoreChange, lists: &[&str]) -> Option<Vec<Option<String>>> {
        let bytes: Vec<&[u8]> = lists.iter().map(|l| l.as_bytes()).collect();
        let text = |list: Vec<u8>| String::from_utf8(list).expect("text of ours");
        change.apply(&bytes).map(|lists| lists.into_iter().map(|l| l.map(text)).collect())
    }

    fn edited(add: &str, remove: &str, lists: &[&str]) -> Option<Vec<Option<String>>> {
        let change = StoreChange::Edit {
            add: List::parse("--add-store", add).expect("a list"),
            remove: Removal::parse("--remove-store", remove).expect("names"),
        };
        applied(&change, lists)
    }

    fn replaced(list: &str, lists: &[&str]) -> Option<Vec<Option<String>>> {
        applied(&StoreChange::Replace(List::parse("--store", list).expect("a list")), lists)
    }

    fn texts(lists: &[Option<&str>]) -> Vec<Option<String>> {
        lists.iter().map(|l| l.map(str::to_owned)).collect()
    }

    #[test]
    fn lists_are_cut_where_haproxy_cuts_them() {
        for (list, expected) in [
            ("gpc0", &["gpc0"][..]),
            ("gpc0,gpc_rate(2,1m),gpt(3)", &["gpc0", "gpc_rate(2,1m)", "gpt(3)"]),
            ("gpc0,", &["gpc0"]),
            ("gpc0,,gpc1", &["gpc0", "", "gpc1"]),
            ("http_req_rate(10s)zz,gpc0", &["http_req_rate(10s)zz", "gpc0"]),
            ("", &[]),
        ] {
            let cut: Vec<_> = items(list.as_bytes()).into_iter().map(String::from_utf8_lossy).collect();
            assert_eq!(cut, expected, "{list}");
            let parsed = stick::parse(&["store", list], stick::Place::Proxy, None);
            assert_eq!(cut.iter().filter(|c| !c.is_empty()).count(), parsed.schema.store.len(), "{list}");
        }
    }

    #[test]
    fn what_is_added_goes_behind_the_last_list() {
        assert_eq!(edited("gpc1", "", &["gpc0", "conn_cnt"]), Some(texts(&[Some("gpc0"), Some("conn_cnt,gpc1")])));
        assert_eq!(edited("gpc1", "", &[]), Some(texts(&[Some("gpc1")])));
        assert_eq!(edited("gpc1", "", &["gpc0,"]), Some(texts(&[Some("gpc0,gpc1")])));
        assert_eq!(edited("gpc0", "", &["gpc0", "conn_cnt"]), None);
    }

    #[test]
    fn a_stored_data_type_gets_the_new_period_where_it_stands() {
        let lists = ["http_req_rate(10s),gpc0", "conn_cnt"];
        let expected = Some(texts(&[Some("http_req_rate(30s),gpc0"), Some("conn_cnt")]));
        assert_eq!(edited("http_req_rate(30s)", "", &lists), expected);
        assert_eq!(edited("http_req_rate(30s)", "http_req_rate", &lists), expected);
        assert_eq!(edited("http_req_rate(10000)", "", &lists), None);
    }

    #[test]
    fn what_is_removed_goes_from_every_list_and_an_emptied_one_goes_too() {
        let lists = ["http_req_rate(10s),gpc0", "http_req_rate(20s)", "gpc1"];
        assert_eq!(edited("", "http_req_rate", &lists), Some(texts(&[Some("gpc0"), None, Some("gpc1")])));
        assert_eq!(
            edited("", "http_req_rate(20s)", &lists),
            Some(texts(&[Some("http_req_rate(10s),gpc0"), None, Some("gpc1")]))
        );
        assert_eq!(edited("", "conn_cur", &lists), None);
        assert_eq!(edited("gpc(1)", "gpc0", &["gpc0"]), Some(texts(&[Some("gpc(1)")])));
    }

    #[test]
    fn items_nobody_knows_stay_as_they_are() {
        assert_eq!(edited("gpc1", "gpc0", &["shiny(3,4),gpc0"]), Some(texts(&[Some("shiny(3,4),gpc1")])));
    }

    #[test]
    fn a_whole_list_takes_the_place_of_all_unless_it_says_the_same() {
        assert_eq!(replaced("gpc0", &["gpc1", "conn_cnt"]), Some(texts(&[None, Some("gpc0")])));
        assert_eq!(replaced("conn_cnt,http_req_rate(10s)", &["http_req_rate(10000)", "conn_cnt"]), None);
        assert_eq!(replaced("gpc0", &["gpc0,gpc0"]), Some(texts(&[Some("gpc0")])));
        assert_eq!(replaced("gpc0", &[]), Some(texts(&[Some("gpc0")])));
        assert_eq!(replaced("", &["gpc0"]), Some(texts(&[None])));
        assert_eq!(replaced("", &[]), None);
    }

    #[test]
    fn lists_that_haproxy_refuses_or_warns_of_are_refused() {
        for list in ["gpc0,gpc0", "http_req_rate", "gpc0(3)", "shiny", "gpc(2),gpc0", ",gpc0", "gpc0, gpc1"] {
            assert!(List::parse("--store", list).is_err(), "{list}");
        }
        for names in ["shiny", "gpc(x)", "gpc0,,gpc1"] {
            assert!(Removal::parse("--remove-store", names).is_err(), "{names}");
        }
    }
}
