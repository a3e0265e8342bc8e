//! A [`Graph`] as a picture: instances on a circle, tables in a grid below, what doesn't match numbered and spelled out.

mod grid;
mod layout;
mod network;
mod parts;
mod text;

use std::io;

use super::{Graph, Link, State, Table};
use grid::Grid;
use layout::Layout;
use parts::{Canvas, Class};

/// Prints a graph. The same graph gives the same bytes.
///
/// # Errors
/// Those of `out`.
pub fn print(graph: &Graph, out: &mut dyn io::Write) -> io::Result<()> {
    let issues = Issues::of(graph);
    let layout = Layout::of(graph);
    let grid = Grid::of(graph);
    let width = layout.width.max(network::legend_width(graph)).max(grid.width()).max(issues.width()) + 2.0 * MARGIN;
    let mut canvas = Canvas::new(width);
    heading(&mut canvas, graph, &issues);
    network::draw(&mut canvas, graph, &layout, &issues, (width - layout.width) / 2.0);
    grid.draw(&mut canvas, graph, &issues);
    issues.draw(&mut canvas);
    network::legend(&mut canvas, graph);
    out.write_all(canvas.finish(&summary(graph, &issues)).as_bytes())
}

/// Room around everything.
const MARGIN: f64 = 32.0;
/// The distance between lines of text.
const LINE: f64 = 22.0;
/// What stands behind the number of an issue begins here.
const INDENT: f64 = 28.0;
/// What an issue is about gets no wider than this.
const ABOUT_WIDTH: f64 = 360.0;

/// What doesn't match, numbered: links first, then tables.
struct Issues<'g> {
    all: Vec<Issue<'g>>,
    links: Vec<Option<usize>>,
    tables: Vec<Option<usize>>,
}

/// One number: what it is about, why, and whether that is bad.
struct Issue<'g> {
    about: String,
    reasons: &'g [String],
    bad: bool,
}

impl<'g> Issues<'g> {
    fn of(graph: &'g Graph) -> Self {
        let mut all = Vec::new();
        let mut number = |about: String, reasons: &'g [String], bad: bool| {
            (!reasons.is_empty()).then(|| {
                all.push(Issue { about, reasons, bad });
                all.len()
            })
        };
        let name = |end: usize| graph.nodes.get(end).map_or("", |node| &node.name);
        let ends = |link: &Link| link.ends.map(name).join(" – ");
        let links = graph.links.iter().map(|link| number(ends(link), &link.reasons, is_bad(link))).collect();
        let table = |table: &'g Table| number(format!("table {}", table.name), &table.reasons, true);
        let tables = graph.tables.iter().map(table).collect();
        Self { all, links, tables }
    }

    fn width(&self) -> f64 {
        let lines = self.all.iter().flat_map(|issue| issue.reasons);
        lines.map(|line| text::width(line, 13.0) + INDENT + self.about_width()).fold(0.0, f64::max)
    }

    /// The column that says what an issue is about.
    fn about_width(&self) -> f64 {
        self.all.iter().map(|issue| text::width(&issue.about, 13.5) + 24.0).fold(0.0, f64::max).min(ABOUT_WIDTH)
    }

    fn bad(&self) -> usize {
        self.all.iter().filter(|issue| issue.bad).count()
    }

    fn draw(&self, canvas: &mut Canvas) {
        if self.all.is_empty() {
            return;
        }
        let title = if self.bad() > 0 { "What doesn't match" } else { "Remarks" };
        canvas.section(title);
        let about = self.about_width();
        for (number, issue) in (1..).zip(&self.all) {
            canvas.badge(MARGIN + 9.0, canvas.y - 4.5, number, issue.bad);
            canvas.text(MARGIN + INDENT, canvas.y, Class::Name, &text::fit(&issue.about, 13.5, about - 12.0));
            for reason in issue.reasons {
                canvas.text(MARGIN + INDENT + about, canvas.y, Class::Body, reason);
                canvas.y += LINE;
            }
        }
        canvas.y += 8.0;
    }
}

fn is_bad(link: &Link) -> bool {
    matches!(link.state, State::OneSided | State::Broken)
}

fn heading(canvas: &mut Canvas, graph: &Graph, issues: &Issues<'_>) {
    canvas.y = MARGIN + 14.0;
    canvas.text(MARGIN, canvas.y, Class::Title, "HAProxy peers");
    canvas.y += LINE;
    canvas.text(MARGIN, canvas.y, Class::Muted, &summary(graph, issues));
    canvas.y += 30.0;
}

/// `2 instances · 1 more peer · 3 tables travel · 1 thing doesn't match`
fn summary(graph: &Graph, issues: &Issues<'_>) -> String {
    let ghosts = graph.nodes.iter().filter(|node| node.ghost).count();
    let instances = graph.nodes.len() - ghosts;
    let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut parts = vec![count(instances, "instance", "instances")];
    if ghosts > 0 {
        parts.push(count(ghosts, "more peer", "more peers"));
    }
    parts.push(count(graph.tables.len(), "table travels", "tables travel"));
    parts.push(match issues.bad() {
        0 => "everything matches".to_owned(),
        n => count(n, "thing doesn't match", "things don't match"),
    });
    parts.join(" · ")
}
