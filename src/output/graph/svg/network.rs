//! Boxes and the lines between them.

use super::{Canvas, Class, Issues, LINE, Layout, Link, MARGIN, State, is_bad, layout::Rect, parts::number, text};
use crate::output::graph::{Graph, Node};

/// Draws the network, `left` from the left border, where the canvas is; moves the canvas on.
pub(super) fn draw(canvas: &mut Canvas, graph: &Graph, layout: &Layout, issues: &Issues<'_>, left: f64) {
    let top = canvas.y;
    let moved = |b: &Rect| Rect { x: b.x + left, y: b.y + top, ..*b };
    let boxes: Vec<Rect> = layout.boxes.iter().map(moved).collect();
    let mut labels = Vec::new();
    for (index, link) in graph.links.iter().enumerate() {
        let [a, b] = link.ends;
        let (Some(a), Some(b)) = (boxes.get(a), boxes.get(b)) else { continue };
        let place = line(canvas, link, a, b, shift(&graph.links, index), graph.nodes.len());
        labels.push((link, issues.links.get(index).copied().flatten(), place));
    }
    // Labels lie over all lines.
    let wording = Wording::of(graph);
    for (link, issue, place) in labels {
        label(canvas, link, issue, &place, &wording);
    }
    for (node, place) in graph.nodes.iter().zip(&boxes) {
        node_box(canvas, node, place);
    }
    canvas.y += layout.height + 26.0;
}

/// What stands on lines.
enum Wording {
    /// Section and security: there is room for it.
    Words,
    /// A letter for each of these sections.
    Letters(Vec<String>),
    /// Nothing: there is one section.
    Nothing,
}

impl Wording {
    fn of(graph: &Graph) -> Self {
        let mut sections: Vec<String> = graph.links.iter().map(Link::section).collect();
        sections.sort();
        sections.dedup();
        match (graph.nodes.len(), sections.len()) {
            (..=2, _) | (3, ..=1) => Self::Words,
            (_, ..=1) => Self::Nothing,
            _ => Self::Letters(sections),
        }
    }
}

/// The letter of a section: `A`, and numbers behind `Z`.
fn letter(index: usize) -> String {
    ('A'..='Z').nth(index).map_or_else(|| (index + 1).to_string(), String::from)
}

/// Where the label of a link belongs, and where its line leads from there.
struct Place {
    x: f64,
    y: f64,
    /// Of length 1.
    along: (f64, f64),
}

/// How far from the straight line between two centres a link runs, where several connect the same nodes.
#[expect(clippy::cast_precision_loss, reason = "a process has few peers sections")]
fn shift(links: &[Link], index: usize) -> f64 {
    let Some(own) = links.get(index) else { return 0.0 };
    let same = links.iter().filter(|other| other.ends == own.ends).count();
    let before = links.iter().take(index).filter(|other| other.ends == own.ends).count();
    (before as f64 - (same as f64 - 1.0) / 2.0) * 30.0
}

/// Draws a link; returns where its label belongs.
fn line(canvas: &mut Canvas, link: &Link, a: &Rect, b: &Rect, shift: f64, nodes: usize) -> Place {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx.hypot(dy).max(1.0);
    let (sx, sy) = (-dy / length * shift, dx / length * shift);
    let from = a.leave((a.x + sx, a.y + sy), (dx, dy), 5.0);
    let to = b.leave((b.x + sx, b.y + sy), (-dx, -dy), 5.0);
    let (class, marker) = match (link.state, link.calls) {
        (State::Works, _) => (if link.tls { "link tls" } else { "link" }, ""),
        (State::Unknown, _) => (if link.tls { "link tls maybe" } else { "link maybe" }, ""),
        (State::OneSided, [true, _]) => ("link half", " marker-end=\"url(#arrow)\""),
        (State::OneSided, _) => ("link half", " marker-start=\"url(#arrow)\""),
        (State::Broken, _) => ("link broken", ""),
    };
    let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
    canvas.raw(&format!("<path d=\"M{x1} {y1}L{x2} {y2}\" class=\"{class}\"{marker}/>"));
    // Where many lines cross in the middle, labels keep off it.
    let part = if nodes > 3 { 0.36 } else { 0.5 };
    let at = |from: f64, to: f64| (to - from).mul_add(part, from);
    Place { x: at(from.0, to.0), y: at(from.1, to.1), along: (dx / length, dy / length) }
}

