//! `and`, `or` and `not`.

/// Tests that are put together; no deeper than the reader lets them be.
#[derive(Clone, Debug)]
pub(super) enum Tree<T> {
    /// One of them holds.
    Any(Vec<Self>),
    /// All of them hold.
    All(Vec<Self>),
    /// It doesn't hold.
    Not(Box<Self>),
    /// A test.
    One(T),
}

impl<T> Tree<T> {
    /// Whether the whole holds, if `one` says it of the tests that have to be asked.
    pub(super) fn holds(&self, one: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(one)),
            Self::All(parts) => parts.iter().all(|part| part.holds(one)),
            Self::Not(part) => !part.holds(one),
            Self::One(test) => one(test),
        }
    }

    /// The same with other tests.
    pub(super) fn try_map<U, E>(&self, one: &impl Fn(&T) -> Result<U, E>) -> Result<Tree<U>, E> {
        let all = |parts: &[Self]| parts.iter().map(|part| part.try_map(one)).collect::<Result<_, E>>();
        Ok(match self {
            Self::Any(parts) => Tree::Any(all(parts)?),
            Self::All(parts) => Tree::All(all(parts)?),
            Self::Not(part) => Tree::Not(Box::new(part.try_map(one)?)),
            Self::One(test) => Tree::One(one(test)?),
        })
    }
}
