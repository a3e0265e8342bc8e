//! Names of tables on the command line, as HAProxy shows them or as they travel.

use crate::cli::failure::Failure;
use crate::escape;

/// The tables that `--table` names; all if it isn't given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tables {
    names: Vec<Box<[u8]>>,
}

/// Whether a table is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Meant {
    /// No.
    No,
    /// Yes, unless there is another one whose name is exactly what was asked for: `t1` means `/t1` only if there is no `t1`.
    Unless,
    /// Yes.
    Yes,
}

impl Tables {
    /// Reads the values of `--table`: `shop`, `/t1`, `mesh/t1`, or a bare `t1`.
    ///
    /// # Errors
    /// If one is empty.
    pub fn parse(texts: &[String]) -> Result<Self, Failure> {
        if texts.iter().any(|text| text.is_empty() || text.ends_with('/')) {
            return Err(Failure::misuse("--table without a name", "write --table shop, or --table /t1"));
        }
        Ok(Self { names: texts.iter().map(|text| text.as_bytes().into()).collect() })
    }

    /// Whether a table, by its name on the wire, is meant.
    #[must_use]
    pub fn meant(&self, wire: &[u8]) -> Meant {
        if self.names.is_empty() {
            return Meant::Yes;
        }
        self.names.iter().map(|name| means(name, wire)).max().unwrap_or(Meant::No)
    }

    /// The tables that are meant among all those that were announced, sorted.
    ///
    /// # Errors
    /// Exit 2 with the candidates if a name stands for none.
    pub fn choose<'a>(&self, announced: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<&'a [u8]>, Failure> {
        let mut announced: Vec<&[u8]> = announced.into_iter().collect();
        announced.sort_unstable();
        announced.dedup();
        if self.names.is_empty() {
            return Ok(announced);
        }
        let mut chosen = Vec::new();
        for name in &self.names {
            let best = announced.iter().copied().max_by_key(|wire| means(name, wire));
            match best.filter(|wire| means(name, wire) > Meant::No) {
                Some(wire) => chosen.push(wire),
                None => return Err(unknown(name, &announced)),
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }
}

/// Whether a name may stand for the table of that name on the wire. There a `table` line's name begins with a slash; the
/// section's name doesn't travel.
fn means(name: &[u8], wire: &[u8]) -> Meant {
    if name == wire {
        return Meant::Yes;
    }
    let Some(bare) = wire.strip_prefix(b"/") else { return Meant::No };
    match name.iter().rposition(|byte| *byte == b'/') {
        None if name == bare => Meant::Unless,
        Some(at) if at > 0 && name.get(at + 1..) == Some(bare) => Meant::Yes,
        _ => Meant::No,
    }
}

fn unknown(name: &[u8], announced: &[&[u8]]) -> Failure {
    let names: Vec<String> = announced.iter().map(|name| format!("`{}`", escape::name(name))).collect();
    let help = match names.len() {
        0 => "no peer announced a table: does one travel through this peers section?".to_owned(),
        1..=12 => format!("there is {}", names.join(", ")),
        more => format!("there are {more}; without --table all are taken"),
    };
    Failure::misuse(format!("no table `{}`", escape::name(name)), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(texts: &[&str], announced: &[&'static str]) -> Result<Vec<String>, String> {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let tables = Tables::parse(&texts).expect("names");
        let chosen = tables.choose(announced.iter().map(|name| name.as_bytes()));
        let chosen = chosen.map(|names| names.iter().map(|name| escape::name(name).into_owned()).collect());
        chosen.map_err(|failure| failure.text(&crate::output::diagnostic::Look::default()))
    }

    #[test]
    fn a_table_is_found_by_either_name() {
        let announced = ["shop", "/t1"];
        for name in ["/t1", "mesh/t1", "t1"] {
            assert_eq!(choose(&[name], &announced), Ok(vec!["/t1".to_owned()]), "{name}");
        }
        assert_eq!(choose(&["t1", "shop", "/t1"], &announced), Ok(vec!["/t1".to_owned(), "shop".to_owned()]));
        assert_eq!(choose(&[], &announced).map(|all| all.len()), Ok(2));
    }

    #[test]
    fn a_bare_name_is_first_of_all_a_whole_one() {
        assert_eq!(choose(&["t1"], &["/t1", "t1"]), Ok(vec!["t1".to_owned()]));
        let tables = Tables::parse(&["t1".to_owned()]).expect("a name");
        assert_eq!((tables.meant(b"/t1"), tables.meant(b"t1")), (Meant::Unless, Meant::Yes));
    }

    #[test]
    fn what_is_unknown_is_said_with_the_candidates() {
        let unknown = choose(&["shpo"], &["shop", "/t1"]).expect_err("unknown");
        assert!(unknown.contains("`shpo`") && unknown.contains("`/t1`, `shop`"), "{unknown}");
        assert!(choose(&["/shop"], &["shop"]).is_err(), "a proxy's table has no slash on the wire");
        assert!(choose(&["t1"], &[]).expect_err("none").contains("no peer announced a table"));
    }
}
