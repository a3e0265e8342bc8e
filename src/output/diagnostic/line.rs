//! One line as it is shown: safe for a terminal, without secrets, cut to the width there is.

use crate::{escape, span::Span};

/// A TAB reaches to the next multiple of this many columns.
const TAB: usize = 4;

/// What stands for a secret, whatever its length.
const HIDDEN: &str = "********";

/// A line as it is shown, and where its bytes went.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    /// The source offset of each character (or run of characters that stands for one byte or secret), and where that is in `text`.
    places: Vec<(u32, usize)>,
}

impl Line {
    /// Shows `text`, which starts at `offset` in its source. Bytes of `secrets` are hidden. A line that is longer than `room`
    /// characters is cut around `focus`.
    pub(super) fn new(
        text: &[u8],
        offset: u32,
        secrets: &[Span],
        focus: Option<Span>,
        room: usize,
        unicode: bool,
    ) -> Self {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (window, from) = window(text, offset, focus, room);
        let mut line = Self::default();
        let mut at = offset.saturating_add(from);
        let mut column = 0;
        for chunk in window.utf8_chunks() {
            for c in chunk.valid().chars() {
                column += line.push(at, Shown::Char(c), column, secrets);
                at += u32::try_from(c.len_utf8()).unwrap_or(0);
            }
            for byte in chunk.invalid() {
                column += line.push(at, Shown::Byte(*byte), column, secrets);
                at += 1;
            }
        }
        line.places.push((at, line.text.len()));
        let cut = (from > 0, window.len() + from as usize != text.len());
        line.fit(cut, focus, room, if unicode { "…" } else { "..." });
        line
    }

    /// Where the byte at `offset` of the source is in the shown text: before it if it was cut off before, behind it if behind.
    pub(super) fn position(&self, offset: u32) -> usize {
        let after = self.places.partition_point(|(source, _)| *source <= offset);
        let place = after.checked_sub(1).and_then(|n| self.places.get(n)).or(self.places.first());
        place.map_or(0, |(_, shown)| *shown).min(self.text.len())
    }

    /// Appends what stands for one character or byte; says how many columns that takes.
    fn push(&mut self, at: u32, shown: Shown, column: usize, secrets: &[Span]) -> usize {
        let start = self.text.len();
        if let Some(secret) = secrets.iter().find(|s| s.start <= at && at < s.end) {
            // The rest of a secret stands for nothing; its start may have been cut off.
            let goes_on = self.places.last().is_some_and(|(source, _)| secret.start <= *source);
            if goes_on {
                return 0;
            }
            self.text.push_str(HIDDEN);
        } else {
            match shown {
                Shown::Char('\t') => self.text.extend(std::iter::repeat_n(' ', TAB - column % TAB)),
                Shown::Char(c) if escape::is_unsafe(c) => escape::push_escaped(&mut self.text, c),
                Shown::Char(c) => self.text.push(c),
                Shown::Byte(byte) => escape::push_byte(&mut self.text, byte),
            }
        }
        self.places.push((at, start));
        self.text.get(start..).map_or(0, |text| text.chars().count())
    }

    /// Cuts the text to `room` characters and marks where something is missing.
    fn fit(&mut self, (mut before, mut behind): (bool, bool), focus: Option<Span>, room: usize, mark: &str) {
        let count = self.text.chars().count();
        let marks = mark.chars().count();
        let (mut start, mut end) = (0, self.text.len());
        if count + marks * (usize::from(before) + usize::from(behind)) > room {
            let span = focus.map_or((0, 0), |f| (self.position(f.start), self.position(f.end)));
            let [from, to] = <[usize; 2]>::from(span).map(|at| self.text.get(..at).map_or(0, |t| t.chars().count()));
            let kept = room.saturating_sub(2 * marks);
            let first = if to < kept && !before { 0 } else { from.saturating_sub(room / 3) };
            let first = if behind { first } else { first.min(count.saturating_sub(kept)) };
            let last = first + kept;
            let offset = |n: usize| self.text.char_indices().nth(n).map_or(self.text.len(), |(at, _)| at);
            (start, end) = (offset(first), offset(last));
            before |= start > 0;
            behind |= end < self.text.len();
        }
        let kept = self.text.get(start..end).unwrap_or_default();
        let [head, tail] = [before, behind].map(|cut| if cut { mark } else { "" });
        let text = format!("{head}{kept}{tail}");
        for (_, shown) in &mut self.places {
            *shown = (*shown).clamp(start, end) - start + head.len();
        }
        self.text = text;
    }
}

