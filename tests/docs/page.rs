//! The commands of a page, and what they are said to print.

use std::{fs, path::Path};

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) blocks: Vec<Block>,
    /// Lines that look like commands outside of a block of kind `console`.
    pub(crate) stray: Vec<usize>,
}

/// A block of commands.
#[derive(Debug)]
pub(crate) struct Block {
    /// The line of its fence, from 1.
    pub(crate) line: usize,
    pub(crate) steps: Vec<Step>,
    pub(crate) eventually: bool,
    pub(crate) prepared: Option<String>,
}

/// A command.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its line in the block, from 1.
    pub(crate) line: usize,
    pub(crate) command: String,
    /// The lines that it prints; none, if anything will do.
    pub(crate) output: Vec<String>,
}

impl Page {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("the page is there");
        let mut page = Self { blocks: Vec::new(), stray: Vec::new() };
        let (mut eventually, mut prepared) = (false, None);
        let mut lines = text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            if let Some(comment) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
                eventually |= comment == "eventually";
                prepared = comment.strip_prefix("prepared: ").map(Into::into).or(prepared);
            } else if let Some(kind) = line.strip_prefix("```") {
                let body: Vec<&str> = lines.by_ref().map(|(line, _)| line).take_while(|line| *line != "```").collect();
                if kind == "console" {
                    let (eventually, prepared) = (std::mem::take(&mut eventually), prepared.take());
                    page.blocks.push(Block { line: number, steps: steps(&body), eventually, prepared });
                } else if body.iter().any(|line| line.starts_with("$ ") || line.starts_with("peerctl ")) {
                    page.stray.push(number);
                }
            }
        }
        page
    }
}

fn steps(body: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for (line, number) in body.iter().zip(1..) {
        match (steps.last_mut(), line.strip_prefix("$ ")) {
            (Some(step), _) if goes_on => {
                step.command.push('\n');
                step.command.push_str(line);
                goes_on = goes_on_after(&step.command, line);
            }
            (_, Some(command)) => {
                steps.push(Step { line: number, command: command.to_owned(), output: Vec::new() });
                goes_on = goes_on_after(command, command);
            }
            (Some(step), None) => step.output.push((*line).to_owned()),
            (None, None) => panic!("a block of kind `console` begins with a command: {line}"),
        }
    }
    steps
}

/// Whether the next line belongs to the same command.
fn goes_on_after(command: &str, line: &str) -> bool {
    line.ends_with('\\') || command.contains("<<'END'") && line != "END"
}

impl Step {
    /// Whether that is what it prints.
    pub(crate) fn matches(&self, shown: &str) -> bool {
        let shown: Vec<&str> = shown.trim_end().lines().map(str::trim_end).collect();
        let expected: Vec<&str> = self.output.iter().map(|line| line.trim_end()).collect();
        let end = expected.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        expected.is_empty() || all(&expected[..end], &shown)
    }
}

fn all(expected: &[&str], shown: &[&str]) -> bool {
    match (expected, shown) {
        ([], shown) => shown.is_empty(),
        (["…", rest @ ..], shown) => (0..=shown.len()).any(|skipped| all(rest, &shown[skipped..])),
        ([first, expected @ ..], [line, shown @ ..]) => is_like(first, line) && all(expected, shown),
        (_, []) => false,
    }
}

fn is_like(expected: &str, shown: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else { return expected == shown };
    let Some(tail) = shown.strip_prefix(start) else { return false };
    tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| is_like(rest, &tail[at..]))
}

#[test]
fn a_step_matches_what_it_says_and_nothing_else() {
    let step = |output: &[&str]| Step {
        line: 1,
        command: String::new(),
        output: output.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert!(step(&[]).matches("anything"));
    assert!(step(&["a … c", "…", "z"]).matches("a b c\n1\n2\nz\n"));
    assert!(step(&["a … c", "…", "z"]).matches("a  c\nz"));
    assert!(!step(&["a … c"]).matches("a b d"));
    assert!(!step(&["a"]).matches("a\nb"));
    assert!(!step(&["a", "b"]).matches("a"));
    assert!(step(&["a", ""]).matches("a   \n\n"));
}
