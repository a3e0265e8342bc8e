//! What secrets look like wherever they stand: credentials in URLs, `token=…`, `Authorization: …`, defaults of variables.

use std::ops::Range;

use memchr::memmem;

use crate::grammar::secrets;

/// So far behind a parenthesis the ends of arguments are looked for; what goes on there goes on to the end.
const LONGEST_CALL: usize = 1024;

/// A function with arguments, such as `jwt_verify(txn.alg,"key")`.
pub(super) struct Call<'a> {
    pub(super) name: &'a [u8],
    /// Where its arguments are in the text.
    pub(super) arguments: Vec<Range<usize>>,
    /// Whether it stands in the text itself, not inside `%[…]` or an argument.
    pub(super) is_outermost: bool,
}

/// The secrets in a raw word, or in a comment, where a value may stand behind a colon and goes on over blanks.
pub(super) fn secrets(text: &[u8], is_comment: bool) -> Vec<Range<usize>> {
    let mut found = url_credentials(text);
    found.extend(named_values(text, is_comment));
    found.extend(header_values(text, is_comment));
    found.extend(schemes(text));
    found.extend(
        references(text).into_iter().filter(|(name, _)| secrets::is_secret_variable(name)).filter_map(|(_, d)| d),
    );
    found.extend(web_tokens(text));
    found.extend(memmem::find(text, b"-----BEGIN ").map(|at| at..text.len()));
    found
}

/// Whether a value of an environment variable tells nothing: a number, an address, a flag.
pub(super) fn is_harmless(value: &[u8]) -> bool {
    value.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':'))
        || [&b"true"[..], b"false", b"on", b"off", b"yes", b"no"].contains(&value)
}

/// Whether a word is `Basic` or `Bearer`, with a secret behind it.
pub(super) fn is_scheme(word: &[u8]) -> bool {
    [&b"basic"[..], b"bearer"].iter().any(|scheme| word.trim_ascii().eq_ignore_ascii_case(scheme))
}

/// Whether a text holds the name of a secret header and a colon.
pub(super) fn names_header(text: &[u8]) -> bool {
    !header_values(text, true).is_empty()
}

/// References to the environment, whatever the quotes around them: name, and where the default is, if there is one.
pub(super) fn references(text: &[u8]) -> Vec<(&[u8], Option<Range<usize>>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(dollar) = text.get(at..).and_then(|rest| memchr::memchr(b'$', rest)).map(|n| at + n) {
        let braced = text.get(dollar + 1) == Some(&b'{');
        let start = dollar + if braced { 2 } else { 1 };
        let rest = text.get(start..).unwrap_or_default();
        let (name, behind) = rest.split_at(rest.iter().position(|b| !is_name_byte(*b)).unwrap_or(rest.len()));
        let list = if behind.starts_with(b"[*]") { 3 } else { 0 };
        at = start + name.len();
        let default = (braced && behind.get(list) == Some(&b'-')).then(|| {
            let default = behind.get(list + 1..).unwrap_or_default();
            let from = at + list + 1;
            at = from + memchr::memchr(b'}', default).unwrap_or(default.len());
            from..at
        });
        found.push((name, default));
    }
    found
}

/// Whether a byte can be part of the name of a variable.
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The calls of functions of the table in a raw word, from left to right. Quotes, blanks and nested calls in arguments are
/// part of them.
pub(super) fn calls(text: &[u8]) -> Vec<Call<'_>> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let mut calls = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, byte) in text.iter().enumerate() {
        let name = text.get(start..at).unwrap_or_default();
        if *byte == b'(' && !name.is_empty() && secrets::is_function(name, false) {
            let inside = text.get(at..text.len().min(at + LONGEST_CALL)).unwrap_or_default();
            let mut arguments = arguments(inside, at);
            if let Some(last) = arguments.last_mut().filter(|last| last.end == at + LONGEST_CALL) {
                last.end = text.len();
            }
            calls.push(Call { name, arguments, is_outermost: depth == 0 });
        }
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !is_name(byte) {
            start = at + 1;
        }
    }
    // `http_auth_pass` or `http_auth_pass,lower`: without arguments there are no parentheses.
    let name = text.split(|b| *b == b',').next().unwrap_or_default();
    if secrets::is_function(name, true) {
        calls.push(Call { name, arguments: Vec::new(), is_outermost: true });
    }
    calls
}

/// The arguments of a call whose parenthesis opens `inside`, which starts at `offset`.
fn arguments(inside: &[u8], offset: usize) -> Vec<Range<usize>> {
    let mut arguments = Vec::new();
    let (mut depth, mut start, mut quote) = (0usize, 1usize, None);
    for (at, byte) in inside.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') if depth > 0 && at > start.saturating_sub(1) => quote = Some(*byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = depth == 0 || (depth == 1 && *byte == b',' && quote.is_none());
        if ends {
            arguments.push(offset + start..offset + at.max(start));
            start = at + 1;
        }
        if depth == 0 {
            return arguments;
        }
    }
    arguments.push(offset + start..offset + inside.len().max(start));
    arguments
}

