//! A [`Graph`] for Graphviz: `dot -Tsvg`.

use std::{fmt::Write as _, io};

use super::{Graph, Link, State, shelf_lines};

/// Prints a graph.
///
/// # Errors
/// Those of `out`.
pub fn print(graph: &Graph, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    for (number, node) in graph.nodes.iter().enumerate() {
        let style =
            if node.ghost { ", style=\"rounded,dashed\", color=\"#8a94a3\", fontcolor=\"#5b6573\"" } else { "" };
        writeln!(out, "  n{number} [label={}{style}];", label(&node.lines()))?;
    }
    for link in &graph.links {
        let [a, b] = link.ends;
        writeln!(out, "  n{a} -- n{b} [label={}{}];", label(&link.lines()), style(link))?;
    }
    for (number, shelf) in graph.shelves().iter().enumerate() {
        let Some(first) = shelf.first() else { continue };
        let node = if first.reasons.is_empty() { "" } else { BAD_TABLE };
        writeln!(out, "  t{number} [shape=cylinder, label={}{node}];", label(&shelf_lines(shelf)))?;
        for (holder, matches) in first.holders() {
            let edge = if matches { "" } else { ", color=\"#c4314b\"" };
            writeln!(out, "  n{holder} -- t{number} [style=dotted{edge}];")?;
        }
    }
    out.write_all(b"}\n")
}

const HEAD: &str = "\
graph peers {
  graph [rankdir=LR, bgcolor=transparent, pad=0.3, nodesep=0.5, ranksep=1.2];
  node [shape=box, style=\"rounded,filled\", color=\"#33415c\", fillcolor=\"#ffffff\", fontname=\"Helvetica\", fontsize=11];
  edge [color=\"#6b7686\", fontcolor=\"#6b7686\", fontname=\"Helvetica\", fontsize=9];
";

const BAD_TABLE: &str = ", color=\"#c4314b\", fontcolor=\"#c4314b\"";

fn style(link: &Link) -> &'static str {
    match (link.state, link.calls, link.tls) {
        (State::Works, _, true) => ", color=\"#0f7b5f\", penwidth=2",
        (State::Works, _, false) => "",
        (State::Unknown, _, _) => ", style=dashed",
        (State::OneSided, [true, _], _) => ", style=dashed, dir=forward, color=\"#c4314b\", fontcolor=\"#c4314b\"",
        (State::OneSided, ..) => ", style=dashed, dir=back, color=\"#c4314b\", fontcolor=\"#c4314b\"",
        (State::Broken, ..) => ", style=bold, color=\"#c4314b\", fontcolor=\"#c4314b\"",
    }
}

/// A quoted label. Graphviz knows escapes such as `\n` and `\N` in there, and reads HTML entities.
fn label(lines: &[String]) -> String {
    let mut text = "\"".to_owned();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            text.push_str("\\n");
        }
        for c in line.chars() {
            match c {
                '"' | '\\' => {
                    let _infallible = write!(text, "\\{c}");
                }
                '&' => text.push_str("&amp;"),
                c => text.push(c),
            }
        }
    }
    text.push('"');
    text
}
