//! `peerctl completions`.

use clap_complete::Shell as Generator;

use super::{args::Shell, exit::Exit, failure::Failure, help, stdout};

/// Prints the completion script of a shell.
///
/// # Errors
/// If standard output can't be written.
pub fn run(shell: Shell) -> Result<Exit, Failure> {
    let text = script(shell);
    stdout::print(|out| out.write_all(&text))?;
    Ok(Exit::Done)
}

/// The completion script of a shell.
#[must_use]
pub fn script(shell: Shell) -> Vec<u8> {
    let generator = match shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
        Shell::Elvish => Generator::Elvish,
        Shell::Powershell => Generator::PowerShell,
    };
    let mut text = Vec::new();
    clap_complete::generate(generator, &mut help::command(), "peerctl", &mut text);
    text
}
