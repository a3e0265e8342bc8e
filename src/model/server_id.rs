//! The ids HAProxy gives to the servers of one proxy.
//!
//! First every explicit id is reserved, wherever its line stands. Then the servers are taken in order, with a counter that
//! starts at 1: a server without an id gets the smallest free number from the counter on, and the counter moves behind it; a
//! server with an id moves the counter by one, too. The same in 2.6, 3.0 and 3.2; `tests/server_ids.rs` compares with them.

use std::ops::RangeInclusive;

use thiserror::Error;

use crate::escape;
use crate::grammar::Version;
use crate::units::number;

/// One `server` or `server-template` line that may count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// The id on the line.
    pub explicit: ExplicitId,
    /// How many servers it makes; `None` = not known. An explicit id belongs to the first one.
    pub count: Option<u32>,
    /// Whether the line is certain to count: `false` inside a block whose condition is not known.
    pub certain: bool,
}

/// What a line says about the id of its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExplicitId {
    /// Nothing.
    Automatic,
    /// This one, which is never 0.
    Given(u32),
    /// It may say something: a word of it is not known.
    Unknown,
}

/// The ids of the servers of one declaration, in order, as runs of consecutive numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ids {
    runs: Vec<Run>,
}

/// So many servers with consecutive ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    /// The id of the first; `None` = these ids depend on something that is not known.
    first: Option<u32>,
    count: u32,
}

impl Ids {
    /// The id of the first server; `None` if there is none or if it depends on something that is not known.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.runs.first().and_then(|run| run.first)
    }

    /// The id of each server, in order; `None` = it depends on something that is not known. Of a declaration whose number of
    /// servers is not known, one.
    pub fn iter(&self) -> impl Iterator<Item = Option<u32>> {
        let ids = |run: &Run| {
            let first = run.first;
            (0..run.count).map(move |place| first.map(|first| first.saturating_add(place)))
        };
        self.runs.iter().flat_map(ids)
    }

    fn push(&mut self, first: Option<u32>, count: u32) {
        if count > 0 {
            self.runs.push(Run { first, count });
        }
    }
}

/// The ids of all servers of a proxy, one element for each declaration.
///
/// The id of a server in a declaration that is not certain is the one it has if it exists.
#[must_use]
pub fn assign(declarations: &[Declaration]) -> Vec<Ids> {
    let mut counter = Counter::new(declarations.iter().copied());
    let ids = |declaration| {
        let mut ids = Ids::default();
        counter.take(declaration, |first, count| ids.push(first, count));
        ids
    };
    declarations.iter().map(ids).collect()
}

/// The same as [`assign`] without keeping anything: hands out runs of servers with consecutive ids, in order, as the id of
/// the first (`None` = it depends on something that is not known) and their number.
pub fn assign_each(declarations: impl Iterator<Item = Declaration> + Clone, mut run: impl FnMut(Option<u32>, u32)) {
    let mut counter = Counter::new(declarations.clone());
    for declaration in declarations {
        counter.take(&declaration, &mut run);
    }
}

struct Counter {
    /// Explicit ids of lines that count, sorted.
    reserved: Vec<u32>,
    /// Explicit ids of lines that may count, sorted.
    doubtful: Vec<u32>,
    /// The next number to try; `None` = not known.
    next: Option<u32>,
}

impl Counter {
    fn new(declarations: impl Iterator<Item = Declaration>) -> Self {
        let mut counter = Self { reserved: Vec::new(), doubtful: Vec::new(), next: Some(1) };
        for declaration in declarations {
            match declaration.explicit {
                ExplicitId::Given(id) if declaration.certain => counter.reserved.push(id),
                ExplicitId::Given(id) => counter.doubtful.push(id),
                // An id that is not known may be any number, so it may push any automatic id.
                ExplicitId::Unknown => counter.next = None,
                ExplicitId::Automatic => {}
            }
        }
        counter.reserved.sort_unstable();
        counter.doubtful.sort_unstable();
        counter
    }

