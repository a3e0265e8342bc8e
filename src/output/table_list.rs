//! Stick tables for people, one row each.

use crate::{
    config::Source,
    escape,
    model::{Known, StickTable},
    stick::{Schema, SrvKey},
};

/// The width at which the list of stored columns goes on in the next line.
const STORE_WIDTH: usize = 40;

/// A table of `tables`, in their order, with a line of headings; they stand in one instance's `files`.
#[must_use]
pub fn render(tables: &[&StickTable], files: &[Source]) -> String {
    let implicit = tables.iter().any(|t| t.schema().store.iter().any(|c| c.implicit));
    let undecided = tables.iter().any(|t| t.known == Known::Depends);
    let mut columns = vec![
        Column::new("NAME", Align::Left, tables, |t| vec![escape::name(&t.name).into_owned()]),
        Column::new("TYPE", Align::Left, tables, |t| vec![key_type(t.schema())]),
        Column::new("SIZE", Align::Right, tables, |t| vec![or_dash(t.schema().size.map(|s| s.to_string()))]),
        Column::new("EXPIRE", Align::Right, tables, |t| vec![expire(t.schema())]),
        Column::new("PEERS", Align::Left, tables, |t| vec![or_dash(t.peers().map(|p| escape::name(p).into_owned()))]),
        Column::new("STORE", Align::Left, tables, |t| wrap(&store(t.schema()))),
    ];
    if tables.iter().any(|t| !options(t.schema()).is_empty()) {
        columns.push(Column::new("OPTIONS", Align::Left, tables, |t| options(t.schema())));
    }
    columns.push(Column::new("LINE", Align::Left, tables, |t| vec![place(t, files)]));

    let mut out = String::new();
    push_line(&mut out, columns.iter().map(|c| (c, c.heading)));
    for row in 0..tables.len() {
        let cells = |c: &Column| c.cells.get(row).map_or(0, Vec::len);
        for line in 0..columns.iter().map(cells).max().unwrap_or(0) {
            let text = |c| Column::line(c, row, line);
            push_line(&mut out, columns.iter().map(|c| (c, text(c))));
        }
    }
    if implicit {
        out.push_str("* added by a `stick` rule, not by `store`\n");
    }
    if undecided {
        out.push_str("? stands in a block whose condition can't be decided here\n");
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// A column: for each row the lines of its cell.
struct Column {
    heading: &'static str,
    align: Align,
    cells: Vec<Vec<String>>,
    width: usize,
}

impl Column {
    fn new(
        heading: &'static str,
        align: Align,
        tables: &[&StickTable],
        cell: impl Fn(&StickTable) -> Vec<String>,
    ) -> Self {
        let cells: Vec<Vec<String>> = tables.iter().map(|table| cell(table)).collect();
        let width = cells.iter().flatten().map(|line| line.chars().count()).max().unwrap_or(0).max(heading.len());
        Self { heading, align, cells, width }
    }

    fn line(&self, row: usize, line: usize) -> &str {
        self.cells.get(row).and_then(|cell| cell.get(line)).map_or("", String::as_str)
    }
}

fn push_line<'a>(out: &mut String, cells: impl Iterator<Item = (&'a Column, &'a str)>) {
    let start = out.len();
    for (column, text) in cells {
        let padding = " ".repeat(column.width - text.chars().count().min(column.width));
        let (before, behind) =
            if column.align == Align::Right { (padding.as_str(), "") } else { ("", padding.as_str()) };
        let gap = if out.len() == start { "" } else { "  " };
        out.extend([gap, before, text, behind]);
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

fn key_type(schema: &Schema) -> String {
    match (schema.key_type, schema.len) {
        (Some(key_type), Some(len)) => format!("{key_type}({len})"),
        (Some(key_type), None) => key_type.to_string(),
        (None, _) => or_dash(None),
    }
}

fn expire(schema: &Schema) -> String {
    schema.expire.filter(|e| e.ms() > 0).map_or_else(|| "never".into(), |e| e.to_string())
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".into())
}

fn store(schema: &Schema) -> Vec<String> {
    let known = schema.store.iter().map(|c| format!("{c}{}", if c.implicit { "*" } else { "" }));
    known.chain(schema.unknown_columns.iter().map(|c| escape::name(c).into_owned())).collect()
}

/// The parameters that most tables don't have, one a line.
fn options(schema: &Schema) -> Vec<String> {
    let flags = [
        (schema.nopurge, "nopurge"),
        (schema.recv_only, "recv-only"),
        (schema.srvkey == Some(SrvKey::Addr), "srvkey addr"),
    ];
    let mut options: Vec<String> = flags.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()).collect();
    options.extend(schema.write_to.as_deref().map(|t| format!("write-to {}", escape::name(t))));
    options.extend(schema.brates_factor.filter(|n| *n != 1).map(|n| format!("brates-factor {n}")));
    options
}

/// The line; with the file where there are several.
fn place(table: &StickTable, files: &[Source]) -> String {
    let line = table.place.line.human();
    let mark = if table.known == Known::Depends { " ?" } else { "" };
    match files {
        [_] => format!("{line}{mark}"),
        _ => format!("{}:{line}{mark}", files.get(table.place.file).map_or("", |f| f.name.as_str())),
    }
}

/// Items with commas between, as `store` has them, in lines of at most [`STORE_WIDTH`] characters where the items allow.
fn wrap(items: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + item.chars().count() <= STORE_WIDTH => {
                line.push(',');
                line.push_str(item);
            }
            last => {
                if let Some(line) = last {
                    line.push(',');
                }
                lines.push(item.clone());
            }
        }
    }
    if lines.is_empty() {
        lines.push(or_dash(None));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Document,
        grammar::Version,
        model::{Facts, Instance, Naming},
    };

    #[test]
    fn columns_are_aligned_and_long_lists_wrap() {
        let text = "\
peers mesh
    peer a 10.0.0.1:1
    table t1 type string len 64 size 1m expire 30m nopurge store gpc0
backend shop
    stick-table type ip size 200 peers mesh store conn_rate(1s),http_req_rate(10s),http_err_rate(1m)
    stick on src
";
        let files = [Source::new("lb.cfg", Document::parse(text.into()).expect("short"))];
        let facts = Facts { version: Version::new(3, 2), environment: std::iter::empty::<(&str, &str)>().collect() };
        let instance = Instance::read(&files, &Naming::default(), &facts);
        let expected = "\
NAME     TYPE        SIZE  EXPIRE  PEERS  STORE                                  OPTIONS  LINE
mesh/t1  string(64)    1m     30m  mesh   gpc0                                   nopurge  3
shop     ip           200   never  mesh   server_id*,conn_rate(1s),                       5
                                          http_req_rate(10s),http_err_rate(1m),
                                          server_key*
* added by a `stick` rule, not by `store`
";
        let mut tables = instance.tables();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(render(&tables, &files), expected);
    }
}
