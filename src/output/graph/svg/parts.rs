//! The parts of a picture, and their colours for light and dark pages.

use super::text::escape;
use super::{LINE, MARGIN};

/// A picture that grows downwards.
pub(super) struct Canvas {
    body: String,
    pub(super) width: f64,
    /// Where the next line of text stands.
    pub(super) y: f64,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) enum Class {
    Title,
    Section,
    Name,
    BadName,
    Body,
    Muted,
    Mono,
    /// Small, above a column.
    Column,
    /// The same, centred.
    Centred,
    NodeName,
    NodeAddress,
    NodeRemark,
    Pill,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Section => "section",
            Self::Name => "name",
            Self::BadName => "name bad",
            Self::Body => "body",
            Self::Muted => "muted",
            Self::Mono => "mono",
            Self::Column => "small",
            Self::Centred => "small mid",
            Self::NodeName => "node mid",
            Self::NodeAddress => "mono mid",
            Self::NodeRemark => "remark mid",
            Self::Pill => "pill mid",
        }
    }
}

impl Canvas {
    pub(super) const fn new(width: f64) -> Self {
        Self { body: String::new(), width, y: 0.0 }
    }

    /// Anything, as SVG.
    pub(super) fn raw(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    pub(super) fn text(&mut self, x: f64, y: f64, class: Class, text: &str) {
        let (x, y, class, text) = (number(x), number(y), class.name(), escape(text));
        self.raw(&format!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"));
    }

    /// A heading over what follows.
    pub(super) fn section(&mut self, title: &str) {
        self.y += 16.0;
        self.text(MARGIN, self.y, Class::Section, title);
        self.y += LINE + 6.0;
    }

    pub(super) fn rule(&mut self, x: f64, y: f64, width: f64) {
        let (from, y, to) = (number(x), number(y), number(x + width));
        self.raw(&format!("<path d=\"M{from} {y}H{to}\" class=\"rule\"/>"));
    }

    /// A number in a circle.
    pub(super) fn badge(&mut self, x: f64, y: f64, label: usize, bad: bool) {
        let class = if bad { "badge" } else { "badge calm" };
        self.raw(&format!("<circle cx=\"{}\" cy=\"{}\" r=\"9\" class=\"{class}\"/>", number(x), number(y)));
        self.raw(&format!("<text x=\"{}\" y=\"{}\" class=\"digit mid\">{label}</text>", number(x), number(y + 4.0)));
    }

    pub(super) fn dot(&mut self, x: f64, y: f64) {
        self.raw(&format!("<circle cx=\"{}\" cy=\"{}\" r=\"5\" class=\"dot\"/>", number(x), number(y)));
    }

    /// Another form than a dot: not all see the colours.
    pub(super) fn diamond(&mut self, x: f64, y: f64) {
        let (x, y) = (number(x), number(y - 6.5));
        self.raw(&format!("<path d=\"M{x} {y}l6.5 6.5l-6.5 6.5l-6.5 -6.5z\" class=\"odd\"/>"));
    }

    /// A letter in a frame.
    pub(super) fn letter(&mut self, x: f64, y: f64, letter: &str) {
        self.raw(&format!("<circle cx=\"{}\" cy=\"{}\" r=\"10\" class=\"tag\"/>", number(x), number(y)));
        self.text(x, y + 4.0, Class::Pill, letter);
    }

    pub(super) fn ring(&mut self, x: f64, y: f64) {
        self.raw(&format!("<circle cx=\"{}\" cy=\"{}\" r=\"4.5\" class=\"ring\"/>", number(x), number(y)));
    }

    /// The whole picture.
    pub(super) fn finish(self, description: &str) -> String {
        let (width, height) = (number(self.width), number(self.y + MARGIN - LINE / 2.0));
        let description = escape(description);
        let body = self.body;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">HAProxy peers</title>\n<desc \
             id=\"desc\">{description}</desc>\n<style>{STYLE}</style>\n{MARKERS}<rect width=\"{width}\" height=\"{height}\" \
             rx=\"12\" class=\"page\"/>\n{body}</svg>\n"
        )
    }
}

/// With one decimal at most.
pub(super) fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // There is no minus zero in a picture.
    format!("{}", rounded + 0.0)
}

const MARKERS: &str = "<defs><marker id=\"arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" \
                       markerUnits=\"userSpaceOnUse\" orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\" \
                       class=\"head\"/></marker></defs>\n";

const STYLE: &str = "
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:13px;fill:#1c2733}
.mid{text-anchor:middle}
.title{font-size:20px;font-weight:650}
.section{font-size:15px;font-weight:650}
.name{font-size:13.5px;font-weight:600}
.muted,.small,.remark{fill:#5b6878}
.small{font-size:12px}
.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:11.5px;fill:#42505f}
.node{font-size:15px;font-weight:650}
.remark{font-size:11.5px;font-style:italic}
.pill{font-size:12px;fill:#42505f}
.page{fill:#ffffff}
.box{fill:#f5f8fb;stroke:#9fb0c3;stroke-width:1.4}
.ghost{fill:none;stroke:#9fb0c3;stroke-width:1.4;stroke-dasharray:5 4}
.tag{fill:#ffffff;stroke:#d4dce5}
.rule{stroke:#e3e9ef;fill:none}
.link{fill:none;stroke:#8493a5;stroke-width:1.8}
.tls{stroke:#12856a;stroke-width:2.4}
.maybe{stroke-dasharray:3 5}
.half{stroke:#c4314b;stroke-dasharray:7 5;stroke-width:2}
.broken{stroke:#c4314b;stroke-width:2.2}
.head,.badge{fill:#c4314b}
.badge.calm{fill:#5b6878}
.digit{font-size:11px;font-weight:700;fill:#ffffff}
.dot{fill:#12856a}
.odd{fill:#c4314b}
.ring{fill:none;stroke:#c4314b;stroke-width:1.6}
text.bad{fill:#c4314b}
@media (prefers-color-scheme:dark){
text{fill:#e6ebf1}
.muted,.small,.remark{fill:#9aa8b7}
.mono,.pill{fill:#c0cbd6}
.page{fill:#141b23}
.box{fill:#1d2731;stroke:#52647a}
.ghost{stroke:#52647a}
.tag{fill:#141b23;stroke:#34424f}
.rule{stroke:#28333e}
.link{stroke:#7f90a3}
.tls{stroke:#3fc49a}
.half,.broken,.ring{stroke:#ff7085}
.head,.badge,.odd,text.bad{fill:#ff7085}
.badge.calm{fill:#7f90a3}
.digit{fill:#141b23}
.dot{fill:#3fc49a}
}
";
