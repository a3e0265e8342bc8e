//! Markdown for people at a terminal: headings stand out, code is set in, paragraphs are broken at the width of a page.

use crate::escape;

/// Text gets no wider than this, where it can be broken.
const WIDTH: usize = 80;

/// The text of `markdown`, of which headings, paragraphs, lists and fenced code are known.
#[must_use]
pub fn readable(markdown: &str, color: bool) -> String {
    let mut page = Page { out: String::new(), paragraph: String::new(), color };
    let mut code = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            page.end_paragraph();
            code = !code;
        } else if code {
            page.line(&format!("    {line}"));
        } else if let Some(heading) = line.strip_prefix('#') {
            page.end_paragraph();
            page.heading(heading.trim_start_matches('#').trim());
        } else if line.is_empty() || line.starts_with("* ") || line.starts_with("- ") || line.starts_with('|') {
            page.end_paragraph();
            page.item(line);
        } else {
            page.more(line);
        }
    }
    page.end_paragraph();
    page.out
}

struct Page {
    out: String,
    paragraph: String,
    color: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.out.push_str(escape::line(line.as_bytes()).trim_end());
        self.out.push('\n');
    }

    fn heading(&mut self, text: &str) {
        if self.color {
            self.out.push_str(&format!("\x1b[1m{}\x1b[0m\n", escape::line(text.as_bytes())));
        } else {
            self.line(&text.to_uppercase());
        }
    }

    /// The first line of a list's item begins a paragraph of its own; an empty line stays, a row of a table, too.
    fn item(&mut self, line: &str) {
        match line {
            "" => self.line(""),
            row if row.starts_with('|') => self.line(row),
            item => self.more(item),
        }
    }

    fn more(&mut self, line: &str) {
        if !self.paragraph.is_empty() {
            self.paragraph.push(' ');
        }
        self.paragraph.push_str(line.trim());
    }

    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.paragraph);
        if text.is_empty() {
            return;
        }
        let indent = if text.starts_with("* ") || text.starts_with("- ") { "    " } else { "  " };
        let options = textwrap::Options::new(WIDTH).initial_indent("  ").subsequent_indent(indent).break_words(false);
        for line in textwrap::wrap(&text.replace("**", ""), options) {
            self.line(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A title\n\n## Why is this bad?\nIt is `so`, and a\nsecond line follows.\n* one\n* two\n\n## Example\n```haproxy\nglobal\n  localpeer a\n```\nor not.\n";

    #[test]
    fn headings_paragraphs_lists_and_code_are_told_apart() {
        assert_eq!(
            readable(TEXT, false),
            "A TITLE\n\nWHY IS THIS BAD?\n  It is `so`, and a second line follows.\n  * one\n  * two\n\nEXAMPLE\n    global\n      \
             localpeer a\n  or not.\n"
        );
    }

    #[test]
    fn headings_are_bold_where_there_are_colours() {
        assert!(readable(TEXT, true).starts_with("\x1b[1mA title\x1b[0m\n\n"));
    }

    #[test]
    fn long_paragraphs_are_broken() {
        let wide = readable(&"word ".repeat(40), false);
        assert!(wide.lines().count() > 1 && wide.lines().all(|line| line.chars().count() <= WIDTH), "{wide}");
    }
}
