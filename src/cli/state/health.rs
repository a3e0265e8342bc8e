//! How a state file is, and what people are told about it.

use super::StateFile;
use crate::cli::files::Found;
use crate::escape;

/// What a state file is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Health {
    /// It takes what comes.
    Well,
    /// It takes nothing at the moment, for this reason.
    Trouble(String),
    /// It takes nothing any more.
    Failed,
}

impl StateFile {
    /// What is worth telling about what was there when it was opened.
    #[must_use]
    pub fn notes(&self, found: &Found) -> Vec<String> {
        let name = escape::name(self.name().as_bytes());
        let cut = (found.cut > 0).then(|| format!("{name}: {} bytes of a torn end were cut off", found.cut));
        let damaged =
            found.damaged.1.as_ref().filter(|_| found.damaged.0 > 0).map(|first| {
                format!("{name}: {} damaged lines were passed over, the first one: {first}", found.damaged.0)
            });
        cut.into_iter().chain(damaged).collect()
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> Health {
        // One that is being replaced finds itself gone.
        let replaced = self.next.as_ref().is_some_and(|next| next.settling);
        if !replaced && self.current.recorder.waiting().is_err() {
            return Health::Failed;
        }
        let trouble = self.current.recorder.trouble().or_else(|| self.next.as_ref()?.stream.recorder.trouble());
        match trouble.or_else(|| self.problem.clone().filter(|_| self.gap)) {
            Some(why) => Health::Trouble(why),
            None => Health::Well,
        }
    }

    /// How it is, and what is to be told about that, if it is new.
    pub fn news(&mut self) -> (Health, Option<String>) {
        let health = self.health();
        let trouble = if let Health::Trouble(why) = &health { Some(why.clone()) } else { None };
        if trouble == self.told {
            return (health, None);
        }
        self.told.clone_from(&trouble);
        let text = match trouble {
            Some(why) => format!("the disk takes nothing: {why}; nothing is acknowledged, trying on for 30 s"),
            None if health == Health::Failed => "the disk took nothing any more".to_owned(),
            None => "the disk takes the state file again".to_owned(),
        };
        (health, Some(text))
    }
}
