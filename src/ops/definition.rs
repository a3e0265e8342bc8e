//! The definition of a stick table under change: what happens to each of its words, on the line and in meaning.

use std::ops::Range;

use super::{OpError, OpErrorKind, Plan, guard};
use crate::{
    config::{draft, parse::MAX_WORDS},
    escape,
    grammar::TableParam,
    model::{Instance, StickTable},
    span::Span,
    stick::{self, Argument, ParsedTable, ProblemKind},
};

/// Changes to the words of one `stick-table` or `table` line; nothing is written before [`finish`](Self::finish).
pub(super) struct Draft<'a> {
    instance: &'a Instance<'a>,
    table: &'a StickTable,
    /// One for each word of the definition.
    slots: Vec<Slot>,
    /// New arguments.
    appended: Vec<Vec<u8>>,
}

/// What happens to a word, and what is put behind it.
#[derive(Clone, Debug, Default)]
struct Slot {
    fate: Fate,
    behind: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
enum Fate {
    #[default]
    Stays,
    Becomes(Vec<u8>),
    Goes,
}

impl<'a> Draft<'a> {
    /// Starts with the table as it is.
    ///
    /// # Errors
    /// If its line can't be read, or may not be read by HAProxy.
    pub(super) fn new(instance: &'a Instance<'a>, table: &'a StickTable) -> Result<Self, OpError> {
        guard::table(instance, table)?;
        let used = table.parsed.arguments.last().map_or(0, |a| a.value.end);
        Ok(Self { instance, table, slots: vec![Slot::default(); used], appended: Vec::new() })
    }

    /// Gives a parameter a value: where it is repeated, the last one, which is the one that counts.
    ///
    /// # Errors
    /// If the value comes from the environment.
    pub(super) fn set(&mut self, param: TableParam, value: &[u8]) -> Result<(), OpError> {
        match self.last(param) {
            Some(argument) => self.set_value(&argument, value)?,
            None => self.appended.extend([param.keyword().into(), value.to_vec()]),
        }
        Ok(())
    }

    /// Puts in a parameter that has no value.
    pub(super) fn add_flag(&mut self, param: TableParam) {
        self.appended.push(param.keyword().into());
    }

    /// Takes out a parameter wherever it is.
    ///
    /// # Errors
    /// If it comes from the environment.
    pub(super) fn remove(&mut self, param: TableParam) -> Result<(), OpError> {
        let places: Vec<Argument> = self.table.parsed.places(param).cloned().collect();
        places.iter().try_for_each(|argument| self.remove_argument(argument))
    }

    /// Gives the key a length, right behind the word of its type.
    ///
    /// # Errors
    /// If type or length come from the environment.
    pub(super) fn set_len(&mut self, len: &[u8]) -> Result<(), OpError> {
        match (self.len(), self.last(TableParam::Type)) {
            (Some(argument), _) => self.set_value(&argument, len),
            (None, Some(key_type)) => {
                let last = key_type.value.end.max(key_type.keyword + 1) - 1;
                self.own(key_type.keyword..last + 1)?;
                self.put_behind(last, [b"len".to_vec(), len.to_vec()]);
                Ok(())
            }
            (None, None) => {
                // The type is new, too, and the last word so far.
                self.appended.extend([b"len".to_vec(), len.to_vec()]);
                Ok(())
            }
        }
    }

    /// Takes the key's length out.
    ///
    /// # Errors
    /// If it comes from the environment.
    pub(super) fn remove_len(&mut self) -> Result<(), OpError> {
        self.len().map_or(Ok(()), |argument| self.remove_argument(&argument))
    }

    /// The lists of all `store` arguments, in order; an empty one where the list is missing.
    pub(super) fn stores(&self) -> Vec<&'a [u8]> {
        let list =
            |argument: &Argument| self.table.words.get(argument.value.start).filter(|_| !argument.value.is_empty());
        self.table.parsed.places(TableParam::Store).map(|a| list(a).map_or(&b""[..], Vec::as_slice)).collect()
    }

