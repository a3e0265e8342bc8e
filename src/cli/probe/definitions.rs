//! What a configuration says of the tables of a section against what a peer announces.

use std::fmt::Write as _;

use crate::escape;
use crate::model::{Instance, Known, PeersSection, StickTable};
use crate::stick::{Definition, Field};
use crate::units::Delay;

/// Whose the configuration is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// That of the peer itself: what differs has been changed since the process was started.
    Its,
    /// That of another peer.
    Another,
}

/// What differs, a sentence each, in the order of the configuration.
pub(super) fn differences(
    instance: &Instance<'_>,
    section: &PeersSection,
    peer: &str,
    whose: Whose,
    announced: &[Definition],
) -> Vec<String> {
    let written: Vec<(&StickTable, Definition)> = instance
        .tables_of(section)
        .filter(|table| table.known == Known::Yes)
        .filter_map(|table| Some((table, Definition::of_schema(&table.wire_name(), table.schema())?)))
        .collect();
    let mut found = Vec::new();
    let not_reloaded = match whose {
        Whose::Its => ": it was not reloaded after the change",
        Whose::Another => "",
    };
    for (table, written) in &written {
        let name = escape::name(&table.name);
        match announced.iter().find(|announced| announced.name == written.name) {
            None => found.push(format!("{name}: {peer} doesn't announce it{not_reloaded}")),
            Some(announced) => {
                let what = columns(announced, written);
                if what.is_empty() {
                    continue;
                }
                let its = if whose == Whose::Its { "its file" } else { "this file" };
                let fatal = announced.key_type != written.key_type || announced.key_len != written.key_len;
                let then = match whose {
                    Whose::Its => not_reloaded,
                    Whose::Another if fatal => ": each side ignores the entries of the other, without a word",
                    Whose::Another => ": what only one of them has is lost on the way",
                };
                found.push(format!("{name}: {}{then}", said(&what, peer, its)));
            }
        }
    }
    let unwritten = announced.iter().filter(|table| !written.iter().any(|(_, known)| known.name == table.name));
    for table in unwritten {
        let name = escape::name(&table.name);
        found.push(match whose {
            Whose::Its => format!("{name}: {peer} announces it, its file doesn't have it{not_reloaded}"),
            Whose::Another => {
                format!("{name}: {peer} announces it, this file has no such table: it isn't replicated here")
            }
        });
    }
    found
}

/// `lb1 announces …, its file says …; …`
fn said(differences: &[(String, String)], peer: &str, its: &str) -> String {
    let mut text = String::new();
    for (n, (announced, written)) in differences.iter().enumerate() {
        if n > 0 {
            text.push_str("; ");
        }
        let _infallible = if n == 0 {
            write!(text, "{peer} announces {announced}, {its} says {written}")
        } else {
            write!(text, "{announced}, {its} says {written}")
        };
    }
    text
}

/// What was announced and what is written, where the two differ.
fn columns(announced: &Definition, written: &Definition) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if announced.key_type != written.key_type {
        found.push((format!("type {}", announced.key_type), written.key_type.to_string()));
    } else if announced.key_len != written.key_len {
        found.push((length(announced), length(written)));
    }
    if announced.expire_ms != written.expire_ms {
        found.push((format!("expire {}", expire(announced)), expire(written)));
    }
    let (a, b) = (announced.layout.fields(), written.layout.fields());
    for field in a {
        let (now, then) = (field.to_string(), b.iter().find(|other| other.data_type == field.data_type));
        match then {
            Some(then) if same(field, then) => {}
            Some(then) => found.push((now, then.to_string())),
            None => found.push((now, "no such thing".to_owned())),
        }
    }
    for field in b.iter().filter(|field| !a.iter().any(|other| other.data_type == field.data_type)) {
        found.push((format!("no {}", field.data_type), field.to_string()));
    }
    found
}

fn same(a: &Field, b: &Field) -> bool {
    (a.count, a.period_ms) == (b.count, b.period_ms)
}

/// `len 32`; a string's length on the wire is one more, for the NUL.
fn length(definition: &Definition) -> String {
    definition.key_chars().map_or_else(|| format!("{} bytes", definition.key_len), |len| format!("len {len}"))
}

fn expire(definition: &Definition) -> String {
    let expire = Delay::from_ms(definition.expire_ms).filter(|expire| expire.ms() > 0);
    expire.map_or_else(|| "never".to_owned(), |expire| expire.to_string())
}
