//! The pictures of the first page are of real runs: `PEERCTL_UPDATE=1 cargo test --test pictures` takes them anew, with HAProxy 3.2
//! and tmux. What doesn't change from run to run is compared each time.

mod docs {
    #[expect(dead_code, reason = "commands aren't repeated here")]
    pub(crate) mod shell;
}
mod support;

use std::{fs, path::PathBuf};

use anstyle_svg::Term;
use docs::shell::Shell;

fn picture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/pictures").join(name)
}

/// What a terminal shows, as a picture.
fn svg(shown: &str) -> String {
    Term::new().render_svg(shown.trim_end())
}

/// Runs what must succeed.
fn run(shell: &mut Shell, command: &str) -> String {
    let (status, shown) = shell.run(command);
    assert_eq!(status, 0, "$ {command}\n{shown}");
    shown
}

const ADD: &str = "cd docs/examples && peerctl add mesh lb1.cfg lb2.cfg --attach-all --set-localpeer --guest \
    --peer lb1=127.0.0.1:10001 --peer lb2=127.0.0.1:10002 >/dev/null";

const CHECK: &str = "peerctl check-ids --color always lb1.cfg lb2.cfg | sed '/^[0-9] instances/d'";

/// A client of each node, again and again, with other addresses each.
const LOAD: &str = "for node in 1 2; do (while :; do for client in 77 77 77 77 9 9 31 200; do
    curl -s --interface 127.0.113.$client http://127.0.0.1:808$node/hello >/dev/null; done; sleep 0.2; done) & done";

fn checked(shell: &mut Shell) -> String {
    run(shell, ADD);
    format!("\u{1b}[1m$ peerctl check-ids lb1.cfg lb2.cfg\u{1b}[0m\n{}", run(shell, CHECK).trim_end())
}

#[test]
fn the_picture_of_check_ids_is_what_it_prints() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let now = svg(&checked(&mut Shell::start(&haproxy.path)));
    let path = picture("check-ids.svg");
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        fs::write(&path, &now).expect("it can be written");
    }
    assert_eq!(fs::read_to_string(path).expect("there is one"), now, "PEERCTL_UPDATE=1 cargo test --test pictures");
}

#[test]
fn the_pictures_of_live_tables_are_of_a_real_run() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        let mut shell = Shell::start(&haproxy.path);
        run(&mut shell, ADD);
        run(&mut shell, "haproxy -D -f lb1.cfg -p lb1.pid && haproxy -D -f lb2.cfg -p lb2.pid");
        run(&mut shell, "peerctl wait-sync -f lb1.cfg --min-entries 0");
        run(&mut shell, LOAD);
        run(&mut shell, "tmux -L pictures new-session -d -x 84 -y 14 'peerctl watch -f lb1.cfg --table st_src'");
        run(&mut shell, "sleep 12");
        let shown = run(&mut shell, "tmux -L pictures capture-pane -e -p");
        fs::write(picture("watch.svg"), svg(&shown)).expect("it can be written");
        drop(shell);

        let mut shell = Shell::start(&haproxy.path);
        run(
            &mut shell,
            "cd docs/examples && peerctl add agg lb1.cfg lb2.cfg --attach st_src --set-localpeer \
            --peer lb1=127.0.0.1:10001 --peer lb2=127.0.0.1:10002 --aggregate agg1=127.0.0.1:10009 >/dev/null",
        );
        run(
            &mut shell,
            "peerctl generate agg --peer lb1=127.0.0.1:10001 --peer lb2=127.0.0.1:10002 \
            --aggregate agg1=127.0.0.1:10009 -L agg1 | sed -e 's|/run/peerctl/||' -e 's|/var/lib/peerctl/||' >agg1.conf",
        );
        run(&mut shell, "haproxy -D -f lb1.cfg -p lb1.pid && haproxy -D -f lb2.cfg -p lb2.pid");
        run(&mut shell, LOAD);
        run(&mut shell, "peerctl aggregate -f agg1.conf 2>agg1.log & sleep 12");
        let mut shown = String::new();
        for (command, shown_as) in [
            ("peerctl aggregate status --control aggregate.sock", "peerctl aggregate status"),
            (DUMP, "peerctl dump -f lb1.cfg --socket lb1.sock --table st_src --table st_src.agg --format table"),
        ] {
            shown += &format!("\u{1b}[1m$ {shown_as}\u{1b}[0m\n{}\n\n", run(&mut shell, command).trim_end());
        }
        fs::write(picture("aggregate.svg"), svg(&shown)).expect("it can be written");
    }
    for (name, words) in [
        ("watch.svg", ["lb1", "in sync", "127.0.113.77"].as_slice()),
        ("aggregate.svg", &["st_src → st_src.agg", "2 sources", "lease: valid", "127.0.113.77"]),
    ] {
        let text = fs::read_to_string(picture(name)).expect("there is one");
        assert!(words.iter().all(|word| text.contains(word)), "{name} shows {words:?}");
    }
}

const DUMP: &str =
    "peerctl dump -f lb1.cfg --socket lb1.sock --table st_src --table st_src.agg --format table --color always";
