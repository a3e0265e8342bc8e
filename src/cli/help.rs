//! What `--help` says beside the options: the commands in groups, and examples to learn from. The examples stand in a file
//! for each group, as the options do in `args`.

mod aggregate;
mod check;
mod hold;
mod live;
mod peers;
mod show;
mod syntax;
mod table;
mod watch;

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::args::Cli;
use crate::limits;

pub use aggregate::{AGGREGATE, AGGREGATE_STATUS};
pub use check::{CHECK, CHECK_IDS, EXPLAIN};
pub use hold::{FORGET, HOLD, HOLD_STATUS};
pub use live::{COMPARE, DUMP, PROBE, REPLAY, WAIT_SYNC};
pub use peers::{ADD, GENERATE, REMOVE};
pub use show::{GRAPH, SHOW};
pub use syntax::{COMPLETIONS, GRAMMAR, MAN, PARSE};
pub use table::{TABLE, TABLE_LIST, TABLE_SET};
pub use watch::WATCH;

/// The command line with its help: what parsing, completions and man pages are made from.
#[must_use]
pub fn command() -> Command {
    let command = with_limits(Cli::command());
    let template = template(&command);
    command.help_template(template)
}

/// The limits stand below `--help` of all commands that talk to peers.
fn with_limits(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    let live = |name: &str| GROUPS.iter().any(|(group, names)| *group == LIVE && names.contains(&name));
    let talks = |name: &str| live(name) && name != "forget";
    // Each is taken out and put behind the others, so all are, and stay in their order.
    names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |one| {
            let help = one.get_after_help().map(ToString::to_string).unwrap_or_default();
            let text = format!("{help}\n\nLimits of what others send:\n{}", limits::text());
            if talks(name) { one.after_long_help(text) } else { one }
        })
    })
}

/// The title of the commands that talk to peers.
const LIVE: &str = "Live";

/// The commands by group, in the order in which they are listed.
const GROUPS: &[(&str, &[&str])] = &[
    ("Configuration", &["generate", "add", "remove", "table", "show"]),
    ("Checks", &["check-ids", "check", "explain", "graph"]),
    (LIVE, &["probe", "dump", "watch", "replay", "compare", "wait-sync", "hold", "aggregate", "forget"]),
    ("Other", &["parse", "grammar", "completions", "man"]),
];

/// `clap` knows no groups of commands, so they are part of the template; what stands behind each name is the command's own.
fn template(command: &Command) -> String {
    let mut text = "{about}\n\n{usage-heading} {usage}\n".to_owned();
    let named = |name: &&str| command.find_subcommand(name);
    let width = GROUPS.iter().flat_map(|(_, names)| *names).map(|name| name.len()).max().unwrap_or(0);
    text.push('\n');
    for (title, names) in GROUPS {
        let _infallible = writeln!(text, "{title}:");
        for one in names.iter().filter_map(named) {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            let _infallible = writeln!(text, "  {:width$}  {about}", one.get_name());
        }
    }
    text.push_str("\nOptions:\n{options}{after-help}");
    text
}

/// Below the commands.
pub const ROOT: &str = "\
`peerctl COMMAND --help` has examples. INSTANCE is [NAME=]PATH[,PATH…].
Exit: 0 done, 1 findings or would change, 2 misuse, 3 I/O, 4 HAProxy refused,
5 incomplete, 6 not loaded, 128 + N ended by signal N";

/// The first words of the man page.
pub const LONG_ABOUT: &str = "\
peerctl sets up, changes, checks and shows HAProxy peers: the `peers` sections and stick tables of haproxy.cfg.

An INSTANCE is the configuration of one HAProxy process: [NAME=]PATH[,PATH…]. A PATH is a file, a directory (its *.cfg \
files, in the order HAProxy loads them) or - for standard input. Without one, /etc/haproxy/haproxy.cfg and \
/etc/haproxy/conf.d are read. NAME, if given, is the local peer's name where neither -L nor `localpeer` says one.

Edits touch no byte they weren't asked to, and are checked with `haproxy -c` before they are written.";

/// The last words of the man page.
pub const EXIT_CODES: &str = "\
0    done, or nothing to do
1    --check, and something would change; findings at or over --deny;
     what should hold doesn't (compare, wait-sync, probe, replay)
2    misuse: unknown name, table or section; input that can't be read
3    I/O, connection or TLS failure, missing file
4    HAProxy refused the result, or warned of something new about peers
     or tables: nothing was written
5    not everything came or went: time ran out, a resync was partial;
     what came is written
6    written, but --reload-cmd failed: written, NOT loaded
129  SIGHUP
130  interrupted
131  SIGQUIT
143  terminated";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_in_one_group() {
        let mut listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        listed.sort_unstable();
        let command = Cli::command();
        let mut known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        known.sort_unstable();
        assert_eq!(listed, known);
        let help = super::command().render_help().to_string();
        for one in command.get_subcommands() {
            let about = one.get_about().expect("each command says what it does").to_string();
            let line = |line: &&str| line.trim_start().starts_with(one.get_name()) && line.contains(&about);
            assert_eq!(help.lines().filter(line).count(), 1, "{}: one line in\n{help}", one.get_name());
        }
    }

    #[test]
    fn the_help_fits_on_one_screen() {
        for flag in ["-h", "--help"] {
            let printed = command().try_get_matches_from(["peerctl", flag]).expect_err("help is no run");
            let help = printed.to_string();
            assert!(help.lines().count() <= 40, "{} lines:\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= 80), "80 columns are enough:\n{help}");
        }
    }

    #[test]
    fn the_long_help_of_live_commands_lists_the_limits() {
        for name in ["probe", "dump", "watch", "replay", "compare", "wait-sync", "hold", "aggregate"] {
            let printed = command().try_get_matches_from(["peerctl", name, "--help"]).expect_err("help is no run");
            assert!(printed.to_string().contains(&limits::text()), "{name}: {printed}");
            let short = command().try_get_matches_from(["peerctl", name, "-h"]).expect_err("help is no run");
            assert!(!short.to_string().contains("Limits"), "{name}: {short}");
        }
    }

    #[test]
    fn every_command_teaches_with_an_example() {
        fn check(command: &Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example") && help.contains("peerctl "), "{} has an example", command.get_name());
            let long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 73).collect();
            assert!(long.is_empty(), "an example fits into 80 columns, in a man page, too: {long:?}");
            command.get_subcommands().for_each(check);
        }
        command().get_subcommands().for_each(check);
    }
}
