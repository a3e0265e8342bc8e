//! `peerctl probe`: why peers don't sync.

mod definitions;
mod sockets;
mod verdict;
mod visit;

use std::rc::Rc;
use std::time::Duration;

use super::args::{Format, ProbeArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::files;
use super::stderr::tell;
use super::stdout;
use super::target::{self, Configuration, Identity, Target, Targets};
use super::view::View;
use crate::escape;
use crate::node::tls::{ClientTls, ClientTlsOptions, Expected};
use crate::node::{self, LinkError, Retry};
use crate::output::probe::{Outcome, Report, json, text};
use crate::proto::session::Closed;
use crate::runtime::Severity;

use definitions::{Whose, differences};
use verdict::Asked;
use visit::Visit;

/// Calls peers, and says what they answer, what that means and what to change.
///
/// # Errors
/// If it isn't clear whom to call, or nothing can be printed. What peers do wrong is in the exit code.
pub fn run(view: &View, args: &ProbeArgs) -> Result<Exit, Failure> {
    if args.connect.listen.is_some() {
        return Err(Failure::misuse("probe calls peers, and --listen waits for them to call", "leave --listen out"));
    }
    let sockets = sockets::ask(&args.socket)?;
    let only_sockets =
        !sockets.is_empty() && args.peers.is_empty() && args.connect.config.is_none() && args.connect.section.is_none();
    let targets = if only_sockets {
        Targets { peers: Vec::new(), listen: None, configuration: None, notes: Vec::new() }
    } else {
        target::resolve(view, &args.connect, &args.peers, Identity::Anybody)?
    };
    tell(&targets.notes);
    let timeout = Duration::from_millis(args.timeout.ms().into());
    let guard = files::Guard::note();
    let visits = visits(&targets, !args.handshake_only, timeout)?;
    let signal = files::interrupted();
    let speaks_tls = try_tls(&targets, &visits, timeout)?;
    drop(guard);
    let mut exit = Exit::Done;
    let mut reports = Vec::new();
    for ((target, visit), speaks_tls) in targets.peers.iter().zip(visits).zip(speaks_tls) {
        if signal.is_some() && !visit.is_over() {
            tell(&[format!("{}: interrupted before it had answered", target.shown())]);
            continue;
        }
        let asked = asked(args, &targets, target, speaks_tls, timeout);
        let mut report = verdict::report(&asked, visit);
        exit = worse(exit, verdict::exit(&report, args.strict, asked.listed));
        let differ = targets.configuration.as_ref().map(|configuration| compared(configuration, target, &report));
        if let Some(differ) = differ.filter(|differ| !differ.is_empty()) {
            exit = worse(exit, Exit::WouldChange);
            report.advice.extend(differ);
        }
        reports.push(report);
    }
    let views = sockets.into_iter().map(sockets::Asked::view).collect::<Result<Vec<_>, _>>()?;
    if views.iter().flat_map(|view| &view.advice).any(|advice| advice.severity == Severity::Problem) {
        exit = worse(exit, Exit::WouldChange);
    }
    let look = view.output();
    stdout::print(|out| match args.format {
        Format::Json => json::print(&reports, &views, out),
        Format::Human => text::print(&reports, &views, look.color, look.width, out),
    })?;
    Ok(signal.map_or(exit, Exit::of_signal))
}

/// All calls at once.
fn visits(targets: &Targets, learns: bool, timeout: Duration) -> Result<Vec<Visit>, Failure> {
    let calls = targets.peers.iter().map(|target| target.call(Retry::Never)).collect::<Result<Vec<_>, _>>()?;
    called(calls, learns, timeout)
}

fn called(calls: Vec<node::Target>, learns: bool, timeout: Duration) -> Result<Vec<Visit>, Failure> {
    visit::call(calls, b"peerctl", learns, timeout).map_err(|error| Failure::events(&error))
}

/// For each peer whether it answers a call in TLS, where one in plain got no answer.
fn try_tls(targets: &Targets, visits: &[Visit], timeout: Duration) -> Result<Vec<bool>, Failure> {
    let options =
        ClientTlsOptions { trust: None, revoked: None, expected: Expected::Anything, certificate: None, sni: None };
    let tls = ClientTls::new(&options).map_err(|error| Failure::new(Exit::Io, error.to_string(), ""))?;
    let tls = Rc::new(tls);
    let silent = |visit: &Visit| {
        let end = visit.end.as_ref();
        visit.connected.is_some()
            && visit.established.is_none()
            && matches!(
                end,
                None | Some(LinkError::Session(Closed::Eof { .. } | Closed::HandshakeTimeout) | LinkError::Lost { .. })
            )
    };
    let mut again = Vec::new();
    let mut calls = Vec::new();
    for (n, (target, visit)) in targets.peers.iter().zip(visits).enumerate() {
        if target.tls.is_none() && silent(visit) {
            again.push(n);
            calls.push(node::Target { tls: Some(Rc::clone(&tls)), ..target.call(Retry::Never)? });
        }
    }
    let mut answers = vec![false; visits.len()];
    if calls.is_empty() || files::interrupted().is_some() {
        return Ok(answers);
    }
    for (n, visit) in again.into_iter().zip(called(calls, false, timeout.min(Duration::from_secs(2)))?) {
        if let Some(answer) = answers.get_mut(n) {
            *answer = visit.secured.is_some();
        }
    }
    Ok(answers)
}

fn asked(args: &ProbeArgs, targets: &Targets, target: &Target, speaks_tls: bool, timeout: Duration) -> Asked {
    let configuration = targets.configuration.as_ref();
    let listed = configuration.is_some_and(|configuration| {
        let instance = configuration.loaded.instance();
        instance.section(&configuration.section).is_some_and(|section| section.entry(&target.us).is_some())
    });
    Asked {
        name: target.name.clone(),
        address: target.address.as_ref().map(ToString::to_string).unwrap_or_default(),
        us: escape::name(&target.us).into_owned(),
        learns: !args.handshake_only,
        listed,
        speaks_tls,
        section: configuration.map(|configuration| escape::name(&configuration.section).into_owned()),
        timeout,
    }
}

/// What the configuration says otherwise than the peer.
fn compared(configuration: &Configuration, target: &Target, report: &Report) -> Vec<String> {
    let complete = report.outcome == Outcome::Established
        && matches!(
            report.resync,
            Some(crate::output::probe::Resync::Finished | crate::output::probe::Resync::Partial)
        );
    let instance = configuration.loaded.instance();
    let (Some(section), true) = (instance.section(&configuration.section), complete) else { return Vec::new() };
    let own = instance.local.name.as_deref().is_some_and(|name| target.name.as_deref() == Some(name));
    let whose = if own { Whose::Its } else { Whose::Another };
    differences(&instance, section, &report.shown(), whose, &report.tables)
}

/// The worse of two, in the order 3, 5, 1.
fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Io => 3,
        Exit::Incomplete => 2,
        Exit::Done => 0,
        _ => 1,
    };
    if rank(other) > rank(one) { other } else { one }
}
