//! # A keyword that this version doesn't know
//!
//! ## What it does
//! Looks up the first word of each line, the word behind `option`, `timeout` and the rules (`http-request`, `tcp-request content`
//! …), and the parameters of `server`, `peer` and `bind` lines, in what the version in use (`--haproxy-version`, else what
//! `haproxy -v` says) knows in that section. Stick-table parameters and data types have a rule of their own.
//!
//! ## Why is this bad?
//! HAProxy refuses a file with a word that is unknown, was removed, or doesn't belong into the section. Where instances
//! run different versions, a file that starts on one of them doesn't start on the other. Of some words it only warns that
//! they have no effect.
//!
//! A word that no known version has is an error up to 3.2 and a note in later versions, which may have got it. Words that
//! depend on how HAProxy was built are notes, too.
//!
//! ## Example
//! ```haproxy
//! backend shop                      # HAProxy 2.6
//!   server web1 10.0.1.11:8080 ws auto check-reuse-pool
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 ws auto
//! ```
//! or a version that knows it.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2. Of backend options in a frontend, and the other way round, 2.6 and 3.0 warn; 3.2.26 refuses them.

use crate::{
    escape,
    grammar::{
        self, Lifetime, ParamTable, ParamUse, Version, keywords,
        section_keywords::{self, Verdict},
    },
    lint::{Context, Finding, Rule, Severity},
    model::{Known, Statement},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "keyword-unknown",
    summary: "a word is unknown to this version of HAProxy, removed, or in the wrong section",
    source: include_str!("keyword_unknown.rs"),
    check,
};

/// The last version whose words are all known here.
const LAST: Version = Version::new(3, 2);

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let mut reader = Reader { version: instance.version, section: Section::None };
        instance.statements(|statement| {
            let Some(remark) = reader.statement(statement) else { return };
            let label = context.word(index, statement.place, remark.word, remark.label);
            let severity = if statement.known == Known::Yes { remark.severity } else { Severity::Note };
            let mut finding = Finding::new(severity, remark.message, label).help(remark.help);
            finding.what_happens = match (statement.known, remark.severity) {
                (Known::Depends, _) => "It matters only where the condition around it is true.".to_owned(),
                (_, Severity::Error) => "HAProxy refuses the configuration.".to_owned(),
                (_, Severity::Warning) => "HAProxy warns and ignores the line.".to_owned(),
                (_, Severity::Note) => String::new(),
            };
            found.push(finding);
        });
    }
}

/// What is wrong with a line.
struct Remark {
    /// The raw word.
    word: usize,
    severity: Severity,
    message: String,
    label: String,
    help: String,
}

/// The section that lines belong to.
enum Section {
    /// There was none yet.
    None,
    /// This one.
    Of {
        /// Its keyword.
        keyword: Vec<u8>,
        /// Whether it has a name.
        named: bool,
    },
    /// One that the version doesn't know: its lines are not judged.
    Unknown,
}

/// A word that was looked up.
struct Looked<'w> {
    /// What people are told of: the word, with those before it.
    shown: &'w str,
    word: &'w [u8],
    raw: usize,
    section: &'w [u8],
    /// What stands before a second word, as the table calls it.
    after: Option<&'static str>,
}

struct Reader {
    version: Version,
    section: Section,
}

impl Reader {
    fn statement(&mut self, statement: &Statement<'_, '_>) -> Option<Remark> {
        if statement.header.is_some() {
            let named = !matches!(statement.words.get(1), b"" | b"from");
            self.section = Section::Of { keyword: statement.keyword().to_vec(), named };
            return None;
        }
        // `no` and `default` stand before the keyword they are about.
        let index = usize::from(matches!(statement.keyword(), b"no" | b"default") && statement.words.len() > 1);
        let word = statement.words.words.get(index)?;
        if word.referenced {
            return None;
        }
        let shown = escape::name(&word.bytes);
        let remark = |severity, message: String, label: &str, help: String| {
            Some(Remark { word: usize::from(word.first), severity, message, label: label.to_owned(), help })
        };
        let verdict = match &self.section {
            Section::Of { keyword, .. } => section_keywords::verdict(keyword, &word.bytes, self.version),
            Section::None | Section::Unknown => Verdict::Nowhere,
        };
        if let (Verdict::Elsewhere(_) | Verdict::Nowhere, Some(info)) = (verdict, keywords::section(&word.bytes, None))
        {
            self.section = Section::Unknown;
            let message = format!("HAProxy {} has no `{shown}` sections: {}", self.version, spoken(info.lifetime));
            let surely = section_keywords::is_absent(info.lifetime, self.version);
            return surely.then(|| remark(Severity::Error, message, "unknown section", String::new()))?;
        }
        let (section, named) = match &self.section {
            Section::Of { keyword, named } => (keyword, *named),
            // What stands before the first section is for the rule `syntax`.
            Section::None | Section::Unknown => return None,
        };
        let at = Looked { shown: &shown, word: &word.bytes, raw: usize::from(word.first), section, after: None };
        match verdict {
            Verdict::Named if !named => {
                let name = escape::name(section);
                let message = format!("`{shown}` is allowed only in a `{name}` section that has a name");
                let help = format!("give it one, `{name} NAME`, and let proxies take it with `from NAME`");
                remark(Severity::Error, message, "not allowed here", help)
            }
            Verdict::Fine | Verdict::Named => {
                self.second(statement, section, index).or_else(|| self.parameters(statement, section))
            }
            other => self.remark(other, &at),
        }
    }