    /// Gives the servers of `declaration` their ids and moves on.
    fn take(&mut self, declaration: &Declaration, mut push: impl FnMut(Option<u32>, u32)) {
        let mut rest = declaration.count.unwrap_or(1);
        match declaration.explicit {
            ExplicitId::Given(id) if rest > 0 => {
                push(Some(id), 1);
                rest -= 1;
                self.next = self.next.and_then(|next| next.checked_add(1));
            }
            ExplicitId::Unknown => self.next = None,
            _ => {}
        }
        while rest > 0 {
            let (first, count) = self.run(rest);
            push(first, count);
            rest -= count;
        }
        if declaration.count.is_none() || !declaration.certain {
            self.next = None;
        }
    }

    /// Up to `most` automatic ids that follow each other; at least one.
    fn run(&mut self, most: u32) -> (Option<u32>, u32) {
        let Some(mut first) = self.next else { return (None, most) };
        let mut ahead = from(&self.reserved, first);
        while ahead.first() == Some(&first) {
            let Some(after) = first.checked_add(1) else { return (None, most) };
            first = after;
            ahead = from(ahead, first);
        }
        let doubtful = from(&self.doubtful, first).first();
        if doubtful == Some(&first) {
            self.next = None;
            return (None, most);
        }
        let obstacle = ahead.first().into_iter().chain(doubtful).min();
        let count = obstacle.map_or(most, |obstacle| most.min(obstacle - first));
        self.next = first.checked_add(count);
        (Some(first), count)
    }
}

/// The part of sorted `ids` from `first` on.
fn from(ids: &[u32], first: u32) -> &[u32] {
    ids.get(ids.partition_point(|id| *id < first)..).unwrap_or_default()
}

/// Reads the value of `id` on a server line as HAProxy does; an unknown `version` is taken for 3.2 or older.
///
/// C `atol` reads it, so blanks, a sign, leading zeros and text behind the digits pass, and only the low 32 bits count.
///
/// # Errors
/// If that is 0, or more than 2147483647 for versions before 3.4.
pub fn parse_id(text: &[u8], version: Option<Version>) -> Result<u32, IdError> {
    let id = low_bits(text);
    let large = id > MAX_OLD && version.is_none_or(|version| version < Version::new(3, 4));
    if id == 0 {
        Err(IdError::NotPositive { found: escape::name(text).into_owned() })
    } else if large {
        Err(IdError::TooLarge { found: escape::name(text).into_owned() })
    } else {
        Ok(id)
    }
}

/// The largest id before 3.4.
pub(super) const MAX_OLD: u32 = 2_147_483_647;

/// Why a word is no id.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum IdError {
    /// It is 0 to HAProxy.
    #[error("`{found}` is no id; expected an integer from 1 on")]
    NotPositive {
        /// The word.
        found: String,
    },
    /// It is negative to HAProxy.
    #[error("`{found}` is no id; expected an integer from 1 to 2147483647")]
    TooLarge {
        /// The word.
        found: String,
    },
}

/// The numbers of the servers of a `server-template`: `3` is 1 to 3, `5-8` is 5 to 8.
///
/// C `atoi` reads both numbers, so text behind the digits passes.
///
/// # Errors
/// As HAProxy: a negative number, or an empty range such as `0` and `9-3`.
pub fn parse_template(text: &[u8]) -> Result<RangeInclusive<u32>, TemplateError> {
    let low = low_bits(text);
    let (low, high) = match text.iter().position(|byte| *byte == b'-') {
        Some(dash) => (low, low_bits(text.get(dash + 1..).unwrap_or_default())),
        None => (1, low),
    };
    if low <= high && high <= MAX_OLD {
        Ok(low..=high)
    } else {
        Err(TemplateError { found: escape::name(text).into_owned() })
    }
}

/// A word that is no number or range of servers.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{found}` is no number of servers; expected a count such as `3` or a range such as `5-8`")]
pub struct TemplateError {
    /// The word.
    pub found: String,
}

