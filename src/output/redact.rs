//! The redactor: passwords, tokens and keys of a configuration never get into anything that is printed.
//!
//! What is secret is told from the words of a line: by the table `grammar/secrets.tsv`, and by what secrets look like
//! wherever they stand (credentials in URLs, `token=…`, PEM blocks), in comments, too. It rather hides too much than too
//! little; edits write the true bytes, only the view is redacted.
//!
//! ```
//! use peerctl::{config::{Document, LineNo}, output::redact::Redactor};
//!
//! let document = Document::parse(b"stats auth admin:hunter2\n".to_vec())?;
//! let shown = Redactor::new([7; 32]).line(&document, LineNo(0)).expect("it holds a secret");
//! assert!(String::from_utf8_lossy(&shown).starts_with("stats auth admin:‹redacted sha256:"));
//! assert_eq!(Redactor::showing_all().line(&document, LineNo(0)), None);
//! # Ok::<(), peerctl::config::TooLong>(())
//! ```

mod pattern;
mod pem;
mod words;

use std::{borrow::Cow, collections::BTreeSet};

use sha2::{Digest, Sha256};

use crate::{
    config::{Document, Environment, LineNo, decode},
    escape,
    grammar::secrets,
    model::{Instance, reading::Place},
    span::Span,
};

/// Hides secrets, or doesn't. One for a whole run, so that equal secrets look alike in all that is printed.
#[derive(Clone)]
pub struct Redactor {
    /// Makes it impossible to guess a short secret from what is shown for it; `None` if nothing is hidden.
    key: Option<[u8; 32]>,
}