fn label(canvas: &mut Canvas, link: &Link, issue: Option<usize>, place: &Place, wording: &Wording) {
    let Place { x, y, along } = *place;
    let badge = match wording {
        Wording::Words => {
            let text = text::fit(&format!("{} · {}", link.section(), link.security()), 12.0, 150.0);
            let width = text::width(&text, 12.0) + 22.0;
            let (left, top) = (number(x - width / 2.0), number(y - 12.0));
            canvas.raw(&format!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"24\" rx=\"12\" class=\"tag\"/>",
                number(width)
            ));
            canvas.text(x, y + 4.0, Class::Pill, &text);
            (x, y + 24.0)
        }
        Wording::Letters(sections) => {
            let index = sections.iter().position(|section| *section == link.section()).unwrap_or(0);
            canvas.letter(x, y, &letter(index));
            (along.0.mul_add(22.0, x), along.1.mul_add(22.0, y))
        }
        Wording::Nothing => (x, y),
    };
    if let Some(issue) = issue {
        canvas.badge(badge.0, badge.1, issue, is_bad(link));
    }
}

fn node_box(canvas: &mut Canvas, node: &Node, place: &Rect) {
    let (left, top) = (number(place.x - place.width / 2.0), number(place.y - place.height / 2.0));
    let (width, height) = (number(place.width), number(place.height));
    let class = if node.ghost { "ghost" } else { "box" };
    canvas.raw(&format!(
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"10\" class=\"{class}\"/>"
    ));
    let room = place.width - 20.0;
    let mut y = place.y - place.height / 2.0 + 25.0;
    canvas.text(place.x, y, Class::NodeName, &text::fit(&node.name, 15.0, room));
    y += 18.0;
    if let Some(remark) = &node.remark {
        canvas.text(place.x, y, Class::NodeRemark, &text::fit(remark, 11.5, room));
        y += 17.0;
    }
    for address in &node.addresses {
        canvas.text(place.x, y, Class::NodeAddress, &text::fit_mono(address, 11.5, room));
        y += 17.0;
    }
    if node.ghost {
        canvas.text(place.x, y, Class::NodeRemark, "not among the instances");
    }
}

/// What a line or a letter means.
enum Key {
    Line(&'static str, &'static str),
    Letter(String, String),
}

impl Key {
    fn meaning(&self) -> &str {
        match self {
            Self::Line(_, meaning) => meaning,
            Self::Letter(_, section) => section,
        }
    }

    /// Up to the next one.
    fn width(&self) -> f64 {
        60.0 + text::width(self.meaning(), 12.0)
    }
}

/// Class and meaning of a line, and which links are drawn so.
type Kind = (&'static str, &'static str, fn(&Link) -> bool);

/// What is to be explained, as far as it occurs.
fn keys(graph: &Graph) -> Vec<Key> {
    let kinds: [Kind; 5] = [
        ("link", "plain text", |l| l.state == State::Works && !l.tls),
        ("link tls", "TLS", |l| l.tls && !is_bad(l)),
        ("link maybe", "to a peer that isn't given", |l| l.state == State::Unknown),
        ("link half", "only one side lists the other", |l| l.state == State::OneSided),
        ("link broken", "no session", |l| l.state == State::Broken),
    ];
    let occurs = kinds.iter().filter(|(_, _, is)| graph.links.iter().any(is));
    let mut keys: Vec<Key> = occurs.map(|(class, meaning, _)| Key::Line(class, meaning)).collect();
    if let Wording::Letters(sections) = Wording::of(graph) {
        let named = |(index, section): (usize, String)| Key::Letter(letter(index), text::fit(&section, 12.0, 260.0));
        keys.extend(sections.into_iter().enumerate().map(named));
    }
    keys
}

/// How wide the legend needs the picture to be.
pub(super) fn legend_width(graph: &Graph) -> f64 {
    keys(graph).iter().map(Key::width).fold(0.0, f64::max)
}

/// What the lines mean.
pub(super) fn legend(canvas: &mut Canvas, graph: &Graph) {
    let mut x = MARGIN;
    canvas.y += 8.0;
    canvas.rule(MARGIN, canvas.y - 18.0, canvas.width - 2.0 * MARGIN);
    canvas.y += 6.0;
    for key in keys(graph) {
        if x > MARGIN && x + key.width() > canvas.width - MARGIN {
            x = MARGIN;
            canvas.y += LINE + 4.0;
        }
        match &key {
            Key::Line(class, _) => {
                let (from, to, y) = (number(x), number(x + 30.0), number(canvas.y - 4.0));
                canvas.raw(&format!("<path d=\"M{from} {y}H{to}\" class=\"{class}\"/>"));
            }
            Key::Letter(letter, _) => canvas.letter(x + 20.0, canvas.y - 4.0, letter),
        }
        canvas.text(x + 38.0, canvas.y, Class::Column, key.meaning());
        x += key.width();
    }
}
