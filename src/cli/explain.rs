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
    (strsim::damerau_levenshtein(typed, code) + 8).saturating_sub(4 * shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_rule() {
        for (typed, meant) in [("peer-no-local", "peers-no-local"), ("server-mismatch", "server-id-mismatch")] {
            let nearest = lint::all().iter().min_by_key(|rule| distance(typed, rule.code)).map(|rule| rule.code);
            assert_eq!(nearest, Some(meant), "{typed}");
        }
    }
}