    /// Gives the `nth` `store` argument another list; `None` takes it out.
    ///
    /// # Errors
    /// If it comes from the environment.
    pub(super) fn set_store(&mut self, nth: usize, list: Option<&[u8]>) -> Result<(), OpError> {
        match (self.table.parsed.places(TableParam::Store).nth(nth).cloned(), list) {
            (Some(argument), Some(list)) => self.set_value(&argument, list),
            (Some(argument), None) => self.remove_argument(&argument),
            (None, Some(list)) => {
                self.appended.extend([TableParam::Store.keyword().into(), list.to_vec()]);
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }

    /// Whether a length is written behind the type.
    pub(super) fn has_len(&self) -> bool {
        self.len().is_some()
    }

    /// Plans the edits, and says what the line means afterwards; `None` if nothing was asked for.
    ///
    /// # Errors
    /// If HAProxy would find something wrong with the line that wasn't wrong before, or it would have too many words.
    pub(super) fn finish(mut self, plan: &mut Plan) -> Result<Option<ParsedTable>, OpError> {
        let touched = |slot: &Slot| !slot.behind.is_empty() || !matches!(slot.fate, Fate::Stays);
        if self.appended.is_empty() && !self.slots.iter().any(touched) {
            return Ok(None);
        }
        let front = self.place_appended()?;
        let result = self.parse(&front);
        self.check_problems(&result)?;
        self.check_length(front.len())?;
        let file = plan.file(self.table.place.file);
        if !front.is_empty() {
            file.insert(self.raw_span(self.raw_before()).end, words_text(&front));
        }
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(raw) = self.table.raw.get(index) else { continue };
            let span = self.raw_span(raw.last);
            match &slot.fate {
                Fate::Stays => {}
                Fate::Becomes(word) => file.replace(span, draft::quote(word).into_owned()),
                Fate::Goes => {
                    // A word has one before it: the keyword of the line, at least.
                    let before = self.raw_span(raw.first.saturating_sub(1));
                    file.delete(Span::new(before.end, span.end));
                }
            }
            if !slot.behind.is_empty() {
                file.insert(span.end, words_text(&slot.behind));
            }
        }
        Ok(Some(result))
    }

    /// The last of a repeated parameter.
    fn last(&self, param: TableParam) -> Option<Argument> {
        self.table.parsed.places(param).next_back().cloned()
    }

    /// The length that belongs to the last type.
    fn len(&self) -> Option<Argument> {
        let behind = self.last(TableParam::Type)?.value.end;
        self.table.parsed.places(TableParam::Len).find(|len| len.keyword == behind).cloned()
    }

    fn set_value(&mut self, argument: &Argument, value: &[u8]) -> Result<(), OpError> {
        self.own(argument.keyword..argument.value.end.max(argument.keyword + 1))?;
        if argument.value.is_empty() {
            self.put_behind(argument.keyword, [value.to_vec()]);
        } else if let Some(slot) = self.slots.get_mut(argument.value.start) {
            slot.fate = Fate::Becomes(value.to_vec());
        }
        Ok(())
    }

    fn remove_argument(&mut self, argument: &Argument) -> Result<(), OpError> {
        let words = argument.keyword..argument.value.end.max(argument.keyword + 1);
        self.own(words.clone())?;
        self.slots.get_mut(words).unwrap_or_default().iter_mut().for_each(|slot| slot.fate = Fate::Goes);
        Ok(())
    }

    fn put_behind(&mut self, index: usize, words: impl IntoIterator<Item = Vec<u8>>) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.behind.extend(words);
        }
    }

    /// Refuses words in which the environment took part: a change would lose the reference, and what is put behind one
    /// may end up inside it.
    fn own(&self, words: Range<usize>) -> Result<(), OpError> {
        let keyword = words.start;
        let referenced = self.table.raw.get(words).unwrap_or_default().iter().find(|raw| raw.referenced);
        referenced.map_or(Ok(()), |raw| {
            let param = self.table.words.get(keyword).map(|w| escape::name(w).into_owned()).unwrap_or_default();
            let what = format!("`{param}` of table `{}`", escape::name(&self.table.name));
            Err(guard::referenced(&what, self.table.place, self.raw_span(raw.last)))
        })
    }

    /// Puts the new arguments behind the last argument that is complete and not from the environment. Without one they
    /// come first, and are returned.
    fn place_appended(&mut self) -> Result<Vec<Vec<u8>>, OpError> {
        if self.appended.is_empty() {
            return Ok(Vec::new());
        }
        let appended = std::mem::take(&mut self.appended);
        if let Some(anchor) = self.anchor() {
            self.put_behind(anchor, appended);
            return Ok(Vec::new());
        }
        let span = self.raw_span(self.raw_before());
        let text = self.instance.files.get(self.table.place.file).map_or(&b""[..], |f| span.of(f.document.text()));
        if text.contains(&b'$') {
            let what = format!("the name of table `{}`", escape::name(&self.table.name));
            return Err(guard::referenced(&what, self.table.place, span));
        }
        Ok(appended)
    }

    fn anchor(&self) -> Option<usize> {
        let mut anchor = None;
        let mut arguments = self.table.parsed.arguments.iter().peekable();
        while let Some(argument) = arguments.next() {
            let mut words = argument.keyword..argument.value.end.max(argument.keyword + 1);
            // Nothing may come between a type and its length.
            if let Some(len) = arguments.next_if(|next| next.param == Some(TableParam::Len)) {
                words.end = len.value.end.max(len.keyword + 1);
            }
            let has_value = argument.param.and_then(|p| TableParam::by_keyword(p.keyword().as_bytes()));
            let filled = self.slots.get(argument.keyword).is_some_and(|slot| !slot.behind.is_empty());
            let complete = !has_value.is_some_and(|info| info.has_value) || !argument.value.is_empty() || filled;
            let raw = self.table.raw.get(words.clone()).unwrap_or_default();
            if complete && raw.iter().all(|raw| !raw.referenced) {
                anchor = Some(words.end - 1);
            }
        }
        anchor
    }

    /// The raw word in front of the definition.
    fn raw_before(&self) -> u16 {
        let first = self.table.raw.first().map(|raw| raw.first);
        first.unwrap_or_else(|| u16::try_from(self.table.first_param).unwrap_or(u16::MAX)).saturating_sub(1)
    }

    fn raw_span(&self, index: u16) -> Span {
        self.instance.word_span(self.table.place, usize::from(index))
    }

    /// Reads the line as it will be.
    fn parse(&self, front: &[Vec<u8>]) -> ParsedTable {
        let mut words: Vec<&[u8]> = front.iter().map(Vec::as_slice).collect();
        for (slot, word) in self.slots.iter().zip(&self.table.words) {
            match &slot.fate {
                Fate::Stays => words.push(word),
                Fate::Becomes(word) => words.push(word),
                Fate::Goes => {}
            }
            words.extend(slot.behind.iter().map(Vec::as_slice));
        }
        let place = if self.table.section.is_some() { stick::Place::Peers } else { stick::Place::Proxy };
        stick::parse(&words, place, Some(self.instance.version))
    }

    fn check_problems(&self, result: &ParsedTable) -> Result<(), OpError> {
        let mut known: Vec<&ProblemKind> = self.table.parsed.problems.iter().map(|p| &p.kind).collect();
        for problem in &result.problems {
            if let Some(at) = known.iter().position(|kind| **kind == problem.kind) {
                known.swap_remove(at);
                continue;
            }
            let table = escape::name(&self.table.name).into_owned();
            let kind = OpErrorKind::WouldBreak { table, problem: problem.to_string() };
            let (place, span) = (self.table.place, self.raw_span(self.raw_before()));
            return Err(OpError::new(kind, help(&problem.kind)).at(place, span, "this table"));
        }
        Ok(())
    }

    fn check_length(&self, front: usize) -> Result<(), OpError> {
        let place = self.table.place;
        let Some(source) = self.instance.files.get(place.file) else { return Ok(()) };
        let added = front + self.slots.iter().map(|slot| slot.behind.len()).sum::<usize>();
        let removed = self.slots.iter().filter(|slot| matches!(slot.fate, Fate::Goes)).count();
        if added > 0 && source.document.word_count(place.line) + added > MAX_WORDS + removed {
            let help = "HAProxy takes 64 words a line: shorten the line first";
            let span = self.raw_span(self.raw_before());
            return Err(OpError::new(OpErrorKind::TooManyWords, help).at(place, span, "this table"));
        }
        Ok(())
    }
}

/// What to do about a definition that HAProxy would refuse.
fn help(kind: &ProblemKind) -> String {
    match kind {
        ProblemKind::ExclusiveColumns { array, single } => {
            format!("take one of them out in the same command: --remove-store {single}, or --remove-store {array}")
        }
        ProblemKind::ParamTooNew { .. } | ProblemKind::TypeTooNew { .. } | ProblemKind::ColumnTooNew { .. } => {
            "leave it out until HAProxy is updated; another HAProxy to ask is given with --haproxy".into()
        }
        _ => "nothing was written".into(),
    }
}

/// Words with a blank before each.
fn words_text(words: &[Vec<u8>]) -> Vec<u8> {
    words.iter().flat_map(|word| [b" ", &*draft::quote(word)].concat()).collect()
}