impl Redactor {
    /// A redactor with a random key, which must be a new one for each run.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key: Some(key) }
    }

    /// One that hides nothing: `--show-secrets`.
    #[must_use]
    pub const fn showing_all() -> Self {
        Self { key: None }
    }

    /// Has what a configuration takes from variables whose names say that they are secret be shown as what refers to them, like
    /// `${API_TOKEN}`, in all that is printed from now on: names, addresses, what a finding quotes.
    pub fn refer_to_variables<'d>(&self, documents: impl IntoIterator<Item = (&'d Document, &'d Environment)>) {
        for (document, environment) in documents.into_iter().filter(|_| self.key.is_some()) {
            let set = document.lines().filter_map(|line| set_variable(document, line));
            let given = environment.iter().map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
            // What is shorter stands in other words, too.
            for (name, value) in given.chain(set).filter(|(_, value)| value.len() >= 6) {
                if secrets::is_secret_variable(&name) && takes(document.text(), &name) {
                    escape::refer(&value, &format!("${{{}}}", escape::name(&name)));
                }
            }
        }
    }

    /// The bytes of a line that are secret, in order, without overlaps.
    #[must_use]
    pub fn spans(&self, document: &Document, line: LineNo) -> Vec<Span> {
        if self.key.is_none() { Vec::new() } else { secret_spans(document, line) }
    }

    /// A line as it may be shown, without its line end; `None` for a line without secrets, which may be shown as it is.
    #[must_use]
    pub fn line(&self, document: &Document, line: LineNo) -> Option<Vec<u8>> {
        self.replaced(document, line, |secret| self.mark(secret).into_bytes())
    }

    /// The same with `*` for each byte of a secret, for where no column may move.
    #[must_use]
    pub fn starred_line(&self, document: &Document, line: LineNo) -> Option<Vec<u8>> {
        self.replaced(document, line, |secret| vec![b'*'; secret.len()])
    }

    /// A document as it may be shown whole, each byte of a secret a `*`: every line and word is where it was.
    #[must_use]
    pub fn document(&self, document: &Document) -> Option<Document> {
        let mut text = document.text().to_vec();
        for line in document.lines() {
            for span in self.spans(document, line) {
                let secret = text.get_mut(span.start as usize..span.end as usize);
                secret.unwrap_or_default().fill(b'*');
            }
        }
        if text == document.text() { None } else { Document::parse(text).ok() }
    }

    /// Words as they may be shown, if they are parameters of one line, such as those of a `server`.
    #[must_use]
    pub fn parameters<'w>(&self, words: &[&'w [u8]]) -> Vec<Cow<'w, [u8]>> {
        let mut shown: Vec<Cow<'w, [u8]>> = words.iter().map(|word| Cow::Borrowed(*word)).collect();
        if self.key.is_some() {
            for (word, range) in words::secrets_of_parameters(words) {
                let Some(text) = words.get(word) else { continue };
                let secret = text.get(range.clone()).unwrap_or_default();
                let (head, tail) = (text.get(..range.start), text.get(range.end..));
                let mark = self.mark(secret);
                if let Some(place) = shown.get_mut(word) {
                    *place = Cow::Owned([head.unwrap_or_default(), mark.as_bytes(), tail.unwrap_or_default()].concat());
                }
            }
        }
        shown
    }

    /// The value of a word of a line as it may be shown: hidden where a part of the word is secret, such as the default of a
    /// variable.
    #[must_use]
    pub fn word<'v>(&self, instance: &Instance<'_>, place: Place, word: usize, value: &'v [u8]) -> Cow<'v, [u8]> {
        if self.key.is_some() && is_secret(instance, place, word) {
            Cow::Owned(self.mark(value).into_bytes())
        } else {
            Cow::Borrowed(value)
        }
    }

    /// Texts of another program that read `documents` with `environment`, and may quote them, as they may be shown. The
    /// texts are escaped already.
    #[must_use]
    pub fn texts(&self, mut texts: Vec<String>, documents: &[&Document], environment: &Environment) -> Vec<String> {
        if self.key.is_none() {
            return texts;
        }
        let mut known: BTreeSet<&[u8]> = BTreeSet::new();
        for document in documents {
            for line in document.lines() {
                let secrets = secret_spans(document, line).into_iter();
                known.extend(secrets.map(|span| span.of(document.text())));
            }
        }
        let variables = environment.iter().filter(|(name, _)| secrets::is_secret_variable(name));
        known.extend(variables.map(|(_, value)| value));
        // What is this short stands in other words, too, and is guessed anyway.
        for secret in known.iter().filter(|secret| secret.len() >= 3) {
            for form in forms(secret) {
                for text in &mut texts {
                    if text.contains(&form) {
                        *text = text.replace(&form, &self.mark(secret));
                    }
                }
            }
        }
        texts.iter().map(|text| self.own_secrets(text)).collect()
    }

    /// What hides the secrets of `lines` in messages that may quote them.
    pub fn quotes_of<'d>(&self, lines: impl IntoIterator<Item = (&'d Document, LineNo)>) -> Quotes {
        let mut secrets: Vec<(String, String)> = Vec::new();
        for (document, line) in lines {
            for span in self.spans(document, line) {
                let secret = span.of(document.text());
                // What is this short stands in other words, too, and is guessed anyway.
                if secret.len() >= 3 {
                    secrets.extend(forms(secret).into_iter().map(|form| (form, self.mark(secret))));
                }
            }
        }
        Quotes { secrets }
    }

    /// What stands for a secret: `‹redacted sha256:3f7a90c1›`. Equal secrets give equal texts, in one run.
    fn mark(&self, secret: &[u8]) -> String {
        let key = self.key.as_ref().map_or(&[][..], |key| key.as_slice());
        let digest = Sha256::new().chain_update(key).chain_update(secret).finalize();
        let [a, b, c, d] = [0, 1, 2, 3].map(|n| digest.get(n).copied().unwrap_or_default());
        format!("‹redacted sha256:{a:02x}{b:02x}{c:02x}{d:02x}›")
    }

    fn replaced(&self, document: &Document, line: LineNo, with: impl Fn(&[u8]) -> Vec<u8>) -> Option<Vec<u8>> {
        let spans = self.spans(document, line);
        let text = document.line_span(line);
        let mut out = Vec::with_capacity(text.len() as usize);
        let mut done = text.start;
        for span in &spans {
            out.extend_from_slice(Span::new(done, span.start).of(document.text()));
            out.extend_from_slice(&with(span.of(document.text())));
            done = span.end;
        }
        out.extend_from_slice(Span::new(done, text.end).of(document.text()));
        (!spans.is_empty()).then_some(out)
    }

    /// Hides what looks like a secret in a text itself, line by line.
    fn own_secrets(&self, text: &str) -> String {
        let Ok(document) = Document::parse(text.as_bytes().to_vec()) else { return String::new() };
        let mut out = String::with_capacity(text.len());
        for line in document.lines() {
            let shown = self.line(&document, line).unwrap_or_else(|| document.line_text(line).to_vec());
            out.push_str(&String::from_utf8_lossy(&shown));
            let end = Span::new(document.line_span(line).end, document.full_line_span(line).end);
            out.push_str(&String::from_utf8_lossy(end.of(document.text())));
        }
        out
    }
}