    /// The word behind `option`, `http-request` and the like. `index` is where the line's keyword stands.
    fn second(&self, statement: &Statement<'_, '_>, section: &[u8], index: usize) -> Option<Remark> {
        let words = statement.words.words.get(index..)?;
        let (first, next) = (&*words.first()?.bytes, &words.get(1)?.bytes);
        let (after, position) = before_second(section, first, next)?;
        let word = words.get(position).filter(|word| !word.referenced && !word.bytes.is_empty())?;
        let name = word.bytes.split(|b| *b == b'(').next().unwrap_or_default();
        let number = name.strip_prefix(b"track-sc").is_some_and(|number| number.iter().all(u8::is_ascii_digit));
        let name = if number { b"track-sc" } else { name };
        // Lua scripts make words of their own.
        if name.starts_with(b"lua.") {
            return None;
        }
        let verdict = section_keywords::second(after, name, self.version);
        // What is ignored may be switched off.
        if matches!(verdict, Verdict::Fine) || (index > 0 && matches!(verdict, Verdict::Ignored)) {
            return None;
        }
        let before: Vec<_> = words.iter().take(position).map(|word| escape::name(&word.bytes)).collect();
        let shown = format!("{} {}", before.join(" "), escape::name(&word.bytes));
        let at = Looked { shown: &shown, word: name, raw: usize::from(word.first), section, after: Some(after) };
        self.remark(verdict, &at)
    }

    /// What is to be said of a word; nothing if it is fine.
    fn remark(&self, verdict: Verdict, at: &Looked<'_>) -> Option<Remark> {
        let (shown, name) = (at.shown, escape::name(at.section));
        let remark = |severity, message: String, label: &str, help: &str| {
            Some(Remark { word: at.raw, severity, message, label: label.to_owned(), help: help.to_owned() })
        };
        match verdict {
            Verdict::Fine | Verdict::Named => None,
            Verdict::Ignored => {
                let message = format!("`{shown}` has no effect in a `{name}` section");
                remark(Severity::Warning, message, "ignored", "take it out")
            }
            Verdict::NotAllowed => {
                let message = format!("`{shown}` is not allowed in a `{name}` section");
                remark(Severity::Error, message, "not allowed here", "")
            }
            Verdict::Removed => {
                let message = format!("`{shown}` was removed from HAProxy");
                let help = "HAProxy's own message says what to use instead: run `haproxy -c`";
                remark(Severity::Error, message, "removed", help)
            }
            Verdict::Build => {
                let message = format!("`{shown}` is known only to builds of HAProxy with a certain library");
                remark(Severity::Note, message, "", "`haproxy -vv` lists what it was built with")
            }
            Verdict::Elsewhere(lifetime) => {
                Some(self.elsewhere(shown, &format!("in a `{name}` section"), lifetime, at.raw))
            }
            Verdict::Nowhere => {
                let rows = if at.after.is_some() { section_keywords::all_second() } else { section_keywords::all() };
                let group = at.after.map_or(at.section, str::as_bytes);
                let words = rows.iter().filter(|row| row.section.as_bytes() == group).map(|row| row.word);
                let what = format!("no keyword of a `{name}` section");
                Some(self.nowhere(shown, &what, nearest(at.word, words), at.raw))
            }
        }
    }

