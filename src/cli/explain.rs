//! `peerctl explain`.

use std::io::IsTerminal as _;

use super::{exit::Exit, failure::Failure, stdout, view::View};
use crate::{
    escape,
    lint::{self, Rule, Severity},
    output::markdown,
};

/// Prints the documentation of the rule `code`; without a code, what rules there are.
///
/// # Errors
/// If there is no such rule.
pub fn run(view: &View, code: Option<&str>) -> Result<Exit, Failure> {
    let terminal = std::io::stdout().is_terminal();
    let text = match code {
        None => list(),
        Some(code) => {
            let rule = lint::find(code).ok_or_else(|| unknown(code))?;
            // The code is what people search and configure by: the title alone doesn't say it.
            let document = format!("{}\n`{}`: {}\n", rule.documentation().trim_end(), rule.code, rule.summary);
            if terminal { markdown::readable(&document, view.color(true)) } else { document }
        }
    };
    stdout::print(|out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Done)
}

/// One line a rule.
fn list() -> String {
    let rules = || lint::all().iter();
    let severities = |rule: &Rule| rule.severities().into_iter().map(Severity::word).collect::<Vec<_>>().join(", ");
    let width = rules().map(|rule| rule.code.len()).max().unwrap_or(0);
    let second = rules().map(|rule| severities(rule).len()).max().unwrap_or(0);
    rules().map(|rule| format!("{:width$}  {:second$}  {}\n", rule.code, severities(rule), rule.summary)).collect()
}

fn unknown(code: &str) -> Failure {
    let mut near: Vec<(usize, &Rule)> = lint::all().iter().map(|rule| (distance(code, rule.code), *rule)).collect();
    near.sort_by_key(|(distance, rule)| (*distance, rule.code));
    let names: Vec<String> = near.iter().take(NEAREST).map(|(_, rule)| format!("`{}`", rule.code)).collect();
    let message = format!("no rule `{}`", escape::name(code.as_bytes()));
    Failure::misuse(message, format!("the nearest are {}; `peerctl explain` lists all", names.join(", ")))
}

/// How many codes are offered instead of one that isn't there.
const NEAREST: usize = 3;

/// How far a code is from what was typed: words that occur in it count most, then single letters.
fn distance(typed: &str, code: &str) -> usize {
    let words = typed.split('-').filter(|word| word.len() > 1);
    let shared = words.filter(|word| code.split('-').any(|own| own == *word)).count();
    (letters(typed, code) + 8).saturating_sub(4 * shared)
}

/// The least number of letters to insert, delete or exchange.
fn letters(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (number, c) in a.chars().take(b.len() + 64).enumerate() {
        let mut diagonal = number;
        let mut left = number + 1;
        for (other, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let exchanged = diagonal + usize::from(*other != c);
            diagonal = *above;
            left = exchanged.min(left + 1).min(*above + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = number + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        assert_eq!(letters("", "abc"), 3);
        assert_eq!(letters("abc", ""), 3);
        assert_eq!(letters("kitten", "sitting"), 3);
        assert_eq!(letters("same", "same"), 0);
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_rule() {
        for (typed, meant) in [("peer-no-local", "peers-no-local"), ("server-mismatch", "server-id-mismatch")] {
            let nearest = lint::all().iter().min_by_key(|rule| distance(typed, rule.code)).map(|rule| rule.code);
            assert_eq!(nearest, Some(meant), "{typed}");
        }
    }
}
