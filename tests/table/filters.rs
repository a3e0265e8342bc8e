//! What expressions select, and what is said where they are wrong.

use peerctl::stick::{Definition, key};
use peerctl::table::{Limits, ServerKey, Store, Update, Where, WhereError, WhereErrorKind};

use crate::rules::definition;

const NOW: u64 = 5_000;

/// The keys of a table for which an expression holds, as people read them, sorted.
fn selected(store: &Store, expression: &str) -> Vec<String> {
    let definition = store.definition();
    let filter = Where::parse(expression).and_then(|read| read.compile(definition));
    let filter = filter.unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut keys: Vec<String> = store
        .iter(NOW)
        .filter(|entry| filter.matches(entry))
        .map(|entry| key::text(definition.key_type, entry.key()).into_owned())
        .collect();
    keys.sort();
    keys
}

fn put(store: &mut Store, key: &[u8], values: &[u64], server: &str) {
    let server_key = if server.is_empty() { ServerKey::Unchanged } else { ServerKey::Known(server.as_bytes()) };
    store.apply(0, &Update { key, values, server_key, update_id: 1, life_ms: None, resync: false });
}

fn store(line: &str) -> Store {
    Store::new(definition(line), Limits::default()).expect("narrow")
}

/// Addresses 10.0.0.1 to 10.0.0.3 and 192.168.0.4: server id -1, 1, 2, 3; the last octet as gpt\[1\]; 10 times it as
/// bytes and as events of a rate of which half of the period has passed.
fn addresses() -> Store {
    let mut store = store("type ip expire 1h store server_id,bytes_in_cnt,bytes_in_rate(10s),server_key,gpt(2)");
    let rows: [([u8; 4], u64, &str); 4] = [
        ([10, 0, 0, 1], u64::MAX, "web1"),
        ([10, 0, 0, 2], 1, "web2"),
        ([10, 0, 0, 3], 2, ""),
        ([192, 168, 0, 4], 3, "10.1.1.1:80"),
    ];
    for (key, id, server) in rows {
        let n = u64::from(key[3]);
        put(&mut store, &key, &[id, n << 33, 0, 0, n * 20, 0, 0, n], server);
    }
    store
}

#[test]
fn comparisons_with_numbers_select_what_arithmetic_says() {
    let store = addresses();
    let cases: [(&str, &[&str]); 12] = [
        ("gpt[1] < 2", &["10.0.0.1"]),
        ("gpt[1] <= 2", &["10.0.0.1", "10.0.0.2"]),
        ("gpt[1]>3", &["192.168.0.4"]),
        ("gpt[1] >= 3", &["10.0.0.3", "192.168.0.4"]),
        ("gpt[1] = 2", &["10.0.0.2"]),
        ("gpt[1] == 2", &["10.0.0.2"]),
        ("gpt[1] != 2", &["10.0.0.1", "10.0.0.3", "192.168.0.4"]),
        ("gpt[0] > 0", &[]),
        ("server_id < 0", &["10.0.0.1"]),
        ("server_id = -1", &["10.0.0.1"]),
        ("bytes_in_cnt > 16g", &["10.0.0.3", "192.168.0.4"]),
        // 20 events of the period before, of which half a period is left.
        ("bytes_in_rate > 19 and bytes_in_rate < 31", &["10.0.0.2", "10.0.0.3"]),
    ];
    for (expression, expected) in cases {
        assert_eq!(selected(&store, expression), expected, "{expression}");
    }
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    let store = addresses();
    let cases: [(&str, &[&str]); 7] = [
        ("gpt[1] = 1 or gpt[1] = 2 and server_id = 3", &["10.0.0.1"]),
        ("(gpt[1] = 1 or gpt[1] = 2) and server_id = 1", &["10.0.0.2"]),
        ("not gpt[1] = 1 and gpt[1] < 3", &["10.0.0.2"]),
        ("not (gpt[1] = 1 or gpt[1] > 2)", &["10.0.0.2"]),
        ("not(gpt[1] > 1)", &["10.0.0.1"]),
        ("not not gpt[1] = 4", &["192.168.0.4"]),
        (" ( ( gpt[1]=4 ) )\n", &["192.168.0.4"]),
    ];
    for (expression, expected) in cases {
        assert_eq!(selected(&store, expression), expected, "{expression}");
    }
}

