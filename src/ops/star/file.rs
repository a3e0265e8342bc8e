//! The file of an aggregator.

use super::{StarSpec, TOTAL};
use crate::{
    config::{LineStyle, draft},
    ops::spec::{PeerSpec, Tls},
};

/// The file of the aggregator `us`.
pub(super) fn file(star: &StarSpec, us: &PeerSpec, style: &LineStyle) -> Vec<u8> {
    let newline = style.newline.bytes();
    let header = LineStyle { indent: Vec::new(), ..LineStyle::default() };
    let header = LineStyle { newline: style.newline, ..header };
    let mut text = [format!("# {}: peerctl aggregate -f FILE (-c checks it)", us.name).as_bytes(), newline].concat();
    let others: Vec<&PeerSpec> = star.aggregators.iter().filter(|peer| peer.name != us.name).collect();
    text.extend(draft::line(&header, &["global"]));
    text.extend(draft::line(style, &["localpeer", &us.name]));
    text.extend(bind(star, us, style, !others.is_empty()));
    for words in [
        &["metrics", "127.0.0.1:9367"][..],
        &["control", "/run/peerctl/aggregate.sock", "mode", "660"],
        &["state-file", "/var/lib/peerctl/aggregate.ndjson"],
    ] {
        text.extend(draft::line(style, words));
    }
    text.extend(newline);
    text.extend(draft::line(&header, &["aggregations", &star.section]));
    for source in star.sources.iter().filter_map(|words| words.first()) {
        let total = [source, TOTAL.as_bytes()].concat();
        text.extend(draft::line(style, &[b"table".as_slice(), source, b"to", &total]));
    }
    for peer in &star.nodes {
        text.extend(draft::line(style, &called(star, peer, None)));
    }
    for peer in others {
        text.extend(draft::line(style, &called(star, peer, Some("standby"))));
    }
    text.extend(draft::line(style, &["lease", "lease"]));
    text
}

/// Where it listens. In plain it can do without, as it calls the nodes; only another aggregator needs somebody to call.
fn bind(star: &StarSpec, us: &PeerSpec, style: &LineStyle, needed: bool) -> Vec<u8> {
    let tls = star.tls.as_ref().map(Tls::bind_words).unwrap_or_default();
    let line = draft::line(style, &[vec!["bind".to_owned(), us.address.clone()], tls].concat());
    if star.tls.is_some() || needed {
        return line;
    }
    let comment = "# It calls the nodes; to be called, too, it needs TLS or --insecure-plaintext:";
    let indent = style.indent.as_slice();
    let bare = line.strip_prefix(indent).unwrap_or(&line);
    [indent, comment.as_bytes(), style.newline.bytes(), indent, b"# ", bare].concat()
}

/// The line of a peer.
fn called(star: &StarSpec, peer: &PeerSpec, relation: Option<&str>) -> Vec<String> {
    let mut words = vec!["peer".to_owned(), peer.name.clone(), peer.address.clone()];
    words.extend(relation.map(str::to_owned));
    if let Some(tls) = &star.tls {
        words.extend(tls.server_words());
        if let Some(host) = tls.verifyhost.get(&peer.name) {
            words.extend(["verifyhost".to_owned(), host.clone()]);
        }
    }
    words
}
