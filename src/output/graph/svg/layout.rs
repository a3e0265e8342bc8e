//! Where the boxes stand: two side by side, more on an ellipse, flat at the top if their number is even.

use std::f64::consts::PI;

use super::text;
use crate::output::graph::{Graph, Node};

/// Boxes in a picture of their own, whose upper left corner is 0, 0.
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// By node.
    pub(super) boxes: Vec<Rect>,
}

/// A box by its centre.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Layout {
    #[expect(clippy::cast_precision_loss, reason = "nobody draws 2^52 nodes")]
    pub(super) fn of(graph: &Graph) -> Self {
        let count = graph.nodes.len() as f64;
        let width = graph.nodes.iter().map(box_width).fold(0.0, f64::max);
        let height = graph.nodes.iter().map(box_height).fold(0.0, f64::max);
        // The boxes side by side fill about half of the ellipse's upper side.
        let across = match graph.nodes.len() {
            0 | 1 => 0.0,
            2 => f64::midpoint(width, 260.0),
            3 => width.mul_add(0.75, 140.0),
            _ => (width + 40.0).max(width * count / 3.6),
        };
        let down = match graph.nodes.len() {
            0..=2 => 0.0,
            3 => height + 30.0,
            _ => (across * 0.58).max(height * count / 3.6),
        };
        let turn = if graph.nodes.len().is_multiple_of(2) { -PI / 2.0 - PI / count } else { -PI / 2.0 };
        let angle = |number: usize| {
            if graph.nodes.len() == 2 { PI * (1.0 - number as f64) } else { 2.0 * PI * number as f64 / count + turn }
        };
        let mut boxes: Vec<Rect> = graph
            .nodes
            .iter()
            .enumerate()
            .map(|(number, node)| Rect {
                x: across * angle(number).cos(),
                y: down * angle(number).sin(),
                width: box_width(node),
                height: box_height(node),
            })
            .collect();
        let least = |f: fn(&Rect) -> f64| boxes.iter().map(f).fold(f64::MAX, f64::min);
        let most = |f: fn(&Rect) -> f64| boxes.iter().map(f).fold(f64::MIN, f64::max);
        if boxes.is_empty() {
            return Self { width: 0.0, height: 0.0, boxes };
        }
        let (left, top) = (least(|b| b.x - b.width / 2.0), least(|b| b.y - b.height / 2.0));
        let (right, bottom) = (most(|b| b.x + b.width / 2.0), most(|b| b.y + b.height / 2.0));
        for one in &mut boxes {
            one.x -= left;
            one.y -= top;
        }
        Self { width: right - left, height: bottom - top, boxes }
    }
}

impl Rect {
    /// Where a line from a point near the centre, in some direction, leaves the box, `gap` outside of it.
    pub(super) fn leave(&self, from: (f64, f64), direction: (f64, f64), gap: f64) -> (f64, f64) {
        let until = |start: f64, centre: f64, half: f64, d: f64| {
            let border = centre + (half + gap).copysign(d);
            if d.abs() < 0.001 { f64::MAX } else { (border - start) / d }
        };
        let across = until(from.0, self.x, self.width / 2.0, direction.0);
        let far = across.min(until(from.1, self.y, self.height / 2.0, direction.1)).max(0.0);
        (direction.0.mul_add(far, from.0), direction.1.mul_add(far, from.1))
    }
}

/// Wide enough for the longest line, within reason.
fn box_width(node: &Node) -> f64 {
    let mono = node.addresses.iter().map(|line| text::width_mono(line, 11.5)).fold(0.0, f64::max);
    let remark = node.remark.as_deref().map_or(0.0, |line| text::width(line, 11.5));
    (text::width(&node.name, 15.0).max(mono).max(remark) + 36.0).clamp(150.0, 260.0)
}

#[expect(clippy::cast_precision_loss, reason = "a node has few addresses")]
fn box_height(node: &Node) -> f64 {
    let lines = node.addresses.len() + usize::from(node.remark.is_some()) + usize::from(node.ghost);
    17.0f64.mul_add(lines as f64, 38.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_leave_a_box_at_its_border() {
        let square = Rect { x: 10.0, y: 10.0, width: 20.0, height: 20.0 };
        // From where, in which direction, how far outside, and where that is; the fourth one starts beside the centre.
        let cases = [
            ((10.0, 10.0), (100.0, 0.0), 0.0, (20.0, 10.0)),
            ((10.0, 10.0), (0.0, -100.0), 4.0, (10.0, -4.0)),
            ((10.0, 10.0), (100.0, 100.0), 0.0, (20.0, 20.0)),
            ((15.0, 10.0), (0.0, 1.0), 1.0, (15.0, 21.0)),
        ];
        for (from, direction, gap, (x, y)) in cases {
            let at = square.leave(from, direction, gap);
            assert!((at.0 - x).abs() < 1e-9 && (at.1 - y).abs() < 1e-9, "{at:?} isn't {x}, {y}");
        }
    }

    #[test]
    fn boxes_do_not_overlap() {
        for count in 1..=24 {
            let node = Node {
                name: "a".repeat(14),
                remark: None,
                addresses: vec!["192.168.100.100:10000".into()],
                ghost: true,
            };
            let graph = Graph { nodes: vec![node; count], links: Vec::new(), tables: Vec::new() };
            let boxes = Layout::of(&graph).boxes;
            for (number, a) in boxes.iter().enumerate() {
                for b in &boxes[..number] {
                    let apart = (a.x - b.x).abs() >= a.width || (a.y - b.y).abs() >= a.height;
                    assert!(apart, "{count} boxes: {a:?} {b:?}");
                }
            }
        }
    }
}
