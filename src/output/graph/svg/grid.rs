//! Tables as rows, with a column for each instance.

use super::{Canvas, Class, Issues, LINE, MARGIN, text};
use crate::output::graph::{Graph, Presence, Table};

/// How wide the columns are: as what stands in them, within reason.
pub(super) struct Grid {
    name: f64,
    definition: f64,
    section: f64,
    cell: f64,
    cells: usize,
}

/// Room between two columns.
const GAP: f64 = 24.0;
/// Room for the number of an issue.
const BADGE: f64 = 26.0;
/// The distance between two lines of a definition.
const SMALL_LINE: f64 = 16.0;

impl Grid {
    pub(super) fn of(graph: &Graph) -> Self {
        let most = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
        let tables = || graph.tables.iter();
        let numbered = |table: &Table| if table.reasons.is_empty() { 0.0 } else { BADGE };
        let name = most(&mut tables().map(|t| text::width(&t.name, 13.5) + numbered(t)));
        let definition = most(&mut tables().map(|t| text::width_mono(&t.definition, 11.5)));
        let section = most(&mut tables().map(|t| text::width(&t.sections.join(", "), 13.0)));
        let instances = || graph.nodes.iter().filter(|node| !node.ghost);
        let cell = most(&mut instances().map(|node| text::width(&node.name, 12.0)));
        Self {
            name: name.clamp(90.0, 280.0) + GAP,
            definition: definition.clamp(110.0, 330.0) + GAP,
            section: section.clamp(70.0, 190.0) + GAP,
            cell: cell.clamp(40.0, 130.0) + 20.0,
            cells: instances().count(),
        }
    }

    pub(super) fn width(&self) -> f64 {
        self.name + self.definition + self.section + self.cells()
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody draws 2^52 instances")]
    fn cells(&self) -> f64 {
        self.cell * self.cells as f64
    }

    /// Draws the tables where the canvas is; moves it on.
    pub(super) fn draw(&self, canvas: &mut Canvas, graph: &Graph, issues: &Issues<'_>) {
        if graph.tables.is_empty() {
            return;
        }
        canvas.section("Tables");
        let y = canvas.y - LINE - 4.0;
        let mut x = MARGIN + self.name;
        canvas.text(x, y, Class::Column, "key · stored");
        x += self.definition;
        canvas.text(x, y, Class::Column, "through");
        x += self.section + self.cell / 2.0;
        for node in graph.nodes.iter().filter(|node| !node.ghost) {
            canvas.text(x, y, Class::Centred, &text::fit(&node.name, 12.0, self.cell - 16.0));
            x += self.cell;
        }
        for (table, number) in graph.tables.iter().zip(&issues.tables) {
            self.row(canvas, table, *number);
        }
        self.legend(canvas, graph);
        canvas.y += 8.0;
    }

    fn row(&self, canvas: &mut Canvas, table: &Table, number: Option<usize>) {
        let y = canvas.y;
        let class = if number.is_some() { Class::BadName } else { Class::Name };
        canvas.rule(MARGIN, y - 16.0, self.width());
        let room = self.name - GAP - if number.is_some() { BADGE } else { 0.0 };
        let name = text::fit(&table.name, 13.5, room);
        canvas.text(MARGIN, y, class, &name);
        if let Some(number) = number {
            canvas.badge(MARGIN + text::width(&name, 13.5) + 16.0, y - 4.5, number, true);
        }
        let mut x = MARGIN + self.name;
        let lines = text::wrap_mono(&table.definition, 11.5, self.definition - GAP);
        let mut below = y;
        for (index, line) in lines.iter().enumerate() {
            below += if index == 0 { 0.0 } else { SMALL_LINE };
            canvas.text(x, below, Class::Mono, line);
        }
        x += self.definition;
        let sections = text::fit(&table.sections.join(", "), 13.0, self.section - GAP);
        canvas.text(x, y, Class::Muted, &sections);
        x += self.section + self.cell / 2.0;
        for presence in &table.at {
            mark(canvas, x, y, *presence);
            x += self.cell;
        }
        canvas.y = below + LINE + 4.0;
    }

    /// What the marks mean, if some mean more than that a table travels.
    fn legend(&self, canvas: &mut Canvas, graph: &Graph) {
        let kinds = [
            (Presence::Travels, "travels"),
            (Presence::Differs, "travels, definitions differ"),
            (Presence::Kept, "doesn't travel"),
            (Presence::Missing, "isn't there"),
        ];
        let all = || graph.tables.iter().flat_map(|table| &table.at);
        if all().all(|presence| *presence == Presence::Travels) {
            return;
        }
        canvas.rule(MARGIN, canvas.y - 16.0, self.width());
        let mut x = MARGIN + 6.0;
        for (presence, meaning) in kinds.iter().filter(|(kind, _)| all().any(|presence| presence == kind)) {
            mark(canvas, x, canvas.y, *presence);
            canvas.text(x + 12.0, canvas.y, Class::Column, meaning);
            x += text::width(meaning, 12.0) + 40.0;
        }
        canvas.y += LINE;
    }
}

/// What a table is on an instance, centred.
fn mark(canvas: &mut Canvas, x: f64, y: f64, presence: Presence) {
    match presence {
        Presence::Travels => canvas.dot(x, y - 4.5),
        Presence::Differs => canvas.diamond(x, y - 4.5),
        Presence::Kept => canvas.ring(x, y - 4.5),
        Presence::Missing | Presence::Elsewhere => canvas.text(x, y, Class::Centred, "–"),
    }
}