/// A variable and its value.
type Variable<'d> = (Cow<'d, [u8]>, Cow<'d, [u8]>);

/// The variable that a line sets, and its value.
fn set_variable(document: &Document, line: LineNo) -> Option<Variable<'_>> {
    let mut words = document.raw_words(line).map(|word| decode::keyword(document.text(), word));
    matches!(&*words.next()?, b"setenv" | b"presetenv").then_some(())?;
    Some((words.next()?, words.next()?))
}

/// Whether a text refers to a variable, as `$NAME` or `${NAME`.
fn takes(text: &[u8], name: &[u8]) -> bool {
    memchr::memmem::find_iter(text, name).any(|at| {
        let before = text.get(..at).unwrap_or_default();
        before.ends_with(b"$") || before.ends_with(b"${")
    })
}

/// The secrets of some lines, as messages may quote them.
pub struct Quotes {
    /// Each form of a secret, escaped, and what is shown for it.
    secrets: Vec<(String, String)>,
}

impl Quotes {
    /// A message, which is escaped already, as it may be shown.
    #[must_use]
    pub fn hide<'t>(&self, message: &'t str) -> Cow<'t, str> {
        self.secrets.iter().fold(Cow::Borrowed(message), |shown, (form, mark)| {
            if shown.contains(form.as_str()) { Cow::Owned(shown.replace(form.as_str(), mark)) } else { shown }
        })
    }
}

impl std::fmt::Debug for Quotes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quotes").field("secrets", &self.secrets.len()).finish()
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("hides", &self.key.is_some()).finish()
    }
}

/// Whether a part of a word is secret.
pub(super) fn is_secret(instance: &Instance<'_>, place: Place, word: usize) -> bool {
    let Some(file) = instance.files.get(place.file) else { return false };
    let own = instance.word_span(place, word);
    secret_spans(&file.document, place.line).iter().any(|secret| secret.start < own.end && own.start < secret.end)
}

/// The bytes of a line that are secret, in order, without overlaps. Its LF and the CR before it never are.
fn secret_spans(document: &Document, line: LineNo) -> Vec<Span> {
    let mut spans: Vec<Span> = pem::secret(document, line).into_iter().collect();
    if spans.is_empty() {
        spans = words::secrets(document, line);
    }
    let text = document.line_span(line);
    let end = if text.of(document.text()).ends_with(b"\r") { text.end - 1 } else { text.end };
    for span in &mut spans {
        span.end = span.end.min(end);
    }
    spans.retain(|span| span.start < span.end);
    spans.sort_unstable();
    spans.into_iter().fold(Vec::new(), |mut all: Vec<Span>, next| {
        match all.last_mut() {
            Some(last) if next.start < last.end => *last = last.to(next),
            _ => all.push(next),
        }
        all
    })
}

/// A secret as another program may quote it: as it stands in the file, and without quotes and escapes; both escaped.
fn forms(secret: &[u8]) -> Vec<String> {
    let word = crate::config::RawWord { span: Span::new(0, u32::try_from(secret.len()).unwrap_or(0)), special: true };
    let value = crate::config::decode::keyword(secret, word);
    let mut forms: Vec<String> = [secret, &value].iter().map(|form| escape::text(form).into_owned()).collect();
    forms.retain(|form| form.len() >= 3);
    forms.dedup();
    forms
}
