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
        let middle = line(canvas, link, a, b, shift(&graph.links, index), graph.nodes.len());
        labels.push((link, issues.links.get(index).copied().flatten(), middle));
    }
    // Labels lie over all lines.
    let written = graph.nodes.len() <= 3 || graph.several_sections();
    for (link, issue, middle) in labels {
        label(canvas, link, issue, middle, written);
    }
    for (node, place) in graph.nodes.iter().zip(&boxes) {
        node_box(canvas, node, place);
    }
    canvas.y += layout.height + 26.0;
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
fn line(canvas: &mut Canvas, link: &Link, a: &Rect, b: &Rect, shift: f64, nodes: usize) -> (f64, f64) {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx.hypot(dy).max(1.0);
    let (sx, sy) = (-dy / length * shift, dx / length * shift);
    let aim =
        |from: &Rect, to: &Rect| Rect { x: from.x + sx, y: from.y + sy, ..*from }.leave((to.x + sx, to.y + sy), 5.0);
    let (from, to) = (aim(a, b), aim(b, a));
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
    ((to.0 - from.0).mul_add(part, from.0), (to.1 - from.1).mul_add(part, from.1))
}

fn label(canvas: &mut Canvas, link: &Link, issue: Option<usize>, (x, y): (f64, f64), written: bool) {
    if written {
        let text = text::fit(&format!("{} · {}", link.section(), link.security()), 12.0, 150.0);
        let width = text::width(&text, 12.0) + 22.0;
        let (left, top) = (number(x - width / 2.0), number(y - 12.0));
        canvas.raw(&format!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"24\" rx=\"12\" class=\"tag\"/>",
            number(width)
        ));
        canvas.text(x, y + 4.0, Class::Pill, &text);
        if let Some(issue) = issue {
            canvas.badge(x, y + 24.0, issue, is_bad(link));
        }
    } else if let Some(issue) = issue {
        canvas.badge(x, y, issue, is_bad(link));
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

/// Class and meaning of a line, and which links are drawn so.
type Kind = (&'static str, &'static str, fn(&Link) -> bool);

/// What the lines mean, as far as they occur.
pub(super) fn legend(canvas: &mut Canvas, graph: &Graph) {
    let kinds: [Kind; 5] = [
        ("link", "plain text", |l| l.state == State::Works && !l.tls),
        ("link tls", "TLS", |l| l.tls && !is_bad(l)),
        ("link maybe", "to a peer that isn't given", |l| l.state == State::Unknown),
        ("link half", "only one side lists the other", |l| l.state == State::OneSided),
        ("link broken", "no session", |l| l.state == State::Broken),
    ];
    let occurs = kinds.iter().filter(|(_, _, is)| graph.links.iter().any(is));
    let mut x = MARGIN;
    canvas.y += 8.0;
    canvas.rule(MARGIN, canvas.y - 18.0, canvas.width - 2.0 * MARGIN);
    canvas.y += 6.0;
    for (class, meaning, _) in occurs {
        let wide = 40.0 + text::width(meaning, 12.0) + 20.0;
        if x > MARGIN && x + wide > canvas.width - MARGIN {
            x = MARGIN;
            canvas.y += LINE;
        }
        let (from, to, y) = (number(x), number(x + 30.0), number(canvas.y - 4.0));
        canvas.raw(&format!("<path d=\"M{from} {y}H{to}\" class=\"{class}\"/>"));
        canvas.text(x + 38.0, canvas.y, Class::Column, meaning);
        x += wide;
    }
}
