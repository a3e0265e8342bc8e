//! What `--help` says beside the options: the commands in groups, and examples to learn from.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::args::Cli;

/// The command line with its help: what parsing, completions and man pages are made from.
#[must_use]
pub fn command() -> Command {
    let command = Cli::command();
    let template = template(&command);
    command.help_template(template)
}

/// The commands by group, in the order in which they are listed.
const GROUPS: &[(&str, &[&str])] = &[
    ("Configuration", &["generate", "add", "remove", "table", "show"]),
    ("Checks", &["check-ids", "check", "explain", "graph"]),
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
Exit: 0 done, 1 would change, 2 misuse, 3 I/O, 4 HAProxy refused, 6 not loaded";

/// The first words of the man page.
pub const LONG_ABOUT: &str = "\
peerctl sets up, changes and shows HAProxy peers: the `peers` sections and stick tables of haproxy.cfg.

An INSTANCE is the configuration of one HAProxy process: [NAME=]PATH[,PATH…]. A PATH is a file, a directory (its *.cfg \
files, in the order HAProxy loads them) or - for standard input. Without one, /etc/haproxy/haproxy.cfg and \
/etc/haproxy/conf.d are read. NAME, if given, is the local peer's name where neither -L nor `localpeer` says one.

Edits touch no byte they weren't asked to, and are checked with `haproxy -c` before they are written.";

/// The last words of the man page.
pub const EXIT_CODES: &str = "\
0    done, or nothing to do
1    --check, and something would change
2    misuse: unknown name, table or section; input that can't be read
3    I/O failure, missing file
4    HAProxy refused the result, or warned of something new about peers
     or tables: nothing was written
6    written, but --reload-cmd failed: written, NOT loaded
130  interrupted
143  terminated";

/// `generate`.
pub const GENERATE: &str = "\
Examples:
  Two peers, the same section on both:
    peerctl generate mesh --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000

  The same with TLS, for lb1 (both sides check certificates):
    peerctl generate mesh --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000 -L lb1 --ssl \\
      --crt /etc/haproxy/lb1.pem --ca-file /etc/haproxy/ca.pem

  With a table of its own, which rules name as mesh/limits:
    peerctl generate mesh --peer lb1=10.0.0.1:10000 \\
      --table 'limits type ip size 1m expire 10m store gpc0'

Only the section goes to standard output: >> appends it to a file.";

/// `add`.
pub const ADD: &str = "\
Examples:
  Let all stick tables of two load balancers replicate; look first:
    peerctl add mesh lb1=lb1.cfg lb2=lb2.cfg --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000 --attach-all --set-localpeer \\
      --check --diff

  One more peer for a section that is there already:
    peerctl add mesh lb1.cfg lb2.cfg --peer lb3=10.0.0.3:10000

  Only two tables, and a line for this tool, so that it can watch:
    peerctl add mesh lb1.cfg --attach shop,api_limits --guest";

/// `remove`.
pub const REMOVE: &str = "\
Examples:
  One peer:
    peerctl remove mesh lb1.cfg lb2.cfg --peer lb3

  The section, and `peers mesh` on every stick table; look first:
    peerctl remove mesh lb1.cfg lb2.cfg --check --diff";

/// `table`.
pub const TABLE: &str = "\
Examples:
  peerctl table list lb1.cfg lb2.cfg
  peerctl table set shop lb1.cfg lb2.cfg --size 1m --expire 30m
  peerctl table set --all lb1.cfg lb2.cfg --peers mesh";

/// `table list`.
pub const TABLE_LIST: &str = "\
Examples:
  peerctl table list lb1.cfg lb2.cfg
  peerctl table list --format json | jq -r '.instances[].tables[].name'";

/// `table set`.
pub const TABLE_SET: &str = "\
Examples:
  More room and a longer life, on both load balancers:
    peerctl table set shop lb1.cfg lb2.cfg --size 1m --expire 30m

  Count requests, too, in two tables:
    peerctl table set shop,mesh/limits lb1.cfg \\
      --add-store 'http_req_rate(10s)'

  Longer keys; look at the change first:
    peerctl table set t1 lb1.cfg --type string --len 64 --diff --check

  Let all tables travel through the section mesh:
    peerctl table set --all lb1.cfg lb2.cfg --peers mesh

Only what is named changes; the rest of the line stays as it is.";

/// `show`.
pub const SHOW: &str = "\
Examples:
  This machine's configuration:
    peerctl show

  Two others, as HAProxy 2.6 reads them:
    peerctl show lb1=lb1.cfg lb2=lb2.cfg --haproxy-version 2.6

  The ids of the servers of backend shop:
    peerctl show lb1.cfg --format json |
      jq -r '.instances[].backends[] | select(.name == \"shop\") |
             .servers[] | \"\\(.id) \\(.name)\"'

Lines that HAProxy would refuse are notes on standard error; what can be
read is shown (exit 0). A file with statements and no section is no
configuration (exit 2). In JSON `params` of a peer are the words of the
`default-server` lines above it and its own; what can't be known
(`local`, `effective`, an `id`) is null.";

/// `graph`.
pub const GRAPH: &str = "\
Examples:
  A picture of two load balancers and what goes on between them:
    peerctl graph lb1.cfg lb2.cfg --format svg > peers.svg

  For a Markdown page:
    { echo '```mermaid'; peerctl graph lb1.cfg lb2.cfg; echo '```'; } \\
      >> README.md

  With Graphviz:
    peerctl graph lb*.cfg --format dot | dot -Tpng > peers.png

What doesn't match is red, with the reason; the exit code is 0 all the
same. Peers that none of the instances is are dashed. Lines for tools
such as this one (guests) are left out.";

/// `explain`.
pub const EXPLAIN: &str = "\
Examples:
  peerctl explain                      all rules
  peerctl explain peers-no-local       one of them, in full
  peerctl explain peers-no-local > peers-no-local.md

Off a terminal it prints Markdown.";

/// `check-ids`.
pub const CHECK_IDS: &str = "\
Examples:
  Do two load balancers number their servers alike?
    peerctl check-ids lb1.cfg lb2.cfg

  Write ids down where they don't; first look, and write nothing:
    peerctl check-ids --fix --check --diff lb1.cfg lb2.cfg

  In a pipeline, with a report for its web page:
    peerctl check-ids --report junit=ids.xml lb1.cfg lb2.cfg

  Write down all ids of backends that stick over peers:
    peerctl check-ids --fix --select server-id-implicit lb1.cfg lb2.cfg

It is `peerctl check` with the server-* rules. Exit 1 if there is a
finding at least as bad as --deny.";

/// `check`.
pub const CHECK: &str = "\
Examples:
  Two load balancers, as HAProxy 2.6 reads them:
    peerctl check lb1.cfg lb2.cfg --haproxy-version 2.6

  One file for two nodes, whose names decide:
    peerctl check lb1=haproxy.cfg lb2=haproxy.cfg

  All but one rule, warnings are failures, too:
    peerctl check --ignore server-id-gap --deny warning lb1.cfg lb2.cfg

A finding is allowed where it is by a comment on its line or the line
above; above a section it holds for all of it:
  # peerctl: allow CODE[,CODE]";

/// `parse`.
pub const PARSE: &str = "\
Examples:
  Where the sections are:
    peerctl parse haproxy.cfg |
      jq -r '.sections[] | \"\\(.line) \\(.keyword) \\(.name)\"'

  Lines that can't be read (the exit code is 0: the tree has them, too):
    peerctl parse haproxy.cfg | jq '.errors'

  Printing changes nothing, whatever the bytes:
    peerctl parse haproxy.cfg --format source | cmp - haproxy.cfg

Spans are bytes from the start of the file, columns count bytes from 1.
`text` is a word as it stands in the file, `value` what it means where
that differs; words from the environment have `references` instead. What
isn't UTF-8 comes as hex: `hex`, `value_hex`, `comment_hex`.";

/// `grammar`.
pub const GRAMMAR: &str = "\
Examples:
  peerctl grammar                what there is
  peerctl grammar line           how a line is cut into words (W3C EBNF)
  peerctl grammar server-params  parameters of server lines, with TABs";

/// `completions`.
pub const COMPLETIONS: &str = "\
Examples:
  peerctl completions bash > /etc/bash_completion.d/peerctl
  peerctl completions zsh > \"${fpath[1]}/_peerctl\"
  peerctl completions fish > ~/.config/fish/completions/peerctl.fish";

/// `man`.
pub const MAN: &str = "\
Example:
  peerctl man /usr/local/share/man/man1 && man peerctl-add";

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
            assert!(help.lines().count() <= 30, "{} lines:\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= 80), "80 columns are enough:\n{help}");
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
