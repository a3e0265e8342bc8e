//! What a visit means, and what to change.

use std::time::Duration;

use super::visit::Visit;
use crate::cli::exit::Exit;
use crate::escape;
use crate::node::LinkError;
use crate::node::tls::TlsError;
use crate::output::probe::{Outcome, Report, Resync};
use crate::proto::hello::Status;
use crate::proto::session::Closed;

/// What is known of a peer beside its visit.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its name; `None` if only its address is known.
    pub(super) name: Option<Box<[u8]>>,
    /// Where it was called.
    pub(super) address: String,
    /// Our name.
    pub(super) us: String,
    /// Whether entries were asked for.
    pub(super) learns: bool,
    /// Whether the configuration has a line for our name.
    pub(super) listed: bool,
    /// Whether a call in TLS is answered in TLS, where a plain one wasn't answered.
    pub(super) speaks_tls: bool,
    /// The peers section of the configuration.
    pub(super) section: Option<String>,
    /// How long there was.
    pub(super) timeout: Duration,
}

/// What the visit means.
pub(super) fn report(asked: &Asked, visit: Visit) -> Report {
    let end = visit.end.as_ref();
    let (outcome, summary, advice) = if let Some(_version) = visit.established {
        let (summary, advice) = asked.established(&visit);
        (Outcome::Established, summary, advice)
    } else if let Some(LinkError::Session(Closed::Refused(status))) = end {
        let (summary, advice) = asked.refused(*status);
        (Outcome::Refused, summary, vec![advice])
    } else {
        asked.failed(&visit)
    };
    let status = match end {
        Some(LinkError::Session(Closed::Refused(status))) => Some(status.0),
        _ => visit.established.map(|_| Status::OK.0),
    };
    let learnt = visit.established.is_some() && asked.learns;
    let resync = match visit.resync {
        Some(true) => Resync::Finished,
        Some(false) => Resync::Partial,
        None => Resync::Unfinished,
    };
    Report {
        name: asked.name.clone(),
        address: asked.address.clone(),
        outcome,
        summary,
        status,
        protocol: visit.established.map(|version| version.to_string()),
        rtt: visit.answered,
        resync: learnt.then_some(resync),
        tables: visit.tables.into_values().collect(),
        advice,
    }
}

/// The exit code that a report stands for; `strict` asks to be listed, too.
pub(super) fn exit(report: &Report, strict: bool, listed: bool) -> Exit {
    match (report.outcome, report.status.map(Status)) {
        (Outcome::Established, _) if matches!(report.resync, Some(Resync::Partial | Resync::Unfinished)) => {
            Exit::Incomplete
        }
        (Outcome::Established, _) => Exit::Done,
        // Reachable, and all that can be known of it without a line or a name.
        (Outcome::Refused, Some(Status::PEER)) if !strict && !listed => Exit::Done,
        (Outcome::Refused, Some(Status::HOST)) if !strict && report.name.is_none() => Exit::Done,
        (Outcome::Refused, _) => Exit::WouldChange,
        _ => Exit::Io,
    }
}

impl Asked {
    /// What people call it.
    fn shown(&self) -> String {
        self.name.as_deref().map_or_else(|| self.address.clone(), |name| escape::name(name).into_owned())
    }

    fn established(&self, visit: &Visit) -> (String, Vec<String>) {
        let mut advice = Vec::new();
        let summary = match visit.resync {
            _ if !self.learns => "200 established".to_owned(),
            Some(true) => {
                if visit.tables.is_empty() {
                    advice.push(
                        "it announces no table: no `stick-table` there has `peers`, and its section has no `table` line"
                            .to_owned(),
                    );
                }
                "200 established, in sync".to_owned()
            }
            Some(false) => {
                advice.push(
                    "it gave what it has, but says that it isn't in sync itself: it was started a few seconds ago and still \
                     asks its own peers, or none of them answered. Look again in ten seconds."
                        .to_owned(),
                );
                "200 established, not in sync".to_owned()
            }
            None => {
                advice.push(match &visit.end {
                    Some(end) => format!("the session ended before all tables were seen: {end}"),
                    None => format!("its tables didn't end within {}; give more with --timeout", seconds(self.timeout)),
                });
                "200 established, tables incomplete".to_owned()
            }
        };
        (summary, advice)
    }

