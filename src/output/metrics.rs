//! Metrics as Prometheus reads them: text format 0.0.4.

use std::fmt::{Display, Write as _};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A number that goes up and down.
    Gauge,
    /// A number that only goes up, until the program starts again.
    Counter,
}

/// The text so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Metrics {
    text: String,
    name: &'static str,
}

impl Metrics {
    /// Begins with a metric, called `peerctl_` and this name; its samples follow.
    pub fn metric(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        self.name = name;
        self.text.push_str(&format!("# HELP peerctl_{name} {help}\n# TYPE peerctl_{name} {kind}\n"));
    }

    /// Adds a sample of the metric.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(&format!("peerctl_{}", self.name));
        for (n, (label, text)) in labels.iter().enumerate() {
            let start = if n == 0 { '{' } else { ',' };
            let _infallible = write!(self.text, "{start}{label}=\"");
            for c in text.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _infallible = writeln!(self.text, "{end} {value}");
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_samples_follow_their_metric() {
        let mut metrics = Metrics::default();
        metrics.metric("peer_up", Kind::Gauge, "Whether there is a session.");
        metrics.sample(&[("peer", "a\"b\\c\n"), ("table", "/t")], 1);
        metrics.metric("lost_total", Kind::Counter, "Entries.");
        metrics.sample(&[], 0);
        let expected = "# HELP peerctl_peer_up Whether there is a session.\n# TYPE peerctl_peer_up gauge\n\
                        peerctl_peer_up{peer=\"a\\\"b\\\\c\\n\",table=\"/t\"} 1\n\
                        # HELP peerctl_lost_total Entries.\n# TYPE peerctl_lost_total counter\npeerctl_lost_total 0\n";
        assert_eq!(metrics.finish(), expected);
    }
}
