//! What stands inside a word: plain runs, quotes, escapes and references to the environment.
//!
//! Mirrors what `parse_line()` of HAProxy's `tools.c` does (2.6 to 3.2; rules and vectors verified by running it):
//! grammar/line.ebnf is the normative form.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, take, take_till, take_while, take_while_m_n, take_while1},
    character::complete::one_of,
    combinator::{opt, recognize, value, verify},
    sequence::{delimited, preceded},
};

/// The most words HAProxy takes on one line, keyword included.
pub const MAX_WORDS: usize = 64;

/// Whether `byte` separates words outside quotes: space, TAB, VT and FF. (LF and CR end the line.)
#[must_use]
pub const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

/// Bytes that are themselves in an unquoted word.
#[inline]
pub(super) const fn is_plain(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [true; 256];
        let special = b" \t\x0b\x0c\r\n#\"'\\";
        let mut i = 0;
        while i < special.len() {
            table[special[i] as usize] = false;
            i += 1;
        }
        table
    };
    TABLE[byte as usize]
}

/// One step of a word, in the quotes it stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// Bytes that stand for themselves.
    Text(&'a [u8]),
    /// An opening or closing quote.
    Quote(u8),
    /// An escape and the byte it stands for.
    Escape(Escape),
    /// `"$NAME"` and its relatives.
    Reference(Reference<'a>),
    /// `$` that no name follows, or a brace that isn't closed; `len` bytes are meant.
    BadReference(ReferenceFault),
    /// `\x` without two digits.
    BadHex,
}

/// An escape sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Escape {
    /// The byte it stands for.
    pub byte: u8,
}

/// A reference to the environment inside weak quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference<'a> {
    /// The variable; starts with `.` for the pseudo-variables `.FILE`, `.LINE`, `.SECTION`.
    pub name: &'a [u8],
    /// `${NAME[*]}`: blanks in the value start new words.
    pub list: bool,
    /// The text after `-`, used when the variable is unset.
    pub default: Option<&'a [u8]>,
}

/// Why a `$` in weak quotes is no reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReferenceFault {
    /// No name follows.
    Name,
    /// The brace isn't closed, or holds something unknown.
    Brace,
}

/// Takes the next piece of a word. `quote` is the open quote, if any. Outside quotes the input must start inside the
/// word: at a blank, `#`, CR or the end there is no piece (an error of nom).
pub(crate) fn piece(quote: Option<u8>, input: &[u8]) -> IResult<&[u8], Piece<'_>> {
    match quote {
        None => {
            alt((take_while1(is_plain).map(Piece::Text), one_of("\"'").map(|c| Piece::Quote(c as u8)), escape_unquoted))
                .parse(input)
        }
        Some(b'\'') => alt((
            take_while1(|b| b != b'\'' && b != b'\r').map(Piece::Text),
            one_of("'").map(|c| Piece::Quote(c as u8)),
        ))
        .parse(input),
        Some(_) => alt((
            take_while1(|b| !matches!(b, b'"' | b'\\' | b'$' | b'\r')).map(Piece::Text),
            one_of("\"").map(|c| Piece::Quote(c as u8)),
            value(Piece::Escape(Escape { byte: b'$' }), tag("\\$")),
            escape_unquoted,
            dollar,
        ))
        .parse(input),
    }
}

/// The pieces of one raw word, quotes tracked; stops at the first byte that doesn't belong to it.
pub(crate) fn pieces(raw: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let (mut rest, mut quote) = (raw, None);
    std::iter::from_fn(move || {
        let (after, found) = piece(quote, rest).ok()?;
        rest = after;
        if let Piece::Quote(q) = found {
            quote = if quote.is_none() { Some(q) } else { None };
        }
        Some(found)
    })
}

/// `\` and what it does outside strong quotes.
fn escape_unquoted(input: &[u8]) -> IResult<&[u8], Piece<'_>> {
    let literal = |byte| Piece::Escape(Escape { byte });
    alt((
        preceded(tag("\\"), one_of(" \\#'\"")).map(move |c| literal(c as u8)),
        value(literal(b'\t'), tag("\\t")),
        value(literal(b'\n'), tag("\\n")),
        value(literal(b'\r'), tag("\\r")),
        preceded(tag("\\x"), take_while_m_n(2, 2, |b: u8| b.is_ascii_hexdigit())).map(move |d| literal(hex_byte(d))),
        value(Piece::BadHex, tag("\\x")),
        tag("\\").map(Piece::Text),
    ))
    .parse(input)
}

fn hex_byte(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |n, d| {
        let digit = match d {
            b'0'..=b'9' => d - b'0',
            _ => (d | 0x20) - b'a' + 10,
        };
        n * 16 + digit
    })
}

/// `$` in weak quotes: a reference, or a fault that takes just the `$`.
fn dollar(input: &[u8]) -> IResult<&[u8], Piece<'_>> {
    alt((
        preceded(tag("$"), name).map(|name| Piece::Reference(Reference { name, list: false, default: None })),
        braced.map(Piece::Reference),
        value(Piece::BadReference(ReferenceFault::Brace), (tag("${"), name).map(|_| ())),
        value(Piece::BadReference(ReferenceFault::Name), take(1usize)),
    ))
    .parse(input)
}

fn braced(input: &[u8]) -> IResult<&[u8], Reference<'_>> {
    delimited(tag("${"), (name, opt(tag("[*]")), opt(preceded(tag("-"), take_till(|b| b == b'}')))), tag("}"))
        .map(|(name, list, default)| Reference { name, list: list.is_some(), default })
        .parse(input)
}

fn name(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b'.';
    let more = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let known = |name: &[u8]| !name.starts_with(b".") || matches!(name, b".FILE" | b".LINE" | b".SECTION");
    verify(recognize((take_while_m_n(1, 1, first), take_while(more))), known).parse(input)
}
