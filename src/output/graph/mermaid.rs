//! A [`Graph`] as a Mermaid flow chart, which web front ends of repositories draw.

use std::{fmt::Write as _, io};

use super::{Graph, Link, State, shelf_lines};

/// Prints a graph.
///
/// # Errors
/// Those of `out`.
pub fn print(graph: &Graph, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    for (number, node) in graph.nodes.iter().enumerate() {
        let class = if node.ghost { ":::ghost" } else { ":::instance" };
        writeln!(out, "  n{number}[{}]{class}", label(&node.lines()))?;
    }
    let mut styles = Vec::new();
    for link in &graph.links {
        let ([a, b], [calls, _]) = (link.ends, link.calls);
        // An arrow starts where the call does.
        let (a, b) = if calls { (a, b) } else { (b, a) };
        writeln!(out, "  n{a} {}|{}| n{b}", arrow(link), label(&link.lines()))?;
        styles.push(style(link));
    }
    for (number, shelf) in graph.shelves().iter().enumerate() {
        let Some(first) = shelf.first() else { continue };
        let class = if first.reasons.is_empty() { "table" } else { "bad" };
        writeln!(out, "  t{number}[({})]:::{class}", label(&shelf_lines(shelf)))?;
        for (holder, matches) in first.holders() {
            writeln!(out, "  n{holder} -.- t{number}")?;
            styles.push((!matches).then_some(BAD));
        }
    }
    writeln!(out, "  classDef instance fill:#ffffff,stroke:#33415c,color:#1c2733")?;
    writeln!(out, "  classDef ghost fill:#f4f6f8,stroke:#8a94a3,color:#5b6573,stroke-dasharray:4 3")?;
    writeln!(out, "  classDef table fill:#eef4fb,stroke:#7d9cc0,color:#1c2733")?;
    writeln!(out, "  classDef bad fill:#fdecef,stroke:#c4314b,color:#8f1d33")?;
    for (number, style) in styles.iter().enumerate() {
        if let Some(style) = style {
            writeln!(out, "  linkStyle {number} {style}")?;
        }
    }
    Ok(())
}

const BAD: &str = "stroke:#c4314b,color:#c4314b";

fn arrow(link: &Link) -> &'static str {
    match link.state {
        State::Works => "---",
        State::Unknown => "-.-",
        State::OneSided => "-.->",
        State::Broken => "x--x",
    }
}

fn style(link: &Link) -> Option<&'static str> {
    match (link.state, link.tls) {
        (State::Works, true) => Some("stroke:#0f7b5f,stroke-width:2px"),
        (State::Works, false) | (State::Unknown, _) => None,
        (State::OneSided | State::Broken, _) => Some(BAD),
    }
}

/// A quoted text. What means something to Mermaid, Markdown or HTML is written as its number.
fn label(lines: &[String]) -> String {
    let mut text = "\"".to_owned();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            text.push_str("<br>");
        }
        for c in line.chars() {
            if c.is_alphanumeric()
                || matches!(c, ' ' | '.' | ',' | ':' | '-' | '/' | '(' | ')' | '·' | '\'' | '@' | '_')
            {
                text.push(c);
            } else {
                let _infallible = write!(text, "#{};", u32::from(c));
            }
        }
    }
    text.push('"');
    text
}