/// The number at the start of `text`, 0 if there is none, cut to 32 bits as in an assignment to a C `int`.
fn low_bits(text: &[u8]) -> u32 {
    let (value, _) = number::decimal(text).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "HAProxy assigns a long to an int")]
    let low = value as u32;
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn server(explicit: ExplicitId) -> Declaration {
        Declaration { explicit, count: Some(1), certain: true }
    }

    /// `a b=10 c*3`: automatic, explicit, template of three; `?` behind it: not certain; `=?`: an id that is not known.
    fn declarations(text: &str) -> Vec<Declaration> {
        let one = |word: &str| {
            let certain = !word.ends_with('?') || word.ends_with("=?");
            let word = if certain { word } else { word.trim_end_matches('?') };
            let (word, count) = match word.split_once('*') {
                Some((word, count)) => (word, count.parse().ok()),
                None => (word, Some(1)),
            };
            let explicit = match word.split_once('=') {
                Some((_, "?")) => ExplicitId::Unknown,
                Some((_, id)) => ExplicitId::Given(id.parse().expect("an id")),
                None => ExplicitId::Automatic,
            };
            Declaration { count, certain, ..server(explicit) }
        };
        text.split(' ').map(one).collect()
    }

    fn ids(text: &str) -> String {
        let show = |id: Option<u32>| id.map_or("-".to_owned(), |id| id.to_string());
        let ids: Vec<_> =
            assign(&declarations(text)).iter().flat_map(|ids| ids.iter().map(show).collect::<Vec<_>>()).collect();
        ids.join(" ")
    }

    #[test]
    fn an_automatic_id_is_the_position_moved_up_by_collisions() {
        for (servers, expected) in [
            ("a b c", "1 2 3"),
            ("a=10 b c", "10 2 3"),
            ("a b=10 c", "1 10 3"),
            ("a b c=1 d=2", "3 4 1 2"),
            ("a b c=2", "1 3 2"),
            ("c=3 a b d", "3 2 4 5"),
            ("a=5 b c=2 d e", "5 3 2 6 7"),
            ("a=5 b c=2 d e f=7 g", "5 3 2 6 8 7 10"),
            ("a=6 b c=5 d e=4 f g=3 h", "6 2 5 7 4 9 3 11"),
        ] {
            assert_eq!(ids(servers), expected, "{servers}");
        }
    }

    #[test]
    fn instances_of_a_template_are_numbered_one_by_one() {
        assert_eq!(ids("a w*3 z"), "1 2 3 4 5");
        assert_eq!(ids("w=3*4 z y=1"), "3 2 4 5 6 1");
        assert_eq!(ids("a w*4 b=3 c=4"), "1 2 5 6 7 3 4");
        let huge = assign(&[Declaration { count: Some(u32::MAX), ..server(ExplicitId::Automatic) }]);
        assert_eq!(huge[0].iter().nth(1_000_000), Some(Some(1_000_001)));
    }

    #[test]
    fn what_depends_on_an_unknown_line_has_no_id() {
        assert_eq!(ids("a b? c d=9"), "1 2 - 9");
        assert_eq!(ids("a b c=100?"), "1 2 100");
        assert_eq!(ids("a b c=2? d"), "1 - 2 -");
        assert_eq!(ids("a b=? c d=7"), "- - - 7");
        assert_eq!(ids("a w*x b"), "1 2 -");
    }

    #[test]
    fn a_value_is_read_as_c_reads_it() {
        let id = |text: &str| parse_id(text.as_bytes(), Some(Version::new(3, 2))).ok();
        assert_eq!(id("010"), Some(10));
        assert_eq!(id("+12abc"), Some(12));
        assert_eq!(id("4294967297"), Some(1));
        assert_eq!(id("-4294967295"), Some(1));
        for refused in ["", "0", "0x10", "-1", "2147483648", "99999999999999999999"] {
            assert_eq!(id(refused), None, "{refused}");
        }
        assert_eq!(parse_id(b"2147483648", Some(Version::new(3, 4))), Ok(2_147_483_648));
    }

    #[test]
    fn a_template_has_a_count_or_a_range() {
        let range = |text: &str| parse_template(text.as_bytes()).ok();
        assert_eq!(range("3"), Some(1..=3));
        assert_eq!(range("5-8"), Some(5..=8));
        assert_eq!(range("0-2x"), Some(0..=2));
        for refused in ["0", "9-3", "-3", "x", "1-", "1--2"] {
            assert_eq!(range(refused), None, "{refused}");
        }
    }
}