    /// What a status means. Each says what to change, and where.
    fn refused(&self, status: Status) -> (String, String) {
        let (name, us) = (self.shown(), &self.us);
        let section = self.section.as_ref().map_or_else(|| "its peers section".to_owned(), |s| format!("`peers {s}`"));
        let (what, advice) = match status {
            Status::TRY_AGAIN => (
                "it has a session of its own name".to_owned(),
                "somebody calls it under its own name now: its old process after a reload, or a tool that borrows the name. \
                 Try again in a few seconds."
                    .to_owned(),
            ),
            Status::PROTOCOL => (
                "it doesn't understand our hello".to_owned(),
                "what listens there knows the peers protocol in another form, or isn't HAProxy. Look at the port.".to_owned(),
            ),
            Status::VERSION => (
                "it doesn't take version 2.1 of the protocol".to_owned(),
                "HAProxy takes 2.0 and 2.1 since 1.5. Look at what runs there.".to_owned(),
            ),
            Status::HOST if self.name.is_none() => (
                "a peer; its name isn't known".to_owned(),
                "it speaks the peers protocol, and answers only to its own name, which it tells nobody: give NAME=ADDRESS to \
                 learn more. The name is that of `localpeer` in its `global`, of `haproxy -L`, or its host name."
                    .to_owned(),
            ),
            Status::HOST => (
                format!("it says it isn't `{name}`"),
                format!(
                    "the process on {} has another local peer name. On that machine look at `localpeer` in `global`, \
                     `haproxy -L`, or the host name; the section must list it under exactly that name, in every case.",
                    self.address
                ),
            ),
            Status::PEER if self.listed => (
                format!("it doesn't know `{us}` yet"),
                format!(
                    "the configuration has a line for `{us}` in {section}, but the running process doesn't: it was not \
                     reloaded after the change."
                ),
            ),
            Status::PEER => (
                format!("reachable, is `{name}`, doesn't list us"),
                format!(
                    "a HAProxy that calls itself `{name}` answers there. To see its tables and whether it is in sync, add a \
                     line for `{us}` to {section} and reload it (`peerctl add SECTION FILE --guest`), or give the name of a \
                     line it has with -L."
                ),
            ),
            other => (format!("status {other}"), "HAProxy has no such status. Look at what listens there.".to_owned()),
        };
        (format!("{status} {what}"), advice)
    }

