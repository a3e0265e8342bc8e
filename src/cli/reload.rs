//! `--reload-cmd`: the command that makes HAProxy read its new files.

use std::process::{Command, ExitStatus};

use super::process::{self, Keep, LIMIT, ProgramError};
use crate::escape;

/// A command, cut into words and not run yet, so that a misspelt one is refused before anything is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReloadCommand {
    program: String,
    arguments: Vec<String>,
}

/// How a reload went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reloaded {
    /// What the command ended with.
    pub status: ExitStatus,
    /// What it printed on stdout and stderr, escaped.
    pub output: String,
}

/// Why a text is no command.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReloadCommandError {
    /// There is no word.
    #[error("--reload-cmd is empty; give a program and its arguments, like `systemctl reload haproxy`")]
    Empty,
    /// A quote isn't closed.
    #[error("--reload-cmd has a {0} that is never closed")]
    OpenQuote(char),
    /// It needs a shell.
    #[error("--reload-cmd is run without a shell, so `{0}` has no meaning in it; write a script, or `sh -c '…'`")]
    ShellOperator(String),
}

impl ReloadCommand {
    /// Cuts a text into words as a shell does: at blanks, with `'…'`, `"…"` and `\` to keep them. Nothing else has a
    /// meaning: no variable, no pattern; an operator such as `&&` is refused.
    ///
    /// # Errors
    /// See [`ReloadCommandError`].
    pub fn parse(text: &str) -> Result<Self, ReloadCommandError> {
        let mut words = words(text)?.into_iter();
        let program = words.next().ok_or(ReloadCommandError::Empty)?;
        Ok(Self { program, arguments: words.collect() })
    }

    /// Runs it; after a minute it is killed.
    ///
    /// # Errors
    /// If it can't be started or takes too long. A command that fails is no error here: see [`Reloaded::status`].
    pub fn run(&self) -> Result<Reloaded, ProgramError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        let finished = process::run(command, Keep::Both, LIMIT)?;
        Ok(Reloaded { status: finished.status, output: escape::text(&finished.output).into_owned() })
    }
}

fn words(text: &str) -> Result<Vec<String>, ReloadCommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => {
                push(&mut words, word.take(), quoted)?;
                quoted = false;
            }
            '\'' | '"' => {
                quoted = true;
                quote(c, &mut chars, word.get_or_insert_default())?;
            }
            '\\' => {
                quoted = true;
                word.get_or_insert_default().extend(chars.next());
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    push(&mut words, word, quoted)?;
    Ok(words)
}

/// Reads up to the closing quote.
fn quote(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), ReloadCommandError> {
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match chars.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                other => {
                    word.push('\\');
                    word.extend(other);
                }
            },
            c => word.push(c),
        }
    }
    Err(ReloadCommandError::OpenQuote(quote))
}

fn push(words: &mut Vec<String>, word: Option<String>, quoted: bool) -> Result<(), ReloadCommandError> {
    let Some(word) = word else { return Ok(()) };
    let operator = !word.is_empty() && word.trim_end_matches(['&', '|', ';', '<', '>']).is_empty();
    if operator && !quoted {
        return Err(ReloadCommandError::ShellOperator(word));
    }
    words.push(word);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_a_shell_cuts_them() {
        let cases: &[(&str, &[&str])] = &[
            ("systemctl reload haproxy", &["systemctl", "reload", "haproxy"]),
            ("  a\t b\n", &["a", "b"]),
            (
                "sh -c 'kill -USR2 $(cat \"/run/my pid\") && true'",
                &["sh", "-c", "kill -USR2 $(cat \"/run/my pid\") && true"],
            ),
            (r#"a "b \"c\" \n" d\ e '' x'y'"z""#, &["a", r#"b "c" \n"#, "d e", "", "xyz"]),
            ("docker kill -s HUP '&&' a&b", &["docker", "kill", "-s", "HUP", "&&", "a&b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).expect(text), *expected);
            let script = format!("printf '%s\\n' {}", text.trim().replace("a&b", "a\\&b"));
            let printed = Command::new("sh").args(["-c", &script]).output().expect("sh runs").stdout;
            assert_eq!(String::from_utf8_lossy(&printed), expected.join("\n") + "\n", "{text}");
        }
    }

    #[test]
    fn what_needs_a_shell_or_has_an_open_quote_is_refused() {
        assert_eq!(ReloadCommand::parse("  "), Err(ReloadCommandError::Empty));
        assert_eq!(ReloadCommand::parse("echo 'a"), Err(ReloadCommandError::OpenQuote('\'')));
        for operator in ["&&", "|", ";", ">"] {
            let text = format!("true {operator} false");
            assert_eq!(ReloadCommand::parse(&text), Err(ReloadCommandError::ShellOperator(operator.to_owned())));
        }
    }

    #[test]
    fn a_reload_reports_the_exit_code_and_escapes_the_output() {
        let command = ReloadCommand::parse(r"sh -c 'printf \\033; echo no >&2; exit 3'").expect("a command");
        let reloaded = command.run().expect("sh is there");
        assert_eq!((reloaded.status.code(), reloaded.output.as_str()), (Some(3), "\\x1bno\n"));
    }
}
