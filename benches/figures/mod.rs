//! The figures that have a goal: each bench notes its own, and `make bench` ends with the table of all of them.
#![allow(dead_code, reason = "benches note figures, the summary reads them")]

use std::{env, fmt::Write as _, fs, io::Write as _};

/// A figure beside the one it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) what: String,
    /// With its unit.
    pub(crate) ours: String,
    /// With its unit: HAProxy's, or the goal itself where nobody else does the same.
    pub(crate) reference: String,
    /// Ours divided by the reference's; of rates where they are compared, else of times or sizes.
    pub(crate) ratio: f64,
    pub(crate) goal: Goal,
}

/// What is asked of a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn is_reached(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {most}"),
            Self::AtLeast(least) => format!("≥ {least}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (sign, number) = text.split_once(' ')?;
        let number = number.parse().ok()?;
        Some(if sign == "≤" { Self::AtMost(number) } else { Self::AtLeast(number) })
    }
}

/// Notes a figure for the table, if one is made: in the file that `PEERCTL_FIGURES` names, a line for each.
pub(crate) fn note(what: &str, ours: &str, reference: &str, ratio: f64, goal: Goal) {
    let Some(path) = env::var_os("PEERCTL_FIGURES") else { return };
    let mut file = fs::File::options().create(true).append(true).open(path).expect("a file that can be written");
    let line = format!("{what}\t{ours}\t{reference}\t{ratio}\t{}\n", goal.text());
    file.write_all(line.as_bytes()).expect("a file that can be written");
}

/// What was noted.
pub(crate) fn read(text: &str) -> Vec<Figure> {
    let figure = |line: &str| {
        let [what, ours, reference, ratio, goal] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
        let [what, ours, reference] = [what, ours, reference].map(str::to_owned);
        Some(Figure { what, ours, reference, ratio: ratio.parse().ok()?, goal: Goal::parse(goal)? })
    };
    text.lines().map(|line| figure(line).expect("a line of ours")).collect()
}

/// The table, and how many of its goals are reached.
pub(crate) fn table(figures: &[Figure]) -> String {
    let width = |of: fn(&Figure) -> &str| figures.iter().map(|figure| of(figure).chars().count()).max().unwrap_or(0);
    let what = width(|figure| &figure.what).max("figure".len());
    let ours = width(|figure| &figure.ours).max("ours".len());
    let reference = width(|figure| &figure.reference).max("reference".len());
    let mut text =
        format!("{:what$}  {:>ours$}  {:>reference$}  {:>6}  goal\n", "figure", "ours", "reference", "ratio");
    for figure in figures {
        let verdict = if figure.goal.is_reached(figure.ratio) { "reached" } else { "NOT REACHED" };
        let (ratio, goal) = (figure.ratio, figure.goal.text());
        let names = format!("{:what$}  {:>ours$}  {:>reference$}", figure.what, figure.ours, figure.reference);
        writeln!(text, "{names}  {ratio:>6.2}  {goal:6}  {verdict}").expect("memory takes it");
    }
    let reached = figures.iter().filter(|figure| figure.goal.is_reached(figure.ratio)).count();
    writeln!(text, "\n{reached} of {} goals are reached", figures.len()).expect("memory takes it");
    text
}
