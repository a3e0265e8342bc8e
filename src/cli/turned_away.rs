//! Callers that were turned away, for whoever waits for a call that doesn't come.

use crate::escape;
use crate::node::{Refusal, RefusalReason};
use crate::proto::session::TurnedAway as Hello;

/// The most that are told.
const MOST: usize = 8;

/// What was said of callers, each thing once.
#[derive(Clone, Debug, Default)]
pub struct TurnedAway {
    lines: Vec<String>,
}

impl TurnedAway {
    /// Another one.
    pub fn note(&mut self, refusal: &Refusal) {
        let line = format!("{refusal}{}", advice(refusal));
        if self.lines.len() < MOST && !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// A line for each, with what to do about it.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// What whoever started us, or looks after HAProxy, can do.
fn advice(refusal: &Refusal) -> String {
    let name = escape::name(refusal.name.as_deref().unwrap_or_default());
    match &refusal.reason {
        RefusalReason::Hello(Hello::OtherHost) => {
            format!("; if its line for us has that name, give -L {name}")
        }
        RefusalReason::Hello(Hello::Unknown) => format!("; if that is the one you mean, name `{name}`"),
        RefusalReason::Hello(Hello::OurName) => {
            "; a HAProxy has that name: this program needs one of its own (-L), and a line in the section".to_owned()
        }
        RefusalReason::Hello(Hello::NotAHello) => {
            "; if HAProxy calls in TLS, give --ssl, --crt and --ca-file".to_owned()
        }
        RefusalReason::Address => {
            "; the peers' addresses are numbers, so only these may call: name a peer by the address it calls from"
                .to_owned()
        }
        _ => String::new(),
    }
}
