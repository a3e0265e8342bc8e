//! placeholder
use crate::grammar::Version;
/// t
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// t
    True,
    /// f
    False,
    /// u
    Unknown,
}
impl Truth {
    /// and
    #[must_use]
    pub fn and(self, o: Self) -> Self {
        match (self, o) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }
    /// or
    #[must_use]
    pub fn or(self, o: Self) -> Self {
        self.not().and(o.not()).not()
    }
    /// not
    #[must_use]
    pub fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}
/// e
pub fn eval(t: &[u8], _e: &dyn Fn(&[u8]) -> Option<Vec<u8>>, _v: Option<Version>) -> Result<Truth, String> {
    Ok(match t {
        b"0" | b"" => Truth::False,
        b"1" => Truth::True,
        _ => Truth::Unknown,
    })
}
