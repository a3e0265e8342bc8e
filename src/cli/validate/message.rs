//! What HAProxy prints on stderr, as messages with places.

use std::borrow::Cow;

use memchr::memmem;

use super::Input;
use crate::escape;

/// How bad a message is, from harmless to bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// Something said by the way, or printed by another part of the program.
    Notice,
    /// HAProxy starts, but perhaps not as meant: a peers section that is dropped is one.
    Warning,
    /// Mostly an error; some are printed for files that HAProxy takes.
    Alert,
}

/// A line of a file that was checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The index of the file among those that were checked.
    pub file: usize,
    /// The line, from 1.
    pub line: u32,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// How bad it is.
    pub level: Level,
    /// Where, if HAProxy says so.
    pub place: Option<Place>,
    /// What, escaped; several lines where HAProxy wrote several. It may quote the configuration: redact before showing.
    pub text: String,
}

impl Message {
    /// Whether it only says that there were messages.
    pub(super) fn is_summary(&self) -> bool {
        ["Error(s) found in configuration file", "Fatal errors found in configuration"]
            .iter()
            .any(|start| self.text.starts_with(start))
    }
}

/// Reads stderr. `names` are the files' names as they are shown, escaped.
pub(super) fn read(stderr: &[u8], files: &[Input<'_>], names: &[String]) -> Vec<Message> {
    let stderr = with_shown_names(stderr, files);
    let stderr = escape::text(&stderr);
    let mut messages: Vec<Message> = Vec::new();
    for line in stderr.lines() {
        match (head(line), messages.last_mut()) {
            (Some((level, text)), _) => messages.push(message(level, text, names)),
            (None, Some(last)) => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            (None, None) => messages.push(message(Level::Notice, line, names)),
        }
    }
    messages.retain_mut(|message| {
        message.text.truncate(message.text.trim_end().len());
        !is_greeting(message)
    });
    messages
}

/// Puts the names that people know in the place of the paths that HAProxy was given.
fn with_shown_names<'a>(stderr: &'a [u8], files: &[Input<'_>]) -> Cow<'a, [u8]> {
    let mut changed: Vec<&Input<'_>> = files.iter().filter(|f| f.path != f.shown).collect();
    // A path may be the start of another one.
    changed.sort_by_key(|f| std::cmp::Reverse(f.path.as_os_str().len()));
    let mut text = Cow::Borrowed(stderr);
    for file in changed {
        let path = file.path.as_os_str().as_encoded_bytes();
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        for at in memmem::find_iter(&text, path) {
            out.extend_from_slice(text.get(done..at).unwrap_or_default());
            out.extend_from_slice(file.shown.as_os_str().as_encoded_bytes());
            done = at + path.len();
        }
        if done > 0 {
            out.extend_from_slice(text.get(done..).unwrap_or_default());
            text = Cow::Owned(out);
        }
    }
    text
}

/// Cuts `[WARNING]  (21274) : config : …` into level and text; `None` for a line that continues another message.
fn head(line: &str) -> Option<(Level, &str)> {
    const LEVELS: [(&str, Level); 5] = [
        ("[ALERT]", Level::Alert),
        ("[EMERG]", Level::Alert),
        ("[WARNING]", Level::Warning),
        ("[NOTICE]", Level::Notice),
        ("[DIAG]", Level::Notice),
    ];
    let (level, rest) = LEVELS.iter().find_map(|(word, level)| Some((*level, line.strip_prefix(word)?)))?;
    // The pid, and up to 2.3 the time before it.
    let text = rest.split_once(") : ").filter(|(pid, _)| pid.contains('(')).map_or(rest, |(_, text)| text);
    Some((level, text.strip_prefix("config : ").unwrap_or(text).trim()))
}

fn message(level: Level, text: &str, names: &[String]) -> Message {
    let (place, text) = place(text, names).map_or((None, text), |(place, text)| (Some(place), text));
    Message { level, place, text: text.to_owned() }
}

/// Cuts `parsing [a.cfg:12] : …` into place and text; the word before and the blank behind the bracket vary.
fn place<'a>(text: &'a str, names: &[String]) -> Option<(Place, &'a str)> {
    let start = ["parsing [", "Parsing [", "["].iter().find_map(|start| text.strip_prefix(start))?;
    names.iter().enumerate().find_map(|(file, name)| {
        let (number, rest) = start.strip_prefix(name.as_str())?.strip_prefix(':')?.split_once(']')?;
        let text = rest.trim_start().strip_prefix(':')?.trim_start();
        Some((Place { file, line: number.parse().ok()? }, text))
    })
}

/// What every run begins with: the version and the path of the program.
fn is_greeting(message: &Message) -> bool {
    message.level == Level::Notice
        && ["haproxy version is ", "path to executable is "].iter().any(|start| message.text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_as(stderr: &str, path: &str, shown: &str) -> Vec<Message> {
        let files = [Input { path: Path::new(path), shown: Path::new(shown) }];
        read(stderr.as_bytes(), &files, &[shown.to_owned()])
    }

    #[test]
    fn every_way_to_name_a_place_is_understood() {
        for (text, says) in [
            ("[ALERT]    (7) : config : parsing [/e/.t1:3] : unknown keyword 'foo'", "unknown keyword 'foo'"),
            ("[WARNING]  (7) : config : parsing [/e/.t1:3]: stick-table: ignored.", "stick-table: ignored."),
            ("[ALERT]    (7) : config : [/e/.t1:3] : 'server a/b' : bad", "'server a/b' : bad"),
            ("[ALERT] 123/101010 (7) : Parsing [/e/.t1:3]: peers section", "peers section"),
        ] {
            let messages = read_as(text, "/e/.t1", "/e/a.cfg");
            let [message] = messages.as_slice() else { panic!("one message: {messages:?}") };
            assert_eq!((message.place, message.text.as_str()), (Some(Place { file: 0, line: 3 }), says), "{text}");
        }
    }

    #[test]
    fn lines_that_belong_together_stay_together_and_greetings_go() {
        let stderr = "something from a library\n\
            [NOTICE]   (9) : haproxy version is 2.6.12-1+deb12u3\n\
            [NOTICE]   (9) : path to executable is /usr/sbin/haproxy\n\
            [ALERT]    (9) : config : parsing [b.cfg:9]: unmatched quote at position 14:\n\
            \x20 server a \"127.0.0.1:80\n           ^\n\
            [WARNING]  (9) : Removing incomplete section 'peers mesh' (no peer named 'lb1').\n";
        let messages = read_as(stderr, "b.cfg", "b.cfg");
        let texts: Vec<(Level, &str)> = messages.iter().map(|m| (m.level, m.text.as_str())).collect();
        let quote = "unmatched quote at position 14:\n  server a \"127.0.0.1:80\n           ^";
        let peers = "Removing incomplete section 'peers mesh' (no peer named 'lb1').";
        let library = (Level::Notice, "something from a library");
        assert_eq!(texts, [library, (Level::Alert, quote), (Level::Warning, peers)]);
    }

    #[test]
    fn temporary_paths_never_show_and_control_bytes_do_nothing() {
        let stderr = "[WARNING]  (9) : config : Proxy in /e/.t1: see /e/.t1:7 and /e/.t12 \x1b[2J\n";
        let messages = read_as(stderr, "/e/.t1", "/e/haproxy.cfg");
        let text = "Proxy in /e/haproxy.cfg: see /e/haproxy.cfg:7 and /e/haproxy.cfg2 \\x1b[2J";
        assert_eq!(messages.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), [text]);
    }
}
