//! Text in a picture: escaped, and measured without its font.

/// Text and attribute values: what means something to XML, and what XML can't hold at all.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// About how wide a text is at a font size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

/// How wide a text in a font of equal widths is.
#[expect(clippy::cast_precision_loss, reason = "a line of text is short")]
pub(super) fn width_mono(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum::<usize>() as f64 * 0.61 * size
}

/// The text, cut short with `…` where it is wider than `room`.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    cut(text, |text| width(text, size) <= room)
}

/// The same for a font of equal widths.
pub(super) fn fit_mono(text: &str, size: f64, room: f64) -> String {
    cut(text, |text| width_mono(text, size) <= room)
}

/// A list with commas in lines of equal widths, broken behind commas.
pub(super) fn wrap_mono(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split_inclusive(", ") {
        let fits = |line: &String| width_mono(&format!("{line}{}", part.trim_end()), size) <= room;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) => line.push_str(part),
            None => lines.push(part.to_owned()),
        }
    }
    lines.iter().map(|line| fit_mono(line.trim_end(), size, room)).collect()
}

fn cut(text: &str, fits: impl Fn(&str) -> bool) -> String {
    if fits(text) {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if !fits(&format!("{kept}…")) {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '(' | ')' | '/' => 0.34,
        'm' | 'w' | 'M' | 'W' | '…' => 0.88,
        c if is_wide(c) => 1.0,
        c if c.is_uppercase() => 0.68,
        _ => 0.57,
    }
}

/// East Asian and pictures.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(escape("<a b=\"c\">&\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;\u{fffd}");
    }

    #[test]
    fn long_texts_are_cut_where_the_room_ends() {
        assert_eq!(fit("short", 13.0, 100.0), "short");
        let cut = fit(&"long ".repeat(20), 13.0, 100.0);
        assert!(cut.ends_with('…') && width(&cut, 13.0) <= 100.0, "{cut}");
        assert_eq!(fit_mono("0123456789", 10.0, 37.0), "01234…");
    }

    #[test]
    fn lists_are_broken_behind_commas() {
        assert_eq!(wrap_mono("ip · gpc0, gpt0, conn_cnt", 10.0, 67.0), ["ip · gpc0,", "gpt0,", "conn_cnt"]);
        assert_eq!(wrap_mono("ip · gpc0, gpt0, conn_cnt", 10.0, 200.0), ["ip · gpc0, gpt0, conn_cnt"]);
        assert_eq!(wrap_mono("0123456789, a", 10.0, 37.0), ["01234…", "a"]);
    }
}
