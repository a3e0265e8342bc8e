//! PEM blocks: in HAProxy's files they can only stand in comments, but there they do.

use std::ops::ControlFlow;

use memchr::memmem;

use crate::{
    config::{Document, LineNo},
    span::Span,
};

const BEGIN: &[u8] = b"-----BEGIN ";

/// No block of a key is longer, in lines.
const LONGEST: u32 = 256;

/// What a line has of a PEM block.
pub(super) fn secret(document: &Document, line: LineNo) -> Option<Span> {
    let span = document.line_span(line);
    let text = document.line_text(line);
    if let Some(at) = memmem::find(text, BEGIN) {
        let start = span.start + u32::try_from(at).ok()?;
        return Some(Span::new(start, span.end));
    }
    let body = body(text)?;
    let begins_above = (1..=LONGEST.min(line.0)).try_for_each(|up| {
        let above = document.line_text(LineNo(line.0 - up));
        match (memmem::find(above, BEGIN), self::body(above)) {
            (Some(_), _) => ControlFlow::Break(true),
            (None, Some(_)) => ControlFlow::Continue(()),
            (None, None) => ControlFlow::Break(false),
        }
    });
    let offset = u32::try_from(text.len() - body.len()).ok()?;
    (begins_above == ControlFlow::Break(true)).then(|| Span::new(span.start + offset, span.end))
}

/// The line from its Base64 on, if it holds nothing else; a header of a block (`Proc-Type: …`) counts, too.
fn body(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_end();
    let start = text.iter().position(|b| !matches!(b, b' ' | b'\t' | b'#' | b'"' | b'\''))?;
    let body = text.get(start..)?;
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'\\');
    let is_header = body.starts_with(b"Proc-Type:") || body.starts_with(b"DEK-Info:");
    (is_header || body.iter().all(is_base64)).then_some(body)
}