#[test]
fn addresses_are_compared_and_found_in_networks() {
    let v4 = addresses();
    let mut v6 = store("type ipv6 store gpc0");
    for text in ["::ffff:10.0.0.1", "::ffff:192.168.0.4", "2001:db8::1", "2001:db9::1", "::"] {
        let address: std::net::Ipv6Addr = text.parse().expect("an address");
        put(&mut v6, &address.octets(), &[0], "");
    }
    let cases: [(&Store, &str, &[&str]); 16] = [
        (&v4, "key in 10.0.0.0/8", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        (&v4, "key in 10.0.0.3/31", &["10.0.0.2", "10.0.0.3"]),
        (&v4, "key in 10.0.0.3", &["10.0.0.3"]),
        (&v4, "key in 10.0.0.3/32", &["10.0.0.3"]),
        (&v4, "not key in 0.0.0.0/0", &[]),
        (&v4, "key = 10.0.0.3", &["10.0.0.3"]),
        (&v4, "key = \"10.0.0.3\"", &["10.0.0.3"]),
        (&v4, "key > 10.0.0.2", &["10.0.0.3", "192.168.0.4"]),
        (&v4, "key =~ \"\\.4$\"", &["192.168.0.4"]),
        (&v6, "key in 10.0.0.0/8", &["::ffff:10.0.0.1"]),
        (&v6, "key = 10.0.0.1", &["::ffff:10.0.0.1"]),
        (&v6, "key in 2001:db8::/32", &["2001:db8::1"]),
        (&v6, "key in 2001:db8::/31", &["2001:db8::1", "2001:db9::1"]),
        (&v6, "key in ::/1", &["2001:db8::1", "2001:db9::1", "::", "::ffff:10.0.0.1", "::ffff:192.168.0.4"]),
        (&v6, "key in ::", &["::"]),
        (&v6, "key =~ '^2001:'", &["2001:db8::1", "2001:db9::1"]),
    ];
    for (store, expression, expected) in cases {
        assert_eq!(selected(store, expression), expected, "{expression}");
    }
}

#[test]
fn texts_are_compared_byte_by_byte_and_searched() {
    let mut store = store("type string len 40 store server_key,gpc0");
    for (key, server) in [("api-1", "web1"), ("a\"b'c\\d", "web2"), ("é\u{202e}x", ""), ("web", "addr:80")] {
        put(&mut store, key.as_bytes(), &[1, 0], server);
    }
    put(&mut store, b"\xff\x01", &[1, 0], "");
    let (quotes, bidi, bytes) = (r"a\x22b\x27c\x5cd", r"é\u{202e}x", r"\xff\x01");
    assert_eq!(selected(&store, "gpc0 = 1").len(), 5);
    let shown = |expression: &str| selected(&store, expression).join(" ");
    assert_eq!(shown(r#"key = "a\"b'c\\d""#), r#"a"b'c\x5cd"#);
    assert_eq!(shown(r#"key = 'a"b\'c\\d'"#), r#"a"b'c\x5cd"#);
    assert_eq!(shown(&format!("key = '{quotes}'")), r#"a"b'c\x5cd"#);
    // What is shown of a key can be typed in.
    assert_eq!(shown(&format!("key = '{bidi}'")), bidi);
    assert_eq!(shown(&format!("key = '{bytes}'")), bytes);
    assert_eq!(shown(r#"key =~ "^api-""#), "api-1");
    assert_eq!(shown(r#"key =~ "^\w+-\d$""#), "api-1");
    assert_eq!(shown(r#"key =~ "\"""#), r#"a"b'c\x5cd"#);
    assert_eq!(shown(r"key =~ '(?-u)\xff'"), bytes);
    assert_eq!(shown("server_key =~ '^web' and key != 'api-1'"), r#"a"b'c\x5cd"#);
    assert_eq!(shown("server_key = 'addr:80'"), "web");
    assert_eq!(selected(&store, "server_key = ''").len(), 2, "those that have none");
}

#[test]
fn keys_of_numbers_and_bytes_are_compared() {
    let mut numbers = store("type integer store gpc0");
    for n in [0_u32, 9, 10, 4_294_967_295] {
        put(&mut numbers, &n.to_be_bytes(), &[0], "");
    }
    assert_eq!(selected(&numbers, "key > 9"), ["10", "4294967295"]);
    assert_eq!(selected(&numbers, "key = '9'"), ["9"]);
    assert_eq!(selected(&numbers, "key =~ '^.$'"), ["0", "9"]);
    let mut bytes = store("type binary len 2 store gpc0");
    put(&mut bytes, b"\x0a\xff", &[0], "");
    put(&mut bytes, b"\0\0", &[0], "");
    assert_eq!(selected(&bytes, "key = '0aFF'"), ["0AFF"]);
    assert_eq!(selected(&bytes, "key < \"0001\""), ["0000"]);
}

fn error(expression: &str, definition: &Definition) -> WhereError {
    match Where::parse(expression).and_then(|read| read.compile(definition)) {
        Ok(_) => panic!("{expression} is accepted"),
        Err(error) => error,
    }
}

#[test]
fn errors_say_what_is_there_what_would_do_and_where() {
    let definition = definition("type ip store server_key,gpc0,gpc_rate(3,1m)");
    let cases = [
        ("", "expected a comparison, such as `http_req_rate > 100`, found the end", ""),
        ("gpc0 > 1 gpc0", "expected `and`, `or` or the end, found `gpc0`", "gpc0"),
        ("gpc0 > 1 and", "expected a comparison, such as `http_req_rate > 100`, found the end", ""),
        ("(gpc0 > 1", "expected `and`, `or` or `)`, found the end", ""),
        ("gpc0", "expected one of < <= > >= = == != =~, or `in`, found the end", ""),
        ("gpc0 >", "expected a number, an address, or a text in quotes, found the end", ""),
        ("gpc0 > 10.0.0", "expected a number, an address, or a text in quotes, found `10.0.0`", "10.0.0"),
        ("gpc0 > many", "expected a number, an address, or a text in quotes, found `many`", "many"),
        ("key in 10/8", "expected a network, such as 10.0.0.0/8 or 2001:db8::/32, found `10/8`", "10/8"),
        ("key = \u{202e}", "expected a number, an address, or a text in quotes, found `\\u{202e}`", "\u{202e}"),
        (
            "key in 10.0.0.0/33",
            "expected a network, such as 10.0.0.0/8 or 2001:db8::/32, found `10.0.0.0/33`",
            "10.0.0.0/33",
        ),
        ("key = 'a", "the text is not closed: end it with '", "'a"),
        (r"key = 'a\d'", r#"no such escape: there are \\, \", \', \xNN for a byte and \u{N} for a character"#, r"\d"),
        ("(gpc0 > 1)and gpc0 < 3", "`and` touches what is in front of it: put a blank between them", "and"),
        (
            "gpc0 > 99999999999999999999",
            "`99999999999999999999` is more than any counter can have: the largest one is 18446744073709551615",
            "99999999999999999999",
        ),
        ("gpc0 > 1 or gpc1 > 2", "table `t` has no `gpc1`; it has key, gpc0, server_key, gpc_rate[0..2]", "gpc1"),
        ("gpc_rate > 2", "`gpc_rate` has 3 elements: name one, from `gpc_rate[0]` to `gpc_rate[2]`", "gpc_rate"),
        ("gpc_rate[3] > 2", "`gpc_rate` has 3 elements: name one, from `gpc_rate[0]` to `gpc_rate[2]`", "gpc_rate[3]"),
        ("gpc0 = 'a'", "`gpc0` is a number: compare it with one, such as 10", "'a'"),
        ("gpc0 =~ 'a'", "`gpc0` is a number: compare it with one, such as 10", "'a'"),
        ("server_key > 3", "`server_key` is a text: compare it with one in quotes", "3"),
        ("key = 3", "`key` is an IPv4 address: compare it with one, such as 10.0.0.1", "3"),
        ("key = ::1", "`key` is an IPv4 address: compare it with one, such as 10.0.0.1", "::1"),
        ("key in ::/0", "`key` is an IPv4 address: no key is in a network of IPv6", "::/0"),
        ("key = 'lb1'", "`lb1` is no key of this table: expected an IPv4 address", "'lb1'"),
    ];
    for (expression, message, place) in cases {
        let error = error(expression, &definition);
        assert_eq!(error.to_string(), message, "{expression}");
        assert_eq!(error.span.of(expression.as_bytes()), place.as_bytes(), "{expression}");
    }
}

#[test]
fn patterns_and_nesting_have_bounds() {
    let definition = definition("type string store gpc0");
    for pattern in ["(", "a{1000}{1000}{1000}", r"\p{L}{5000}"] {
        let error = error(&format!("key =~ '{pattern}'"), &definition);
        assert!(matches!(error.kind, WhereErrorKind::Regex(_)), "{pattern}: {error}");
    }
    let nested = |depth: usize| format!("{}gpc0 = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Where::parse(&nested(64)).is_ok());
    assert!(matches!(error(&nested(65), &definition).kind, WhereErrorKind::TooDeep { .. }));
    assert!(matches!(error(&nested(100_000), &definition).kind, WhereErrorKind::TooDeep { .. }));
    assert!(matches!(error(&"not ".repeat(100_000), &definition).kind, WhereErrorKind::TooDeep { .. }));
    let long = vec!["gpc0 = 1"; 20_000].join(" and ");
    assert!(Where::parse(&long).is_ok(), "long is not deep");
}
