//! What README and docs tell people to type works, and prints what they say it prints.
//!
//! Each block of kind `console` is run, in the order of its page, in one shell: in a folder that holds a copy of
//! `docs/examples`, with `peerctl` and HAProxy 3.2 in `PATH`, in a network of its own.
//!
//! * A line that begins with `$ ` is a command; it goes on while lines end with `\`, and after `<<'END'` up to `END`. What follows is its output, errors
//!   included. `…` stands for anything within a line; alone in a line, for any lines. A command without output may print what
//!   it likes.
//! * A command that fails is followed by `$ echo $?`.
//! * `<!-- eventually -->` before a block: each of its commands is repeated until it prints what stands there.
//! * `<!-- prepared: NAME -->`: `tests/docs/NAME.sh` is run before, for pages that expect something to be there already.

mod docs {
    pub(crate) mod page;
    pub(crate) mod shell;
}
mod support;

use std::{fs, path::Path};

use docs::page::{Block, Page};
use docs::shell::Shell;

fn run(name: &str) {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let page = Page::read(name);
    let mut shell = Shell::start(&haproxy.path);
    for Block { line, steps, eventually, prepared } in &page.blocks {
        if let Some(prepared) = prepared {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docs").join(format!("{prepared}.sh"));
            let (status, shown) = shell.run(&format!(". '{}'", script.display()));
            assert_eq!(status, 0, "{prepared}.sh: {shown}");
        }
        for (at, step) in steps.iter().enumerate() {
            let place = format!("{name}:{}: $ {}", line + step.line, step.command);
            let is_told = steps.get(at + 1).is_some_and(|next| next.command == "echo $?");
            let is_it = |status, shown: &str| step.matches(shown) && (status == 0 || is_told);
            let (status, shown) = shell.run_until(&step.command, |status, shown| !eventually || is_it(status, shown));
            assert!(step.matches(&shown), "{place}\nprinted:\n{shown}\ninstead of:\n{}", step.output.join("\n"));
            assert!(status == 0 || is_told, "{place}\nfails with {status}, and nothing says so:\n{shown}");
        }
    }
}

macro_rules! pages {
    ($($test:ident: $page:literal)*) => {
        $(#[test] fn $test() { run($page); })*

        #[test]
        fn every_page_with_commands_is_run() {
            let known = [$($page),*];
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
            let docs = fs::read_dir(folder.join("docs")).expect("a folder").map(|entry| {
                format!("docs/{}", entry.expect("readable").file_name().to_string_lossy())
            });
            let pages = docs.filter(|name| name.ends_with(".md")).chain(["README.md".to_owned()]);
            // The examples of rules are wrong on purpose; `tests/lint_fixtures.rs` runs their like.
            for name in pages.filter(|name| name != "docs/rules.md") {
                let page = Page::read(&name);
                assert_eq!(page.stray, Vec::<usize>::new(), "{name}: commands stand in blocks of kind `console`");
                let has_commands = !page.blocks.is_empty();
                assert_eq!(known.contains(&&*name), has_commands, "{name}: a page with commands is in this list");
            }
        }
    };
}

pages! {
    the_first_page: "README.md"
    set_up_peers_on_two_instances: "docs/set-up-peers.md"
    check_ids_in_ci: "docs/check-ids.md"
    find_out_why_peers_do_not_sync: "docs/troubleshooting.md"
    limit_rates_over_all_nodes: "docs/limits.md"
    survive_restarts: "docs/restarts.md"
    live_tables: "docs/live.md"
    hold: "docs/hold.md"
    aggregation: "docs/aggregation.md"
}