    /// No status came.
    fn failed(&self, visit: &Visit) -> (Outcome, String, Vec<String>) {
        let connected = visit.connected.is_some();
        match &visit.end {
            Some(LinkError::Tls(error)) => {
                (Outcome::Tls, format!("TLS: {error}"), self.tls_advice(error).into_iter().collect())
            }
            Some(LinkError::Lookup { .. }) => {
                let advice = "write an address, or see to it that the name is known on this machine.".to_owned();
                (Outcome::Unreachable, self.text_of(visit), vec![advice])
            }
            Some(LinkError::Connect { kind, problem, .. }) => {
                let advice = match kind {
                    std::io::ErrorKind::ConnectionRefused => {
                        "nobody listens there: HAProxy doesn't run, its peers section was dropped because no peer has its \
                         name (look for a warning of `haproxy -c`), or the port is another one."
                    }
                    std::io::ErrorKind::TimedOut => {
                        "nothing came back: a firewall drops the packets, or the machine is down."
                    }
                    _ => "look at the address, and at the way to it.",
                };
                (Outcome::Unreachable, format!("no connection: {problem}"), vec![advice.to_owned()])
            }
            Some(LinkError::Foreign(foreign)) => {
                let advice = if foreign.is_tls() || self.speaks_tls {
                    TLS_THERE
                } else {
                    "another service listens on that port; look at the `bind` or `peer` line of the peers section."
                };
                (Outcome::Foreign, self.text_of(visit), vec![advice.to_owned()])
            }
            _ if self.speaks_tls => {
                (Outcome::Foreign, "it wants TLS, and was called in plain".to_owned(), vec![TLS_THERE.to_owned()])
            }
            Some(LinkError::Session(Closed::Eof { .. }) | LinkError::Lost { .. } | LinkError::CutOff) => {
                let advice = "it took the connection and closed it without a status: something else than peers listens \
                              there, it waits for a PROXY header (`accept-proxy`), or it has all the connections it takes.";
                (Outcome::NoAnswer, "closed without an answer".to_owned(), vec![advice.to_owned()])
            }
            Some(LinkError::Session(Closed::HandshakeTimeout)) | None if connected => {
                let advice = "it took the connection and said nothing: the process hangs or is stopped, or something else \
                              than peers listens there.";
                let time = seconds(self.timeout.min(Duration::from_secs(5)));
                (Outcome::NoAnswer, format!("connected, no answer for {time}"), vec![advice.to_owned()])
            }
            None => {
                let time = seconds(self.timeout);
                let advice = "nothing came back: a firewall drops the packets, the machine is down, or the name takes long to \
                              look up.";
                (Outcome::Unreachable, format!("no connection within {time}"), vec![advice.to_owned()])
            }
            Some(_) => (Outcome::NoAnswer, self.text_of(visit), Vec::new()),
        }
    }

    fn text_of(&self, visit: &Visit) -> String {
        visit.end.as_ref().map_or_else(|| format!("nothing within {}", seconds(self.timeout)), ToString::to_string)
    }

    fn tls_advice(&self, error: &TlsError) -> Option<String> {
        let side = if self.section.is_some() { "its line in this configuration" } else { "the command line" };
        Some(match error {
            TlsError::WrongName { .. } => {
                "give the name to check with `verifyhost`, or fix the certificate.".to_owned()
            }
            TlsError::Untrusted { .. } | TlsError::SelfSigned { .. } | TlsError::OtherIssuer { .. } => {
                format!("add its authority to the `ca-file` of {side}, or give it a certificate of yours.")
            }
            TlsError::Expired { .. } | TlsError::NotYetValid { .. } => {
                "renew the certificate there and reload; look at the clocks of both machines.".to_owned()
            }
            TlsError::Purpose => {
                "make a certificate with serverAuth and clientAuth: peers use it both ways.".to_owned()
            }
            TlsError::WantsCertificate => {
                "its `bind` has `verify required`: give ours with `crt` (--crt FILE).".to_owned()
            }
            TlsError::RefusesCertificate(_) => {
                "its `ca-file` must have the authority of our certificate, and that must not have expired.".to_owned()
            }
            TlsError::NotTls => format!(
                "it listens in plain: put `ssl crt FILE` on the `bind` line there (a `peer` line with `ssl` leaves it plain), \
                 or take `ssl` off {side}."
            ),
            TlsError::Incompatible => {
                "look at `ssl-min-ver`, `ssl-max-ver` and `ciphers` on its `bind` line; 1.2 and 1.3 will do.".to_owned()
            }
            TlsError::Closed => "it ended the handshake without a word; its log says why.".to_owned(),
            _ => return None,
        })
    }
}

const TLS_THERE: &str = "its listener speaks TLS: call it with `ssl` (--ssl --ca-file FILE --crt FILE), in every peers section \
                         that lists it.";

/// `5 s`, `300 ms`.
fn seconds(time: Duration) -> String {
    if time.as_millis().is_multiple_of(1000) {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}
