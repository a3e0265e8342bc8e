//! Writes the local peer's name into `global`.

use super::{Mark, OpError, OpErrorKind, Plan, guard, spec::check_name, splice};
use crate::{
    config::{LineNo, LineStyle, Newline, Source, draft},
    model::{Instance, Place},
};

/// Plans `localpeer NAME` in the first `global`. An existing line gets the new name; a `global` is made where there is
/// none. Nothing happens if the name is already so.
///
/// # Errors
/// If the name is bad, or the line can't be edited.
pub fn set(instance: &Instance<'_>, name: &str, plan: &mut Plan) -> Result<(), OpError> {
    check_name(name)?;
    if let Some((place, found)) = instance.localpeers.last() {
        return if found == name.as_bytes() { Ok(()) } else { rename(instance, *place, name, plan) };
    }
    let Some(global) = first_global(instance)? else { return make_global(instance, name, plan) };
    let Some(source) = instance.files.get(global.file) else { return Ok(()) };
    let document = &source.document;
    let section = document.sections().iter().find(|s| s.header == global.line);
    let body: Vec<LineNo> = section
        .map(|s| (s.header.0 + 1..s.end.0).map(LineNo).filter(|l| document.word_count(*l) > 0).take(1).collect())
        .unwrap_or_default();
    let style = if body.is_empty() { splice::statement_style(document) } else { LineStyle::of(document, &body) };
    let style = LineStyle { columns: Vec::new(), newline: Newline::of(document, global.line), ..style };
    splice::insert_after(instance, plan, global, draft::line(&style, &["localpeer", name]));
    plan.note(Mark::Added, "global", format!("localpeer {name}"));
    Ok(())
}

fn rename(instance: &Instance<'_>, place: Place, name: &str, plan: &mut Plan) -> Result<(), OpError> {
    guard::readable(instance, "`localpeer`", place)?;
    let span = instance.word_span(place, 1);
    let Some(source) = instance.files.get(place.file) else { return Ok(()) };
    let raw = span.of(source.document.text());
    if raw.contains(&b'$') {
        return Err(guard::referenced("`localpeer`", place, span));
    }
    splice::replace_words(instance, plan, place, (1, 1), name.as_bytes());
    plan.note(Mark::Changed, "global", format!("localpeer {name}"));
    Ok(())
}

/// The first `global`, unless HAProxy of this version would meet a `localpeer` in it too late.
fn first_global(instance: &Instance<'_>) -> Result<Option<Place>, OpError> {
    let Some(global) = instance.globals.first() else { return Ok(None) };
    let Some(source) = instance.files.get(global.file) else { return Ok(None) };
    guard::readable(instance, "`global`", *global)?;
    if let Some(block) = source.document.blocks().iter().find(|b| b.contains(global.line)) {
        let place = Place { line: block.start(), ..*global };
        let help = "write `localpeer` by hand: this `global` is only there under a condition";
        return Err(OpError::new(OpErrorKind::Conditional("`global`".into()), help).at(
            place,
            instance.word_span(place, 0),
            "this block",
        ));
    }
    // Up to 3.0 `localpeer` must come before the first peers section: a `global` behind one is too late.
    let early = instance.peers.first().is_none_or(|section| *global < section.place);
    Ok(early.then_some(*global))
}

/// A new `global` before everything else; comments at the top stay at the top.
fn make_global(instance: &Instance<'_>, name: &str, plan: &mut Plan) -> Result<(), OpError> {
    let Some(source) = instance.files.first() else {
        return Err(OpError::new(OpErrorKind::UnknownLocal, "give a file to edit"));
    };
    let document = &source.document;
    let style = splice::statement_style(document);
    let newline = style.newline;
    let header = LineStyle { indent: Vec::new(), columns: Vec::new(), ..style.clone() };
    let mut lines = draft::line(&header, &["global"]);
    lines.extend(draft::line(&LineStyle { columns: Vec::new(), ..style }, &["localpeer", name]));
    lines.extend(newline.bytes());
    splice::insert_at(source, plan, 0, document.line_span(top(source)).start, lines);
    plan.note(Mark::Added, "global", format!("localpeer {name}"));
    Ok(())
}

/// The line at which a new first section goes: the first statement, with the comments right above it.
fn top(source: &Source) -> LineNo {
    let document = &source.document;
    let mut line = document.lines().find(|l| document.word_count(*l) > 0).unwrap_or(LineNo(document.line_count()));
    while line.0 > 0 {
        let above = LineNo(line.0 - 1);
        let is_comment = document.line_text(above).iter().any(|b| !b.is_ascii_whitespace());
        if !is_comment {
            break;
        }
        line = above;
    }
    line
}