#[derive(Clone, Copy)]
enum Shown {
    Char(char),
    Byte(u8),
}

/// The part of a long line that can be seen around `focus`, and where it starts; so that a line of a megabyte costs no more
/// than another one. No character is cut.
fn window(text: &[u8], offset: u32, focus: Option<Span>, room: usize) -> (&[u8], u32) {
    // A character has up to four bytes.
    let reach = room.saturating_mul(4);
    if text.len() <= reach.saturating_mul(2) {
        return (text, 0);
    }
    let at = focus.map_or(0, |f| f.start.saturating_sub(offset) as usize).min(text.len());
    let is_inside = |n: usize| text.get(n).is_some_and(|b| (0x80..0xc0).contains(b));
    let boundary = |n: usize| (0..4).map(|back| n.saturating_sub(back)).find(|n| !is_inside(*n)).unwrap_or(n);
    let (start, end) = (boundary(at.saturating_sub(reach)), boundary((at + reach).min(text.len())));
    (text.get(start..end).unwrap_or_default(), u32::try_from(start).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &[u8], secrets: &[Span], focus: Option<Span>, room: usize) -> Line {
        Line::new(text, 100, secrets, focus, room, true)
    }

    /// The shown text under a span of the source.
    fn under(line: &Line, span: Span) -> &str {
        &line.text[line.position(span.start)..line.position(span.end)]
    }

    #[test]
    fn bytes_that_are_no_text_are_written_out_and_places_follow() {
        let line = shown(b"\ta\xe9\x1b b\xe2\x80\xae c\r", &[], None, 80);
        assert_eq!(line.text, "    a\\xe9\\x1b b\\u{202e} c");
        assert_eq!(under(&line, Span::new(102, 103)), "\\xe9");
        assert_eq!(under(&line, Span::new(103, 104)), "\\x1b");
        assert_eq!(under(&line, Span::new(110, 111)), "c");
        assert_eq!(line.position(111), line.text.len());
    }

    #[test]
    fn a_secret_is_hidden_with_its_length() {
        for secret in ["x", "correct horse battery staple"] {
            let text = format!("stats auth {secret} # end");
            let end = 111 + u32::try_from(secret.len()).expect("short");
            let line = shown(text.as_bytes(), &[Span::new(111, end)], None, 80);
            assert_eq!(line.text, "stats auth ******** # end");
            assert_eq!(under(&line, Span::new(111, end)), "********");
        }
    }

    #[test]
    fn two_secrets_side_by_side_are_two() {
        let line = shown(b"aabb", &[Span::new(100, 102), Span::new(102, 104)], None, 80);
        assert_eq!(line.text, "****************");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = (0..100).map(|n| format!("{n:02}")).collect::<Vec<_>>().join(" ") + " ";
        let start = shown(text.as_bytes(), &[], Some(Span::new(103, 105)), 20);
        assert_eq!(start.text, "00 01 02 03 04 05 …");
        let middle = shown(text.as_bytes(), &[], Some(Span::new(250, 252)), 20);
        assert_eq!((middle.text.as_str(), under(&middle, Span::new(250, 252))), ("…48 49 50 51 52 53 …", "50"));
        let end = shown(text.as_bytes(), &[], Some(Span::new(397, 399)), 20);
        assert_eq!((end.text.as_str(), under(&end, Span::new(397, 399))), ("…94 95 96 97 98 99 ", "99"));
        assert_eq!(middle.position(100), "…".len());
        assert_eq!(middle.position(9999), middle.text.len() - "…".len());
    }

    #[test]
    fn a_megabyte_is_not_read_and_characters_stay_whole() {
        let text = "é".repeat(500_000);
        let line = shown(text.as_bytes(), &[], Some(Span::new(500_101, 500_103)), 40);
        assert!(line.text.chars().all(|c| matches!(c, 'é' | '…')), "{}", line.text);
        assert_eq!(line.text.chars().count(), 40);
    }

    #[test]
    fn a_secret_whose_start_is_cut_off_stays_hidden() {
        let text = vec![b'k'; 100_000];
        let line = shown(&text, &[Span::new(100, 100_100)], Some(Span::new(50_000, 50_001)), 40);
        assert!(!line.text.contains('k'), "{}", line.text);
    }
}
