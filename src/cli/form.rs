//! What `peerctl add` asks on a terminal when nothing is given: the section, its peers row by row, what to attach; then
//! the diff, and whether to write it.

use std::io::IsTerminal as _;

use inquire::{
    Confirm, InquireError, MultiSelect, Select, Text,
    validator::{StringValidator, Validation},
};

use super::{
    add,
    args::AddArgs,
    edit::DEFAULT_VERSION,
    exit::Exit,
    failure::Failure,
    instances::{self, Loaded},
    stdout,
    view::View,
};
use crate::{
    config::draft,
    escape,
    model::Instance,
    ops::{
        OpError,
        spec::{check_address, check_name},
    },
};

/// The port most people give their peers; IANA has none for them.
const PORT: &str = "10000";

/// Whether there is somebody to ask, and nothing that would make asking needless.
#[must_use]
pub fn is_wanted(args: &AddArgs) -> bool {
    let nothing = args.peer.is_empty()
        && args.attach.is_empty()
        && args.aggregate.is_empty()
        && !args.attach_all
        && args.guest.is_none()
        && args.set_localpeer.is_none();
    nothing && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Asks, shows the diff, and writes if so wanted.
///
/// # Errors
/// As `add` with arguments; exit 130 where the form is left.
pub fn run(view: &View, args: &AddArgs) -> Result<Exit, Failure> {
    let mut args = args.clone();
    if args.instances.is_empty() {
        let answer = Text::new("Configuration:")
            .with_help_message("haproxy.cfg, or a directory of *.cfg; several instances with blanks between")
            .with_default("/etc/haproxy/haproxy.cfg")
            .prompt()
            .map_err(left)?;
        args.instances = answer.split_whitespace().map(str::to_owned).collect();
    }
    let loaded = instances::load(&args.instances, &args.read, DEFAULT_VERSION)?;
    if args.section.is_none() {
        args.section = Some(ask_section(&loaded)?);
    }
    let section = args.section.clone().unwrap_or_default();
    args.peer = ask_peers(&loaded, &section)?;
    ask_local(&loaded, &section, &mut args)?;
    ask_tables(&loaded, &section, &mut args)?;

    let mut preview = args.clone();
    (preview.write.how.check, preview.write.how.diff) = (true, true);
    if add::with_arguments(view, &preview)? == Exit::Done {
        return Ok(Exit::Done);
    }
    let (write, print) = ("Write it", "Only print the command");
    match Select::new("And now?", vec![write, print]).prompt().map_err(left)? {
        chosen if chosen == write => add::with_arguments(view, &args),
        _ => {
            stdout::print(|out| writeln!(out, "{}", command(&args)))?;
            Ok(Exit::Done)
        }
    }
}

fn ask_section(loaded: &[Loaded]) -> Result<String, Failure> {
    let instance = loaded.first().map(Loaded::instance);
    let found = instance.as_ref().and_then(|i| i.peers.first()).map(|s| escape::name(&s.name).into_owned());
    Text::new("Peers section:")
        .with_help_message("its name; an existing one is completed")
        .with_default(found.as_deref().unwrap_or("mesh"))
        .with_validator(checked(|text| check_name(text).map(|_| ())))
        .prompt()
        .map_err(left)
}

/// Rows of name, address and port until a row without a name.
fn ask_peers(loaded: &[Loaded], section: &str) -> Result<Vec<String>, Failure> {
    let instance = loaded.first().map(Loaded::instance);
    let existing = instance.as_ref().and_then(|i| i.section(section.as_bytes()));
    let known = existing.map_or(0, |s| s.entries.len());
    for entry in existing.map(|s| s.entries.as_slice()).unwrap_or_default() {
        let address = entry.address.as_deref().unwrap_or_default();
        // The prompt stands below: what is there already is shown as its context.
        println(&format!("  {} {}", escape::name(&entry.name), escape::name(address)));
    }
    let mut rows: Vec<String> = Vec::new();
    loop {
        let number = known + rows.len() + 1;
        let name = Text::new(&format!("Peer {number}, name:"))
            .with_help_message("enter alone ends the list")
            .with_validator(checked(|text| if text.is_empty() { Ok(()) } else { check_name(text).map(|_| ()) }))
            .prompt()
            .map_err(left)?;
        if name.is_empty() {
            return Ok(rows);
        }
        let host = Text::new(&format!("Peer {number}, address:"))
            .with_help_message("an IP address or a name; 10.0.0.1, 2001:db8::1, lb1.example")
            .with_validator(checked(|text| check_address(&format!("{}:1", bracketed(text))).map(|_| ())))
            .prompt()
            .map_err(left)?;
        let host = bracketed(&host);
        let port = Text::new(&format!("Peer {number}, port:"))
            .with_default(PORT)
            .with_validator(checked(|text| check_address(&format!("h:{text}")).map(|_| ())))
            .prompt()
            .map_err(left)?;
        rows.push(format!("{name}={host}:{port}"));
    }
}

/// An IPv6 address needs brackets before a port.
fn bracketed(host: &str) -> String {
    if host.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// Where one instance's own peer isn't known, which one it is.
fn ask_local(loaded: &[Loaded], section: &str, args: &mut AddArgs) -> Result<(), Failure> {
    let [only] = loaded else {
        let all = "Write each instance's name as its local peer (localpeer)?";
        if Confirm::new(all).with_default(true).prompt().map_err(left)? {
            args.set_localpeer = Some(None);
        }
        return Ok(());
    };
    let instance = only.instance();
    if !instance.localpeers.is_empty() || args.read.local.is_some() {
        return Ok(());
    }
    let existing = instance.section(section.as_bytes()).into_iter().flat_map(|s| &s.entries);
    let mut names: Vec<String> = existing.filter(|e| !e.guest).map(|e| escape::name(&e.name).into_owned()).collect();
    names.extend(args.peer.iter().filter_map(|p| p.split_once('=')).map(|(name, _)| name.to_owned()));
    let none = "leave it to -L or the host name".to_owned();
    names.push(none.clone());
    let chosen = Select::new("Which peer is this instance?", names)
        .with_help_message("written as `localpeer` into global")
        .prompt()
        .map_err(left)?;
    if chosen != none {
        args.set_localpeer = Some(Some(chosen));
    }
    Ok(())
}

/// The tables that don't replicate yet.
fn ask_tables(loaded: &[Loaded], section: &str, args: &mut AddArgs) -> Result<(), Failure> {
    let alone = |instance: &Instance<'_>| -> Vec<String> {
        let tables = instance.tables();
        let names =
            tables.iter().filter(|t| t.peers().is_none()).map(|t| String::from_utf8_lossy(&t.name).into_owned());
        names.collect()
    };
    // A table can be attached by name only where every instance has it.
    let mut lists = loaded.iter().map(|l| alone(&l.instance()));
    let Some(mut tables) = lists.next() else { return Ok(()) };
    for list in lists {
        tables.retain(|t| list.contains(t));
    }
    if tables.is_empty() {
        return Ok(());
    }
    let all: Vec<usize> = (0..tables.len()).collect();
    args.attach = MultiSelect::new(&format!("Tables that travel through `{section}`:"), tables)
        .with_default(&all)
        .prompt()
        .map_err(left)?;
    Ok(())
}

/// The same as a command, to be pasted into a shell.
fn command(args: &AddArgs) -> String {
    let mut words = vec!["peerctl".to_owned(), "add".to_owned()];
    words.extend(args.section.clone());
    words.extend(args.instances.clone());
    for peer in &args.peer {
        words.extend(["--peer".to_owned(), peer.clone()]);
    }
    match &args.set_localpeer {
        Some(Some(name)) => words.push(format!("--set-localpeer={name}")),
        Some(None) => words.push("--set-localpeer".to_owned()),
        None => {}
    }
    if !args.attach.is_empty() {
        words.extend(["--attach".to_owned(), args.attach.join(",")]);
    }
    let quoted: Vec<String> =
        words.iter().map(|w| String::from_utf8_lossy(&draft::quote(w.as_bytes())).into_owned()).collect();
    quoted.join(" ")
}

/// An answer is checked while it is typed, with the same rules as an argument.
fn checked(check: impl Fn(&str) -> Result<(), OpError> + Clone) -> impl StringValidator {
    move |text: &str| {
        Ok(match check(text) {
            Ok(()) => Validation::Valid,
            Err(error) => Validation::Invalid(error.help.into()),
        })
    }
}

/// Esc and Ctrl-C leave the form; nothing was written.
fn left(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::new(Exit::Interrupted, "left; nothing was written", "")
        }
        error => {
            let help = "give everything as arguments: peerctl add --help";
            Failure::new(Exit::Io, format!("can't ask on this terminal: {error}"), help)
        }
    }
}

fn println(line: &str) {
    // A terminal that is gone is found out by the next prompt.
    let _ = stdout::print(|out| writeln!(out, "{line}"));
}
