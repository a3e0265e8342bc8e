//! `show table` is read as it was meant: printed live by each version, and as it was recorded.

use peerctl::{
    runtime::{Columns, EntryLine, ShownTable},
    stick::{Definition, Field, FreqCtr, Place, ValueKind, parse},
};

mod recorded;
mod support;

use recorded::{lines, record, recorded};
use support::{Haproxy, Network, Setup, live::every_definition, shown};

/// Fills all tables, and gives `show table NAME` of each.
fn show_tables(haproxy: &Haproxy) -> String {
    let network = Network::reachable();
    let lb1 = Setup::new(haproxy, &network).every_table().start();
    for key in [b"<\x1b]0;x\x07>".as_slice(), b"a b=c\\d", "\u{202e}\u{e9}".as_bytes(), b"\xff\x01", b""] {
        for table in ["arrays", "keys_only"] {
            lb1.track(table, key, 3);
        }
        lb1.track("bin", &[key, b"\0\x01"].concat(), 2);
    }
    for address in 1..=5 {
        let address = format!("10.0.0.{address}");
        lb1.track("every_ip", address.as_bytes(), 2);
        lb1.track("forever", address.as_bytes(), 1);
        lb1.set_entry("mesh/v6", &format!("::ffff:{address}"), "data.conn_cnt 4294967295 data.sess_rate 17");
    }
    lb1.set_entry(
        "mesh/every_ip",
        "10.0.0.1",
        "data.server_id -7 data.bytes_in_cnt 1099511627776 data.http_err_rate 300",
    );
    lb1.set_entry("mesh/ints", "4294967295", "data.server_id -1 data.gpc0 9");
    lb1.stick("shop", b"client = 1");
    lb1.stick("shop", b"client = 2");
    let mut names = lb1.tables();
    names.sort();
    names.iter().map(|name| lb1.cli(&format!("show table {name}"))).collect()
}

/// Compares what is read of each entry with what the tests' own reader makes of the same line.
fn check_entries(answer: &str, version: &str) -> usize {
    let haproxy = support::haproxies().into_iter().find(|haproxy| haproxy.branch() == version);
    let mut count = 0;
    for text in answer.split("# table: ").skip(1).map(|table| format!("# table: {table}")) {
        let expected = shown::ShownTable::parse(&text);
        let mut lines = lines(&text);
        let table = ShownTable::parse(lines.next().expect("a table")).expect("a table");
        assert_eq!((&*table.name, table.size, table.used), (expected.name.as_bytes(), expected.size, expected.used));
        let mut columns = None;
        for (line, expected) in lines.zip(&expected.entries) {
            let entry = EntryLine::parse(table.key_type, line).expect("an entry");
            assert_eq!(
                (&*entry.key, entry.uses, u64::from(entry.expire_ms), entry.shard),
                (&*expected.key, expected.uses, expected.exp_ms, expected.shard)
            );
            let columns = columns.get_or_insert_with(|| Columns::of(&entry));
            let (mut texts, mut values) = (Vec::new(), Vec::new());
            let number = |text: &[u8]| {
                texts.push(String::from_utf8_lossy(text).into_owned());
                texts.len() as u64
            };
            columns.read(&entry, number, &mut values).expect("values");
            for field in columns.layout().fields() {
                let slots = field.of(&values).chunks(field.kind.slots());
                for (element, slots) in slots.enumerate() {
                    let name = match (field.data_type.to_string().as_str(), field.count) {
                        (name, None) => name.to_owned(),
                        ("gpc_rate", Some(_)) => format!("gpc{element}_rate"),
                        (name, Some(_)) => format!("{name}{element}"),
                    };
                    let printed = match field.kind {
                        ValueKind::Rate => {
                            let period = field.period_ms.expect("a period");
                            assert_eq!(
                                expected.number(&format!("{name}({period})")),
                                FreqCtr::from_slots(slots).rate(period, 0).into()
                            );
                            continue;
                        }
                        ValueKind::Signed32 => u32::try_from(slots[0]).expect("32 bits").cast_signed().to_string(),
                        ValueKind::Text => match slots[0] {
                            0 => "-".to_owned(),
                            _ => texts[0].clone(),
                        },
                        _ => slots[0].to_string(),
                    };
                    assert_eq!(expected.fields[&name], printed, "{name} {version}");
                }
            }
            let printed: usize = columns.layout().fields().iter().map(Field::values).sum();
            assert_eq!(printed, expected.fields.len(), "every value was compared");
            count += 1;
        }
        // The layout is that of the configuration.
        let name = String::from_utf8_lossy(table.wire_name()).trim_start_matches('/').to_owned();
        let definitions = haproxy.as_ref().map(every_definition).unwrap_or_default();
        if let Some((_, definition)) = definitions.iter().find(|(defined, _)| *defined == name) {
            let words: Vec<&str> = definition.split(' ').collect();
            let schema = parse(&words, Place::Peers, None).schema;
            let layout = Definition::of_schema(b"t", &schema).expect("a definition").layout;
            assert_eq!(columns.expect("an entry").layout(), &layout, "{name} {version}");
        }
    }
    count
}

#[test]
fn every_entry_is_read_as_it_is_printed() {
    for haproxy in support::haproxies() {
        let answer = show_tables(&haproxy);
        record(&haproxy, "entries", &answer);
        assert!(check_entries(&answer, &haproxy.branch()) >= 33, "{answer}");
    }
}

#[test]
fn every_recorded_entry_is_read_as_it_is_printed() {
    for (branch, answer) in recorded("entries") {
        assert!(check_entries(&answer, &branch) >= 33);
    }
}
