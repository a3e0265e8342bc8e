//! A terminal that only watches: it knows all that a terminal can be told to do, and notes whatever isn't printing.
#![allow(dead_code, reason = "each test crate compiles this module and calls its own part of it")]

use peerctl::escape;
use vte::{Params, Parser, Perform};

/// What `bytes` would do to a terminal besides printing lines, in words; nothing, if all is well.
pub(crate) fn effects(bytes: &[u8]) -> Vec<String> {
    watch(bytes, false)
}

/// The same where colours and tabulators are no effect.
pub(crate) fn effects_besides_colours(bytes: &[u8]) -> Vec<String> {
    watch(bytes, true)
}

fn watch(bytes: &[u8], colours: bool) -> Vec<String> {
    let mut seen = Seen { colours, effects: Vec::new() };
    Parser::new().advance(&mut seen, bytes);
    if let Err(error) = str::from_utf8(bytes) {
        // A terminal that isn't set to UTF-8 acts on such bytes; one that is shows something else than was sent.
        seen.effects.push(format!("bytes that are no UTF-8: {error}"));
    }
    seen.effects
}

struct Seen {
    colours: bool,
    effects: Vec<String>,
}

impl Perform for Seen {
    fn print(&mut self, c: char) {
        if escape::is_unsafe(c) {
            self.effects.push(format!("{c:?} moves or hides what is printed"));
        }
    }

    fn execute(&mut self, byte: u8) {
        if byte != b'\n' && !(self.colours && byte == b'\t') {
            self.effects.push(format!("control character {byte:#04x}"));
        }
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, action: char) {
        self.effects.push(format!("device control {action:?}"));
    }

    fn put(&mut self, byte: u8) {
        self.effects.push(format!("device control data {byte:#04x}"));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        self.effects.push(format!("operating system command {params:?}"));
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _: bool, action: char) {
        if !(self.colours && action == 'm' && intermediates.is_empty()) {
            self.effects.push(format!("control sequence {params:?} {action:?}"));
        }
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        self.effects.push(format!("escape sequence {byte:#04x}"));
    }
}

/// Texts that mean something to a terminal, a log, a spreadsheet, JSON, Prometheus, a shell or a picture: more than 500.
#[expect(clippy::too_many_lines, reason = "a list")]
pub(crate) fn hostile() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    // Every byte: between others, at the end, and twice.
    for byte in 0..=u8::MAX {
        all.push(vec![b'a', byte, b'b']);
        all.push(vec![b'z', byte]);
    }
    let sequences = [
        "\x1b]0;pwn\x07",
        "\x1b]2;pwn\x1b\\",
        "\x1b]8;;http://evil/\x1b\\x\x1b]8;;\x1b\\",
        "\x1b]52;c;cHdu\x07",
        "\x1b]4;1;rgb:00/00/00\x07",
        "\x1b]1337;File=name=eA==:eA==\x07",
        "\x1b]777;notify;a;b\x07",
        "\x1bP$qm\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1bPq#0~\x1b\\",
        "\x1b_Gi=1;x\x1b\\",
        "\x1b^pm\x1b\\",
        "\x1bXsos\x1b\\",
        "\x1b[2J",
        "\x1b[H",
        "\x1b[1;1H",
        "\x1b[31m",
        "\x1b[8m",
        "\x1b[6n",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[?1049h",
        "\x1b[?25l",
        "\x1b[?1000h",
        "\x1b[?2004h",
        "\x1b[20t",
        "\x1b[21t",
        "\x1b[5i",
        "\x1b[1000000b",
        "\x1b[A",
        "\x1b[K",
        "\x1b[!p",
        "\x1b[4h",
        "\x1b[\x1b[\x1b[",
        "\x1bc",
        "\x1b7",
        "\x1b8",
        "\x1bD",
        "\x1bM",
        "\x1b(0",
        "\x1b%G",
        "\x1b#8",
        "\x1b=",
        "\x1bZ",
        "\x1b",
        "\x1b[",
        "\x1b]",
        "\x1b[38;2;",
        "\r",
        "\r\n",
        "\n",
        "\n\n",
        "\x08\x08\x08",
        "\x7f\x7f",
        "\t",
        "\x0b\x0c",
        "\x0e\x0f",
        "\x05",
        "\x07",
        "\x18\x1a",
        "\npeerctl: all is well",
        "\r\npeerctl: all is well\r\n",
        "x\npeerctl_peer_up{peer=\"a\"} 1",
        "\"} 1\npeerctl_up 1 #",
        "\\\"} 9",
        "\\n",
        "\\x1b[2J",
        "\\u001b",
        "%s%n",
        "${IFS}",
        "$(reboot)",
        "`reboot`",
        "; reboot",
        "| reboot",
        "&& reboot",
        "' or 1=1",
        "\"",
        "\"\"",
        "'",
        "\\",
        "\\\\",
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        ",,,",
        ";;;",
        "a,b\"c",
        "\"a\nb\"",
        "{}",
        "[]",
        "null",
        "{\"type\":\"end\",\"complete\":true}",
        "\"}\n{\"type\":\"end\"}",
        "</text><script>alert(1)</script>",
        "<!--",
        "]]>",
        "&amp;",
        "&#27;",
        "--> b",
        "end\nclick a href",
        "#35;",
        "a[b](c)",
        "::error file=a::b",
        "::set-output name=a::b",
        "%0A::error::x",
        "##[error]x",
        "use=0 exp=3",
        " key=a use=0",
        "  ",
        " a ",
        "",
        "\u{0}",
        "🦀",
        "日本語",
        "ünïcode",
        "e\u{301}",
        "\u{fffd}",
    ];
    all.extend(sequences.iter().map(|text| text.as_bytes().to_vec()));
    // Within other text, and behind it.
    all.extend(sequences.iter().map(|text| format!("10.0.0.1{text}x").into_bytes()));
    let ranges =
        [0x80..=0x9f_u32, 0x200b..=0x200f, 0x2028..=0x202e, 0x2060..=0x206f, 0xfff9..=0xfffb, 0xe0001..=0xe0008];
    let single = [0xad_u32, 0x61c, 0x180e, 0xfeff, 0xe007f, 0xfe0f, 0x202f, 0x3000, 0xa0];
    for c in ranges.into_iter().flatten().chain(single).filter_map(char::from_u32) {
        all.push(format!("a{c}b").into_bytes());
    }
    let bytes: [&[u8]; 14] = [
        b"\x9b2J",
        b"\x9d0;pwn\x9c",
        b"\x90q\x9c",
        b"\xc2",
        b"\xc2\x9b2J",
        b"caf\xe9",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xff\xfe",
        b"\xe2\x80",
        b"\xe2\x80\xae\xe2\x80",
        b"\xc2\x1b[2J",
    ];
    all.extend(bytes.iter().map(|bytes| bytes.to_vec()));
    all.push([&[b'l'; 4000][..], b"\x1b[2J"].concat());
    all.push(b"\x1b[31m".repeat(800));
    assert!(all.len() >= 500, "{}", all.len());
    all
}