/// `scheme://user:password@host`: what stands before the `@`.
fn url_credentials(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for at in memmem::find_iter(text, b"://") {
        let start = at + 3;
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'?' | b'"' | b'\''));
        let authority = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if let Some(at) = memchr::memrchr(b'@', authority).filter(|at| *at > 0) {
            found.push(start..start + at);
        }
    }
    found
}

/// `name=value` with a secret name, in comments `name: value`, too.
fn named_values(text: &[u8], is_comment: bool) -> Vec<Range<usize>> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let mut found = Vec::new();
    for (at, byte) in text.iter().enumerate().filter(|(_, b)| **b == b'=' || is_comment && **b == b':') {
        if is_inside_last(at, &found) {
            continue;
        }
        let before = text.get(..at).unwrap_or_default();
        let before = if is_comment { before.trim_ascii_end() } else { before };
        let start = before.iter().rposition(|b| !is_name(b)).map_or(0, |at| at + 1);
        let name = before.get(start..).unwrap_or_default();
        // `host.example:443` names no secret, whatever the host is called.
        if !secrets::is_secret_name(name) || (*byte == b':' && name.contains(&b'.')) {
            continue;
        }
        let rest = text.get(at + 1..).unwrap_or_default();
        let blanks = if is_comment { rest.len() - rest.trim_ascii_start().len() } else { 0 };
        let value = rest.get(blanks..).unwrap_or_default();
        let quote = value.first().filter(|b| matches!(b, b'"' | b'\'')).copied();
        let end = match quote {
            Some(quote) => value.iter().skip(1).position(|b| *b == quote).map(|n| n + 2),
            None => value.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'&' | b';' | b'"' | b'\'')),
        };
        let end = end.unwrap_or(value.len());
        if end > 0 {
            found.push(at + 1 + blanks..at + 1 + blanks + end);
        }
    }
    found
}

/// `Authorization: …` and other secret headers in a text, as health checks send them: up to the escaped line end.
fn header_values(text: &[u8], is_comment: bool) -> Vec<Range<usize>> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let mut found = Vec::new();
    for colon in memchr::memchr_iter(b':', text) {
        if is_inside_last(colon, &found) {
            continue;
        }
        let before = text.get(..colon).unwrap_or_default();
        let start = before.iter().rposition(|b| !is_name(b)).map_or(0, |at| at + 1);
        let name = before.get(start..).unwrap_or_default();
        // `\r\nCookie`: what looks like the first letter belongs to an escape.
        let is_escaped = start.checked_sub(1).and_then(|at| before.get(at)) == Some(&b'\\');
        let name = if is_escaped { name.get(1..).unwrap_or_default() } else { name };
        let rest = text.get(colon + 1..).unwrap_or_default();
        // A name alone, as in `server token:80`, is no header: a blank follows there.
        let follows = rest.starts_with(b"\\ ") || rest.starts_with(b" ") || rest.starts_with(b"\\x20");
        if !secrets::is_secret_header(name) || !(follows || name.eq_ignore_ascii_case(b"authorization")) {
            continue;
        }
        let line_end = [&b"\\r"[..], b"\\n", b"\\x0d", b"\\x0a"].iter().filter_map(|end| memmem::find(rest, end)).min();
        let end = line_end.unwrap_or(if is_comment { rest.len() } else { rest.trim_ascii_end().len() });
        if end > 0 {
            found.push(colon + 1..colon + 1 + end);
        }
    }
    found
}

/// `Basic …` and `Bearer …` within one word.
fn schemes(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for scheme in [&b"basic"[..], b"bearer"] {
        for at in 0..text.len() {
            let Some((head, rest)) = text.get(at..).and_then(|t| t.split_at_checked(scheme.len())) else { break };
            let blank = [&b"\\ "[..], b" ", b"\\x20"].into_iter().find(|blank| rest.starts_with(blank));
            if let (true, Some(blank)) = (head.eq_ignore_ascii_case(scheme), blank) {
                let start = at + scheme.len() + blank.len();
                let value = text.get(start..).unwrap_or_default();
                let is_end = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'\\' | b'"' | b'\'' | b']' | b')');
                let end = value.iter().position(is_end).unwrap_or(value.len());
                if end >= 8 {
                    found.push(start..start + end);
                }
            }
        }
    }
    found
}

/// JSON web tokens, which begin like `{"` in Base64.
fn web_tokens(text: &[u8]) -> Vec<Range<usize>> {
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let mut found = Vec::new();
    let mut end = 0;
    for run in text.split(|b| !is_token(b)) {
        let start = end;
        end = start + run.len() + 1;
        let token = memmem::find(run, b"eyJ").filter(|at| run.len() - at >= 20 && run.contains(&b'.'));
        found.extend(token.map(|at| start + at..start + run.len()));
    }
    found
}

fn is_inside_last(at: usize, found: &[Range<usize>]) -> bool {
    found.last().is_some_and(|range| range.contains(&at))
}
