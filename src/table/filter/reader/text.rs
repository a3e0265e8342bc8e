//! Texts in quotes.

use super::{Kind, Reader, WhereError};

impl Reader<'_> {
    /// A text: its escapes stand for bytes.
    pub(super) fn string(&mut self) -> Result<Box<[u8]>, WhereError> {
        let mut bytes = Vec::new();
        let start = self.at;
        let quote = self.quote()?;
        while let Some(c) = self.character() {
            match c {
                '\\' => self.escape(&mut bytes)?,
                c if c == quote => return Ok(bytes.into()),
                c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Err(Kind::OpenText { quote }.at(self.since(start)))
    }

    /// A regular expression: only a backslash in front of a quote goes.
    pub(super) fn regex(&mut self) -> Result<Box<str>, WhereError> {
        let mut pattern = String::new();
        let start = self.at;
        let quote = self.quote()?;
        while let Some(c) = self.character() {
            match c {
                '\\' => match self.character() {
                    Some(c @ ('"' | '\'')) => pattern.push(c),
                    Some(c) => pattern.extend(['\\', c]),
                    None => break,
                },
                c if c == quote => return Ok(pattern.into()),
                c => pattern.push(c),
            }
        }
        Err(Kind::OpenText { quote }.at(self.since(start)))
    }

    /// What stands behind a backslash.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), WhereError> {
        let start = self.at - 1;
        let byte = match self.character() {
            Some(c @ ('"' | '\'' | '\\')) => u8::try_from(c).ok(),
            Some('x') => self.hex(2).and_then(|byte| u8::try_from(byte).ok()),
            Some('u') if self.take("{") => {
                let digits = self.run(|c| c.is_ascii_hexdigit()).len();
                let c = (1..=6).contains(&digits).then(|| self.hex(digits)).flatten().and_then(char::from_u32);
                let c = c.filter(|_| self.take("}")).ok_or_else(|| Kind::Escape.at(self.since(start)))?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => None,
        };
        bytes.push(byte.ok_or_else(|| Kind::Escape.at(self.since(start)))?);
        Ok(())
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let text = self.rest().get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.at += digits;
        u32::from_str_radix(text, 16).ok()
    }

    fn quote(&mut self) -> Result<char, WhereError> {
        match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => {
                self.at += 1;
                Ok(quote)
            }
            _ => Err(self.expected("a text in quotes")),
        }
    }

    fn character(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }
}