    /// The first parameter of a `server`, `peer` or `bind` line that isn't known: what follows it can't be told apart.
    fn parameters(&self, statement: &Statement<'_, '_>, section: &[u8]) -> Option<Remark> {
        let words = &statement.words.words;
        let is_param = |at: usize| words.get(at).is_some_and(|w| ParamTable::Server.find(&w.bytes, None).is_some());
        let peers = section == b"peers";
        let (table, start) = match (statement.keyword(), section) {
            (b"server" | b"peer", _) if peers => (ParamTable::Server, if is_param(2) { 2 } else { 3 }),
            (b"server", b"backend" | b"listen" | b"ring") => (ParamTable::Server, 3),
            (b"server-template", b"backend" | b"listen") => (ParamTable::Server, 4),
            (b"default-server", b"backend" | b"listen" | b"defaults" | b"peers") => (ParamTable::Server, 1),
            (b"bind", b"frontend" | b"listen" | b"peers" | b"log-forward") => (ParamTable::Bind, 2),
            (b"default-bind", b"peers") => (ParamTable::Bind, 1),
            _ => return None,
        };
        let params = words.get(start..)?;
        let bytes: Vec<&[u8]> = params.iter().map(|word| &*word.bytes).collect();
        let absent =
            |param: &ParamUse| param.info.is_none_or(|info| section_keywords::is_absent(info.lifetime, self.version));
        let param = table.scan(&bytes, None).into_iter().find(absent)?;
        let word = params.get(param.keyword)?;
        if word.referenced {
            return None;
        }
        let (shown, raw) = (escape::name(&word.bytes), usize::from(word.first));
        let line = escape::name(statement.keyword());
        let Some(info) = param.info else {
            let help = nearest(&word.bytes, table.all().iter().map(|info| info.keyword));
            return Some(self.nowhere(&shown, &format!("no parameter of a `{line}` line"), help, raw));
        };
        Some(self.elsewhere(&shown, &format!("on a `{line}` line"), info.lifetime, raw))
    }

    /// A word that other versions know.
    fn elsewhere(&self, shown: &str, what: &str, lifetime: Lifetime, word: usize) -> Remark {
        // Older versions have such words, too, if they were built with QUIC.
        let severity = if shown.contains("quic") { Severity::Note } else { Severity::Error };
        let message = format!("`{shown}` {what} is unknown to HAProxy {}: {}", self.version, spoken(lifetime));
        let help = "take it out, or write it between `.if version_atleast(…)` and `.endif`".to_owned();
        Remark { word, severity, message, label: "unknown".to_owned(), help }
    }

    /// A word that no known version knows.
    fn nowhere(&self, shown: &str, what: &str, help: String, word: usize) -> Remark {
        let later = self.version > LAST;
        let severity = if later { Severity::Note } else { Severity::Error };
        let which = if later { format!(", up to HAProxy {LAST}") } else { String::new() };
        let message = format!("`{shown}` is {what}{which}");
        Remark { word, severity, message, label: "unknown".to_owned(), help }
    }
}

/// What the table of second words calls those before them, and which word of the line is the second one.
fn before_second(section: &[u8], first: &[u8], next: &[u8]) -> Option<(&'static str, usize)> {
    let after = match (first, section, next) {
        (b"option", b"backend", _) => "backend option",
        (b"option", b"defaults", _) => "defaults option",
        (b"option", b"frontend", _) => "frontend option",
        (b"option", b"listen", _) => "listen option",
        (b"timeout", b"backend", _) => "backend timeout",
        (b"timeout", b"defaults", _) => "defaults timeout",
        (b"timeout", b"frontend", _) => "frontend timeout",
        (b"timeout", b"listen", _) => "listen timeout",
        (_, section, _) if !matches!(section, b"backend" | b"defaults" | b"frontend" | b"listen") => return None,
        (b"http-request", ..) => "http-request",
        (b"http-response", ..) => "http-response",
        (b"http-after-response", ..) => "http-after-response",
        (b"tcp-request", _, b"connection") => return Some(("tcp-request connection", 2)),
        (b"tcp-request", _, b"session") => return Some(("tcp-request session", 2)),
        (b"tcp-request", _, b"content") => return Some(("tcp-request content", 2)),
        (b"tcp-response", _, b"content") => return Some(("tcp-response content", 2)),
        _ => return None,
    };
    Some((after, 1))
}

/// Which versions know a word, as far as they were probed.
fn spoken(lifetime: Lifetime) -> String {
    match lifetime.until {
        Some(until) => format!("known up to {until}"),
        None if lifetime.since > LAST => "known to later versions or other builds only".to_owned(),
        None => format!("known since {}", lifetime.since),
    }
}

/// `did you mean`, if a word is close.
fn nearest(word: &[u8], known: impl Iterator<Item = &'static str>) -> String {
    grammar::nearest(word, known).map_or_else(String::new, |known| format!("did you mean `{known}`?"))
}
