//! # A key doesn't fit its table
//!
//! ## What it does
//! Compares what a `track-scN` or `stick` rule takes as its key with the type of the table, and finds keys that the table cuts.
//!
//! ## Why is this bad?
//! HAProxy refuses keys that it could never cast: bytes, such as `base32+src`, for `type ip`, `ipv6` or `integer`; from 3.0 on
//! addresses for `type integer`. 2.6 takes `src` for an integer.
//!
//! What is longer than the table's keys is cut, and different keys share an entry: `base32+src` has 8 bytes for IPv4 clients and 20 for
//! IPv6, so `binary len 4` holds no address at all. An IPv6 address as text has up to 39 characters; `type string` holds 31.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m
//!   stick on base32+src
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type binary len 20 size 1m expire 30m
//!   stick on base32+src
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here)

use super::shared::{at_param, certain, key_words};
use crate::{
    escape,
    grammar::{KeyType, SampleType, TableParam},
    lint::{Context, Finding, Rule, Severity},
    model::{How, Known, StickTable},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-key-type",
    summary: "the key of a rule doesn't fit the type of its table",
    source: include_str!("key_type.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let disabled = |owner: &[u8]| instance.proxies.iter().any(|proxy| proxy.disabled && *proxy.name == *owner);
        for used in instance.table_uses.iter().filter(|used| used.known == Known::Yes) {
            if !matches!(used.how, How::Track(_) | How::Stick) {
                continue;
            }
            let Some(key) = used.key.as_deref() else { continue };
            let Some(table) = instance.table(&used.table).filter(|table| certain(table)) else { continue };
            let Some(key_type) = table.schema().key_type else { continue };
            let sample = SampleType::of_expression(key, context.release.version);
            let (name, shown) = (escape::name(&table.name), escape::name(key));
            let table_label = at_param(context, index, table, TableParam::Type, key_words(table));
            if !sample.fits(key_type) && !disabled(&used.owner) {
                found.push(
                    Finding::new(
                        Severity::Error,
                        format!("`{shown}` is {}, table `{name}` has keys of type {key_type}", sample.word()),
                        context.word(index, used.place, used.key_word, sample.word()),
                    )
                    .label(table_label)
                    .happens("HAProxy refuses the configuration.")
                    .help(help(sample)),
                );
            } else if let Some((severity, cut)) = cut(key, sample, table) {
                found.push(
                    Finding::new(
                        severity,
                        format!("table `{name}` cuts `{shown}`"),
                        context.word(index, used.place, used.key_word, cut),
                    )
                    .label(table_label)
                    .happens("Keys that differ only behind the cut share an entry, without a message.")
                    .help("give the table a longer `len`, on all instances"),
                );
            }
        }
    }
}

fn help(sample: SampleType) -> &'static str {
    match sample {
        SampleType::Addr | SampleType::Ipv4 | SampleType::Ipv6 => "use `type ipv6`, or `type ip` for IPv4 only",
        SampleType::Bool => "use `type integer`",
        SampleType::Method => "use `type string`",
        _ => "use `type binary` with the `len` of the key",
    }
}

/// How long a key is known to get, if that is longer than the table's keys.
fn cut(key: &[u8], sample: SampleType, table: &StickTable) -> Option<(Severity, &'static str)> {
    let schema = table.schema();
    let len = schema.len?;
    match (schema.key_type?, key) {
        (KeyType::BINARY, b"base32+src" | b"url32+src") if len < 8 => {
            Some((Severity::Warning, "8 bytes, 20 for IPv6 clients"))
        }
        (KeyType::BINARY, b"base32+src" | b"url32+src") if len < 20 => {
            Some((Severity::Note, "20 bytes for IPv6 clients"))
        }
        (KeyType::STRING, _) if sample == SampleType::Addr && len < 15 => {
            Some((Severity::Warning, "up to 15 characters, 39 for IPv6 clients"))
        }
        (KeyType::STRING, _) if sample == SampleType::Addr && len < 39 => {
            Some((Severity::Note, "up to 39 characters for IPv6 clients"))
        }
        _ => None,
    }
}
